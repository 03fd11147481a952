"""What the likelihood needs of the data: its size does not grow with the number of rows of a unit."""

from dataclasses import dataclass

import numpy as np

from partialpool.marginal.design import Design
from partialpool.marginal.rows import Rows, sets_of_rows


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

    def coefficients(self, b: np.ndarray) -> np.ndarray:
        """Common coefficients (draws, p); b may have other columns behind those that are meant."""
        return self.origin + b[:, : len(self.origin)] @ self.basis.T

    def of(self, coefficients: np.ndarray) -> np.ndarray:
        """Coordinates b of common coefficients, (draws, p) both."""
        return np.linalg.solve(self.basis, (coefficients - self.origin).T).T


def coordinates(matrices: Design, basis: np.ndarray | None = None) -> Coordinates:
    """Coordinates of the common coefficients; ``basis`` is that of their priors' standard deviations, or another."""
    x, precision = matrices.x, matrices.prior_sd**-2.0
    basis = np.diag(matrices.prior_sd) if basis is None else basis
    origin = np.linalg.solve(x.T @ x + np.diag(precision), x.T @ matrices.y + precision * matrices.prior_mean)
    return Coordinates(np.linalg.solve(basis, matrices.prior_mean - origin), origin, basis)


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
