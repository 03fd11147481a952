"""Data against replicated data."""

import numpy as np
import pandas as pd
import pytest
from arviz_stats.helper_stats import point_interval_unique
from partialpool.figures.predictive import MOST_BARS, beside, calibrated, distributions
from partialpool.figures.theme import COLUMN, Figure

from figures.drawing import draw, texts


def layers(plot):
    """What a plot draws, and its layers' data."""
    drawn, data = draw(Figure(plot, COLUMN, 3))
    return drawn, data[0]


def test_measurements_are_densities(rng):
    observed, replicated = rng.normal(0.2, 0.07, 80), rng.normal(0.2, 0.07, (200, 80))
    _, [theirs, ours] = layers(distributions(observed, replicated, "Outcome"))
    assert theirs["group"].nunique() == 50
    assert ours["group"].nunique() == 1
    assert np.trapezoid(ours["y"], ours["x"]) == pytest.approx(1, abs=1e-2)


def test_few_whole_numbers_are_shares(rng):
    observed, replicated = rng.integers(0, 2, 60) * 1.0, rng.integers(0, 2, (100, 60)) * 1.0
    _, [bars, intervals] = layers(distributions(observed, replicated, "Outcome"))
    assert bars["y"].tolist() == pytest.approx([1 - observed.mean(), observed.mean()])
    shares = replicated.mean(axis=1)
    assert intervals["y"].tolist() == pytest.approx([1 - shares.mean(), shares.mean()])
    assert intervals["ymax"][1] == pytest.approx(np.quantile(shares, 0.975))


def test_levels_have_their_names_on_the_axis(rng):
    observed, replicated = rng.integers(0, 3, 60) * 1.0, rng.integers(0, 3, (100, 60)) * 1.0
    levels = ["low", "middle", "high"]
    drawn, [bars, _] = layers(distributions(observed, replicated, "Outcome", levels=levels))
    assert bars["y"].tolist() == pytest.approx([(observed == level).mean() for level in range(3)])
    assert set(levels) <= set(texts(drawn))


def test_a_rootogram_has_the_counts_of_arviz(rng):
    import xarray as xr

    observed, replicated = rng.poisson(3, 90) * 1.0, rng.poisson(3, (300, 90)) * 1.0
    _, [bars, intervals] = layers(distributions(observed, replicated, "Birds", counts=True))
    data_sets = xr.Dataset({"y": (("chain", "draw", "row"), replicated[None])})
    groups = xr.DataTree.from_dict({"posterior_predictive": data_sets})
    x, mean, low, high = point_interval_unique(groups["posterior_predictive"].to_dataset(), 0.95, "mean")[
        "y"
    ].to_numpy()
    of_both = intervals["x"].isin(x).to_numpy()
    # Squares, since the axis is of square roots.
    assert (intervals["y"][of_both] ** 2).tolist() == pytest.approx(mean[: of_both.sum()].tolist())
    assert (intervals["ymin"][of_both] ** 2).tolist() == pytest.approx(low.tolist())
    assert (intervals["ymax"][of_both] ** 2).tolist() == pytest.approx(high.tolist())
    assert (bars["ymax"] ** 2).tolist() == pytest.approx([(observed == count).sum() for count in bars["x"]])


def test_large_counts_share_bars(rng):
    observed, replicated = rng.poisson(100, 90) * 1.0, rng.poisson(100, (50, 90)) * 1.0
    _, [bars, _] = layers(distributions(observed, replicated, "Birds", counts=True))
    assert len(bars) <= MOST_BARS + 1
    assert (bars["ymax"] ** 2).sum() == pytest.approx(90)


def test_calibration_shows_its_curve_and_band():
    table = pd.DataFrame({"predicted": [0.1, 0.4, 0.9], "observed": [0.0, 0.5, 1.0], "low": 0.0, "high": 1.0})
    _, [band, _, line] = layers(calibrated(table))
    assert line["y"].tolist() == [0.0, 0.5, 1.0]
    assert band["ymax"].tolist() == [1.0, 1.0, 1.0]


def test_statistics_stand_in_sds_from_replicated_ones():
    table = pd.DataFrame(
        {
            "statistic": ["sd", "maximum", "sd_within_units"],
            "observed": [1.0, 9.0, 2.0],
            "mean": [1.5, 3.0, 2.0],
            "sd": [0.25, 0.5, 0.0],
            "q2.5": [1.0, 2.0, 2.0],
            "q97.5": [2.0, 4.0, 2.0],
            "p": [0.96, 0.0, 1.0],
        }
    )
    drawn, [_, intervals, points, _] = layers(beside(table, "herd"))
    # What is farther than 4 stands at the edge.
    assert points.sort_values("y", ascending=False)["x"].tolist() == [-2.0, 4.0, 0.0]
    assert intervals.sort_values("y", ascending=False)["xend"].tolist() == [2.0, 2.0, 0.0]
    assert {"SD", "Maximum", "SD within a herd", "p = 0.96", "p < 0.01", "p > 0.99"} <= texts(drawn)
