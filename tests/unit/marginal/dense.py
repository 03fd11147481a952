"""Models whose likelihood is known by dense algebra."""

import numpy as np
from partialpool.marginal.statistics import WithUnits, gather
from scipy import stats


class Dense:
    """Units with rows of their own, and their likelihood as one multivariate normal distribution."""

    def __init__(self, units, sizes, q, p, seed=1):
        rng = np.random.default_rng(seed)
        counts = rng.integers(*sizes, units)
        self.n, self.q, self.p = counts.sum(), q, p
        self.codes = np.repeat(np.arange(units), counts)
        self.z = np.column_stack([np.ones(self.n), rng.normal(size=(self.n, 2))])[:, :q]
        # The common coefficients share columns with the effects, as they do in growth models.
        self.x = np.column_stack([np.ones(self.n), self.z[:, 1:], rng.normal(size=(self.n, 3))])[:, :p]
        self.y = rng.normal(size=self.n) + rng.normal(size=units)[self.codes]
        self.mean = rng.normal(size=p)
        xy = np.column_stack([self.x, self.y])
        inputs, rest = gather(self.codes, units, self.z, xy)
        self.gathered = WithUnits(rest, self.mean, np.zeros(p), np.eye(p), xy, q, inputs)

    def covariance(self, sigma, cholesky):
        effects = self.z @ cholesky @ cholesky.T @ self.z.T * (self.codes[:, None] == self.codes)
        return sigma**2 * np.eye(self.n) + effects + self.x @ self.x.T

    def log_likelihood(self, sigma, cholesky):
        return stats.multivariate_normal.logpdf(self.y, self.x @ self.mean, self.covariance(sigma, cholesky))

    def log_predictive(self, sigma, cholesky, inside):
        """Log density of the rows inside, given the others."""
        covariance, residual = self.covariance(sigma, cholesky), self.y - self.x @ self.mean
        inside = np.isin(np.arange(self.n), inside)
        gain = np.linalg.solve(covariance[np.ix_(~inside, ~inside)], covariance[np.ix_(~inside, inside)])
        left = covariance[np.ix_(inside, inside)] - gain.T @ covariance[np.ix_(~inside, inside)]
        return stats.multivariate_normal.logpdf(residual[inside], gain.T @ residual[~inside], left)


def cholesky_of(q, sd, correlation):
    matrix = np.full((q, q), correlation)
    np.fill_diagonal(matrix, 1)
    return sd * np.linalg.cholesky(matrix)


SCALES = [(0.7, 0.3), (1e-8, 0.9999), (0.7, 0.9999), (1e-8, 0.0), (30.0, 0.5)]
UNITS = {"several rows": (1, 6), "one row": (1, 2)}
