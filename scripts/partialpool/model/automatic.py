"""Priors that a config leaves out: those that Bambi would choose, as numbers, from the model's own data.

Bambi's, in closed form, so that the marginal engine has them without Bambi; and rounded, so that they can be read and
copied into a config. They are chosen once, when a model is fitted; what is computed from the fit later takes them from
its file.

Bambi has none for correlations: these have LKJ(1), as in brms. It fails for splines and polynomials in models of
probabilities: each of their columns has a scale of its own, as in other models.
"""

from collections.abc import Iterable
from math import floor, log10
from typing import NamedTuple

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.model.families import ORDINAL
from partialpool.model.finite import refuse_infinite
from partialpool.model.formula import bars
from partialpool.model.matrices import column_labels, evaluate
from partialpool.model.names import INTERCEPT, Term, blocks
from partialpool.model.priors import Distribution, one_or_all, parse
from partialpool.model.spec import ModelSpec

# Standard deviations of the outcome that a predictor's standard deviation may change it by.
WIDTH = 2.5
# Significant digits of scales.
DIGITS = 4
_HALF_CAUCHY, _HALF_NORMAL, _SHARE = "HalfCauchy(1)", "HalfNormal(1)", "Beta(2, 2)"
# By family, the priors of its own parameters that do not depend on the data.
FAMILY = {
    "asymmetriclaplace": {"b": _HALF_NORMAL, "kappa": _HALF_NORMAL},
    "beta": {"kappa": _HALF_CAUCHY},
    "beta_binomial": {"kappa": _HALF_CAUCHY},
    "exgaussian": {"sigma": _HALF_NORMAL, "nu": _HALF_NORMAL},
    "gamma": {"alpha": _HALF_CAUCHY},
    "hurdle_gamma": {"alpha": _HALF_CAUCHY, "psi": _SHARE},
    "hurdle_lognormal": {"sigma": _HALF_NORMAL, "psi": _SHARE},
    "hurdle_negativebinomial": {"alpha": _HALF_CAUCHY, "psi": _SHARE},
    "hurdle_poisson": {"psi": _SHARE},
    "laplace": {"b": _HALF_NORMAL},
    "lognormal": {"sigma": _HALF_NORMAL},
    "negativebinomial": {"alpha": _HALF_CAUCHY},
    "sratio": {"threshold": "Normal(0, 1)"},
    "t": {"nu": "Gamma(2, 0.1)"},
    "vonmises": {"kappa": "HalfStudentT(4, 1)"},
    "wald": {"lam": _HALF_CAUCHY},
    "weibull": {"alpha": _HALF_CAUCHY},
    "zero_inflated_binomial": {"psi": _SHARE},
    "zero_inflated_negativebinomial": {"alpha": _HALF_CAUCHY, "psi": _SHARE},
    "zero_inflated_poisson": {"psi": _SHARE},
}


class Scale(NamedTuple):
    """What the priors are in proportion to.

    Attributes
    ----------
    mean, sd
        Of the outcome where it is on the scale of the linear predictor; else 0 and 1.
    of_probability
        Whether the linear predictor is that of a probability, by logit or probit.
    """

    mean: float
    sd: float
    of_probability: bool


def automatic_priors(spec: ModelSpec, rows: pd.DataFrame) -> dict[str, Distribution]:
    """Priors of the parameters for which a spec has none.

    Parameters
    ----------
    spec
        The model's spec.
    rows
        Its complete cases.

    Returns
    -------
    dict
        By class and coefficient: ``Intercept``, ``b[x]``, ``sd[Intercept]``, ``cor``, ``sigma``.

    Raises
    ------
    StudyError
        If the outcome does not vary, or a term is not finite in some row.

    References
    ----------
    Capretto, Piho, Kumar, Westfall, Yarkoni & Martin (2022), Journal of Statistical Software 103(15).
    """
    if _is_complete(spec):
        return {}
    matrices = evaluate(spec, rows)
    outcome = np.asarray(matrices.response.term.term.data, dtype=float)
    common = {name: _columns(term.data, rows) for name, term in _terms(matrices.common)}
    effects = {name: _columns(term.expr.data, rows) for name, term in _terms(matrices.group)}
    refuse_infinite(spec.formula, [(spec.formula.partition("~")[0].strip(), outcome), *common.items()], rows)
    refuse_infinite(spec.formula, [(Term.of_name(name).expression, values) for name, values in effects.items()], rows)
    scale = _scale(spec, outcome)
    priors, width = _of_common(spec, matrices, common, scale)
    return priors | _of_groups(spec, matrices, effects, scale, width) | _of_family(spec, scale, outcome)


def _is_complete(spec: ModelSpec) -> bool:
    """Whether the formula alone tells that no prior is left out, so that the data need not be looked at."""
    from partialpool.model.without_splines import model_description

    description = model_description(spec.formula)
    common = [term.name for term in description.common_terms if not term.name.startswith("offset(")]
    effects = [Term.of_name(term.name).coefficient for term in description.group_terms]
    several = any(len(bar) > 1 or Term.of_name(bar[0]).expression != "1" for bar in bars(spec.formula))
    lacking = [
        *(_lacks(spec, "b", name) for name in common if name != INTERCEPT),
        *(_lacks(spec, "sd", coefficient) for coefficient in effects),
        *(name not in spec.priors for name in _family_parameters(spec)),
        INTERCEPT in common and INTERCEPT not in spec.priors and spec.family not in ORDINAL,
        several and "cor" not in spec.priors,
    ]
    return not any(lacking)


