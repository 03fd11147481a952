"""Mixtures of t distributions: their density, their draws, and their fit."""

import numpy as np
import pytest
from partialpool.sampling.mixture import Mixture, fit_mixture, moments
from scipy import stats

ROOTS = np.array([[[1.0, 0.0], [0.5, 0.3]], [[2.0, 0.0], [-1.0, 1.0]]])
MIXTURE = Mixture(np.array([0.3, 0.7]), np.array([[0.0, 0.0], [10.0, -3.0]]), ROOTS)


def test_density_is_that_of_scipy():
    x = np.random.default_rng(1).normal(scale=10, size=(50, 2))
    expected = sum(
        share * stats.multivariate_t.pdf(x, mean, root @ root.T, df=MIXTURE.nu)
        for share, mean, root in zip(MIXTURE.shares, MIXTURE.means, MIXTURE.roots, strict=True)
    )
    np.testing.assert_allclose(np.exp(MIXTURE.log_density(x)), expected, rtol=1e-10)


@pytest.mark.numbers
def test_draws_have_that_density():
    """Each coordinate of a mixture of t distributions is a mixture of t distributions."""
    draws = MIXTURE.draw(20_000, np.random.default_rng(2))
    for i, own in enumerate(draws.T):

        def below(x, i=i):
            spreads = [np.linalg.norm(root[i]) for root in MIXTURE.roots]
            return sum(
                share * stats.t.cdf(x, MIXTURE.nu, mean[i], spread)
                for share, mean, spread in zip(MIXTURE.shares, MIXTURE.means, spreads, strict=True)
            )

        assert stats.kstest(own, below).pvalue > 1e-3


@pytest.mark.numbers
def test_a_mixture_is_found_from_weighted_draws_of_another_one():
    """Its components may be found twice: what counts is the density, here by its mean distance in nats."""
    rng = np.random.default_rng(3)
    wide = Mixture(np.ones(1), np.array([[6.0, -2.0]]), 4 * np.eye(2)[None])
    x = wide.draw(20_000, rng)
    weights = np.exp(MIXTURE.log_density(x) - wide.log_density(x))
    fitted = fit_mixture(x, weights / weights.sum(), 4, rng)
    assert fitted.shares.sum() == pytest.approx(1)
    y = MIXTURE.draw(5000, rng)
    assert (MIXTURE.log_density(y) - fitted.log_density(y)).mean() < 0.01


def test_one_component_has_moments_of_the_weighted_draws():
    rng = np.random.default_rng(4)
    x, weights = rng.normal(size=(400, 3)), rng.random(400)
    mean, root = moments(x, weights / weights.sum())
    np.testing.assert_allclose(mean, np.average(x, axis=0, weights=weights))
    np.testing.assert_allclose(root @ root.T, np.cov(x.T, aweights=weights, ddof=0), rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("components", [1, 12])
def test_a_fit_to_draws_of_which_one_has_all_the_weight_can_be_drawn_from(components):
    rng = np.random.default_rng(5)
    x, weights = rng.normal(size=(60, 20)), np.zeros(60)
    weights[7] = 1
    fitted = fit_mixture(x, weights, components, rng).with_wide_component(x, weights)
    assert np.isfinite(fitted.draw(100, rng)).all()
    assert np.isfinite(fitted.log_density(x)).all()


def test_components_that_no_draw_is_close_to_are_left_out():
    """With few draws in many dimensions none may have enough of them; one is kept."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(40, 10))
    fitted = fit_mixture(x, np.full(40, 1 / 40), 12, rng)
    assert fitted.shares.sum() == pytest.approx(1)
