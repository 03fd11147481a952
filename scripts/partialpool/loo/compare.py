"""Tables that compare models by their expected log predictive density."""

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.loo.pointwise import ESTIMANDS, ModelLoo, PointwiseElpd, list_rows, slope, standard_error

COLUMNS = [
    "model",
    "rank",
    "elpd_loo",
    "se_elpd_loo",
    "p_loo",
    "looic",
    "elpd_diff",
    "se_diff",
    "estimand",
    "method",
    "max_pareto_k",
    "bad_pareto_k",
    "n",
    "se_p_loo",
    "se_looic",
    "mcse_elpd_loo",
    "mcse_se_elpd_loo",
    "mcse_p_loo",
    "mcse_se_p_loo",
    "mcse_elpd_diff",
    "mcse_se_diff",
]
# Empty for models whose engine does not know it.
EVIDENCE = ["log_evidence", "mcse_log_evidence"]
BY_ROW = ["model", "row", "elpd", "pareto_k", "method", "psis_elpd", "psis_pareto_k"]
BY_UNIT = ["model", "unit", "elpd", "pareto_k", "method"]


def compare(models: dict[str, PointwiseElpd], *, estimand: str) -> pd.DataFrame:
    """Compare models by their pointwise elpd.

    Parameters
    ----------
    models
        By name of model.
    estimand
        What was left out: ``observation`` or ``unit``.

    Returns
    -------
    DataFrame
        One row a model, best first. ``elpd_diff`` is the difference to the best, ``se_diff`` its standard error from
        the pointwise differences; standard errors are sqrt(n var) with ddof 1, as in the R package loo. ``mcse_*`` are
        Monte Carlo standard errors of these numbers; those of differences are of fits that are independent.

    Raises
    ------
    StudyError
        If the models were not fitted on the same rows.
    """
    if estimand == "observation":
        require_same_rows({model: pointwise.labels for model, pointwise in models.items()})
    aligned = {model: pointwise.by_label() for model, pointwise in models.items()}
    order = sorted(aligned, key=lambda model: -aligned[model].total())
    best = aligned[order[0]]
    records = [
        {"model": model, "rank": rank, "estimand": estimand}
        | _totals(aligned[model])
        # The best model differs from itself by nothing, exactly.
        | _difference(aligned[model], best, [] if rank == 0 else [aligned[model], best])
        for rank, model in enumerate(order)
    ]
    return pd.DataFrame(records)[COLUMNS]


def _totals(pointwise: PointwiseElpd) -> dict:
    """Columns of one model."""
    return {
        "elpd_loo": pointwise.total(),
        "se_elpd_loo": pointwise.se(),
        "p_loo": pointwise.total("p_loo"),
        "looic": -2 * pointwise.total(),
        "method": " ".join(dict.fromkeys(pointwise.method)),
        "max_pareto_k": pointwise.pareto_k.max(),
        "bad_pareto_k": int(pointwise.bad.sum()),
        "n": len(pointwise),
        "se_p_loo": pointwise.se("p_loo"),
        "se_looic": 2 * pointwise.se(),
        "mcse_elpd_loo": pointwise.mcse_of_total(),
        "mcse_se_elpd_loo": pointwise.mcse_of_se(),
        "mcse_p_loo": pointwise.mcse_of_total("p_loo"),
        "mcse_se_p_loo": pointwise.mcse_of_se("p_loo"),
    }


def _difference(one: PointwiseElpd, best: PointwiseElpd, with_error: list[PointwiseElpd]) -> dict:
    """Columns of the difference to the best model; Monte Carlo errors come from ``with_error``."""
    difference = one.elpd - best.elpd
    weights = slope(difference)
    return {
        "elpd_diff": difference.sum(),
        "se_diff": standard_error(difference),
        "mcse_elpd_diff": math.hypot(*(each.mcse_of_total() for each in with_error)),
        "mcse_se_diff": math.hypot(*(each.mcse_of_sum(weights) for each in with_error)),
    }


def compare_all(
    models: dict[str, ModelLoo], fits: dict[str, Mapping]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """All comparisons of some models.

    Parameters
    ----------
    models
        By name of model.
    fits
        Attributes of their fits. Those by the marginal engine have ``log_evidence`` and ``mcse_log_evidence``.

    Returns
    -------
    table : DataFrame
        ``compare`` for single observations and for units, each if all models have it; and for plain PSIS, where a model
        has something better. In each, the evidence of the model, which does not depend on what is left out.
    pointwise : DataFrame
        ``BY_ROW``: single observations, plain PSIS beside them; without rows if they are not compared.
    units : DataFrame
        ``BY_UNIT``; likewise.
    """
    observation, unit, plain = (_of_all(models, kind) for kind in (*ESTIMANDS, "plain_psis"))
    tables = []
    if observation:
        tables.append(compare(observation, estimand="observation"))
    if unit:
        tables.append(compare(unit, estimand="unit"))
    if plain and any((pointwise.method != "psis").any() for pointwise in observation.values()):
        tables.append(compare(plain, estimand="observation"))
    observations = [_by_row(name, models[name]) for name in observation]
    units = [_frame(name, "unit", pointwise) for name, pointwise in unit.items()]
    table = pd.concat(tables, ignore_index=True)
    for column in EVIDENCE:
        table[column] = [float(fits[model].get(column, np.nan)) for model in table["model"]]
    return table, _stacked(observations, BY_ROW), _stacked(units, BY_UNIT)


def _of_all(models: dict[str, ModelLoo], kind: str) -> dict[str, PointwiseElpd]:
    """One kind of cross-validation by model, if all models have it; else nothing."""
    known = {name: pointwise for name, loo in models.items() if (pointwise := getattr(loo, kind)) is not None}
    return known if len(known) == len(models) else {}


def _stacked(frames: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """Tables of models one below the other; the columns alone if there is none."""
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _frame(model: str, label: str, pointwise: PointwiseElpd) -> pd.DataFrame:
    columns = {name: getattr(pointwise, name) for name in ("elpd", "pareto_k", "method")}
    return pd.DataFrame({"model": model, label: pointwise.labels, **columns})


def _by_row(model: str, loo: ModelLoo) -> pd.DataFrame:
    """Single observations of a model, and plain PSIS beside them."""
    plain, table = loo.plain_psis, _frame(model, "row", loo.observation)
    if plain is None:
        return table.assign(psis_elpd=np.nan, psis_pareto_k=np.nan)
    beside = {"psis_elpd": plain.elpd, "psis_pareto_k": plain.pareto_k}
    return table.join(pd.DataFrame(beside, index=plain.labels), on="row")


def require_same_rows(rows: dict[str, np.ndarray]) -> None:
    """Raise StudyError, and say which rows differ, unless all models were fitted on the same ones."""
    sets = {model: set(map(int, numbers)) for model, numbers in rows.items()}
    if all(one == other for one, other in pairwise(sets.values())):
        return
    everywhere = set.intersection(*sets.values())
    lines = []
    for model, own in sets.items():
        extra = sorted(own - everywhere)
        more = f"; not in every other model: rows {list_rows(extra)}" if extra else ""
        lines.append(f"  {model}: {len(own)} rows{more}")
    raise StudyError(
        "Models are compared on the same rows only, and these were fitted on different ones (rows of the raw data, "
        "0-based):\n" + "\n".join(lines) + "\nWrite 'rows: common' at the comparison, and its models are fitted on "
        "the rows that all of them have; or compare models whose variables have the same missing values."
    )
