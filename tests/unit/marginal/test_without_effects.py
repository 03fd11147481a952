"""Models without group-level effects against dense algebra."""

import numpy as np
import pytest
from partialpool.marginal.scales import Scales
from partialpool.marginal.without_effects import WithoutEffects

from marginal.dense import Dense

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
