"""Exact draws of the effects of units given the scales and all other coefficients."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from partialpool.marginal.lanes import (
    LANES,
    add_products_,
    compiled,
    lanes_last,
    plus_,
    plus_multiple_,
    solve_lower_,
    solve_upper_,
)
from partialpool.marginal.rows import CHUNK
from partialpool.marginal.scales import Scales
from partialpool.marginal.statistics import Statistics
from partialpool.marginal.unit import conditional_, marginal_


@compiled
def draw_units_(effects, sigma, cholesky, dense, triangles, starts, places, cross):
    """Draw the effects of units given the scales and the dense coefficients.

    Parameters
    ----------
    effects : (q, units, lanes)
        Standard normal numbers, replaced by the effects.
    sigma, cholesky
        Residual standard deviation (lanes,), and L (q, q, lanes).
    dense : (d, lanes)
        The dense coefficients.
    triangles, starts, places, cross
        See ``Statistics``, of these units.
    """
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


def draw_effects(statistics: Statistics, scales: Scales, dense: np.ndarray, units: slice, rng) -> np.ndarray:
    """Exact draws of the effects of some units, (draws, units, q), given the dense coefficients (draws, d)."""
    starts = statistics.starts[units.start : units.stop + 1]
    own = statistics.triangles[units], starts, statistics.places, statistics.cross
    draws, q = len(scales.sigma), statistics.triangles.shape[1]
    effects = np.empty((draws, len(starts) - 1, q))
    for begin in range(0, draws, LANES):
        some = slice(begin, begin + LANES)
        cholesky = lanes_last(scales.cholesky[0][some])
        lanes = rng.standard_normal((q, len(starts) - 1, cholesky.shape[2]))
        draw_units_(lanes, scales.sigma[some], cholesky, np.ascontiguousarray(dense[some].T), *own)
        effects[some] = np.transpose(lanes, (2, 1, 0))
    return effects


def thinned(shape: tuple[int, int], most: int) -> np.ndarray:
    """Positions of at most so many draws of each chain, evenly spaced, among all draws; ``shape`` is (chain, draw)."""
    chains, draws = shape
    within = np.linspace(0, draws - 1, min(most, draws)).round().astype(int)
    return (np.arange(chains)[:, None] * draws + within).ravel()


def in_batches(statistics: Statistics, scales: Scales, dense: np.ndarray, rng, cores: int, function) -> list:
    """Results of a function of draws (draws, units, q) of some units' effects, batch by batch of units.

    So many at a time that memory does not grow with the number of units; the draws do not depend on the cores.
    """
    units, q = statistics.triangles.shape[:2]
    step = max(1, CHUNK // (len(scales.sigma) * q))
    batches = [slice(start, min(start + step, units)) for start in range(0, units, step)]

    def one(batch: slice, own_rng):
        return function(draw_effects(statistics, scales, dense, batch, own_rng))

    with ThreadPoolExecutor(cores) as pool:
        return list(pool.map(one, batches, rng.spawn(len(batches))))


def summary_of_effects(effects: np.ndarray) -> np.ndarray:
    """Mean, sd, 2.5 % and 97.5 % quantile of each effect, (statistic, q, units), from draws (draws, units, q)."""
    effects = np.ascontiguousarray(effects.transpose(2, 1, 0))
    quantiles = np.quantile(effects, [0.025, 0.975], axis=-1)
    return np.stack([effects.mean(axis=-1), effects.std(axis=-1, ddof=1), *quantiles])
