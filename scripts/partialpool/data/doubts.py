"""What is not wrong with data, but often a mistake: pointed out in the log and in the report."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from partialpool.data.table import listing

# Numbers that stand for a missing value in many files.
_PLACEHOLDERS = (-9, 9, -99, 99, -999, 999, -9999, 9999, -8, -88, -888, 88, 888)
# Texts that do, in small letters: SAS and Stata write a dot.
_NO_VALUES = frozenset({".", "..", "-", "--", "?", "n/a", "n.a.", "null", "missing"})
_SHOWN = 5
# Ids that are more likely the line of a sum below the data, in small letters.
_SUMS = frozenset(
    {"total", "totals", "grand total", "sum", "mean", "average", "overall", "gesamt", "summe", "mittelwert"}
)
# ASSUME: of ids with at most so many words, and numbers else, the words are no ids.
_FEW = 0.1
# ASSUME: so many of the rows that are of one unit and time, if not all, have been copied where any have.
MOSTLY = 0.9


def doubts(text: pd.DataFrame, frame: pd.DataFrame, unit: str, time: str | None = None) -> list[str]:
    """Sentences about columns.

    Parameters
    ----------
    text, frame
        The data as text, and typed; with the same columns and ``row``.
    unit
        Column of the ids.
    time
        Column of the times, if there is one.
    """
    columns = [column for column in text.columns if column != "row"]
    numeric = [column for column in columns if column != unit and pd.api.types.is_numeric_dtype(frame[column])]
    levels = [column for column in columns if column == unit or isinstance(frame[column].dtype, pd.CategoricalDtype)]
    return [
        *(_repeated(text[columns], [unit, time]) if time in columns else []),
        *_placeholders(frame, numeric),
        *(told for column in levels for told in _alike(text[column], column)),
        *(told for column in levels for told in _no_values(text[column], column)),
        *_no_number(text[unit], unit),
    ]


def without_value(levels: Iterable[str]) -> list[str]:
    """Those of some levels that most often mean that there is no value: ``.``, ``n/a``."""
    return [level for level in levels if level.lower() in _NO_VALUES]


def _no_values(text: pd.Series, column: str) -> Iterator[str]:
    """Texts such as ``.`` that are taken as a level or an id."""
    for level in without_value(text.dropna().drop_duplicates()):
        n = int((text == level).sum())
        yield (
            f"column {column}: '{level}' stands in {n} row{'s' * (n > 1)}, and is taken as it is. If it means that "
            "there is no value, leave the cell empty."
        )


def _no_number(text: pd.Series, unit: str) -> Iterator[str]:
    """Ids that are words where nearly all others are numbers, or called `Total`: a line of sums below the data."""
    ids = text.dropna().drop_duplicates()
    # An id such as 207a begins with a number, and a note does not.
    is_word = pd.to_numeric(ids, errors="coerce").isna() & ~ids.str.match(r"\s*\d")
    others, why = ids[is_word], ", though nearly all others are numbers"
    if len(others) > _FEW * len(ids):
        others, why = ids[ids.str.casefold().isin(_SUMS)], ""
    if len(others):
        shown = listing([f"'{value}'" for value in others], _SHOWN)
        taken = "are taken as ids" if len(others) > 1 else "is taken as an id"
        yield (f"column {unit}: {shown} {taken}{why}. If it is the line of a sum or a note, delete it from the file.")


def _repeated(text: pd.DataFrame, who_and_when: list[str]) -> Iterator[str]:
    """Rows that stand twice: rarely is a unit measured twice at one time, with all else the same.

    But where measurements at one time differ too, as of an hour of the day, some are the same by chance.
    """
    n, at_one_time = int(text.duplicated().sum()), int(text.duplicated(who_and_when).sum())
    if n and n >= MOSTLY * at_one_time:
        told, own, they = (
            ("rows are", "measurements of their own", "they were")
            if n > 1
            else ("row is", "a measurement of its own", "it was")
        )
        yield (
            f"{n} {told} the same as an earlier one in all columns, and counted as {own}. If {they} copied by mistake, "
            f"delete {'them' if n > 1 else 'it'} from the file."
        )


def _placeholders(frame: pd.DataFrame, columns: Iterable[str]) -> Iterator[str]:
    """Values such as -99 that lie further from all others than these from each other, or are the only negative ones."""
    for column in columns:
        values = np.sort(frame[column].dropna().unique())
        for value in _PLACEHOLDERS:
            others = values[values != value]
            if len(others) == len(values) or len(others) < 2:
                continue
            low, high = others[0], others[-1]
            is_far = max(low - value, value - high) > high - low
            if is_far or value < 0 <= low:
                n = int((frame[column] == value).sum())
                why = (
                    f"far from all other values ({low:g} to {high:g})" if is_far else "where no other value is negative"
                )
                yield (
                    f"column {column}: {value} stands in {n} row{'s' * (n > 1)}, {why}, and is taken as it is. If it "
                    "means that there is no value, leave the cell empty."
                )


def folded(values: pd.Series) -> pd.Series:
    """What is the same for values that may be one: without capitals, double blanks, and the spelling of a number."""
    as_numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    # Larger whole numbers are not told apart as numbers.
    as_numbers = as_numbers.where(as_numbers.abs() < 2**53)
    # Composed and decomposed accents look the same, and so do a word and one with a blank of no width.
    plain = values.str.normalize("NFKC").str.replace(r"[\u00ad\u200b-\u200f\u2060\ufeff]", "", regex=True)
    return plain.str.casefold().str.split().str.join(" ").where(as_numbers.isna(), as_numbers.astype(str))


def _alike(text: pd.Series, column: str) -> Iterator[str]:
    """Different values that may be one: ``1`` and ``1.0``, ``Anna`` and ``anna``."""
    values = text.dropna().drop_duplicates()
    groups = [group.tolist() for _, group in values.groupby(folded(values), sort=False) if len(group) > 1]
    if groups:
        shown = listing([" and ".join(f"'{value}'" for value in group) for group in groups], _SHOWN)
        yield (f"column {column}: {shown} are taken as different. If they are the same, spell them alike in the file.")
