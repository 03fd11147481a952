"""Envelopes of distribution functions of uniform numbers: against enumeration, ArviZ and their own promise."""

from itertools import product
from math import comb

import numpy as np
import pytest
from partialpool.simulation import uniform


def enumerated(n, low, high):
    """Probability that counts of n uniform numbers below each point lie between bounds, from all ways to fall."""
    edges = np.diff([0, *uniform.points(n), 1])
    total = 0.0
    for split in product(range(n + 1), repeat=len(edges)):
        below = np.cumsum(split)
        if below[-1] == n and ((low <= below[:-1]) & (below[:-1] <= high)).all():
            ways, left = 1, n
            for count in split:
                ways, left = ways * comb(left, count), left - count
            total += ways * np.prod(edges ** np.array(split))
    return total


@pytest.mark.parametrize("n", [2, 3, 4, 5])
@pytest.mark.parametrize("tail", [0.3, 0.1, 0.02])
def test_probability_inside_is_that_of_all_ways_to_fall(n, tail):
    assert uniform.probability_inside(n, tail) == pytest.approx(enumerated(n, *uniform.envelope(n, tail)), rel=1e-12)


def test_all_is_inside_an_envelope_without_tails():
    assert uniform.probability_inside(50, 0.0) == pytest.approx(1)


@pytest.mark.parametrize("n", [20, 100])
def test_envelope_has_the_pointwise_probability_of_arviz(n):
    """Säilynoja et al.'s by simulation, whose Monte Carlo error is that of a quantile of 4000 simulations."""
    from arviz_stats import ecdf_utils

    rng, simulations = np.random.default_rng(1), 4000
    inside = ecdf_utils.simulate_confidence_bands(n, 1, uniform.points(n), 0.95, simulations, rng)
    exact = uniform.probability_inside(n, (1 - inside) / 2 * (1 - 1e-9))
    assert exact == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / simulations) + lumps(n, (1 - inside) / 2))


def lumps(n, tail):
    """How much probability one step of the counts has: they are whole numbers, so not every probability is one."""
    return uniform.probability_inside(n, tail * (1 - 1e-9)) - uniform.probability_inside(n, tail * (1 + 1e-9))


@pytest.mark.parametrize("n", [20, 100, 1000])
def test_tail_of_gives_an_envelope_with_the_probability_wanted(n):
    tail = uniform.tail_of(n, 0.95)
    assert uniform.probability_inside(n, tail) >= 0.95
    assert uniform.probability_inside(n, tail * 1.02) < 0.96


def test_p_values_of_uniform_numbers_are_no_smaller_than_uniform():
    rng, repeats = np.random.default_rng(2), 400
    p = np.array([uniform.p_value(rng.random(40)) for _ in range(repeats)])
    for level in (0.05, 0.2, 0.5):
        share = (p <= level).mean()
        assert share <= level + 4 * np.sqrt(level * (1 - level) / repeats)
        assert share >= level / 2 - 4 * np.sqrt(level * (1 - level) / repeats)


def test_p_value_is_small_where_numbers_are_not_uniform():
    shares = (np.arange(200) + 0.5) / 200
    assert uniform.p_value(shares) > 0.999
    assert uniform.p_value(shares**2) < 1e-9
    assert uniform.p_value(0.5 + 0.25 * (shares - 0.5)) < 1e-9


def test_counts_are_those_not_above_each_point():
    assert uniform.counts(np.array([0.1, 0.5, 0.9, 0.95])).tolist() == [1, 2, 2]
