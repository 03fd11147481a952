"""The density of the scales: against PyMC's of the same model, and finite differences."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pymc as pm
import pytest
from partialpool.marginal.design import design
from partialpool.marginal.scales import Density
from partialpool.marginal.statistics import statistics
from partialpool.model.formula import complete_cases
from partialpool.model.lkj import correlation_cholesky
from partialpool.model.priors import parse_priors

MODELS = [
    ("y ~ 1 + x + z + (1 + x + z | id)", {"sd": "HalfStudentT(3, 2.5)", "sigma": "Exponential(1)"}),
    ("y ~ 0 + group + (0 + mood | id)", {"sd": "HalfNormal(2)", "sigma": "Gamma(2, 1)"}),
    ("y ~ 1 + x + (1 | id) + (0 + x + z | id)", {"sd": "LogNormal(0, 1)", "sd[x]": "Uniform(0, 40)"}),
    ("y ~ 1 + x + (1 | id)", {"sd": "InverseGamma(2, 1)", "sigma": "HalfCauchy(1)"}),
    ("y ~ 1 + x", {}),
]


@pytest.fixture(scope="module", params=MODELS, ids=lambda model: model[0])
def density(request, make_spec, units):
    formula, priors = request.param
    classes = ["Intercept"] * ("~ 1" in formula) + ["b", "sigma"] + ["sd"] * ("|" in formula)
    classes += ["cor"] * (formula.count("+") > 2 or "mood" in formula)
    spec = make_spec(formula, " ".join(classes))
    spec = replace(spec, priors=dict(spec.priors) | parse_priors(priors))
    matrices = design(spec, complete_cases(spec, units))
    return matrices, Density(matrices, statistics(matrices))


def points(density, n=4):
    return np.random.default_rng(1).normal(scale=1.5, size=(n, density.dimensions))


def log_prior_by_pymc(matrices, density, x):
    """Log prior at x with the logarithms of the Jacobian determinants of what x stands for."""
    scales, sizes = density.scales(x[None]), density.priors.sizes
    priors = [matrices.priors.family["sigma"]]
    priors += [matrices.priors.sd[term.name] for term in matrices.terms for _ in term.coefficients]
    values = np.array([scales.sigma[0], *scales.sd[0]])
    value = 0.0
    for i, prior in enumerate(priors):
        with np.errstate(divide="ignore"):
            # Arrays: PyTensor takes some Python numbers for single precision.
            arguments = {name: np.array(argument) for name, argument in prior.args}
            value += pm.logp(getattr(pm, prior.name).dist(**arguments), values[i]).eval()
        value += np.log(sizes[i]) - np.logaddexp(0, -x[i])
    start = len(values)
    for block in matrices.blocks:
        if not block.correlation:
            continue
        pairs = len(block.coefficients) * (len(block.coefficients) - 1) // 2
        with pm.Model() as model:
            correlation_cholesky(block.correlation, block.coefficients, matrices.priors.eta)
        # PyMC's coordinate of a Beta is the logit: tanh(x / 2) = 2 logistic(x) - 1.
        (name,) = (variable.name for variable in model.value_vars)
        value += float(model.compile_logp()({name: x[start : start + pairs]}))
        start += pairs
    return float(value)


def test_prior_is_pymcs(density):
    matrices, density = density
    for x in points(density):
        scales = density.scales(x[None])
        likelihood = density.gathered.log_likelihood(scales.sigma[0], scales.cholesky[0])[0]
        prior = log_prior_by_pymc(matrices, density, x)
        assert density.gradient(x)[0] == pytest.approx(likelihood + prior, rel=1e-10)


def test_gradient_is_that_of_finite_differences(density):
    _, density = density
    for x in points(density):
        for i, slope in enumerate(density.gradient(x)[1]):
            step = 1e-3 * np.eye(len(x))[i]
            at = [density.gradient(x + k * step)[0] for k in (-2, -1, 1, 2)]
            assert slope == pytest.approx((at[0] - 8 * at[1] + 8 * at[2] - at[3]) / 12e-3, rel=1e-6, abs=1e-6)


def test_correlations_are_those_of_the_cholesky_factor(density):
    matrices, density = density
    scales = density.scales(points(density))
    product = scales.cholesky @ scales.cholesky.transpose(0, 2, 1)
    np.testing.assert_allclose(np.sqrt(np.einsum("dii->di", product)), scales.sd, rtol=1e-12)
    for block in matrices.blocks:
        if block.correlation:
            own = slice(
                matrices.columns[block.terms[0].name].start,
                matrices.columns[block.terms[-1].name].stop,
            )
            sds = scales.sd[:, own]
            expected = product[:, own, own] / (sds[:, :, None] * sds[:, None])
            pairs = combinations(range(sds.shape[1]), 2)
            for k, (i, j) in enumerate(pairs):
                np.testing.assert_allclose(scales.correlations(own)[:, k], expected[:, i, j], rtol=1e-10, atol=1e-12)


def test_effects_of_different_bars_are_independent(make_spec, units):
    spec = make_spec("y ~ 1 + (1 | id) + (0 + x + z | id)", "Intercept sd cor sigma")
    matrices = design(spec, complete_cases(spec, units))
    density = Density(matrices, statistics(matrices))
    cholesky = density.scales(points(density)).cholesky
    assert (cholesky[:, 1:, 0] == 0).all()
    assert (cholesky[:, 2, 1] != 0).all()


@pytest.mark.parametrize("x", [-800.0, -30.0, 30.0, 800.0])
def test_far_away_nothing_overflows(make_spec, units, x):
    """A correlation of +-1 or a scale of 0 to the last digit: a finite density, or one that is -inf, and no nan."""
    spec = make_spec("y ~ 1 + x + (1 + x | id)")
    matrices = design(spec, complete_cases(spec, units))
    density = Density(matrices, statistics(matrices))
    for i in range(1, density.dimensions):
        value, gradient = density.gradient(x * np.eye(density.dimensions)[i])
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()


def test_the_frame_whitens(make_spec, units):
    spec = make_spec("y ~ 1 + x + (1 + x | id)")
    matrices = design(spec, complete_cases(spec, units))
    density = Density(matrices, statistics(matrices))
    mode, _ = density.frame
    assert np.abs(density.gradient(mode)[1]).max() < 1e-2
    value, slopes = density.whitened(np.zeros(density.dimensions))
    assert value == density.gradient(mode)[0]
    for i in range(density.dimensions):
        step = 1e-4 * np.eye(density.dimensions)[i]
        up, down = density.whitened(step)[0], density.whitened(-step)[0]
        assert slopes[i] == pytest.approx((up - down) / 2e-4, abs=1e-5)
        # A standard normal distribution has -1.
        assert -1.5 < (up - 2 * value + down) / 1e-8 < 0.1
