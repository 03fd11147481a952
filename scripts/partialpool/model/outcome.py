"""The outcome of a model as its family takes it: numbers of some kind, or levels in an order."""

import re
from itertools import islice

import numpy as np
import pandas as pd

from partialpool.errors import StudyError, suggest
from partialpool.model.families import OF_LEVELS, OF_TRIALS, ORDINAL
from partialpool.model.parts import left_side
from partialpool.model.spec import ModelSpec

# By family, the numbers that it takes: in words, and as a function of an array.
_COUNTS = "whole numbers from 0", lambda y: (y >= 0) & (y == np.floor(y))
_POSITIVE = "numbers over 0", lambda y: y > 0
_NOT_NEGATIVE = "numbers from 0", lambda y: y >= 0
_BINARY = "0 and 1, or two levels", lambda y: (y == 0) | (y == 1)
_SHARES = "numbers over 0 and under 1", lambda y: (y > 0) & (y < 1)
_WHOLE = "levels, or whole numbers as their codes", lambda y: y == np.floor(y)
NUMBERS = {
    "bernoulli": _BINARY,
    "beta": _SHARES,
    **dict.fromkeys(("poisson", "negativebinomial"), _COUNTS),
    **dict.fromkeys(("hurdle_poisson", "hurdle_negativebinomial"), _COUNTS),
    **dict.fromkeys(("zero_inflated_poisson", "zero_inflated_negativebinomial"), _COUNTS),
    **dict.fromkeys(("gamma", "exponential", "lognormal", "wald", "weibull"), _POSITIVE),
    **dict.fromkeys(("hurdle_gamma", "hurdle_lognormal"), _NOT_NEGATIVE),
    "vonmises": ("angles from -pi to pi", lambda y: np.abs(y) <= np.pi),
    **dict.fromkeys(OF_LEVELS, _WHOLE),
}
_IN_TRIALS = (*OF_TRIALS, "zero_inflated_binomial")
# ASSUME: this many rows are enough to find the mistake in the data.
_SHOWN = 3


def outcome_column(formula: str) -> tuple[str | None, str | None]:
    """The column left of the tilde, and the level of it that counts as success, ``answer[yes]``.

    Each is None where there is none: the column where the left side is a call, such as ``p(successes, trials)``.
    """
    match = re.fullmatch(r"(`[^`]+`|[^\W\d_][\w.]*)(?:\[(.+)\])?", left_side(formula))
    if match is None:
        return None, None
    level = match[2]
    return match[1].strip("`"), level if level is None else level.strip("'\"")


