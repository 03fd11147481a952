"""The likelihood of the scales against dense algebra and finite differences."""

import numpy as np
import pytest
from dense import SCALES, cholesky_of
from partialpool.marginal.design import design
from partialpool.marginal.statistics import WithUnits, gather, statistics
from partialpool.model.formula import complete_cases
from scipy import stats


@pytest.mark.parametrize("scales", SCALES, ids=str)
def test_log_likelihood_is_that_of_the_multivariate_normal(dense, scales):
    cholesky = cholesky_of(dense.q, *scales)
    value, _, _ = dense.gathered.log_likelihood(0.5, cholesky)
    assert value == pytest.approx(dense.log_likelihood(0.5, cholesky), rel=1e-10)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_the_likelihood_of_many_units_is_the_sum_of_theirs(size):
    """Sixty times the same units, without common coefficients: determinants neither overflow nor vanish."""
    rng = np.random.default_rng(1)
    codes, cholesky = np.repeat(np.arange(128), 3), size * np.array([[0.5, 0.0], [0.1, 0.3]])
    z, y = np.column_stack([np.ones(384), rng.normal(size=384)]), size * rng.normal(size=(384, 1))

    def of_times(times):
        units = (codes + 128 * np.arange(times)[:, None]).ravel()
        xy = np.tile(y, (times, 1))
        inputs, rest = gather(units, 128 * times, np.tile(z, (times, 1)), xy)
        gathered = WithUnits(rest, np.empty(0), np.empty(0), np.empty((0, 0)), xy, 2, inputs)
        value, d_sigma, d_cholesky = gathered.log_likelihood(0.5 * size, cholesky)
        return np.array([value, d_sigma, *d_cholesky.ravel()])

    np.testing.assert_allclose(of_times(60), 60 * of_times(1), rtol=1e-9)


@pytest.mark.parametrize("scales", SCALES, ids=str)
def test_gradient_is_that_of_finite_differences(dense, scales):
    cholesky = cholesky_of(dense.q, *scales)
    _, d_sigma, d_cholesky = dense.gathered.log_likelihood(0.5, cholesky)

    def slope(direction, entry=None):
        # Of the dense likelihood, by Richardson extrapolation of central differences.
        def central(step):
            up, down = cholesky.copy(), cholesky.copy()
            if entry is not None:
                up[entry], down[entry] = up[entry] + step, down[entry] - step
            s = step * direction
            return (dense.log_likelihood(0.5 + s, up) - dense.log_likelihood(0.5 - s, down)) / (2 * step)

        step = 1e-3 * max(abs(cholesky[entry]), 0.5) if entry is not None else 1e-3
        return (4 * central(step / 2) - central(step)) / 3

    assert d_sigma == pytest.approx(slope(1), rel=1e-6, abs=1e-6)
    for entry in zip(*np.tril_indices(dense.q), strict=True):
        assert d_cholesky[entry] == pytest.approx(slope(0, entry), rel=1e-6, abs=1e-6)
    assert (d_cholesky[np.triu_indices(dense.q, 1)] == 0).all()


def test_without_effects_of_units(make_spec, units):
    """No pooling: a coefficient of each unit, and one scale."""
    spec = make_spec("y ~ 0 + id + x", "b sigma")
    rows = complete_cases(spec, units)
    matrices = design(spec, rows)
    gathered = statistics(matrices)
    covariance = matrices.x @ np.diag(matrices.prior_sd**2) @ matrices.x.T
    mean = matrices.x @ matrices.prior_mean

    def expected(sigma, keep=slice(None)):
        total = covariance + sigma**2 * np.eye(len(rows))
        return stats.multivariate_normal.logpdf(matrices.y[keep], mean[keep], total[keep, keep])

    for sigma in (0.05, 0.3, 20.0):
        value, slope, _ = gathered.log_likelihood(sigma, np.zeros((0, 0)))
        assert value == pytest.approx(expected(sigma), rel=1e-10)
        h = 1e-4 * sigma
        assert slope == pytest.approx((expected(sigma + h) - expected(sigma - h)) / (2 * h), rel=1e-5)
