"""Models without group-level effects against dense algebra."""

import numpy as np
import pytest
from dense import Dense
from partialpool.marginal.scales import Scales
from partialpool.marginal.without_effects import WithoutEffects

SIGMAS = np.array([0.02, 0.5, 30.0])


@pytest.fixture(scope="module", params=[0, 1, 4])
def dense(request):
    """Rows whose only grouping factor has no effects."""
    dense = Dense([np.repeat(np.arange(8), 5)], [8], [0], request.param)
    dense.matrices.factors = ()
    return dense


def scales(sigmas):
    return Scales(np.asarray(sigmas, dtype=float), (), ())


def test_log_likelihood_is_that_of_the_multivariate_normal(dense):
    expected = [dense.log_likelihood(dense.scales(sigma, 1.0, 0.0)) for sigma in SIGMAS]
    np.testing.assert_allclose(WithoutEffects(dense.matrices).log_likelihood(scales(SIGMAS)), expected, rtol=1e-10)


@pytest.mark.parametrize("estimand", ["row", "five rows"])
def test_density_of_what_is_left_out_is_that_of_the_multivariate_normal(dense, estimand):
    subsets = np.arange(dense.n) if estimand == "row" else dense.factors[0].codes
    n_subsets = subsets.max() + 1
    ours = WithoutEffects(dense.matrices).left_out(scales(SIGMAS), subsets, slice(0, n_subsets))
    for sigma, values, residuals in zip(SIGMAS, *ours, strict=True):
        given = dense.scales(sigma, 1.0, 0.0)
        expected = [dense.log_predictive(given, np.flatnonzero(subsets == subset)) for subset in range(n_subsets)]
        np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-9)
        if estimand == "row":
            parts = [dense.predictive(given, [row]) for row in range(dense.n)]
            expected = [residual[0] / np.sqrt(variance[0, 0]) for residual, variance in parts]
            np.testing.assert_allclose(residuals, expected, rtol=1e-7, atol=1e-7)


def test_coefficients_are_drawn_from_their_distribution(dense):
    draws, sigma = 40_000, 0.5
    model = WithoutEffects(dense.matrices)
    b = model.draw_dense(scales(np.full(draws, sigma)), np.random.default_rng(1))
    drawn = model.at.origin + b @ model.at.basis.T
    mean, covariance = dense.coefficients(dense.scales(sigma, 1.0, 0.0))
    spread = np.sqrt(np.diag(covariance))
    assert (np.abs(drawn.mean(axis=0) - mean) < 5 * spread / np.sqrt(draws)).all()
    # Relative errors of sample (co)variances are sqrt(2 / draws) or less.
    error = np.atleast_2d(np.cov(drawn.T)) - covariance if dense.p else np.zeros((0, 0))
    assert (np.abs(error) < 5 * np.sqrt(2 / draws) * np.outer(spread, spread)).all()
