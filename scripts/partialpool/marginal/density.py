"""Log density of the scales on the unconstrained space, and its gradient, in compiled code.

A coordinate x of the space is one of

- a scale (sigma first, then the standard deviations of the effects), which is ``size log(1 + exp(x))``: linear above
  ``size``, where the data tell it from 0, and logarithmic below. A posterior that reaches 0 is then close to normal,
  and NUTS needs fewer steps;
- a partial correlation, which is ``tanh(x / 2)``. Those of independent effects have no coordinate and are 0.
"""

from typing import NamedTuple

import numpy as np

from partialpool.marginal.batched import compiled, inner
from partialpool.marginal.likelihood import log_likelihood, log_likelihood_without_units
from partialpool.marginal.priors import log_prior


class ScalePriors(NamedTuple):
    """Priors and transforms of 1 + q scales and c partial correlations.

    Attributes
    ----------
    families : (1 + q,)
    parameters : (1 + q, 3)
        Both as ``priors.coded`` returns them.
    sizes : (1 + q,)
        Of the transforms.
    pairs : (c, 2)
        Effects k < j of each partial correlation given the effects before k.
    beta : (c, 2)
        (1 + partial correlation) / 2 has the prior Beta(b, b): b, and the logarithm of the constant.
    """

    families: np.ndarray
    parameters: np.ndarray
    sizes: np.ndarray
    pairs: np.ndarray
    beta: np.ndarray


class UnitsData(NamedTuple):
    """Arguments of ``likelihood.log_likelihood`` that do not change."""

    operations: np.ndarray
    layout: np.ndarray
    units: np.ndarray
    rest: np.ndarray
    mean: np.ndarray


class PlainData(NamedTuple):
    """Arguments of ``likelihood.log_likelihood_without_units`` that do not change."""

    rest: np.ndarray
    mean: np.ndarray
    n: int


@inner
def softplus(x):
    """log(1 + exp(x))."""
    return max(x, 0.0) + np.log1p(np.exp(-abs(x)))


@inner
def logistic(x):
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x)) if x >= 0 else np.exp(x) / (1 + np.exp(x))


@inner
def unpack(x, priors, scales, partial, left, correlation):
    """Fill in what the coordinates x stand for; ``partial`` and ``correlation`` begin with zeros.

    These are the scales (1 + q,); the partial correlations of effects j > k given those before k, (q, q), at [j, k];
    what is left of a standard deviation of 1 of effect j given the effects before k, (q, q), at [j, k]; and the
    Cholesky factor of the correlation matrix, (q, q).
    """
    q = scales.size - 1
    for i in range(q + 1):
        scales[i] = priors.sizes[i] * softplus(x[i])
    for i in range(priors.pairs.shape[0]):
        partial[priors.pairs[i, 1], priors.pairs[i, 0]] = np.tanh(x[1 + q + i] / 2)
    for j in range(q):
        left[j, 0] = 1.0
        for k in range(j):
            correlation[j, k] = partial[j, k] * left[j, k]
            left[j, k + 1] = left[j, k] * np.sqrt((1 - partial[j, k]) * (1 + partial[j, k]))
        correlation[j, j] = left[j, j]


@inner
def add_prior(x, priors, scales, gradient):
    """Log prior on the unconstrained space; its gradient is added to ``gradient``, which is that of the scales so far.

    On return the elements of ``gradient`` that belong to scales are derivatives with respect to their coordinates.
    """
    count = scales.size
    value = 0.0
    for i in range(count):
        parameters = priors.parameters
        density, slope = log_prior(priors.families[i], parameters[i, 0], parameters[i, 1], parameters[i, 2], scales[i])
        value += density + np.log(priors.sizes[i]) - softplus(-x[i])
        gradient[i] = (gradient[i] + slope) * priors.sizes[i] * logistic(x[i]) + logistic(-x[i])
    for i in range(priors.pairs.shape[0]):
        b, constant = priors.beta[i]
        y = x[count + i]
        value += constant - b * (softplus(y) + softplus(-y))
        gradient[count + i] -= b * np.tanh(y / 2)
    return value


