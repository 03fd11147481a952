"""A type for every column of the data, or a list of all that is wrong with them."""

import re
import unicodedata
from pathlib import Path

import pandas as pd

from partialpool.data.derive import derive
from partialpool.data.doubts import doubts
from partialpool.data.read import read
from partialpool.data.table import Table, listing, short
from partialpool.data.types import DATE, NUMBER, label, like_codes, like_levels, numbers, two_levels, typed
from partialpool.errors import StudyError, suggest

_SHOWN = 10
_INVISIBLE = r"[\x00-\x08\x0b-\x1f\x7f]"


def prepare(path: str | Path, *, source: str | None = None, **described) -> pd.DataFrame:
    """Read a fetched data file and give every column its type, or list what is wrong with it.

    Parameters
    ----------
    path
        The file.
    source
        Where it is from, by which messages call it; by default ``path``.
    **described
        As ``typed_columns`` takes it.

    Raises
    ------
    StudyError
        As ``typed_columns`` does.
    """
    try:
        return typed_columns(path, **described)
    except StudyError as error:
        raise StudyError(str(error).replace(str(path), source or str(path))) from None


def typed_columns(
    path: str | Path,
    *,
    unit: str,
    outcome: str,
    time: str | None = None,
    group: str | None = None,
    types: dict[str, str | list[str]] | None = None,
    derived: dict[str, str] | None = None,
    encoding: str | None = None,
) -> pd.DataFrame:
    """Read a data file and give every column its type, or list what is wrong with it.

    Parameters
    ----------
    path
        The file, as `read` takes it.
    unit
        Column that says whose measurement a row is; never missing.
    outcome
        Column of the measurements: numbers, two different texts, or levels by ``types``; some may be
        missing.
    time
        Column of the time of measurement; numbers, some may be missing.
    group
        Column of the group a unit is in; never missing, the same in all rows of a unit.
    types
        By column ``number``, ``category``, or the levels of a category in their order, of which the
        first is the reference level; those of other columns follow from their values.
    derived
        New columns, as `derive` takes them; ``outcome`` and ``time`` may be of these.
    encoding
        Of a text file that is not UTF-8, one of `encodings.ENCODINGS`.

    Returns
    -------
    DataFrame
        All rows and columns of the file in their order: ``unit`` int64 if all its values are
        whole numbers, else str; ``time`` float64; ``outcome`` float64, or category if it has levels;
        ``group`` category; any other column int64 or float64 if all its values are numbers, else
        category. Categories are sorted; labels of values (SPSS, Stata) are categories in the order
        of their codes, if every value has one. Then the derived columns, float64. Last ``row``
        (int64), the data row counted from 0. ``attrs["notes"]`` is a list of what was found out
        about the file, ``attrs["codes"]`` has columns of numbers that may be codes, with their
        values, and ``attrs["doubts"]`` sentences about what may be mistakes. Parquet keeps all of it.

    Raises
    ------
    StudyError
        A column is not in the file, or values do not fit; all wrong cells at once, ten shown.

    Notes
    -----
    Rows without an outcome or a time are kept: each model decides which rows it uses.
    """
    table = read(path, encoding)
    frame = table.frame
    roles = {"unit": unit, "outcome": outcome, "time": time, "group": group}
    columns = frame.columns.drop("row").tolist()
    derived = derived or {}
    in_file = {role: None if column in derived else column for role, column in roles.items()}
    _require(path, table, in_file, types or {})
    types = (two_levels(frame, outcome) if in_file["outcome"] else {}) | (types or {})
    of_numbers = {time} if types.get(outcome, "number") != "number" else {time, outcome}
    kinds, notes = label(table, types, unit=unit, numeric=of_numbers)
    _refuse(path, *_wrong(table, kinds, **in_file))
    role_of = {column: role for role, column in roles.items()}
    text = frame
    of_types = {name: typed(frame[name], role_of.get(name), kinds.get(name)) for name in columns}
    # At once: a table of which thousands of columns are replaced one by one falls apart.
    frame = pd.DataFrame(of_types | {"row": frame["row"]})
    doubtful = doubts(text, frame, unit, time)
    codes = like_codes(frame, [column for column in columns if column not in {*role_of, *kinds}])
    frame = derive(frame, derived, unit=unit, at=table.at)
    _refuse(path, _too_few(frame, unit, outcome, time), [])
    frame.attrs |= {"notes": [*table.notes, *notes], "codes": codes, "doubts": doubtful}
    return frame


