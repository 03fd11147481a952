import numpy as np
import pandas as pd
import pytest
from partialpool.start.family import are_levels, propose

RNG = np.random.default_rng(1)
UNIT = pd.Series(np.repeat(np.arange(40), 10))
EFFECTS = np.repeat(RNG.normal(0, 0.5, 40), 10)
N = len(UNIT)


def proposed(values):
    return propose(pd.Series(values), UNIT).name


@pytest.mark.parametrize(
    ("values", "family"),
    [
        (RNG.integers(0, 2, N), "bernoulli"),
        (pd.Categorical(RNG.choice(["no", "yes"], N)), "bernoulli"),
        (pd.Categorical(RNG.choice(["low", "mid", "high"], N), ["low", "mid", "high"], ordered=True), "cumulative"),
        (RNG.integers(1, 6, N), "cumulative"),
        (RNG.poisson(np.exp(1 + EFFECTS)), "poisson"),
        (RNG.negative_binomial(2, 2 / (2 + np.exp(2 + EFFECTS))), "negativebinomial"),
        (RNG.beta(2, 5, N), "beta"),
        (RNG.lognormal(EFFECTS, 1), "gamma"),
        # Between 0 and 1, but no shares of anything.
        (2e-9 + RNG.normal(EFFECTS, 1) * 1e-10, "gaussian"),
        (RNG.lognormal(EFFECTS - 12, 1), "gamma"),
        (RNG.normal(EFFECTS, 1), "gaussian"),
        (RNG.normal(100, 15, N).round(), "gaussian"),
        # With the ends of the interval, which a beta distribution does not have.
        (np.append(RNG.uniform(size=N - 1), 1.0), "gaussian"),
        # Uniform counts vary more than Poisson counts do.
        (RNG.integers(1, 20, N), "negativebinomial"),
        # Marks vary less, and none is 0.
        (np.clip(RNG.normal(6, 1.5, N).round(), 1, 11), "gaussian"),
    ],
)
def test_a_family_for_every_kind_of_outcome(values, family):
    assert proposed(values) == family


def test_missing_values_do_not_matter():
    values = RNG.integers(0, 2, N).astype(float)
    values[3] = np.nan
    assert proposed(values) == "bernoulli"


def test_dispersion_is_relative_to_the_means_of_units():
    """Poisson counts of very different units vary much in all, and around their own means as they should."""
    means = np.repeat(np.exp(RNG.normal(1, 1.5, 40)), 10)
    counts = RNG.poisson(means)
    assert counts.var() > 5 * counts.mean()
    assert proposed(counts) == "poisson"


def test_the_reason_has_the_numbers():
    family = propose(pd.Series(RNG.poisson(3, N)), UNIT)
    assert "whole numbers from 0 to" in family.why
    assert "negativebinomial" in family.others


def test_large_whole_numbers_with_a_long_tail_may_be_counts():
    assert "negativebinomial, if it is a count" in propose(pd.Series(RNG.lognormal(5, 1, N).round() + 1), UNIT).others
    assert "negativebinomial" not in propose(pd.Series(RNG.lognormal(5, 1, N)), UNIT).others


def test_the_ends_of_data_that_hardly_vary_are_told_apart():
    family = propose(pd.Series(np.linspace(999.99912, 1000.00153, N)), UNIT)
    assert "beta" not in propose(pd.Series(2e-9 + RNG.normal(EFFECTS, 1) * 1e-10), UNIT).others
    assert "numbers from 999.99912 to 1000.0015," in family.why


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3], True),
        ([1, 2, 4, 5], True),
        ([1, 2, 3, 4, 5, 6, 7], True),
        ([1, 2], False),
        ([0, 1, 2], False),
        ([1, 5, 7], False),
        ([1, 2, 3, 8], False),
        ([1, 1.5, 2], False),
    ],
)
def test_levels_are_whole_numbers_from_one_to_seven(values, expected):
    assert are_levels(np.array(values, dtype=float)) is expected
