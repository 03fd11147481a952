"""Models whose likelihood is known by dense algebra."""

from types import SimpleNamespace

import numpy as np
from partialpool.marginal.scales import Scales
from partialpool.marginal.with_effects import WithEffects
from partialpool.model.design import GroupingFactor
from scipy import stats


class Dense:
    """Rows of several grouping factors, and their likelihood as one multivariate normal distribution.

    Parameters
    ----------
    codes : list of (n,)
        Level of each row, by grouping factor.
    levels, qs
        Number of levels, and of the effects of each, by grouping factor.
    p
        Number of common coefficients.
    """

    def __init__(self, codes, levels, qs, p, seed=1):
        rng = np.random.default_rng(seed)
        self.n, self.p, self.qs = len(codes[0]), p, qs
        z = np.column_stack([np.ones(self.n), rng.normal(size=(self.n, 2))])
        # The common coefficients share columns with the effects, as they do in growth models.
        self.x = np.column_stack([z, rng.normal(size=(self.n, 3))])[:, :p]
        self.y = rng.normal(size=self.n) + sum(rng.normal(size=k)[own] for own, k in zip(codes, levels, strict=True))
        self.mean, self.sd = rng.normal(size=p), rng.uniform(0.5, 2, size=p)
        self.factors = tuple(
            GroupingFactor(f"g{i}", [], z[:, :q], own, [str(level) for level in range(k)])
            for i, (own, k, q) in enumerate(zip(codes, levels, qs, strict=True))
        )
        self.matrices = SimpleNamespace(
            x=self.x, y=self.y, prior_mean=self.mean, prior_sd=self.sd, factors=self.factors
        )

    def model(self, block=None):
        return WithEffects(self.matrices, block)

    def scales(self, sigma, sd, correlation, draws=1):
        """The same scales for all grouping factors, as so many draws."""
        correlations = [np.linalg.cholesky(correlation_matrix(q, correlation)) for q in self.qs]
        return Scales(
            np.full(draws, sigma),
            tuple(np.full((draws, q), sd) for q in self.qs),
            tuple(np.tile(own, (draws, 1, 1)) for own in correlations),
        )

    def covariance(self, scales):
        """Of the outcome, given the first draw of the scales."""
        covariance = scales.sigma[0] ** 2 * np.eye(self.n) + (self.x * self.sd**2) @ self.x.T
        for factor, cholesky in zip(self.factors, scales.cholesky, strict=True):
            same = factor.codes[:, None] == factor.codes
            covariance += factor.z @ cholesky[0] @ cholesky[0].T @ factor.z.T * same
        return covariance

    def log_likelihood(self, scales):
        return stats.multivariate_normal.logpdf(self.y, self.x @ self.mean, self.covariance(scales))

    def log_predictive(self, scales, inside):
        """Log density of the rows inside, given the others."""
        residual, covariance = self.predictive(scales, inside)
        return stats.multivariate_normal.logpdf(residual, cov=covariance)

    def predictive(self, scales, inside):
        """Outcomes of the rows inside less their mean given the others, and their covariance given the others."""
        covariance, residual = self.covariance(scales), self.y - self.x @ self.mean
        inside = np.isin(np.arange(self.n), inside)
        gain = np.linalg.solve(covariance[np.ix_(~inside, ~inside)], covariance[np.ix_(~inside, inside)])
        left = covariance[np.ix_(inside, inside)] - gain.T @ covariance[np.ix_(~inside, inside)]
        return residual[inside] - gain.T @ residual[~inside], left

    def coefficients(self, scales):
        """Mean and covariance of all coefficients given the first draw: common ones, then effects level by level."""
        designs, priors = [self.x], [np.diag(self.sd**2)]
        for factor, cholesky in zip(self.factors, scales.cholesky, strict=True):
            levels, q = len(factor.levels), factor.z.shape[1]
            design = np.zeros((self.n, levels, q))
            design[np.arange(self.n), factor.codes] = factor.z
            designs.append(design.reshape(self.n, -1))
            priors.append(np.kron(np.eye(levels), cholesky[0] @ cholesky[0].T))
        design = np.concatenate(designs, axis=1)
        prior = np.zeros((design.shape[1], design.shape[1]))
        start = 0
        for own in priors:
            prior[start : start + len(own), start : start + len(own)] = own
            start += len(own)
        mean = np.concatenate([self.mean, np.zeros(len(prior) - self.p)])
        gain = np.linalg.solve(self.covariance(scales), design @ prior).T
        return mean + gain @ (self.y - design @ mean), prior - gain @ design @ prior


def correlation_matrix(q, correlation):
    matrix = np.full((q, q), correlation)
    np.fill_diagonal(matrix, 1)
    return matrix


def grouping(kind, q, p, seed=2):
    """One of a few arrangements of rows, with q effects of each level and p common coefficients."""
    rng = np.random.default_rng(seed)
    match kind:
        case "one factor":
            codes = [np.repeat(np.arange(20), rng.integers(1, 6, 20))]
        case "one row a unit":
            codes = [np.arange(20)]
        case "crossed":
            codes = [rng.integers(0, 12, 60), rng.integers(0, 5, 60)]
        case "nested":
            school = np.repeat(np.arange(4), 15)
            codes = [school, school * 3 + rng.integers(0, 3, 60)]
        case "three factors":
            codes = [rng.integers(0, 4, 60), rng.integers(0, 15, 60), rng.integers(0, 6, 60)]
        case "levels without rows":
            codes = [rng.choice([0, 2, 3, 7], 40), rng.choice([1, 4, 5], 40)]
        case _:
            raise ValueError(kind)
    levels = [9, 7] if kind == "levels without rows" else [own.max() + 1 for own in codes]
    return Dense(codes, levels, [q] * len(codes), p)


KINDS = ["one factor", "one row a unit", "crossed", "nested", "three factors", "levels without rows"]
# Effects of each level, and common coefficients.
SHAPES = [(1, 0), (2, 1), (2, 4), (3, 4)]
# Standard deviations and correlations of the effects, beside a residual standard deviation of 0.5.
SCALES = [(0.7, 0.3), (1e-8, 0.9999), (0.7, 0.9999), (1e-8, 0.0), (30.0, 0.5), (30.0, 0.9999)]
