"""Draws from tangents of log densities, beside the densities that SciPy integrates and knows."""

import numpy as np
import pytest
from partialpool.quadrature.envelope import Envelope
from scipy import integrate, stats

DRAWS = 20_000
# Log density, its slope, and where tangents touch; "at the mode" has a tangent without any slope.
CASES = {
    "normal": (stats.norm, lambda x: -x, [-1.5, -0.5, 0.5, 1.5]),
    "at the mode": (stats.norm, lambda x: -x, [-2.0, 0.0, 1.0]),
    "skewed": (stats.gumbel_l, lambda x: 1 - np.exp(x), [-3.0, -1.0, -0.2, 0.4, 1.0]),
    "two": (stats.logistic, lambda x: -np.tanh(x / 2), [-0.3, 2.0]),
}


@pytest.fixture(params=CASES)
def density(request):
    return CASES[request.param]


def tangents(density, at):
    """An envelope of two densities that are the same but for a constant, on which nothing depends."""
    distribution, slope, _ = density
    constants = np.array([[0.0], [-900.0]])
    return Envelope(np.tile(at, (2, 1)), distribution.logpdf(at) + constants, np.tile(slope(at), (2, 1)))


def lowest(density, x):
    """The lowest tangent at x."""
    distribution, slope, at = density
    at = np.array(at)[:, None]
    return (distribution.logpdf(at) + slope(at) * (x - at)).min(axis=0)


@pytest.mark.numbers
@pytest.mark.parametrize(("own", "constant"), [(0, 0.0), (1, -900.0)])
def test_draws_have_the_distribution_of_the_lowest_tangent(density, own, constant):
    envelope = tangents(density, np.array(density[2]))
    drawn, logs = envelope.draw((np.full(DRAWS, own),), np.random.default_rng(3))
    np.testing.assert_allclose(logs - constant, lowest(density, drawn), rtol=1e-9, atol=1e-9)
    x = np.linspace(-80, 80, 400_001)
    below = integrate.cumulative_trapezoid(np.exp(lowest(density, x)), x, initial=0)
    assert stats.kstest(np.interp(drawn, x, below / below[-1]), "uniform").pvalue > 1e-3


@pytest.mark.numbers
def test_draws_that_are_kept_have_the_distribution_itself(density):
    distribution = density[0]
    rng = np.random.default_rng(4)
    drawn, logs = tangents(density, np.array(density[2])).draw((np.zeros(DRAWS, dtype=int),), rng)
    kept = drawn[np.log(rng.random(DRAWS)) < distribution.logpdf(drawn) - logs]
    assert stats.kstest(kept, distribution.cdf).pvalue > 1e-3
    # As many are kept as the area under the density is of that under the tangents.
    area, _ = integrate.quad(lambda x: np.exp(lowest(density, x))[0], -80, 80, points=[-3, -1, 0, 1, 3], limit=500)
    share = 1 / area
    assert abs(len(kept) / DRAWS - share) < 4 * np.sqrt(share * (1 - share) / DRAWS)


def test_draws_of_a_density_whose_values_are_unknown_are_unknown():
    envelope = Envelope(np.array([[-1.0, 1.0]]), np.full((1, 2), np.nan), np.full((1, 2), np.nan))
    drawn, logs = envelope.draw((np.zeros(3, dtype=int),), np.random.default_rng(1))
    assert np.isnan(drawn).all()
    assert np.isnan(logs).all()
