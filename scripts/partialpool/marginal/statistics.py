"""What the likelihood needs of the data: its size does not grow with the number of rows of a unit."""

from dataclasses import dataclass

import numpy as np

from partialpool.marginal.design import Design
from partialpool.marginal.rows import DenseFactor, Rows, rows_of, sets_of_rows


@dataclass(frozen=True)
class Coordinates:
    """Common coefficients are ``origin + basis b`` with b ~ N(``mean``, I).

    ``origin`` (p,) is close to their least-squares values, so that no large numbers cancel; ``basis`` is (p, p).
    """

    mean: np.ndarray
    origin: np.ndarray
    basis: np.ndarray

    def rows(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Rows [X y] in this basis, (n, p + 1)."""
        return np.column_stack([x @ self.basis, y - x @ self.origin])


def coordinates(matrices: Design, basis: np.ndarray | None = None) -> Coordinates:
    """Coordinates of the common coefficients; ``basis`` is that of their priors' standard deviations, or another."""
    x, precision = matrices.x, matrices.prior_sd**-2.0
    basis = np.diag(matrices.prior_sd) if basis is None else basis
    origin = np.linalg.solve(x.T @ x + np.diag(precision), x.T @ matrices.y + precision * matrices.prior_mean)
    return Coordinates(np.linalg.solve(basis, matrices.prior_mean - origin), origin, basis)


@dataclass(frozen=True)
class Statistics:
    """Statistics of a model with group-level effects (``rows`` has the words).

    Of each unit the QR decomposition Z = Q R is made, and of its dense columns W, those that it meets, Q'W and what
    lies outside of the span of Z are kept.

    Attributes
    ----------
    n
        Number of rows.
    mean : (p,)
        Prior mean of the common coefficients.
    factors
        The other grouping factors.
    triangles : (units, q, q)
        R.
    starts, places
        See ``Rows``.
    cross : (columns of all units, q)
        Q'W.
    rest : (d + 1, d + 1)
        Sum over units of W'W - W'Q Q'W, for d dense columns and the outcome.
    """

    n: int
    mean: np.ndarray
    factors: tuple[DenseFactor, ...]
    triangles: np.ndarray
    starts: np.ndarray
    places: np.ndarray
    cross: np.ndarray
    rest: np.ndarray


def arranged(matrices: Design, block: int, at: Coordinates) -> tuple[Rows, tuple[DenseFactor, ...]]:
    """Rows of a model in which its grouping factor number ``block`` is the block-diagonal one."""
    first, others = matrices.x.shape[1], []
    for i, factor in enumerate(matrices.factors):
        if i != block:
            others.append((factor.codes, factor.z, DenseFactor(first, len(factor.levels), factor.z.shape[1])))
            first = others[-1][2].columns.stop
    own = matrices.factors[block]
    rows = rows_of(own.codes, len(own.levels), own.z, at.rows(matrices.x, matrices.y), others)
    return rows, tuple(dense for *_, dense in others)


def gather(rows: Rows, factors: tuple[DenseFactor, ...], mean: np.ndarray) -> Statistics:
    """Gather the statistics in one pass over the rows."""
    q, d = rows.z.shape[1], len(mean) + sum(factor.levels * factor.q for factor in factors)
    order = np.argsort(rows.codes, kind="stable")
    of_units = np.searchsorted(rows.codes[order], np.arange(rows.n_units + 1))
    widths = np.diff(rows.starts)
    triangles = np.zeros((rows.n_units, q, q))
    cross, rest = np.zeros((len(rows.places), q)), np.zeros((d + 1, d + 1))
    for which, own in sets_of_rows(order, of_units, widths):
        w = rows.columns(own, widths[which[0]])
        orthogonal, triangle = np.linalg.qr(rows.z[own])
        inside = np.swapaxes(orthogonal, 1, 2) @ w
        w -= orthogonal @ inside
        triangles[which, : triangle.shape[1]] = triangle
        columns = rows.starts[which][:, None] + np.arange(w.shape[2])
        cross[columns, : inside.shape[1]] = np.swapaxes(inside, 1, 2)
        places = rows.places[columns]
        if factors:
            np.add.at(rest, (places[:, :, None], places[:, None, :]), np.swapaxes(w, 1, 2) @ w)
        else:
            flat = w.reshape(-1, d + 1)
            rest += flat.T @ flat
    return Statistics(len(rows.codes), mean, factors, triangles, rows.starts, rows.places, cross, rest)
