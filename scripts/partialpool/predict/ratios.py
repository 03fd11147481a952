"""Coefficients behind a link that is not the identity, as what they multiply: odds ratios, rate ratios."""

import numpy as np

from partialpool.model import parameters
from partialpool.model.families import LINKS
from partialpool.predict.linear import LinearPredictor

COUNTS = ("poisson", "negativebinomial")
# Their mean is the rate times the share without excess zeros, so that ratios of the two are the same.
WITH_EXCESS_ZEROS = ("zero_inflated_poisson", "zero_inflated_negativebinomial")
PROBABILITIES = ("bernoulli", "binomial", "cumulative", "beta")


def meaning(family: str, link: str) -> tuple[str, str] | None:
    """What exp() of a coefficient is, and what it is of an intercept; None if it is nothing with a name."""
    if link == "logit" and family in PROBABILITIES:
        return "odds ratio", "odds"
    if link == "cloglog" and family in PROBABILITIES:
        return "hazard ratio", "hazard"
    if link == "log" and family in WITH_EXCESS_ZEROS:
        return "rate ratio", "rate without excess zeros"
    if link == "log":
        # What another family, such as one with a hurdle, has in the place of its mean has no name.
        return ("rate ratio", "rate") if family in COUNTS else ("ratio of means", "mean") if family in LINKS else None
    return None


def ratios(posterior, predictor: LinearPredictor) -> list[tuple[str, str, np.ndarray]]:
    """exp() of each common coefficient: its name, what it is, and draws (chain, draw)."""
    names = meaning(predictor.spec.family, posterior.attrs["link"])
    if names is None:
        return []
    ratio, level = names
    levels = _levels(predictor)
    return [
        (f"exp({p.name})", level if p.variable in levels else ratio, np.exp(p.draws(posterior)))
        for p in parameters.of(posterior)
        if p.kind == "common"
    ]


def _levels(predictor: LinearPredictor) -> set[str]:
    """Terms whose coefficients are no differences: intercepts, and categories in the place of one."""
    terms = predictor.matrices.common.terms if predictor.matrices.common else {}
    return {name for name, term in terms.items() if term.kind == "intercept" or _in_place_of_intercept(term)}


def _in_place_of_intercept(term) -> bool:
    """Whether a term has a coefficient for every combination of the levels of its categories, and nothing else."""
    parts = term.components
    return all(part.kind == "categoric" and part.spans_intercept for part in parts)
