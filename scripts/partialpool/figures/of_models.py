"""The figures of what every model and every comparison of models estimates, drawn from fits."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from partialpool.figures import coefficients, conditional, diagnostics, effects
from partialpool.figures.theme import Figure
from partialpool.fit import store
from partialpool.fit.by_row import outcomes
from partialpool.fit.failed import failed, marked
from partialpool.jobs.tables import read_table
from partialpool.model.families import CUMULATIVE
from partialpool.model.formula import complete_cases
from partialpool.model.names import effect_terms
from partialpool.model.parts import has_offset, left_side, trials
from partialpool.model.spec import ModelSpec
from partialpool.predict.conditional import conditional_effects
from partialpool.predict.linear import LinearPredictor

GROUPS = ("posterior", "sample_stats", "observed_data", "group_effects")


def figures(
    models: Mapping[str, Mapping],
    *,
    comparisons: Mapping[str, Sequence[str]],
    prepared: str,
    fits: Mapping[str, str],
    summaries: Mapping[str, str],
    diagnostics: Iterable[str],
    labels: Mapping[str, str],
    columns: Mapping[str, str],
) -> Iterator[tuple[str, Figure]]:
    """Draw the figures of all models and then those of the comparisons; each fit is read once.

    Parameters
    ----------
    models
        By name ``spec``, ``title``, and ``kinds`` of figures, of ``KINDS``, in the order in which they are drawn.
    comparisons
        Names of the models of each.
    prepared
        Path of the prepared data.
    fits, summaries
        Paths by model.
    diagnostics
        Paths of the checks of all models: beside others, the titles of those of which a check failed have a mark.
    labels
        Labels for axes, by role (``Data.axis_labels``).
    columns
        Labels of columns, with what they are measured in.

    Yields
    ------
    name, figure
        ``{kind}-{model}``; then ``estimates-{comparison}``.
    """
    data, estimates = pd.read_parquet(prepared), {}
    without_convergence = failed(diagnostics)
    for name, entry in models.items():
        spec = ModelSpec.from_dict(entry["spec"])
        tree = store.load(fits[name], GROUPS, spec=spec)
        model = Model(tree, spec, data, read_table(summaries[name], ("parameter",)), labels, columns)
        for kind in entry["kinds"]:
            yield f"{kind}-{name}", KINDS[kind](model)
        estimates[name] = model.estimates.assign(model=marked(entry["title"], name, without_convergence))
    for name, compared in comparisons.items():
        table = pd.concat([estimates[model] for model in compared], ignore_index=True)
        yield f"estimates-{name}", coefficients.side_by_side(table)


@dataclass(frozen=True)
class Model:
    """What the figures of a model are drawn from: its fit, spec, data and summary, and labels."""

    tree: object
    spec: ModelSpec
    data: pd.DataFrame
    summary: pd.DataFrame
    labels: Mapping[str, str]
    columns: Mapping[str, str]

    @cached_property
    def posterior(self):
        """Dataset of the draws."""
        return self.tree["posterior"].to_dataset()

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """Intervals of common coefficients and scales."""
        return coefficients.of_population(self.posterior, unit=self.spec.unit)


def _effects(model: Model) -> Figure:
    levels = effects.of_levels(model.tree, unit=model.spec.unit, seed=model.spec.seed)
    # Where other grouping factors have effects too, the names of the panels say whose they are.
    of_units = all(term.grouping == model.spec.unit for term in effect_terms(model.posterior))
    return effects.effects_in_order(*levels, noun=model.labels["unit"] if of_units else "Level")


def _conditional(model: Model) -> Figure:
    spec, rows = model.spec, complete_cases(model.spec, model.data)
    predictor = LinearPredictor(spec, rows)
    shown = conditional_effects(model.posterior, predictor, rows)
    # Of successes in trials the share.
    y = outcomes(model.tree) / predictor.trials(rows)
    return conditional.conditional(
        shown,
        measured(rows, y, spec.formula, spec.family),
        outcome=_outcome(spec, model.columns),
        columns=model.columns,
        seed=spec.seed,
    )


def measured(rows: pd.DataFrame, y: np.ndarray, formula: str, family: str) -> pd.DataFrame:
    """The measurements behind conditional effects, empty where they are levels or have offsets of their own.

    Effects are those at the mean of an offset, such as an hour of observation.
    """
    if family == CUMULATIVE or has_offset(formula):
        return rows.iloc[:0]
    return rows.assign(**{conditional.MEASURED: y})


def _outcome(spec: ModelSpec, columns: Mapping[str, str]) -> str:
    """What the mean of a measurement is called."""
    if spec.family in ("bernoulli", CUMULATIVE) or trials(spec.formula):
        return "Probability"
    outcome = left_side(spec.formula).strip("`")
    return columns.get(outcome, outcome)


KINDS = {
    "coefficients": lambda model: coefficients.coefficients(model.estimates),
    "effects": _effects,
    "conditional": _conditional,
    "diagnostics": lambda model: diagnostics.of_fit(model.tree, model.summary),
}
