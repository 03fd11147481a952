"""Data drawn from a growth model with known parameters."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from partialpool.jobs.files import atomic


@dataclass(frozen=True)
class GrowthModel:
    """Parameters of a growth model.

    ``outcome = intercepts[group] + u0 + (slope + u1) * time + e``, where ``u0`` and ``u1`` are normal with standard
    deviations ``sd_intercept`` and ``sd_slope`` and correlation ``cor``, one pair a unit, and ``e`` is normal with
    standard deviation ``sigma``.

    Attributes
    ----------
    seed
        The same seed gives the same data.
    units
        Number of units; their ids are drawn from 1 to 2.5 times as many.
    waves
        Largest number of measurements of a unit; each unit has between 1 and this many.
    intercepts
        Mean of the outcome at time 0 in each group; units are spread evenly over the groups.
    slope
        Mean change of the outcome per step of time.
    sd_intercept, sd_slope
        Standard deviations of the units' intercepts and slopes around these means.
    cor
        Correlation of the units' intercepts and slopes.
    sigma
        Residual standard deviation.
    missing_time
        Number of units with one measurement whose time is missing.

    Notes
    -----
    The config refuses parameters out of range (``study.data.Simulate``).
    """

    seed: int
    units: int
    waves: int
    intercepts: dict[str, float]
    slope: float
    sd_intercept: float
    sd_slope: float
    cor: float
    sigma: float
    missing_time: int


def simulate(
    model: GrowthModel, *, unit: str, group: str, time: str, outcome: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw measurements of many units.

    Parameters
    ----------
    model
        What to draw from.
    unit, group, time, outcome
        Names of the columns.

    Returns
    -------
    frame : DataFrame
        Columns ``unit`` (int64, sorted), ``group`` (str), ``time`` (Int64: 0 first, then irregular steps of 1 to 3),
        ``outcome`` (float64, 4 decimals); as a CSV, ``prepare`` reads it.
    truth : DataFrame
        Columns ``parameter`` and ``value``, parameters spelled as in summaries of models: ``Intercept`` (mean of the
        groups), ``time``, ``group[LEVEL]`` (intercepts), ``sd(Intercept)``, ``sd(time)``, ``cor(Intercept,time)``,
        ``sigma``, and for each unit ``r_unit[ID,Intercept]`` and ``r_unit[ID,time]``, its deviations from the
        intercept of its group and from the slope.
    """
    rng = np.random.default_rng(model.seed)
    ids = np.sort(rng.choice(np.arange(1, int(2.5 * model.units) + 1), model.units, replace=False))
    groups = rng.permutation(np.resize(list(model.intercepts), model.units))
    means = np.array([model.intercepts[level] for level in groups])
    z = rng.standard_normal((2, model.units))
    u0 = model.sd_intercept * z[0]
    u1 = model.sd_slope * (model.cor * z[0] + math.sqrt(1 - model.cor**2) * z[1])

    # ASSUME: every unit takes part in each wave after the first with the same probability, about one half.
    counts = 1 + rng.binomial(model.waves - 1, 0.47, model.units)
    untimed = rng.choice(model.units, model.missing_time, replace=False)
    counts[untimed] = 1
    which = np.repeat(np.arange(model.units), counts)
    steps = rng.integers(1, 4, which.size)
    steps[np.cumsum(counts) - counts] = 0
    times = pd.Series(steps).groupby(which).cumsum()
    e = model.sigma * rng.standard_normal(which.size)
    # ASSUME: a measurement without a time is a first one whose time was not written down.
    values = means[which] + u0[which] + (model.slope + u1[which]) * times + e

    frame = pd.DataFrame(
        {
            unit: ids[which],
            group: groups[which],
            time: times.astype("Int64").mask(np.isin(which, untimed)),
            outcome: values.round(4),
        }
    )
    truth = {
        "Intercept": means.mean(),
        time: model.slope,
        **{f"{group}[{level}]": mean for level, mean in model.intercepts.items()},
        "sd(Intercept)": model.sd_intercept,
        f"sd({time})": model.sd_slope,
        f"cor(Intercept,{time})": model.cor,
        "sigma": model.sigma,
        **{f"r_{unit}[{i},Intercept]": u for i, u in zip(ids, u0, strict=True)},
        **{f"r_{unit}[{i},{time}]": u for i, u in zip(ids, u1, strict=True)},
    }
    return frame, pd.DataFrame(truth.items(), columns=["parameter", "value"])


def write(model: GrowthModel, raw: str | Path, truth: str | Path, **columns: str) -> None:
    """Draw measurements and write them, as ``simulate`` describes both tables, to two CSV files."""
    for table, path in zip(simulate(model, **columns), (raw, truth), strict=True):
        with atomic(path) as temporary:
            table.to_csv(temporary, index=False, na_rep="NA")
