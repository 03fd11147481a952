"""Inverse links beside Bambi's, and probabilities of levels beside differences of a distribution function."""

import numpy as np
import pytest
from bambi.families.link import Link
from partialpool.predict.means import INVERSE_LINKS, level_probabilities, mean
from scipy import stats


@pytest.mark.parametrize("link", INVERSE_LINKS)
def test_inverse_links_are_those_of_bambi(link):
    eta = np.linspace(0.05, 3, 40)
    np.testing.assert_allclose(mean(eta, link), Link(link).linkinv(eta), rtol=1e-10)


def test_probabilities_of_levels():
    rng = np.random.default_rng(1)
    eta, thresholds = rng.normal(size=(2, 3, 5)), np.sort(rng.normal(size=(2, 3, 4)))
    probabilities = level_probabilities(eta, thresholds, "probit")
    assert probabilities.shape == (2, 3, 5, 5)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1)
    # The second level is what a normal variable around eta has between the first two thresholds.
    between = stats.norm(eta).cdf(thresholds[..., 1, None]) - stats.norm(eta).cdf(thresholds[..., 0, None])
    np.testing.assert_allclose(probabilities[..., 1], between)