def _lacks(spec: ModelSpec, klass: str, coefficient: str) -> bool:
    return not {klass, f"{klass}[{coefficient}]"} & set(spec.priors)


def _family_parameters(spec: ModelSpec) -> list[str]:
    own = {"gaussian": ["sigma"], "t": ["sigma"], "cumulative": ["threshold"]}.get(spec.family, [])
    return own + list(FAMILY.get(spec.family, {}))


def _terms(part) -> list:
    """Terms of one part of the matrices by name, without those that have no coefficient."""
    return [(name, term) for name, term in part.terms.items() if term.kind != "offset"] if part else []


def _columns(values, rows: pd.DataFrame) -> np.ndarray:
    return np.asarray(values, dtype=float).reshape(len(rows), -1)


def _scale(spec: ModelSpec, outcome: np.ndarray) -> Scale:
    of_probability = spec.family in ("bernoulli", "binomial") and spec.link in (None, "logit", "probit")
    if spec.family not in ("gaussian", "t"):
        return Scale(0.0, 1.0, of_probability)
    if (sd := float(outcome.std())) == 0:
        raise StudyError(f"formula '{spec.formula}': the outcome is {outcome.flat[0]:g} in all rows.")
    return Scale(float(outcome.mean()), sd, of_probability)


def _of_common(
    spec: ModelSpec, matrices, common: dict[str, np.ndarray], scale: Scale
) -> tuple[dict[str, Distribution], float]:
    """Priors of the common coefficients, and how wide one of an intercept is.

    The latter is that of the intercept at predictors = 0, whose prior must be wider the farther they are from 0, though
    the intercept of the model is that of centred predictors.
    """
    priors, variance = {}, (WIDTH * scale.sd) ** 2
    for name, term in _terms(matrices.common):
        if term.kind == "intercept" or not _lacks(spec, "b", name):
            continue
        sds = _sds(term, common[name], scale)
        variance += float(sds**2 @ common[name].mean(axis=0) ** 2)
        priors[f"b[{name}]"] = _normal(np.zeros_like(sds), sds)
    if INTERCEPT in common and spec.family not in ORDINAL and INTERCEPT not in spec.priors:
        mean, sd = (0.0, 1.5) if scale.of_probability else (scale.mean, variance**0.5)
        priors[INTERCEPT] = _normal(np.array([mean]), np.array([sd]))
    return priors, variance**0.5


def _sds(term, columns: np.ndarray, scale: Scale) -> np.ndarray:
    """Prior standard deviations of the coefficients of a common term."""
    if not scale.of_probability:
        return WIDTH * scale.sd / _spread(columns)
    categories = [component.kind == "categoric" for component in term.components]
    if all(categories):
        return np.ones(columns.shape[1])
    if term.kind == "interaction":
        # A slope has one scale in all categories.
        return np.repeat(1 / _spread(columns.sum(axis=1, keepdims=True)), columns.shape[1])
    return 1 / _spread(columns)


def _spread(columns: np.ndarray) -> np.ndarray:
    spread = columns.std(axis=0)
    # ASSUME: of a combination of categories without rows the data say nothing, and the prior is that of a unit.
    return np.where(spread > 0, spread, 1.0)


def _of_groups(
    spec: ModelSpec, matrices, effects: dict[str, np.ndarray], scale: Scale, width: float
) -> dict[str, Distribution]:
    """Priors of the standard deviations and correlations of group-level effects."""
    priors, terms = {}, {}
    for name, term in _terms(matrices.group):
        terms[name] = Term.of_name(name, column_labels(term.expr, effects[name]))
        coefficient = terms[name].coefficient
        if _lacks(spec, "sd", coefficient):
            is_intercept = coefficient == INTERCEPT
            sds = np.array([width]) if is_intercept else WIDTH * scale.sd / _spread(effects[name])
            priors[f"sd[{coefficient}]"] = Distribution("HalfNormal", (("sigma", _rounded(sds)),))
    if "cor" not in spec.priors and any(block.correlation for block in blocks(bars(spec.formula), terms)):
        priors["cor"] = parse("LKJ(1)")
    return priors


def _of_family(spec: ModelSpec, scale: Scale, outcome: np.ndarray) -> dict[str, Distribution]:
    """Priors of the family's own parameters."""
    priors = {name: parse(text) for name, text in FAMILY.get(spec.family, {}).items()}
    if spec.family in ("gaussian", "t"):
        priors["sigma"] = Distribution("HalfStudentT", (("nu", 4.0), ("sigma", _rounded([scale.sd]))))
    if spec.family == "cumulative":
        # Evenly over the middle of the logistic or normal distribution.
        middles = np.linspace(-2, 2, outcome.shape[1] - 1).round(2)
        priors["threshold"] = _normal(middles, np.ones_like(middles))
    return {name: prior for name, prior in priors.items() if name not in spec.priors}


def _normal(means: np.ndarray, sds: np.ndarray) -> Distribution:
    # To a decimal that the standard deviation has too.
    means = (round(float(mean), DIGITS - 1 - floor(log10(sd))) for mean, sd in zip(means, sds, strict=True))
    return Distribution("Normal", (("mu", one_or_all(tuple(means))), ("sigma", _rounded(sds))))


def _rounded(values: Iterable[float]) -> float | tuple[float, ...]:
    """The numbers to some digits; one if all are the same."""
    return one_or_all(tuple(float(f"{value:.{DIGITS}g}") for value in values))
