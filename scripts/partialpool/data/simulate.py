"""Data from known parameters."""

import math

import numpy as np
import pandas as pd

from partialpool.errors import StudyError


def simulate(
    *,
    seed: int,
    units: int,
    waves: int,
    intercepts: dict[str, float],
    slope: float,
    sd_intercept: float,
    sd_slope: float,
    cor: float,
    sigma: float,
    missing_time: int,
    unit: str,
    group: str,
    time: str,
    outcome: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw measurements of many units from a growth model with known parameters.

    ``outcome = intercepts[group] + u0 + (slope + u1) * time + e``, where ``u0`` and ``u1`` are
    normal with standard deviations ``sd_intercept`` and ``sd_slope`` and correlation ``cor``, one
    pair for each unit, and ``e`` is normal with standard deviation ``sigma``.

    Parameters
    ----------
    seed
        The same seed gives the same data.
    units
        How many units; their ids are spread over 1 to 2.5 times as many.
    waves
        Largest number of measurements of a unit, each of whom has 1 to so many.
    intercepts
        Mean of the outcome at time 0 in each group; units are spread evenly over groups.
    slope
        Mean change of the outcome per unit of time.
    sd_intercept, sd_slope
        Standard deviations of units's intercepts and slopes around these means.
    cor
        Correlation of units's intercepts and slopes.
    sigma
        Standard deviation of a measurement around its unit's line.
    missing_time
        How many units have one measurement and no time of it.
    unit, group, time, outcome
        Names of the columns.

    Returns
    -------
    frame : DataFrame
        Columns ``unit`` (int64, sorted), ``group`` (str), ``time`` (Int64: 0 first, then
        irregular steps of 1 to 3), ``outcome`` (float64, 4 decimals); as a CSV, `prepare` takes it.
    truth : DataFrame
        Columns ``parameter`` and ``value``, parameters spelled as in summaries of models:
        ``Intercept`` (average unit), ``time``, ``group[LEVEL]`` (intercepts), ``sd(Intercept)``,
        ``sd(time)``, ``cor(Intercept,time)``, ``sigma``, and for each unit
        ``r_unit[ID,Intercept]`` and ``r_unit[ID,time]``, deviations from the group's
        intercept and from the slope.

    Raises
    ------
    StudyError
        A parameter is out of its range.
    """
    for name, value, valid, range_ in (
        ("units", units, units >= 2, "at least 2"),
        ("waves", waves, waves >= 1, "at least 1"),
        ("intercepts", intercepts, len(intercepts) >= 1, "one number for each group"),
        ("sd_intercept", sd_intercept, sd_intercept >= 0, "at least 0"),
        ("sd_slope", sd_slope, sd_slope >= 0, "at least 0"),
        ("cor", cor, -1 <= cor <= 1, "between -1 and 1"),
        ("sigma", sigma, sigma >= 0, "at least 0"),
        ("missing_time", missing_time, 0 <= missing_time <= units, f"between 0 and {units}"),
    ):
        if not valid:
            raise StudyError(f"data.simulate.{name}: {value} is out of range; it must be {range_}.")

    rng = np.random.default_rng(seed)
    ids = np.sort(rng.choice(np.arange(1, int(2.5 * units) + 1), units, replace=False))
    groups = rng.permutation(np.resize(list(intercepts), units))
    means = np.array([intercepts[level] for level in groups])
    z = rng.standard_normal((2, units))
    u0 = sd_intercept * z[0]
    u1 = sd_slope * (cor * z[0] + math.sqrt(1 - cor**2) * z[1])

    # ASSUME: of every wave after the first a unit takes part in about half, whoever they are.
    counts = 1 + rng.binomial(waves - 1, 0.47, units)
    untimed = rng.choice(units, missing_time, replace=False)
    counts[untimed] = 1
    who = np.repeat(np.arange(units), counts)
    steps = rng.integers(1, 4, who.size)
    steps[np.cumsum(counts) - counts] = 0
    times = pd.Series(steps).groupby(who).cumsum()
    e = sigma * rng.standard_normal(who.size)
    # ASSUME: a measurement without a time is a first one whose time was not written down.
    values = means[who] + u0[who] + (slope + u1[who]) * times + e

    frame = pd.DataFrame(
        {
            unit: ids[who],
            group: groups[who],
            time: times.astype("Int64").mask(np.isin(who, untimed)),
            outcome: values.round(4),
        }
    )
    truth = {
        "Intercept": means.mean(),
        time: slope,
        **{f"{group}[{level}]": mean for level, mean in intercepts.items()},
        "sd(Intercept)": sd_intercept,
        f"sd({time})": sd_slope,
        f"cor(Intercept,{time})": cor,
        "sigma": sigma,
        **{f"r_{unit}[{i},Intercept]": u for i, u in zip(ids, u0, strict=True)},
        **{f"r_{unit}[{i},{time}]": u for i, u in zip(ids, u1, strict=True)},
    }
    return frame, pd.DataFrame(truth.items(), columns=["parameter", "value"])
