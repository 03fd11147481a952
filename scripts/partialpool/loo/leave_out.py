"""Densities of what is left out, given the scales, with all coefficients integrated out."""

import numpy as np

from partialpool.marginal.lanes import (
    add_products_,
    cholesky_,
    copy_,
    identity_,
    lanes_last,
    logarithms,
    minus_,
    plus_,
    plus_multiple_,
    solve_lower_,
    take_products_,
    times_,
)
from partialpool.marginal.machine_code import part, run
from partialpool.marginal.rows import CHUNK, sets_of_rows
from partialpool.marginal.scales import Scales
from partialpool.marginal.unit import conditional_, load_, marginal_
from partialpool.marginal.with_effects import WithEffects
from partialpool.marginal.without_effects import WithoutEffects


def left_out(
    model: WithEffects | WithoutEffects, scales: Scales, subsets: np.ndarray, some: slice, cores: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Subsets of rows given all other rows and the scales.

    Parameters
    ----------
    model
        With effects, the rows of a subset belong to one of its units.
    scales
        Draws of them.
    subsets : (n,)
        Which subset a row belongs to.
    some
        Numbers of the subsets that are asked for.
    cores
        Threads; the numbers do not depend on it.

    Returns
    -------
    densities : (draws, some), in nats
        Logarithms.
    residuals : (draws, some)
        Of subsets of one row: the outcome less its mean, in standard deviations.
    """
    if isinstance(model, WithEffects):
        return _with_effects(model, scales, subsets, some, cores)
    return _without_effects(model, scales.sigma, subsets, some)


def _with_effects(model: WithEffects, scales: Scales, subsets, some: slice, cores: int) -> tuple[np.ndarray, ...]:
    rows = model.rows
    inside = np.flatnonzero((subsets >= some.start) & (subsets < some.stop))
    order = inside[np.lexsort((subsets[inside], rows.codes[inside]))]
    starts = np.flatnonzero(np.diff(subsets[order], prepend=-1))
    which, unit = subsets[order[starts]] - some.start, rows.codes[order[starts]]
    widths = np.diff(rows.starts)[unit]
    parts = [
        (alike, unit[alike], *compressed(rows.z[own], rows.columns(own, widths[alike[0]])))
        for alike, own in sets_of_rows(order, np.append(starts, len(order)), widths)
    ]

    @np.errstate(all="ignore")
    def block(own: Scales, _) -> np.ndarray:
        variance, log_sigma = own.sigma**2, logarithms(own.sigma)
        mean, covariance = model.dense_posterior(own)
        covariance /= variance[:, None, None]
        given = 1 / own.sigma, *map(lanes_last, (own.relative(model.block), mean, covariance))
        both = np.empty((2, len(own.sigma), len(which)))
        for subset, of_subset, z, columns, spare, squares in parts:
            m = z.shape[1]
            out, residuals = np.tile(-m * log_sigma, (len(subset), 1)), np.empty((len(subset), len(variance)))
            steps = (model.steps[of_subset] + m * columns.shape[2] ** 2).sum()
            run(leave_out_, steps, out, residuals, *given, model.units, of_subset, z, columns)
            out -= 0.5 * m * np.log(2 * np.pi)
            out -= 0.5 * (spare * np.log(2 * np.pi * variance) + squares[:, None] / variance)
            both[:, :, which[subset]] = out.T, residuals.T
        return both

    densities, residuals = np.concatenate(model.in_threads(block, scales, cores), axis=1)
    return densities, residuals


def _without_effects(model: WithoutEffects, sigma: np.ndarray, subsets, some: slice) -> tuple[np.ndarray, ...]:
    order, width = np.argsort(subsets, kind="stable"), model.xy.shape[1]
    starts = np.searchsorted(subsets[order], np.arange(some.start, some.stop + 1))
    both = np.empty((2, len(sigma), len(starts) - 1))
    for which, own in sets_of_rows(order, starts, np.full(len(starts) - 1, width)):
        step = max(1, CHUNK // (own.size * width))
        for draw in range(0, len(sigma), step):
            batch = slice(draw, draw + step)
            both[:, batch, which] = _of_rows(model, model.xy[own], sigma[batch])
    return both[0], both[1]


def _of_rows(model: WithoutEffects, rows: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As ``left_out``, of subsets of as many ``rows`` each (subsets, m, p + 1); ``leave_out_`` has the formula."""
    mean, precision = model.posterior(sigma)
    x, y, variance = rows[..., :-1], rows[..., -1], sigma[:, None] ** 2
    rest = -(x / (variance * precision)[:, None, None]) @ np.swapaxes(x, 1, 2)
    rest[..., range(y.shape[1]), range(y.shape[1])] += 1
    residual = y - np.moveaxis(x @ mean.T, -1, 0)
    _, log_determinant = np.linalg.slogdet(rest)
    quadratic = (residual * np.linalg.solve(rest, residual[..., None])[..., 0]).sum(axis=-1) / variance
    density = -0.5 * (y.shape[1] * np.log(2 * np.pi * variance) - log_determinant + quadratic)
    return density, residual[..., 0] / np.sqrt(rest[..., 0, 0] * variance)


def leave_out_(out, residuals, inverse_sigma, cholesky, mean, covariance, units, of_subsets, z, columns):
    """Log density of rows of a unit given all other rows and the scales, up to log(2 pi) / 2 + log(sigma) a row.

    With P the posterior covariance of all coefficients given the scales and w the design of the rows, H = w P w' /
    sigma^2 and the residuals e at the posterior mean, the rows given the others are normal around y - (I - H)^-1 e with
    covariance sigma^2 (I - H)^-1.

    Parameters
    ----------
    out, residuals : (subsets, lanes)
        The former is added to, the latter are filled: those of subsets of one row, over their standard deviation given
        all other rows.
    inverse_sigma : (lanes,)
        1 / sigma.
    cholesky, units
        See ``add_units_``.
    mean, covariance : (d, lanes), (d, d, lanes)
        Of the dense coefficients, the latter over sigma^2.
    of_subsets : (subsets,)
        Which unit the rows of a subset belong to; all meet as many dense columns.
    z, columns : (subsets, m, q), (subsets, m, width)
        Designs of the rows: of their unit's effects, and of the dense columns that it meets with the outcome behind.
    """
    triangles, starts, places, cross = units
    q, lanes = triangles.shape[1], len(inverse_sigma)
    m, width = columns.shape[1:]
    f, k, precision = np.empty((q, q, lanes)), np.empty((q, q, lanes)), np.empty((q, q, lanes))
    e, response = np.empty((width, q, lanes)), np.empty((width, q, lanes))
    own, rest = np.empty((m, q, lanes)), np.empty((m, m, lanes))
    shared, spread = np.empty((m, width, lanes)), np.empty((m, width - 1, lanes))
    taken = np.empty((width - 1, q, lanes))
    residual = np.empty((1, m, lanes))
    last = -1
    for subset in range(len(of_subsets)):
        unit = of_subsets[subset]
        begin, end = starts[unit], starts[unit + 1]
        at = places[begin : end - 1]
        if unit != last:
            marginal_(f, k, triangles[unit], cholesky)
            load_(e, k, cross[begin:end])
            conditional_(f, k, precision)
            response[:] = 0.0
            add_products_(response, e, f)
            if m == 1:
                taken_(taken, response, covariance, at)
            last = unit
        own_design_(own, z[subset], cholesky)
        shared_design_(shared, columns[subset], own, response)
        if m == 1:
            spread_of_row_(spread[0], columns[subset, 0], own[0], taken, covariance, at)
        else:
            spread_(spread, shared, covariance, at)
        solve_lower_(precision, own)
        identity_(rest)
        for j in range(m):
            take_products_(rest[j : j + 1], own[j : j + 1], own[: j + 1])
            take_products_(rest[j : j + 1], spread[j : j + 1], shared[: j + 1])
        cholesky_(rest)
        residual_(residual[0], shared, mean, at, inverse_sigma)
        solve_lower_(rest, residual)
        # Not `out[subset] -= ...`: Numba takes four seconds to compile it.
        density = out[subset]
        for j in range(m):
            density -= logarithms(rest[j, j]) + 0.5 * residual[0, j] ** 2
        copy_(residuals[subset], residual[0, 0])


@part
def own_design_(own, z, cholesky):
    """Design of v, L'z, of each row, (m, q, lanes)."""
    own[:] = 0.0
    for t in range(len(own)):
        for i in range(own.shape[1]):
            for k in range(i, own.shape[1]):
                plus_multiple_(own[t, i], z[t, k], cholesky[k, i])


@part
def shared_design_(shared, columns, own, response):
    """What is left of the dense columns (m, width, lanes) after the unit's effects took their part."""
    for t in range(shared.shape[0]):
        for j in range(shared.shape[1]):
            shared[t, j] = columns[t, j]
            for i in range(own.shape[1]):
                minus_(shared[t, j], own[t, i], response[j, i])


@part
def taken_(taken, response, covariance, at):
    """Covariance of the dense coefficients at some places times the unit's response to them, (width - 1, q, lanes)."""
    taken[:] = 0.0
    for i in range(len(at)):
        for j in range(len(at)):
            for k in range(taken.shape[1]):
                plus_(taken[i, k], covariance[at[i], at[j]], response[j, k])


@part
def spread_of_row_(spread, columns, own, taken, covariance, at):
    """``spread_`` of one row, (width - 1, lanes), faster: most of its own ``columns`` (width,) are 0.

    Of all rows of a unit together too many digits would cancel.
    """
    spread[:] = 0.0
    for j in range(len(at)):
        if columns[j] != 0.0:
            for i in range(len(at)):
                plus_multiple_(spread[i], columns[j], covariance[at[j], at[i]])
    for i in range(len(at)):
        for k in range(len(own)):
            minus_(spread[i], own[k], taken[i, k])


@part
def spread_(spread, design, covariance, at):
    """Covariance of the dense coefficients at some places times the design of each row, (m, width - 1, lanes)."""
    spread[:] = 0.0
    for t in range(len(spread)):
        for i in range(len(at)):
            for j in range(len(at)):
                plus_(spread[t, i], covariance[at[i], at[j]], design[t, j])


@part
def residual_(residual, design, mean, at, inverse_sigma):
    """Outcome of each row, the last of its columns, less what the dense coefficients make of it, in sigmas."""
    for t in range(len(residual)):
        copy_(residual[t], design[t, len(at)])
        for j in range(len(at)):
            minus_(residual[t], design[t, j], mean[at[j]])
        times_(residual[t], inverse_sigma)


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
