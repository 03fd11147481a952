"""What predictions say where there are no data, or where a slope does not say all: pointed out beside their tables."""

from collections.abc import Iterator, Mapping

import pandas as pd

from partialpool.model.parts import CLOSING, numeric_predictors, tokens_of
from partialpool.report.numbers import short
from partialpool.study.entries import Prediction
from partialpool.study.study import Study

# ASSUME: what lies beyond the data by less than this share of their range is a rounded end of them.
_ROUNDED = 0.01
_COMPARISONS = {"<", ">", "<=", ">=", "==", "!="}
_CURVES = {"bs": "a spline", "poly": "a polynomial"}
_SHOWN = 4


def doubts(table: pd.DataFrame, study: Study, name: str, rows: Mapping[str, pd.DataFrame]) -> list[str]:
    """Sentences about an entry of predictions.

    Parameters
    ----------
    table
        Its table of results.
    study, name
        The study and the name of the entry.
    rows
        By model, the rows that it uses.
    """
    prediction = study.predictions[name]
    models = [model for model in prediction.models if model in rows]
    formulas = {model: study.models[model].formula for model in models}
    columns = dict.fromkeys(column for formula in formulas.values() for column in numeric_predictors(formula))
    told = []
    for column in columns:
        of = [model for model in models if column in numeric_predictors(formulas[model])]
        measured = pd.concat([rows[model][column] for model in of])
        if pd.api.types.is_numeric_dtype(measured):
            told += _beyond(study, column, measured, _asked(table, prediction, column), [formulas[m] for m in of])
    return told + list(_jumps(study, prediction, formulas))


def _asked(table: pd.DataFrame, prediction: Prediction, column: str) -> pd.Series:
    """The values of a covariate at which something is predicted."""
    own = table[column] if column in table else pd.Series(dtype=float)
    return pd.to_numeric(pd.Series([*own, *(prediction.contrast or {}).get(column, [])], dtype=object)).dropna()


def _beyond(study: Study, column: str, measured: pd.Series, asked: pd.Series, formulas: list[str]) -> Iterator[str]:
    low, high = measured.min(), measured.max()
    slack = _ROUNDED * (high - low)
    values = sorted(asked[(asked < low - slack) | (asked > high + slack)].unique())
    if not values:
        return
    shown = [short(float(value), 6) for value in values[:_SHOWN]]
    more = f" and {len(values) - _SHOWN} more values" if len(values) > _SHOWN else ""
    used = {function for formula in formulas for function in _within(formula).get(column, ())}
    curves = [words for function, words in _CURVES.items() if function in used]
    least = f", and {' or '.join(curves)} soon goes astray" if curves else ""
    yield (
        f"Beyond the data: {study.data.measured_label(column)} {', '.join(shown)}{more}, where "
        f"{study.data.nouns.measurement[1]} have {short(float(low), 6)} to {short(float(high), 6)}. Nothing in the "
        f"data says whether the model holds there{least}."
    )


def _jumps(study: Study, prediction: Prediction, formulas: Mapping[str, str]) -> Iterator[str]:
    column = prediction.slope
    if any("comparison" in _within(formula).get(column, ()) for formula in formulas.values()):
        yield (
            f"A formula compares {study.data.label(column)} with something, so that the expected value jumps: the "
            "slope leaves the jump out. A contrast of two values has it."
        )


def _within(formula: str) -> dict[str, set[str]]:
    """By column, the functions in whose brackets it stands, and ``comparison`` where it is compared there."""
    functions: dict[str, set[str]] = {}
    # Of each open bracket: the function before it, columns in it, and whether something is compared there.
    opened: list[tuple[str, set[str], list[bool]]] = []
    before = ""
    for token in tokens_of(formula):
        if token.text in CLOSING:
            opened.append((before, set(), []))
        elif token.text in CLOSING.values():
            _, inside, compared = opened.pop()
            for column in inside if compared else ():
                functions[column].add("comparison")
            if opened:
                opened[-1][1].update(inside)
        elif token.text in _COMPARISONS and opened:
            opened[-1][2].append(True)
        elif token.kind in ("name", "quoted") and opened:
            column = token.text.strip("`")
            opened[-1][1].add(column)
            functions.setdefault(column, set()).update(function for function, _, _ in opened)
        before = token.text
    return functions
