"""What is assumed of the next study: parameters, and outcomes that are drawn from them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from partialpool.errors import StudyError, suggest
from partialpool.marginal.posterior import population_of
from partialpool.marginal.scales import Scales
from partialpool.model import parameters
from partialpool.model.design import Design
from partialpool.model.names import classify, effect_terms
from partialpool.model.parameters import Parameter
from partialpool.model.population import population
from partialpool.model.spec import ModelSpec
from partialpool.predict.linear import LinearPredictor
from partialpool.predict.new_units import refuse_own_terms
from partialpool.predict.values import with_categories


def of_population(posterior) -> dict[str, Parameter]:
    """Parameters by name, without the effects of units and of other levels."""
    return {own.name: own for own in parameters.of(posterior) if own.kind != "group"}


def any_population(matrices: Design):
    """A Dataset as of a fit, without effects, with one draw of numbers that say nothing: for names of parameters."""
    widths = [factor.z.shape[1] for factor in matrices.factors]
    scales = Scales(
        np.ones(1), tuple(np.ones((1, width)) for width in widths), tuple(np.eye(width)[None] for width in widths)
    )
    common = np.zeros((1, matrices.x.shape[1]))
    return population_of(matrices, scales, common, (1, 1)).assign_attrs(family_parameters="sigma")


def known(name: str, valid: Mapping[str, Parameter], place: str) -> Parameter:
    """The parameter of a name; StudyError with the valid ones if there is none."""
    if name in valid:
        return valid[name]
    raise StudyError(f"{place}: there is no parameter '{name}'.{suggest(name, valid)} Valid: {', '.join(valid)}.")


class Assumed:
    """Parameters of simulated studies: those that are given, and others from draws of a posterior.

    Parameters
    ----------
    posterior
        Dataset of this study's fit.
    truth
        Parameters that are given, spelled as in summaries.
    unit
        The unit's column.

    Raises
    ------
    StudyError
        If the model has no such parameter, or no such value of it; or if units have coefficients of their own, which
        those of another study do not have.
    """

    def __init__(self, posterior, truth: Mapping[str, float], unit: str):
        refuse_own_terms(posterior, unit, "Data of other units cannot be drawn from '{}'")
        effects = [name for name, own in posterior.data_vars.items() if classify(name, own.dims)[0] == "group"]
        self.posterior = posterior.drop_vars(effects)
        valid = of_population(self.posterior)
        self.given = {name: (known(name, valid, "design.truth"), value) for name, value in truth.items()}
        for name, (parameter, value) in self.given.items():
            _refuse_impossible(name, parameter, value)

    def draw(self, rng: np.random.Generator):
        """A Dataset of one draw: the parameters of one simulated study.

        StudyError if correlations that are given have no covariance matrix with the others.
        """
        chains, draws = self.posterior.sizes["chain"], self.posterior.sizes["draw"]
        chain, draw = divmod(int(rng.integers(chains * draws)), draws)
        one = self.posterior.isel(chain=[chain], draw=[draw])
        for parameter, value in self.given.values():
            values = one[parameter.variable].transpose("chain", "draw", ...).copy()
            values[(0, 0, *parameter.index)] = value
            one[parameter.variable] = values
        for grouping in {term.grouping for term in effect_terms(one)}:
            smallest = np.linalg.eigvalsh(population(one, effect_terms(one, grouping)).correlation).min()
            if smallest < -1e-9:
                raise StudyError(
                    f"design.truth: the correlations of the effects of {grouping} contradict each other, or those that "
                    "are left to the posterior. Give all of them."
                )
        return one


def _refuse_impossible(name: str, parameter: Parameter, value: float) -> None:
    ranges = {
        "sd": (value >= 0, "a number from 0"),
        "family": (value > 0, "a number over 0"),
        "cor": (-1 <= value <= 1, "a number from -1 to 1"),
    }
    possible, words = ranges.get(parameter.kind, (True, "a number"))
    if not (possible and np.isfinite(value)):
        raise StudyError(f"design.truth: '{name}' is {value:g}, and it must be {words}.")


class Outcomes:
    """Outcomes of a Gaussian model in a study that has not been made.

    Parameters
    ----------
    spec, rows
        The model, and its complete cases in this study: parameters belong to the coding of these.
    made, matrices
        The rows that are simulated, and the model's matrices of them: of their units and levels.
    """

    def __init__(self, spec: ModelSpec, rows: pd.DataFrame, made: pd.DataFrame, matrices: Design):
        self.predictor = LinearPredictor(spec, rows)
        self.at = with_categories(made.drop(columns=spec.unit), rows)
        self.effects_design = self.predictor.effects_design(self.at)
        self.matrices = matrices

    def draw(self, one, rng: np.random.Generator) -> np.ndarray:
        """The left side of the model, (n,), given the parameters ``one`` of ``Assumed.draw``."""
        value = self.predictor.common(one, self.at)[0, 0]
        for factor in self.matrices.factors:
            terms = effect_terms(one, factor.name)
            z = np.column_stack([self.effects_design[term.name] for term in terms])
            normal = rng.standard_normal((len(factor.levels), z.shape[1]))
            effects = normal @ population(one, terms).cholesky[0, 0].T
            value = value + (z * effects[factor.codes]).sum(axis=1)
        return value + one["sigma"].item() * rng.standard_normal(len(value))
