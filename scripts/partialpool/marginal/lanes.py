"""Small linear algebra for many draws at a time.

An array (rows, columns, lanes) holds one small matrix for each of several draws of the scales. The loop over lanes is
innermost, so that a processor works on several draws with one instruction. A trailing underscore means: in place.
"""

import numpy as np
from numba import njit

compiled = njit(cache=True, nogil=True, error_model="numpy")
# Called by compiled functions only: without an entry for Python there is less to compile.
inner = njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)


def lanes_for(columns: int) -> int:
    """Draws that are worked on together: few enough that (columns, columns, lanes) stays in a processor's cache."""
    return int(np.clip(10**5 // columns**2, 8, 64))


def lanes_last(values: np.ndarray) -> np.ndarray:
    """An array (draws, ...) as (..., lanes)."""
    return np.ascontiguousarray(np.moveaxis(values, 0, -1))


@inner
def multiply_(out, r, x):
    """Out = R X, of an upper triangular matrix R (q, q) that is the same for all draws, and X (q, q, lanes), lower."""
    q = r.shape[0]
    for i in range(q):
        for j in range(q):
            for lane in range(out.shape[2]):
                out[i, j, lane] = 0.0
            for k in range(max(i, j), q):
                for lane in range(out.shape[2]):
                    out[i, j, lane] += r[i, k] * x[k, j, lane]


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
    """Solve C Z = X for X (q, columns, lanes), with C from ``cholesky_``."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            for k in range(i):
                for lane in range(x.shape[2]):
                    x[i, j, lane] -= c[i, k, lane] * x[k, j, lane]
            for lane in range(x.shape[2]):
                x[i, j, lane] *= c[i, i, lane]


@inner
def solve_upper_(c, x):
    """Solve C' Z = X for X (q, columns, lanes), with C from ``cholesky_``."""
    for i in range(x.shape[0] - 1, -1, -1):
        for j in range(x.shape[1]):
            for k in range(i + 1, x.shape[0]):
                for lane in range(x.shape[2]):
                    x[i, j, lane] -= c[k, i, lane] * x[k, j, lane]
            for lane in range(x.shape[2]):
                x[i, j, lane] *= c[i, i, lane]


@inner
def add_outer_(out, x):
    """Add X X' to the lower triangle of out (q, q, lanes)."""
    for i in range(x.shape[0]):
        for j in range(i + 1):
            for k in range(x.shape[1]):
                for lane in range(x.shape[2]):
                    out[i, j, lane] += x[i, k, lane] * x[j, k, lane]


@inner
def add_gram_(out, x, places):
    """Add X'X to the lower triangle of out, where column k of X (q, columns, lanes) is column places[k] of out."""
    for i in range(x.shape[1]):
        for j in range(i + 1):
            entry = out[places[i], places[j]]
            for k in range(x.shape[0]):
                for lane in range(x.shape[2]):
                    entry[lane] += x[k, i, lane] * x[k, j, lane]


@inner
def add_product_(out, a, x):
    """Add A'X to out (columns of A, columns of X, lanes)."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            for k in range(a.shape[0]):
                for lane in range(out.shape[2]):
                    out[i, j, lane] += a[k, i, lane] * x[k, j, lane]


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
