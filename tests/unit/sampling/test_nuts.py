"""NUTS over a density of a few dimensions."""

from dataclasses import replace

import numpy as np
import pytest
from partialpool.sampling.mode import find_mode
from partialpool.sampling.nuts import nuts


@pytest.fixture(scope="module")
def spec(make_spec):
    return make_spec("y ~ 1", "Intercept sigma", chains=4, warmup=400, draws=1000, target_accept=0.95)


def banana(x):
    """A normal coordinate, and another one around its square."""
    return -0.5 * x[:, 0] ** 2 - 0.5 * (x[:, 1] - x[:, 0] ** 2) ** 2 / 0.5


@pytest.fixture(scope="module")
def drawn(spec):
    return nuts(banana, *find_mode(banana, np.zeros(2)), spec)


@pytest.mark.numbers
def test_means_and_spreads_are_those_of_the_density(drawn):
    from arviz_stats.base import array_stats

    x, _ = drawn
    assert x.shape == (4, 1000, 2)
    # The square of a standard normal variable has the mean 1 and the variance 2.
    for own, mean, sd in ((x[..., 0], 0, 1), (x[..., 1], 1, np.sqrt(2.5)), (x[..., 0] ** 2, 1, np.sqrt(2))):
        assert abs(own.mean() - mean) < 5 * array_stats.mcse(own, method="mean")
        assert abs(own.std(ddof=1) - sd) < 5 * array_stats.mcse(own, method="sd")


def test_statistics_are_by_draw_and_of_the_draws(drawn):
    x, stats = drawn
    assert all(values.shape == (4, 1000) for values in stats.values())
    np.testing.assert_allclose(stats["logp"], banana(x.reshape(-1, 2)).reshape(4, 1000), rtol=1e-9, atol=1e-9)
    assert {"diverging", "energy"} <= set(stats)


def test_same_seed_same_draws(drawn, spec):
    again, _ = nuts(banana, *find_mode(banana, np.zeros(2)), spec)
    assert (again == drawn[0]).all()


@pytest.mark.numbers
def test_where_a_density_ends_no_chain_begins_or_goes(spec, capfd):
    """Half of a normal density, in a corner of what is allowed."""

    def corner(x):
        return np.where((x > 0).all(axis=1), -0.5 * (x**2).sum(axis=1), -np.inf)

    x, _ = nuts(corner, np.full(2, 1e-3), np.eye(2), replace(spec, target_accept=0.8, draws=300))
    assert (x > 0).all()
    assert x.mean() == pytest.approx(np.sqrt(2 / np.pi), abs=0.1)
    assert "panic" not in "".join(capfd.readouterr())
