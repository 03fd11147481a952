"""Draws of the scales: independent ones, and where these fail NUTS."""

from functools import cached_property

import numpy as np

from partialpool.errors import StudyError
from partialpool.marginal.scales import Scales, space_of
from partialpool.marginal.with_effects import WithEffects
from partialpool.marginal.without_effects import WithoutEffects
from partialpool.model.design import Design
from partialpool.model.spec import ModelSpec
from partialpool.sampling import independent
from partialpool.sampling.independent import IndependentDraws
from partialpool.sampling.mixture import Mixture
from partialpool.sampling.mode import find_mode

# ASSUME: a residual standard deviation this much smaller than the outcome's spread is rounding.
PERFECT = 1e-7
# ASSUME: beyond so many of a prior's standard deviations from its mean, sums of squares have no digits left.
FARTHEST = 1e6


class Posterior:
    """The posterior of the scales of a model on their unconstrained space, with all coefficients integrated out."""

    def __init__(self, matrices: Design, *, cores: int = 1):
        self.matrices, self.cores = matrices, cores
        self.model = WithEffects(matrices) if matrices.factors else WithoutEffects(matrices)
        self.space = space_of(matrices)

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Log of likelihood times prior at points x (n, dimensions), (n,), with its constant: it integrates to p(y)."""
        with np.errstate(all="ignore"):
            value = self.model.log_likelihood(Scales.at(self.space, x), self.cores) + self.space.log_prior(x)
        return np.nan_to_num(value, nan=-np.inf, posinf=-np.inf, neginf=-np.inf)

    @cached_property
    def mode(self) -> tuple[np.ndarray, np.ndarray]:
        """From ``find_mode``.

        Raises
        ------
        StudyError
            If the priors of the common coefficients, or those of the scales, have nothing in common with the data that
            a computer can represent, or if the model fits the outcome perfectly, where no posterior may exist.
        """
        self._check_distance()
        starts, formula = self.space.starts(np.random.default_rng(0)), self.matrices.spec.formula
        values = self.log_density(starts)
        if np.isneginf(values.max()):
            raise StudyError(
                f"formula '{formula}': there are no values of sigma and of the standard deviations that both the data "
                "and the priors allow. Look at the priors of 'sigma' and 'sd', and at the unit of the outcome."
            )
        mode, root = find_mode(self.log_density, starts[np.argmax(values)])
        sigma, spread = Scales.at(self.space, mode[None]).sigma[0], self._spread()
        if sigma < PERFECT * spread:
            raise StudyError(
                f"formula '{formula}': the model fits the outcome '{self.matrices.outcome_name}' perfectly, up to "
                f"rounding (sigma {sigma:.2g}, while the outcome has a spread of {spread:.2g}), so nothing can be said "
                "of sigma. Is the outcome constant, or does a predictor contain it? If it is meant to be so, give "
                "'sigma' a prior without values close to 0, as InverseGamma(2, 1)."
            )
        return mode, root

    def _check_distance(self) -> None:
        """Raise StudyError if the data want a common coefficient where its prior has no numbers any more."""
        matrices = self.matrices
        distances = np.abs(self.model.at.origin - matrices.prior_mean) / matrices.prior_sd
        for name, columns in matrices.common_columns.items():
            if (largest := distances[columns].max()) > FARTHEST:
                raise StudyError(
                    f"formula '{matrices.spec.formula}': the data put '{name}' {largest:.1g} standard deviations of "
                    "its prior away from the prior's mean. Give it a prior that suits the unit of the outcome."
                )

    def _spread(self) -> float:
        """Standard deviation of the outcome; the size of one that is constant; 1 of one that is 0."""
        y = self.matrices.y
        spread, size = y.std(), np.abs(y).max()
        return float(spread if spread > 1e-12 * size else size) or 1.0

    def draw(self, *, chains: int, draws: int, seed: int, proposal: Mixture | None = None) -> IndependentDraws:
        """Independent draws, and the evidence; ``proposal`` is one that fits a posterior close to this one."""
        rng = np.random.default_rng(seed)
        proposal = proposal or independent.adapt(self.log_density, *self.mode, rng)
        return independent.sample(self.log_density, proposal, chains=chains, draws=draws, rng=rng)


def sample_scales(
    posterior: Posterior, spec: ModelSpec, *, progress=None
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, str | float]]:
    """Draws of the scales: independent ones, or NUTS over the scales where their checks fail; the log says which.

    ``progress`` (see ``fit.fit``) is called by NUTS only.

    Returns
    -------
    x : (chain, draw, d)
        Points of the unconstrained space.
    stats
        Of the sampler, by name, (chain, draw) each.
    attributes
        ``sampling``: ``independent`` or ``nuts``; ``log_evidence`` and its Monte Carlo error; of independent draws
        ``pareto_k`` and ``acceptance``.
    """
    drawn = posterior.draw(chains=spec.chains, draws=spec.draws, seed=spec.seed)
    if drawn.trusted:
        print(f"Independent draws of the scales: {drawn.quality}.")
        return drawn.x, drawn.stats, drawn.attributes
    print(f"NUTS over the scales, because independent draws fail: {drawn.quality}.")
    from partialpool.sampling.nuts import nuts

    return *nuts(posterior.log_density, *posterior.mode, spec, progress), drawn.evidence | {"sampling": "nuts"}
