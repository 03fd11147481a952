"""The log density of the scales as nutpie samples it: a C function, compiled once for all models.

nutpie's public interface, ``compiled_pyfunc.from_pyfunc``, calls Python for each evaluation: this takes three times as
long, and chains wait for each other. Models that nutpie makes from PyMC are called as C functions instead; such a model
is built here from parts that nutpie does not document (``CompiledPyMCModel``, and the signatures below). This is the
only file that uses them, and ``test_native.py`` fails if a release changes them.
"""

import numpy as np
from numba import carray, cfunc, types

from partialpool.marginal.batched import inner
from partialpool.marginal.density import (
    PlainData,
    ScalePriors,
    UnitsData,
    density_with_units,
    density_without_units,
)

NUMBERS = types.CPointer(types.float64)
_DENSITY = types.int64(types.uint64, NUMBERS, NUMBERS, NUMBERS, types.voidptr)
_EXPAND = types.int64(types.uint64, types.uint64, NUMBERS, NUMBERS, types.voidptr)
# What nutpie takes for a point where the density is not finite, and the trajectory ends.
NOT_FINITE = 4


def packed(*arrays: np.ndarray) -> np.ndarray:
    """Arrays one after the other, as elements of 8 bytes, since a C function is given one address.

    In front are the number of all elements, and of each array its place and up to three lengths.
    """
    arrays = [np.asarray(array, dtype=np.int64 if array.dtype.kind == "i" else np.float64) for array in arrays]
    ends = np.cumsum([1 + 4 * len(arrays), *(array.size for array in arrays)])
    lengths = [[*array.shape, 1, 1, 1][:3] for array in arrays]
    head = np.array([ends[-1], *np.column_stack([ends[:-1], lengths]).ravel()])
    return np.concatenate([piece.ravel().view(np.int64) for piece in (head, *arrays)])


@inner
def _vector(elements, places, which):
    start = places[1 + 4 * which]
    return elements[start : start + places[2 + 4 * which]]


@inner
def _matrix(elements, places, which):
    start, rows, columns = places[1 + 4 * which], places[2 + 4 * which], places[3 + 4 * which]
    return elements[start : start + rows * columns].reshape(rows, columns)


@inner
def _cube(elements, places, which):
    start, n, rows, columns = places[1 + 4 * which : 5 + 4 * which]
    return elements[start : start + n * rows * columns].reshape(n, rows, columns)


@inner
def _priors(ints, floats):
    return ScalePriors(
        _vector(ints, ints, 2),
        _matrix(floats, ints, 3),
        _vector(floats, ints, 4),
        _matrix(ints, ints, 5),
        _matrix(floats, ints, 6),
    )


@inner
def _answer(density, slopes, value, gradient):
    """Fill in what nutpie reads, and say whether all of it is finite."""
    value[0] = density
    finite = np.isfinite(density)
    for i in range(slopes.size):
        gradient[i] = slopes[i]
        finite = finite and np.isfinite(slopes[i])
    return 0 if finite else NOT_FINITE


@cfunc(_DENSITY, cache=True, error_model="numpy")
def with_units(dimensions, z, gradient, value, data):
    """``density.density_with_units``; ``data`` is the address of ``packed`` arguments."""
    count = carray(data, (1,), np.int64)[0]
    ints, floats = carray(data, (count,), np.int64), carray(data, (count,), np.float64)
    arguments = UnitsData(
        _matrix(ints, ints, 7),
        _vector(ints, ints, 8),
        _cube(floats, ints, 9),
        _matrix(floats, ints, 10),
        _vector(floats, ints, 11),
    )
    frame = _vector(floats, ints, 0), _matrix(floats, ints, 1)
    density, slopes = density_with_units(carray(z, (dimensions,)), *frame, _priors(ints, floats), arguments)
    return _answer(density, slopes, value, gradient)


@cfunc(_DENSITY, cache=True, error_model="numpy")
def without_units(dimensions, z, gradient, value, data):
    """``density.density_without_units``; ``data`` is the address of ``packed`` arguments."""
    count = carray(data, (1,), np.int64)[0]
    ints, floats = carray(data, (count,), np.int64), carray(data, (count,), np.float64)
    arguments = PlainData(_matrix(floats, ints, 7), _vector(floats, ints, 8), _vector(ints, ints, 9)[0])
    frame = _vector(floats, ints, 0), _matrix(floats, ints, 1)
    density, slopes = density_without_units(carray(z, (dimensions,)), *frame, _priors(ints, floats), arguments)
    return _answer(density, slopes, value, gradient)


@cfunc(_EXPAND, cache=True)
def same(dimensions, expanded, z, out, data):
    """What nutpie keeps of a draw: z itself."""
    for i in range(dimensions):
        out[i] = z[i]
    return 0


def target(density):
    """A density (``scales.Density``) as a model of nutpie, over z (``Density.whitened``)."""
    from nutpie.compile_pymc import CompiledPyMCModel

    d, gathered = density.dimensions, density.gathered
    arguments = [np.atleast_1d(value) for value in gathered.data]
    return CompiledPyMCModel(
        _n_dim=d,
        dims={},
        _coords={},
        _shapes={"z": (d,)},
        compiled_logp_func=with_units if gathered.q else without_units,
        compiled_expand_func=same,
        # Two standard deviations to each side of the mode, roughly.
        initial_point_func=lambda seed: np.random.default_rng(seed).uniform(-2, 2, d),
        shared_data={},
        shared_var_keys={},
        user_data=packed(*density.frame, *density.priors, *arguments),
        n_expanded=d,
        shape_info=(["z"], [slice(0, d)], [(d,)]),
        logp_func=None,
        expand_func=None,
        reparameterized_names=None,
    )
