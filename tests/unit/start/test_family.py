import numpy as np
import pandas as pd
import pytest
from partialpool.start.family import are_levels, propose
from partialpool.start.skewed import log_likelihoods, skewness
from scipy import optimize, stats

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
        (RNG.gamma(2, np.exp(EFFECTS)), "gamma"),
        # Between 0 and 1, but no shares of anything.
        (2e-9 + RNG.normal(EFFECTS, 1) * 1e-10, "gaussian"),
        (RNG.gamma(2, np.exp(EFFECTS - 12)), "gamma"),
        (RNG.normal(EFFECTS, 1), "gaussian"),
        (RNG.normal(100, 15, N).round(), "gaussian"),
        # With the ends of the interval, which a beta distribution does not have.
        (np.append(RNG.uniform(size=N - 1), 1.0), "gaussian"),
        # Uniform counts vary more than Poisson counts do.
        (RNG.integers(1, 20, N), "negativebinomial"),
        # Right answers to seven questions, and to twenty.
        (np.clip(RNG.poisson(5, N), 0, 7), "cumulative"),
        (np.clip(RNG.negative_binomial(2, 2 / 14, N), 0, 20), "gaussian"),
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


def test_many_whole_numbers_at_the_upper_end_speak_for_a_scale():
    """The number expected beyond is that of the distribution with the same mean and variance."""
    cut = np.minimum(RNG.negative_binomial(3, 0.4, 2000), 6)
    mean, variance = cut.mean(), cut.var()
    expected = 2000 * stats.nbinom(mean**2 / (variance - mean), mean / variance).sf(6)
    assert f"about {expected:.0f} would be larger" in propose(pd.Series(cut), pd.Series(np.arange(2000) // 10)).why
    cut = np.minimum(RNG.poisson(5, 2000), 7)
    assert cut.var() < cut.mean()
    expected = 2000 * stats.poisson(cut.mean()).sf(7)
    assert f"about {expected:.0f} would be larger" in propose(pd.Series(cut), pd.Series(np.arange(2000) // 10)).why


@pytest.mark.parametrize("seed", range(20))
def test_counts_are_not_taken_for_a_scale(seed):
    """Also few of them, of units that differ much or vary more than Poisson counts."""
    rng = np.random.default_rng(seed)
    means = np.exp(rng.normal(0.7, 0.8, 30)).repeat(seed + 2)
    for counts in (rng.poisson(means), rng.poisson(means * rng.gamma(2, 0.5, len(means)))):
        assert propose(pd.Series(counts), pd.Series(np.arange(30).repeat(seed + 2))).name in (
            "poisson",
            "negativebinomial",
        )


def test_large_whole_numbers_with_a_long_tail_may_be_counts():
    assert "negativebinomial, if it is a count" in propose(pd.Series(RNG.lognormal(5, 1, N).round() + 1), UNIT).others
    assert "negativebinomial" not in propose(pd.Series(RNG.lognormal(5, 1, N)), UNIT).others


@pytest.mark.parametrize(
    "values",
    [
        # Reaction times are never below 200 ms.
        200 + RNG.lognormal(5 + EFFECTS, 0.8),
        # Costs.
        RNG.lognormal(7 + EFFECTS, 1.3).round(2) + 0.01,
    ],
    ids=["times", "costs"],
)
def test_of_outcomes_with_a_tail_the_logarithm_is_proposed_where_it_is_normal(values):
    family = propose(pd.Series(values), UNIT)
    assert (family.name, family.of_logarithm) == ("gaussian", True)
    assert "a normal distribution of its logarithm fits better than one of itself" in family.why


def test_between_two_that_fit_alike_the_one_in_units_of_the_outcome_is_proposed():
    family = propose(pd.Series(np.random.default_rng(2).gamma(8, size=N)), UNIT)
    assert (family.name, family.of_logarithm) == ("gamma", False)
    assert "a normal distribution of its logarithm not clearly better" in family.why


def test_skewed_units_do_not_make_skewed_measurements():
    """Means of units with a long tail, around which measurements are normal."""
    values = pd.Series(np.repeat(RNG.lognormal(5, 0.6, 40), 10) + RNG.normal(0, 5, N))
    assert skewness(values.to_numpy()) > 1
    family = propose(values, UNIT)
    assert (family.name, family.of_logarithm) == ("gaussian", False)
    assert "a tail to the right" in family.why
    assert "no other family fits clearly better" in family.why


def test_of_counts_that_vary_less_than_poisson_counts_the_known_number_is_named():
    family = propose(pd.Series(np.random.default_rng(2).binomial(10, 0.3, size=N)), UNIT)
    assert family.name == "poisson"
    assert family.others.startswith("binomial with p(successes, trials), if it is so many of a known number")
    counts = propose(pd.Series(np.random.default_rng(2).poisson(5, size=N)), UNIT)
    assert counts.others.startswith("negativebinomial, if they vary more")


def test_a_tail_to_the_left_is_told():
    family = propose(pd.Series(100 - np.random.default_rng(2).gamma(4, 3, size=N)), UNIT)
    assert family.name == "gaussian"
    assert "a tail to the left (skewness -" in family.why


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_what_is_proposed_does_not_depend_on_the_unit_of_measurement(scale):
    values = np.random.default_rng(3).lognormal(EFFECTS, 1)
    assert propose(pd.Series(values * scale), UNIT).why == propose(pd.Series(values), UNIT).why


def test_units_of_which_each_has_one_value_only_are_no_error():
    assert propose(pd.Series(np.repeat(RNG.lognormal(0, 1, 40), 10) + 2), UNIT).name == "gaussian"


def test_costs_of_which_some_are_zero_are_not_said_to_have_no_tail():
    family = propose(pd.Series(np.where(RNG.random(N) < 0.3, 0, RNG.lognormal(5, 1, N))), UNIT)
    assert family.name == "gaussian"
    assert "not positive, which have no logarithm" in family.why
    assert "hurdle_gamma" in family.others


def test_likelihoods_are_those_of_scipy():
    values = RNG.gamma(3, np.exp(EFFECTS))
    mean = pd.Series(values).groupby(UNIT).transform("mean")
    shape = optimize.minimize_scalar(lambda a: -stats.gamma.logpdf(values, a, scale=mean / a).sum(), (1, 5)).x
    ours = log_likelihoods(values, UNIT)
    assert ours["gamma"] == pytest.approx(stats.gamma.logpdf(values, shape, scale=mean / shape).sum(), abs=0.05)
    sd = np.sqrt(((values - mean) ** 2).mean())
    assert ours["normal"] == pytest.approx(stats.norm.logpdf(values, mean, sd).sum())
    centre = np.exp(pd.Series(np.log(values)).groupby(UNIT).transform("mean"))
    sigma = np.sqrt((np.log(values / centre) ** 2).mean())
    assert ours["lognormal"] == pytest.approx(stats.lognorm.logpdf(values, sigma, scale=centre).sum())


TIME = pd.Series(np.tile(np.arange(10.0), 40))


def test_lines_over_time_are_those_of_largest_likelihood():
    """Against an optimiser of all parameters; a unit at two times has a mean, as has a row without a time."""
    rng = np.random.default_rng(4)
    unit = pd.Series(["a"] * 6 + ["b"] * 5 + ["c"] * 2)
    time = pd.Series([0, 1, 2, 3, 4, 5, 0, 2, 4, 6, 8, 0, 1], dtype=float)
    values = rng.gamma(4, np.exp(1 + 0.3 * time.to_numpy()) / 4)
    design = np.column_stack([unit == name for name in "abc"] + [time * (unit == name) for name in "ab"]).astype(float)

    def largest(density, start):
        return -optimize.minimize(lambda p: -density(design @ p[:5], np.exp(p[5])).sum(), start, tol=1e-10).fun

    ours = log_likelihoods(values, unit, time)
    logs = np.linalg.lstsq(design, np.log(values))[0]
    gamma = largest(lambda eta, a: stats.gamma.logpdf(values, a, scale=np.exp(eta) / a), [*logs, 1.0])
    normal = largest(lambda eta, sd: stats.norm.logpdf(values, eta, sd), [*np.linalg.lstsq(design, values)[0], 0.0])
    lognormal = largest(lambda eta, sd: stats.lognorm.logpdf(values, sd, scale=np.exp(eta)), [*logs, 0.0])
    # The shape is right to 1.5 %.
    assert ours == pytest.approx({"normal": normal, "gamma": gamma, "lognormal": lognormal}, abs=0.02)
    time[12] = np.nan
    assert log_likelihoods(values, unit, time)["gamma"] == pytest.approx(ours["gamma"])


def test_what_time_explains_is_no_tail():
    """Units that grow at different rates are skewed in all, and more so the larger their means."""
    rng = np.random.default_rng(2)
    values = pd.Series(60 + np.repeat(rng.uniform(2, 25, 40), 10) * TIME + rng.normal(0, 5, N))
    assert skewness(values.to_numpy()) > 0.5
    assert propose(values, UNIT).name == "gamma"
    assert propose(values, UNIT, TIME).told == "gaussian"
    growing = pd.Series(np.exp(1 + EFFECTS + 0.2 * TIME + rng.normal(0, 0.8, N)))
    assert propose(growing, UNIT, TIME).told == "gaussian of the logarithm"
    assert "around lines over time a normal distribution of its logarithm" in propose(growing, UNIT, TIME).why


def test_measurements_exactly_on_lines_are_no_error():
    assert propose(pd.Series(np.exp(1 + 0.2 * TIME)), UNIT, TIME).name == "gamma"
    assert propose(pd.Series(1 + (UNIT + 1.0) * TIME), UNIT, TIME).told == "gaussian"


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


def test_others_are_possible_for_the_values_that_there_are():
    levels = pd.Categorical(RNG.choice(["low", "mid", "high"], N), ["low", "mid", "high"], ordered=True)
    assert propose(pd.Series(levels), UNIT).others == "categorical, if they have none"
    assert "poisson, if it is a count" in propose(pd.Series(RNG.integers(1, 6, N)), UNIT).others
    counts = RNG.poisson(np.exp(1 + EFFECTS))
    assert "binomial with p(successes, trials)" in propose(pd.Series(counts), UNIT).others
