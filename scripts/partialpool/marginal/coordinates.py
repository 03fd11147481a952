"""Coordinates of the common coefficients in which their prior variance is 1."""

from dataclasses import dataclass

import numpy as np

from partialpool.model.design import Design


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
