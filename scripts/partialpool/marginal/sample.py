"""Draws of the scales: independent ones, and where these fail NUTS."""

from dataclasses import dataclass

import numpy as np

from partialpool.marginal import independent
from partialpool.marginal.design import Design
from partialpool.marginal.independent import IndependentDraws
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

    def draw(self, *, chains: int, draws: int, seed: int) -> IndependentDraws:
        """Independent draws, and the evidence."""
        rng = np.random.default_rng(seed)
        return independent.sample(self.log_density, self.space.dimensions, chains=chains, draws=draws, rng=rng)


@dataclass(frozen=True)
class ScaleDraws:
    """Draws of the scales of a model, and how they came about.

    Attributes
    ----------
    scales
        All draws, chain by chain.
    shape : (2,)
        Chains, and draws of each.
    stats
        Of the sampler, by name, (chain, draw) each.
    attributes
        ``sampling``: ``independent`` or ``nuts``; ``log_evidence`` and its Monte Carlo error; of independent draws
        ``pareto_k`` and ``acceptance``.
    """

    scales: Scales
    shape: tuple[int, int]
    stats: dict[str, np.ndarray]
    attributes: dict[str, str | float]


def sample_scales(posterior: Posterior, spec: ModelSpec, *, progress=None) -> ScaleDraws:
    """Draws of the scales: independent ones, or NUTS over the scales where their checks fail; the log says which.

    Parameters
    ----------
    posterior
        Of the scales.
    spec
        The model's, for the number of chains and draws, the seed, and the settings of NUTS.
    progress
        See ``fit.fit``; called by NUTS only.
    """
    dimensions = posterior.space.dimensions
    drawn = posterior.draw(chains=spec.chains, draws=spec.draws, seed=spec.seed)
    quality = f"acceptance {drawn.acceptance:.2f}, Pareto k of the weights {drawn.pareto_k:.2f}"
    attributes = {"log_evidence": drawn.log_evidence, "mcse_log_evidence": drawn.mcse}
    if drawn.trusted:
        print(f"Independent draws of the scales: {quality}.")
        attributes |= {"sampling": "independent", "pareto_k": drawn.pareto_k, "acceptance": drawn.acceptance}
        stats = {"lp": drawn.log_density, "log_weight": drawn.log_weight, "accepted": drawn.accepted}
        x = drawn.x
    else:
        print(f"NUTS over the scales, because independent draws fail: {quality}.")
        from partialpool.marginal.nuts import nuts

        x, stats = nuts(posterior.log_density, dimensions, spec, progress)
        attributes |= {"sampling": "nuts"}
    scales = posterior.space.scales(x.reshape(-1, dimensions))
    return ScaleDraws(scales, x.shape[:2], stats, attributes)
