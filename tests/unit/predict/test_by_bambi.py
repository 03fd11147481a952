"""Predictions of families that have more than a linear predictor."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.predict.asked import Asked
from partialpool.predict.points import points
from partialpool.predict.values import draws_at
from scipy import stats

# Success of units A to C: logits of the draws, constant in each.
EFFECTS = {"A": -1.0, "B": 0.0, "C": 2.0}


@pytest.fixture
def herds():
    return pd.DataFrame(
        {"herd": list("AABBCC"), "ill": [1, 2, 0, 5, 3, 9], "size": [10, 20, 4, 8, 5, 10], "row": range(6)}
    )


@pytest.fixture
def posterior():
    effects = np.broadcast_to(list(EFFECTS.values()), (2, 2000, 3))
    return xr.Dataset(
        {
            "Intercept": (("chain", "draw"), np.zeros((2, 2000))),
            "1|herd": (("chain", "draw", "herd__factor_dim"), effects),
            "1|herd_sigma": (("chain", "draw"), np.full((2, 2000), 1e-9)),
        },
        coords={"chain": range(2), "draw": range(2000), "herd__factor_dim": list(EFFECTS)},
    )


def predicted(spec, data, posterior, *, new_units=None, at):
    where = points(spec, data, Asked(units=None if new_units else "all", new_units=new_units, at=at))
    tree = xr.DataTree.from_dict({"posterior": posterior})
    kinds = ["expected", "predicted"]
    return where, draws_at(tree, spec, data, where, quantities=kinds, seed=1)


@pytest.mark.parametrize("at", [{}, {"size": [1, 30]}])
def test_of_successes_in_trials_their_number_is_predicted(make_spec, herds, posterior, at):
    spec = make_spec("p(ill, size) ~ 1 + (1 | herd)", "Intercept sd", family="binomial", unit="herd")
    where, values = predicted(spec, herds, posterior, at=at)
    assert list(where["size"]) == (list(herds["size"]) if not at else [1, 30] * 3)
    p = 1 / (1 + np.exp(-where["herd"].map(EFFECTS)))
    np.testing.assert_allclose(values["expected"], np.broadcast_to(p * where["size"], (2, 2000, 6)))
    error = np.sqrt(where["size"] * p * (1 - p) / 4000)
    assert (np.abs(values["predicted"].mean((0, 1)) - p * where["size"]) < 4 * error).all()
    assert (values["predicted"].max((0, 1)) <= where["size"]).all()


def test_new_units_have_the_trials_that_are_given(make_spec, herds, posterior):
    spec = make_spec("p(ill, size) ~ 1 + (1 | herd)", "Intercept sd", family="binomial", unit="herd")
    where, values = predicted(spec, herds, posterior, new_units=1, at={"size": [6]})
    assert where.to_dict("records") == [{"herd": "new 1", "size": 6}]
    np.testing.assert_allclose(values["expected"], 3, atol=1e-6)


def test_trials_may_be_a_number(make_spec, herds, posterior):
    spec = make_spec("p(ill, 10) ~ 1 + (1 | herd)", "Intercept sd", family="binomial", unit="herd")
    where, values = predicted(spec, herds, posterior, at={})
    assert list(where) == ["herd"]
    np.testing.assert_allclose(values["expected"][0, 0], 10 / (1 + np.exp(-np.array(list(EFFECTS.values())))))


@pytest.mark.parametrize("family", ["hurdle_poisson", "hurdle_negativebinomial"])
@pytest.mark.parametrize("mu", [1e-8, 0.4, 6.0])
def test_counts_over_a_hurdle_are_those_of_the_distribution_without_zero(make_spec, herds, posterior, family, mu):
    """Also where nearly all counts would be zero without the hurdle, as some draws from priors have it."""
    counts = herds.assign(ill=[1, 0, 2, 1, 0, 3])
    own = {"psi": (("chain", "draw"), np.full((2, 2000), 0.3))}
    if family == "hurdle_negativebinomial":
        own["alpha"] = (("chain", "draw"), np.full((2, 2000), 1.5))
    fixed = posterior.assign({"Intercept": posterior["Intercept"] + np.log(mu), "1|herd": 0 * posterior["1|herd"]})
    priors = {"psi": "Beta(2, 2)"} | ({} if family == "hurdle_poisson" else {"alpha": "Exponential(1)"})
    spec = make_spec("ill ~ 1 + (1 | herd)", "Intercept sd", family=family, unit="herd", priors=priors)
    where = points(spec, counts, Asked(units=["A"], at={}))
    tree = xr.DataTree.from_dict({"posterior": fixed.assign(own)})
    values = draws_at(tree, spec, counts, where, quantities=["predicted"], seed=1)["predicted"].ravel()
    base = stats.poisson(mu) if family == "hurdle_poisson" else stats.nbinom(1.5, 1.5 / (1.5 + mu))
    over = values[values > 0]
    n = len(values)
    assert abs(len(over) / n - 0.3) < 4 * np.sqrt(0.21 / n)
    # E and P of a count that is over zero.
    mean, one = base.mean() / base.sf(0), base.pmf(1) / base.sf(0)
    sd = np.sqrt(max(base.var() + base.mean() ** 2, 0) / base.sf(0) - mean**2) if mu > 1e-3 else 1e-3
    assert abs(over.mean() - mean) < 4 * sd / np.sqrt(len(over))
    assert abs((over == 1).mean() - one) < 4 * np.sqrt(max(one * (1 - one), 1e-6) / len(over))


def test_levels_have_their_probabilities_also_far_from_all_thresholds(make_spec):
    """There a probability of the probit link is rounded to less than 0, and PyMC would refuse to draw."""
    rng, shape = np.random.default_rng(1), (2, 2000)
    data = pd.DataFrame({"herd": list("AABBCC"), "score": [1, 2, 3, 4, 5, 6], "row": range(6)})
    effects = rng.normal(0, 8, (*shape, 3))
    posterior = xr.Dataset(
        {
            "threshold": (("chain", "draw", "threshold_dim"), np.sort(rng.normal(0, 8, (*shape, 5)))),
            "1|herd": (("chain", "draw", "herd__factor_dim"), effects),
            "1|herd_sigma": (("chain", "draw"), np.ones(shape)),
        },
        coords={"chain": range(2), "draw": range(2000), "herd__factor_dim": list("ABC")},
    )
    probit = {"family": "cumulative", "link": "probit", "unit": "herd"}
    spec = make_spec("score ~ 0 + (1 | herd)", "sd", priors={"threshold": "Normal(0, 8)"}, **probit)
    _, values = predicted(spec, data, posterior, at={})
    below = stats.norm.cdf(posterior["threshold"].to_numpy()[:, :, None] - effects[..., None])
    expected = np.diff(below, prepend=0, append=1)
    np.testing.assert_allclose(values["expected"], expected, atol=1e-12)
    assert (values["expected"] < 0).any()
    np.testing.assert_array_equal(values["predicted"].sum(axis=-1), 1)
    # Beside the probabilities, whose draws they are: standardised differences.
    difference = (values["predicted"] - expected).mean((0, 1)) / np.sqrt(
        (expected * (1 - expected)).mean((0, 1)) / 4000
    )
    assert (np.abs(difference) < 4).all()