def for_family(spec: ModelSpec, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with an outcome that Bambi reads as it is meant.

    Parameters
    ----------
    spec
        The model's spec.
    rows
        Its rows, (n,), with column ``row``: the place of each in the data, from 0.

    Returns
    -------
    DataFrame
        The same; but of two levels the one that counts as success, by default the last, comes first, since Bambi takes
        the first. And whole numbers of an ordinal family are levels.

    Raises
    ------
    StudyError
        If the family does not take such an outcome.
    """
    column, success = outcome_column(spec.formula)
    _refuse_successes(spec, rows)
    if column is None:
        return rows
    values = rows[column]
    if spec.family in ORDINAL and values.nunique() == 2:
        raise StudyError(
            f"formula '{spec.formula}': the outcome '{column}' has two levels, and the family '{spec.family}' takes "
            "more. The family of two levels is bernoulli."
        )
    if pd.api.types.is_numeric_dtype(values):
        _refuse_numbers(spec, column, success, rows)
        if spec.family not in OF_LEVELS:
            return rows
        return rows.assign(**{column: _as_levels(values)})
    if spec.family in OF_LEVELS:
        _refuse_unordered(spec, column, values)
        return rows
    return rows.assign(**{column: _success_first(spec, column, values, success)})


def outcome_levels(spec: ModelSpec, rows: pd.DataFrame) -> list[str] | None:
    """What the numbers of a fitted outcome, 0, 1, ..., stand for; None where they stand for themselves.

    Parameters
    ----------
    spec
        The model's spec.
    rows
        Its complete cases.
    """
    column, success = outcome_column(spec.formula)
    if column is None or pd.api.types.is_numeric_dtype(rows[column]):
        return None
    levels = list(map(str, rows[column].cat.categories))
    if spec.family in OF_LEVELS:
        return levels
    success = success or levels[0]
    others = [level for level in levels if level != success]
    return [others[0] if len(others) == 1 else f"not {success}", success]


def _as_levels(values: pd.Series) -> pd.Series:
    texts = values.astype("int64").astype(str)
    return texts.astype(pd.CategoricalDtype([str(int(value)) for value in np.sort(values.unique())], ordered=True))


def _success_first(spec: ModelSpec, column: str, values: pd.Series, success: str | None) -> pd.Series:
    """The levels of a category with the one that counts as success in front; StudyError if it is no such category."""
    levels = list(map(str, values.cat.categories))
    shown = ", ".join(levels[:8]) + (", ..." if len(levels) > 8 else "")
    about = f"formula '{spec.formula}': the outcome '{column}' has the levels {shown}"
    if spec.family != "bernoulli":
        raise StudyError(
            f"{about}, and the family '{spec.family}' takes {NUMBERS.get(spec.family, ('numbers',))[0]}. The family of "
            "two levels is bernoulli, that of levels in an order cumulative."
        )
    if success is None and len(levels) != 2:
        raise StudyError(
            f"{about}, and the family 'bernoulli' takes two. Say which of them counts as success: "
            f"{column}[{levels[-1]}] ~ ... ; or take the family cumulative, for levels in an order."
        )
    if success is not None and success not in levels:
        raise StudyError(f"{about}, and not '{success}'.{suggest(success, levels)}")
    success = success or levels[-1]
    return values.cat.set_categories([success, *(level for level in levels if level != success)], ordered=True)


def _refuse_unordered(spec: ModelSpec, column: str, values: pd.Series) -> None:
    if spec.family in ORDINAL and not values.cat.ordered:
        levels = ", ".join(map(str, values.cat.categories))
        raise StudyError(
            f"formula '{spec.formula}': the family '{spec.family}' needs to know the order of the levels of "
            f"'{column}' ({levels}). Write them in their order: data: {{types: {{{column}: [{levels}]}}}}"
        )


def _refuse_successes(spec: ModelSpec, rows: pd.DataFrame) -> None:
    """Raise StudyError for successes in trials in another family, or without trials, or more than there are trials."""
    match = re.fullmatch(r"(?:p|prop|proportion)\((.+),(.+)\)", left_side(spec.formula))
    if (match is not None) != (spec.family in _IN_TRIALS):
        raise StudyError(
            f"formula '{spec.formula}': the outcome of successes in trials, p(successes, trials), is that of the "
            f"families {', '.join(_IN_TRIALS)}, and the family is '{spec.family}'. Successes in one trial each, 0 "
            "and 1, are of the family bernoulli."
        )
    if match is None:
        return
    successes, trials = (rows.get(name.strip("`"), name) for name in match.groups())
    if not isinstance(successes, pd.Series) or not pd.api.types.is_numeric_dtype(successes):
        return
    trials = pd.to_numeric(pd.Series(trials, index=rows.index), errors="coerce")
    whole = (successes == np.floor(successes)) & (trials == np.floor(trials))
    wrong = np.flatnonzero(trials.notna() & ~(whole & (successes >= 0) & (successes <= trials)))
    if wrong.size:
        shown = zip(rows["row"].iloc[wrong], successes.iloc[wrong], trials.iloc[wrong], strict=True)
        places = [f"line {row + 2}: {hits:g} of {n:g}" for row, hits, n in islice(shown, _SHOWN)]
        more = f"; and {wrong.size - _SHOWN} more" if wrong.size > _SHOWN else ""
        raise StudyError(
            f"formula '{spec.formula}': successes are whole numbers from 0 to that of trials, and others stand in "
            f"{wrong.size} of {len(rows)} rows ({'; '.join(places)}{more})."
        )


def _refuse_numbers(spec: ModelSpec, column: str, success: str | None, rows: pd.DataFrame) -> None:
    """Raise StudyError if the family does not take some of the numbers; say where they are."""
    if success is not None:
        raise StudyError(
            f"formula '{spec.formula}': the outcome '{column}' is of numbers and has no level '{success}'. For codes, "
            f"write data: {{types: {{{column}: category}}}}; 0 and 1 need no level."
        )
    refuse_values(spec, column, rows[column].to_numpy(dtype=float), rows)


def refuse_values(spec: ModelSpec, name: str, values: np.ndarray, rows: pd.DataFrame) -> None:
    """Raise StudyError if the family does not take some values (n,) of the outcome of that name; say where they are."""
    words, taken = NUMBERS.get(spec.family, ("", lambda y: np.full(y.shape, fill_value=True)))
    # What is not finite is refused later.
    wrong = np.flatnonzero(np.isfinite(values) & ~taken(values))
    if wrong.size:
        # The first line of the file has the names of the columns.
        places = [f"line {rows['row'].iloc[place] + 2}: {values[place]:g}" for place in wrong[:_SHOWN]]
        more = f"; and {wrong.size - _SHOWN} more" if wrong.size > _SHOWN else ""
        raise StudyError(
            f"formula '{spec.formula}': the family '{spec.family}' takes {words}, and the outcome '{name}' has "
            f"others in {wrong.size} of {len(rows)} rows ({'; '.join(places)}{more})."
        )
