"""What is known of the effects of a unit given the scales, for many draws of them at a time.

The rows of a unit are y = X b + sigma (Z L v + noise), with v and the noise standard normal, and L the relative
covariance factor (``Scales.relative``); X b stands for all that is not its own. Of the QR decomposition Z = Q R only R
and Q'[X y] are needed: with F = R L and W = I + F F' = K K',

- what its rows say of b is E'E / sigma^2, E = K^-1 Q'[X y], beside what lies outside of the span of Z;
- sigma v given b has the mean G'E (y - X b), G = K^-1 F, and the precision (I + F'F) / sigma^2.

QR holds where the usual Z'Z does not: at an sd near 0, a correlation near 1, an sd much larger than sigma.
"""

import numpy as np

from partialpool.marginal.lanes import (
    add_gram_,
    add_outer_,
    add_products_,
    cholesky_,
    copy_,
    identity_,
    logarithms,
    multiply_,
    plus_,
    plus_multiple_,
    solve_lower_,
    solve_upper_,
    times_,
)
from partialpool.marginal.machine_code import part

# One logarithm is taken of so many entries of the diagonals of K^-1. They are at most 1, and their product is a number
# if they are over 1e-19, which only effects 1e19 times as large as sigma are not.
FACTORS = 16


@part
def marginal_(f, k, triangle, cholesky):
    """Fill in the columns of F, and K, of a unit, (q, q, lanes) both; K as ``cholesky_`` leaves it.

    ``triangle`` is R (q, q), and ``cholesky`` L (q, q, lanes).
    """
    multiply_(f, triangle, cholesky)
    identity_(k)
    add_outer_(k, f)
    cholesky_(k)


@part
def load_(e, k, cross):
    """Fill in the columns of E (columns, q, lanes) of a unit with Q'[X y] = cross' (columns, q)."""
    for j in range(len(e)):
        for i in range(e.shape[1]):
            e[j, i] = cross[j, i]
    solve_lower_(k, e)


@part
def conditional_(f, k, precision):
    """The columns of F become those of G, and ``precision`` (q, q, lanes) the Cholesky factor of I + F'F."""
    identity_(precision)
    add_products_(precision, f, f)
    cholesky_(precision)
    solve_lower_(k, f)


def add_units_(gram, together, log_determinant, cholesky, units):
    """Add up E'E and half the logarithm of |W| over units.

    Parameters
    ----------
    gram : (d + 1, d + 1, lanes)
        Its lower triangle is added to.
    together : (d + 1, units q, lanes)
        If it is not empty, it gets the columns of E of all units, and nothing is added to ``gram``.
    log_determinant : (lanes,)
        Added to.
    cholesky : (q, q, lanes)
        L.
    units
        See ``WithEffects``.
    """
    triangles, starts, places, cross = units
    q, lanes = triangles.shape[1], cholesky.shape[2]
    # Not `np.diff(starts).max()`: Numba takes two seconds to compile it.
    most = 0
    for unit in range(len(triangles)):
        most = max(most, starts[unit + 1] - starts[unit])
    f, k, e = np.empty((q, q, lanes)), np.empty((q, q, lanes)), np.empty((most, q, lanes))
    determinant = np.ones(lanes)
    for unit in range(len(triangles)):
        begin, end = starts[unit], starts[unit + 1]
        marginal_(f, k, triangles[unit], cholesky)
        load_(e[: end - begin], k, cross[begin:end])
        if len(together) == 0:
            add_gram_(gram, e[: end - begin], places[begin:end])
        else:
            for column in range(begin, end):
                for i in range(q):
                    copy_(together[places[column], unit * q + i], e[column - begin, i])
        for i in range(q):
            times_(determinant, k[i, i])
            if (unit * q + i) % FACTORS == FACTORS - 1:
                log_determinant -= logarithms(determinant)
                determinant[:] = 1.0
    log_determinant -= logarithms(determinant)


def draw_units_(effects, cholesky, dense, units):
    """Draw the effects of units given the scales and the dense coefficients.

    Parameters
    ----------
    effects : (units, q, lanes)
        Normal numbers with standard deviation sigma, replaced by the effects, sigma L v.
    cholesky, units
        See ``add_units_``; of these units.
    dense : (d, lanes)
        The dense coefficients.
    """
    triangles, starts, places, cross = units
    q, lanes = triangles.shape[1], cholesky.shape[2]
    f, k, precision = np.empty((q, q, lanes)), np.empty((q, q, lanes)), np.empty((q, q, lanes))
    residual = np.empty((1, q, lanes))
    for unit in range(len(triangles)):
        marginal_(f, k, triangles[unit], cholesky)
        conditional_(f, k, precision)
        outcome = starts[unit + 1] - 1
        for i in range(q):
            residual[0, i] = cross[outcome, i]
            for column in range(starts[unit], outcome):
                plus_multiple_(residual[0, i], -cross[column, i], dense[places[column]])
        solve_lower_(k, residual)
        own = effects[unit : unit + 1]
        solve_upper_(precision, own)
        add_products_(own, residual, f)
        for i in range(q - 1, -1, -1):
            times_(own[0, i], cholesky[i, i])
            for j in range(i):
                plus_(own[0, i], cholesky[i, j], own[0, j])
