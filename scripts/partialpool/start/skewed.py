"""Which of three distributions positive measurements have: normal, gamma, or that of logarithms that are normal."""

import math

import numpy as np
import pandas as pd

NORMAL, GAMMA, LOGNORMAL = "normal", "gamma", "lognormal"


def skewness(values: np.ndarray) -> float:
    """Skewness of numbers; 0 if all are the same."""
    centred = values / abs(values).max() if values.any() else values
    centred = centred - centred.mean()
    sd = math.sqrt((centred**2).mean())
    return float(((centred / sd) ** 3).mean()) if sd else 0.0


def log_likelihoods(values: np.ndarray, unit: pd.Series) -> dict[str, float]:
    """The largest log likelihood of positive measurements under each distribution.

    Each unit has a mean of its own (of logarithms, or of the measurements), and all have one spread. Where fewer than
    half of the measurements are of a unit with another one, all have one mean.

    Parameters
    ----------
    values
        Positive, not all the same within units.
    unit
        Whose they are.
    """
    of_unit = pd.Series(unit.to_numpy())
    several = of_unit.duplicated(keep=False).to_numpy()
    if 2 * several.sum() < len(values):
        of_unit, several = pd.Series(np.zeros(len(values))), np.ones(len(values), dtype=bool)
    values, of_unit = pd.Series(values[several]), of_unit[several].reset_index(drop=True)
    logs = np.log(values)
    # In other units of measurement, in which no square is too large; each log likelihood changes by the same.
    shift = logs.mean()
    values, logs = np.exp(logs - shift), logs - shift
    changed = len(logs) * shift
    means = values.groupby(of_unit).transform("mean")
    return {
        NORMAL: _normal(values - means) - changed,
        GAMMA: _gamma(logs, np.log(means)) - changed,
        LOGNORMAL: _normal(logs - logs.groupby(of_unit).transform("mean")) - logs.sum() - changed,
    }


def _normal(deviations: pd.Series) -> float:
    return -len(deviations) / 2 * (math.log(2 * math.pi * (deviations**2).mean()) + 1)


def _gamma(logs: pd.Series, log_means: pd.Series) -> float:
    """With the shape from Minka's approximation (2002, Estimating a gamma distribution), right to 1.5 %."""
    deviation = (log_means - logs).mean()
    shape = (3 - deviation + math.sqrt((deviation - 3) ** 2 + 24 * deviation)) / (12 * deviation)
    relative = logs - log_means
    each = shape * math.log(shape) - math.lgamma(shape) + shape * (relative - np.exp(relative)) - logs
    return float(each.sum())
