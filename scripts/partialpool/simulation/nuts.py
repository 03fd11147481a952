"""NUTS over all parameters of a model on many outcomes: the model is compiled once."""

from itertools import combinations

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.fit.nuts import rename_commas, starts
from partialpool.model.build import build_for_nuts
from partialpool.model.families import CUMULATIVE
from partialpool.model.names import INTERCEPT, ROW_DIM, Term, is_sampled_instead, partial_correlations_name
from partialpool.model.population import cholesky_of_correlations, correlation_matrices
from partialpool.model.reproducible import reproducible
from partialpool.model.spec import ModelSpec
from partialpool.simulation.truth import Fitted, Truth, divergences

OUTCOME = "outcome of a replicate"


class NutsEngine:
    """NUTS as ``fit.nuts`` runs it, by nutpie, with an outcome that can be replaced.

    Parameters
    ----------
    spec
        The model's spec, with all priors and its target acceptance.
    rows
        Its complete cases.
    """

    def __init__(self, spec: ModelSpec, rows: pd.DataFrame):
        import nutpie
        import pymc as pm

        self.spec = spec
        with reproducible():
            self.bambi = build_for_nuts(spec, rows)
            self.model = self.bambi.backend.model
            [outcome] = self.model.observed_RVs
            own = {variable.name: variable for variable in (*self.model.free_RVs, *self.model.deterministics)}
            self.variables = [name for name in own if ROW_DIM not in self.model.named_vars_to_dims.get(name, ())]
            simulated = [*(own[name] for name in self.variables), outcome]
            self.generators = generators(simulated)
            self.simulate = pm.compile([], simulated)
            effects = {
                name
                for term in self._effect_terms()
                for name in (term.standard_normal_name, term.correlated_standard_normal_name)
            }
            self.of_population = [variable for variable in self.model.free_RVs if variable.name not in effects]
            self.simulate_units = pm.compile(self.of_population, simulated, on_unused_input="ignore")
            self.outcome = self._outcome_as_data(outcome)
            inputs = {"inputs": self.model.free_RVs, "on_unused_input": "ignore"}
            self.log_likelihood = pm.compile(outputs=pm.logp(outcome, self.outcome), **inputs)
            settings = starts(self.bambi)
            self.dims = {new: old for old, new in rename_commas(self.model).items()}
            self.compiled = nutpie.compile_pymc_model(self.model, var_names=self.variables, **settings)

    def _outcome_as_data(self, outcome):
        """Make the observed values, which Bambi has as a constant of the model, a variable that can be set."""
        import pytensor

        constant = self.model.rvs_to_values[outcome]
        variable = pytensor.shared(constant.eval(), name=OUTCOME)
        self.model.rvs_to_values[outcome] = variable
        self.model.values_to_rvs[variable] = self.model.values_to_rvs.pop(constant)
        return variable

    def from_prior(self, seed: np.random.SeedSequence) -> Truth:
        """Parameters from the prior, and an outcome from them."""
        # The prior of thresholds is that of numbers that are in order by chance.
        while self.spec.family == CUMULATIVE and not self._are_in_order(seed):
            seed = np.random.SeedSequence(seed.generate_state(4))
        return self._simulated(self.simulate, (), seed)

    def _are_in_order(self, seed: np.random.SeedSequence) -> bool:
        return bool((np.diff(self._drawn(self.simulate, (), seed)[0]["threshold"]) > 0).all())

    def from_population(self, population: dict[str, np.ndarray], seed: np.random.SeedSequence) -> Truth:
        """Effects of new units and an outcome, from all other parameters by Bambi's names."""
        values = self._with_intercept(population, (), at_means=True)
        for name in [name for name in values if partial_correlations_name(name) in self.variables]:
            values[partial_correlations_name(name)] = halves_of_partial_correlations(values[name])
        return self._simulated(self.simulate_units, [values[variable.name] for variable in self.of_population], seed)

    def _drawn(self, function, given, seed: np.random.SeedSequence) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Variables by name, and the outcome, the same for the same seed."""
        for place, generator in enumerate(self.generators):
            # Not `spawn`, which gives other seeds each time.
            of_generator = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, place))
            generator.set_value(np.random.Generator(np.random.PCG64(of_generator)), borrow=True)
        *values, outcome = function(*given)
        return dict(zip(self.variables, map(np.asarray, values), strict=True)), outcome

    def _simulated(self, function, given, seed: np.random.SeedSequence) -> Truth:
        parameters, outcome = self._drawn(function, given, seed)
        self.outcome.set_value(outcome)
        log_likelihood = self.log_likelihood(*(parameters[variable.name] for variable in self.model.free_RVs))
        return Truth(self._with_intercept(parameters, ()), outcome, log_likelihood)

    def fit(self, outcome: np.ndarray, seed: int) -> Fitted:
        """Sample the posterior given an outcome (n,)."""
        import nutpie

        spec = self.spec
        self.outcome.set_value(np.asarray(outcome, dtype=self.outcome.dtype))
        try:
            tree = nutpie.sample(
                self.compiled.with_data(**{OUTCOME: self.outcome.get_value()}),
                draws=spec.draws,
                tune=spec.warmup,
                chains=spec.chains,
                cores=1,
                seed=seed,
                target_accept=spec.target_accept,
                save_warmup=False,
                progress_bar=False,
            )
        except RuntimeError as error:
            raise StudyError(f"NUTS cannot sample this model: {str(error).splitlines()[0]}") from None
        posterior = tree["posterior"].to_dataset().drop_dims(ROW_DIM, errors="ignore")
        posterior = posterior.rename({new: old for new, old in self.dims.items() if new in posterior.dims})
        free = [posterior[variable.name].to_numpy() for variable in self.model.free_RVs]
        of_rows = [
            [self.log_likelihood(*(values[chain, draw] for values in free)) for draw in range(spec.draws)]
            for chain in range(spec.chains)
        ]
        values = {name: posterior[name].to_numpy() for name in self.variables}
        shifted = self._with_intercept(values, (spec.chains, spec.draws))
        if INTERCEPT in shifted:
            posterior[INTERCEPT] = (posterior[INTERCEPT].dims, shifted[INTERCEPT])
        draws = posterior[self.kept()].assign_attrs(family_parameters=" ".join(self.bambi.marginal_parameters))
        return Fitted(draws, np.array(of_rows), "nuts", divergences(tree["sample_stats"]))

    def kept(self) -> list[str]:
        """Variables that a fit keeps: those of the model, without those that are sampled in the place of others."""
        return [name for name in self.variables if not is_sampled_instead(name)]

    def _effect_terms(self) -> list[Term]:
        parent = self.bambi.parameters[self.bambi.family.likelihood.parent]
        return [Term.of_bambi(term) for term in parent.group_specific_terms.values()]

    def _with_intercept(self, values: dict, of_draws: tuple[int, ...], *, at_means: bool = False) -> dict:
        """Variables, (*of_draws, ...), with the intercept moved from the means of predictors to 0, or back."""
        parent = self.bambi.parameters[self.bambi.family.likelihood.parent]
        if parent.intercept_term is None or INTERCEPT not in values:
            return dict(values)
        intercept, sign = values[INTERCEPT], 1 if at_means else -1
        rest = intercept.shape[len(of_draws) :]
        for name, term in parent.common_terms.items():
            columns = np.asarray(term.data, dtype=float).reshape(len(term.data), -1)
            coefficients = values[name].reshape(*of_draws, columns.shape[1], *rest)
            intercept = intercept + sign * np.tensordot(coefficients, columns.mean(axis=0), axes=(len(of_draws), 0))
        return values | {INTERCEPT: intercept}


def halves_of_partial_correlations(pairs: np.ndarray) -> np.ndarray:
    """What is sampled in the place of correlations (pairs, ...): (1 + partial correlation) / 2 (``model.lkj``)."""
    q = round((1 + np.sqrt(1 + 8 * len(pairs))) / 2)
    partial = cholesky_of_correlations(correlation_matrices(np.moveaxis(pairs, 0, -1), q))[1]
    return np.stack([(1 + partial[..., j, i]) / 2 for i, j in combinations(range(q), 2)])


def generators(variables) -> list:
    """Generators of the random numbers of variables of PyTensor, in an order that follows from the model."""
    from pytensor.graph.traversal import graph_inputs
    from pytensor.tensor.random.variable import RandomGeneratorSharedVariable

    return [variable for variable in graph_inputs(variables) if isinstance(variable, RandomGeneratorSharedVariable)]
