"""Which type a column of text becomes: what the config says, or else what its values and their labels are."""

import numpy as np
import pandas as pd

from partialpool.data.table import Table, listing, short

NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
DATE = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?"
# No leading zeros: they make 007 a name. 18 digits fit in 64 bits.
_WHOLE = r"0|-?[1-9][0-9]{0,17}"
# ASSUME: a column with so many different whole numbers, and no others, may be of codes. Two are the same as a number
# and as a category.
_CODES = range(3, 11)


def numbers(text: pd.Series) -> pd.Series:
    """Return the finite numbers, NaN where there is something else."""
    # Arrow's parser and not pandas', which may be wrong in the last bit.
    values = text.where(text.str.fullmatch(NUMBER)).astype("double[pyarrow]").astype("float64")
    return values.where(np.isfinite(values))


def typed(text: pd.Series, role: str | None, kind: str | list[str] | None) -> pd.Series:
    """A column with its type.

    Parameters
    ----------
    text
        Its values.
    role
        ``unit``, ``outcome``, ``time``, ``group`` or None.
    kind
        ``number``, ``category``, the levels of a category in their order, or None for what the values are.
    """
    if isinstance(kind, list):
        return text.astype(pd.CategoricalDtype(kind, ordered=True))
    if role == "time" or (role == "outcome" and kind != "category"):
        return numbers(text)
    of_levels = role == "group" or kind == "category"
    if not of_levels and text.str.fullmatch(_WHOLE).all():
        return text.astype("int64[pyarrow]").astype("int64")
    if role == "unit":
        return text
    if not of_levels and (values := numbers(text)).notna().equals(text.notna()):
        return values
    levels = text.dropna().drop_duplicates()
    numeric = numbers(levels).notna().all()
    levels = levels.sort_values(key=numbers if numeric else None)
    # A list, since the name of a series would become that of the categories, and Parquet lose it. Ordered where
    # formulae, which takes levels without an order by the alphabet, would put 10 before 9.
    return text.astype(pd.CategoricalDtype(levels.tolist(), ordered=bool(numeric)))


def like_levels(text: pd.Series) -> list[str]:
    """The different values of a column, in order of the alphabet, if they are few and none is a number; else none."""
    values = text.dropna().drop_duplicates()
    return sorted(values) if len(values) < _CODES.stop and numbers(values).isna().all() else []


def two_levels(frame: pd.DataFrame, outcome: str) -> dict[str, str]:
    """The type of an outcome with two values that are no numbers, as of yes and no; none of any other."""
    return {outcome: "category"} if len(like_levels(frame[outcome])) == 2 else {}


def label(table: Table, kinds: dict, *, unit: str, numeric: set[str | None]) -> tuple[dict, list[str]]:
    """Put labels in the place of codes, if every value of a column has another one; not in columns of numbers.

    Parameters
    ----------
    table
        Whose frame is changed in place.
    kinds
        Kinds of columns that the config gives, as `typed` takes them.
    unit
        Column of ids.
    numeric
        Columns that keep their codes.

    Returns
    -------
    kinds : dict
        With the labels that occur, in the order of their codes, of columns that had no levels yet.
    notes : list of str
        What is to be said of labels that are not used.
    """
    kinds, notes = dict(kinds), []
    for column, labels in table.labels.items():
        values = table.frame[column].dropna().unique()
        without = [value for value in values if value not in labels]
        alike = len({labels.get(value, value) for value in values}) < len(values)
        if column in numeric or kinds.get(column) == "number" or (without and column not in kinds) or alike:
            seen = [f"{code} '{short(text)}'" for code, text in labels.items() if code in values and code != text]
            if seen:
                notes.append(f"column {column}: codes and not their labels ({listing(seen, 5)})")
            continue
        table.frame[column] = table.frame[column].replace(labels)
        used = set(table.frame[column].dropna())
        if column != unit and not without and not isinstance(kinds.get(column), list):
            kinds[column] = [level for level in dict.fromkeys(labels.values()) if level in used]
    return kinds, notes


def like_codes(frame: pd.DataFrame, columns: list[str]) -> dict[str, list[int]]:
    """Columns that may be of codes and not of numbers, and their values: few different whole numbers.

    Parameters
    ----------
    frame
        Typed data.
    columns
        Those to look at.
    """
    few = {}
    for column in columns:
        if not pd.api.types.is_numeric_dtype(frame[column]):
            continue
        values = np.sort(frame[column].dropna().unique())
        if len(values) in _CODES and (values == np.floor(values)).all():
            few[column] = [int(value) for value in values]
    return few
