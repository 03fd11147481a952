"""Totals of pointwise values, and their errors."""

import numpy as np
import pandas as pd
import pytest
from partialpool.loo.compare import compare
from partialpool.loo.pointwise import batch_sums, slope, standard_error
from partialpool.loo.psis import psis
from scipy import stats


def sticky_models(rng):
    """Log likelihoods of two models of six measurements, at 4 chains of 200 autocorrelated draws of its scale each."""
    y = np.array([-0.6, -0.3, 0.2, 0.3, 0.4, 1.1])
    for sigma in (0.6, 1.2):
        noise = rng.normal(size=(4, 200))
        for draw in range(1, 200):
            noise[:, draw] = 0.6 * noise[:, draw - 1] + 0.8 * noise[:, draw]
        yield stats.norm.logpdf(y, 0, sigma * np.exp(0.1 * noise)[..., None])


@pytest.mark.numbers
def test_monte_carlo_errors_of_totals_are_their_spread_over_repetitions():
    """By brute force; the root of the sum of squares of the pointwise errors is far off, since rows share the draws."""
    rng, repetitions = np.random.default_rng(4), 150
    comparisons = []
    for _ in range(repetitions):
        pointwise = {name: psis(values, np.arange(6)) for name, values in zip("ab", sticky_models(rng), strict=True)}
        naive = {name: np.sqrt((own.mcse**2).sum()) for name, own in pointwise.items()}
        totals = compare(pointwise, estimand="observation").assign(
            naive=lambda totals, naive=naive: totals["model"].map(naive)
        )
        assert list(totals["model"]) == ["a", "b"]
        assert not totals["bad_pareto_k"].any()
        comparisons.append(totals)
    for model, own in pd.concat(comparisons).groupby("model"):
        for quantity in ("elpd_loo", "se_elpd_loo", "p_loo", "se_p_loo", "elpd_diff", "se_diff"):
            spread, claimed = own[quantity].std(ddof=1), np.sqrt((own[f"mcse_{quantity}"] ** 2).mean())
            if model == "a" and "diff" in quantity:
                assert spread == claimed == 0
                continue
            # Four standard errors of a standard deviation, and a tenth for batches that are not independent.
            assert abs(spread / claimed - 1) < 4 / np.sqrt(2 * repetitions) + 0.1, (model, quantity, spread, claimed)
        assert not 0.7 < own["elpd_loo"].std(ddof=1) / own["naive"].mean() < 1.5


def test_errors_of_methods_with_draws_of_their_own_add_up(make):
    own = make([-1.0, -2.0, -3.0], mcse=[0.1, 0.2, 0.4], method=["psis", "refit", "kfold"])
    assert own.mcse_of_total() == pytest.approx(0.6, rel=1e-12)
    assert own.mcse_of_sum(np.array([1, -1, 0.5])) == pytest.approx(0.4, rel=1e-12)


def test_totals_with_a_bad_pareto_k_have_no_monte_carlo_error(make):
    models = {
        "a": make([-1.0, -2.0]),
        "b": make([-2.0, -2.5], [0.1, 0.8]),
        "c": make([-3.0, -3.5]),
    }
    errors = compare(models, estimand="observation").set_index("model").filter(like="mcse_")
    assert errors.loc["b"].isna().all()
    assert errors.loc[["a", "c"]].notna().all(axis=None)


def test_the_slope_of_a_standard_error_is_that_of_small_steps():
    values, step = np.array([0.3, -1.0, 2.0, 0.5]), 1e-6
    steps = [(standard_error(values + up) - standard_error(values - up)) / (2 * step) for up in step * np.eye(4)]
    np.testing.assert_allclose(slope(values), steps, rtol=1e-7)
    assert not slope(np.ones(3)).any()


def test_batches_of_draws_are_sums_of_neighbours():
    influence = np.random.default_rng(1).normal(size=(3, 2, 20))
    np.testing.assert_allclose(batch_sums(influence), influence.reshape(3, 20, 2).sum(axis=2), rtol=1e-6)
    np.testing.assert_allclose(batch_sums(influence[..., :4]), influence[..., :4].reshape(3, 8), rtol=1e-6)


def test_values_are_ordered_by_label(make):
    ordered = make([-1.0, -2.0, -3.0], labels=["c", "a", "b"]).by_label()
    assert ordered.labels.tolist() == ["a", "b", "c"]
    assert ordered.elpd.tolist() == [-2, -3, -1]
