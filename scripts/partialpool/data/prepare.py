"""A type for every column of the data, or a list of all that is wrong with them."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from partialpool.data.read import read
from partialpool.data.table import Table, listing, short
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
    """Read a data file and give every column its type, or list what is wrong with it.

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
        sorted; labels of values (SPSS, Stata) are categories in the order of their codes, if every
        value has one. Last ``row`` (int64), the data row counted from 0. ``attrs["notes"]`` is a
        list of what was found out about the file. Parquet keeps all of it.

    Raises
    ------
    StudyError
        A column is not in the file, or values do not fit; all problems at once, ten shown.

    Notes
    -----
    Rows without an outcome or a time are kept: each model decides which rows it uses.
    """
    table = read(path)
    frame = table.frame
    roles = {"unit": unit, "outcome": outcome, "time": time, "group": group}
    columns = frame.columns.drop("row").tolist()
    for role, column in roles.items():
        if column is not None and column not in columns:
            raise StudyError(
                f"data.{role}: {path} has no column '{column}'.{suggest(column, columns)}\nColumns: {listing(columns)}."
            )
    levels, notes = _label(table, numeric={unit, outcome, time})
    _validate(table, path, **roles)
    role_of = {column: role for role, column in roles.items()}
    for column in columns:
        frame[column] = _typed(frame[column], role_of.get(column), levels.get(column))
    frame.attrs["notes"] = [*table.notes, *notes]
    return frame


def _label(table: Table, numeric: set) -> tuple[dict[str, list[str]], list[str]]:
    """Put labels in the place of codes, if every value of a column has one; not in columns of numbers and ids.

    Returns the labels in their order by column, and notes about labels that are not used.
    """
    levels, notes = {}, []
    for column, labels in table.labels.items():
        values = table.frame[column].dropna().unique()
        without = [value for value in values if value not in labels]
        if column in numeric or without:
            seen = [f"{value} '{short(labels[value])}'" for value in values if value in labels]
            if seen:
                notes.append(f"column {column}: codes and not their labels ({listing(seen, 5)})")
            continue
        table.frame[column] = table.frame[column].map(labels).astype("str")
        used = set(table.frame[column].dropna())
        levels[column] = [label for label in dict.fromkeys(labels.values()) if label in used]
    return levels, notes


def _typed(text: pd.Series, role: str | None, levels: list[str] | None) -> pd.Series:
    if levels:
        return text.astype(pd.CategoricalDtype(levels, ordered=True))
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


def _validate(table: Table, path, unit, outcome, time, group) -> None:
    """Raise StudyError if values do not fit their columns, or if there are too few of them."""
    frame = table.frame
    numeric = [column for column in (outcome, time) if column]
    whole = _too_few(frame, unit, outcome, numeric)
    cells = _wrong_cells(frame, unit, numeric, group)
    number = len(whole) + sum(len(rows) for _, rows, _ in cells)
    if not number:
        return
    # Of each check the first, which are enough for those shown.
    places = sorted((row, i) for i, (_, rows, _) in enumerate(cells) for row in rows[:_SHOWN])
    lines = [f"{table.at(row)}, column {cells[i][0]}: {cells[i][2](row)}" for row, i in places]
    shown = (whole + lines)[:_SHOWN]
    shown += [f"and {number - _SHOWN} more"] if number > _SHOWN else []
    raise StudyError(
        f"{path} does not fit the study; problems: {number}\n  "
        + "\n  ".join(shown)
        + "\nCorrect the file, or name other columns (data.unit, data.outcome, data.time, data.group)."
    )


def _too_few(frame: pd.DataFrame, unit: str, outcome: str, numeric: list[str]) -> list[str]:
    """What the data are too few for."""
    measured = frame.loc[frame[outcome].notna(), unit]
    problems = []
    if measured.nunique() < 2:
        problems.append(f"column {unit}: fewer than 2 units have a value of {outcome}")
    if not measured.duplicated().any():
        problems.append(
            f"column {unit}: no unit has 2 values of {outcome}; is this the column of the units, and is there a line "
            "for each measurement?"
        )
    for column in numeric:
        numbers = _numbers(frame[column])
        # Text that is no number counts as a value here: it is a problem of its own.
        if numbers.nunique() + frame.loc[numbers.isna(), column].nunique() < 2:
            problems.append(f"column {column}: fewer than 2 different values")
    return problems


def _wrong_cells(frame: pd.DataFrame, unit: str, numeric: list[str], group: str | None) -> list[tuple]:
    """Of each check its column, the rows that fail it, and a function that says what is wrong in one of them."""

    def rows(failed: pd.Series) -> list[int]:
        return frame.index[failed].tolist()

    def not_a_number(column: str):
        return lambda row: f"'{short(frame.loc[row, column])}' {_not_a_number(frame.loc[row, column])}"

    checks = [
        (column, rows(frame[column].notna() & _numbers(frame[column]).isna()), not_a_number(column))
        for column in numeric
    ]
    checks += [(column, rows(frame[column].isna()), lambda row: "is missing") for column in (unit, group) if column]
    if group:
        # ASSUME: a group is a trait of the unit; what changes within a unit is no group.
        first = frame.groupby(unit, sort=False)[group].transform("first").fillna(frame[group])
        checks.append(
            (
                group,
                rows(frame[group].notna() & (frame[group] != first)),
                lambda row: (
                    f"'{short(frame.loc[row, group])}', but unit {frame.loc[row, unit]} is '{short(first[row])}' before"
                ),
            )
        )
    return checks


def _not_a_number(value: str) -> str:
    if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", value):
        return f"has a comma: write {value.replace(',', '.')} if it is a decimal comma"
    if re.fullmatch(r"[+-]?(inf|infinity)", value, re.IGNORECASE) or re.fullmatch(_NUMBER, value):
        return "is not finite"
    if number := re.fullmatch(rf"({_NUMBER})\s*[A-Za-zµ°%]+", value):
        return f"is a number with text: write {number[1]}"
    return "is not a number (missing values are NA or empty)"
