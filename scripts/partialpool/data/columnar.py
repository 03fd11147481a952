"""Files kept by column, with types (Parquet, SPSS, Stata): their values become text, as those of a CSV are."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from partialpool.data.table import MOST_BYTES, MOST_CELLS, Table, listing, numbered, plain, refuse_size, without_missing
from partialpool.errors import StudyError

# What Stata keeps as whole numbers, by the beginning of the format of a column.
_PERIODS = {
    "%tw": "weeks since the first of 1960, 52 a year",
    "%tm": "months since January 1960",
    "%tq": "quarters since the first of 1960",
    "%th": "half-years since the first of 1960",
}


def parquet(path) -> Table:
    """Read a Parquet file; an index that pandas added without a name is left out."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            about = file.metadata
            refuse_size(path, about.num_rows, about.num_columns)
            size = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
            if size > MOST_BYTES:
                raise StudyError(f"{path} unpacks to more than {MOST_BYTES:,} bytes: this is not read.")
            columns = file.read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(path, "a Parquet file", error) from None
    columns = columns.drop_columns([name for name in columns.column_names if name.startswith("__index_level_")])
    if nested := [field.name for field in columns.schema if pa.types.is_nested(field.type)]:
        raise StudyError(f"{path}: column {nested[0]} has several values in a row. Write one value, or leave it out.")
    texts = [_parquet_text(path, name, columns[i]) for i, name in enumerate(columns.column_names)]
    names = [plain(name) for name in columns.column_names]
    return Table(numbered(path, texts, names, ""), where="row", first=1, notes=("Parquet",))


def _parquet_text(path, name: str, column: pa.ChunkedArray) -> pd.Series:
    kind = column.type
    if pa.types.is_duration(kind) or isinstance(kind, pa.BaseExtensionType):
        raise StudyError(f"{path}: column {name} is of the type {kind}. Write it as a number or as text.")
    try:
        return as_text(column)
    except pa.ArrowInvalid:
        raise StudyError(f"{path}: column {name} has bytes that are no text (UTF-8). Leave it out.") from None


def labelled(path, program: str) -> Table:
    """Read a file of SPSS or Stata with the labels of its variables and values.

    Parameters
    ----------
    path
        The file.
    program
        ``SPSS`` or ``Stata``.
    """
    import pyreadstat

    reader = {"SPSS": pyreadstat.read_sav, "Stata": pyreadstat.read_dta}[program]
    try:
        _, about = reader(path, metadataonly=True)
        n_columns = max(1, len(about.column_names))
        # SPSS need not say how many rows there are: one more than is allowed would be seen.
        frame, about = reader(path, row_limit=MOST_CELLS // n_columns + 1)
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, ValueError, OSError, UnicodeDecodeError) as error:
        raise _damaged(path, f"a file of {program}", error) from None
    refuse_size(path, len(frame), n_columns)
    texts = [as_text(_arrow(frame[name])) for name in frame]
    labels = {name: _labels(by_code) for name, by_code in about.variable_value_labels.items() if by_code}
    titles = {name: title for name, title in about.column_names_to_labels.items() if title and title.strip()}
    notes = (f"{program}", *([f"value labels of {listing(list(labels))}"] if labels else []))
    formats = about.original_variable_types.items() if program == "Stata" else ()
    notes += tuple(f"{name} as Stata counts: {told}" for name, kind in formats if (told := _PERIODS.get(kind[:3])))
    named = numbered(path, texts, list(frame), "")
    return Table(named, where="row", first=1, labels=labels, titles=titles, notes=notes)


def as_text(values: pa.ChunkedArray | pa.Array) -> pd.Series:
    """Values as text: numbers as short as they can be read again, dates without a time if none of them has one."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    if pa.types.is_boolean(values.type):
        values = pc.if_else(values, "TRUE", "FALSE")
    if pa.types.is_timestamp(values.type):
        values = _times_as_text(values)
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        values = values.cast(pa.string(), safe=True)
    return without_missing(pd.Series(values.cast(pa.string()).to_numpy(zero_copy_only=False), dtype="str"))


def _times_as_text(times: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Dates if all times are midnight; else times, with parts of a second if any has them.

    With a time zone they are what a clock there shows, and not the time in Greenwich, which may be another day.
    """
    times = pc.local_timestamp(times) if times.type.tz else times
    for coarser in (pa.date32(), pa.timestamp("s")):
        short = times.cast(coarser, safe=False)
        if pc.all(pc.equal(short.cast(times.type), times)).as_py() in (True, None):
            times = short
            break
    return times if pa.types.is_date(times.type) else pc.strftime(times, "%Y-%m-%dT%H:%M:%S")


def _arrow(column: pd.Series) -> pa.Array:
    try:
        return pa.array(column, from_pandas=True)
    except pa.ArrowException:
        return pa.array(column.astype("str"), from_pandas=True)


def _labels(by_code: dict) -> dict[str, str]:
    """Labels by the text of their codes, in the order of the codes."""
    numeric = all(isinstance(code, int | float) for code in by_code)
    codes = sorted(by_code) if numeric else list(by_code)
    texts = as_text(pa.array(np.array(codes, dtype=float) if numeric else [str(code) for code in codes]))
    return {text: str(by_code[code]).strip() for text, code in zip(texts, codes, strict=True)}


def _damaged(path, kind: str, error: Exception) -> StudyError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return StudyError(f"{path} cannot be read as {kind}: {reason[:200]}\nIs the file complete?")
