"""Densities of what is left out against dense algebra."""

import numpy as np
import pytest
from marginal.dense import KINDS, SCALES, SHAPES, Dense, grouping
from partialpool.loo.leave_out import left_out
from partialpool.marginal.scales import Scales
from partialpool.marginal.without_effects import WithoutEffects
from partialpool.model.design import GroupingFactor

# The others, with more factors and levels, wait for CI.
QUICK = [("one factor", 1, 0), ("one factor", 2, 1), ("crossed", 2, 1)]
CASES = [(kind, *shape) for kind in KINDS for shape in SHAPES]


@pytest.fixture(
    scope="module",
    params=[case if case in QUICK else pytest.param(case, marks=pytest.mark.slow) for case in CASES],
    ids=str,
)
def dense(request):
    return grouping(*request.param)


def compare(dense, model, scales, subsets):
    ours, residuals = left_out(model, scales, subsets, slice(0, subsets.max() + 1))
    assert ours.shape == (len(scales.sigma), subsets.max() + 1)
    for subset in range(subsets.max() + 1):
        expected = dense.log_predictive(scales, np.flatnonzero(subsets == subset))
        # With three factors whose sds are sixty times sigma, dense algebra itself is 5e-9 off.
        error = 1e-9 if len(dense.factors) < 3 else 1e-8
        assert ours[:, subset] == pytest.approx([expected] * len(ours), rel=1e-9, abs=error)
        inside = np.flatnonzero(subsets == subset)
        if len(inside) == 1:
            residual, variance = dense.predictive(scales, inside)
            expected = residual[0] / np.sqrt(variance[0, 0])
            assert residuals[:, subset] == pytest.approx([expected] * len(ours), rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("scales", SCALES, ids=str)
def test_density_of_what_is_left_out_is_that_of_the_multivariate_normal(dense, scales):
    scales = dense.scales(0.5, *scales, draws=2)
    for block, factor in enumerate(dense.factors):
        model = dense.model(block)
        compare(dense, model, scales, np.arange(dense.n))
        compare(dense, model, scales, np.unique(factor.codes, return_inverse=True)[1])


def test_some_subsets_at_a_time_are_the_same():
    dense = grouping("crossed", 2, 2)
    scales, subsets, model = dense.scales(0.5, 0.7, 0.3, draws=2), np.arange(dense.n), dense.model()
    parts = [left_out(model, scales, subsets, slice(start, start + 20)) for start in (0, 20, 40)]
    assert (np.concatenate(parts, axis=2) == left_out(model, scales, subsets, slice(0, 60))).all()


def test_what_is_left_out_together_may_have_rows_of_many_levels():
    """Of a unit that is no grouping factor: it gets no effects, and all others are dense."""
    dense = grouping("crossed", 2, 2)
    unit = np.random.default_rng(1).integers(0, 7, dense.n)
    dense.factors += (GroupingFactor("unit", [], np.empty((dense.n, 0)), unit, list("abcdefg")),)
    dense.matrices.factors, dense.qs = dense.factors, [2, 2, 0]
    compare(dense, dense.model(2), dense.scales(0.5, 0.7, 0.3, draws=2), unit)


@pytest.mark.parametrize("p", [0, 1, 4])
@pytest.mark.parametrize("estimand", ["row", "five rows"])
def test_without_effects_it_is_that_of_the_multivariate_normal_too(p, estimand):
    """Of rows whose only grouping factor has no effects."""
    dense = Dense([np.repeat(np.arange(8), 5)], [8], [0], p)
    subsets = np.arange(dense.n) if estimand == "row" else dense.factors[0].codes
    dense.matrices.factors = ()
    sigmas, n_subsets = np.array([0.02, 0.5, 30.0]), subsets.max() + 1
    ours = left_out(WithoutEffects(dense.matrices), Scales(sigmas, (), ()), subsets, slice(0, n_subsets))
    for sigma, values, residuals in zip(sigmas, *ours, strict=True):
        given = dense.scales(sigma, 1.0, 0.0)
        expected = [dense.log_predictive(given, np.flatnonzero(subsets == subset)) for subset in range(n_subsets)]
        np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-9)
        if estimand == "row":
            parts = [dense.predictive(given, [row]) for row in range(dense.n)]
            expected = [residual[0] / np.sqrt(variance[0, 0]) for residual, variance in parts]
            np.testing.assert_allclose(residuals, expected, rtol=1e-7, atol=1e-7)
