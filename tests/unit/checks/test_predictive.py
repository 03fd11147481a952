"""Statistics of data and replicated data beside their definitions, and calibration beside the pool of violators."""

import numpy as np
import pandas as pd
import pytest
from partialpool.checks.loo_pit import probabilities_of_yes
from partialpool.checks.predictive import COLUMNS, calibration, following, predictive, replicated, skewness, statistics
from partialpool.loo.by_quadrature import by_quadrature
from scipy import stats


def test_statistics_within_and_between_units_are_those_of_pandas():
    rng = np.random.default_rng(3)
    codes, time = rng.integers(0, 6, 40), rng.permutation(np.arange(40.0))
    time[7] = np.nan
    values = rng.normal(size=(3, 40))
    found = statistics(codes, time)
    for data_set, value in enumerate(values):
        frame = pd.DataFrame({"unit": codes, "time": time, "y": value})
        by_unit = frame.groupby("unit")["y"]
        assert found["sd"](values)[data_set] == pytest.approx(value.std(ddof=1))
        assert found["sd_between_units"](values)[data_set] == pytest.approx(by_unit.mean().std())
        variance = (by_unit.var() * (by_unit.size() - 1)).sum() / (40 - 6)
        assert found["sd_within_units"](values)[data_set] == pytest.approx(np.sqrt(variance))
        frame["left"] = frame["y"] - by_unit.transform("mean")
        frame = frame.dropna().sort_values("time")
        pairs = pd.DataFrame({"a": frame["left"], "b": frame.groupby("unit")["left"].shift()}).dropna()
        expected = (pairs["a"] * pairs["b"]).sum() / np.sqrt((pairs["a"] ** 2).sum() * (pairs["b"] ** 2).sum())
        assert found["autocorrelation"](values)[data_set] == pytest.approx(expected)
        assert found["skewness"](values)[data_set] == pytest.approx(stats.skew(value))


def test_values_that_do_not_vary_have_no_skewness():
    assert skewness(np.ones((2, 5))).tolist() == [0, 0]


def test_pairs_follow_each_other_in_one_unit():
    codes, time = np.array([0, 1, 0, 0, 1]), np.array([3.0, 1.0, 1.0, np.nan, 1.0])
    # Two measurements at one time do not follow each other.
    assert following(codes, time).tolist() == [[2, 0]]


def test_a_unit_with_one_measurement_each_has_nothing_within():
    assert set(statistics(np.arange(5), None)) == {"mean", "sd", "skewness", "minimum", "maximum"}


def test_p_is_the_share_of_data_sets_that_are_at_least_as_large(intercepts):
    table = predictive(intercepts, "x")
    assert list(table) == COLUMNS
    data_sets = replicated(intercepts)
    largest = table.set_index("statistic").loc["maximum"]
    assert largest["observed"] == intercepts.observed.max()
    assert largest["p"] == np.mean(data_sets.max(axis=1) >= intercepts.observed.max())
    assert largest["p_at_most"] == np.mean(data_sets.max(axis=1) <= intercepts.observed.max())
    assert largest["q2.5"] == np.quantile(data_sets.max(axis=1), 0.025)
    assert "autocorrelation" in set(table["statistic"])
    assert "autocorrelation" not in set(predictive(intercepts, None)["statistic"])


def test_what_every_data_set_has_and_what_follows_from_the_mean_is_left_out(yes_no):
    assert set(predictive(yes_no, None)["statistic"]) == {"mean", "sd_between_units", "sd_within_units"}


def pool_adjacent_violators(values):
    """Isotonic regression by its definition: neighbours that fall are replaced by their mean."""
    blocks = []
    for value in values:
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (last, m), (before, n) = blocks.pop(), blocks.pop()
            blocks.append([(last * m + before * n) / (m + n), m + n])
    return np.concatenate([[value] * n for value, n in blocks])


def test_calibration_pools_adjacent_violators(yes_no):
    table, probabilities = calibration(yes_no), probabilities_of_yes(yes_no)
    order = np.argsort(probabilities, kind="stable")
    np.testing.assert_array_equal(table["predicted"], probabilities[order])
    np.testing.assert_allclose(table["observed"], pool_adjacent_violators(yes_no.observed[order]))
    assert (table["low"] <= table["predicted"]).mean() > 0.9
    assert (table["predicted"] <= table["high"]).mean() > 0.9


@pytest.mark.numbers
def test_probabilities_of_yes_are_those_of_leave_one_out(yes_no):
    probabilities = probabilities_of_yes(yes_no)
    of_outcome = np.where(yes_no.observed == 1, probabilities, 1 - probabilities)
    pointwise, _ = by_quadrature(yes_no.tree, yes_no.spec, yes_no.rows)
    np.testing.assert_allclose(np.log(of_outcome), pointwise.elpd, atol=0.02)
    in_sample = replicated(yes_no).mean(axis=0)
    assert of_outcome.mean() < np.where(yes_no.observed == 1, in_sample, 1 - in_sample).mean()
