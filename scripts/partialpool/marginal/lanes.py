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


@inner
def multiply_(out, r, x):
    """Columns of R X, (q, q, lanes): R (q, q) is upper triangular, for all draws, and X (q, q, lanes) lower."""
    q = r.shape[0]
    for j in range(q):
        for i in range(q):
            for lane in range(out.shape[2]):
                out[j, i, lane] = 0.0
            for k in range(max(i, j), q):
                for lane in range(out.shape[2]):
                    out[j, i, lane] += r[i, k] * x[k, j, lane]


@inner
def cholesky_(a):
    """Lower Cholesky factors of the lower triangles A (q, q, lanes); their diagonals are inverted."""
    for i in range(a.shape[0]):
        for j in range(i + 1):
            for k in range(j):
                for lane in range(a.shape[2]):
                    a[i, j, lane] -= a[i, k, lane] * a[j, k, lane]
            if i == j:
                for lane in range(a.shape[2]):
                    a[i, i, lane] = 1 / np.sqrt(a[i, i, lane])
            else:
                for lane in range(a.shape[2]):
                    a[i, j, lane] *= a[j, j, lane]


@inner
def solve_lower_(c, x):
    """Solve C z = x for some vectors (vectors, q, lanes), with C from ``cholesky_``."""
    for j in range(x.shape[0]):
        for i in range(x.shape[1]):
            for k in range(i):
                for lane in range(x.shape[2]):
                    x[j, i, lane] -= c[i, k, lane] * x[j, k, lane]
            for lane in range(x.shape[2]):
                x[j, i, lane] *= c[i, i, lane]


@inner
def solve_upper_(c, x):
    """Solve C'z = x for some vectors (vectors, q, lanes), with C from ``cholesky_``."""
    for j in range(x.shape[0]):
        for i in range(x.shape[1] - 1, -1, -1):
            for k in range(i + 1, x.shape[1]):
                for lane in range(x.shape[2]):
                    x[j, i, lane] -= c[k, i, lane] * x[j, k, lane]
            for lane in range(x.shape[2]):
                x[j, i, lane] *= c[i, i, lane]


@inner
def add_outer_(out, x):
    """Add x x' of each of some vectors (vectors, q, lanes) to the lower triangle of out (q, q, lanes)."""
    for i in range(out.shape[0]):
        for j in range(i + 1):
            for k in range(x.shape[0]):
                for lane in range(x.shape[2]):
                    out[i, j, lane] += x[k, i, lane] * x[k, j, lane]


@inner
def add_gram_(out, x, places):
    """Add the product of vectors i and j (vectors, q, lanes) to out at places[i], places[j], for j <= i."""
    for i in range(x.shape[0]):
        for j in range(i + 1):
            entry = out[places[i], places[j]]
            for k in range(x.shape[1]):
                for lane in range(x.shape[2]):
                    entry[lane] += x[i, k, lane] * x[j, k, lane]


@inner
def add_products_(out, x, y):
    """Add the product of vector i of x and vector j of y, (vectors, q, lanes) both, to out[i, j]."""
    for i in range(x.shape[0]):
        for j in range(y.shape[0]):
            for k in range(x.shape[1]):
                for lane in range(x.shape[2]):
                    out[i, j, lane] += x[i, k, lane] * y[j, k, lane]


@inner
def fill_diagonal_(a, values):
    """The matrices A (q, q, lanes) become diagonal, with a value (lanes,) of each draw."""
    a[:] = 0.0
    for i in range(a.shape[0]):
        for lane in range(a.shape[2]):
            a[i, i, lane] = values[lane]


@compiled
def back_substitute_(c, x):
    """Solve C'z = x for the lower triangular C (draws, d, d) and x (draws, d) of each draw."""
    for draw in range(x.shape[0]):
        for i in range(x.shape[1] - 1, -1, -1):
            x[draw, i] /= c[draw, i, i]
            for k in range(i):
                x[draw, k] -= c[draw, i, k] * x[draw, i]