def _require(path, table: Table, roles: dict, types: dict) -> None:
    """Refuse names of columns that the file does not have."""
    columns = table.frame.columns.drop("row").tolist()
    asked = [(f"data.{role}", column) for role, column in roles.items() if column is not None]
    for key, column in asked + [("data.types", column) for column in types]:
        if column not in columns:
            raise StudyError(
                f"{key}: {path} has no column '{column}'.{suggest(column, columns)}\nColumns: {listing(columns)} "
                f"({'; '.join(table.notes)})."
            )


def for_log(frame: pd.DataFrame) -> str:
    """What was found out about prepared data, a line for each fact."""
    lines = list(frame.attrs["notes"])
    for column, values in frame.attrs["codes"].items():
        shown = ", ".join(map(str, values))
        lines.append(
            f"column {column}: {len(values)} different whole numbers ({shown}) are read as numbers; "
            f"if they are codes, write data: {{types: {{{column}: category}}}}, and if not, {{{column}: number}}"
        )
    return "\n".join([*lines, *frame.attrs["doubts"]])


def _wrong(table: Table, kinds: dict, unit, outcome, time, group) -> tuple[list[str], list[tuple]]:
    """What is wrong with columns of the file, and with cells; a role is None if its column is not of the file."""
    frame, columns = table.frame, []
    levels = {column: kind for column, kind in kinds.items() if isinstance(kind, list)}
    numeric = dict.fromkeys(column for column in (outcome, time) if column and column not in kinds)
    numeric |= dict.fromkeys(column for column, kind in kinds.items() if kind == "number")
    if outcome in numeric and (few := like_levels(frame[outcome])):
        numeric.pop(outcome)
        columns.append(
            f"column {outcome}: all its values are '{short(few[0])}'"
            if len(few) == 1
            else f"column {outcome}: its values are no numbers; if they are levels, write them in their order: "
            f"data: {{types: {{{outcome}: [{', '.join(few)}]}}}}"
        )
    checks = _wrong_cells(frame, unit, list(numeric), group) + _other_levels(frame, levels)
    places = ((row, f"{table.at(row)}, column {column}: ", told) for column, rows, told in checks for row in rows)
    return columns + _unused_levels(frame, levels), sorted(places, key=lambda place: place[0])


def _refuse(path, columns: list[str], cells: list[tuple]) -> None:
    """Raise StudyError if something is wrong."""
    number = len(columns) + len(cells)
    if not number:
        return
    shown = columns[:_SHOWN]
    shown += [place + told(row) for row, place, told in cells[: _SHOWN - len(shown)]]
    shown += [f"and {number - _SHOWN} more"] if number > _SHOWN else []
    raise StudyError(
        f"{path} does not fit the study; problems: {number}\n  "
        + "\n  ".join(shown)
        + "\nCorrect the file, or name other columns or types (data.unit, outcome, time, group, types)."
    )


def _too_few(frame: pd.DataFrame, unit: str, outcome: str, time: str | None) -> list[str]:
    """What the typed data are too few for."""
    measured = frame.loc[frame[outcome].notna(), unit]
    problems = []
    if measured.nunique() < 2:
        problems.append(f"column {unit}: fewer than 2 units have a value of {outcome}")
    return problems + [
        f"column {column}: fewer than 2 different values"
        for column in (outcome, time)
        if column and frame[column].nunique() < 2
    ]


