"""Importance weights of leaving out measurements or units, some of them at a time so that memory is bounded."""

from collections.abc import Iterator

import numpy as np

from partialpool.weights.smoothing import relative_efficiency, smooth

# Weights of 8 bytes that are computed at a time.
CHUNK = 10**6


def weights(log_density: np.ndarray) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Pareto-smoothed weights under which draws of a posterior are those without something that it is given.

    Parameters
    ----------
    log_density : (chain, draw, n)
        Log densities of what is left out, n times one thing.

    Yields
    ------
    some
        Which of the n.
    weights : (some, draws)
        Those of each sum to one.
    pareto_k : (some,)
    """
    n = log_density.shape[-1]
    step = max(1, CHUNK * n // log_density.size)
    for start in range(0, n, step):
        some = slice(start, start + step)
        by_one = np.ascontiguousarray(np.moveaxis(log_density[..., some], -1, 0))
        log_weights, pareto_k = smooth(-by_one.reshape(len(by_one), -1), relative_efficiency(by_one))
        yield some, np.exp(log_weights), pareto_k
