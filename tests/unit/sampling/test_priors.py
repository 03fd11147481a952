"""Priors of scales in closed form against PyMC's."""

from itertools import pairwise

import numpy as np
import pymc as pm
import pytest
from partialpool.model.priors import DISTRIBUTIONS, POSITIVE, parse
from partialpool.sampling.priors import DENSITIES, log_prior
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
    low, high = (dict(prior.args)["lower"], dict(prior.args)["upper"]) if prior.name == "Uniform" else (1e-30, 1e30)
    high = 1 if prior.name == "Beta" else high

    def density(logarithm):
        x = np.exp(logarithm)
        return x * np.exp(log_prior(prior, x))

    edges = np.linspace(np.log(max(low, 1e-30)), np.log(high), 200)
    mass = sum(integrate.quad(density, a, b)[0] for a, b in pairwise(edges))
    assert mass == pytest.approx(1, rel=1e-7)


def test_every_prior_that_a_scale_can_have_is_known():
    assert set(DENSITIES) == {*POSITIVE, "Uniform", "Beta"} == set(PRIORS)
    assert set(DENSITIES) < set(DISTRIBUTIONS)


@pytest.mark.parametrize("text", [text for texts in PRIORS.values() for text in texts])
def test_density_is_pymcs(text):
    prior = parse(text)
    distribution = getattr(pm, prior.name).dist(**{name: np.array(value) for name, value in prior.args})
    with np.errstate(divide="ignore"):
        theirs = pm.logp(distribution, np.array(SCALES)).eval(mode="FAST_COMPILE")
    ours = log_prior(prior, np.array(SCALES))
    # Differences from the value at one scale: some of PyMC's constants are in single precision.
    at = SCALES.index(0.9)
    np.testing.assert_allclose(ours - ours[at], theirs - theirs[at], rtol=1e-10, atol=1e-12)
