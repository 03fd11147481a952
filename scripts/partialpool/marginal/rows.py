"""The rows of a model beside the block-diagonal part: which columns of the dense part each row and each unit meet.

One grouping factor, that with most levels, is block-diagonal: its levels, here called units, are independent given all
other coefficients. The others are *dense columns*: the common coefficients, then the effects of the other grouping
factors, level by level, and behind them the outcome. A unit meets the levels that its rows have, often a few of many.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from partialpool.model.design import Design

# Elements of 8 bytes that are worked on at a time.
CHUNK = 10**6


@dataclass(frozen=True)
class Rows:
    """n rows, which belong to units.

    Attributes
    ----------
    codes : (n,)
        Which unit a row belongs to; some units may have no row.
    z : (n, q)
        Design of a unit's effects.
    xy : (n, p + 1)
        Design of the common coefficients, and the outcome.
    factors
        Which of the dense columns each of the other grouping factors has, level by level, by its number in the model.
    values : (n, k)
        Designs of their effects.
    within : (n, k)
        Which of its unit's columns (``starts``) each of these belongs to.
    starts : (units + 1,)
        Where the columns of each unit begin in ``places``.
    places : (columns of all units,)
        Which of the dense columns they are, in rising order; the outcome, of which there is one, is the last.
    """

    codes: np.ndarray
    z: np.ndarray
    xy: np.ndarray
    factors: dict[int, slice]
    values: np.ndarray
    within: np.ndarray
    starts: np.ndarray
    places: np.ndarray

    def columns(self, which: np.ndarray, width: int) -> np.ndarray:
        """Designs of rows in the columns of their units, (..., width); all of these units have so many columns."""
        own = np.zeros((*which.shape, width))
        p = self.xy.shape[1] - 1
        own[..., :p], own[..., -1] = self.xy[which, :p], self.xy[which, p]
        np.put_along_axis(own, self.within[which], self.values[which], axis=-1)
        return own


def rows_of(matrices: Design, block: int, xy: np.ndarray) -> Rows:
    """Rows [X y] of a model in which its grouping factor number ``block`` is the block-diagonal one."""
    own, p = matrices.factors[block], xy.shape[1] - 1
    end, factors, values, met = p, {}, [np.empty((len(xy), 0))], [np.empty((len(xy), 0), dtype=np.int64)]
    for number, factor in enumerate(matrices.factors):
        if number != block:
            q = factor.z.shape[1]
            values.append(factor.z)
            met.append(end + factor.codes[:, None] * q + np.arange(q))
            factors[number] = slice(end, end + factor.effects)
            end += factor.effects
    # Each pair of a unit and a dense column that have a row in common, unit by unit.
    pairs, pair = np.unique(own.codes[:, None] * end + np.column_stack(met), return_inverse=True)
    unit, place = np.divmod(pairs, end)
    begins = np.searchsorted(unit, np.arange(len(own.levels) + 1))
    starts = begins + np.arange(len(begins)) * (p + 1)
    places = np.empty(starts[-1], dtype=np.int64)
    places[starts[:-1, None] + np.arange(p)] = np.arange(p)
    places[starts[unit] - begins[unit] + p + np.arange(len(pairs))] = place
    places[starts[1:] - 1] = end
    within = p + pair - begins[own.codes][:, None]
    return Rows(own.codes, own.z, xy, factors, np.column_stack(values), within, starts, places)


def sets_of_rows(order: np.ndarray, starts: np.ndarray, widths: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Sets of rows that have the same size and the same width, some at a time.

    Parameters
    ----------
    order, starts : (n,), (sets + 1,)
        Rows, set by set, and where each set begins.
    widths : (sets,)
        How many columns the rows of a set have.

    Yields
    ------
    which : (some,)
        Sets; those without rows are left out.
    rows : (some, size)
        Their rows.
    """
    sizes = np.diff(starts)
    by_shape = np.lexsort((widths, sizes))
    changes = (np.diff(sizes[by_shape]) != 0) | (np.diff(widths[by_shape]) != 0)
    for same in np.split(by_shape, np.flatnonzero(changes) + 1):
        size, width = (sizes[same[0]], widths[same[0]]) if len(same) else (0, 0)
        if size:
            for which in np.array_split(same, -(-len(same) * (size + width) * width // CHUNK)):
                yield which, order[starts[which][:, None] + np.arange(size)]


def gather(rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Statistics of a model with group-level effects, in one pass over its rows.

    Of each unit the QR decomposition Z = Q R is made, and of its dense columns W, those that it meets, Q'W and what
    lies outside of the span of Z are kept.

    Returns
    -------
    triangles : (units, q, q)
        R.
    cross : (columns of all units, q)
        Q'W.
    rest : (d + 1, d + 1)
        Sum over units of W'W - W'Q Q'W, for d dense columns and the outcome.
    """
    q, widths = rows.z.shape[1], np.diff(rows.starts)
    order = np.argsort(rows.codes, kind="stable")
    of_units = np.searchsorted(rows.codes[order], np.arange(len(rows.starts)))
    triangles, cross = np.zeros((len(widths), q, q)), np.zeros((len(rows.places), q))
    rest = np.zeros((rows.places[-1] + 1, rows.places[-1] + 1))
    for which, own in sets_of_rows(order, of_units, widths):
        w = rows.columns(own, widths[which[0]])
        orthogonal, triangle = np.linalg.qr(rows.z[own])
        inside = np.swapaxes(orthogonal, 1, 2) @ w
        w -= orthogonal @ inside
        triangles[which, : triangle.shape[1]] = triangle
        columns = rows.starts[which][:, None] + np.arange(w.shape[2])
        cross[columns, : inside.shape[1]] = np.swapaxes(inside, 1, 2)
        places = rows.places[columns]
        if rows.factors:
            np.add.at(rest, (places[:, :, None], places[:, None, :]), np.swapaxes(w, 1, 2) @ w)
        else:
            flat = w.reshape(-1, w.shape[2])
            rest += flat.T @ flat
    return triangles, cross, rest
