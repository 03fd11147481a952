"""The scales of a model: their priors, the space where they are sampled, and their log density there."""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import lgamma

import numpy as np

from partialpool.marginal.density import ScalePriors, expand
from partialpool.marginal.design import Design
from partialpool.marginal.native import NativeDensity
from partialpool.marginal.priors import coded
from partialpool.marginal.statistics import Statistics


@dataclass(frozen=True)
class Scales:
    """Draws of the scales of a model, or other values of them.

    Attributes
    ----------
    sigma : (draws,)
    sd : (draws, q)
        Standard deviations of the effects of a unit.
    correlation : (draws, q, q)
        Cholesky factors of their correlation matrices.
    """

    sigma: np.ndarray
    sd: np.ndarray
    correlation: np.ndarray

    @property
    def cholesky(self) -> np.ndarray:
        """Cholesky factors of the covariance of the effects of a unit, (draws, q, q)."""
        return self.sd[:, :, None] * self.correlation

    def correlations(self, effects: slice) -> np.ndarray:
        """Correlations of some effects, (draws, pairs)."""
        own = self.correlation[:, effects]
        pairs = [(own[:, i] * own[:, j]).sum(axis=-1) for i, j in combinations(range(own.shape[1]), 2)]
        return np.stack(pairs, axis=-1)


def resolution(matrices: Design, gathered: Statistics) -> np.ndarray:
    """Rough sizes of the scales, (1 + q,): of sigma, and the sd of each effect that the data could just tell from 0.

    The latter is the standard error of one unit's effect times (2 / units)^(1/4).
    """
    spread = np.sqrt(np.mean(gathered.xy[:, -1] ** 2)) or 1.0
    units = max(len(matrices.levels), 1)
    information = (matrices.z**2).sum(axis=0) / units
    smallest = spread / np.sqrt(np.where(information > 0, information, 1.0)) * (2 / units) ** 0.25
    return np.array([spread, *smallest])


def scale_priors(matrices: Design, gathered: Statistics) -> ScalePriors:
    """Priors and transforms of the scales of a model.

    References
    ----------
    Lewandowski, Kurowicka & Joe (2009): partial correlations of an LKJ(eta) matrix of w effects are 2 Beta(b, b) - 1
    with b = eta + (w - 2 - k) / 2, where k effects are given.
    """
    of_effects = [matrices.priors.sd[term.name] for term in matrices.terms for _ in term.coefficients]
    families, parameters = zip(*map(coded, [matrices.priors.family["sigma"], *of_effects]), strict=True)
    pairs, beta, first = [], [], 0
    for block in matrices.blocks:
        width = len(block.coefficients)
        for k, j in combinations(range(width), 2):
            b = matrices.priors.eta + (width - 2 - k) / 2
            pairs.append((first + k, first + j))
            beta.append((b, lgamma(2 * b) - 2 * lgamma(b)))
        first += width
    return ScalePriors(
        np.array(families),
        np.array(parameters),
        resolution(matrices, gathered),
        np.array(pairs, dtype=np.int64).reshape(-1, 2),
        np.array(beta, dtype=float).reshape(-1, 2),
    )


class Density:
    """Log density of the scales on the unconstrained space, with its gradient.

    Attributes
    ----------
    dimensions
        Of the space: 1 + q scales, and the partial correlations.
    """

    def __init__(self, matrices: Design, gathered: Statistics):
        self.gathered = gathered
        self.priors = scale_priors(matrices, gathered)
        self.dimensions = len(self.priors.sizes) + len(self.priors.pairs)

    def gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Log density at a point x of the space, (dimensions,), and its gradient there."""
        return self._unmoved(x)

    def whitened(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        """The same at mode + root z (``frame``), with respect to z."""
        return self.native(z)

    @cached_property
    def _unmoved(self) -> NativeDensity:
        return NativeDensity((np.zeros(self.dimensions), np.eye(self.dimensions)), self.priors, self.gathered)

    @cached_property
    def native(self) -> NativeDensity:
        """``whitened`` as a C function."""
        return NativeDensity(self.frame, self.priors, self.gathered)

    def scales(self, x: np.ndarray) -> Scales:
        """What points (draws, dimensions) of the space stand for."""
        draws, count = len(x), len(self.priors.sizes)
        values, correlation = np.empty((draws, count)), np.zeros((draws, count - 1, count - 1))
        expand(np.ascontiguousarray(x), self.priors, values, correlation)
        return Scales(values[:, 0], values[:, 1:], correlation)

    @cached_property
    def frame(self) -> tuple[np.ndarray, np.ndarray]:
        """Mode, and a root S of the inverse of the curvature there, S S'.

        With x = mode + S z the density of z is roughly standard normal (approximate whitening), which shortens warmup.
        """
        from scipy.optimize import minimize

        def negative(x):
            value, slope = self.gradient(x)
            return (-value, -slope) if np.isfinite(value) else (np.inf, np.zeros_like(x))

        best = minimize(negative, np.zeros(self.dimensions), jac=True, method="BFGS", options={"maxiter": 100})
        d, mode, spread = self.dimensions, best.x, np.sqrt(np.abs(np.diag(best.hess_inv)))
        curvature = np.empty((d, d))
        for i, step in enumerate(0.1 * np.clip(spread, 1e-6, 1)):
            away = step * np.eye(d)[i]
            curvature[i] = (negative(mode + away)[1] - negative(mode - away)[1]) / (2 * step)
        # Where the density is flat, curves upwards or ends, a distance of 1 is as good as any.
        values, vectors = np.linalg.eigh(np.nan_to_num((curvature + curvature.T) / 2, posinf=0, neginf=0))
        return mode, np.ascontiguousarray(vectors / np.sqrt(np.where(values > 1, values, 1)))
