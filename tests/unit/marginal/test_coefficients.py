"""Draws of the effects of units against their conditional distribution."""

import numpy as np
import pytest
from dense import grouping


@pytest.mark.parametrize("kind", ["one factor", "crossed", "levels without rows"])
@pytest.mark.parametrize("scales", [(0.7, 0.3), (1e-8, 0.9), (30.0, 0.5)], ids=str)
def test_all_coefficients_are_drawn_from_their_distribution_given_the_scales(kind, scales):
    dense, draws = grouping(kind, 2, 2), 20_000
    scales = dense.scales(0.5, *scales, draws=draws)
    model = dense.model()
    b = model.draw_dense(scales, np.random.default_rng(1))
    effects = model.draw_effects(scales, b, np.random.default_rng(2), cores=2)
    parts = [effects if i == model.block else None for i in range(len(dense.factors))]
    others = iter(model.rows.factors)
    parts = [b[:, next(others).columns] if part is None else part for part in parts]
    common = model.at.coefficients(b)
    drawn = np.concatenate([common, *(part.reshape(draws, -1) for part in parts)], axis=1)
    mean, covariance = dense.coefficients(scales)
    spread = np.sqrt(np.diag(covariance))
    assert (np.abs(drawn.mean(axis=0) - mean) < 5 * spread / np.sqrt(draws) + 1e-12).all()
    error = np.cov(drawn.T) - covariance
    # Relative errors of sample (co)variances are sqrt(2 / draws) or less.
    assert (np.abs(error) < 5 * np.sqrt(2 / draws) * np.outer(spread, spread) + 1e-12).all()
