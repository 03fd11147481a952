"""New units: effects drawn from the population of the same posterior draw."""

import re
from functools import partial

import numpy as np

from partialpool.errors import StudyError
from partialpool.model.names import Term, classify, effect_terms
from partialpool.model.population import population
from partialpool.predict.by_level import for_each_level, level_dim


def with_new_units(posterior, unit: str, rng: np.random.Generator, *, n_units: int):
    """A posterior in which new units have taken the places of observed ones.

    Their effects are drawn from the population distribution of the same draw. So are those of the levels of other
    grouping factors that are parts of a unit, such as ``batch:cask``: a new batch has new casks.

    Parameters
    ----------
    posterior
        Dataset of a fit by any engine.
    unit
        The grouping factor.
    rng
        Source of randomness.
    n_units
        How many of the first units are replaced; of parts of units all are.

    Returns
    -------
    Dataset
        The same variables, with other effects of the units that are replaced.

    Raises
    ------
    StudyError
        If the model has no population distribution of units, or coefficients of single units.
    """
    if not effect_terms(posterior, unit):
        raise no_population(unit)
    refuse_own_terms(posterior, unit, "New units cannot be drawn for '{}'")
    for grouping in dict.fromkeys(term.grouping for term in effect_terms(posterior)):
        if unit in grouping.split(":"):
            terms = effect_terms(posterior, grouping)
            n = n_units if grouping == unit else posterior.sizes[terms[0].grouping_dim]
            dims = {term.name: posterior[term.name].dims for term in terms}
            posterior = for_each_level(
                posterior, level_dim(posterior, terms[0]), dims, partial(_with_fresh, terms=terms, rng=rng, n=n)
            )
            posterior = posterior.assign({name: posterior[name].transpose(*own) for name, own in dims.items()})
    return posterior


def no_population(unit: str) -> StudyError:
    """What to say of a model without a population of units."""
    return StudyError(
        f"This model has no population distribution of {unit} from which new units could be drawn: its formula needs "
        f"a term such as (1 | {unit})."
    )


def _with_fresh(posterior, terms: list[Term], rng: np.random.Generator, n: int):
    """A posterior with fresh effects of the first n levels of a factor, one value for each level of an expression."""
    of_levels = population(posterior, terms)
    chains, draws, q = of_levels.sd.shape
    z = rng.standard_normal((chains, draws, n, q))
    fresh = np.einsum("...ij,...uj->...ui", of_levels.cholesky, z)
    result = posterior.copy()
    for term, columns in zip(terms, of_levels.columns, strict=True):
        effects = posterior[term.name].transpose("chain", "draw", term.grouping_dim, ...).copy(deep=True)
        shape = *effects.shape[:2], n, *effects.shape[3:]
        effects.to_numpy()[:, :, :n] = fresh[..., columns].reshape(shape)
        result[term.name] = effects.transpose(*posterior[term.name].dims)
    return result


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
