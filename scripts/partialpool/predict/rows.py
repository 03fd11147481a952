"""New rows to predict at, from a data file."""

from pathlib import Path

import pandas as pd

from partialpool.data.doubts import folded
from partialpool.data.read import read
from partialpool.data.table import listing, short
from partialpool.data.types import label, numbers
from partialpool.errors import StudyError, suggest


def rows_of_file(
    path: str, rows: pd.DataFrame, *, unit: str | None, columns: list[str], others: list[str]
) -> pd.DataFrame:
    """The rows of a data file, with the types of a model's own rows.

    Parameters
    ----------
    path
        A file that `data.read` reads.
    rows
        The model's complete cases.
    unit
        Column of the units, text, of any ids; None if predictions are of no units.
    columns
        Covariates of the model: numbers or levels that the model knows.
    others
        Further columns, kept as text.

    Returns
    -------
    DataFrame
        These columns, and ``row``, counted from 0.

    Raises
    ------
    StudyError
        If there is no such file, or a column or a value is missing or is not one that the model knows.
    """
    if not Path(path).is_file():
        raise StudyError(
            f"'rows': there is no file '{path}'; write 'observed' or a path relative to the study's folder."
        )
    table = read(path)
    needed = [*([unit] if unit else []), *columns, *others]
    given = [column for column in table.frame if column != "row"]
    for column in needed:
        if column not in given:
            raise StudyError(
                f"'rows': {path} has no column '{column}'.{suggest(column, given)} Columns: {listing(given)}."
            )
    numeric = {column for column in columns if rows[column].dtype.kind in "iuf"}
    label(table, {}, unit=unit or "", numeric=numeric)
    frame = table.frame[[*needed, "row"]].copy()
    for column in needed:
        values = numbers(frame[column]) if column in numeric else frame[column]
        _refuse(path, table, column, frame[column], values.isna(), "a number" if column in numeric else "a value")
        if column in columns and column not in numeric:
            levels = [str(level) for level in rows[column].unique()]
            _refuse(path, table, column, frame[column], ~values.isin(levels), f"one of {listing(levels, 10)}")
        frame[column] = values
    if unit:
        _refuse_alike(path, table, frame[unit], pd.Index(rows[unit].astype("str").unique()))
    return frame


def _refuse_alike(path: str, table, ids: pd.Series, observed: pd.Index) -> None:
    """Raise StudyError for an id that is of a new unit, but spelt nearly as that of an observed one: 1.0 beside 1."""
    known = dict(zip(folded(pd.Series(observed)), observed, strict=True))
    similar = folded(ids).map(known).where(~ids.isin(observed))
    if similar.notna().any():
        row = similar.notna().idxmax()
        raise StudyError(
            f"'rows': {path}, {table.at(row)}: '{short(ids[row])}' is none of the units observed, but '{similar[row]}' "
            "is. Spell it as there, or give a new unit another id."
        )


def _refuse(path: str, table, column: str, written: pd.Series, wrong: pd.Series, wanted: str) -> None:
    """Raise StudyError if a value is wrong, and say where the first one stands."""
    if wrong.any():
        row = wrong.idxmax()
        value = "missing" if pd.isna(written[row]) else f"'{short(written[row])}'"
        raise StudyError(f"'rows': {path}, {table.at(row)}, column {column}: {value}, and not {wanted}.")
