"""From expected values to averages, contrasts and slopes."""

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.predict.asked import Asked

# Step of the central difference that a slope is, in standard deviations of its covariate. It is wrong by about a
# hundred-millionth of the slope.
STEP = 1e-4


def sides(asked: Asked, at: pd.DataFrame, step: float) -> list[pd.DataFrame]:
    """The points at which a contrast or a slope is evaluated: two copies of ``at``; else ``at`` itself.

    Parameters
    ----------
    asked, at
        What is asked for, and the points.
    step
        Half the width of the difference that a slope is, in units of its covariate.
    """
    if asked.contrast:
        [(column, values)] = asked.contrast.items()
        return [at.assign(**{column: value}) for value in values]
    if asked.slope:
        return [at.assign(**{asked.slope: at[asked.slope] + move}) for move in (-step, step)]
    return [at]


def changed(asked: Asked, values: np.ndarray, groups: np.ndarray | None, step: float) -> np.ndarray:
    """Draws of what is asked for.

    Parameters
    ----------
    asked, step
        See ``sides``.
    values
        Draws, (chain, draw, points of all sides, ...), one side after the other.
    groups
        For each of n points the number of the group over which it is averaged; None for no averages.

    Returns
    -------
    ndarray
        (chain, draw, n, ...) or (chain, draw, groups, ...). A ratio of averages is that of the averages, and not the
        average of their ratios.
    """
    parts = np.split(values, 2 if asked.contrast or asked.slope else 1, axis=2)
    if groups is not None:
        parts = [_averaged(part, groups) for part in parts]
    if asked.slope:
        return (parts[1] - parts[0]) / (2 * step)
    if asked.contrast:
        return parts[1] / parts[0] if asked.ratio else parts[1] - parts[0]
    return parts[0]


def _averaged(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Means over the points of each group, (chain, draw, groups, ...)."""
    order, counts = np.argsort(groups, kind="stable"), np.bincount(groups)
    sums = np.add.reduceat(values[:, :, order], np.cumsum(counts) - counts, axis=2)
    return sums / counts.reshape(-1, *[1] * (values.ndim - 3))


def grouped(asked: Asked, at: pd.DataFrame, unit: str, whose: str) -> tuple[pd.DataFrame, np.ndarray | None]:
    """The rows of the table of results, and for each point the row that it goes into.

    Parameters
    ----------
    asked, at
        See ``sides``.
    unit
        The unit's column.
    whose
        What stands in it where units are averaged over.

    Returns
    -------
    rows
        ``at`` without what a contrast changes; or a row for each group that is averaged over.
    groups
        See ``changed``.

    Raises
    ------
    StudyError
        If there is no column ``by``.
    """
    if not asked.averages:
        return at.drop(columns=list(asked.contrast or {})), None
    if asked.by is None:
        return pd.DataFrame({unit: [whose]}), np.zeros(len(at), int)
    if asked.by not in at:
        raise StudyError(f"'by' names '{asked.by}', and these points have {', '.join(at.columns)} only.")
    groups, values = pd.factorize(at[asked.by], sort=asked.by != unit)
    rows = pd.DataFrame({asked.by: values})
    return (rows if asked.by == unit else rows.assign(**{unit: whose})), groups
