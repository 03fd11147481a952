"""Exact draws of all coefficients given the scales."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from partialpool.marginal.batched import (
    DRAW,
    LANES,
    Program,
    cholesky_names,
    eliminate,
    evaluate,
    posterior,
    scalars,
    unit_names,
)
from partialpool.marginal.statistics import CHUNK, WithoutUnits, WithUnits


@cache
def effects_program(q: int, p: int) -> tuple[np.ndarray, int, np.ndarray]:
    """Effects of a unit given the scales and the common coefficients: from standard normal numbers z, L v.

    v has the precision I + F'F / sigma^2 and the mean F'W^-1 (y - X b).

    Returns
    -------
    operations, rows
        As above; the last q inputs are z.
    outputs
        Rows of the effects.
    """
    common = [("b", j) for j in range(p)]
    noise = [("z", i) for i in range(q)]
    program = Program([*DRAW, *cholesky_names(q), *common], unit_names(q, p) + noise)
    eliminate(program, q, p)
    posterior(program, q, p)
    program.solve_transposed("precision", noise, [("step", i) for i in range(q)])
    for i in range(q):
        program.sum(("v", i), [(("v", i), "one"), (("step", i), "one")])
    for i in range(q):
        program.sum(("u", i), [(("L", i, j), ("v", j)) for j in range(i + 1)])
    return program.operations, len(program.places), np.array([program["u", i] for i in range(q)], dtype=np.int64)


def thinned(shape: tuple[int, int], most: int) -> np.ndarray:
    """Positions of at most so many draws of each chain, evenly spaced, among all draws; ``shape`` is (chain, draw)."""
    chains, draws = shape
    within = np.linspace(0, draws - 1, min(most, draws)).round().astype(int)
    return (np.arange(chains)[:, None] * draws + within).ravel()


def draw_effects(gathered: WithUnits | WithoutUnits, sigma, cholesky, b, blocks: slice, rng, units: int) -> np.ndarray:
    """Exact draws of the effects of some blocks of units given scales and common coefficients, (draws, units, q)."""
    q, inputs = gathered.q, gathered.units[blocks]
    effects = rng.standard_normal((len(sigma), len(inputs), q, LANES))
    evaluate(*effects_program(q, b.shape[1]), scalars(sigma, cholesky, b), inputs, effects, effects)
    return effects.transpose(0, 1, 3, 2).reshape(len(sigma), len(inputs) * LANES, q)[:, :units]


def summarise_effects(gathered: WithUnits, sigma, cholesky, b, shape, rng, units: int, cores: int) -> np.ndarray:
    """Mean, sd, 2.5 % and 97.5 % quantile of each effect, (statistic, q, units), from up to 1000 draws.

    Some blocks of units at a time, so that memory does not grow with the number of units.
    """
    some = thinned(shape, -(-1000 // shape[0]))
    sigma, cholesky, b = sigma[some], cholesky[some], b[some]
    step = max(1, CHUNK // (len(sigma) * LANES * gathered.q))
    starts = range(0, len(gathered.units), step)

    def batch(start: int, own_rng) -> np.ndarray:
        inside = min(step * LANES, units - start * LANES)
        effects = draw_effects(gathered, sigma, cholesky, b, slice(start, start + step), own_rng, inside)
        effects = np.ascontiguousarray(effects.transpose(2, 1, 0))
        quantiles = np.quantile(effects, [0.025, 0.975], axis=-1)
        return np.stack([effects.mean(axis=-1), effects.std(axis=-1, ddof=1), *quantiles])

    with ThreadPoolExecutor(cores) as pool:
        return np.concatenate(list(pool.map(batch, starts, rng.spawn(len(starts)))), axis=-1)
