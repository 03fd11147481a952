"""Tables of results: written whole, and read by other jobs, if they are still what was written."""

import os
from collections.abc import Iterable

import pandas as pd

from partialpool.errors import StudyError
from partialpool.jobs.written import require_as_written, written


def read_table(path, text: Iterable[str] = ()) -> pd.DataFrame:
    """A table of results.

    Parameters
    ----------
    path
        Its CSV file.
    text
        Columns of names, ids and levels. They stay what they are, also where they look like numbers or missing values:
        1, 007, None. A table may lack some of them.

    Raises
    ------
    StudyError
        If the file is not the one that was written here; where nobody knows which one that was, as in results from an
        archive, if it ends within a line.
    """
    require_as_written(path)
    with open(path, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        if file.read() not in (b"", b"\n"):
            raise StudyError(f"'{path}' is cut short: it ends within a line. Delete it and run again.")
    return pd.read_csv(path, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=[""])


def write_table(table: pd.DataFrame, path) -> None:
    """Write a table of results, whole or not at all: as Parquet if the name of the file says so, else as CSV."""
    with written(path) as temporary:
        if temporary.suffix == ".parquet":
            table.to_parquet(temporary)
        else:
            table.to_csv(temporary, index=False)
