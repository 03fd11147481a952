"""Which family an outcome is likely to have, and why."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from partialpool.data.notation import in_digits
from partialpool.start.skewed import GAMMA, LOGNORMAL, NORMAL, log_likelihoods, skewness

# ASSUME: whole numbers from 1 to at most this are ordered levels, such as answers on a scale.
MOST_LEVELS = 7
# ASSUME: whole numbers from 0 are counts if half of them are no larger than this; larger ones are like measurements.
MOST_TYPICAL_COUNT = 15
# ASSUME: of a Poisson outcome this ratio is near 1; above it a second parameter is needed, and it does little harm.
MOST_DISPERSION = 1.2
# ASSUME: whole numbers without a 0 whose ratio is below this are scores, such as marks from 1 to 11.
LEAST_DISPERSION = 0.7
# ASSUME: whole numbers end where a scale does if theirs is a distribution without an end would have so many beyond it.
LEAST_BEYOND = 5.0
# ASSUME: an outcome with more skewness than this has a tail that may be worth another family than the gaussian.
LEAST_SKEWNESS = 0.5
# ASSUME: with more of it than this the proposal of a gaussian family says so.
MOST_SKEWNESS = 1.0
# ASSUME: so much larger must a log likelihood be, before the simpler or more usual family is left for another.
CLEARLY = 5.0
# ASSUME: numbers that never come near to this are no shares but small for what they are measured in, such as moles.
LEAST_SHARE = 0.01


@dataclass(frozen=True)
class Family:
    """A family proposed for an outcome.

    Attributes
    ----------
    name, link
        As the config and Bambi name them; link None for the family's own.
    why
        What of the data speaks for it.
    others
        Which others are possible, and when.
    of_logarithm
        Whether it is that of the outcome's logarithm.
    """

    name: str
    link: str | None
    why: str
    others: str
    of_logarithm: bool = False

    @property
    def told(self) -> str:
        """The family in words."""
        return f"{self.name} of the logarithm" if self.of_logarithm else self.name


def propose(outcome: pd.Series, unit: pd.Series, time: pd.Series | None = None) -> Family:
    """Propose a family.

    Parameters
    ----------
    outcome
        Measurements: numbers, or a category of two or more levels; may be missing.
    unit
        Whose they are, of the same length.
    time
        When they were made, if it is known.
    """
    measured = outcome.notna()
    outcome, unit, time = outcome[measured], unit[measured], None if time is None else time[measured]
    if isinstance(outcome.dtype, pd.CategoricalDtype):
        return _of_levels(outcome)
    values = outcome.to_numpy(dtype=float)
    whole, low, high = (values % 1 == 0).all(), values.min(), values.max()
    different = len(np.unique(values))
    if whole and different == 2 and (low, high) == (0, 1):
        return _BERNOULLI
    if are_levels(values):
        levels = ", ".join(f"{value:.0f}" for value in np.unique(values))
        return Family(
            "cumulative",
            None,
            f"has few whole numbers ({levels}), as answers on a scale have",
            "gaussian, if all steps are equal, which is fitted much faster; poisson, if it is a count; categorical, if "
            "its levels have no order",
        )
    if whole and low >= 0 and low < 2 and _is_count(values):
        beyond = _beyond(values)
        return _of_scale(values, beyond) if beyond >= LEAST_BEYOND else _of_counts(values, unit)
    if low > 0 and LEAST_SHARE < high < 1:
        return Family(
            "beta",
            None,
            "lies between 0 and 1 and never at the ends",
            "gaussian, if it stays away from 0 and 1; binomial with p(successes, trials), if it is a share of counts",
        )
    if low > 0 and skewness(values) > LEAST_SKEWNESS and _vary_within(values, unit):
        return _of_positive(values, unit, time, whole)
    return _gaussian(values, whole)


def of_trials(trials: str) -> Family:
    """The family of successes in a known number of trials."""
    others = "beta_binomial, with a prior for kappa, if they vary more than predictors and units explain"
    return Family("binomial", None, f"counts successes, of as many trials as {trials} says", others)


def _vary_within(values: np.ndarray, unit: pd.Series) -> bool:
    """Whether a unit has measurements that differ."""
    return bool(pd.Series(values).groupby(unit.to_numpy()).nunique().max() > 1)


def _of_positive(values: np.ndarray, unit: pd.Series, time: pd.Series | None, whole: bool) -> Family:
    """Of skewed positive numbers: gaussian, gamma, or gaussian of the logarithm, by the likelihood."""
    likely = log_likelihoods(values, unit, time)
    usual = max(likely[NORMAL], likely[GAMMA])
    of_logarithm = likely[LOGNORMAL] > usual + CLEARLY
    if not of_logarithm and likely[GAMMA] < likely[NORMAL] + CLEARLY:
        return _gaussian(values, whole)
    around = "" if time is None else " around lines over time"
    tail = f"is positive with a tail to the right (skewness {skewness(values):.1f}):{around}"
    above = {name: likely[LOGNORMAL if of_logarithm else GAMMA] - likely[name] for name in likely}
    count = "; negativebinomial, if it is a count, or binomial with p(successes, trials)" if whole else ""
    differences = f"gaussian of the outcome itself, if differences and not ratios matter{count}"
    if of_logarithm:
        why = (
            f"{tail} a normal distribution of its logarithm fits better than one of itself (log likelihood "
            f"{above[NORMAL]:.0f} higher) and than a gamma distribution ({above[GAMMA]:.0f} higher)"
        )
        return Family("gaussian", None, why, f"gamma with link log of the outcome itself; {differences}", True)
    why = (
        f"{tail} a gamma distribution fits better than a normal one (log likelihood {above[NORMAL]:.0f} higher), and "
        f"a normal distribution of its logarithm not clearly better ({-above[LOGNORMAL]:+.0f})"
    )
    others = "gaussian of log(outcome), a new column by data.derive, which is fitted faster and says the same of ratios"
    return Family("gamma", "log", why, f"{others}; {differences}")


_BERNOULLI = Family(
    "bernoulli", None, "has two values", "binomial with p(successes, trials), if there is a line for several trials"
)


def _of_levels(outcome: pd.Series) -> Family:
    levels = list(outcome.cat.categories)
    if len(levels) == 2:
        return _BERNOULLI
    why = f"has levels in an order: {' < '.join(levels)}"
    return Family("cumulative", None, why, "categorical, if they have none")


def _is_count(values: np.ndarray) -> bool:
    """Whether whole numbers from 0 or 1 look like counts."""
    return np.median(values) <= MOST_TYPICAL_COUNT


def are_levels(values: np.ndarray) -> bool:
    """Whether numbers are the ordered levels 1, 2, ... of a scale: three to seven of them, and most of them occur."""
    different = np.unique(values)
    of_a_scale = (different % 1 == 0).all() and different[0] == 1 and different[-1] <= MOST_LEVELS
    return bool(of_a_scale and len(different) >= 3 and len(different) >= different[-1] - 1)


def _of_counts(values: np.ndarray, unit: pd.Series) -> Family:
    dispersion = _dispersion(pd.Series(values), pd.Series(unit.to_numpy()))
    told = f"has whole numbers from {values.min():.0f} to {values.max():.0f}"
    exposure = (
        "with + offset(log(exposure)) in the formulas, if not all counts are of equal time or size; binomial with "
        "p(successes, trials), if each is a part of a known number"
    )
    why = f"{told}, which vary {dispersion:.1f} times as much around their unit's mean as Poisson counts would"
    if values.min() > 0 and dispersion < LEAST_DISPERSION:
        others = "poisson, if it is a count; t, with a prior for nu, if there are outliers"
        return Family("gaussian", None, f"{why}, and none is 0: a score rather than a count", others)
    if dispersion > MOST_DISPERSION:
        return Family("negativebinomial", None, why, f"poisson, if predictors explain that; {exposure}")
    if dispersion < 1 / MOST_DISPERSION:
        less = (
            f"binomial with p(successes, trials), if it is so many of a known number, such as {values.max():.0f}, "
            "since these vary less; gaussian, if it is a score"
        )
        return Family("poisson", None, why, less)
    return Family("poisson", None, why, f"negativebinomial, if they vary more; {exposure}")


def _beyond(values: np.ndarray) -> float:
    """How many values counts of this mean and variance would have above the largest; 0 if it is rarer than the next.

    Counts thin out towards the largest one. On a scale with an end, such as ten questions, many lie at the end.
    """
    _, times = np.unique(values, return_counts=True)
    if len(times) < 2 or times[-1] < times[-2]:
        return 0.0
    mean, variance, above = values.mean(), values.var(), values.max() + 1
    if variance <= mean:
        return float(len(values) * special.gammainc(above, mean))
    return float(len(values) * special.betainc(above, mean**2 / (variance - mean), 1 - mean / variance))


def _of_scale(values: np.ndarray, beyond: float) -> Family:
    """Of whole numbers with many at the upper end: levels if there are few of them, else gaussian."""
    different, high = np.unique(values), values.max()
    why = (
        f"has whole numbers from {values.min():.0f} to {high:.0f}, and {(values == high).sum()} of {len(values)} are "
        f"{high:.0f}: a scale that ends there, since of as many counts that vary like these about {beyond:.0f} would "
        "be larger"
    )
    successes = f"binomial with p(successes, trials), if it is so many of {high:.0f} that could have been"
    # With a 0 there is one level more.
    if len(different) <= MOST_LEVELS + 1:
        return Family(
            "cumulative", None, why, f"{successes}; gaussian, if all steps are equal, which is fitted much faster"
        )
    return Family("gaussian", None, why, f"{successes}; cumulative, if its steps may differ")


def _dispersion(values: pd.Series, unit: pd.Series) -> float:
    """Pearson's chi-square around the means of units over its degrees of freedom; 1 if no unit tells."""
    means = values.groupby(unit).transform("mean")
    inside = means > 0
    freedom = inside.sum() - unit[inside].nunique()
    return float(((values - means)[inside] ** 2 / means[inside]).sum() / freedom) if freedom else 1.0


