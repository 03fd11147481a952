"""A CSV file as text, read strictly."""

import csv
import io
from collections.abc import Iterator
from itertools import batched
from pathlib import Path

import numpy as np
import pandas as pd

from partialpool.errors import StudyError

# ASSUME: these and nothing else mean "not measured": R writes NA, pandas nothing, NumPy nan.
MISSING = frozenset({"", "NA", "NaN", "nan"})
BLOCK = 20_000


def read(path: str | Path) -> pd.DataFrame:
    """Read a CSV file strictly, every value as text.

    Fields are separated by commas, lines have one record each, the first has the names; the text
    is UTF-8, with or without a byte order mark. Blanks around a value are removed. An empty field,
    ``NA``, ``NaN`` and ``nan`` are missing values.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    DataFrame
        One row per data line, all columns ``str``; then ``row`` (int64), the data line counted
        from 0, so that row ``r`` stands in line ``r + 2`` of the file.

    Raises
    ------
    StudyError
        The file is not such a CSV; the message says in which line and what to do.
    """
    content = Path(path).read_bytes()
    try:
        start = content.decode("utf-8-sig").lstrip()[:40].strip()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise StudyError(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} (number {error.start + 1} of "
            "the file) is not UTF-8.\nSave the file as CSV with encoding UTF-8."
        ) from None
    if start.startswith("<"):
        raise StudyError(
            f"{path} is not CSV but a web page: it starts with '{start}'.\n"
            "data.source must be the address of the file itself (on GitHub: the 'Raw' button)."
        )

    records = _records(path, content)
    header = [name.strip() for name in next(records)]
    parts, uneven = [], None
    # In blocks, since a list for each line takes many times the memory of the columns.
    for block in batched(records, BLOCK):
        lengths = enumerate(map(len, block), start=2 + len(parts) * BLOCK)
        uneven = uneven or next(((line, length) for line, length in lengths if length != len(header)), None)
        if not uneven:
            parts.append(pd.DataFrame(dict(enumerate(map(_text, zip(*block, strict=True))))))
    _check_header(path, header)
    if uneven:
        raise StudyError(
            f"{path}, line {uneven[0]}: {uneven[1]} values, but the header has {len(header)} "
            f"columns ({listing(header)}).\n"
            "Is there a decimal comma, or a comma in text without quotes?"
        )
    if not parts:
        raise StudyError(f"{path} has a header (line 1) but no data.")
    frame = pd.concat(parts, ignore_index=True).set_axis(header, axis="columns")
    frame["row"] = np.arange(len(frame))
    return frame


def _records(path, content: bytes) -> Iterator[list[str]]:
    """Split the file into records, so that record i is line i + 1."""
    text = io.TextIOWrapper(io.BytesIO(content.rstrip(b"\r\n")), encoding="utf-8-sig", newline="")
    reader = csv.reader(text, strict=True, skipinitialspace=True)
    line = 1
    try:
        for record in reader:
            if not record:
                raise csv.Error("the line is empty")
            if reader.line_num > line:
                raise csv.Error("a field in quotes runs over several lines")
            yield record
            line += 1
    except csv.Error as error:
        raise StudyError(
            f"{path}, line {line}: {error}.\nEvery line must be one record, and every quote be closed in its line."
        ) from None
    if line == 1:
        raise StudyError(f"{path} is empty.")


def _text(values: tuple[str, ...]) -> pd.Series:
    text = pd.Series(values, dtype="str").str.strip()
    return text.mask(text.isin(MISSING))


def _check_header(path, header: list[str]) -> None:
    if len(header) == 1:
        other = {";": "semicolons", "\t": "tabs", "|": "bars"}
        separators = [name for mark, name in other.items() if mark in header[0]]
        raise StudyError(
            f"{path}, line 1: there is only one column, '{short(header[0])}'"
            + (f", separated by {separators[0]}" if separators else "")
            + ".\nThe separator must be a comma (in R: write.csv, not write.csv2)."
        )
    for number, name in enumerate(header, start=1):
        if not name:
            raise StudyError(
                f"{path}, line 1: column {number} has no name.\n"
                "Name it, or leave it out (in R: write.csv(..., row.names = FALSE))."
            )
        if name in header[: number - 1]:
            raise StudyError(
                f"{path}, line 1: columns {header.index(name) + 1} and {number} are both called '{name}'.\nRename one."
            )
        if name == "row":
            raise StudyError(
                f"{path}, line 1: column {number} is called 'row', the name that results use for\n"
                "the number of a data line. Rename it."
            )


def short(value: str, width: int = 40) -> str:
    return value if len(value) <= width else value[: width - 1] + "…"


def listing(names: list[str], shown: int = 30) -> str:
    more = [f"and {len(names) - shown} more"] if len(names) > shown else []
    return ", ".join([short(name) for name in names[:shown]] + more)
