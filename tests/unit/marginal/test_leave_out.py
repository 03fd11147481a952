"""Densities of what is left out against dense algebra."""

import numpy as np
import pytest
from dense import KINDS, SCALES, SHAPES, grouping
from partialpool.marginal.design import GroupingFactor


@pytest.fixture(scope="module", params=[(kind, *shape) for kind in KINDS for shape in SHAPES], ids=str)
def dense(request):
    return grouping(*request.param)


def compare(dense, model, scales, subsets):
    ours, residuals = model.left_out(scales, subsets, slice(0, subsets.max() + 1))
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
    parts = [model.left_out(scales, subsets, slice(start, start + 20)) for start in (0, 20, 40)]
    assert (np.concatenate(parts, axis=2) == model.left_out(scales, subsets, slice(0, 60))).all()


def test_what_is_left_out_together_may_have_rows_of_many_levels():
    """Of a unit that is no grouping factor: it gets no effects, and all others are dense."""
    dense = grouping("crossed", 2, 2)
    unit = np.random.default_rng(1).integers(0, 7, dense.n)
    dense.factors += (GroupingFactor("unit", [], np.empty((dense.n, 0)), unit, list("abcdefg")),)
    dense.matrices.factors, dense.qs = dense.factors, [2, 2, 0]
    compare(dense, dense.model(2), dense.scales(0.5, 0.7, 0.3, draws=2), unit)
