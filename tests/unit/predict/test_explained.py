"""R2 against its definition, by brute force: measurements of units that are drawn."""

import numpy as np
import pytest
from made_up_fits import CHAINS, DRAWS, posterior, rows
from partialpool.model.formula import complete_cases
from partialpool.predict import explained
from partialpool.predict.linear import LinearPredictor
from partialpool.predict.moments import measurements

SLOPES = {"intercept": 0.4, "x": 0.5, "sd": 0.8, "sd_x": 0.4, "cor": -0.5}


def model_of(make_spec, formula, draws, **changes):
    spec = make_spec(formula, "Intercept b sd cor sigma", **changes)
    used = complete_cases(spec, rows(spec.family))
    predictor = LinearPredictor(spec, used)
    return predictor, used, measurements(draws, spec, predictor.matrices)


def test_conditional_r2_of_a_gaussian_model_by_hand(make_spec):
    rng = np.random.default_rng(1)
    units = rows()["id"].unique()
    effects, sigma = rng.normal(size=(CHAINS, DRAWS, len(units))), rng.uniform(0.5, 2, (CHAINS, DRAWS))
    draws = posterior("identity", units=units, intercept=1.0, x=0.7, sd=1.0, effects=effects, sigma=sigma)
    predictor, used, measured = model_of(make_spec, "y ~ x + (1 | id)", draws)
    ours = explained.conditional(draws, predictor, used, measured)
    for chain, draw in np.ndindex(CHAINS, DRAWS):
        fitted = 1 + 0.7 * used["x"] + effects[chain, draw][np.repeat(np.arange(len(units)), 4)]
        assert ours[chain, draw] == pytest.approx(fitted.var() / (fitted.var() + sigma[chain, draw] ** 2))


def test_means_that_are_all_the_same_explain_nothing(make_spec):
    draws = posterior("identity", intercept=0.1, sd=1.0, sigma=0.3)
    predictor, used, measured = model_of(make_spec, "y ~ 1 + (1 | id)", draws)
    assert (explained.marginal(draws, predictor, used, measured) == 0).all()


def simulated(family, link, eta, rng):
    """Measurements, and what is expected of them, with these linear predictors."""
    mean = {"identity": lambda e: e, "log": np.exp, "logit": lambda e: 1 / (1 + np.exp(-e))}[link](eta)
    if family == "gaussian":
        return rng.normal(mean, 1.1)
    if family == "poisson":
        return rng.poisson(mean)
    if family == "negativebinomial":
        return rng.poisson(mean * rng.gamma(3.0, 1 / 3.0, mean.shape))
    return rng.binomial(1, mean)


@pytest.mark.numbers
@pytest.mark.parametrize(
    ("family", "link", "own"),
    [
        ("gaussian", "identity", {"sigma": 1.1}),
        ("poisson", "log", {}),
        ("negativebinomial", "log", {"alpha": 3.0}),
        ("bernoulli", "logit", {}),
    ],
)
def test_marginal_r2_is_that_of_new_units(make_spec, family, link, own):
    """Units with effects of their own are drawn for every row: means and variances of what they give."""
    draws = posterior(link, **SLOPES, **own)
    predictor, used, measured = model_of(make_spec, "y ~ x + (1 + x | id)", draws, family=family)
    ours = explained.marginal(draws, predictor, used, measured)
    assert np.ptp(ours) < 1e-12
    rng, x = np.random.default_rng(2), used["x"].to_numpy()
    covariance = np.array([[0.64, -0.16], [-0.16, 0.16]])
    estimates = []
    for _ in range(20):
        intercepts, slopes = rng.multivariate_normal([0.4, 0.5], covariance, (4000, len(x))).transpose(2, 0, 1)
        y = simulated(family, link, intercepts + slopes * x, rng)
        # The mean of 4000 measurements varies too.
        fitted = y.mean(axis=0).var(ddof=1) - (y.var(axis=0, ddof=1) / len(y)).mean()
        estimates.append(fitted / (fitted + y.var(axis=0, ddof=1).mean()))
    error = np.std(estimates, ddof=1) / np.sqrt(len(estimates))
    assert ours[0, 0] == pytest.approx(np.mean(estimates), abs=4.5 * error)
