"""Small linear algebra for many draws at a time.

An array (q, q, lanes) holds a small matrix for each of several draws of the scales, and (vectors, q, lanes) some
vectors, the columns of a matrix. The loop over lanes is innermost, so that a processor works on several draws with one
instruction. A trailing underscore means: in place.
"""

from functools import wraps

import numpy as np
from numba import njit

from partialpool.marginal.once import one_process_at_a_time

# Draws that are worked on together, at most.
LANES = 256
# Called by compiled functions only: without an entry for Python there is less to compile.
inner = njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
# Called in the innermost loops, where a call would take longer than what it does.
inlined = njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True)


def compiled(function):
    """A function in machine code, which is made when it is first called, by one process at a time."""
    fast = njit(cache=True, nogil=True, error_model="numpy")(function)

    @wraps(function)
    def call(*arguments):
        if fast.signatures:
            return fast(*arguments)
        with one_process_at_a_time():
            return fast(*arguments)

    return call


def lanes_for(columns: int) -> int:
    """Draws that are worked on together: few enough that (columns, columns, lanes) stays in a processor's cache."""
    return int(np.clip(10**5 // columns**2, 8, LANES))


def lanes_last(values: np.ndarray) -> np.ndarray:
    """An array (draws, ...) as (..., lanes)."""
    return np.ascontiguousarray(np.moveaxis(values, 0, -1))


@inlined
def plus_(out, x, y):
    """Add x y to out, (lanes,) each."""
    for lane in range(len(out)):
        out[lane] += x[lane] * y[lane]


@inlined
def minus_(out, x, y):
    """Take x y from out, (lanes,) each."""
    for lane in range(len(out)):
        out[lane] -= x[lane] * y[lane]


@inlined
def times_(out, x):
    """Multiply out by x, (lanes,) both."""
    for lane in range(len(out)):
        out[lane] *= x[lane]


@inlined
def plus_multiple_(out, number, x):
    """Add a multiple of x to out, (lanes,) both."""
    for lane in range(len(out)):
        out[lane] += number * x[lane]


@inner
def multiply_(out, r, x):
    """Columns of R X, (q, q, lanes): R (q, q) is upper triangular, for all draws, and X (q, q, lanes) lower."""
    out[:] = 0.0
    for j in range(len(r)):
        for i in range(len(r)):
            for k in range(max(i, j), len(r)):
                plus_multiple_(out[j, i], r[i, k], x[k, j])


@inner
def cholesky_(a):
    """Lower Cholesky factors of the lower triangles A (q, q, lanes); their diagonals are inverted."""
    for i in range(len(a)):
        for j in range(i):
            for k in range(j):
                minus_(a[i, j], a[i, k], a[j, k])
            times_(a[i, j], a[j, j])
        for k in range(i):
            minus_(a[i, i], a[i, k], a[i, k])
        for lane in range(a.shape[2]):
            a[i, i, lane] = 1 / np.sqrt(a[i, i, lane])


@inner
def solve_lower_(c, x):
    """Solve C z = x for some vectors (vectors, q, lanes), with C from ``cholesky_``."""
    for vector in range(len(x)):
        for i in range(x.shape[1]):
            for k in range(i):
                minus_(x[vector, i], c[i, k], x[vector, k])
            times_(x[vector, i], c[i, i])


@inner
def solve_upper_(c, x):
    """Solve C'z = x for some vectors (vectors, q, lanes), with C from ``cholesky_``."""
    for vector in range(len(x)):
        for i in range(x.shape[1] - 1, -1, -1):
            for k in range(i + 1, x.shape[1]):
                minus_(x[vector, i], c[k, i], x[vector, k])
            times_(x[vector, i], c[i, i])


@inner
def add_outer_(out, x):
    """Add x x' of each of some vectors (vectors, q, lanes) to the lower triangle of out (q, q, lanes)."""
    for i in range(len(out)):
        for j in range(i + 1):
            for vector in range(len(x)):
                plus_(out[i, j], x[vector, i], x[vector, j])


@inner
def add_gram_(out, x, places):
    """Add the product of vectors i and j (vectors, q, lanes) to out at places[i], places[j], for j <= i."""
    for i in range(len(x)):
        for j in range(i + 1):
            entry = out[places[i], places[j]]
            for k in range(x.shape[1]):
                plus_(entry, x[i, k], x[j, k])


@inner
def add_products_(out, x, y):
    """Add the product of vector i of x and vector j of y, (vectors, q, lanes) both, to out[i, j]."""
    for i in range(len(x)):
        for j in range(len(y)):
            for k in range(x.shape[1]):
                plus_(out[i, j], x[i, k], y[j, k])


@inner
def one_plus_(a, divisor):
    """The lower triangles of A (q, q, lanes) become those of I + A / divisor (lanes,)."""
    for i in range(len(a)):
        for j in range(i + 1):
            for lane in range(a.shape[2]):
                a[i, j, lane] = a[i, j, lane] / divisor[lane] + (1.0 if i == j else 0.0)


@compiled
def back_substitute_(c, x):
    """Solve C'z = x for the lower triangular C (draws, d, d) and x (draws, d) of each draw."""
    for draw in range(x.shape[0]):
        for i in range(x.shape[1] - 1, -1, -1):
            x[draw, i] /= c[draw, i, i]
            for k in range(i):
                x[draw, k] -= c[draw, i, k] * x[draw, i]
