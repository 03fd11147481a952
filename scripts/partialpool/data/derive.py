"""New columns, computed from those of the file as ``data.derive`` says."""

import operator
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from partialpool.data.expression import Call, Column, Expression, Number, columns, parse
from partialpool.data.table import listing, short
from partialpool.data.types import DATE
from partialpool.errors import StudyError, suggest

_SHOWN = 5
_ARITHMETIC = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
}


def derive(frame: pd.DataFrame, expressions: Mapping[str, str], *, unit: str, at: Callable[[int], str]) -> pd.DataFrame:
    """Add columns, each of which may use those before it.

    Parameters
    ----------
    frame
        Typed data, with ``row`` last.
    expressions
        By the name of the new column, what `expression.parse` reads.
    unit
        Column of the units, over whose rows ``within`` and ``between`` take means.
    at
        What a message calls a row: ``line 7`` for row 5.

    Returns
    -------
    DataFrame
        With the new columns (float64) before ``row``. A value is missing where one that it is made from is.

    Raises
    ------
    StudyError
        A column is not there, is no number or is there already; or a result is not finite: where, and of what.

    Notes
    -----
    Means and standard deviations (divisor n - 1) are those of all rows that have a value, whether a model uses them or
    not. The deviation from the unit's mean beside that mean separates effects within units from those between
    them [1]_.

    References
    ----------
    .. [1] Mundlak, Y. (1978). On the pooling of time series and cross section data. Econometrica, 46(1), 69-85.
    """
    derived = frame.drop(columns="row")
    for name, text in expressions.items():
        key = f"data.derive.{name}"
        if name in frame:
            raise StudyError(f"{key}: the file has a column '{name}' already; choose another name.")
        expression = parse(text)
        for column in columns(expression):
            if column not in derived:
                raise StudyError(
                    f"{key}: there is no column '{column}'.{suggest(column, derived.columns)}\n"
                    f"Columns: {listing(derived.columns.tolist())}."
                )
        derived[name] = pd.Series(_Rows(key, derived, unit, at).value(expression), index=derived.index, dtype="float64")
    return derived.assign(row=frame["row"])


class _Rows:
    """Computes an expression for all rows of the data; ``key`` is where it stands in the config."""

    def __init__(self, key: str, frame: pd.DataFrame, unit: str, at: Callable[[int], str]):
        self.key, self.frame, self.unit, self.at = key, frame, unit, at

    def value(self, expression: Expression) -> pd.Series | float:
        match expression:
            case Number(value=value):
                return value
            case Column(name=name):
                return self._numbers(name)
            case Call(name="years", arguments=(Column(name=name),)):
                return self._years(name)
            case Call(name=name, arguments=arguments):
                values = [self.value(argument) for argument in arguments]
                with np.errstate(all="ignore"):
                    result = self._apply(name, values)
                return self._finite(expression, values, result)

    def _apply(self, name: str, values: list) -> pd.Series:
        if name in _ARITHMETIC and len(values) == 2:
            return _ARITHMETIC[name](*(np.asarray(value, dtype="float64") for value in values))
        (x,) = (pd.Series(np.broadcast_to(value, len(self.frame)), index=self.frame.index) for value in values)
        match name:
            case "+" | "-":
                return x if name == "+" else -x
            case "log":
                return np.log(x)
            case "center":
                return x - x.mean()
            case "standardise":
                return (x - x.mean()) / x.std()
            case "between" | "within":
                means = x.groupby(self.frame[self.unit].to_numpy()).transform("mean").where(x.notna())
                return means if name == "between" else x - means

    def _numbers(self, name: str) -> pd.Series:
        column = self.frame[name]
        if not pd.api.types.is_numeric_dtype(column):
            values = listing([str(value) for value in column.dropna().unique()], 5)
            raise StudyError(f"{self.key}: column '{name}' is no number; its values are {values}.")
        return column.astype("float64")

    def _years(self, name: str) -> pd.Series:
        """Dates as years, of which a part is that of its own year's days: the first of July 2023 is 2023.496."""
        text = self.frame[name].astype("str")
        dates = pd.to_datetime(text.where(text.str.fullmatch(DATE)), format="ISO8601", errors="coerce")
        self._refuse("is no date; write 2024-03-31", self.frame[name].notna() & dates.isna(), {name: self.frame[name]})
        days = dates.dt.day_of_year - 1 + (dates - dates.dt.normalize()) / pd.Timedelta(days=1)
        return dates.dt.year + days / (365 + dates.dt.is_leap_year)

    def _finite(self, expression: Call, values: list, result) -> pd.Series:
        """The result, if it is finite wherever all that it is made from has a value."""
        result = pd.Series(np.broadcast_to(result, len(self.frame)), index=self.frame.index)
        there = np.logical_and.reduce([np.broadcast_to(pd.notna(value), len(self.frame)) for value in values])
        shown = {str(a): v for a, v in zip(expression.arguments, values, strict=True) if not isinstance(a, Number)}
        self._refuse(f"{expression} is not finite", there & ~np.isfinite(result), shown)
        return result

    def _refuse(self, what: str, failed: pd.Series, shown: dict) -> None:
        rows = np.flatnonzero(failed)
        if not rows.size:
            return
        lines = []
        for row in rows[:_SHOWN]:
            in_row = {name: str(np.broadcast_to(values, len(failed))[row]) for name, values in shown.items()}
            values = ", ".join(f"{name} = {short(value)}" for name, value in in_row.items())
            lines.append(f"  {self.at(int(row))}: {values}")
        lines += [f"  and {rows.size - _SHOWN} more"] if rows.size > _SHOWN else []
        raise StudyError("\n".join([f"{self.key}: {what} in {rows.size} of {len(failed)} rows:", *lines]))
