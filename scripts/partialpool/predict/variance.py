"""How large a model's effects are: R2, intraclass correlations, and ratios behind a link."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from partialpool.fit.diagnostics import quantile_mcse
from partialpool.model.formula import complete_cases
from partialpool.model.names import effect_terms
from partialpool.model.spec import ModelSpec
from partialpool.predict import explained, partition
from partialpool.predict.effects import thinned, with_effects_at
from partialpool.predict.linear import LinearPredictor
from partialpool.predict.moments import NODES, measurements
from partialpool.predict.ratios import ratios

COLUMNS = ["quantity", "at", "meaning", "mean", "sd", "q2.5", "q97.5", "mcse_mean", "mcse_q2.5", "mcse_q97.5", "draws"]
# Values, of draws times rows (times nodes, of units that are integrated out), for which fewer draws are taken in large
# studies; the fewest of each chain; and how many values there are at a time, since memory holds several arrays of them.
MOST, FEWEST, CHUNK = 20_000_000, 50, 10_000_000


def of_fit(tree, spec: ModelSpec, data: pd.DataFrame, *, at: Mapping[str, Sequence]) -> pd.DataFrame:
    """Table of R2, intraclass correlations and ratios.

    Parameters
    ----------
    tree
        The fit, with ``posterior``.
    spec, data
        What it was fitted to.
    at
        Values of covariates at which intraclass correlations are shown, where slopes vary.

    Returns
    -------
    DataFrame
        ``quantity``: ``R2(conditional)``, ``R2(marginal)`` of models with group-level effects, ``icc(unit)`` by
        grouping factor, ``exp(x)`` by coefficient. ``at``: where, if that matters. ``meaning``: the scale of an R2 or
        of an intraclass correlation; what a ratio is. Then posterior mean, sd, 95 % equal-tailed interval, Monte Carlo
        standard errors, and the number of draws. No row of what has no definition for the model's family and link.
    """
    rows, posterior = complete_cases(spec, data), tree["posterior"].to_dataset()
    predictor = LinearPredictor(spec, rows)
    quantities = [(name, "", what, draws) for name, what, draws in ratios(posterior, predictor)]
    nodes = 1 if posterior.attrs["link"] == "identity" else NODES
    of_a_draw = len(rows) * nodes * posterior.sizes["chain"]
    some = thinned(posterior, max(FEWEST, MOST // of_a_draw))
    if measurements(some, spec, predictor.matrices) is not None:
        # Once for all parts: they share the levels whose effects are drawn.
        some = with_effects_at(some, predictor, rows, rows, seed=spec.seed)
    step = max(1, CHUNK // of_a_draw)
    parts = [
        _by_rows(some.isel(draw=slice(start, start + step)), predictor, rows, at)
        for start in range(0, some.sizes["draw"], step)
    ]
    together = [(*one[0][:3], np.concatenate([draws for *_, draws in one], axis=1)) for one in zip(*parts, strict=True)]
    return _table(together + quantities)


def _by_rows(posterior, predictor: LinearPredictor, rows: pd.DataFrame, at) -> list[tuple]:
    """What is computed from all rows: R2 and intraclass correlations, as rows of ``_table``."""
    quantities, measured = [], measurements(posterior, predictor.spec, predictor.matrices)
    if measured is not None:
        quantities += _r2(posterior, predictor, rows, measured)
    if effect_terms(posterior):
        quantities += _shares(posterior, predictor, rows, measured, at)
    return quantities


def _r2(posterior, predictor: LinearPredictor, rows: pd.DataFrame, measured) -> list[tuple]:
    """Both R2, as rows of ``_table``."""
    what = "share of successes" if measured.family == "binomial" else "outcome"
    quantities = [("R2(conditional)", "", what, explained.conditional(posterior, predictor, rows, measured))]
    if effect_terms(posterior):
        quantities.append(("R2(marginal)", "", what, explained.marginal(posterior, predictor, rows, measured)))
    return quantities


def _shares(posterior, predictor: LinearPredictor, rows: pd.DataFrame, measured, at) -> list[tuple]:
    """Intraclass correlations, as rows of ``_table``."""
    residual = partition.residual_variance(posterior, predictor, rows, measured)
    if residual is None:
        return []
    what = partition.scale(predictor.spec.family, posterior.attrs["link"])
    return [
        (f"icc({grouping})", name, what, draws)
        for name, place in partition.places(predictor, rows, at)
        for grouping, draws in partition.shares(posterior, predictor, place, residual).items()
    ]


def _table(quantities: list[tuple]) -> pd.DataFrame:
    """The table of quantities: name, where, what it is, draws (chain, draw)."""
    from arviz_stats.base import array_stats

    records = []
    for quantity, where, what, draws in quantities:
        low, high = np.quantile(draws, [0.025, 0.975])
        mcse_low, mcse_high = quantile_mcse(draws)
        mcse = float(array_stats.mcse(draws, method="mean"))
        numbers = (draws.mean(), draws.std(ddof=1), low, high, mcse, mcse_low, mcse_high, draws.size)
        records.append((quantity, where, what, *numbers))
    return pd.DataFrame(records, columns=COLUMNS)
