"""The log density of the scales as nutpie samples it: a C function, compiled once for all models.

nutpie's public interface, ``compiled_pyfunc.from_pyfunc``, calls Python for each evaluation: this takes three times as
long, and chains wait for each other. Models that nutpie makes from PyMC are called as C functions instead; such a model
is built here from parts that nutpie does not document (``CompiledPyMCModel``, and the signatures below). This is the
only file that uses them, and ``test_native.py`` fails if a release changes them.
"""

import ctypes
from functools import cache

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
from partialpool.marginal.once import one_process_at_a_time

NUMBERS = types.CPointer(types.float64)
_POINTER = ctypes.POINTER(ctypes.c_double)
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


def _with_units(dimensions, z, gradient, value, data):
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


def _without_units(dimensions, z, gradient, value, data):
    """``density.density_without_units``; ``data`` is the address of ``packed`` arguments."""
    count = carray(data, (1,), np.int64)[0]
    ints, floats = carray(data, (count,), np.int64), carray(data, (count,), np.float64)
    arguments = PlainData(_matrix(floats, ints, 7), _vector(floats, ints, 8), _vector(ints, ints, 9)[0])
    frame = _vector(floats, ints, 0), _matrix(floats, ints, 1)
    density, slopes = density_without_units(carray(z, (dimensions,)), *frame, _priors(ints, floats), arguments)
    return _answer(density, slopes, value, gradient)


def _same(dimensions, expanded, z, out, data):
    """What nutpie keeps of a draw: z itself."""
    for i in range(dimensions):
        out[i] = z[i]
    return 0


@cache
def _c_function(function, signature):
    """A function compiled, when a model first needs it."""
    with one_process_at_a_time():
        return cfunc(signature, cache=True, error_model="numpy")(function)


class NativeDensity:
    """Log density of the scales at mode + root z, and its gradient with respect to z, as a C function and its data.

    Parameters
    ----------
    frame
        ``mode`` (d,) and ``root`` (d, d).
    priors : ScalePriors
    gathered
        ``statistics.WithUnits`` or ``WithoutUnits``.
    """

    def __init__(self, frame, priors, gathered):
        self.dimensions = len(frame[0])
        self.function = _c_function(_with_units if gathered.q else _without_units, _DENSITY)
        # The C function has its address: it must not outlive this object.
        self.data = packed(*frame, *priors, *(np.atleast_1d(value) for value in gathered.data))

    def __call__(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient (d,) at z (d,)."""
        z = np.ascontiguousarray(z, dtype=float)
        gradient, value = np.empty(self.dimensions), np.empty(1)
        addresses = [array.ctypes.data_as(_POINTER) for array in (z, gradient, value)]
        self.function.ctypes(self.dimensions, *addresses, self.data.ctypes.data)
        return value[0], gradient

    def for_nutpie(self):
        """The density as a model of nutpie."""
        from nutpie.compile_pymc import CompiledPyMCModel

        d = self.dimensions
        return CompiledPyMCModel(
            _n_dim=d,
            dims={},
            _coords={},
            _shapes={"z": (d,)},
            compiled_logp_func=self.function,
            compiled_expand_func=_c_function(_same, _EXPAND),
            # Two standard deviations to each side of the mode, roughly.
            initial_point_func=lambda seed: np.random.default_rng(seed).uniform(-2, 2, d),
            shared_data={},
            shared_var_keys={},
            user_data=self.data,
            n_expanded=d,
            shape_info=(["z"], [slice(0, d)], [(d,)]),
            logp_func=None,
            expand_func=None,
            reparameterized_names=None,
        )
