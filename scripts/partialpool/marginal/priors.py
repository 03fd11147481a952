"""Log densities of the priors that a scale can have, and their derivatives, in closed form."""

from math import lgamma, log, pi

import numpy as np

from partialpool.marginal.batched import inner
from partialpool.model.priors import Distribution

# Number of each family in compiled code; its parameters are those of `model.priors.DISTRIBUTIONS`.
FAMILIES = (
    "Exponential",
    "HalfNormal",
    "HalfStudentT",
    "HalfCauchy",
    "Gamma",
    "InverseGamma",
    "LogNormal",
    "Weibull",
    "Uniform",
    "Beta",
)
(
    EXPONENTIAL,
    HALF_NORMAL,
    HALF_STUDENT_T,
    HALF_CAUCHY,
    GAMMA,
    INVERSE_GAMMA,
    LOG_NORMAL,
    WEIBULL,
    UNIFORM,
    BETA,
) = range(len(FAMILIES))


def coded(prior: Distribution) -> tuple[int, list[float]]:
    """Number of the family, and its first parameter, its second (or 0), and the logarithm of its constant."""
    first, second = (*(value for _, value in prior.args), 0.0)[:2]
    return FAMILIES.index(prior.name), [first, second, _log_constant(prior.name, first, second)]


def _log_constant(name: str, a: float, b: float) -> float:
    """What does not depend on the scale in the logarithm of the density."""
    match name:
        case "Exponential":
            return log(a)
        case "HalfNormal":
            return 0.5 * log(2 / pi) - log(a)
        case "HalfStudentT":
            return log(2) + lgamma((a + 1) / 2) - lgamma(a / 2) - 0.5 * log(a * pi) - log(b)
        case "HalfCauchy":
            return log(2 / pi) - log(a)
        case "Gamma" | "InverseGamma":
            return a * log(b) - lgamma(a)
        case "LogNormal":
            return -log(b) - 0.5 * log(2 * pi)
        case "Weibull":
            return log(a) - a * log(b)
        case "Uniform":
            return -log(b - a)
        case "Beta":
            return lgamma(a + b) - lgamma(a) - lgamma(b)
    raise ValueError(name)


@inner
def log_prior(family, a, b, constant, x):
    """Log density at a scale x >= 0, and its derivative; -inf, 0 where the prior excludes x."""
    if family == EXPONENTIAL:
        return constant - a * x, -a
    if family == HALF_NORMAL:
        return constant - 0.5 * (x / a) ** 2, -x / a**2
    if family == HALF_STUDENT_T:
        return constant - 0.5 * (a + 1) * np.log1p((x / b) ** 2 / a), -(a + 1) * x / (a * b**2 + x**2)
    if family == HALF_CAUCHY:
        return constant - np.log1p((x / a) ** 2), -2 * x / (a**2 + x**2)
    if family == GAMMA:
        return constant + (a - 1) * np.log(x) - b * x, (a - 1) / x - b
    if family == INVERSE_GAMMA:
        return constant - (a + 1) * np.log(x) - b / x, (b / x - a - 1) / x
    if family == LOG_NORMAL:
        standard = (np.log(x) - a) / b
        return constant - np.log(x) - 0.5 * standard**2, -(1 + standard / b) / x
    if family == WEIBULL:
        power = (x / b) ** a
        return constant + (a - 1) * np.log(x) - power, (a - 1 - a * power) / x
    if family == UNIFORM:
        return (constant, 0.0) if a <= x <= b else (-np.inf, 0.0)
    if x < 1:
        return constant + (a - 1) * np.log(x) + (b - 1) * np.log1p(-x), (a - 1) / x - (b - 1) / (1 - x)
    return -np.inf, 0.0
