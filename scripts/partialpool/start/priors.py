"""Weakly informative priors, scaled by the data and rounded so that anyone can read and change them."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd

from partialpool.data.notation import LARGE, SMALL
from partialpool.errors import StudyError
from partialpool.start.family import Family

# ASSUME: as in Gelman & Hill and rstanarm, a coefficient may move the outcome by some of its standard deviations, and
# hardly by more than five.
WIDTH = 2.5
# ASSUME: units that differ hide how little the measurements of one vary, seldom by more than this factor of the second
# parameter. Where the data set it no upper end, its posterior has the tail of this prior, and so a mean and an sd.
HIDDEN = 10


@dataclass(frozen=True)
class Scale:
    """Where the outcome lies and how much it varies, in the units of the linear predictor.

    Attributes
    ----------
    centre
        The mean, behind the link.
    spread
        Standard deviation there; 1 where the link has its own scale (logit, log of counts).
    precision
        Of families with a second parameter that is large where measurements vary little (``alpha``, ``kappa``): its
        value in all measurements together; else None.
    words
        What centre and spread are.
    """

    centre: float
    spread: float
    precision: float | None
    words: str


def scale(family: Family, outcome: pd.Series, trials: pd.Series | None = None) -> Scale:
    """The scale of an outcome under its family.

    Parameters
    ----------
    family
        As `family.propose` gives it.
    outcome
        Measurements; for ``bernoulli`` 0 and 1, or two levels, the second of which counts as 1.
    trials
        For ``binomial`` the number of trials of each measurement.

    Raises
    ------
    StudyError
        If their standard deviation is no number of float64 other than 0.
    """
    if family.name == "cumulative":
        return Scale(0.0, 1.0, None, "centre: 0; spread: 1, the scale of log odds")
    if family.name == "binomial":
        return _of_share(outcome.sum() / trials.sum())
    values = outcome.dropna()
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.cat.codes
    values = values.to_numpy(dtype=float)
    with np.errstate(all="ignore"):
        mean, sd = values.mean(), values.std(ddof=1)
    if not 0 < sd < np.inf:
        raise StudyError(
            f"--outcome: the standard deviation of '{outcome.name}', {sd:g}, cannot be computed with. Write its values "
            f"(the first is {values[0]:g}) in another unit of measurement."
        )
    log_mean, log_odds = f"logarithm of the mean, {figures(mean)}", f"log odds of the mean, {figures(mean)}"
    match family.name:
        case "gaussian":
            return Scale(
                mean, sd, None, f"centre: mean, {_figures(mean, sd)}; spread: standard deviation, {figures(sd)}"
            )
        case "bernoulli":
            return _of_share(mean)
        case "beta":
            spread, kappa = _logits(values).std(ddof=1), mean * (1 - mean) / sd**2 - 1
            words = f"centre: {log_odds}; spread: standard deviation of the log odds, {figures(spread)}"
            return Scale(_logit(mean), spread, kappa, words)
        case "gamma":
            spread = np.log(values).std(ddof=1)
            words = f"centre: {log_mean}; spread: standard deviation of the logarithms, {figures(spread)}"
            return Scale(math.log(mean), spread, (mean / sd) ** 2, words)
    # Counts may vary less in all than the Poisson distribution says; then the negative binomial's parameter is large.
    alpha = mean**2 / max(sd**2 - mean, mean / 10) if family.name == "negativebinomial" else None
    return Scale(math.log(mean), 1.0, alpha, f"centre: {log_mean}; spread: 1, the scale of logarithms")


def _of_share(share: float) -> Scale:
    words = f"centre: log odds of the share of successes, {figures(share)}; spread: 1, the scale of log odds"
    return Scale(_logit(share), 1.0, None, words)


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


def _logits(values: np.ndarray) -> np.ndarray:
    return np.log(values / (1 - values))


def figures(number: float) -> str:
    """A number rounded to two figures, as it may stand in a prior."""
    return _figures(number, number)


def _figures(number: float, of: float) -> str:
    """A number rounded to the place of the second figure of another: 250.13 of 12.3 is 250, of 0.0123 is 250.13."""
    if not of:
        return f"{number:g}"
    place = Decimal(1).scaleb(math.floor(math.log10(abs(of))) - 1)
    rounded = (Decimal(repr(float(number))) / place).to_integral_value() * place
    if not rounded:
        return "0"
    # Nobody counts the zeros of Exponential(0.0000000025).
    is_plain = SMALL <= abs(rounded) < LARGE
    return f"{rounded.normalize():f}" if is_plain else _exponent(rounded)


def _exponent(number: Decimal) -> str:
    mantissa, _, power = f"{number.normalize():e}".partition("e")
    return f"{mantissa}e{int(power)}"


def of_intercept(scale: Scale) -> str:
    """Prior of the intercept, or of the mean of each unit in a model without one."""
    width = WIDTH * scale.spread
    return f"Normal({_figures(scale.centre, width)}, {figures(width)})"


def of_coefficient(scale: Scale, spread: float = 1.0) -> str:
    """Prior of the coefficient of a predictor with a standard deviation; 1 for the levels of a category."""
    return f"Normal(0, {figures(WIDTH * scale.spread / spread)})"


def of_sd(scale: Scale, spread: float = 1.0) -> str:
    """Prior of the standard deviation of units' coefficients of such a predictor, or of sigma."""
    return f"Exponential({figures(spread / scale.spread)})"


