"""Draws of the effects of units against their conditional distribution."""

import numpy as np
import pytest
from dense import Dense, cholesky_of
from partialpool.marginal.coefficients import draw_effects


@pytest.mark.parametrize("scales", [(0.7, 0.3), (1e-8, 0.9), (30.0, 0.5)], ids=str)
def test_effects_are_drawn_from_their_conditional_distribution(scales):
    dense, draws = Dense(5, (1, 6), 2, 2), 40_000
    cholesky = cholesky_of(2, *scales)
    sigma, choleskys = np.full(draws, 0.5), np.tile(cholesky, (draws, 1, 1))
    b = np.tile([0.3, -0.2], (draws, 1))
    effects = draw_effects(dense.gathered, sigma, choleskys, b, slice(None), np.random.default_rng(1), 5)
    for unit in range(5):
        own = dense.codes == unit
        z, prior = dense.z[own], cholesky @ cholesky.T
        gain = prior @ z.T @ np.linalg.inv(0.25 * np.eye(own.sum()) + z @ prior @ z.T)
        mean, covariance = gain @ (dense.y[own] - dense.x[own] @ b[0]), prior - gain @ z @ prior
        found = effects[:, unit]
        spread = np.sqrt(np.diag(covariance))
        assert (np.abs(found.mean(axis=0) - mean) < 5 * spread / np.sqrt(draws)).all()
        # The largest of three relative errors of sample (co)variances, each sqrt(2 / draws) or less.
        error = np.cov(found.T) - covariance
        assert (np.abs(error) < 5 * np.sqrt(2 / draws) * np.outer(spread, spread)).all()
