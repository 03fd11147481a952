"""The unconstrained space of the scales: priors against PyMC's, and what its points stand for."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pymc as pm
import pytest
from partialpool.marginal.closed_form import design
from partialpool.marginal.sample import Posterior
from partialpool.marginal.scales import Scales, space_of
from partialpool.model.formula import complete_cases
from partialpool.model.lkj import correlation_cholesky
from partialpool.model.priors import parse_priors
from partialpool.model.variables import correlations

MODELS = [
    ("y ~ 1 + x + z + (1 + x + z | id)", {"sd": "HalfStudentT(3, 2.5)", "sigma": "Exponential(1)"}),
    ("y ~ 0 + group + (0 + mood | id)", {"sd": "HalfNormal(2)", "sigma": "Gamma(2, 1)"}),
    ("y ~ 1 + x + (1 | id) + (0 + x + z | id)", {"sd": "LogNormal(0, 1)", "sd[x]": "Uniform(0, 40)"}),
    ("y ~ 1 + x + (1 | id)", {"sd": "InverseGamma(2, 1)", "sigma": "HalfCauchy(1)"}),
    ("y ~ 1 + x + (1 + x | id) + (1 | mood)", {"sd": "Weibull(2, 1)"}),
    ("y ~ 1 + x", {}),
]


@pytest.fixture(scope="module", params=MODELS, ids=lambda model: model[0])
def matrices(request, make_spec, units):
    formula, priors = request.param
    classes = ["Intercept"] * ("~ 1" in formula) + ["b", "sigma"] + ["sd"] * ("|" in formula)
    classes += ["cor"] * (formula.count("+") > 2 or "mood |" in formula)
    spec = make_spec(formula, " ".join(classes))
    spec = replace(spec, priors=dict(spec.priors) | parse_priors(priors))
    return design(spec, complete_cases(spec, units))


def points(space, n=4):
    return np.random.default_rng(1).normal(scale=1.5, size=(n, space.dimensions))


def all_scales(space, x):
    """Sigma and all standard deviations at points x, (n, scales)."""
    scales = Scales.at(space, x)
    return np.column_stack([scales.sigma, *scales.sd])


def log_prior_by_pymc(matrices, space, x):
    """Log prior at x with the logarithms of the Jacobian determinants of what x stands for."""
    step = 1e-5 * np.eye(len(x))
    priors = [matrices.priors.family["sigma"]]
    terms = [term for factor in matrices.factors for term in factor.terms]
    priors += [matrices.priors.sd[term.name] for term in terms for _ in term.coefficients]
    values, up, down = (all_scales(space, at) for at in (x[None], x + step, x - step))
    values = values[0]
    value = 0.0
    for i, prior in enumerate(priors):
        with np.errstate(divide="ignore"):
            # Arrays: PyTensor takes some Python numbers for single precision.
            arguments = {name: np.array(argument) for name, argument in prior.args}
            value += pm.logp(getattr(pm, prior.name).dist(**arguments), values[i]).eval(mode="FAST_COMPILE")
        value += np.log((up[i, i] - down[i, i]) / 2e-5)
    start = len(values)
    for block in (block for factor in matrices.factors for block in factor.blocks):
        if not block.correlation:
            continue
        pairs = len(block.coefficients) * (len(block.coefficients) - 1) // 2
        with pm.Model() as model:
            correlation_cholesky(block.correlation, block.coefficients, matrices.priors.eta)
        # PyMC's coordinate of a Beta is the logit: tanh(x / 2) = 2 logistic(x) - 1.
        (name,) = (variable.name for variable in model.value_vars)
        value += float(model.compile_logp(mode="FAST_COMPILE")({name: x[start : start + pairs]}))
        start += pairs
    return float(value)


@pytest.mark.usefixtures("interpreted")
def test_prior_is_pymcs(matrices):
    space = space_of(matrices)
    x = points(space)
    expected = [log_prior_by_pymc(matrices, space, point) for point in x]
    # Some of PyMC's constants are in single precision.
    np.testing.assert_allclose(space.log_prior(x), expected, rtol=0, atol=1e-8)


def test_the_density_is_likelihood_times_prior(matrices):
    posterior = Posterior(matrices)
    x = points(posterior.space)
    likelihood = posterior.model.log_likelihood(Scales.at(posterior.space, x))
    np.testing.assert_allclose(posterior.log_density(x), likelihood + posterior.space.log_prior(x), rtol=1e-12)


def test_correlations_are_those_of_the_cholesky_factor(matrices):
    space = space_of(matrices)
    scales = Scales.at(space, points(space))
    for factor, sd, correlation, cholesky in zip(
        matrices.factors, scales.sd, scales.correlation, scales.cholesky, strict=True
    ):
        product = cholesky @ cholesky.transpose(0, 2, 1)
        np.testing.assert_allclose(np.sqrt(np.einsum("dii->di", product)), sd, rtol=1e-12)
        for block in factor.blocks:
            if block.correlation:
                own = slice(factor.columns[block.terms[0].name].start, factor.columns[block.terms[-1].name].stop)
                expected = product[:, own, own] / (sd[:, own, None] * sd[:, None, own])
                ours = correlations(correlation[:, own])
                for k, (i, j) in enumerate(combinations(range(expected.shape[1]), 2)):
                    np.testing.assert_allclose(ours[:, k], expected[:, i, j], rtol=1e-10, atol=1e-12)


def test_effects_of_different_bars_are_independent(make_spec, units):
    spec = make_spec("y ~ 1 + (1 | id) + (0 + x + z | id)", "Intercept sd cor sigma")
    space = space_of(design(spec, complete_cases(spec, units)))
    (cholesky,) = Scales.at(space, points(space)).cholesky
    assert (cholesky[:, 1:, 0] == 0).all()
    assert (cholesky[:, 2, 1] != 0).all()


@pytest.mark.parametrize("x", [-60.0, -10.0, 10.0, 30.0])
def test_far_away_nothing_overflows(make_spec, units, x):
    """A correlation of +-1, a scale of 0 to the last digit or of thousands of sizes: a finite density."""
    spec = make_spec("y ~ 1 + x + (1 + x | id)")
    posterior = Posterior(design(spec, complete_cases(spec, units)))
    assert np.isfinite(posterior.log_density(x * np.eye(posterior.space.dimensions)[1:])).all()
