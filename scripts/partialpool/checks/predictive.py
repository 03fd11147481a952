"""The data beside data sets that the model would give: statistics, and calibration of probabilities."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from partialpool.checks.fitted import Fitted
from partialpool.checks.loo_pit import probabilities_of_yes
from partialpool.fit.by_row import draws_by_row

# Most values that replicated data sets have in all, and at most and at least how many data sets there are.
VALUES, MOST, FEWEST = 2_000_000, 4000, 50
# Data sets behind the envelope of a calibration.
CALIBRATED = 1000
# Fewer pairs of measurements that follow each other say nothing of an autocorrelation.
FEWEST_PAIRS = 10
# Of noughts and ones.
FOLLOW_FROM_THE_MEAN = ("sd", "skewness")
COLUMNS = ["statistic", "observed", "mean", "sd", "q2.5", "q97.5", "p", "p_at_most", "data_sets"]


def replicated(fitted: Fitted) -> np.ndarray:
    """Data sets drawn from the posterior predictive distribution, (some, n); of levels as ``Fitted.counted``."""
    draws = draws_by_row(fitted.tree, "posterior_predictive").reshape(-1, len(fitted.observed))
    few = int(np.clip(VALUES // len(fitted.observed), FEWEST, MOST))
    some = np.linspace(0, len(draws) - 1, min(few, len(draws))).round().astype(int)
    return draws[some].astype(float) + fitted.first_level


def predictive(fitted: Fitted, time: str | None) -> pd.DataFrame:
    """Statistics of the data beside those of replicated data sets.

    Parameters
    ----------
    fitted
        The model.
    time
        Column of the time of measurement, if there is one.

    Returns
    -------
    DataFrame
        ``COLUMNS``: by statistic its value in the data; mean, sd and 95 % interval of those of replicated data sets;
        and ``p`` and ``p_at_most``, the shares of them that are at least and at most as large. Statistics that never
        vary are left out, and of noughts and ones those that follow from the mean.

    References
    ----------
    Gelman, Meng & Stern (1996), Statistica Sinica 6(4).
    """
    ours, theirs = fitted.counted[None], replicated(fitted)
    when = fitted.rows[time].to_numpy(dtype=float) if time in fitted.rows else None
    rows, binary = [], np.isin(fitted.observed, (0, 1)).all()
    for name, statistic in statistics(fitted.codes, when).items():
        if binary and name in FOLLOW_FROM_THE_MEAN:
            continue
        observed, values = float(statistic(ours)[0]), statistic(theirs)
        if np.ptp(values) == 0 and values[0] == observed:
            continue
        low, high = np.quantile(values, [0.025, 0.975])
        # Counts have ties: where nearly all data sets have the minimum of the data, both shares are nearly 1.
        p, at_most = float(np.mean(values >= observed)), float(np.mean(values <= observed))
        rows.append((name, observed, values.mean(), values.std(ddof=1), low, high, p, at_most, len(values)))
    return pd.DataFrame(rows, columns=COLUMNS)


def statistics(codes: np.ndarray, time: np.ndarray | None) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Statistics of data sets (s, n), (s,) each, by name.

    Parameters
    ----------
    codes : (n,)
        Which unit each row belongs to.
    time : (n,) or None
        When it was measured.
    """
    by_name: dict[str, Callable] = {
        "mean": lambda values: values.mean(axis=-1),
        "sd": lambda values: values.std(axis=-1, ddof=1),
        "skewness": skewness,
        "minimum": lambda values: values.min(axis=-1),
        "maximum": lambda values: values.max(axis=-1),
    }
    sizes = np.bincount(codes)
    if len(sizes) > 1 and len(codes) > len(sizes):
        by_name["sd_between_units"] = lambda values: _means(values, codes).std(axis=-1, ddof=1)
        spare = len(codes) - len(sizes)
        by_name["sd_within_units"] = lambda values: np.sqrt((_residuals(values, codes) ** 2).sum(axis=-1) / spare)
        if time is not None and len(pairs := following(codes, time)) >= FEWEST_PAIRS:
            by_name["autocorrelation"] = lambda values: _autocorrelation(_residuals(values, codes), pairs)
    return by_name


def skewness(values: np.ndarray) -> np.ndarray:
    """Skewness along the last axis; 0 of values that do not vary."""
    # `scipy.stats.skew` warns of these, and says nan: a data set of zeros is no mistake here.
    centred = values - values.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1)
    cubed = (centred**3).mean(axis=-1)
    return np.divide(cubed, variance**1.5, out=np.zeros_like(cubed), where=variance > 0)


def following(codes: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Pairs (pairs, 2) of rows of one unit that follow each other in time; rows without a time are in none."""
    order = np.lexsort((time, codes))
    order = order[~np.isnan(time[order])]
    pairs = np.column_stack([order[:-1], order[1:]])
    return pairs[(codes[pairs[:, 0]] == codes[pairs[:, 1]]) & (time[pairs[:, 0]] < time[pairs[:, 1]])]


def _means(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Means of units, (s, units)."""
    order, sizes = np.argsort(codes, kind="stable"), np.bincount(codes)
    return np.add.reduceat(values[:, order], np.cumsum(sizes) - sizes, axis=1) / sizes


def _residuals(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """What the means of units leave, (s, n)."""
    return values - _means(values, codes)[:, codes]


def _autocorrelation(residuals: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Correlation of residuals (s, n) with those that follow them in the same unit, (s,); 0 where nothing varies."""
    first, second = residuals[:, pairs[:, 0]], residuals[:, pairs[:, 1]]
    product = (first * second).sum(axis=-1)
    size = np.sqrt((first**2).sum(axis=-1) * (second**2).sum(axis=-1))
    return np.divide(product, size, out=np.zeros_like(product), where=size > 0)


def calibration(fitted: Fitted) -> pd.DataFrame:
    """Predicted probabilities of a yes-no outcome beside how often it is yes, by isotonic regression (PAVA).

    Predicted is each measurement from all others: probabilities that know it are too near to the middle, also if the
    model is right.

    Returns
    -------
    DataFrame
        ``predicted,observed,low,high``, by row in rising order of ``predicted``; the last two are the central 95 % of
        what data sets with these probabilities have in the place of ``observed``.

    References
    ----------
    Dimitriadis, Gneiting & Jordan (2021), PNAS 118(8).
    """
    from scipy.optimize import isotonic_regression

    probabilities = probabilities_of_yes(fitted)
    order = np.argsort(probabilities, kind="stable")
    predicted, rng = probabilities[order], np.random.default_rng(fitted.spec.seed)
    data_sets = (rng.random((CALIBRATED, len(predicted))) < predicted).astype(float)
    low, high = np.quantile([isotonic_regression(one).x for one in data_sets], [0.025, 0.975], axis=0)
    observed = isotonic_regression(fitted.observed[order].astype(float)).x
    return pd.DataFrame({"predicted": predicted, "observed": observed, "low": low, "high": high})
