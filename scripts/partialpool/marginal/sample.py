"""Draws of the scales: independent ones, and where these fail NUTS."""

from dataclasses import dataclass
from math import log

import numpy as np

from partialpool.jobs.progress import from_nutpie
from partialpool.marginal import independent
from partialpool.marginal.design import Design
from partialpool.marginal.independent import IndependentDraws, Mixture
from partialpool.marginal.mode import derivatives, find_mode
from partialpool.marginal.scales import Scales, Space
from partialpool.marginal.with_effects import WithEffects
from partialpool.marginal.without_effects import WithoutEffects
from partialpool.model.spec import ModelSpec


class Posterior:
    """The posterior of the scales of a model on their unconstrained space, with all coefficients integrated out.

    Attributes
    ----------
    model
        ``WithEffects`` or ``WithoutEffects``.
    space
        The unconstrained space.
    """

    def __init__(self, matrices: Design, *, cores: int = 1):
        self.model = WithEffects(matrices) if matrices.factors else WithoutEffects(matrices)
        self.space, self.cores = Space(matrices), cores

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Log of likelihood times prior at points x (n, dimensions), (n,), with its constant: it integrates to p(y)."""
        with np.errstate(all="ignore"):
            value = self.model.log_likelihood(self.space.scales(x), self.cores) + self.space.log_prior(x)
        return np.nan_to_num(value, nan=-np.inf, posinf=-np.inf)
