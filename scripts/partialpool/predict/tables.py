"""Predictions as tables: a row for each value, and a row for each draw."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.predict.predict import Prediction
from partialpool.predict.summary import EXTRA, VALUES

# All that tables of predictions and of their draws have beside covariates.
OWN = (*VALUES, *EXTRA, "chain", "draw", "value")


def refuse_names(covariates: Iterable[str]) -> None:
    """Raise StudyError if a covariate has the name of another column of the tables."""
    if taken := [name for name in covariates if name in OWN]:
        raise StudyError(
            f"the model has a column '{taken[0]}', and tables of predictions have one of their own. Rename it in the "
            f"file. Such names: {', '.join(OWN)}."
        )


def refuse_several(table: pd.DataFrame, x: str, *others: str | None, called: str) -> None:
    """Raise StudyError if a table to be drawn has several values at one ``x`` which other columns do not tell apart."""
    if table.duplicated([x, *(name for name in others if name is not None)]).any():
        raise StudyError(
            f"The predictions have several values at one {called}: name what tells them apart as 'by', or ask for "
            "their averages."
        )


def labels(prediction: Prediction, quantity: str) -> pd.DataFrame:
    """``model,quantity,id``, the covariates, and ``contrast`` or ``slope`` if that was asked for: n rows."""
    asked, at = prediction.asked, prediction.at
    table = at.assign(model=prediction.model, quantity=quantity)
    table = table[["model", "quantity", "id", *at.columns.drop("id")]]
    if asked.contrast:
        [(column, (first, second))] = asked.contrast.items()
        table["contrast"] = f"{column}: {second} {'/' if asked.ratio else '-'} {first}"
    return table.assign(slope=asked.slope) if asked.slope else table


def summarise(predictions: list[Prediction]) -> pd.DataFrame:
    """``model,quantity,id,mean,q2.5,q97.5`` and the covariates: mean and 95 % equal-tailed interval.

    Behind them, of contrasts and slopes, which they are, ``p_above_0`` or, of ratios, ``p_above_1``, the probability
    that they are larger, and ``in_rope``; of the population ``integration_error``. StudyError if one is not finite.
    """
    parts = []
    for prediction in predictions:
        for quantity, values in prediction.values.items():
            part = labels(prediction, quantity)
            # What is too large for a number is refused, and needs no warning.
            with np.errstate(over="ignore", invalid="ignore"):
                low, high = np.quantile(values, [0.025, 0.975], axis=(0, 1))
                columns = {"mean": values.mean((0, 1)), "q2.5": low, "q97.5": high}
            for place, (name, numbers) in enumerate(columns.items()):
                _refuse_infinite(part, numbers)
                part.insert(3 + place, name, numbers)
            parts.append(part.assign(**_asked_for(prediction, values)))
    table = pd.concat(parts, ignore_index=True)
    return table[[column for column in table if column not in EXTRA] + [name for name in EXTRA if name in table]]


def _refuse_infinite(part: pd.DataFrame, numbers: np.ndarray) -> None:
    """Raise StudyError if a number is none, or too large to be one, and say where."""
    if not np.isfinite(numbers).all():
        first = part.iloc[np.argmin(np.isfinite(numbers))]
        where = ", ".join(f"{name} {first[name]}" for name in part.columns.drop(["model", "quantity"]))
        raise StudyError(
            f"model '{first['model']}': the {first['quantity']} value is not a finite number at {where}.\n"
            "Are values in 'at', 'rows' or 'contrast' far outside of the data? A ratio needs another number than 0 to "
            "divide by."
        )


def _asked_for(prediction: Prediction, values: np.ndarray) -> dict[str, np.ndarray]:
    """Further columns of a summary, by name."""
    asked, columns = prediction.asked, {}
    if asked.contrast or asked.slope:
        columns[f"p_above_{asked.no_difference:.0f}"] = (values > asked.no_difference).mean((0, 1))
    if asked.rope:
        columns["in_rope"] = ((values >= asked.rope[0]) & (values <= asked.rope[1])).mean((0, 1))
    if prediction.integration_error is not None:
        columns["integration_error"] = prediction.integration_error
    return columns


def draws(predictions: list[Prediction]) -> pd.DataFrame:
    """``model,quantity,id``, the covariates, ``chain,draw,value``: chain varies slowest within each value."""
    named = [labels(part, quantity) for part in predictions for quantity in part.values]
    values = [array for part in predictions for array in part.values.values()]
    points = pd.concat(named, ignore_index=True)
    points = points.astype({name: "category" for name in ("model", "quantity", "id", *EXTRA) if name in points})
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
