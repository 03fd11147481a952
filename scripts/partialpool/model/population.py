"""The covariance of group-level effects, from a posterior: the one place that makes it."""

from itertools import combinations

import numpy as np

from partialpool.marginal.design import Design


def factors_of(posterior, matrices: Design) -> np.ndarray:
    """Cholesky factors (draws, q, q) of the covariance of a unit's effects, from a fit by any engine."""
    q = matrices.z.shape[1]
    draws = posterior.sizes["chain"] * posterior.sizes["draw"]
    sd, correlation = np.empty((draws, q)), np.tile(np.eye(q), (draws, 1, 1))

    def values(name):
        return posterior[name].transpose("chain", "draw", ...).to_numpy().reshape(draws, -1)

    for block in matrices.blocks:
        for term, columns in zip(block.terms, block.columns, strict=True):
            sd[:, columns] = values(f"{term.name}_sigma")
        first, width = block.columns[0].start, len(block.coefficients)
        if block.correlation:
            for (i, j), value in zip(combinations(range(width), 2), values(block.correlation).T, strict=True):
                correlation[:, first + j, first + i] = value
    # Row by row, and not by a factorisation, which fails where a correlation has been rounded to one.
    factor = np.zeros((draws, q, q))
    for j in range(q):
        left = np.ones(draws)
        for k in range(j):
            known = (factor[:, j, :k] * factor[:, k, :k]).sum(axis=1)
            diagonal = factor[:, k, k]
            entry = np.divide(correlation[:, j, k] - known, diagonal, out=np.zeros(draws), where=diagonal > 0)
            factor[:, j, k] = np.clip(entry, -np.sqrt(left), np.sqrt(left))
            left = np.maximum(left - factor[:, j, k] ** 2, 0)
        factor[:, j, j] = np.sqrt(left)
    return factor * sd[:, :, None]
