"""What a stranger's columns look like before anything is known about them."""

import keyword
import re
from dataclasses import dataclass

import pandas as pd

from partialpool.data.table import Table, listing, short
from partialpool.data.types import DATE, numbers

_SHOWN = 4


@dataclass(frozen=True)
class Column:
    """One column of a data file.

    Attributes
    ----------
    name
        As the file has it.
    kind
        ``whole numbers``, ``numbers``, ``dates``, ``text``, or ``nothing`` where no row has a value.
    distinct
        How many different values.
    missing
        How many rows have none.
    repeated
        Whether a value stands in more than one row, as that of a unit must.
    first
        The first different values.
    """

    name: str
    kind: str
    distinct: int
    missing: int
    repeated: bool
    first: tuple[str, ...]


def look(table: Table) -> list[Column]:
    """Describe the columns of a data file, in its order."""
    return [_column(name, table.frame[name]) for name in table.frame.columns.drop("row")]


def _column(name: str, text: pd.Series) -> Column:
    values = text.dropna()
    different = values.drop_duplicates()
    return Column(
        name=name,
        kind=_kind(values),
        distinct=len(different),
        missing=int(text.isna().sum()),
        repeated=len(different) < len(values),
        first=tuple(different.head(_SHOWN)),
    )


def _kind(values: pd.Series) -> str:
    if values.empty:
        return "nothing"
    if values.str.fullmatch(DATE).all():
        return "dates"
    as_numbers = numbers(values)
    if as_numbers.isna().any():
        return "text"
    return "whole numbers" if (as_numbers % 1 == 0).all() else "numbers"


def as_table(columns: list[Column]) -> str:
    """The columns as lines for a terminal: name, kind, different values, missing ones, and the first values."""
    rows = [("column", "values", "different", "missing", "first")]
    rows += [
        (short(c.name, 24), c.kind, str(c.distinct), str(c.missing), listing([short(v, 14) for v in c.first]))
        for c in columns
    ]
    widths = [max(map(len, cells)) for cells in list(zip(*rows, strict=True))[:-1]]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    )


def in_wide_form(outcome: str, names: list[str]) -> str:
    """What to say where one outcome stands in several columns, as `score_1` to `score_6` do; empty if it does not."""
    stem = re.escape(re.sub(r"[._ ]?\d+$", "", outcome))
    several = [name for name in names if re.fullmatch(rf"{stem}[._ ]?\d+", name)]
    if len(several) < 2:
        return ""
    return (
        f"\n{several[0]} to {several[-1]} may be one outcome at {len(several)} times. Give each a line of its own:\n"
        "in R tidyr::pivot_longer(), in Python pandas.melt(), in SPSS varstocases."
    )


def quoted(name: str) -> str:
    """A column as formulas and derived columns name it: in backquotes if it is no plain name."""
    plain = re.fullmatch(r"[^\W\d_]\w*", name) and not keyword.iskeyword(name)
    return name if plain else f"`{name}`"
