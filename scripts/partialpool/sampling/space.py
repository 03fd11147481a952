"""The scales of a model: their priors, and the unconstrained space where they are drawn."""

from itertools import combinations
from math import lgamma

import numpy as np

from partialpool.model.design import Design
from partialpool.model.priors import Distribution
from partialpool.sampling.priors import log_prior, quantiles

# ASSUME: this many sizes of a scale above 0, and below, its coordinate begins to be a logarithm.
WIDTH = 3.0
# Points from which a mode is looked for.
STARTS = 96


class Space:
    """The unconstrained space of the scales of a model. A coordinate x of it is one of

    - a scale (the family's first, then the standard deviations of the effects), which is ``size log(1 + exp(h))`` of
      ``h = WIDTH sinh(x / WIDTH)``: linear above ``size``, where the data tell it from 0, and logarithmic below, so
      that a posterior which reaches 0 is close to normal; far above logarithmic again, since a prior as HalfCauchy has
      tails there that no proposal has. What the data know is close to normal either way;
    - a partial correlation of effects j > k given those before k, which is ``tanh(x / 2)``. Those of independent
      effects have no coordinate and are 0.

    Parameters
    ----------
    matrices
        The model.
    family
        Priors of the family's scales.
    sizes : (scales,)
        Rough sizes of all scales.

    Attributes
    ----------
    dimensions
        Number of coordinates.

    References
    ----------
    Lewandowski, Kurowicka & Joe (2009): partial correlations of an LKJ(eta) matrix of w effects are 2 Beta(b, b) - 1
    with b = eta + (w - 2 - k) / 2, where k effects are given.
    """

    def __init__(self, matrices: Design, family: list[Distribution], sizes: np.ndarray):
        terms = [term for factor in matrices.factors for term in factor.terms]
        of_effects = [one for term in terms for one in matrices.priors.sd[term.name].each(len(term.coefficients))]
        self.priors, self.sizes = [*family, *of_effects], sizes
        # How many scales the family has, and each grouping factor.
        self.widths = [len(family), *(factor.z.shape[1] for factor in matrices.factors)]
        # Of each partial correlation the grouping factor, the effects j and k, and b.
        self.partial: list[tuple[int, int, int, float]] = []
        for i, factor in enumerate(matrices.factors):
            first = 0
            for block in factor.blocks:
                width = len(block.coefficients)
                for k, j in combinations(range(width), 2):
                    self.partial.append((i, first + j, first + k, matrices.priors.eta + (width - 2 - k) / 2))
                first += width
        self.dimensions = len(self.sizes) + len(self.partial)

    def values(self, x: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """What points x (draws, dimensions) stand for.

        Returns
        -------
        family : (draws, scales)
        sd, correlation : of each grouping factor, (draws, q) and (draws, q, q)
            Standard deviations of its effects, and Cholesky factors of their correlation matrices.
        """
        values = self.sizes * np.logaddexp(0, WIDTH * np.sinh(x[:, : len(self.sizes)] / WIDTH))
        family, *sds = np.split(values, np.cumsum(self.widths)[:-1], axis=1)
        partial = [np.zeros((len(x), q, q)) for q in self.widths[1:]]
        for (i, j, k, _), own in zip(self.partial, np.tanh(x[:, len(self.sizes) :] / 2).T, strict=True):
            partial[i][:, j, k] = own
        return family, tuple(sds), tuple(map(_cholesky_of_partial, partial))

    def starts(self, rng: np.random.Generator) -> np.ndarray:
        """Points (some, dimensions) from which a mode can be looked for.

        Of some of them all scales are of the size that the data suggest, of some of a size that their priors allow, and
        of the others it is chance which.
        """
        x = 2 * rng.standard_normal((STARTS, self.dimensions))
        x[0] = 0
        from_prior = rng.random((STARTS, len(self.sizes))) < np.repeat([0.0, 0.5, 1.0], STARTS // 3)[:, None]
        for k, (prior, size) in enumerate(zip(self.priors, self.sizes, strict=True)):
            with np.errstate(over="ignore"):
                values = quantiles(prior, rng.random(STARTS)) / size
                own = WIDTH * np.arcsinh((values + np.log(-np.expm1(-values))) / WIDTH)
                x[:, k] = np.where(from_prior[:, k], own, x[:, k])
        return x

    def log_prior(self, x: np.ndarray) -> np.ndarray:
        """Log prior density of points x (draws, dimensions) of the space, with the Jacobian determinant, (draws,)."""
        count = len(self.sizes)
        stretched = WIDTH * np.sinh(x[:, :count] / WIDTH)
        scales = self.sizes * np.logaddexp(0, stretched)
        value = (np.log(self.sizes) - np.logaddexp(0, -stretched)).sum(axis=1)
        value += np.log(np.cosh(x[:, :count] / WIDTH)).sum(axis=1)
        for prior, own in zip(self.priors, scales.T, strict=True):
            value += log_prior(prior, own)
        for (*_, b), own in zip(self.partial, x[:, count:].T, strict=True):
            value += lgamma(2 * b) - 2 * lgamma(b) - b * (np.logaddexp(0, own) + np.logaddexp(0, -own))
        return value


def _cholesky_of_partial(partial: np.ndarray) -> np.ndarray:
    """Cholesky factors of correlation matrices from partial correlations at [draw, j, k], both (draws, q, q)."""
    cholesky = np.zeros_like(partial)
    for j in range(partial.shape[1]):
        # What the effects before k leave of a standard deviation of 1.
        left = np.ones(len(partial))
        for k in range(j):
            p = partial[:, j, k]
            cholesky[:, j, k] = p * left
            left = left * np.sqrt((1 - p) * (1 + p))
        cholesky[:, j, j] = left
    return cholesky


def sizes_of_effects(matrices: Design, spread: float, weights: np.ndarray | float = 1.0) -> np.ndarray:
    """Rough sizes of the standard deviations of effects, that the data could just tell from 0.

    That is the standard error of one level's effect times (2 / levels)^(1/4). A row knows its linear predictor with the
    standard error ``spread``, over the root of its weight, (n,) or the same for all.
    """
    sizes = [np.empty(0)]
    for factor in matrices.factors:
        levels = len(factor.levels)
        information = (np.reshape(weights, (-1, 1)) * factor.z**2).sum(axis=0) / levels
        sizes.append(spread / np.sqrt(np.where(information > 0, information, 1.0)) * (2 / levels) ** 0.25)
    return np.concatenate(sizes)
