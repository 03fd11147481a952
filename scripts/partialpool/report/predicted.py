"""Tables of predictions, and a sentence for each contrast and slope."""

from collections.abc import Callable, Collection

import pandas as pd

from partialpool.fit.failed import marked
from partialpool.model.families import OF_LEVELS
from partialpool.model.outcome import outcome_column
from partialpool.model.parts import columns, left_side, trials
from partialpool.predict.summary import AVERAGE_UNIT, EXTRA, POPULATION, VALUES
from partialpool.report.numbers import decimals, number, probability, short
from partialpool.report.words import of_level
from partialpool.study.entries import Prediction
from partialpool.study.study import Study

_HEADINGS = {
    "p_above_0": "P(> 0)",
    "p_above_1": "P(> 1)",
    "integration_error": "integration error",
}
# More sentences than these are not read: the table has the same numbers.
MOST_SENTENCES = 8


def tabulated(table: pd.DataFrame, study: Study, name: str, *, failed: Collection[str] = ()) -> pd.DataFrame:
    """A table of predictions, rounded to what intervals allow; columns under labels, the unit's under its noun.

    Models of which a check ``failed`` have a mark.
    """
    places = [decimals((high - low) / 4) for low, high in zip(table["q2.5"], table["q97.5"], strict=True)]
    shown = table.assign(model=[marked(model, model, failed) for model in table["model"]])
    for column in ("mean", "q2.5", "q97.5"):
        shown[column] = [number(value, p) for value, p in zip(table[column], places, strict=True)]
    for column in table.columns.drop([*VALUES, *(name for name in EXTRA if name in table)]):
        shown[column] = [_covariate(value) for value in table[column].tolist()]
        # Rows of models without this covariate.
        shown[column] = shown[column].astype(object).where(table[column].notna(), "–")
    for column in ("p_above_0", "p_above_1", "in_rope"):
        if column in table:
            shown[column] = [probability(value) for value in table[column]]
    if "integration_error" in table:
        shown["integration_error"] = [f"{value:.0e}" if value else "0" for value in table["integration_error"]]
        if not table["integration_error"].any():
            # The caption says that it is exact.
            shown = shown.drop(columns="integration_error")
    # What is contrasted is the same in all rows, and the caption says it.
    shown = shown.drop(columns=["contrast", "slope"], errors="ignore")
    shown["id"] = [_who(unit, study) for unit in table["id"]]
    covariates = {column: study.data.measured_label(column) for column in table.columns.drop([*VALUES])}
    if "in_rope" in table:
        shown = shown.rename(columns={"in_rope": f"P({_region(study.predictions[name])})"})
    return shown.rename(columns={**covariates, **_HEADINGS, "id": study.data.nouns.unit[0]})


def _covariate(value) -> str:
    """A value at which something is predicted."""
    if isinstance(value, float):
        return short(value, 6)
    return number(value, 0) if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _who(unit: str, study: Study) -> str:
    """What the report says of an id of a table: the average unit and others that are no ids, in the study's noun."""
    noun, nouns = study.data.nouns.unit
    named = {AVERAGE_UNIT: f"average {noun}", POPULATION: f"all {nouns}"}
    named |= {f"{whose} units": f"{whose} {nouns}" for whose in ("observed", "new", "observed and new")}
    return named.get(unit, unit)


def _region(prediction: Prediction) -> str:
    """Ends of the region of practical equivalence."""
    return " to ".join(short(end, 6) for end in prediction.rope)


def sentences(
    table: pd.DataFrame, study: Study, name: str, *, success: Callable[[str], str | None], failed: Collection[str] = ()
) -> list[str]:
    """A sentence for each contrast or slope of an entry, if there are not too many: how much, how sure, and whose.

    Parameters
    ----------
    table
        Its table of results.
    study, name
        The study and the name of the entry.
    success
        Of a model the level of its yes-no outcome whose probability it has, if it has levels.
    failed
        Models of which a check failed: their sentences say so.
    """
    prediction = study.predictions[name]
    if not (prediction.contrast or prediction.slope) or len(table) > MOST_SENTENCES:
        return []
    return [
        marked(_sentence(row, study, prediction, success(row["model"])), row["model"], failed)
        for row in table.to_dict("records")
    ]


def _sentence(row: dict, study: Study, prediction: Prediction, success: str | None) -> str:
    label, places = study.data.label, decimals((row["q97.5"] - row["q2.5"]) / 4)
    mean, low, high = (number(row[column], places) for column in ("mean", "q2.5", "q97.5"))
    if prediction.contrast:
        [(column, (first, second))] = prediction.contrast.items()
        change = f"with {label(column)} {second} in place of {first}"
    else:
        change = f"for each unit of {study.data.measured_label(prediction.slope)}"
    how = f"is {mean} times as large" if prediction.ratio else f"changes by {mean}{_measured_in(row['model'], study)}"
    above = probability(row["p_above_1" if prediction.ratio else "p_above_0"])
    larger = "rises" if prediction.slope else "is larger"
    region = ""
    if prediction.rope:
        region = f", that it is from {_region(prediction)} is {probability(row['in_rope'])}"
    interval = f"95\N{NO-BREAK SPACE}% interval {low} to {high}"
    what = _expected(row, study, prediction, success)
    return (
        f"{_place(row, study)}: {change}, {what} {how} ({interval}); the probability that it {larger} is "
        f"{above}{region}."
    )


def _place(row: dict, study: Study) -> str:
    """Model, whose and where: ``Growth, average herd, Year 2``."""
    model = study.models[row["model"]]
    # The level of an outcome is told as what is expected.
    others = {*VALUES, *EXTRA, "row", *(columns(left_side(model.formula)) if model.family in OF_LEVELS else ())}
    covariates = [column for column in row if column not in others and not pd.isna(row[column])]
    values = [_covariate(row[column]) for column in covariates]
    places = [f"{study.data.label(column)} {value}" for column, value in zip(covariates, values, strict=True)]
    unit = _who(row["id"], study)
    who = unit if unit != row["id"] else f"{study.data.nouns.unit[0]} {unit}"
    return ", ".join([model.title, who, *places])


def _measured_in(model: str, study: Study) -> str:
    """What the outcome of a model is measured in, behind a number."""
    outcome, _ = outcome_column(study.models[model].formula)
    unit = study.data.units_of_measurement.get(outcome)
    return f" {unit}" if unit else ""


def _expected(row: dict, study: Study, prediction: Prediction, success: str | None) -> str:
    """What is expected: a probability, or the mean of the outcome, or of what the formula has of it."""
    model, label = study.models[row["model"]], study.data.label
    outcome = columns(left_side(model.formula))[0]
    if model.family in OF_LEVELS:
        return f"the probability of {label(outcome)} {row[outcome]}"
    if model.family == "bernoulli" or study.at_one_trial(prediction, row["model"]):
        return f"the probability of {of_level(label(outcome), success)}"
    return f"expected {label(outcome) if trials(model.formula) else study.modelled(row['model'])}"
