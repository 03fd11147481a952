"""What a fitted model expects, and what it predicts of one new measurement: of units, the average unit, all units."""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from partialpool.model.families import OF_LEVELS
from partialpool.model.formula import complete_cases
from partialpool.model.outcome import outcome_column
from partialpool.model.spec import ModelSpec
from partialpool.predict.asked import Asked
from partialpool.predict.changes import STEP, changed, grouped, sides
from partialpool.predict.points import points
from partialpool.predict.summary import AVERAGE_UNIT, POPULATION
from partialpool.predict.values import draws_at, of_average_unit, of_population


@dataclass(frozen=True)
class Prediction:
    """Predictions of one model.

    Attributes
    ----------
    model
        Its name.
    asked
        What was asked for.
    at : DataFrame
        ``id``, the unit, and the covariates; of an outcome with levels also the outcome, in a column of its name, for
        each level one row: n rows.
    values
        For each quantity draws of shape (chain, draw, n).
    integration_error : (n,)
        Of the population: largest difference over all draws from values of a coarser rule, 0 in closed form; else None.
    """

    model: str
    asked: Asked
    at: pd.DataFrame
    values: dict[str, np.ndarray]
    integration_error: np.ndarray | None = None


def predict(tree, spec: ModelSpec, data: pd.DataFrame, asked: Asked, *, model: str) -> Prediction:
    """Predictions of one model.

    Parameters
    ----------
    tree, spec, data
        The fit, its spec, and the prepared data.
    asked
        Of whom, where and what.
    model
        Name of the model.
    """
    at = points(spec, data, asked)
    step = STEP * complete_cases(spec, data)[asked.slope].std() if asked.slope else 0.0
    whole = pd.concat(sides(asked, at, step), ignore_index=True)
    rows, groups = grouped(asked, at, spec.unit, _whose(asked, at, spec, data))
    error = None
    if asked.average_unit:
        values = {"expected": of_average_unit(tree, spec, data, whole)}
    elif asked.population:
        fine, coarse = of_population(tree, spec, data, whole)
        values = {"expected": fine}
        both = [changed(asked, part, groups, step) for part in (fine, coarse)]
        error = np.abs(both[1] - both[0]).max(axis=(0, 1)).ravel()
    else:
        values = draws_at(tree, spec, data, whole, quantities=asked.quantities, seed=spec.seed)
    values = {quantity: changed(asked, part, groups, step) for quantity, part in values.items()}
    if spec.family in OF_LEVELS:
        levels, n = json.loads(tree["posterior"].attrs["levels"]), len(rows)
        rows = rows.loc[np.repeat(rows.index, len(levels))].reset_index(drop=True)
        rows[outcome_column(spec.formula)[0]] = levels * n
        values = {quantity: draws.reshape(*draws.shape[:2], -1) for quantity, draws in values.items()}
    return Prediction(model, asked, rows.rename(columns={spec.unit: "id"}), values, error)


def _whose(asked: Asked, at: pd.DataFrame, spec: ModelSpec, data: pd.DataFrame) -> str:
    """What the column of units says of an average over them."""
    if not asked.of_units:
        return AVERAGE_UNIT if asked.average_unit else POPULATION
    known = at[spec.unit].isin(complete_cases(spec, data)[spec.unit].cat.categories)
    return "observed units" if known.all() else "observed and new units" if known.any() else "new units"
