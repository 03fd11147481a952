"""Every column of the data with its type, or a list of what is wrong."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from partialpool.data.read import listing, read, short
from partialpool.errors import StudyError, suggest

_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
# No leading zeros: they make 007 a name. 18 digits fit in 64 bits.
_WHOLE = r"0|-?[1-9][0-9]{0,17}"
_SHOWN = 10


def prepare(
    path: str | Path,
    *,
    unit: str,
    outcome: str,
    time: str | None = None,
    group: str | None = None,
) -> pd.DataFrame:
    """Read a CSV file and give every column its type, or list what is wrong with it.

    Parameters
    ----------
    path
        The file, as `read` takes it.
    unit
        Column that says whose measurement a row is; never missing.
    outcome
        Column of the measurements; numbers, some may be missing.
    time
        Column of the time of measurement; numbers, some may be missing.
    group
        Column of the group a unit is in; never missing, the same in all rows of a unit.

    Returns
    -------
    DataFrame
        All rows and columns of the file in their order: ``unit`` int64 if all its values are
        whole numbers, else str; ``outcome`` and ``time`` float64; ``group`` category; any other
        column int64 or float64 if all its values are numbers, else category. Categories are
        sorted. Last ``row`` (int64), the data line counted from 0. Parquet keeps all of it.

    Raises
    ------
    StudyError
        A column is not in the file, or values do not fit; all problems at once, ten shown.

    Notes
    -----
    Rows without an outcome or a time stay: which rows a model uses is for each model to say.
    """
    frame = read(path)
    roles = {"unit": unit, "outcome": outcome, "time": time, "group": group}
    columns = [column for column in frame if column != "row"]
    for role, column in roles.items():
        if column is not None and column not in columns:
            raise StudyError(
                f"data.{role}: {path} has no column '{column}'.{suggest(column, columns)}\nColumns: {listing(columns)}."
            )
    _validate(frame, path, **roles)
    role_of = {column: role for role, column in roles.items()}
    for column in columns:
        frame[column] = _typed(frame[column], role_of.get(column))
    return frame


def _typed(text: pd.Series, role: str | None) -> pd.Series:
    if role in ("outcome", "time"):
        return _numbers(text)
    if role != "group" and text.str.fullmatch(_WHOLE).all():
        return text.astype("int64[pyarrow]").astype("int64")
    if role == "unit":
        return text
    if role is None and (numbers := _numbers(text)).notna().equals(text.notna()):
        return numbers
    levels = text.dropna().drop_duplicates()
    levels = levels.sort_values(key=_numbers if _numbers(levels).notna().all() else None)
    # A list, since the name of a series would become that of the categories, and Parquet lose it.
    return text.astype(pd.CategoricalDtype(levels.tolist()))


def _numbers(text: pd.Series) -> pd.Series:
    """Return the finite numbers, NaN where there is something else."""
    # Arrow's parser and not pandas', which may be wrong in the last bit.
    numbers = text.where(text.str.fullmatch(_NUMBER)).astype("double[pyarrow]").astype("float64")
    return numbers.where(np.isfinite(numbers))


def _validate(frame: pd.DataFrame, path, unit, outcome, time, group) -> None:
    import pandera.pandas as pa

    numeric = [column for column in (outcome, time) if column]
    measured = frame.loc[frame[outcome].notna(), unit]
    number = pa.Check(lambda text: _numbers(text).notna(), error="number")
    columns = {column: pa.Column(checks=number, nullable=True) for column in numeric}
    columns[unit] = pa.Column(nullable=False)
    if group:
        # ASSUME: a group is a trait of the unit; what changes within a unit is no group.
        first = frame.groupby(unit, sort=False)[group].transform("first").fillna(frame[group])
        same = pa.Check(lambda text: text == first[text.index], error="same")
        columns[group] = pa.Column(checks=same, nullable=False)
    enough = {
        f"column {unit}: fewer than 2 units have a value of {outcome}": measured.nunique() >= 2,
        f"column {unit}: nobody has 2 values of {outcome}; is this the unit's column, and "
        "is there a line for each measurement?": measured.duplicated().any(),
    } | {
        # Text that is no number counts as a value here: it is a problem of its own.
        f"column {column}: fewer than 2 different values": (
            numbers.nunique() + frame.loc[numbers.isna(), column].nunique() >= 2
        )
        for column in numeric
        for numbers in [_numbers(frame[column])]
    }
    whole = [pa.Check(lambda _, ok=bool(ok): ok, error=error) for error, ok in enough.items()]
    try:
        pa.DataFrameSchema(columns, checks=whole).validate(frame, lazy=True)
        return
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases.sort_values("index", na_position="first", kind="stable")

    def problem(case: dict) -> str:
        row, value = case["index"], case["failure_case"]
        if case["schema_context"] == "DataFrameSchema":
            return case["check"]
        if case["check"] == "not_nullable":
            says = "is missing"
        elif case["check"] == "same":
            who = frame.loc[row, unit]
            says = f"'{short(value)}', but unit {who} is '{short(first[row])}' before"
        else:
            says = f"'{short(value)}' {_not_a_number(value)}"
        return f"line {row + 2}, column {case['column']}: {says}"

    problems = [problem(case) for case in cases.head(_SHOWN).to_dict("records")]
    more = len(cases) - _SHOWN
    raise StudyError(
        f"{path} does not fit the study; problems: {len(cases)}\n  "
        + "\n  ".join(problems + ([f"and {more} more"] if more > 0 else []))
        + "\nMend the file, or name other columns "
        "(data.unit, data.outcome, data.time, data.group)."
    )


def _not_a_number(value: str) -> str:
    if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", value):
        return f"has a comma: write {value.replace(',', '.')} if it is a decimal comma"
    if re.fullmatch(r"[+-]?(inf|infinity)", value, re.IGNORECASE) or re.fullmatch(_NUMBER, value):
        return "is not finite"
    if found := re.fullmatch(rf"({_NUMBER})\s*[A-Za-zµ°%]+", value):
        return f"is a number with text: write {found[1]}"
    return "is not a number (missing values are NA or empty)"
