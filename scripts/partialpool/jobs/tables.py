"""Tables of results: written whole, and read by other jobs."""

from collections.abc import Iterable

import pandas as pd

from partialpool.jobs.files import atomic


def read_table(path, text: Iterable[str] = ()) -> pd.DataFrame:
    """A table of results.

    Parameters
    ----------
    path
        Its CSV file.
    text
        Columns of names, ids and levels. They stay what they are, also where they look like numbers or missing values:
        1, 007, None. A table may lack some of them.
    """
    return pd.read_csv(path, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=[""])


def write_table(table: pd.DataFrame, path) -> None:
    """Write a table of results, whole or not at all: as Parquet if the name of the file says so, else as CSV."""
    with atomic(path) as temporary:
        if temporary.suffix == ".parquet":
            table.to_parquet(temporary)
        else:
            table.to_csv(temporary, index=False)
