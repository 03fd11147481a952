"""What every kind of data file becomes: columns of text, and the words by which messages call a row."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from partialpool.errors import StudyError

# ASSUME: these and nothing else mean "not measured": R writes NA, pandas nothing, NumPy nan, Excel #N/A.
MISSING = frozenset({"", "NA", "NaN", "nan", "#N/A"})
TITLE = "Is this a title? The names of the columns must come first:"
MOST_CELLS = 50_000_000
"""More values than these are not read: a small file may be made so that it unpacks to any size."""
MOST_BYTES = 500_000_000
"""A packed file is not unpacked further than this."""


@dataclass(frozen=True)
class Table:
    """A data file as text.

    Attributes
    ----------
    frame
        All columns ``str``, in the file's order; then ``row`` (int64), the data row counted from 0.
    where
        What a message calls a row of the file, before its number: ``line``.
    first
        Number of the first data row in the file.
    labels
        By column, the labels of its codes, in the order of the codes (value labels of SPSS and Stata).
    titles
        By column, what the file calls it (labels of variables of SPSS and Stata).
    notes
        What was found out about the file, for the log and the report.
    """

    frame: pd.DataFrame
    where: str = "line"
    first: int = 2
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def at(self, row: int) -> str:
        """What a message calls a row of ``frame``: ``line 7``."""
        return f"{self.where} {row + self.first}"


def numbered(path, columns: Sequence[pd.Series], names: Sequence[str], start: str) -> pd.DataFrame:
    """Columns with their names and ``row``.

    Parameters
    ----------
    path
        The file, for messages.
    columns
        One or more columns of text.
    names
        Their names.
    start
        Where the names stand, for messages: ``, line 1``.

    Raises
    ------
    StudyError
        A name is missing, stands twice or is ``row``; or there are no rows.
    """
    check_names(path, names, start)
    if not all(names):
        raise _nameless(path, start, 1, names)
    frame = pd.DataFrame(dict(enumerate(columns)), dtype="str").set_axis(list(names), axis="columns")
    if frame.empty:
        raise StudyError(f"{path}{start} has the names of {len(names)} columns but no data.")
    frame["row"] = np.arange(len(frame))
    return frame


def without_row_names(
    path, columns: Sequence[pd.Series], names: Sequence[str], start: str
) -> tuple[Sequence[pd.Series], Sequence[str], tuple[str, ...]]:
    """Columns and their names without a first one that names rows, as R and pandas write it; and what to say about it.

    Raises
    ------
    StudyError
        The first column has no name, and its values are not all there and different: ids of units may stand in it.
    """
    if not names or names[0]:
        return columns, names, ()
    if columns[0].isna().any() or columns[0].duplicated().any():
        raise _nameless(path, start, 1, names)
    return columns[1:], names[1:], ("the first column left out, which has names of rows and none itself",)


def check_names(path, names: Sequence[str], start: str) -> None:
    """Refuse names of columns that are missing, stand twice or have another meaning.

    The first may be missing where others follow: see `without_row_names`.
    """
    for number, name in enumerate(names, start=1):
        if not name and (number > 1 or len(names) == 1):
            raise _nameless(path, start, number, names)
        if name and name in names[: number - 1]:
            raise StudyError(
                f"{path}{start}: columns {names.index(name) + 1} and {number} are both called '{name}'.\nRename one."
            )
        if name == "row":
            raise StudyError(
                f"{path}{start}: column {number} is called 'row', the name that results use for\n"
                "the number of a data row. Rename it."
            )


def _nameless(path, start: str, number: int, names: Sequence[str]) -> StudyError:
    mend = "Name it, or leave it out."
    if len(names) > 2 and sum(map(bool, names)) == 1:
        mend = f"{TITLE} delete what stands above them."
    elif number > 1:
        mend = "Name it, or leave it out. A cell that is merged over several columns names the first of them only."
    return StudyError(f"{path}{start}: column {number} has no name.\n{mend}")


def plain(name: str) -> str:
    """The name of a column with one blank for all that is blank, since a formula cannot have other ones."""
    return " ".join(name.split())


def without_missing(text: pd.Series) -> pd.Series:
    """Text without blanks around it, and NA for what means "not measured"."""
    text = text.str.strip()
    return text.mask(text.isin(MISSING))


def refuse_size(path, rows: int, columns: int) -> None:
    """Refuse a file with more values than fit."""
    if rows * columns > MOST_CELLS:
        raise StudyError(
            f"{path} has {columns} columns and more than {MOST_CELLS // columns:,} rows, which is more than\n"
            f"{MOST_CELLS:,} values. Leave out the columns that the study does not use."
        )


def short(value: str, width: int = 40) -> str:
    """Text cut to a width."""
    return value if len(value) <= width else value[: width - 1] + "…"


def listing(names: list[str], shown: int = 30) -> str:
    """Names separated by commas, the first ones only if there are many."""
    more = [f"and {len(names) - shown} more"] if len(names) > shown else []
    return ", ".join([short(name) for name in names[:shown]] + more)
