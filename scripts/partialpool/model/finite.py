"""Terms of a formula must be finite numbers, neither too large nor too small, and some.

``np.log(z)`` of a z that is zero is not.
"""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from partialpool.errors import StudyError

# ASSUME: this many rows are enough to find the mistake in the data.
SHOWN = 3
# Fourth powers of larger numbers are infinite, as variances of their squares are.
LARGEST = 1e75
# Fourth powers of smaller deviations from a model may be zero.
SMALLEST = 1e-60


def refuse_infinite(formula: str, terms: Iterable[tuple[str, np.ndarray]], rows: pd.DataFrame) -> None:
    """Raise StudyError for the first term without columns, of values that are all too small, or with one that is no
    number or too large; say where.

    Parameters
    ----------
    formula
        Of the model.
    terms
        Name and values, (n,) or (n, k), of the outcome and of each term.
    rows
        The model's complete cases, (n,), with column ``row``: the place of each row in the data, from 0.
    """
    for name, values in terms:
        values = np.asarray(values, dtype=float).reshape(len(rows), -1)
        if not values.size:
            raise StudyError(f"formula '{formula}': '{name}' has only 1 category, as the intercept has. Leave it out.")
        largest = np.abs(values).max(axis=0)
        if ((largest > 0) & (largest < SMALLEST)).any():
            raise StudyError(
                f"formula '{formula}': '{name}' is below {SMALLEST:.0e}, and too small to compute with, in all rows. "
                "Measure it in a smaller unit."
            )
        wrong, what, mend = ~np.isfinite(values), "not a finite number", "write a term that is finite for all of them"
        if not wrong.any():
            wrong, what = np.abs(values) > LARGEST, f"beyond {LARGEST:.0e}, and too large to compute with,"
            mend = "measure it in a larger unit"
        bad = np.flatnonzero(wrong.any(axis=1))
        if not bad.size:
            continue
        mentioned = [c for c in rows.columns.drop("row") if re.search(rf"(?<![\w.]){re.escape(c)}(?![\w.(])", name)]
        examples = []
        for place in bad[:SHOWN]:
            value = values[place][wrong[place]][0]
            given = ", ".join(f"{column} is {rows[column].iloc[place]}" for column in mentioned)
            # The first line of the file has the names of the columns.
            examples.append(f"line {rows['row'].iloc[place] + 2}: {value}{f', where {given}' if given else ''}")
        more = f"; and {bad.size - SHOWN} more" if bad.size > SHOWN else ""
        raise StudyError(
            f"formula '{formula}': '{name}' is {what} in {bad.size} of {len(rows)} rows "
            f"({'; '.join(examples)}{more}). Leave these rows out, or {mend}."
        )