def of_family(family: Family, scale: Scale, far: float = 0.0) -> dict[str, str]:
    """Priors of the parameters that the family has besides its mean.

    Parameters
    ----------
    family, scale
        What is proposed for the outcome.
    far
        How many of its standard deviations the mean of a predictor is from 0, which is where thresholds are.
    """
    match family.name:
        case "gaussian":
            return {"sigma": of_sd(scale)}
        case "gamma" | "negativebinomial":
            return {"alpha": _of_precision(scale)}
        case "beta":
            return {"kappa": _of_precision(scale)}
        case "cumulative":
            # At the mean of the predictor about as wide as a standard logistic distribution, so that no level is ruled
            # out; where it is 0 they vary by what its coefficient may add until there.
            return {"threshold": f"Normal(0, {figures(WIDTH * math.hypot(1, far))})"}
    return {}


def _of_precision(scale: Scale) -> str:
    return f"HalfStudentT(3, {figures(HIDDEN * scale.precision)})"


def told(scale: Scale, classes: set[str]) -> list[str]:
    """How the priors were scaled, a line a class of parameters.

    Parameters
    ----------
    scale
        The outcome's.
    classes
        The parameters that have priors: ``Intercept``, ``b``, ``b[x]``, ``sd``, ``sd[x]``, ``cor``, ``alpha``...
    """
    precision = f"HalfStudentT(3, {HIDDEN} x its value if units did not differ)"
    rules = {
        "Intercept": f"Normal(centre, {WIDTH:g} x spread)",
        "b": f"without pooling, the mean of each unit: Normal(centre, {WIDTH:g} x spread)",
        "b[]": f"Normal(0, {WIDTH:g} x spread / sd of the predictor); of categories Normal(0, {WIDTH:g} x spread)",
        "sd": "Exponential(1 / spread), whose mean is the spread",
        "sd[]": "of slopes: Exponential(sd of the predictor / spread); of categories Exponential(1 / spread)",
        "cor": "LKJ(2), which takes correlations near -1 and 1 for unlikely",
        "sigma": "Exponential(1 / spread)",
        "threshold": f"Normal(0, {WIDTH:g} x spread); with time wider, by the root of 1 + (mean / sd)^2 of time, since "
        "thresholds are those at time 0",
        "alpha": precision,
        "kappa": precision,
    }
    present = {re.sub(r"\[.*\]", "[]", name) for name in classes}
    return [scale.words, *(f"{name}: {rule}" for name, rule in rules.items() if name in present)]
