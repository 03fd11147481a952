"""Modes and curvatures of densities that are known."""

import numpy as np
import pytest
from partialpool.sampling.mode import find_mode

COVARIANCE = np.array([[4.0, 1.2, 0.0], [1.2, 0.5, -0.002], [0.0, -0.002, 1e-4]])
MEAN = np.array([5.0, -3.0, 100.0])


def normal(x):
    away = x - MEAN
    return -0.5 * np.einsum("ni,ij,nj->n", away, np.linalg.inv(COVARIANCE), away)


def inside(low, high, log_density):
    """A density on the box between the limits."""
    return lambda x: np.where(((low <= x) & (x <= high)).all(axis=1), log_density(x), -np.inf)


def test_mode_and_curvature_of_a_normal_density_far_from_the_start():
    mode, root = find_mode(normal, np.zeros(3))
    # Importance weights correct what is left: a hundredth of a nat.
    assert normal(mode[None])[0] > -0.02
    np.testing.assert_allclose(root @ root.T, COVARIANCE, rtol=1e-3, atol=1e-5)


def test_where_the_density_is_flat_the_distance_is_bounded():
    mode, root = find_mode(lambda x: -(x[:, 0] ** 2) / 2, np.ones(2))
    assert mode[0] == pytest.approx(0, abs=0.2)
    np.testing.assert_allclose(root @ root.T, [[1, 0], [0, 10]], atol=1e-3)


def test_a_density_of_one_value_everywhere_has_a_mode_anywhere():
    mode, root = find_mode(lambda x: np.zeros(len(x)), np.full(2, 7.0))
    assert (mode == 7).all()
    assert np.isfinite(root).all()


@pytest.mark.parametrize("slope", [0.5, 60.0])
def test_at_the_edge_of_what_is_allowed_the_density_is_as_wide_as_an_exponential_one(slope):
    mode, root = find_mode(inside(0.0, 50.0, lambda x: -slope * x[:, 0]), np.array([5.0]))
    assert slope * mode[0] < 0.1
    assert root[0, 0] == pytest.approx(1 / slope, rel=0.1)


def test_between_two_edges_that_are_close_the_density_is_as_narrow():
    mode, root = find_mode(inside(0.0, 0.003, lambda x: np.zeros(len(x))), np.array([0.001]))
    assert 0 <= mode[0] <= 0.003
    assert 3e-4 < root[0, 0] < 3e-2


def test_differences_are_not_those_of_rounding():
    """Values of a million have seven digits less behind the point."""
    mode, root = find_mode(lambda x: 1e7 + normal(x), np.zeros(3))
    assert normal(mode[None])[0] > -0.02
    np.testing.assert_allclose(root @ root.T, COVARIANCE, rtol=0.05, atol=1e-4)
