"""Priors of scales in closed form against PyMC's, and against finite differences."""

from itertools import pairwise

import numpy as np
import pymc as pm
import pytest
from numba import njit
from partialpool.marginal.priors import FAMILIES, coded, log_prior
from partialpool.model.priors import DISTRIBUTIONS, POSITIVE, parse
from scipy import integrate

PRIORS = {
    "Exponential": ["Exponential(0.7)", "Exponential(20)"],
    "HalfNormal": ["HalfNormal(0.3)", "HalfNormal(5)"],
    "HalfStudentT": ["HalfStudentT(3, 2.5)", "HalfStudentT(0.5, 0.1)"],
    "HalfCauchy": ["HalfCauchy(2)", "HalfCauchy(0.1)"],
    "Gamma": ["Gamma(2, 0.5)", "Gamma(0.5, 3)"],
    "InverseGamma": ["InverseGamma(2, 0.5)", "InverseGamma(0.5, 3)"],
    "LogNormal": ["LogNormal(-1, 0.5)", "LogNormal(2, 3)"],
    "Weibull": ["Weibull(2, 0.5)", "Weibull(0.7, 3)"],
    "Uniform": ["Uniform(0, 5)", "Uniform(0.5, 30)"],
    "Beta": ["Beta(2, 3)", "Beta(0.5, 0.5)"],
}
SCALES = [1e-6, 0.01, 0.4, 0.9, 1.7, 25.0]


@pytest.mark.parametrize("text", [text for texts in PRIORS.values() for text in texts])
def test_densities_integrate_to_one(text):
    prior = parse(text)
    family, parameters = coded(prior)
    low, high = (dict(prior.args)["lower"], dict(prior.args)["upper"]) if prior.name == "Uniform" else (1e-30, 1e30)
    high = 1 if prior.name == "Beta" else high

    def density(logarithm):
        x = np.exp(logarithm)
        return x * np.exp(evaluate(family, np.array(parameters), x)[0])

    steps = np.log(max(low, 1e-30)), np.log(high)
    edges = np.linspace(*steps, 200)
    mass = sum(integrate.quad(density, a, b)[0] for a, b in pairwise(edges))
    assert mass == pytest.approx(1, rel=1e-7)


@njit
def evaluate(family, parameters, x):
    return log_prior(family, parameters[0], parameters[1], parameters[2], x)


def test_every_prior_that_a_scale_can_have_is_known():
    assert set(FAMILIES) == {*POSITIVE, "Uniform", "Beta"} == set(PRIORS)
    assert set(FAMILIES) < set(DISTRIBUTIONS)


@pytest.mark.parametrize("text", [text for texts in PRIORS.values() for text in texts])
def test_density_is_pymcs_and_its_derivative_that_of_finite_differences(text):
    prior = parse(text)
    family, parameters = coded(prior)
    parameters = np.array(parameters)
    distribution = getattr(pm, prior.name).dist(**{name: np.array(value) for name, value in prior.args})
    with np.errstate(divide="ignore"):
        theirs = pm.logp(distribution, np.array(SCALES)).eval()
    # Differences from the value at one scale: some of PyMC's constants are in single precision.
    theirs -= theirs[SCALES.index(0.9)]
    ours = evaluate(family, parameters, 0.9)[0]
    for x, expected in zip(SCALES, theirs, strict=True):
        value, slope = evaluate(family, parameters, x)
        assert value - ours == pytest.approx(expected, rel=1e-10, abs=1e-12)
        if np.isfinite(expected):
            step = 1e-4 * x
            at = [evaluate(family, parameters, x + k * step)[0] for k in (-2, -1, 1, 2)]
            if np.isfinite(at).all():
                # Of fourth order.
                difference = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * step)
                assert slope == pytest.approx(difference, rel=1e-7, abs=1e-7 / x)
        else:
            assert slope == 0
