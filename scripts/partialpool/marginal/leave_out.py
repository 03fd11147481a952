"""Densities of what is left out, given the scales."""

import numpy as np

from partialpool.marginal.lanes import (
    add_products_,
    cholesky_,
    compiled,
    inner,
    minus_,
    one_plus_,
    plus_,
    plus_multiple_,
    solve_lower_,
)
from partialpool.marginal.unit import conditional_, load_, marginal_


@compiled
def leave_out_(out, residuals, sigma, cholesky, mean, covariance, units, of_subsets, z, columns):
    """Log density of rows of a unit given all other rows and the scales, up to log(2 pi) / 2 a row.

    With P the posterior covariance of all coefficients given the scales and w the design of the rows, H = w P w' /
    sigma^2 and the residuals e at the posterior mean, the rows given the others are normal around y - (I - H)^-1 e with
    covariance sigma^2 (I - H)^-1.

    Parameters
    ----------
    out, residuals : (subsets, lanes)
        Filled; the residuals of subsets of one row in units of their standard deviation, given all other rows.
    sigma, cholesky, units
        See ``add_units_``.
    mean, covariance : (d, lanes), (d, d, lanes)
        Of the dense coefficients.
    of_subsets : (subsets,)
        Which unit the rows of a subset belong to; all meet as many dense columns.
    z, columns : (subsets, m, q), (subsets, m, width)
        Designs of the rows: of their unit's effects, and of the dense columns that it meets with the outcome behind.
    """
    triangles, starts, places, cross = units
    q, lanes = triangles.shape[1], len(sigma)
    m, width = columns.shape[1:]
    variance = sigma * sigma
    f, k, precision = np.empty((q, q, lanes)), np.empty((q, q, lanes)), np.empty((q, q, lanes))
    e, response = np.empty((width, q, lanes)), np.empty((width, q, lanes))
    own, rest = np.empty((m, q, lanes)), np.empty((m, m, lanes))
    shared, spread = np.empty((m, width, lanes)), np.empty((m, width - 1, lanes))
    residual = np.empty((1, m, lanes))
    last = -1
    for subset in range(len(of_subsets)):
        unit = of_subsets[subset]
        begin, end = starts[unit], starts[unit + 1]
        at = places[begin : end - 1]
        if unit != last:
            marginal_(f, k, triangles[unit], cholesky, variance)
            load_(e, k, cross[begin:end])
            conditional_(f, k, precision, variance)
            response[:] = 0.0
            add_products_(response, e, f)
            last = unit
        own_design_(own, z[subset], cholesky)
        shared_design_(shared, columns[subset], own, response)
        solve_lower_(precision, own)
        spread_(spread, shared, covariance, at)
        rest[:] = 0.0
        add_products_(rest, own, own)
        add_products_(rest, spread, shared)
        one_plus_(rest, -variance)
        residual_(residual[0], shared, mean, at)
        cholesky_(rest)
        solve_lower_(rest, residual)
        for lane in range(lanes):
            value = -m * np.log(sigma[lane])
            for t in range(m):
                value -= np.log(rest[t, t, lane]) + 0.5 * residual[0, t, lane] ** 2 / variance[lane]
            out[subset, lane] = value
            residuals[subset, lane] = residual[0, 0, lane] / sigma[lane]


@inner
def own_design_(own, z, cholesky):
    """Design of v, L'z, of each row, (m, q, lanes)."""
    own[:] = 0.0
    for t in range(len(own)):
        for i in range(own.shape[1]):
            for k in range(i, own.shape[1]):
                plus_multiple_(own[t, i], z[t, k], cholesky[k, i])


@inner
def shared_design_(shared, columns, own, response):
    """What is left of the dense columns (m, width, lanes) after the unit's effects took their part."""
    for t in range(shared.shape[0]):
        for j in range(shared.shape[1]):
            for lane in range(shared.shape[2]):
                shared[t, j, lane] = columns[t, j]
            for i in range(own.shape[1]):
                minus_(shared[t, j], own[t, i], response[j, i])


@inner
def spread_(spread, design, covariance, at):
    """Covariance of the dense coefficients at some places times the design of each row, (m, width - 1, lanes)."""
    spread[:] = 0.0
    for t in range(len(spread)):
        for i in range(len(at)):
            for j in range(len(at)):
                plus_(spread[t, i], covariance[at[i], at[j]], design[t, j])


@inner
def residual_(residual, design, mean, at):
    """Outcome of each row, the last of its columns, less what the dense coefficients make of it, (m, lanes)."""
    for t in range(len(residual)):
        for lane in range(residual.shape[1]):
            residual[t, lane] = design[t, len(at), lane]
        for j in range(len(at)):
            minus_(residual[t], design[t, j], mean[at[j]])


def compressed(z: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, int, np.ndarray]:
    """Rows of subsets in as few rows as have the same likelihood.

    Parameters
    ----------
    z, columns : (subsets, m, q), (subsets, m, width)
        Their designs, the outcome behind.

    Returns
    -------
    z, columns
        The same for at most q + width - 1 rows.
    spare, squares : (), (subsets,)
        How many rows without any design each subset has beside these, and the sum of squares of their outcomes.
    """
    q, design = z.shape[2], z.shape[2] + columns.shape[2] - 1
    if z.shape[1] <= design:
        return z, columns, 0, np.zeros(len(z))
    triangle = np.linalg.qr(np.concatenate([z, columns], axis=2), mode="r")
    own = np.ascontiguousarray(triangle[:, :design])
    return own[:, :, :q].copy(), own[:, :, q:].copy(), z.shape[1] - design, triangle[:, design, design] ** 2
