"""Canaries: what nutpie does not document, and the marginal engine needs."""

import ctypes

import numpy as np
import pytest
from partialpool.fit.fit import settled
from partialpool.marginal import native
from partialpool.marginal.design import design
from partialpool.marginal.sample import sample_scales
from partialpool.marginal.scales import Density
from partialpool.marginal.statistics import statistics
from partialpool.model.formula import complete_cases


@pytest.fixture(params=["y ~ 1 + x + (1 + x | id)", "y ~ 1 + x"])
def density(request, make_spec, units):
    spec = make_spec(request.param, "Intercept b sigma" + " sd cor" * ("|" in request.param))
    matrices = design(spec, complete_cases(spec, units))
    return settled(spec, "marginal"), Density(matrices, statistics(matrices))


def called(density, z):
    """Value and gradient of the C function that nutpie calls, and what it returns."""
    model = density.native.for_nutpie()
    gradient, value = np.zeros(len(z)), np.zeros(1)
    pointers = [array.ctypes.data_as(ctypes.POINTER(ctypes.c_double)) for array in (z, gradient, value)]
    code = model.compiled_logp_func.ctypes(len(z), *pointers, model.user_data.ctypes.data)
    return code, value[0], gradient


def test_the_c_function_is_the_density(density):
    _, density = density
    for z in np.random.default_rng(1).normal(size=(3, density.dimensions)):
        code, value, gradient = called(density, z)
        mode, root = density.frame
        expected, slopes = density.gradient(mode + root @ z)
        assert code == 0
        np.testing.assert_allclose([value, *gradient], [expected, *(root.T @ slopes)], rtol=1e-11, atol=1e-11)


def test_a_density_that_is_not_finite_has_a_code(density):
    _, density = density
    code, _, _ = called(density, np.full(density.dimensions, np.nan))
    assert code == native.NOT_FINITE


def test_nutpie_samples_it(density):
    """If a release of nutpie builds or calls its compiled models another way, this is where it shows."""
    spec, density = density
    x, stats = sample_scales(density, spec, cores=1)
    assert x.shape == (spec.chains, spec.draws, density.dimensions)
    logp = [density.gradient(point)[0] for point in x[0]]
    ours, theirs = np.array(logp), stats["logp"].to_numpy()[0]
    np.testing.assert_allclose(theirs, ours, rtol=1e-9)


def test_arrays_are_packed_in_elements_of_eight_bytes():
    elements = native.packed(np.array([1.5, 2.5]), np.array([[1, 2, 3]]), np.empty((0, 4, 2)))
    assert elements[0] == len(elements) == 1 + 3 * 4 + 2 + 3
    assert elements[1:13].tolist() == [13, 2, 1, 1, 15, 1, 3, 1, 18, 0, 4, 2]
    assert elements[13:15].view(float).tolist() == [1.5, 2.5]
    assert elements[15:].tolist() == [1, 2, 3]
