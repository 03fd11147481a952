"""New units: effects drawn from the population of the same posterior draw."""

import re

import numpy as np

from partialpool.errors import StudyError
from partialpool.model.names import Term, classify, effect_terms
from partialpool.model.population import population
from partialpool.predict.by_level import for_each_level, level_dim


def with_new_units(posterior, unit: str, rng: np.random.Generator, *, n_units: int):
    """A posterior in which new units have taken the places of observed ones.

    Their effects are drawn from the population distribution of the same draw.

    Parameters
    ----------
    posterior
        Dataset of a fit by any engine.
    unit
        The grouping factor.
    rng
        Source of randomness.
    n_units
        How many of the first units are replaced.

    Returns
    -------
    Dataset
        The same variables, with other effects of the units that are replaced.

    Raises
    ------
    StudyError
        If the model has no population distribution of units, or one that is not a plain multivariate normal.
    """
    terms = effect_terms(posterior, unit)
    if not terms:
        raise StudyError(
            f"This model has no population distribution of {unit} from which new units could be drawn: its formula "
            f"needs a term such as (1 | {unit})."
        )
    _refuse_other_terms(posterior, unit)
    dims = {term.name: posterior[term.name].dims for term in terms}
    fresh = for_each_level(
        posterior, level_dim(posterior, terms[0]), dims, lambda one: _with_fresh(one, terms, rng, n_units)
    )
    return fresh.assign({name: fresh[name].transpose(*own) for name, own in dims.items()})


def _with_fresh(posterior, terms: list[Term], rng: np.random.Generator, n_units: int):
    """A posterior with fresh effects of the first units, one value for each level of a term's expression."""
    of_units = population(posterior, terms)
    chains, draws, q = of_units.sd.shape
    z = rng.standard_normal((chains, draws, n_units, q))
    fresh = np.einsum("...ij,...uj->...ui", of_units.cholesky, z)
    result = posterior.copy()
    for term, columns in zip(terms, of_units.columns, strict=True):
        effects = posterior[term.name].transpose("chain", "draw", term.grouping_dim, ...).copy(deep=True)
        shape = *effects.shape[:2], n_units, *effects.shape[3:]
        effects.to_numpy()[:, :, :n_units] = fresh[..., columns].reshape(shape)
        result[term.name] = effects.transpose(*posterior[term.name].dims)
    return result


def _refuse_other_terms(posterior, unit: str) -> None:
    """Raise StudyError if the unit stands in a term that is not a population of units."""
    refuse_own_terms(posterior, unit, "New units cannot be drawn for '{}'")
    for name, values in posterior.data_vars.items():
        kind, term = classify(name, values.dims)
        if kind in ("group", "sd") and term.grouping != unit and unit in term.grouping.split(":"):
            raise StudyError(
                f"New units cannot be drawn for '{name}', which crosses {unit} with another grouping factor."
            )


def refuse_own_terms(posterior, unit: str, what: str) -> None:
    """Raise StudyError if the unit has coefficients of its own, and say ``what`` of their name cannot be."""
    family = posterior.attrs.get("family_parameters", "").split()
    for name, values in posterior.data_vars.items():
        kind, term = classify(name, values.dims)
        expression = term.expression if kind in ("group", "sd") else name
        if name not in family and any(_names(unit, part) for part in expression.split(":")):
            raise StudyError(
                f"{what.format(name)}, which belongs to each {unit} observed and has no population distribution."
            )


def _names(column: str, term: str) -> bool:
    """Whether a term, of an interaction a part, is a column or a call that names it; ``I(x)`` names no column I."""
    is_call = re.match(r"[\w.]+\(|\{", term) is not None
    return term == column or (is_call and re.search(rf"(?<![\w.]){re.escape(column)}(?![\w.(])", term) is not None)
