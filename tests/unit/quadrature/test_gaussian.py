"""Densities of Gaussian units in closed form against dense normal distributions."""

import numpy as np
import pytest
from partialpool.quadrature.gaussian import densities
from scipy.stats import multivariate_normal

CODES = np.array([0, 2, 2, 0, 2, 3, 0, 2])
DRAWS = 3


def dense(y, mean, covariance, unit):
    """Log density of some rows, (n,) bool."""
    if not unit.any():
        return 0.0
    return multivariate_normal.logpdf(y[unit], mean[unit], covariance[np.ix_(unit, unit)])


@pytest.mark.parametrize("effects", [1, 2, 3])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 30.0])
def test_units_and_rows_given_the_others_are_those_of_a_dense_normal_distribution(effects, scale):
    """One row a unit, a unit without rows, and effects much smaller and much larger than the residuals."""
    rng = np.random.default_rng(effects)
    y, z = rng.normal(size=len(CODES)), rng.normal(size=(len(CODES), effects))
    eta, sigma = rng.normal(size=(DRAWS, len(y))), rng.uniform(0.5, 2, DRAWS)
    cholesky = scale * np.tril(rng.normal(size=(DRAWS, effects, effects)))
    of_units, of_rows = densities(y, eta, sigma, z, cholesky, CODES)
    for draw in range(DRAWS):
        of_effects = z @ cholesky[draw] @ cholesky[draw].T @ z.T
        covariance = of_effects * (CODES[:, None] == CODES) + sigma[draw] ** 2 * np.eye(len(y))
        units = [dense(y, eta[draw], covariance, unit == CODES) for unit in range(4)]
        np.testing.assert_allclose(of_units[draw], units, rtol=1e-9)
        for row, unit in enumerate(CODES):
            others = (unit == CODES) & (np.arange(len(y)) != row)
            expected = units[unit] - dense(y, eta[draw], covariance, others)
            np.testing.assert_allclose(of_rows[draw, row], expected, rtol=1e-9)
