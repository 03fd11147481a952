"""A text file with a separator, read strictly: which separator, and whether decimals have commas, is found out."""

import csv
import io
from collections.abc import Iterator
from itertools import batched, islice

import pandas as pd

from partialpool.data.table import Table, check_names, listing, numbered, refuse_size, short, without_missing
from partialpool.data.types import NUMBER
from partialpool.errors import StudyError

BLOCK = 20_000
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
# A number of ``types.NUMBER`` with a comma in the place of its point.
_COMMA = NUMBER.replace(r"\.", ",")
_THOUSANDS = r"[+-]?[1-9][0-9]{0,2},[0-9]{3}|[0-9]{1,3}"


def read(path, content: bytes, notes: tuple[str, ...] = ()) -> Table:
    """Read text with a separator strictly, every value as text.

    Lines have one record each, the first has the names; the text is UTF-8, with or without a byte order mark. The
    separator is the comma, semicolon or tab that splits the header. Where it is not a comma, columns may have decimal
    commas, all of them or none; they become points.

    Parameters
    ----------
    path
        The file, for messages.
    content
        Its bytes, unpacked.
    notes
        What is known about the file already.

    Raises
    ------
    StudyError
        The file is not such a text; the message says in which line and what to do.
    """
    _refuse_other(path, content)
    separator = _separator(content)
    records = _records(path, content, separator)
    header = [name.strip() for name in next(records)]
    parts, uneven = [], None
    # In blocks, since a list for each line takes many times the memory of the columns.
    for block in batched(records, BLOCK):
        lengths = enumerate(map(len, block), start=2 + len(parts) * BLOCK)
        uneven = uneven or next(((line, length) for line, length in lengths if length != len(header)), None)
        if not uneven:
            parts.append(pd.DataFrame(dict(enumerate(map(_text, zip(*block, strict=True))))))
        refuse_size(path, BLOCK * (len(parts) - 1), len(header))
    if len(header) == 1:
        _refuse_one_column(path, header[0])
    check_names(path, header, ", line 1")
    if uneven:
        raise StudyError(
            f"{path}, line {uneven[0]}: {uneven[1]} values, but the header has {len(header)} "
            f"columns ({listing(header)}), separated by {_SEPARATORS[separator]}.\n"
            "Is there a separator in text without quotes, or a decimal comma?"
        )
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({i: [] for i, _ in enumerate(header)})
    frame = numbered(path, [frame[i] for i in frame], header, ", line 1")
    notes = (*notes, f"text separated by {_SEPARATORS[separator]}")
    if separator != ",":
        notes += _with_points(path, frame)
    return Table(frame, notes=notes)


def _refuse_other(path, content: bytes) -> None:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise StudyError(
            f"{path} is UTF-16 (Excel calls it Unicode text): save it as CSV with encoding UTF-8, or as .xlsx."
        )
    try:
        start = content.decode("utf-8-sig").lstrip()[:40].strip()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise StudyError(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} (number {error.start + 1} of "
            "the file) is not UTF-8.\nSave the file as CSV with encoding UTF-8, or as .xlsx, .parquet, .sav or .dta."
        ) from None
    if start.lower().startswith("sep="):
        raise StudyError(
            f"{path}, line 1: '{start.splitlines()[0]}' is an instruction to Excel and no header.\n"
            "Delete this line: commas, semicolons and tabs are told apart without it."
        )
    if "\0" in start.partition("\n")[0]:
        raise StudyError(f"{path} is no text: save it as CSV with encoding UTF-8, or as .xlsx, .parquet, .sav or .dta.")
    if start.startswith(("{", "[{")):
        raise StudyError(f"{path} is JSON: write it as CSV, with the names of the columns in the first line.")
    if start.startswith("<"):
        raise StudyError(
            f"{path} is not data but a web page: it starts with '{start}'.\n"
            "data.source must be the address of the file itself (on GitHub: the 'Raw' button)."
        )


def _separator(content: bytes) -> str:
    """The mark that splits the header, and most of the first lines into as many fields; a comma if none does."""
    lines = list(islice(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline=""), 20))

    def fitting(mark: str) -> tuple[bool, int, int]:
        try:
            counts = [len(record) for record in csv.reader(lines, delimiter=mark, skipinitialspace=True)]
        except csv.Error:
            return False, 0, 0
        first = counts[0] if counts else 0
        return first > 1, counts.count(first), first

    return max(_SEPARATORS, key=fitting)


def _records(path, content: bytes, separator: str) -> Iterator[list[str]]:
    """Split the file into records, so that record i is line i + 1."""
    text = io.TextIOWrapper(io.BytesIO(content.rstrip(b"\r\n")), encoding="utf-8-sig", newline="")
    reader = csv.reader(text, delimiter=separator, strict=True, skipinitialspace=True)
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
    return without_missing(pd.Series(values, dtype="str"))


def _refuse_one_column(path, name: str) -> None:
    bars = ", separated by bars" if "|" in name else ""
    raise StudyError(
        f"{path}, line 1: there is only one column, '{short(name)}'{bars}.\n"
        "The separator must be a comma, a semicolon or a tab."
    )


def _with_points(path, frame: pd.DataFrame) -> tuple[str, ...]:
    """Write decimal commas of ``frame`` as points, in place; returns what is to be said about it."""
    commas, points = [], []
    for column in frame.columns.drop("row"):
        values = frame[column].dropna()
        if values.str.contains(",", regex=False).any() and values.str.fullmatch(_COMMA).all():
            commas.append(column)
        elif values.str.contains(".", regex=False).any() and values.str.fullmatch(NUMBER).all():
            points.append(column)

    def first(column: str, mark: str) -> tuple[int, str]:
        row = frame[column].str.contains(mark, regex=False).fillna(False).idxmax()
        return row + 2, frame.loc[row, column]

    if not commas:
        return ()
    line, value = first(commas[0], ",")
    if points:
        other, with_point = first(points[0], ".")
        raise StudyError(
            f"{path} has decimal commas and decimal points:\n"
            f"  line {line}, column {commas[0]}: '{value}'\n  line {other}, column {points[0]}: '{with_point}'\n"
            "Write all numbers in the same way, without marks between thousands."
        )
    thousands = all(frame[column].dropna().str.fullmatch(_THOUSANDS).all() for column in commas)
    for column in commas:
        frame[column] = frame[column].str.replace(",", ".", regex=False)
    doubt = "; if the comma stands between thousands, remove it from the file" if thousands else ""
    read_as = value.replace(",", ".")
    return (f"decimal commas in {listing(commas)} (line {line}: '{value}' is read as {read_as}{doubt})",)
