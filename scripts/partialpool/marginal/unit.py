"""What is known of the effects of a unit given the scales, for many draws of them at a time.

The rows of a unit are y = X b + Z L v + noise, with v standard normal; X b stands for all that is not its own. Of the
QR decomposition Z = Q R only R and Q'[X y] are needed: with F = R L and W = sigma^2 I + F F' = K K',

- what its rows say of b is E'E, E = K^-1 Q'[X y], beside what lies outside of the span of Z;
- v given b has the mean G'E (y - X b), G = K^-1 F, and the precision I + F'F / sigma^2.

QR holds where the usual Z'Z does not: at an sd near 0, a correlation near 1, an sd much larger than sigma.
"""

import numpy as np

from partialpool.marginal.lanes import (
    TOGETHER,
    add_gram_,
    add_outer_,
    add_products_,
    cholesky_,
    copy_,
    logarithms,
    multiply_,
    one_plus_,
    plus_,
    plus_multiple_,
    solve_lower_,
    solve_upper_,
    times_,
)
from partialpool.marginal.machine_code import compiled_as, part


@part
def marginal_(f, k, triangle, cholesky, variance):
    """Fill in the columns of F, and K, of a unit, (q, q, lanes) both; K as ``cholesky_`` leaves it.

    ``triangle`` is R (q, q), ``cholesky`` L (q, q, lanes), and ``variance`` sigma^2 (lanes,).
    """
    multiply_(f, triangle, cholesky)
    k[:] = 0.0
    for i in range(len(k)):
        copy_(k[i, i], variance)
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
def conditional_(f, k, precision, variance):
    """The columns of F become those of G, and ``precision`` (q, q, lanes) the Cholesky factor of that of v given b."""
    precision[:] = 0.0
    add_products_(precision, f, f)
    one_plus_(precision, variance)
    cholesky_(precision)
    solve_lower_(k, f)


def _settle(log_determinant, determinant, last):
    for begin in range(0, len(determinant), TOGETHER):
        end = min(begin + TOGETHER, len(determinant))
        inside = True
        for lane in range(begin, end):
            inside &= 1e-100 < determinant[lane] < 1e100
        if last or not inside:
            for lane in range(begin, end):
                log_determinant[lane] -= np.log(determinant[lane])
                determinant[lane] = 1.0


@compiled_as(_settle)
def settle_(log_determinant, determinant, last):
    """Take the logarithm of a product from ``log_determinant``, (lanes,) both, if it is the last, or hardly a number.

    That is, if one of the lanes that are looked at together is close to the ends of the range of a number.
    """
    outside = ~((determinant > 1e-100) & (determinant < 1e100))
    if last or outside.any():
        for begin in range(0, len(determinant), TOGETHER):
            some = slice(begin, begin + TOGETHER)
            if last or outside[some].any():
                log_determinant[some] -= logarithms(determinant[some])
                determinant[some] = 1.0


def add_units_(gram, together, log_determinant, variance, cholesky, units):
    """Add up E'E and half the logarithm of |W| over units.

    Parameters
    ----------
    gram : (d + 1, d + 1, lanes)
        Its lower triangle is added to.
    together : (d + 1, units q, lanes)
        If it is not empty, it gets the columns of E of all units, and nothing is added to ``gram``.
    log_determinant : (lanes,)
        Added to.
    variance, cholesky : (lanes,), (q, q, lanes)
        Residual variance, and L.
    units
        See ``WithEffects``.
    """
    triangles, starts, places, cross = units
    q, lanes = triangles.shape[1], len(variance)
    # Not `np.diff(starts).max()`: Numba takes two seconds to compile it.
    most = 0
    for unit in range(len(triangles)):
        most = max(most, starts[unit + 1] - starts[unit])
    f, k, e = np.empty((q, q, lanes)), np.empty((q, q, lanes)), np.empty((most, q, lanes))
    determinant = np.empty(lanes)
    determinant[:] = 1.0
    for unit in range(len(triangles)):
        begin, end = starts[unit], starts[unit + 1]
        marginal_(f, k, triangles[unit], cholesky, variance)
        load_(e[: end - begin], k, cross[begin:end])
        if len(together) == 0:
            add_gram_(gram, e[: end - begin], places[begin:end])
        else:
            for column in range(begin, end):
                for i in range(q):
                    copy_(together[places[column], unit * q + i], e[column - begin, i])
        for i in range(q):
            times_(determinant, k[i, i])
        settle_(log_determinant, determinant, unit == len(triangles) - 1)


def draw_units_(effects, variance, cholesky, dense, units):
    """Draw the effects of units given the scales and the dense coefficients.

    Parameters
    ----------
    effects : (q, units, lanes)
        Standard normal numbers, replaced by the effects.
    dense : (d, lanes)
        The dense coefficients.
    variance, cholesky, units
        See ``add_units_``; of these units.
    """
    triangles, starts, places, cross = units
    q, lanes = triangles.shape[1], len(variance)
    f, k, precision = np.empty((q, q, lanes)), np.empty((q, q, lanes)), np.empty((q, q, lanes))
    residual, v = np.empty((1, q, lanes)), np.empty((1, q, lanes))
    for unit in range(len(triangles)):
        marginal_(f, k, triangles[unit], cholesky, variance)
        conditional_(f, k, precision, variance)
        outcome = starts[unit + 1] - 1
        for i in range(q):
            residual[0, i] = cross[outcome, i]
            copy_(v[0, i], effects[i, unit])
            for column in range(starts[unit], outcome):
                plus_multiple_(residual[0, i], -cross[column, i], dense[places[column]])
        solve_lower_(k, residual)
        solve_upper_(precision, v)
        add_products_(v, residual, f)
        for i in range(q):
            effects[i, unit] = 0.0
            for j in range(i + 1):
                plus_(effects[i, unit], cholesky[i, j], v[0, j])
