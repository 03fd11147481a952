"""Draws from the posterior of a marginal model whose prior or likelihood is raised to a power."""

from dataclasses import replace

import numpy as np

from partialpool.marginal.posterior import population_of
from partialpool.marginal.sample import Posterior
from partialpool.marginal.scales import Scales, space_of
from partialpool.model.design import Design
from partialpool.sampling.independent import adapt
from partialpool.sampling.mixture import Mixture
from partialpool.sampling.priors import log_prior
from partialpool.sampling.space import Space


class Powered(Posterior):
    """The posterior of the scales with the priors, and the likelihood given all coefficients, raised to powers.

    Raised are the priors of the common coefficients, sigma, standard deviations and correlations (of these the density
    of the correlations themselves). The distribution of the group-level effects is a part of the model and stays.

    Parameters
    ----------
    matrices
        From ``design``.
    prior, likelihood
        The powers.
    space
        Of the scales; by default that which suits the matrices.
    cores
        Threads; the numbers do not depend on it.

    References
    ----------
    Kallioinen, Paananen, Bürkner & Vehtari (2024), Statistics and Computing 34, 57.
    """

    def __init__(
        self,
        matrices: Design,
        *,
        prior: float = 1.0,
        likelihood: float = 1.0,
        space: Space | None = None,
        cores: int = 1,
    ):
        # A normal density to a power is, but for a constant, another normal density; so are those of the rows.
        super().__init__(replace(matrices, prior_sd=matrices.prior_sd / np.sqrt(prior)), cores=cores)
        self.space = space or space_of(matrices)
        self.prior, self.likelihood = prior, likelihood

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Log density at points x (n, dimensions), (n,), up to a constant."""
        with np.errstate(all="ignore"):
            scales, n = Scales.at(self.space, x), len(self.matrices.y)
            value = self.model.log_likelihood(self._as_normal(scales), self.cores)
            value += n * (1 - self.likelihood) * np.log(scales.sigma)
            value += self.space.log_prior(x) + (self.prior - 1) * self._log_prior(scales)
        return np.nan_to_num(value, nan=-np.inf, posinf=-np.inf, neginf=-np.inf)

    def _as_normal(self, scales: Scales) -> Scales:
        """The scales of the normal distribution that the likelihood to its power is a multiple of."""
        return Scales(scales.sigma / np.sqrt(self.likelihood), scales.sd, scales.correlation)

    def _log_prior(self, scales: Scales) -> np.ndarray:
        """Log density of the priors of the scales, (draws,), up to a constant."""
        values = np.column_stack([scales.sigma, *scales.sd])
        total = sum(log_prior(prior, own) for prior, own in zip(self.space.priors, values.T, strict=True))
        if self.space.partial:
            eta = self.matrices.priors.eta
            for own in scales.correlation:
                total = total + 2 * (eta - 1) * np.log(np.diagonal(own, axis1=1, axis2=2)).sum(axis=1)
        return total

    def proposal(self, seed: int) -> Mixture:
        """A distribution close to this posterior."""
        return adapt(self.log_density, *self.mode, np.random.default_rng(seed))

    def estimates(self, *, chains: int, draws: int, seed: int, proposal: Mixture):
        """Draws of common coefficients and scales under Bambi's names, and whether they can be trusted.

        Of two posteriors with the same seed and proposal most draws are of the same random numbers.

        Returns
        -------
        Dataset
            (chain, draw, ...), see ``posterior.population_of``.
        bool
        """
        drawn = self.draw(chains=chains, draws=draws, seed=seed, proposal=proposal)
        scales = Scales.at(self.space, drawn.x.reshape(chains * draws, -1))
        dense = self.model.draw_dense(self._as_normal(scales), np.random.default_rng([seed, 1]), self.cores)
        common = self.model.at.coefficients(dense)
        return population_of(self.matrices, scales, common, (chains, draws)), drawn.trusted
