"""Which of three distributions positive measurements have: normal, gamma, or that of logarithms that are normal."""

import math

import numpy as np
import pandas as pd

NORMAL, GAMMA, LOGNORMAL = "normal", "gamma", "lognormal"
# A line through fewer times leaves nothing over.
_LEAST_TIMES = 3
_MOST_STEPS = 100
# Of squares, where measurements are exactly on their lines; and of steps, where the largest likelihood is found.
_LEAST, _SMALL = 1e-18, 1e-9


def skewness(values: np.ndarray) -> float:
    """Skewness of numbers; 0 if all are the same."""
    centred = values / abs(values).max() if values.any() else values
    centred = centred - centred.mean()
    sd = math.sqrt((centred**2).mean())
    return float(((centred / sd) ** 3).mean()) if sd else 0.0


def log_likelihoods(values: np.ndarray, unit: pd.Series, time: pd.Series | None = None) -> dict[str, float]:
    """The largest log likelihood of positive measurements under each distribution.

    Each unit has a mean of its own (of logarithms, or of the measurements), and all have one spread. Where fewer than
    half of the measurements are of a unit with another one, all have one mean. With times, what is measured at three
    or more has a line in the place of a mean; the gamma distribution has it behind a logarithm.

    Parameters
    ----------
    values
        Positive, not all the same within units.
    unit
        Whose they are.
    time
        When they were made, of the same length; may be missing.
    """
    of_unit = pd.Series(unit.to_numpy())
    times = pd.Series(np.zeros(len(values)) if time is None else time.to_numpy(dtype=float))
    several = of_unit.duplicated(keep=False).to_numpy()
    if 2 * several.sum() < len(values):
        of_unit, several = pd.Series(np.zeros(len(values))), np.ones(len(values), dtype=bool)
    values, of_unit = pd.Series(values[several]), of_unit[several].reset_index(drop=True)
    lines = _Lines(of_unit, times[several].reset_index(drop=True))
    logs = np.log(values)
    # In other units of measurement, in which no square is too large; each log likelihood changes by the same.
    shift = logs.mean()
    values, logs = np.exp(logs - shift), logs - shift
    changed = len(logs) * shift
    return {
        NORMAL: _normal(values - lines.fitted(values)) - changed,
        GAMMA: _gamma(logs, lines.fitted_behind_log(values)) - changed,
        LOGNORMAL: _normal(logs - lines.fitted(logs)) - logs.sum() - changed,
    }


class _Lines:
    """A line over time for each unit measured at enough different times, a mean for each of the others."""

    def __init__(self, unit: pd.Series, time: pd.Series):
        self.unit = unit
        self.time = (time - self._means(time)).fillna(0.0)
        has_line = time.groupby(unit).transform("nunique") >= _LEAST_TIMES
        self.time = self.time.where(has_line, 0.0)
        # Of units without a line 0 / 1.
        self.squares = self._means(self.time**2).where(has_line, 1.0)

    def _means(self, values: pd.Series) -> pd.Series:
        return values.groupby(self.unit).transform("mean")

    def fitted(self, values: pd.Series) -> pd.Series:
        """Values on the lines, by least squares."""
        return self._means(values) + self._means(self.time * values) / self.squares * self.time

    def fitted_behind_log(self, values: pd.Series) -> pd.Series:
        """Logarithms of the means whose gamma likelihood is largest, by Fisher scoring; they are on the lines."""
        fitted = self.fitted(np.log(values))
        for _ in range(_MOST_STEPS):
            step = self.fitted(values * np.exp(-fitted) - 1.0)
            fitted += step / abs(step).groupby(self.unit).transform("max").clip(lower=1.0)
            if abs(step).max() < _SMALL:
                break
        return fitted


def _normal(deviations: pd.Series) -> float:
    return -len(deviations) / 2 * (math.log(2 * math.pi * max((deviations**2).mean(), _LEAST)) + 1)


def _gamma(logs: pd.Series, log_means: pd.Series) -> float:
    """With the shape from Minka's approximation (2002, Estimating a gamma distribution), right to 1.5 %."""
    deviation = max((log_means - logs).mean(), _LEAST)
    shape = (3 - deviation + math.sqrt((deviation - 3) ** 2 + 24 * deviation)) / (12 * deviation)
    relative = logs - log_means
    each = shape * math.log(shape) - math.lgamma(shape) + shape * (relative - np.exp(relative)) - logs
    return float(each.sum())
