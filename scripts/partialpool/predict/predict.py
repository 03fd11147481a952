"""What a fitted model expects of units, and what it predicts of one new measurement: observed units, and new ones."""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.model.families import OF_LEVELS
from partialpool.model.formula import complete_cases
from partialpool.model.outcome import outcome_column
from partialpool.model.spec import ModelSpec
from partialpool.predict import gaussian
from partialpool.predict.effects import with_effects_at
from partialpool.predict.linear import LinearPredictor
from partialpool.predict.new_units import with_new_units
from partialpool.predict.points import points


@dataclass(frozen=True)
class Prediction:
    """Predictions of one model.

    Attributes
    ----------
    model
        Its name.
    at : DataFrame
        ``id``, the unit, and the covariates; of an outcome with levels also the outcome, in a column of its name, for
        each level one row: n rows.
    values
        For each quantity draws of shape (chain, draw, n).
    """

    model: str
    at: pd.DataFrame
    values: dict[str, np.ndarray]

    def labels(self, quantity: str) -> pd.DataFrame:
        """``model,quantity,id`` and the covariates, a row for each of n."""
        at = self.at.assign(model=self.model, quantity=quantity)
        return at[["model", "quantity", "id", *self.at.columns.drop("id")]]


def predict(
    tree,
    spec: ModelSpec,
    data: pd.DataFrame,
    *,
    model: str,
    units,
    new_units: int | None,
    at: dict,
    quantities: list[str],
) -> Prediction:
    """Predictions of one model.

    Parameters
    ----------
    tree, spec, data
        The fit, its spec, and the prepared data.
    model
        Name of the model.
    units, new_units, at
        See ``points``.
    quantities
        See ``draws_at``.
    """
    where = points(spec, data, units=units, new_units=new_units, at=at)
    values = draws_at(tree, spec, data, where, quantities=quantities, new=new_units is not None, seed=spec.seed)
    if spec.family in OF_LEVELS:
        levels, n = json.loads(tree["posterior"].attrs["levels"]), len(where)
        where = where.loc[np.repeat(where.index, len(levels))].reset_index(drop=True)
        where[outcome_column(spec.formula)[0]] = levels * n
        values = {quantity: draws.reshape(*draws.shape[:2], -1) for quantity, draws in values.items()}
    return Prediction(model, where.rename(columns={spec.unit: "id"}), values)


def draws_at(
    tree,
    spec: ModelSpec,
    data: pd.DataFrame,
    at: pd.DataFrame,
    *,
    quantities: list[str],
    new: bool,
    seed: int,
) -> dict[str, np.ndarray]:
    """Draws of expected and predicted values.

    Parameters
    ----------
    tree
        The fit, with ``posterior``.
    spec, data
        What it was fitted to.
    at
        Units and covariates, from ``points``.
    quantities
        ``expected``: the mean of the distribution of the unit's measurements. ``predicted``: one new measurement.
    new
        Whether the units are new: their effects are drawn from the population distribution, anew for each draw.
    seed
        Seed of what is drawn here.

    Returns
    -------
    dict
        For each quantity draws of shape (chain, draw, rows of ``at``); of an outcome with levels, (chain, draw, rows of
        ``at``, levels), see ``by_bambi.draw``.

    Raises
    ------
    StudyError
        If units are new and the model has no distribution of units.
    """
    rows = complete_cases(spec, data)
    if gaussian.is_gaussian(spec):
        draw, model = gaussian.draw, LinearPredictor(spec, rows)
    else:
        from partialpool.predict import by_bambi

        draw, model = by_bambi.draw, by_bambi.build_model(spec, rows)
    rng = np.random.default_rng(seed)
    observed, ids = list(rows[spec.unit].cat.categories), list(dict.fromkeys(at[spec.unit]))
    # New units take the places of observed ones, as many at a time as there are places: so any design and any family
    # takes them for units that it knows.
    places = {unit: observed[i % len(observed)] if new else unit for i, unit in enumerate(ids)}
    placed = _categories(at.assign(**{spec.unit: at[spec.unit].map(places)}), rows)
    posterior = with_effects_at(tree["posterior"].to_dataset(), model, rows, placed, seed=seed)
    if not new:
        return draw(model, posterior, placed, quantities=quantities, rng=rng)
    parts = []
    for start in range(0, len(ids), len(observed)):
        batch = ids[start : start + len(observed)]
        fresh = with_new_units(posterior, spec.unit, rng, n_units=len(batch))
        part = placed[at[spec.unit].isin(batch)]
        parts.append(draw(model, fresh, part, quantities=quantities, rng=rng))
    return {quantity: np.concatenate([part[quantity] for part in parts], axis=2) for quantity in quantities}


def _categories(at: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Covariates with the categories of the data; StudyError if a level is unknown."""
    at = at.copy()
    for column in at.columns[[isinstance(rows[name].dtype, pd.CategoricalDtype) for name in at.columns]]:
        levels, values = list(rows[column].cat.categories), at[column].astype(str)
        if unknown := sorted(set(values) - set(levels)):
            raise StudyError(f"'at': {column} has no level {', '.join(unknown)}. Valid: {', '.join(levels)}.")
        at[column] = pd.Categorical(values, levels, ordered=rows[column].cat.ordered)
    return at


def summarise(predictions: list[Prediction]) -> pd.DataFrame:
    """``model,quantity,id,mean,q2.5,q97.5`` and the covariates: mean and 95 % equal-tailed interval."""
    parts = []
    for prediction in predictions:
        for quantity, values in prediction.values.items():
            part = prediction.labels(quantity)
            low, high = np.quantile(values, [0.025, 0.975], axis=(0, 1))
            for place, (name, numbers) in enumerate({"mean": values.mean((0, 1)), "q2.5": low, "q97.5": high}.items()):
                part.insert(3 + place, name, numbers)
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def draws(predictions: list[Prediction]) -> pd.DataFrame:
    """``model,quantity,id``, the covariates, ``chain,draw,value``: chain varies slowest within each value."""
    labels = [part.labels(quantity) for part in predictions for quantity in part.values]
    values = [array for part in predictions for array in part.values.values()]
    points = pd.concat(labels, ignore_index=True).astype(dict.fromkeys(["model", "quantity", "id"], "category"))
    counts = [array.shape[0] * array.shape[1] for array in values for _ in range(array.shape[2])]
    table = points.iloc[np.repeat(np.arange(len(points)), counts)].reset_index(drop=True)
    grids = [np.indices(array.shape[:2], dtype="int32").reshape(2, -1) for array in values]
    repeated = [np.tile(grid, array.shape[2]) for grid, array in zip(grids, values, strict=True)]
    chain, draw = np.concatenate(repeated, axis=1)
    return table.assign(
        chain=chain.astype("int16"),
        draw=draw,
        value=np.concatenate([np.moveaxis(array, -1, 0).ravel() for array in values]),
    )
