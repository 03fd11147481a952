"""The likelihood of the scales, and what is known of the coefficients, against dense algebra."""

import numpy as np
import pytest
from partialpool.marginal import with_effects

from marginal.dense import KINDS, SCALES, SHAPES, grouping


@pytest.fixture(scope="module", params=[(kind, *shape) for kind in KINDS for shape in SHAPES], ids=str)
def dense(request):
    return grouping(*request.param)


@pytest.fixture(params=["one by one", "together"])
def adding(request, monkeypatch):
    """How units are added up."""
    monkeypatch.setattr(with_effects, "MANY", 0 if request.param == "together" else 10**9)
    monkeypatch.setattr(with_effects, "MOST", 0)
    return request.param


@pytest.mark.parametrize("scales", SCALES, ids=str)
def test_log_likelihood_is_that_of_the_multivariate_normal(dense, scales, adding):
    scales = dense.scales(0.5, *scales, draws=3)
    expected = dense.log_likelihood(scales)
    for block in range(len(dense.factors)):
        assert dense.model(block).log_likelihood(scales) == pytest.approx([expected] * 3, rel=1e-10)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_the_likelihood_of_many_units_is_the_sum_of_theirs(size):
    """Sixty times the same units, without common coefficients: determinants neither overflow nor vanish."""
    once, often = grouping("one factor", 2, 0), grouping("one factor", 2, 0)
    factor, n = once.factors[0], once.n
    often.matrices.y = np.tile(size * once.y, 60)
    often.matrices.x = np.empty((60 * n, 0))
    codes = (factor.codes + 20 * np.arange(60)[:, None]).ravel()
    levels = [str(level) for level in range(1200)]
    often.matrices.factors = (type(factor)("g", [], np.tile(factor.z, (60, 1)), codes, levels),)
    once.matrices.y = size * once.y
    scales = once.scales(0.5 * size, 0.7 * size, 0.3)
    np.testing.assert_allclose(often.model().log_likelihood(scales), 60 * once.model().log_likelihood(scales), 1e-9)


def test_draws_do_not_depend_on_those_beside_them_nor_on_the_cores(adding):
    dense = grouping("crossed", 2, 4)
    rng = np.random.default_rng(1)
    scales = dense.scales(0.5, 0.7, 0.3, draws=100)
    scales.sigma[:] = rng.uniform(0.1, 2, 100)
    model = dense.model()
    assert any(model.together) == (adding == "together")
    everything = model.log_likelihood(scales, cores=2)
    assert (everything == model.log_likelihood(scales, cores=1)).all()
    assert (everything[37:41] == model.log_likelihood(scales.take(slice(37, 41)))).all()


@pytest.mark.parametrize("scales", [(0.7, 0.3), (1e-8, 0.9), (30.0, 0.5)], ids=str)
def test_distribution_of_the_dense_coefficients_is_that_of_dense_algebra(dense, scales, adding):
    scales, p = dense.scales(0.5, *scales), dense.p
    mean, covariance = dense.coefficients(scales)
    starts = np.cumsum([p, *(len(factor.levels) * factor.z.shape[1] for factor in dense.factors)])
    for block in range(len(dense.factors)):
        model = dense.model(block)
        ours, spread = model.dense_posterior(scales)
        others = [np.arange(*starts[i : i + 2]) for i in range(len(dense.factors)) if i != block]
        chosen = np.concatenate([np.arange(p), *others])
        # Common coefficients are origin + basis b.
        turn = np.eye(len(chosen))
        turn[:p, :p] = model.at.basis
        shift = np.concatenate([model.at.origin, np.zeros(len(chosen) - p)])
        wanted, size = covariance[np.ix_(chosen, chosen)], np.sqrt(np.diag(covariance)[chosen])
        np.testing.assert_allclose(
            (turn @ spread[0] @ turn.T) / np.outer(size, size), wanted / np.outer(size, size), 0, 1e-7
        )
        np.testing.assert_allclose((shift + turn @ ours[0]) / size, mean[chosen] / size, 1e-6, 1e-6)


def test_draws_of_the_dense_coefficients_have_that_distribution():
    dense, draws = grouping("crossed", 2, 2), 40_000
    scales = dense.scales(0.5, 0.7, 0.3, draws=draws)
    model = dense.model()
    mean, covariance = model.dense_posterior(scales.take(slice(0, 1)))
    drawn, spread = model.draw_dense(scales, np.random.default_rng(1)), np.sqrt(np.diag(covariance[0]))
    assert (np.abs(drawn.mean(axis=0) - mean[0]) < 5 * spread / np.sqrt(draws)).all()
    # Relative errors of sample (co)variances are sqrt(2 / draws) or less.
    assert (np.abs(np.cov(drawn.T) - covariance[0]) < 5 * np.sqrt(2 / draws) * np.outer(spread, spread)).all()


@pytest.mark.parametrize("kind", ["one factor", "crossed", "levels without rows"])
@pytest.mark.parametrize("scales", [(0.7, 0.3), (1e-8, 0.9), (30.0, 0.5)], ids=str)
def test_all_coefficients_are_drawn_from_their_distribution_given_the_scales(kind, scales):
    dense, draws = grouping(kind, 2, 2), 20_000
    scales = dense.scales(0.5, *scales, draws=draws)
    model = dense.model()
    b = model.draw_dense(scales, np.random.default_rng(1))
    effects = model.draw_effects(scales, b, np.random.default_rng(2), cores=2)
    parts = [effects if i == model.block else None for i in range(len(dense.factors))]
    others = iter(model.rows.factors.values())
    parts = [b[:, next(others)] if part is None else part for part in parts]
    common = model.at.coefficients(b)
    drawn = np.concatenate([common, *(part.reshape(draws, -1) for part in parts)], axis=1)
    mean, covariance = dense.coefficients(scales)
    spread = np.sqrt(np.diag(covariance))
    assert (np.abs(drawn.mean(axis=0) - mean) < 5 * spread / np.sqrt(draws) + 1e-12).all()
    error = np.cov(drawn.T) - covariance
    # Relative errors of sample (co)variances are sqrt(2 / draws) or less.
    assert (np.abs(error) < 5 * np.sqrt(2 / draws) * np.outer(spread, spread) + 1e-12).all()
