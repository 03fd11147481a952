"""What priors say of the outcome, beside closed forms."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from partialpool.checks.predictive import predictive
from partialpool.checks.prior import OUTCOME, draws_from_prior, prior_data_sets, prior_posterior, prior_predictive
from scipy import stats


@pytest.fixture(scope="module")
def drawn(intercepts):
    prior = draws_from_prior(intercepts)
    return prior, prior_data_sets(intercepts, prior)


def test_data_sets_have_the_variances_of_the_priors(intercepts, drawn):
    """Of y = b0 + b1 (x - 2) + u + e: 1.5² + (x - 2)² + 2 (sd ~ Exponential(1)) + 0.5 (sigma ~ Exponential(2))."""
    _, data_sets = drawn
    assert data_sets.shape == (1000, 60)
    away = intercepts.rows["x"].to_numpy() - 2
    expected = 1.5**2 + away**2 + 2 + 0.5
    # The variance of a sample of 1000 with kurtosis up to 6.
    assert np.abs(data_sets.var(axis=0) / expected - 1).max() < 4.5 * np.sqrt(6 / 1000)
    assert np.abs(data_sets.mean(axis=0)).max() < 4.5 * np.sqrt(expected.max() / 1000)


def test_shares_beyond_the_data_and_beyond_declared_bounds(intercepts, drawn):
    _, data_sets = drawn
    [row] = prior_predictive(intercepts, data_sets, [0.0, None]).to_dict("records")
    low, high = intercepts.observed.min(), intercepts.observed.max()
    assert row["outside"] == np.mean((data_sets < low) | (data_sets > high))
    assert row["impossible"] == np.mean(data_sets < 0)
    assert (row["lower"], row["low"], row["high"]) == (0, low, high)
    assert np.isnan(row["upper"])
    assert np.isnan(prior_predictive(intercepts, data_sets, None)["impossible"][0])


def test_priors_beside_posteriors(intercepts, drawn):
    table = prior_posterior(intercepts, *drawn).set_index("parameter")
    assert list(table.index) == [OUTCOME, "Intercept", "x", "sd(Intercept)", "sigma"]
    of_x, known = table.loc["x"], stats.norm()
    for name, p in (("q2.5", 0.025), ("q17", 0.17), ("q83", 0.83), ("q97.5", 0.975)):
        error = np.sqrt(p * (1 - p) / 1000) / known.pdf(known.ppf(p))
        assert of_x[f"prior_{name}"] == pytest.approx(known.ppf(p), abs=4 * error)
    draws = intercepts.posterior["x"].to_numpy()
    low, high = np.quantile(draws, [0.025, 0.975])
    assert of_x["q50"] == pytest.approx(np.median(draws))
    width = of_x["prior_q97.5"] - of_x["prior_q2.5"]
    assert of_x["narrower"] == pytest.approx(width / (high - low))
    assert table.loc[OUTCOME, "q50"] == pytest.approx(np.median(intercepts.observed))


def test_of_a_yes_no_outcome_shares_of_data_sets_are_shown(yes_no):
    prior = draws_from_prior(yes_no)
    data_sets = prior_data_sets(yes_no, prior)
    assert set(np.unique(data_sets)) == {0, 1}
    shares = prior_posterior(yes_no, prior, data_sets).iloc[0]
    assert shares["prior_q2.5"] == np.quantile(data_sets.mean(axis=1), 0.025)
    assert shares["q50"] == shares["q2.5"] == pytest.approx(yes_no.observed.mean())


@pytest.fixture(scope="module")
def ratings(make_spec, fitted_to):
    """An outcome with the levels 1, 2 and 3, ten times each."""
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"id": np.repeat(np.arange(5), 6), "row": np.arange(30)})
    data["y"] = pd.Categorical(rng.permutation(np.repeat(["1", "2", "3"], 10)), ["1", "2", "3"], ordered=True)
    own = {"family": "cumulative", "priors": {"threshold": "Normal(0, 2)"}, "warmup": 100, "draws": 100}
    return fitted_to(make_spec("y ~ 0 + (1 | id)", "sd", **own), data)


@pytest.mark.parametrize(
    ("levels", "first"),
    [
        (["1", "2", "3"], 1),
        (["0", "1", "2"], 0),
        (["3", "4", "5"], 3),
        (["1", "2", "4"], 1),
        (["low", "some", "all"], 1),
    ],
)
@pytest.mark.slow
def test_levels_are_counted_as_they_are_called_or_from_one(ratings, levels, first):
    called_so = ratings.tree.copy()
    called_so["posterior"].attrs["levels"] = json.dumps(levels)
    ratings = replace(ratings, tree=called_so)
    data_sets = prior_data_sets(ratings, draws_from_prior(ratings))
    [row] = prior_predictive(ratings, data_sets, [first, first + 2]).to_dict("records")
    assert (row["low"], row["high"], row["impossible"]) == (first, first + 2, 0)
    assert prior_posterior(ratings, draws_from_prior(ratings), data_sets)["q50"][0] == first + 1
    told = predictive(ratings, None).set_index("statistic")
    assert told.loc["mean", "observed"] == first + 1
    assert told.loc["mean", "mean"] == pytest.approx(first + 1, abs=0.2)
