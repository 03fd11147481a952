"""Data against replicated data."""

import numpy as np
import pytest
from partialpool.figures.predictive import posterior_predictive

from figures.drawing import LABELS, draw, texts


def test_posterior_predictive_of_measurements(rng):
    observed, replicated = rng.normal(0.2, 0.07, 80), rng.normal(0.2, 0.07, (200, 80))
    figure = posterior_predictive(observed, replicated, labels=LABELS)
    drawn, [[theirs, ours], [_, marks]] = draw(figure)
    assert theirs["group"].nunique() == 50
    assert ours["group"].nunique() == 1
    assert np.trapezoid(ours["y"], ours["x"]) == pytest.approx(1, abs=1e-2)
    centered = observed - observed.mean()
    skewness = (centered**3).mean() / observed.std() ** 3
    expected = [observed.std(), skewness, observed.min(), observed.max()]
    np.testing.assert_allclose(marks["xintercept"], expected)
    p = np.mean(replicated.max(axis=1) >= observed.max())
    assert f"Maximum, p = {p:.2f}" in texts(drawn)


def test_posterior_predictive_of_few_whole_numbers_are_shares(rng):
    observed, replicated = rng.integers(0, 2, 60), rng.integers(0, 2, (100, 60))
    figure = posterior_predictive(observed, replicated, labels={})
    drawn, [[bars, intervals], _] = draw(figure)
    assert bars["y"].tolist() == pytest.approx([1 - observed.mean(), observed.mean()])
    shares = replicated.mean(axis=1)
    assert intervals["y"].tolist() == pytest.approx([1 - shares.mean(), shares.mean()])
    assert intervals["ymax"][1] == pytest.approx(np.quantile(shares, 0.975))
    assert not any(text.startswith("Minimum") for text in texts(drawn))


def test_levels_have_their_names_on_the_axis(rng):
    observed, replicated = rng.integers(0, 3, 60), rng.integers(0, 3, (100, 60))
    figure = posterior_predictive(observed, replicated, labels=LABELS, levels=["low", "middle", "high"])
    drawn, [[bars, _], _] = draw(figure)
    assert bars["y"].tolist() == pytest.approx([(observed == level).mean() for level in range(3)])
    assert {"low", "middle", "high"} <= set(texts(drawn))
