import re

import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.model.priors import parse_priors
from partialpool.start import priors
from partialpool.start.family import Family


def family(name):
    return Family(name, None, "", "")


def test_gaussian_priors_are_scaled_by_mean_and_standard_deviation():
    outcome = pd.Series([480.0, 500.0, 520.0, np.nan])
    scale = priors.scale(family("gaussian"), outcome)
    assert (scale.centre, scale.spread) == (500, 20)
    assert priors.of_intercept(scale) == "Normal(500, 50)"
    assert priors.of_coefficient(scale, 4) == "Normal(0, 12)"
    assert priors.of_coefficient(scale) == "Normal(0, 50)"
    assert priors.of_sd(scale) == "Exponential(0.05)"
    assert priors.of_sd(scale, 4) == "Exponential(0.2)"
    assert priors.of_family(family("gaussian"), scale) == {"sigma": "Exponential(0.05)"}


@pytest.mark.parametrize("factor", [1e200, 1e-200])
def test_numbers_without_a_standard_deviation_are_refused(factor):
    outcome = pd.Series([1.0, 2.0, 4.0], name="y") * factor
    with pytest.raises(StudyError, match=r"standard deviation of 'y', (inf|0), .* in another unit of measurement"):
        priors.scale(family("gaussian"), outcome)


@pytest.mark.parametrize(
    ("name", "outcome", "centre", "spread"),
    [
        ("bernoulli", [0, 0, 0, 1], np.log(1 / 3), 1),
        ("poisson", [1, 2, 6], np.log(3), 1),
        ("negativebinomial", [1, 2, 6], np.log(3), 1),
        ("gamma", [1, np.exp(2)], np.log((1 + np.exp(2)) / 2), np.sqrt(2)),
        ("beta", [0.5, 0.75], np.log(0.625 / 0.375), np.log(3) / np.sqrt(2)),
        ("cumulative", [1, 2, 3], 0, 1),
    ],
)
def test_other_links_have_their_own_scale(name, outcome, centre, spread):
    scale = priors.scale(family(name), pd.Series(outcome, dtype=float))
    assert scale.centre == pytest.approx(centre)
    assert scale.spread == pytest.approx(spread)


def test_the_last_of_two_levels_counts():
    outcome = pd.Series(pd.Categorical(["yes", "no", "yes", "yes"], ["no", "yes"]))
    assert priors.scale(family("bernoulli"), outcome).centre == pytest.approx(np.log(3))


def test_second_parameters_are_scaled_by_moments():
    """Draws of a gamma, a negative binomial and a beta distribution give their parameter back."""
    rng = np.random.default_rng(2)
    n = 100_000
    draws = {
        "gamma": rng.gamma(4, 0.5, n),
        "negativebinomial": rng.negative_binomial(4, 4 / (4 + 10), n),
        "beta": rng.beta(1, 3, n),
    }
    for name, outcome in draws.items():
        scale = priors.scale(family(name), pd.Series(outcome, dtype=float))
        assert scale.precision == pytest.approx(4, rel=0.05), name


def test_counts_that_vary_less_than_poisson_counts_have_a_prior_too():
    scale = priors.scale(family("negativebinomial"), pd.Series([10.0, 10.0, 11.0]))
    assert priors.of_family(family("negativebinomial"), scale) == {"alpha": "HalfStudentT(3, 1000)"}


@pytest.mark.parametrize("name", ["gamma", "negativebinomial", "beta"])
def test_second_parameters_have_a_mean_and_an_sd_where_the_data_set_no_upper_end(name):
    outcome = pd.Series([10.0, 10.0, 11.0]) / (100 if name == "beta" else 1)
    [prior] = parse_priors(priors.of_family(family(name), priors.scale(family(name), outcome))).values()
    # A Student t distribution has a mean above 1 degree of freedom, and a variance above 2.
    assert (prior.name, dict(prior.args)["nu"] > 2) == ("HalfStudentT", True)


@pytest.mark.parametrize("size", [1e-9, 1e-4, 0.03, 1, 12.345, 6789, 1e7])
def test_numbers_are_rounded_to_two_figures_and_are_priors(size):
    outcome = pd.Series([3 * size, 5 * size, 9 * size])
    scale = priors.scale(family("gaussian"), outcome)
    written = {"Intercept": priors.of_intercept(scale), "sd": priors.of_sd(scale)}
    read = parse_priors(written)
    assert max(map(len, re.findall(r"[0-9.e-]+", written["sd"]))) <= 7
    assert dict(read["Intercept"].args)["sigma"] == pytest.approx(2.5 * scale.spread, rel=0.05)
    assert abs(dict(read["Intercept"].args)["mu"] - scale.centre) < 0.06 * scale.spread
    assert dict(read["sd"].args)["lam"] == pytest.approx(1 / scale.spread, rel=0.05)


def test_a_centre_is_as_precise_as_its_spread():
    """Two figures of 2003.4 would be 2000, far outside data that vary by 0.5."""
    scale = priors.scale(family("gaussian"), pd.Series([2003.0, 2003.4, 2003.9]))
    assert priors.of_intercept(scale) == "Normal(2003.4, 1.1)"


def test_the_comment_has_a_line_for_each_class_that_there_is():
    scale = priors.scale(family("gaussian"), pd.Series([480.0, 500.0, 520.0]))
    lines = priors.told(scale, {"Intercept", "b[x]", "sd", "sigma"})
    assert [line.partition(":")[0] for line in lines] == ["centre", "Intercept", "b[]", "sd", "sigma"]
    assert lines[0] == "centre: mean, 500; spread: standard deviation, 20"
