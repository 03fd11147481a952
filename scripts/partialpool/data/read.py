"""A data file of any kind as text, read strictly. Its content says what kind it is, not its name."""

import gzip
import zlib
from pathlib import Path

from partialpool.data.table import MOST_BYTES, Table
from partialpool.errors import StudyError

_OF_R = "an R data file: in R, write.csv(x, 'data.csv', row.names = FALSE)"
# First bytes of files that are not read, and what to do with them.
_REFUSED = {
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls): save it as .xlsx",
    b"RDX": _OF_R,
    b"X\n\0\0\0": _OF_R,
    b"BZh": "packed by bzip2: unpack it",
    b"\xfd7zXZ": "packed by xz: unpack it",
    b"7z\xbc\xaf": "packed by 7-Zip: unpack it",
    b"\x28\xb5\x2f\xfd": "packed by Zstandard: unpack it",
    b"ARROW1": "an Arrow (Feather) file: write it as Parquet",
    b"SQLite format 3": "a database of SQLite: export the table as CSV",
    b"version https://git-lfs": "a pointer of Git LFS and not the file itself: git lfs pull",
    bytes(12) + b"\xc2\xea\x81\x60": "a file of SAS: export it as CSV",
    b"HEADER RECORD*******L": "a transport file of SAS (.xpt): export it as CSV",
    b"ASCII SPSS PORT FILE": "a portable file of SPSS (.por): save it as .sav",
    b"\x89HDF": "an HDF5 file: write the table as CSV or Parquet",
    b"%PDF": "a PDF",
}
# ASSUME: Stata's files before release 13 begin with a release (105 to 115), an order of bytes and a 1.
_OLD_STATA = tuple(bytes((release, order, 1)) for release in range(105, 116) for order in (1, 2))
_EXCEL, _PARQUET, _SPSS, _STATA = (b"PK\x03\x04",), (b"PAR1",), (b"$FL2", b"$FL3"), (b"<stata_dta>", *_OLD_STATA)
_NO_TEXT = (*_EXCEL, *_PARQUET, *_SPSS, *_STATA)


def read(path: str | Path, encoding: str | None = None) -> Table:
    """Read a data file, every value as text.

    CSV (commas, semicolons or tabs; decimal points or commas; gzip or not), Parquet, Excel (.xlsx, its first sheet),
    SPSS (.sav) and Stata (.dta). Blanks around a value are removed. An empty value, ``NA``, ``NaN``, ``nan``, ``#N/A``,
    and what SPSS and Stata declare as missing are missing values. Numbers are the shortest text that gives them again,
    dates are ``2024-03-31``. A first column without a name is left out where its values are all different.

    Parameters
    ----------
    path
        The file.
    encoding
        One of `encodings.ENCODINGS`, of a text file that is not UTF-8.

    Returns
    -------
    Table
        The columns; names of rows for messages; value labels; and what was found out about the file.

    Raises
    ------
    StudyError
        The file is none of these, or damaged, or larger than the limits in `table`; the message says where.
    """
    with open(path, "rb") as file:
        start = file.read(32)
    _refuse(path, start)
    if encoding and start.startswith(_NO_TEXT):
        raise StudyError(f"{path} is no text file, so it has no encoding: leave that out (data.encoding).")
    # Each imported where it is used: to import what reads Excel or SPSS takes longer than to read a CSV.
    if start.startswith(_EXCEL):
        from partialpool.data import workbook

        return workbook.read(path)
    if start.startswith(_PARQUET):
        from partialpool.data import columnar

        return columnar.parquet(path)
    if start.startswith((*_SPSS, *_STATA)):
        from partialpool.data import columnar

        return columnar.labelled(path, "SPSS" if start.startswith(_SPSS) else "Stata")
    from partialpool.data import delimited

    if start.startswith(b"\x1f\x8b"):
        content = _unpacked(path)
        # As R packs its files.
        _refuse(path, content)
        return delimited.read(path, content, ("unpacked by gzip",), encoding)
    return delimited.read(path, Path(path).read_bytes(), encoding=encoding)


def _refuse(path, start: bytes) -> None:
    """Raise StudyError for a file of another kind, by its first bytes."""
    if kind := next((kind for mark, kind in _REFUSED.items() if start.startswith(mark)), None):
        raise StudyError(f"{path} is {kind}.")


def _unpacked(path) -> bytes:
    try:
        with gzip.open(path) as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise StudyError(f"{path} is damaged or cut short: it cannot be unpacked by gzip ({error}).") from None
    if len(content) > MOST_BYTES:
        raise StudyError(f"{path} unpacks to more than {MOST_BYTES:,} bytes: this is not read.")
    return content
