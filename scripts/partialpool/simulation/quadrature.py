"""Models whose units are integrated by quadrature, and those without effects, on many outcomes."""

import io
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd

from partialpool.fit.fit import settled
from partialpool.quadrature import posterior
from partialpool.quadrature.densities import NoQuadrature
from partialpool.quadrature.model import Model
from partialpool.simulation import from_prior
from partialpool.simulation.truth import Fitted, Truth, divergences


class QuadratureEngine:
    """Quadrature on one design with many outcomes.

    Parameters
    ----------
    model
        Its spec has the priors and the settings of a fit.
    rows
        The model's complete cases.
    """

    def __init__(self, model: Model, rows: pd.DataFrame):
        self.model, self.rows = model, rows

    def from_prior(self, seed: np.random.SeedSequence) -> Truth:
        """Parameters from the prior, and an outcome from them."""
        rng = np.random.default_rng(seed)
        return self._from_population(from_prior.population(self.model.matrices, rng), rng)

    def from_population(self, population: dict[str, np.ndarray], seed: np.random.SeedSequence) -> Truth:
        """Effects of new units and an outcome, from parameters by name as ``from_prior.population`` has them."""
        return self._from_population(population, np.random.default_rng(seed))

    def _from_population(self, population: dict[str, np.ndarray], rng: np.random.Generator) -> Truth:
        model, matrices = self.model, self.model.matrices
        parameters = population | from_prior.effects(matrices, population, rng)
        eta = from_prior.expected(matrices, parameters) + model.offset
        others = {name: np.asarray(population[name]) for name in matrices.priors.family} | model.of_trials
        outcome = model.family.draw(rng, eta, model.link, **others)
        density = model.family.kernel(y=outcome, eta=eta, link=model.link, **others)
        return Truth(parameters, outcome, density + model.family.constant(y=outcome, **others))

    def fit(self, outcome: np.ndarray, seed: int) -> Fitted:
        """Fit the model to an outcome (n,), as ``fit.fit`` does."""
        matrices, outcome = self.model.matrices, np.asarray(outcome, dtype=float)
        spec = replace(matrices.spec, seed=seed)
        matrices = replace(matrices, spec=spec, outcome=outcome, y=outcome - self.model.offset)
        try:
            # The log of a job is no place for the words on each of a thousand fits.
            with redirect_stdout(io.StringIO()):
                groups, how = posterior.fit(Model(matrices, self.model.trials))
        except NoQuadrature:
            return self._nuts.fit(outcome, seed)
        draws = groups["posterior"].assign_attrs(family_parameters=" ".join(self.model.family.parameters))
        log_likelihood = groups["log_likelihood"][matrices.outcome_name].to_numpy()
        return Fitted(draws, log_likelihood, how["sampling"], divergences(groups["sample_stats"]))

    @cached_property
    def _nuts(self):
        """The engine for outcomes of which independent draws fail."""
        from partialpool.simulation.nuts import NutsEngine

        return NutsEngine(settled(self.model.matrices.spec, "nuts"), self.rows)
