"""The engine of a model, ready to be run many times: what does not depend on the outcome is made once."""

import io
from contextlib import redirect_stdout
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from partialpool.fit.fit import closed_form, settled
from partialpool.marginal.design import Design
from partialpool.model.automatic import automatic_priors
from partialpool.model.formula import complete_cases
from partialpool.model.spec import ModelSpec
from partialpool.simulation import from_prior

# Draws of the fit of one replicate: enough for its intervals, and quick.
CHAINS, DRAWS = 2, 500


@dataclass(frozen=True)
class Truth:
    """Parameters, and data that were drawn from them.

    Attributes
    ----------
    parameters
        By Bambi's name of the variable, without chains and draws.
    outcome : (n,)
        Of each row, as ``observed_data`` of a fit has it.
    log_likelihood : (n,)
        Of each row at these parameters.
    """

    parameters: dict[str, np.ndarray]
    outcome: np.ndarray
    log_likelihood: np.ndarray


@dataclass(frozen=True)
class Fitted:
    """What a study needs of a fit.

    Attributes
    ----------
    posterior : Dataset
        As that of ``fit.fit``.
    log_likelihood : (chain, draw, n)
    sampling
        ``independent`` or ``nuts``.
    divergences
        Of all chains of NUTS.
    """

    posterior: object
    log_likelihood: np.ndarray
    sampling: str
    divergences: int


class MarginalEngine:
    """The marginal engine on one design with many outcomes.

    Parameters
    ----------
    matrices
        From ``marginal.design``; its spec has the priors and the settings of a fit.
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


def divergences(stats) -> int:
    """Divergent transitions of all chains; independent draws have none."""
    return int(stats["diverging"].sum()) if "diverging" in stats else 0


def engine_of(spec: ModelSpec, data: pd.DataFrame):
    """The engine that ``fit.fit`` would take for a model, with few draws, and the rows of the model.

    Priors that the spec leaves out are those that a fit to the study's own data has.

    Parameters
    ----------
    spec
        The model's spec.
    data
        Prepared data.

    Returns
    -------
    MarginalEngine or NutsEngine
    DataFrame
        The complete cases.

    Raises
    ------
    StudyError
        As ``fit.fit``.
    """
    rows = complete_cases(spec, data)
    spec = spec.with_priors(automatic_priors(spec, rows))
    spec = replace(spec, chains=CHAINS, draws=DRAWS, group_effects="draws")
    matrices = closed_form(spec, rows)
    if matrices is not None:
        return MarginalEngine(replace(matrices, spec=settled(spec, "marginal"))), rows
    from partialpool.simulation.nuts import NutsEngine

    return NutsEngine(settled(spec, "nuts"), rows), rows
