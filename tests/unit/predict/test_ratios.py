"""What exp() of a coefficient is called, and of which coefficients it is taken."""

import numpy as np
import pytest
from made_up_fits import posterior, rows
from partialpool.model.formula import complete_cases
from partialpool.predict.linear import LinearPredictor
from partialpool.predict.ratios import meaning, ratios


def named(make_spec, formula, draws, **changes):
    spec = make_spec(formula, **changes)
    found = ratios(draws, LinearPredictor(spec, complete_cases(spec, rows(spec.family))))
    assert all(values.shape == draws["x"].shape for _, _, values in found)
    return {name: (what, values[0, 0]) for name, what, values in found}


@pytest.mark.parametrize(
    ("family", "link", "ratio", "level"),
    [
        ("bernoulli", "logit", "odds ratio", "odds"),
        ("cumulative", "logit", "odds ratio", "odds"),
        ("bernoulli", "cloglog", "hazard ratio", "hazard"),
        ("poisson", "log", "rate ratio", "rate"),
        ("gamma", "log", "ratio of means", "mean"),
    ],
)
def test_names(make_spec, family, link, ratio, level):
    draws = posterior(link, intercept=0.4, x=0.5, sd=0.8)
    found = named(make_spec, "y ~ x + (1 | id)", draws, family=family)
    assert found == {"exp(Intercept)": (level, np.exp(0.4)), "exp(x)": (ratio, np.exp(0.5))}


def test_levels_in_the_place_of_an_intercept_are_no_ratios(make_spec):
    draws = posterior("logit", x=0.5, g=np.array([0.1, 0.2, 0.3]), sd=0.8)
    found = named(make_spec, "y ~ 0 + x + g + (1 | id)", draws, family="bernoulli")
    whats = {name: what for name, (what, _) in found.items()}
    assert whats == {"exp(x)": "odds ratio", **{f"exp(g[{level}])": "odds" for level in "abc"}}
    draws = posterior("logit", intercept=0.0, x=0.5, g=np.array([0.2, 0.3]), sd=0.8)
    found = named(make_spec, "y ~ x + g + (1 | id)", draws, family="bernoulli")
    assert {found[f"exp(g[{level}])"][0] for level in "bc"} == {"odds ratio"}


@pytest.mark.parametrize(("family", "link"), [("gaussian", "identity"), ("bernoulli", "probit"), ("sratio", "logit")])
def test_nothing_without_a_name(make_spec, family, link):
    assert named(make_spec, "y ~ x + (1 | id)", posterior(link, intercept=0.4, x=0.5, sd=0.8), family=family) == {}


@pytest.mark.parametrize(
    ("family", "names"),
    [
        ("zero_inflated_poisson", ("rate ratio", "rate without excess zeros")),
        ("hurdle_poisson", None),
        ("hurdle_gamma", None),
        ("exgaussian", None),
        ("weibull", ("ratio of means", "mean")),
    ],
)
def test_what_is_no_mean_is_not_called_one(family, names):
    """The mean of a count over a hurdle, for one, is not the exponential of the linear predictor."""
    assert meaning(family, "log") == names
