"""A text file with a separator, read strictly: which separator, and whether decimals have commas, is found out."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import batched, islice

import pandas as pd

from partialpool.data.encodings import UTF_8, as_utf8
from partialpool.data.pages import LOOKED_AT, refuse_page
from partialpool.data.table import (
    TITLE,
    Table,
    check_names,
    listing,
    numbered,
    plain,
    refuse_size,
    short,
    without_missing,
    without_row_names,
)
from partialpool.data.types import NUMBER
from partialpool.errors import StudyError

BLOCK = 20_000
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
# A number of ``types.NUMBER`` with a comma in the place of its point.
_COMMA = NUMBER.replace(r"\.", ",")
# By its mark, what may be whole numbers with the mark between thousands.
_THOUSANDS = {mark: rf"[+-]?[1-9][0-9]{{0,2}}{re.escape(mark)}[0-9]{{3}}|[0-9]{{1,3}}" for mark in ",."}
# What Excel and its exports may have in the first line.
_INSTRUCTION = re.compile(rb'\s*"?sep=(.)"?[ ,;\t]*\r?\n', re.IGNORECASE)
_DOTTED_DATE = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})( [0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?")


def read(path, content: bytes, notes: tuple[str, ...] = (), encoding: str | None = None) -> Table:
    """Read text with a separator strictly, every value as text.

    Lines have one record each, the first has the names, or the second where the first is an instruction to Excel
    (``sep=;``). The separator is what this names, or the comma, semicolon or tab that splits the header. Where it is
    not a comma, columns may have decimal commas, all of them or none; they become points. Columns of dates such as
    ``31.03.2024`` become ``2024-03-31``. Rows that are empty at the end are left out, and so are last columns with
    neither name nor value.

    Parameters
    ----------
    path
        The file, for messages.
    content
        Its bytes, unpacked.
    notes
        What is known about the file already.
    encoding
        One of `encodings.ENCODINGS`; None is UTF-8, with or without a byte order mark.

    Raises
    ------
    StudyError
        The file is not such a text; the message says in which line and what to do.
    """
    content = as_utf8(path, content, encoding)
    _refuse_other(path, content)
    content, separator = _instruction(path, content)
    top = 1 if separator is None else 2
    separator = separator or _separator(content)
    records = _records(path, content, separator, top)
    header = [plain(name) for name in next(records)]
    parts, uneven = [], None
    # In blocks, since a list for each line takes many times the memory of the columns.
    for block in batched(records, BLOCK):
        lengths = enumerate(map(len, block), start=top + 1 + len(parts) * BLOCK)
        uneven = uneven or next(((line, length) for line, length in lengths if length != len(header)), None)
        if not uneven:
            parts.append(pd.DataFrame(dict(enumerate(map(_text, zip(*block, strict=True))))))
        refuse_size(path, BLOCK * (len(parts) - 1), len(header))
    if len(header) == 1:
        _refuse_one_column(path, header[0], top)
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({i: [] for i, _ in enumerate(header)})
    if not uneven:
        header, frame = _without_empty_ends(header, frame)
    check_names(path, header, f", line {top}")
    if uneven:
        mend = "Is there a separator in text without quotes, or a decimal comma?"
        if uneven == (top + 1, len(header) + 1):
            mend += "\nOr does each line begin with the name of its row? Leave these out (in R: row.names = FALSE)."
        raise StudyError(
            f"{path}, line {uneven[0]}: {uneven[1]} values, but the header has {len(header)} "
            f"columns ({listing(header)}), separated by {_SEPARATORS[separator]}.\n{mend}"
        )
    columns, header, left_out = without_row_names(path, [frame[i] for i in frame], header, f", line {top}")
    frame = numbered(path, columns, header, f", line {top}")
    told = f"text in the encoding {encoding}, " if encoding not in (None, UTF_8) else "text "
    notes = (*notes, f"{told}separated by {_SEPARATORS[separator]}", *left_out)
    if separator != ",":
        notes += _with_points(path, frame, top)
    return Table(frame, first=top + 1, notes=notes + _with_iso_dates(frame, top))


def _refuse_other(path, content: bytes) -> None:
    if b"\0" in content[:LOOKED_AT].lstrip().partition(b"\n")[0][:40]:
        raise StudyError(f"{path} is no text: save it as CSV with encoding UTF-8, or as .xlsx, .parquet, .sav or .dta.")
    refuse_page(path, content)


def _instruction(path, content: bytes) -> tuple[bytes, str | None]:
    """The text without a first line that is an instruction to Excel (``sep=;``), and the separator that it names."""
    if not (match := _INSTRUCTION.match(content)):
        return content, None
    separator = match[1].decode(errors="replace")
    if separator not in _SEPARATORS:
        raise StudyError(
            f"{path}, line 1: '{match[0].decode(errors='replace').strip()}' names a separator that is no comma, "
            "semicolon or tab. Save the file with one of these."
        )
    return content[match.end() :], separator


def _separator(content: bytes) -> str:
    """The mark that splits the header, and most of the first lines into as many fields; a comma if none does."""
    lines = list(islice(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline=""), 20))

    def fitting(mark: str) -> tuple[bool, int, int]:
        try:
            counts = [len(record) for record in csv.reader(lines, delimiter=mark, skipinitialspace=True)]
        except csv.Error:
            return False, 0, 0
        first = counts[0] if counts else 0
        return first > 1, counts.count(first), first

    return max(_SEPARATORS, key=fitting)


def _records(path, content: bytes, separator: str, top: int) -> Iterator[list[str]]:
    """Split the text into records, so that record i is line i + ``top``."""
    text = io.TextIOWrapper(io.BytesIO(content.rstrip(b"\r\n")), encoding="utf-8", newline="")
    reader = csv.reader(text, delimiter=separator, strict=True, skipinitialspace=True)
    line = top
    try:
        for record in reader:
            if not record:
                raise csv.Error("the line is empty")
            if reader.line_num > line - top + 1:
                raise csv.Error("a field in quotes runs over several lines")
            yield record
            line += 1
    except csv.Error as error:
        raise StudyError(
            f"{path}, line {line}: {error}.\nEvery line must be one record, and every quote be closed in its line."
        ) from None
    if line == top:
        raise StudyError(f"{path} is empty.")


def _text(values: tuple[str, ...]) -> pd.Series:
    return without_missing(pd.Series(values, dtype="str"))


def _refuse_one_column(path, name: str, line: int) -> None:
    bars = ", separated by bars" if "|" in name else ""
    raise StudyError(
        f"{path}, line {line}: there is only one column, '{short(name)}'{bars}.\n"
        f"The separator must be a comma, a semicolon or a tab. {TITLE} delete what stands above them."
    )


def _without_empty_ends(header: list[str], frame: pd.DataFrame) -> tuple[list[str], pd.DataFrame]:
    """Names and columns without the last ones that have neither name nor value, and without the last rows of no value.

    Excel writes the cells of both where something stood once.
    """
    while len(header) > 1 and not header[-1] and frame[len(header) - 1].isna().all():
        header = header[:-1]
    frame = frame[range(len(header))]
    filled = frame.notna().any(axis="columns")
    return header, frame.loc[: filled[::-1].idxmax()] if filled.any() else frame


def _with_points(path, frame: pd.DataFrame, top: int) -> tuple[str, ...]:
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
        return row + top + 1, frame.loc[row, column]

    def doubted(column: str, mark: str) -> bool:
        return frame[column].dropna().str.fullmatch(_THOUSANDS[mark]).all()

    if not commas:
        thousands = [column for column in points if doubted(column, ".")]
        if not thousands:
            return ()
        line, value = first(thousands[0], ".")
        return (
            f"points before three digits in {listing(thousands)} (line {line}: '{value}' is read as {float(value):g}; "
            "if the point stands between thousands, remove it from the file)",
        )
    line, value = first(commas[0], ",")
    if points:
        other, with_point = first(points[0], ".")
        raise StudyError(
            f"{path} has decimal commas and decimal points:\n"
            f"  line {line}, column {commas[0]}: '{value}'\n  line {other}, column {points[0]}: '{with_point}'\n"
            "Write all numbers in the same way, without marks between thousands."
        )
    thousands = all(doubted(column, ",") for column in commas)
    for column in commas:
        frame[column] = frame[column].str.replace(",", ".", regex=False)
    doubt = "; if the comma stands between thousands, remove it from the file" if thousands else ""
    read_as = value.replace(",", ".")
    return (f"decimal commas in {listing(commas)} (line {line}: '{value}' is read as {read_as}{doubt})",)


def _with_iso_dates(frame: pd.DataFrame, top: int) -> tuple[str, ...]:
    """Write dates such as 31.03.2024 as 2024-03-31, in place; returns what is to be said about it.

    With points between them they are a day, a month and a year in every country that writes so.
    """
    changed = []
    for column in frame.columns.drop("row"):
        values = frame[column].dropna()
        if values.empty or not values.str.fullmatch(_DOTTED_DATE).all():
            continue
        turned = values.str.replace(_DOTTED_DATE, _turned, regex=True)
        if pd.to_datetime(turned.str[:10], format="%Y-%m-%d", errors="coerce").notna().all():
            line = values.index[0] + top + 1
            changed.append(f"dates of {column} (line {line}: '{values.iloc[0]}' is read as {turned.iloc[0]})")
            frame[column] = turned.reindex(frame.index)
    return tuple(changed)


def _turned(date: re.Match) -> str:
    return f"{date[3]}-{date[2]:0>2}-{date[1]:0>2}{date[4] or ''}"
