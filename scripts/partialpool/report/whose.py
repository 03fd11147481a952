"""Of whom, where and what predictions are, in words.

Snakemake reads it whenever it starts: nothing heavy is imported.
"""

import re

from partialpool.model.families import LINKS, ZERO_INFLATED
from partialpool.model.parts import behind_bars, common_predictors, covariates, trials
from partialpool.study.entries import Prediction
from partialpool.study.study import Study


def of_whom(study: Study, prediction: Prediction) -> str:
    """Of whom the values of an entry are: ``observed herds``."""
    unit, units = study.data.nouns.unit
    if prediction.average_unit:
        return f"average {unit}, whose group-level effects are all 0"
    if prediction.population:
        return f"mean over all {units} of the population, which are integrated out{_how(study, prediction)}"
    if prediction.rows not in (None, "observed"):
        return f"{units} of the rows of {prediction.rows}, new ones where the model does not know them"
    return f"{'new' if prediction.new_units else 'observed'} {units}"


def _how(study: Study, prediction: Prediction) -> str:
    """How units are integrated out: in closed form for the links identity and log."""
    entries = [study.models[name] for name in prediction.models if name in study.models]
    links = {entry.link or (LINKS | ZERO_INFLATED).get(entry.family) for entry in entries}
    if links <= {"identity", "log"}:
        return " exactly"
    return " by quadrature (integration error: the largest difference in any draw from one with half as many nodes)"


def at_which(study: Study, prediction: Prediction) -> str:
    """At which covariate values they are, if that is not to be seen from the table."""
    average = ", averaged over all rows" if prediction.average else ""
    if prediction.by:
        average = f", averaged over rows with the same {study.data.label(prediction.by)}"
    if prediction.rows == "observed":
        return f", at the rows of the model{average}"
    one_trial = any(study.at_one_trial(prediction, name) for name in prediction.models)
    if prediction.rows or prediction.units is not None or prediction.new_units is not None:
        return f", at one trial{average}" if one_trial else average
    named = {*prediction.at, *(prediction.contrast or {})}
    formulas = [study.models[name].formula for name in prediction.models]
    others = [
        {*covariates(formula, study.data.unit)} - {*trials(formula)} - _grouping_only(formula) - named
        for formula in formulas
    ]
    where = ["one trial"] if one_trial else []
    where += ["the means of numbers and the first levels of categories that are not named"] if any(others) else []
    return f", at {' and '.join(where)}{average}" if where else average


def _grouping_only(formula: str) -> set[str]:
    """Columns that are grouping factors, or parts of one, and have no coefficients: their effects are left out."""
    parts = {part.strip("`") for text in behind_bars(formula) for part in re.split("[/:]", text)}
    return parts - {*common_predictors(formula)}


def of_what(study: Study, prediction: Prediction) -> str:
    """What is shown if it is no value: a contrast or a slope."""
    if prediction.contrast:
        [(column, (first, second))] = prediction.contrast.items()
        how = "divided by" if prediction.ratio else "minus"
        return f"; expected value with {study.data.label(column)} {second} {how} that with {first}"
    if prediction.slope:
        return f"; change of the expected value for each unit of {study.data.measured_label(prediction.slope)}"
    return ""