_NOT_POSITIVE = "but values that are not positive, which have no logarithm: look at the posterior predictive check"


def _gaussian(values: np.ndarray, whole: bool) -> Family:
    low, high = values.min(), values.max()
    others = ["t, with a prior for nu, if there are outliers"]
    if low > 0:
        others.append("gamma with link log, if it spreads more where it is larger")
    if whole and low >= 0:
        others.append("poisson or negativebinomial, if it is a count")
    if low >= 0 and high <= 1 and (low == 0 or high == 1):
        others.append("beta has no place for the values 0 and 1 that occur here")
    what = "whole numbers" if whole else "numbers"
    # Three digits of what they vary by, where that is little.
    digits = max(6, 3 + math.floor(math.log10(max(abs(low), abs(high)) / (high - low))))
    start, end = in_digits(low, digits), in_digits(high, digits)
    tail = "no long tail to the right"
    if (skewed := skewness(values)) > MOST_SKEWNESS:
        tail = f"a tail to the right (skewness {skewed:.1f}), "
        tail += "which no other family fits clearly better" if low > 0 else _NOT_POSITIVE
    elif skewed < -LEAST_SKEWNESS:
        tail = f"a tail to the left (skewness {skewed:.1f}): look at the posterior predictive check"
    if low == 0 and not whole:
        others.append("hurdle_gamma, if its zeros are something else than small values")
    return Family("gaussian", None, f"has {what} from {start} to {end}, and {tail}", "; ".join(others))
