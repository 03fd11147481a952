"""What is not wrong with a model and its rows, but often a mistake: pointed out in the log and in the report."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from partialpool.data.expression import together
from partialpool.model.families import LINKS
from partialpool.model.outcome import outcome_column
from partialpool.model.parts import bar_texts, behind_bar, covariates, slopes
from partialpool.model.spec import ModelSpec

# ASSUME: 0 is far from a predictor if it is further from its nearest value than so many times its range.
_FAR = 3
# ASSUME: a category with more levels than this, and than what is behind the bar, was meant to stand there.
_MANY_LEVELS = 10
# ASSUME: a prior is far from data whose mean is so many of its standard deviations from its own.
_MANY_SDS = 5
_ON_LINK = {"identity": lambda mean: mean, "log": np.log, "logit": lambda mean: np.log(mean / (1 - mean))}


def doubts(spec: ModelSpec, rows: pd.DataFrame, moved_with: Callable[[str, list[str]], list[str]]) -> list[str]:
    """Sentences about a model.

    Parameters
    ----------
    spec
        The model's spec.
    rows
        Its rows, with the columns of the formula.
    moved_with
        Of a column and others, those of the others that change with it in each row: ``study.Data.moved_with``.
    """
    return [
        *_far_from_zero(spec, rows),
        *_turned_round(spec, rows),
        *_far_prior(spec, rows),
        *_changing_together(spec, moved_with),
    ]


def _far_from_zero(spec: ModelSpec, rows: pd.DataFrame) -> Iterator[str]:
    """Predictors with varying slopes whose 0, where effects on the intercept are, is far outside."""
    for name in slopes(spec.formula):
        if rows[name].dtype.kind not in "iuf":
            continue
        low, high = rows[name].min(), rows[name].max()
        if max(low, -high, 0) > _FAR * (high - low) > 0:
            yield (
                f"0 is far outside of '{name}' ({low:g} to {high:g}), and the effects on the intercept beside varying "
                f"slopes are those at 0, where their prior and correlation say little. Move the zero: "
                f"data: {{derive: {{{name}_0: {name} - {low:g}}}}}."
            )


def _turned_round(spec: ModelSpec, rows: pd.DataFrame) -> Iterator[str]:
    """Bars with more levels before them than behind them: ``(id | year)``."""
    for text in bar_texts(spec.formula):
        behind = behind_bar(text)
        if behind.strip("`") not in rows:
            continue
        levels = rows[behind.strip("`")].nunique()
        for name in slopes(f"y ~ {text}"):
            effects = rows[name].nunique()
            if isinstance(rows[name].dtype, pd.CategoricalDtype) and effects > max(levels, _MANY_LEVELS):
                yield (
                    f"{text} has {effects} effects for each of {levels} levels of '{behind}', one of each '{name}', "
                    f"and all their correlations, which takes long. Is ({behind} | {name}) meant?"
                )


def _far_prior(spec: ModelSpec, rows: pd.DataFrame) -> Iterator[str]:
    """A prior of the intercept that the data contradict."""
    column, _ = outcome_column(spec.formula)
    link = spec.link or LINKS.get(spec.family)
    prior = spec.priors.get("Intercept")
    if column is None or link not in _ON_LINK or prior is None or rows[column].dtype.kind not in "iuf":
        return
    args = dict(prior.args)
    if prior.name != "Normal" or any(isinstance(value, tuple) for value in args.values()):
        return
    with np.errstate(all="ignore"):
        mean = float(_ON_LINK[link](rows[column].mean()))
    distance = abs(mean - args["mu"]) / args["sigma"]
    if np.isfinite(distance) and distance > _MANY_SDS:
        scale = "" if link == "identity" else f" on the {link} scale"
        yield (
            f"the prior of the intercept, {prior}, is far from the data: the mean of '{column}'{scale}, {mean:.4g}, is "
            f"{distance:.0f} of its standard deviations away. Is it meant for other units of measurement?"
        )


def _changing_together(spec: ModelSpec, moved_with: Callable[[str, list[str]], list[str]]) -> Iterator[str]:
    """Predictors of which one cannot change while the other stays, though figures and coefficients have it so."""
    columns = covariates(spec.formula, spec.unit)
    for place, name in enumerate(columns):
        for other in columns[place + 1 :]:
            first, second = (name, other) if moved_with(name, [other]) else (other, name)
            if moved_with(first, [second]):
                yield (
                    f"'{second}' changes with '{first}' (data.derive), and yet the figure of conditional effects shows "
                    f"the change of one while the other stays where it is. {together(first)}"
                )