def measured_once(frame: pd.DataFrame, unit: str, outcome: str) -> str:
    """What to say of data in which no unit has 2 values of the outcome; empty of others."""
    if frame.loc[frame[outcome].notna(), unit].duplicated().any():
        return ""
    return (
        f"column {unit}: no unit has 2 values of {outcome}; is this the column of the units, and is there a line for "
        "each measurement?"
    )


def _unused_levels(frame: pd.DataFrame, levels: dict[str, list[str]]) -> list[str]:
    """Levels that the config lists and no row has: a model could say nothing about them."""
    return [
        f"column {column}: no row has the level '{short(level)}' of data.types"
        for column, listed in levels.items()
        for level in listed
        if not (frame[column] == level).any()
    ]


def _other_levels(frame: pd.DataFrame, levels: dict[str, list[str]]) -> list[tuple]:
    """Values that are not among the levels that the config lists, as `_wrong_cells` has them."""

    def not_listed(column: str, listed: list[str]):
        def told(row: int) -> str:
            value = frame.loc[row, column]
            hint = suggest(value, listed)
            return f"'{short(value)}' is not among the levels of data.types ({listing(listed, 8)}).{hint}"

        return told

    return [
        (column, frame.index[frame[column].notna() & ~frame[column].isin(listed)].tolist(), not_listed(column, listed))
        for column, listed in levels.items()
    ]


def _wrong_cells(frame: pd.DataFrame, unit: str, numeric: list[str], group: str | None) -> list[tuple]:
    """Of each check its column, the rows that fail it, and a function that says what is wrong in one of them."""

    def rows(failed: pd.Series) -> list[int]:
        return frame.index[failed].tolist()

    def not_a_number(column: str):
        return lambda row: f"'{short(frame.loc[row, column])}' {_not_a_number(frame.loc[row, column])}"

    def invisible(column: str):
        return lambda row: (
            f"'{short(frame.loc[row, column])}' has the character "
            f"U+{ord(re.search(_INVISIBLE, frame.loc[row, column])[0]):04X}, which no file or page can show: delete it"
        )

    checks = [
        (column, rows(frame[column].notna() & numbers(frame[column]).isna()), not_a_number(column))
        for column in numeric
    ]
    checks += [
        (column, rows(frame[column].str.contains(_INVISIBLE).fillna(False).astype(bool)), invisible(column))
        for column in frame.columns.drop("row")
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
    if re.fullmatch(r"[+-]?[0-9]{1,3}((\.[0-9]{3})+,|(,[0-9]{3})+\.)[0-9]+", value):
        whole, decimals = re.split(r"[.,](?=[0-9]+$)", value)
        return f"has a mark between thousands: write {re.sub('[.,]', '', whole)}.{decimals}"
    if re.fullmatch(r"[+-]?[0-9]{1,3}(['’\s][0-9]{3})+([.,][0-9]+)?", value):
        return f"has a mark between thousands: write {re.sub(r"['’\s]", '', value).replace(',', '.')}"
    if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", value):
        return f"has a comma: write {value.replace(',', '.')} if it is a decimal comma"
    if re.fullmatch(r"[+-]?(inf|infinity)", value, re.IGNORECASE) or re.fullmatch(NUMBER, value):
        return "is not finite"
    if number := re.fullmatch(rf"({NUMBER})\s*[A-Za-zµ°%]+", value):
        return f"is a number with text: write {number[1]}"
    if re.fullmatch(DATE, value):
        return "is a date: in data.derive, years(...) makes a number of it"
    plain = re.sub("[\N{MINUS SIGN}\N{EN DASH}\N{HYPHEN}]", "-", unicodedata.normalize("NFKC", value))
    if re.fullmatch(NUMBER, plain):
        other = next(character for character in value if not character.isascii())
        return f"has the character U+{ord(other):04X} ({unicodedata.name(other).lower()}): write {plain}"
    return "is not a number (missing values are NA or empty)"
