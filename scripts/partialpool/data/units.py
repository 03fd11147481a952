"""Ids of units: their order, and which of them a config asks for."""

import numpy as np
import pandas as pd

from partialpool.errors import StudyError, suggest


def in_order(values: pd.Series | pd.Index) -> list[str]:
    """Distinct ids as text, numbers in numeric order, else in alphabetical order."""
    ids = values.dropna().astype(str).unique().tolist()
    numeric = pd.to_numeric(pd.Series(ids), errors="coerce")
    if numeric.notna().all():
        return [ids[i] for i in np.argsort(numeric, kind="stable")]
    return sorted(ids)


def as_categories(values: pd.Series) -> pd.Series:
    """Ids as an ordered set of categories, so that no model takes them for numbers."""
    codes, ids = pd.factorize(values)
    categories = pd.Categorical(ids.astype(str), in_order(ids), ordered=True)
    return pd.Series(categories.take(codes, allow_fill=True), index=values.index)


def choose(observed: list[str], units: str | int | list[str] | None, *, seed: int, where: str) -> list[str]:
    """The units that a prediction or a figure asks for.

    Parameters
    ----------
    observed
        Ids of all units, in order.
    units
        ``"all"`` or None for all; a number of units drawn at random; or a list of ids.
    seed
        Seed of the random choice.
    where
        Where the units are from, for messages: ``the data``.

    Returns
    -------
    list of str
        Ids; in the order of ``observed`` unless they were given.

    Raises
    ------
    StudyError
        If there is no unit with an id, or if more units are asked for than there are.
    """
    if units in (None, "all"):
        return list(observed)
    if isinstance(units, int):
        if units > len(observed):
            raise StudyError(f"{units} units are asked for, but {where} has only {len(observed)}.")
        chosen = np.random.default_rng(seed).choice(len(observed), size=units, replace=False)
        return [observed[i] for i in sorted(chosen)]
    if unknown := [name for name in units if name not in observed]:
        raise StudyError(
            f"{', '.join(unknown)}: not among the {len(observed)} units of {where}.{suggest(unknown[0], observed)}"
        )
    return list(units)
