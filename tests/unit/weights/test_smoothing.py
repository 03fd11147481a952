"""Pareto smoothing beside arviz_stats, bit for bit."""

import numpy as np
import pytest
from arviz_stats.base import array_stats
from partialpool.weights.smoothing import (
    efficiency_of_one,
    fit_pareto,
    log_sum_exp,
    relative_efficiency,
    relative_error,
    smooth,
    smooth_one,
)
from scipy import stats
from scipy.special import logsumexp


def sticky(n, chains, draws, stickiness, scale, seed=1):
    """Log values (n, chain, draw) whose draws depend on the one before."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n, chains, draws))
    for draw in range(1, draws):
        noise[..., draw] += stickiness * noise[..., draw - 1]
    return -0.5 * (np.linspace(0, 3, n)[:, None, None] + scale * noise) ** 2


CASES = {
    "independent": sticky(7, 4, 250, 0, 0.3),
    "sticky": sticky(7, 2, 501, 0.9, 0.2),
    "alternating": sticky(5, 3, 200, -0.7, 0.3),
    "heavy tails": sticky(6, 4, 250, 0.2, 2.0),
    "one chain": sticky(3, 1, 400, 0.5, 0.3),
    "ties": np.round(sticky(4, 4, 250, 0.3, 0.5), 2),
    "few draws": sticky(3, 4, 5, 0, 0.3),
    "far away": sticky(3, 4, 250, 0.3, 0.5) - 5000,
}


@pytest.mark.parametrize("name", CASES)
def test_efficiencies_are_those_of_arviz_one_by_one(name):
    values = CASES[name]
    expected = [array_stats.ess(np.exp(own - own.max()), method="mean", relative=True) for own in values]
    np.testing.assert_array_equal(relative_efficiency(values), expected)
    assert [efficiency_of_one(own) for own in values] == expected


@pytest.mark.parametrize("name", [name for name in CASES if name != "few draws"])
def test_weights_are_those_of_arviz_one_by_one(name):
    values, efficiency = CASES[name], np.linspace(0.2, 1.5, len(CASES[name]))
    log_weights, pareto_k = smooth(-values.reshape(len(values), -1), efficiency)
    for i, own in enumerate(values):
        expected, k = array_stats.psislw(own.ravel(), r_eff=efficiency[i])
        np.testing.assert_array_equal(log_weights[i], expected - logsumexp(expected))
        assert pareto_k[i] == (np.inf if np.isnan(k) else k)
    alone, k = smooth_one(-values[0].ravel(), efficiency[0])
    np.testing.assert_array_equal(alone, log_weights[0])
    assert k == pareto_k[0]


def test_weights_do_not_depend_on_the_others_in_the_array():
    values = sticky(300, 4, 100, 0.3, 0.4).reshape(300, -1)
    efficiency = np.random.default_rng(3).uniform(0.3, 1.5, size=300)
    # All the same, all but one, one that has all the weight; and a tail whose smallest values are the same.
    values[5], values[6, 1:], values[7, 1:] = 0, 0, values[7, 0] + 2000
    values[8] = np.minimum(values[8], np.quantile(values[8], 0.12))
    values[9] = np.minimum(values[9], np.quantile(values[9], 0.07))
    together, k = smooth(-values, efficiency)
    alone = [smooth_one(-own, at) for own, at in zip(values, efficiency, strict=True)]
    np.testing.assert_array_equal(together, [log_weights for log_weights, _ in alone])
    np.testing.assert_array_equal(k, [own for _, own in alone])
    assert np.flatnonzero(np.isinf(k)).tolist() == [5, 6, 7, 9]


def test_equal_weights_and_few_draws_cannot_be_smoothed():
    assert relative_efficiency(np.zeros((1, 4, 100))) == 1
    assert relative_efficiency(np.random.default_rng(1).normal(size=(1, 4, 3))) == 1
    for log_ratios in (np.zeros((1, 400)), np.random.default_rng(1).normal(size=(1, 20))):
        log_weights, pareto_k = smooth(log_ratios, np.ones(1))
        assert pareto_k == np.inf
        np.testing.assert_allclose(log_weights, log_ratios - logsumexp(log_ratios), rtol=1e-12)


def test_weights_that_are_no_numbers():
    log_weights, pareto_k = smooth_one(np.array([0.0, np.nan, -1.0]), 1.0)
    assert pareto_k == np.inf
    assert np.exp(log_weights).sum() == pytest.approx(1)


@pytest.mark.numbers
@pytest.mark.parametrize("k", [-0.3, 0.3, 0.9])
def test_the_shape_of_a_pareto_distribution_is_found(k):
    excesses = np.sort(stats.genpareto.rvs(k, scale=2, size=20_000, random_state=1))
    shape, scale = fit_pareto(excesses)
    # Standard errors of maximum likelihood: (1 + k) / sqrt(n), and sqrt(2 (1 + k) / n) of the scale.
    assert abs(shape - k) < 4 * (1 + k) / np.sqrt(20_000) + 10 / 20_000
    assert abs(scale / 2 - 1) < 4 * np.sqrt(2 * (1 + k) / 20_000)


def test_log_sum_exp_is_that_of_scipy():
    values = np.random.default_rng(2).normal(size=(5, 3, 40)) * 30
    values[0, 0, :2] = values[0, 0].max()
    np.testing.assert_array_equal(log_sum_exp(values), logsumexp(values, axis=-1))


@pytest.mark.numbers
def test_error_of_a_mean_of_independent_draws():
    log_values = np.random.default_rng(6).normal(0, 0.5, (2, 2000)) - 800
    exact = np.sqrt(np.expm1(0.25) / 4000)
    assert relative_error(log_values) == pytest.approx(exact, rel=0.15)