@inner
def pull_back(d_cholesky, priors, scales, partial, left, correlation, gradient):
    """Add to ``gradient`` what a derivative with respect to the Cholesky factor of the covariance says.

    Its elements that belong to scales stay derivatives with respect to the scales.
    """
    q = scales.size - 1
    d_partial = np.zeros((q, q))
    for j in range(q):
        sd = scales[1 + j]
        for k in range(j + 1):
            gradient[1 + j] += d_cholesky[j, k] * correlation[j, k]
        d_left = sd * d_cholesky[j, j]
        for k in range(j - 1, -1, -1):
            p, d_entry = partial[j, k], sd * d_cholesky[j, k]
            root = np.sqrt((1 - p) * (1 + p))
            # Times d partial / d x, which is root^2 / 2.
            d_partial[j, k] = 0.5 * left[j, k] * root * (d_entry * root - d_left * p)
            d_left = d_entry * p + d_left * root
    for i in range(priors.pairs.shape[0]):
        gradient[scales.size + i] += d_partial[priors.pairs[i, 1], priors.pairs[i, 0]]


@inner
def place(z, mode, root):
    """Mode + root z."""
    x = np.empty(mode.size)
    for i in range(x.size):
        x[i] = mode[i]
        for j in range(x.size):
            x[i] += root[i, j] * z[j]
    return x


@inner
def slopes(gradient, root):
    """Root' gradient."""
    turned = np.zeros(gradient.size)
    for i in range(gradient.size):
        for j in range(gradient.size):
            turned[j] += root[i, j] * gradient[i]
    return turned


@inner
def density_with_units(z, mode, root, priors, data):
    """Log density at x = mode + root z, and its gradient with respect to z; of a model with effects of units.

    ``z`` and ``mode`` are (d,), ``root`` (d, d); ``priors`` is a ``ScalePriors``, and ``data`` a ``UnitsData``.
    """
    x = place(z, mode, root)
    q, p = priors.sizes.size - 1, data.mean.size
    scales, gradient = np.empty(q + 1), np.zeros(x.size)
    partial, left, correlation = np.zeros((q, q)), np.empty((q, q)), np.zeros((q, q))
    unpack(x, priors, scales, partial, left, correlation)
    # In loops, here and elsewhere: expressions of whole arrays take Numba longer to compile.
    cholesky = np.zeros((q, q))
    for i in range(q):
        for j in range(i + 1):
            cholesky[i, j] = scales[1 + i] * correlation[i, j]
    c, b = np.empty((p, p)), np.empty(p)
    likelihood, gradient[0], d_cholesky = log_likelihood(
        scales[0], cholesky, data.operations, data.layout, data.units, data.rest, data.mean, c, b
    )
    pull_back(d_cholesky, priors, scales, partial, left, correlation, gradient)
    return likelihood + add_prior(x, priors, scales, gradient), slopes(gradient, root)


@inner
def density_without_units(z, mode, root, priors, data):
    """``density_with_units`` of a model without effects of units; ``data`` is a ``PlainData``."""
    x = place(z, mode, root)
    scales, gradient = np.empty(1), np.zeros(1)
    scales[0] = priors.sizes[0] * softplus(x[0])
    likelihood, gradient[0] = log_likelihood_without_units(scales[0], data.rest, data.mean, data.n)
    return likelihood + add_prior(x, priors, scales, gradient), slopes(gradient, root)


@compiled
def expand(x, priors, scales, correlation):
    """Fill in the scales (draws, 1 + q) and Cholesky factors of the correlations (draws, q, q) at x (draws, d)."""
    q = priors.sizes.size - 1
    partial, left = np.zeros((q, q)), np.empty((q, q))
    for draw in range(x.shape[0]):
        unpack(x[draw], priors, scales[draw], partial, left, correlation[draw])
