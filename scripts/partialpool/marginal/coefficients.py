"""Exact draws of the effects of units given the scales and all other coefficients."""

import numpy as np

from partialpool.marginal.lanes import (
    add_products_,
    compiled,
    plus_,
    plus_multiple_,
    solve_lower_,
    solve_upper_,
)
from partialpool.marginal.unit import conditional_, marginal_


@compiled
def draw_units_(effects, sigma, cholesky, dense, units):
    """Draw the effects of units given the scales and the dense coefficients.

    Parameters
    ----------
    effects : (q, units, lanes)
        Standard normal numbers, replaced by the effects.
    sigma, cholesky
        Residual standard deviation (lanes,), and L (q, q, lanes).
    dense : (d, lanes)
        The dense coefficients.
    units
        See ``WithEffects``; of these units.
    """
    triangles, starts, places, cross = units
    q, lanes = triangles.shape[1], len(sigma)
    variance = sigma * sigma
    f, k, precision = np.empty((q, q, lanes)), np.empty((q, q, lanes)), np.empty((q, q, lanes))
    residual, v = np.empty((1, q, lanes)), np.empty((1, q, lanes))
    for unit in range(len(triangles)):
        marginal_(f, k, triangles[unit], cholesky, variance)
        conditional_(f, k, precision, variance)
        outcome = starts[unit + 1] - 1
        for i in range(q):
            for lane in range(lanes):
                residual[0, i, lane] = cross[outcome, i]
                v[0, i, lane] = effects[i, unit, lane]
            for column in range(starts[unit], outcome):
                plus_multiple_(residual[0, i], -cross[column, i], dense[places[column]])
        solve_lower_(k, residual)
        solve_upper_(precision, v)
        add_products_(v, residual, f)
        for i in range(q):
            effects[i, unit] = 0.0
            for j in range(i + 1):
                plus_(effects[i, unit], cholesky[i, j], v[0, j])
