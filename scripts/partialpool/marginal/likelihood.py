"""Log likelihood of the scales with all coefficients integrated out, and the distribution of those given the scales.

Given the scales all coefficients are normal. The Cholesky factor of their precision is block-diagonal for the units,
with a dense part beside it for the common coefficients and the effects of other grouping factors. Of a unit its E'E is
added to the dense part, and its |W| to the determinant (``unit`` has the letters).

References
----------
Bates, Maechler, Bolker & Walker (2015), Journal of Statistical Software 67(1): the same factorisation, for one value of
the scales at a time, and with the coefficients profiled instead of integrated out.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from partialpool.marginal.lanes import add_gram_, back_substitute_, compiled, lanes_for, lanes_last
from partialpool.marginal.scales import Scales
from partialpool.marginal.statistics import Statistics
from partialpool.marginal.unit import load_, marginal_


@compiled
def add_units_(gram, log_determinant, sigma, cholesky, triangles, starts, places, cross):
    """Add up E'E and half the logarithm of |W| over units.

    Parameters
    ----------
    gram : (d + 1, d + 1, lanes)
        Its lower triangle is added to.
    log_determinant : (lanes,)
        Added to.
    sigma, cholesky : (lanes,), (q, q, lanes)
        Residual standard deviation, and L.
    triangles, starts, places, cross
        See ``Statistics``.
    """
    q, lanes = triangles.shape[1], len(sigma)
    variance = sigma * sigma
    f, k = np.empty((q, q, lanes)), np.empty((q, q, lanes))
    e = np.empty((np.diff(starts).max(), q, lanes))
    determinant = np.ones(lanes)
    for unit in range(len(triangles)):
        begin, end = starts[unit], starts[unit + 1]
        marginal_(f, k, triangles[unit], cholesky, variance)
        load_(e[: end - begin], k, cross[begin:end])
        add_gram_(gram, e[: end - begin], places[begin:end])
        # Logarithms are slow, so they are taken of products over units, while these are in the range of a number.
        representable = True
        for lane in range(lanes):
            for i in range(q):
                determinant[lane] *= k[i, i, lane]
            representable &= 1e-100 < determinant[lane] < 1e100
        if not representable or unit == len(triangles) - 1:
            for lane in range(lanes):
                log_determinant[lane] -= np.log(determinant[lane])
                determinant[lane] = 1.0


@dataclass(frozen=True)
class DensePart:
    """Distribution of the dense coefficients given draws of the scales, in coordinates where their prior variance is 1.

    Attributes
    ----------
    log_likelihood : (draws,)
        In nats; nan where the scales are outside of what numbers can hold.
    cholesky : (draws, d, d)
        Lower Cholesky factors C of their posterior precision.
    mean : (draws, d)
        C' times their posterior mean.
    """

    log_likelihood: np.ndarray
    cholesky: np.ndarray
    mean: np.ndarray


# Threads do not inherit what those who call them say of warnings.
@np.errstate(all="ignore")
def dense_part(statistics: Statistics, scales: Scales) -> DensePart:
    """The dense part for some draws of the scales, all at a time.

    Its precision, with the outcome as one more row, has a Cholesky factor with C' mean in the last row and, in the
    corner, the root of what is left of the outcome's sum of squares, and 1, so that it may be nothing.
    """
    d, lanes = len(statistics.rest) - 1, len(scales.sigma)
    gram, log_determinant = np.zeros((d + 1, d + 1, lanes)), np.zeros(lanes)
    of_units, *of_others = scales.cholesky
    units = statistics.triangles, statistics.starts, statistics.places, statistics.cross
    add_units_(gram, log_determinant, scales.sigma, lanes_last(of_units), *units)
    gram = np.moveaxis(gram, -1, 0)
    gram = gram + np.swapaxes(gram, 1, 2)
    gram[:, range(d + 1), range(d + 1)] /= 2
    gram += statistics.rest / scales.sigma[:, None, None] ** 2
    for factor, cholesky in zip(statistics.factors, of_others, strict=True):
        to_standard_(gram, factor, cholesky)
    p = len(statistics.mean)
    gram[:, :p, d] += statistics.mean
    gram[:, d, :p] += statistics.mean
    gram[:, d, d] += statistics.mean @ statistics.mean
    gram[:, range(d + 1), range(d + 1)] += 1
    augmented = cholesky_or_nan(gram)
    log_determinant += (statistics.n - statistics.triangles.shape[0] * statistics.triangles.shape[1]) * np.log(
        scales.sigma
    )
    diagonal = augmented[:, range(d), range(d)]
    value = -0.5 * (statistics.n * np.log(2 * np.pi) + augmented[:, d, d] ** 2 - 1)
    value -= log_determinant + np.log(diagonal).sum(axis=1)
    return DensePart(value, augmented[:, :d, :d], augmented[:, d, :d])


def to_standard_(gram: np.ndarray, factor, cholesky: np.ndarray) -> None:
    """Products with the effects u of a grouping factor become those with v, where u = L v, in place.

    ``gram`` is (draws, d + 1, d + 1), and ``cholesky``, L, (draws, q, q).
    """
    draws, size = gram.shape[:2]
    own = gram[:, :, factor.columns]
    own[:] = (own.reshape(draws, size, factor.levels, factor.q) @ cholesky[:, None]).reshape(own.shape)
    own = gram[:, factor.columns]
    by_level = own.reshape(draws, factor.levels, factor.q, size)
    own[:] = (np.swapaxes(cholesky, 1, 2)[:, None] @ by_level).reshape(own.shape)


def cholesky_or_nan(matrices: np.ndarray) -> np.ndarray:
    """Lower Cholesky factors of matrices (draws, d, d); nan where one is not positive definite."""
    try:
        return np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.full_like(matrices, np.nan)
        return np.concatenate([cholesky_or_nan(one[None]) for one in matrices])


def in_threads(function, statistics: Statistics, scales: Scales, cores: int) -> list:
    """Results of a function of some draws, a few at a time (``lanes_for``), in the order of the draws."""
    lanes = lanes_for(len(statistics.rest))
    blocks = [slice(start, start + lanes) for start in range(0, len(scales.sigma), lanes)]
    # NUTS asks for a few draws at a time, for which starting a thread takes longer than all the rest.
    if len(blocks) == 1:
        return [function(blocks[0])]
    with ThreadPoolExecutor(cores) as pool:
        return list(pool.map(function, blocks))


def draw_dense(statistics: Statistics, scales: Scales, normal: np.ndarray) -> np.ndarray:
    """Draws of the dense coefficients, (draws, d), from standard normal numbers of the same shape."""
    part = dense_part(statistics, scales)
    coefficients = part.mean + normal
    back_substitute_(part.cholesky, coefficients)
    from_standard_(coefficients[:, :, None], statistics, scales)
    return coefficients


def dense_posterior(statistics: Statistics, scales: Scales) -> tuple[np.ndarray, np.ndarray]:
    """Mean (draws, d) and covariance (draws, d, d) of the dense coefficients given draws of the scales."""
    part = dense_part(statistics, scales)
    root = np.swapaxes(np.linalg.inv(part.cholesky), 1, 2).copy()
    from_standard_(root, statistics, scales)
    return (root @ part.mean[:, :, None])[..., 0], root @ np.swapaxes(root, 1, 2)


def from_standard_(values: np.ndarray, statistics: Statistics, scales: Scales) -> None:
    """Standard normal v become effects u = L v of their grouping factor, in place; ``values`` is (draws, d, k)."""
    draws, _, k = values.shape
    for factor, cholesky in zip(statistics.factors, scales.cholesky[1:], strict=True):
        own = values[:, factor.columns]
        own[:] = (cholesky[:, None] @ own.reshape(draws, factor.levels, factor.q, k)).reshape(own.shape)
