"""Means and variances of measurements beside SciPy's distributions, and of new units beside integrals by SciPy."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.model.formula import complete_cases
from partialpool.model.matrices import evaluate
from partialpool.predict.moments import Measurements, measurements
from scipy import integrate, stats

MEAN = 0.3
SCIPY = {
    "bernoulli": ({}, stats.bernoulli(MEAN)),
    "beta": ({"kappa": 4.0}, stats.beta(MEAN * 4, (1 - MEAN) * 4)),
    "gamma": ({"alpha": 2.5}, stats.gamma(2.5, scale=MEAN / 2.5)),
    "gaussian": ({"sigma": 1.7}, stats.norm(MEAN, 1.7)),
    "negativebinomial": ({"alpha": 2.5}, stats.nbinom(2.5, 2.5 / (2.5 + MEAN))),
    "poisson": ({}, stats.poisson(MEAN)),
    "t": ({"sigma": 1.7, "nu": 4.5}, stats.t(4.5, MEAN, 1.7)),
}
LINKS = {"identity": "gaussian", "log": "negativebinomial", "logit": "bernoulli", "probit": "bernoulli"}
LINKS |= {"cloglog": "bernoulli"}


@pytest.mark.parametrize("family", SCIPY)
def test_variances_are_those_of_scipy(family):
    parameters, distribution = SCIPY[family]
    assert distribution.mean() == pytest.approx(MEAN)
    ours = Measurements(family, "identity", parameters).variance(np.array(MEAN))
    assert ours == pytest.approx(distribution.var(), rel=1e-12)


def test_share_of_successes():
    of_shares = Measurements("binomial", "logit", {"trials": np.array([5.0, 20.0])}).variance(np.full(2, MEAN))
    np.testing.assert_allclose(of_shares * [25, 400], stats.binom([5, 20], MEAN).var(), rtol=1e-12)


def test_tails_without_a_variance():
    assert (
        Measurements("t", "identity", {"sigma": 1.0, "nu": np.array([2.0, 1.5])}).variance(0).tolist() == [np.inf] * 2
    )


@pytest.mark.parametrize("sd", [0.0, 0.5, 1.5])
@pytest.mark.parametrize("link", LINKS)
def test_units_that_are_integrated_out(link, sd):
    measured = Measurements(LINKS[link], link, SCIPY[LINKS[link]][0])
    eta = np.array([[[-1.0, 0.4]]])
    mean, variance = measured.of_new_units(eta, np.array(sd**2))
    for place in range(2):

        def mean_of(function, at=eta[0, 0, place]):
            if sd == 0:
                return function(np.array(at))
            density = stats.norm(at, sd).pdf
            return integrate.quad(lambda x: density(x) * function(np.array(x)), at - 12 * sd, at + 12 * sd, limit=200)[
                0
            ]

        first = mean_of(measured.mean)
        total = mean_of(lambda x: measured.mean(x) ** 2 + measured.variance(measured.mean(x))) - first**2
        np.testing.assert_allclose(np.broadcast_to(mean, eta.shape)[0, 0, place], first, rtol=1e-5)
        np.testing.assert_allclose(np.broadcast_to(variance, eta.shape)[0, 0, place], total, rtol=1e-4)


def posterior(link, **variables):
    return xr.Dataset({name: (("chain", "draw"), values) for name, values in variables.items()}, attrs={"link": link})


def test_trials_come_from_the_rows(make_spec):
    data = pd.DataFrame({"hits": [1, 2, 3], "shots": [4, 5, 6], "id": ["a", "b", "c"], "row": range(3)})
    spec = make_spec("p(hits, shots) ~ 1 + (1 | id)", "Intercept sd", family="binomial")
    rows = complete_cases(spec, data)
    found = measurements(posterior("logit"), spec, evaluate(spec, rows))
    np.testing.assert_array_equal(found.parameters["trials"], [4, 5, 6])


@pytest.mark.parametrize(
    ("formula", "family", "link"),
    [
        ("y ~ 1 + (1 | id)", "vonmises", "tan_2"),
        ("y ~ 1 + (1 | id)", "gamma", "inverse"),
    ],
)
def test_what_is_not_known(make_spec, formula, family, link):
    spec = make_spec(formula, "Intercept sd sigma", family=family)
    assert measurements(posterior(link, sigma=np.ones((2, 3))), spec, None) is None
