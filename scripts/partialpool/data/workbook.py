"""The first sheet of an Excel workbook (.xlsx)."""

import datetime
import warnings
import zipfile

import pandas as pd

from partialpool.data.table import (
    MOST_BYTES,
    TITLE,
    Table,
    check_names,
    numbered,
    plain,
    refuse_size,
    short,
    without_missing,
    without_row_names,
)
from partialpool.errors import StudyError

MOST_ROWS = 1_048_576
# ASSUME: rows are hidden by hand, in workbooks with at most so many bytes of sheets: larger ones take long to look at.
MOST_LOOKED_AT = 20_000_000
_ERRORS = frozenset({"#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"})


def read(path) -> Table:
    """Read the first sheet that is a table: names in its first row, below them a row for each measurement.

    Of a formula the value is taken that Excel computed last. Rows that are empty at the end are left out.

    Raises
    ------
    StudyError
        This is no workbook, it would unpack to more than `MOST_BYTES`, or a cell has an error or no name above it.
    """
    _refuse_bomb(path)
    from openpyxl import load_workbook

    with warnings.catch_warnings(), open(path, "rb") as file:
        # Of what a workbook may have besides values: styles, validation, extensions.
        warnings.simplefilter("ignore")
        try:
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"] or book.worksheets
            if not sheets:
                raise StudyError(f"{path} has no sheet with cells.")
            header, rows = _cells(path, sheets[0])
            if any("" in row for row in rows):
                formulas = load_workbook(file, read_only=True, keep_links=False)[sheets[0].title]
                _refuse_not_computed(path, formulas, header, rows)
            hidden = _hidden(file, sheets[0].title, rows)
        except StudyError:
            raise
        # Whatever is wrong in a damaged file: openpyxl has no class for it.
        except Exception as error:
            raise StudyError(
                f"{path} cannot be read as an Excel workbook: {type(error).__name__}: {str(error)[:200]}\n"
                "Open it in Excel and save it again as .xlsx."
            ) from None
    title = sheets[0].title
    columns = [without_missing(pd.Series(column, dtype="str")) for column in zip(*rows, strict=True)]
    columns = columns or [pd.Series(dtype="str") for _ in header]
    columns, header, left_out = without_row_names(path, columns, header, f", sheet '{title}', row 1")
    frame = numbered(path, columns, header, f", sheet '{title}', row 1")
    others = f", the first of {len(sheets)}; the others are not read" if len(sheets) > 1 else ""
    return Table(
        frame, where=f"sheet '{title}', row", notes=(f"Excel workbook, sheet '{title}'{others}", *hidden, *left_out)
    )


def _refuse_bomb(path) -> None:
    """Look at sizes before anything is unpacked. What is longer than it says is an error when it is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise StudyError(f"{path} cannot be read as an Excel workbook: {error}.\nIs the file complete?") from None
    if {"mimetype", "content.xml"} <= {*names}:
        raise StudyError(f"{path} is an OpenDocument file, as of LibreOffice (.ods): save it as .xlsx or CSV.")
    if "[Content_Types].xml" not in names or not any(name.startswith("xl/") for name in names):
        raise StudyError(f"{path} is a zip and no Excel workbook (.xlsx): unpack it, and name the file in it.")
    if size > MOST_BYTES:
        raise StudyError(f"{path} unpacks to {size:,} bytes, more than {MOST_BYTES:,}: this is not read.")


def _cells(path, sheet) -> tuple[list[str], list[list[str]]]:
    """Names and rows of text of a sheet."""
    # What the file says about its size may be wrong, or all that a sheet can have.
    sheet.reset_dimensions()
    lines = sheet.iter_rows(values_only=True)
    header = [plain(_text(value)) for value in next(lines, ())]
    while header and not header[-1]:
        header.pop()
    check_names(path, header, f", sheet '{sheet.title}', row 1")
    if not header:
        raise StudyError(f"{path}, sheet '{sheet.title}': row 1 is empty; it must have the names of the columns.")
    rows: list[list[str]] = []
    blank = 0
    for number, values in enumerate(lines, start=2):
        if number > MOST_ROWS:
            raise StudyError(f"{path}, sheet '{sheet.title}': a row has a number above {MOST_ROWS:,}, Excel's last.")
        row = _row(path, sheet.title, number, values, header)
        # Kept only if there is something below: a sheet with a format in its last row has a million of them.
        if not any(row):
            blank += 1
            continue
        refuse_size(path, number - 1, len(header))
        rows += [[""] * len(header)] * blank + [row]
        blank = 0
    return header, rows


def _hidden(file, title: str, rows: list[list[str]]) -> tuple[str, ...]:
    """What to say of rows that a filter or a hand has hidden: nothing where there are none, or in a large file."""
    from openpyxl import load_workbook

    with zipfile.ZipFile(file) as archive:
        sheets = [entry for entry in archive.infolist() if entry.filename.startswith("xl/worksheets/")]
        small = sum(entry.file_size for entry in sheets) <= MOST_LOOKED_AT
        if not small or not any(b" hidden=" in archive.read(entry) for entry in sheets):
            return ()
    # Sheets that are only read do not tell it.
    looks = load_workbook(file, keep_links=False)[title].row_dimensions
    hidden = [
        number for number, row in enumerate(rows, start=2) if any(row) and number in looks and looks[number].hidden
    ]
    if not hidden:
        return ()
    which = (
        f"row {hidden[0]}, which Excel hides, is" if len(hidden) == 1 else f"{len(hidden)} rows that Excel hides are"
    )
    return (f"{which} read too: delete what a filter was to leave out",)


def _refuse_not_computed(path, sheet, header: list[str], rows: list[list[str]]) -> None:
    """Refuse a formula without a value, as programs write it that are no spreadsheets: its cell is not empty."""
    sheet.reset_dimensions()
    for number, (cells, row) in enumerate(zip(sheet.iter_rows(min_row=2), rows, strict=False), start=2):
        for name, cell, text in zip(header, cells, row, strict=False):
            if not text and cell.data_type == "f":
                raise StudyError(
                    f"{path}, sheet '{sheet.title}', row {number}, column {name}: the formula has not been computed "
                    "yet. Open the file in Excel and save it again."
                )


def _row(path, title: str, number: int, values: tuple, header: list[str]) -> list[str]:
    texts = [_text(value) for value in values]
    for column, text in enumerate(texts):
        place = f"{path}, sheet '{title}', row {number}, column"
        if text in _ERRORS:
            name = header[column] if column < len(header) else column + 1
            raise StudyError(f"{place} {name}: the cell has the error {text}. Correct it, or leave it empty.")
        if text and column >= len(header):
            title = f"\nRow 1 has '{short(header[0])}' alone. {TITLE} delete what stands above them."
            raise StudyError(
                f"{place} {column + 1}: '{text[:40]}' stands in a column without a name (row 1)."
                f"{title if len(header) == 1 else ''}"
            )
    return texts[: len(header)] + [""] * (len(header) - len(texts))


def _text(value) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case datetime.datetime() if value.time() == datetime.time():
            return value.date().isoformat()
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case float():
            return repr(value)
        case _:
            return str(value).strip()
