"""Tables of results: written whole, and read by other jobs, if they are still what was written.

A table that somebody has edited, cut or put in the place of another would be shown as if it were ours. So the checksum
of each is kept in Snakemake's own folder, beside its records of what the results were made from.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from partialpool.errors import StudyError
from partialpool.jobs.files import atomic, checksum

# A file of this folder for each table, under its path.
WRITTEN = Path(".snakemake/written")


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
    kept = _checksum_file(path)
    if kept and kept.is_file() and kept.read_text() not in ("", checksum(path)):
        raise StudyError(
            f"'{path}' is not as this study wrote it: it was edited, saved by another program, or replaced. Delete it "
            "and run again; to change a copy of it, keep that elsewhere."
        )
    with open(path, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        if file.read() not in (b"", b"\n"):
            raise StudyError(f"'{path}' is cut short: it ends within a line. Delete it and run again.")
    return pd.read_csv(path, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=[""])


def write_table(table: pd.DataFrame, path) -> None:
    """Write a table of results, whole or not at all: as Parquet if the name of the file says so, else as CSV."""
    if Path(path).suffix == ".parquet":
        with atomic(path) as temporary:
            table.to_parquet(temporary)
        return
    # If the process is killed between the two files, nothing is known of the table, instead of something wrong.
    if kept := _checksum_file(path):
        kept.unlink(missing_ok=True)
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False)
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(checksum(path))


def _checksum_file(path) -> Path | None:
    """Where the checksum of a table is kept; None of one outside of the folder in which Snakemake runs."""
    path = Path(path).absolute()
    if not WRITTEN.parent.is_dir() or not path.is_relative_to(Path.cwd()):
        return None
    return WRITTEN / f"{path.relative_to(Path.cwd())}.sha256"
