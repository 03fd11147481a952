"""Independent draws, where the density is known."""

import numpy as np
import pytest
from partialpool.marginal import independent
from partialpool.marginal.mode import find_mode


def test_an_evidence_from_weights_that_cannot_be_trusted_has_no_monte_carlo_error():
    """Cauchy densities have longer tails than any proposal."""

    def cauchy(x):
        return -np.log(np.pi * (1 + x**2)).sum(axis=1)

    drawn = independent.sample(
        cauchy, *find_mode(cauchy, np.zeros((1, 12))), chains=2, draws=200, rng=np.random.default_rng(1)
    )
    assert not drawn.trusted
    assert np.isnan(drawn.mcse)


def test_the_evidence_of_a_normal_density_is_within_its_error():
    def normal(x):
        return 3.0 - (x**2).sum(axis=1) / 2

    drawn = independent.sample(
        normal, *find_mode(normal, np.zeros((1, 3))), chains=4, draws=500, rng=np.random.default_rng(2)
    )
    assert drawn.trusted
    assert drawn.mcse < 0.02
    assert drawn.log_evidence == pytest.approx(3 + 1.5 * np.log(2 * np.pi), abs=4 * drawn.mcse)
