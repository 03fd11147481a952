"""Models with group-level effects: their statistics, and what is drawn and computed from them."""

import numpy as np

from partialpool.marginal import likelihood
from partialpool.marginal.design import Design
from partialpool.marginal.leave_out import left_out
from partialpool.marginal.scales import Scales
from partialpool.marginal.statistics import arranged, coordinates, gather


class WithEffects:
    """A model with group-level effects, one of whose grouping factors is block-diagonal.

    Parameters
    ----------
    matrices
        From ``design``.
    block
        Number of that grouping factor; by default the one with most levels.

    Attributes
    ----------
    at
        Coordinates of the common coefficients.
    rows, statistics, factors
        See ``rows`` and ``statistics``; ``factors`` are the other grouping factors, in their order.
    """

    def __init__(self, matrices: Design, block: int | None = None):
        levels = [len(factor.levels) for factor in matrices.factors]
        self.block = int(np.argmax(levels)) if block is None else block
        self.at = coordinates(matrices)
        self.rows, self.factors = arranged(matrices, self.block, self.at)
        self.statistics = gather(self.rows, self.factors, self.at.mean)

    def log_likelihood(self, scales: Scales, cores: int = 1) -> np.ndarray:
        """Log likelihood of draws of the scales, (draws,), in nats; it does not depend on the number of cores."""
        scales = scales.block_first(self.block)

        def some(draws: slice) -> np.ndarray:
            return likelihood.dense_part(self.statistics, scales.take(draws)).log_likelihood

        return np.concatenate(likelihood.in_threads(some, self.statistics, scales, cores))

    def draw_dense(self, scales: Scales, rng: np.random.Generator, cores: int = 1) -> np.ndarray:
        """Exact draws of the dense coefficients given the scales, (draws, d): common ones in their coordinates."""
        scales = scales.block_first(self.block)
        normal = rng.standard_normal((len(scales.sigma), len(self.statistics.rest) - 1))

        def some(draws: slice) -> np.ndarray:
            return likelihood.draw_dense(self.statistics, scales.take(draws), normal[draws])

        return np.concatenate(likelihood.in_threads(some, self.statistics, scales, cores))

    def left_out(
        self, scales: Scales, subsets: np.ndarray, some: slice, cores: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """Log densities and residuals of some subsets of rows, each given all others and the scales: ``left_out``."""
        return left_out(self.statistics, self.rows, scales.block_first(self.block), subsets, some, cores)
