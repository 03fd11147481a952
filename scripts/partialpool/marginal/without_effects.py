"""Models without group-level effects: in a basis in which X'X is diagonal, all coefficients are independent."""

import numpy as np

from partialpool.marginal.coordinates import coordinates
from partialpool.marginal.scales import Scales
from partialpool.model.design import Design


class WithoutEffects:
    """A model without group-level effects, with what ``WithEffects`` has.

    Attributes
    ----------
    at
        Coordinates of the common coefficients.
    xy : (n, p + 1)
        The rows [X y] in them.
    """

    def __init__(self, matrices: Design):
        triangle = np.linalg.qr(matrices.x * matrices.prior_sd, mode="r")
        rotation = np.linalg.svd(triangle)[2].T if triangle.size else np.eye(0)
        self.at = coordinates(matrices, matrices.prior_sd[:, None] * rotation)
        self.xy = self.at.rows(matrices.x, matrices.y)
        x, y = self.xy[:, :-1], self.xy[:, -1]
        squares = (x**2).sum(axis=0)
        # Directions of which the data say nothing, as of columns that are collinear, are so but for rounding.
        known = squares > (100 * np.finfo(float).eps) ** 2 * squares.max(initial=0.0)
        self.squares, self.cross = np.where(known, squares, 0.0), np.where(known, x.T @ y, 0.0)
        # Least-squares coefficients less their prior means, and what these leave of the outcome.
        least = np.divide(self.cross, self.squares, out=np.zeros(len(known)), where=known)
        self.away = np.where(known, least - self.at.mean, 0.0)
        self.rest = float(((y - x @ least) ** 2).sum())

    def posterior(self, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and precision of the coefficients given draws of sigma, (draws, p) each."""
        variance = sigma[:, None] ** 2
        precision = 1 + self.squares / variance
        return (self.at.mean + self.cross / variance) / precision, precision

    def log_likelihood(self, scales: Scales, cores: int = 1) -> np.ndarray:
        """As ``WithEffects.log_likelihood``."""
        variance, n = scales.sigma**2, len(self.xy)
        _, precision = self.posterior(scales.sigma)
        # In sums of squares that are positive, so that nothing cancels where sigma is close to 0.
        quadratic = self.rest / variance + (self.squares / (self.squares + variance[:, None]) * self.away**2).sum(
            axis=1
        )
        return -0.5 * (n * np.log(2 * np.pi * variance) + np.log(precision).sum(axis=1) + quadratic)

    def draw_dense(self, scales: Scales, rng: np.random.Generator, cores: int = 1) -> np.ndarray:
        """As ``WithEffects.draw_dense``."""
        mean, precision = self.posterior(scales.sigma)
        return mean + rng.standard_normal(mean.shape) / np.sqrt(precision)
