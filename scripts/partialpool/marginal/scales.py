"""Values of the scales of a Gaussian model, and the space where they are drawn."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from partialpool.marginal.coordinates import coordinates
from partialpool.model.design import Design
from partialpool.sampling.priors import quantiles
from partialpool.sampling.space import Space, sizes_of_effects


@dataclass(frozen=True)
class Scales:
    """Draws of the scales of a model, or other values of them.

    Attributes
    ----------
    sigma : (draws,)
    sd : of each grouping factor, (draws, q)
        Standard deviations of the effects of one of its levels.
    correlation : of each grouping factor, (draws, q, q)
        Cholesky factors of their correlation matrices.
    """

    sigma: np.ndarray
    sd: tuple[np.ndarray, ...]
    correlation: tuple[np.ndarray, ...]

    @classmethod
    def at(cls, space: Space, x: np.ndarray) -> "Scales":
        """What points x (draws, dimensions) of a space stand for."""
        family, sds, correlation = space.values(x)
        return cls(family[:, 0], sds, correlation)

    @cached_property
    def cholesky(self) -> tuple[np.ndarray, ...]:
        """Of each grouping factor the Cholesky factors of the covariance of its effects, (draws, q, q)."""
        return tuple(sd[:, :, None] * own for sd, own in zip(self.sd, self.correlation, strict=True))

    def relative(self, number: int) -> np.ndarray:
        """``cholesky`` of a grouping factor over sigma, (draws, q, q): its relative covariance factors."""
        return self.cholesky[number] / self.sigma[:, None, None]

    def take(self, draws) -> "Scales":
        """Some of the draws."""
        return Scales(self.sigma[draws], tuple(sd[draws] for sd in self.sd), tuple(c[draws] for c in self.correlation))


def space_of(matrices: Design) -> Space:
    """The space of the scales of a model."""
    prior = matrices.priors.family["sigma"]
    residuals = matrices.y - matrices.x @ coordinates(matrices).origin
    # No smaller than the sigma below which its prior allows nothing.
    spread = max(np.sqrt(np.mean(residuals**2)), quantiles(prior, np.array([1e-6]))[0]) or 1.0
    return Space(matrices, [prior], np.concatenate([[spread], sizes_of_effects(matrices, spread)]))
