"""Small linear algebra for many draws at a time.

An array (q, q, lanes) holds a small matrix for each of several draws of the scales, and (vectors, q, lanes) some
vectors, the columns of a matrix. Each operation works on all lanes, with NumPy or, compiled, in a loop of its own, so
that a processor works on several draws with one instruction. A trailing underscore means: in place.
"""

import numpy as np
from scipy.special import xlogy

from partialpool.marginal.machine_code import compiled_as, each_lane, part

# Draws that are worked on together, at most: with fewer NumPy's calls take most of the time.
LANES = 4096
# So many lanes have their logarithms taken, and normal numbers drawn, together. Another number gives other draws.
TOGETHER = 256


def lanes_for(columns: int, draws: int, cores: int) -> int:
    """Draws that are worked on together, by each of some cores.

    They are few enough that (columns, columns, lanes) stays in a processor's cache, and a multiple of ``TOGETHER`` if
    they are not fewer, so that no result depends on the number of cores.
    """
    lanes = max(4 * 10**5 // columns**2, 8)
    share = -(-draws // (cores * TOGETHER))
    return lanes if lanes < TOGETHER else TOGETHER * min(lanes // TOGETHER, share, LANES // TOGETHER)


def lanes_last(values: np.ndarray) -> np.ndarray:
    """An array (draws, ...) as (..., lanes)."""
    return np.ascontiguousarray(np.moveaxis(values, 0, -1))


def _logarithms(x):
    return np.log(x)


@compiled_as(_logarithms)
def logarithms(x):
    """Logarithms of x by the C library, as Numba's; NumPy's own differ in the last digit on some processors."""
    return xlogy(1.0, x)


@each_lane
def copy_(out, x, lane=...):
    """Fill out with x, (lanes,) both; Numba's own assignment takes several times as long."""
    out[lane] = x[lane]


@each_lane
def plus_(out, x, y, lane=...):
    """Add x y to out, (lanes,) each."""
    out[lane] += x[lane] * y[lane]


@each_lane
def minus_(out, x, y, lane=...):
    """Take x y from out, (lanes,) each."""
    out[lane] -= x[lane] * y[lane]


@each_lane
def plus_multiple_(out, number, x, lane=...):
    """Add a multiple of x to out, (lanes,) both."""
    out[lane] += number * x[lane]


@each_lane
def times_(out, x, lane=...):
    """Multiply out by x, (lanes,) both."""
    out[lane] *= x[lane]


@each_lane
def invert_root_(out, lane=...):
    """One over the square root of out (lanes,)."""
    out[lane] = 1 / np.sqrt(out[lane])


@part
def identity_(a):
    """A (q, q, lanes) becomes I."""
    a[:] = 0.0
    for i in range(len(a)):
        a[i, i] = 1.0


@part
def multiply_(out, r, x):
    """Columns of R X, (q, q, lanes): R (q, q) is upper triangular, for all draws, and X (q, q, lanes) lower."""
    out[:] = 0.0
    for j in range(len(r)):
        for i in range(len(r)):
            for k in range(max(i, j), len(r)):
                plus_multiple_(out[j, i], r[i, k], x[k, j])


@part
def cholesky_(a):
    """Lower Cholesky factors of the lower triangles A (q, q, lanes); their diagonals are inverted."""
    for i in range(len(a)):
        for j in range(i):
            for k in range(j):
                minus_(a[i, j], a[i, k], a[j, k])
            times_(a[i, j], a[j, j])
        for k in range(i):
            minus_(a[i, i], a[i, k], a[i, k])
        invert_root_(a[i, i])


@part
def solve_lower_(c, x):
    """Solve C z = x for some vectors (vectors, q, lanes), with C from ``cholesky_``."""
    for vector in range(len(x)):
        for i in range(x.shape[1]):
            for k in range(i):
                minus_(x[vector, i], c[i, k], x[vector, k])
            times_(x[vector, i], c[i, i])


@part
def solve_upper_(c, x):
    """Solve C'z = x for some vectors (vectors, q, lanes), with C from ``cholesky_``."""
    for vector in range(len(x)):
        for i in range(x.shape[1] - 1, -1, -1):
            for k in range(i + 1, x.shape[1]):
                minus_(x[vector, i], c[k, i], x[vector, k])
            times_(x[vector, i], c[i, i])


@part
def add_outer_(out, x):
    """Add x x' of each of some vectors (vectors, q, lanes) to the lower triangle of out (q, q, lanes)."""
    for i in range(len(out)):
        for j in range(i + 1):
            for vector in range(len(x)):
                plus_(out[i, j], x[vector, i], x[vector, j])


@part
def add_gram_(out, x, places):
    """Add the product of vectors i and j (vectors, q, lanes) to out at places[i], places[j], for j <= i."""
    for i in range(len(x)):
        for j in range(i + 1):
            entry = out[places[i], places[j]]
            for k in range(x.shape[1]):
                plus_(entry, x[i, k], x[j, k])


@part
def add_products_(out, x, y):
    """Add the product of vector i of x and vector j of y, (vectors, q, lanes) both, to out[i, j]."""
    for i in range(len(x)):
        for j in range(len(y)):
            for k in range(x.shape[1]):
                plus_(out[i, j], x[i, k], y[j, k])


@part
def take_products_(out, x, y):
    """Take the product of vector i of x and vector j of y, (vectors, q, lanes) both, from out[i, j]."""
    for i in range(len(x)):
        for j in range(len(y)):
            for k in range(x.shape[1]):
                minus_(out[i, j], x[i, k], y[j, k])
