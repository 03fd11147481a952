"""The marginal engine on many outcomes."""

import io
from contextlib import redirect_stdout
from dataclasses import replace

import numpy as np

from partialpool.model.design import Design
from partialpool.simulation import from_prior
from partialpool.simulation.truth import Fitted, Truth, divergences


class MarginalEngine:
    """The marginal engine on one design with many outcomes.

    Parameters
    ----------
    matrices
        From ``closed_form.design``; its spec has the priors and the settings of a fit.
    """

    def __init__(self, matrices: Design):
        self.matrices = matrices

    def from_prior(self, seed: np.random.SeedSequence) -> Truth:
        """Parameters from the prior, and an outcome from them."""
        rng = np.random.default_rng(seed)
        return self._from_population(from_prior.population(self.matrices, rng), rng)

    def from_population(self, population: dict[str, np.ndarray], seed: np.random.SeedSequence) -> Truth:
        """Effects of new units and an outcome, from parameters by name as ``from_prior.population`` has them."""
        return self._from_population(population, np.random.default_rng(seed))

    def _from_population(self, population: dict[str, np.ndarray], rng: np.random.Generator) -> Truth:
        matrices, sigma = self.matrices, population["sigma"]
        parameters = population | from_prior.effects(matrices, population, rng)
        noise = rng.standard_normal(len(matrices.y))
        outcome = from_prior.expected(matrices, parameters) + sigma * noise + self.offset
        return Truth(parameters, outcome, -0.5 * (np.log(2 * np.pi) + noise**2) - np.log(sigma))

    @property
    def offset(self) -> np.ndarray:
        """Sum of the offsets of each row."""
        return self.matrices.outcome - self.matrices.y

    def fit(self, outcome: np.ndarray, seed: int) -> Fitted:
        """Fit the model to an outcome (n,), as ``fit.fit`` does."""
        from partialpool.marginal import posterior

        spec = replace(self.matrices.spec, seed=seed)
        matrices = replace(self.matrices, spec=spec, outcome=outcome, y=outcome - self.offset)
        # The log of a job is no place for the words on each of a thousand fits.
        with redirect_stdout(io.StringIO()):
            groups, how = posterior.fit(matrices, cores=1)
        draws = groups["posterior"].assign_attrs(family_parameters="sigma")
        log_likelihood = groups["log_likelihood"][matrices.outcome_name].to_numpy()
        return Fitted(draws, log_likelihood, how["sampling"], divergences(groups["sample_stats"]))
