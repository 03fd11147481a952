from itertools import combinations

import numpy as np
import pytest
import xarray as xr
from partialpool.model.names import Term
from partialpool.model.population import (
    cholesky_of_correlations,
    correlation_matrices,
    population,
    population_of,
)
from scipy import stats

DRAWS = (2, 5)


def correlations(q, seed=1):
    """Random correlation matrices, (2, 5, q, q)."""
    vectors = np.random.default_rng(seed).normal(size=(*DRAWS, q, q + 1))
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors @ np.swapaxes(vectors, -1, -2)


def posterior_of(coefficients, sds, matrices, reverse=False):
    """A posterior with a correlation of numeric effects ``Intercept`` and others, and one of another bar."""
    pairs = list(combinations(range(len(coefficients)), 2))
    variables = {
        f"{'1' if name == 'Intercept' else name}|id_sigma": (("chain", "draw"), sds[..., i])
        for i, name in enumerate(coefficients)
    }
    if reverse:
        variables = dict(reversed(variables.items()))
    values = np.stack([matrices[..., i, j] for i, j in pairs], axis=-1)
    variables["cor_id"] = (("chain", "draw", "cor_id_dim"), values)
    return xr.Dataset(variables, {"cor_id_dim": [f"{coefficients[i]},{coefficients[j]}" for i, j in pairs]})


@pytest.mark.parametrize("q", [1, 2, 3, 5])
def test_cholesky_is_that_of_lapack(q):
    matrices = correlations(q)
    cholesky, _ = cholesky_of_correlations(matrices)
    np.testing.assert_allclose(cholesky, np.linalg.cholesky(matrices), rtol=1e-9, atol=1e-12)


def test_partial_correlations_are_those_of_residuals():
    matrices = correlations(3)
    _, partial = cholesky_of_correlations(matrices)
    r = np.moveaxis(matrices, (-2, -1), (0, 1))
    expected = (r[1, 2] - r[0, 1] * r[0, 2]) / np.sqrt((1 - r[0, 1] ** 2) * (1 - r[0, 2] ** 2))
    np.testing.assert_allclose(partial[..., 2, 1], expected, rtol=1e-9)
    np.testing.assert_array_equal(partial[..., 1, 0], r[0, 1])
    np.testing.assert_array_equal(partial[..., 2, 0], r[0, 2])
    assert (np.triu(partial) == 0).all()


@pytest.mark.parametrize("correlation", [-1.0, -0.999999, 0.0, 0.3, 1.0])
def test_a_correlation_may_be_one(correlation):
    matrix = np.array([[1, correlation], [correlation, 1]])
    cholesky, partial = cholesky_of_correlations(matrix)
    np.testing.assert_allclose(cholesky @ cholesky.T, matrix, rtol=1e-12, atol=1e-12)
    assert partial[1, 0] == correlation


def test_all_effects_may_be_the_same():
    cholesky, partial = cholesky_of_correlations(np.ones((3, 3)))
    np.testing.assert_array_equal(cholesky, [[1, 0, 0], [1, 0, 0], [1, 0, 0]])
    assert np.isfinite(partial).all()


def test_matrices_from_pairs():
    np.testing.assert_array_equal(
        correlation_matrices(np.array([0.1, 0.2, 0.3]), 3), [[1, 0.1, 0.2], [0.1, 1, 0.3], [0.2, 0.3, 1]]
    )


@pytest.mark.parametrize("reverse", [False, True])
def test_the_covariance_is_in_the_order_of_the_terms_asked_for(reverse):
    coefficients, matrices = ["Intercept", "x", "z"], correlations(3)
    sds = stats.expon.rvs(size=(*DRAWS, 3), random_state=1)
    posterior = posterior_of(coefficients, sds, matrices, reverse)
    order = [2, 0, 1]
    terms = [Term("z", "id"), Term("1", "id"), Term("x", "id")]
    of_units = population(posterior, terms)
    expected = (sds[..., :, None] * matrices * sds[..., None, :])[..., order, :][..., order]
    np.testing.assert_allclose(of_units.cholesky @ np.swapaxes(of_units.cholesky, -1, -2), expected, rtol=1e-9)
    assert of_units.columns == (slice(0, 1), slice(1, 2), slice(2, 3))
    assert len(population_of(posterior, "id").terms) == 3


def test_effects_of_different_bars_are_independent():
    matrices = correlations(2)
    sds = np.ones((*DRAWS, 2))
    posterior = posterior_of(["Intercept", "x"], sds, matrices)
    other = posterior_of(["g[B]", "g[C]"], sds, correlations(2, seed=2))
    levels = (("chain", "draw", "g__expr_dim"), 2 * np.ones((*DRAWS, 2)))
    posterior = posterior.assign({"g|id_sigma": levels}).assign_coords(g__expr_dim=["B", "C"])
    renamed = other[["cor_id"]].rename({"cor_id": "cor_id_", "cor_id_dim": "cor_id__dim"})
    of_units = population_of(posterior.merge(renamed), "id")
    assert [term.name for term in of_units.terms] == ["1|id", "x|id", "g|id"]
    assert of_units.columns[2] == slice(2, 4)
    np.testing.assert_array_equal(of_units.sd[..., 2:], 2)
    np.testing.assert_allclose(of_units.correlation[..., :2, :2], matrices, rtol=1e-15)
    np.testing.assert_array_equal(of_units.correlation[..., :2, 2:], 0)
    np.testing.assert_array_equal(of_units.correlation[..., 2, 3], other["cor_id"][..., 0])


def test_each_grouping_factor_has_a_population_of_its_own():
    """Factors whose effects have the same names, one of them nested in the other, and another with one effect."""
    parts, expected = [], {}
    for seed, grouping in enumerate(["site", "site:id", "id"]):
        matrices = correlations(2, seed=seed)
        sds = stats.expon.rvs(size=(*DRAWS, 2), random_state=seed)
        part = posterior_of(["Intercept", "x"], sds, matrices)
        if grouping == "id":
            part, sds, matrices = part[["1|id_sigma"]], sds[..., :1], matrices[..., :1, :1]
        spelled = {name: name.replace("id", grouping) for name in [*part.data_vars, *part.dims] if "id" in name}
        parts.append(part.rename(spelled))
        expected[grouping] = sds[..., :, None] * matrices * sds[..., None, :]
    posterior = xr.merge(parts)
    for grouping, covariance in expected.items():
        cholesky = population_of(posterior, grouping).cholesky
        np.testing.assert_allclose(cholesky @ np.swapaxes(cholesky, -1, -2), covariance, rtol=1e-9, atol=1e-12)
