"""What the likelihood needs of the data: its size does not grow with the number of rows."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from partialpool.marginal.batched import in_blocks
from partialpool.marginal.design import Design
from partialpool.marginal.likelihood import likelihood_program, log_likelihood, log_likelihood_without_units

# Numbers (8 bytes each): more than LARGE are not kept of one fit, of what is thinned about MODERATE are; and CHUNK are
# worked on at a time.
LARGE, MODERATE, CHUNK = 10**8, 10**7, 10**6


@dataclass(frozen=True)
class Statistics:
    """What the likelihood needs of the data: its size does not grow with the number of rows.

    ``units``, ``rest`` and ``mean`` are arguments of ``the kernel.log_likelihood``. Common coefficients are
    ``origin + basis b`` with b ~ N(``mean``, I), so that nothing large cancels: ``origin`` is close to their
    least-squares values. Without effects of units the basis makes X'X diagonal. ``xy`` (n, p + 1) are the rows in that
    basis.
    """

    q: int
    units: np.ndarray
    rest: np.ndarray
    mean: np.ndarray
    n: int
    origin: np.ndarray
    basis: np.ndarray
    xy: np.ndarray

    @cached_property
    def program(self) -> tuple[np.ndarray, np.ndarray]:
        """Operations and layout for ``the kernel.log_likelihood``."""
        if self.q == 0:
            return np.empty((0, 4), np.int64), np.array([0, 0, 0, self.n])
        operations, layout = likelihood_program(self.q, len(self.mean))
        return operations, np.array([*layout, self.n])

    def log_likelihood(self, sigma: float, factor: np.ndarray, c=None, b=None) -> tuple[float, float, np.ndarray]:
        """Log likelihood, and its gradient with respect to sigma and factor (``the kernel.log_likelihood``)."""
        if self.q == 0:
            return *log_likelihood_without_units(sigma, self.rest, self.mean, self.n), np.zeros((0, 0))
        p = len(self.mean)
        c, b = np.empty((p, p)) if c is None else c, np.empty(p) if b is None else b
        return log_likelihood(sigma, factor, *self.program, self.units, self.rest, self.mean, c, b)


def statistics(matrices: Design) -> Statistics:
    """Gather the statistics of a model in one pass over its rows."""
    x, y, z = matrices.x, matrices.y, matrices.z
    n, p, q = *x.shape, z.shape[1]
    precision = matrices.prior_sd**-2.0
    origin = np.linalg.solve(x.T @ x + np.diag(precision), x.T @ y + precision * matrices.prior_mean)
    basis = np.diag(matrices.prior_sd)
    if q == 0 and p > 0:
        triangle = np.linalg.qr(x * matrices.prior_sd, mode="r")
        basis = basis @ np.linalg.svd(triangle)[2].T
    mean = np.linalg.solve(basis, matrices.prior_mean - origin) if p else np.empty(0)
    xy = np.column_stack([x @ basis, y - x @ origin])
    units, rest = gather(matrices.codes, len(matrices.levels), z, xy) if q else (np.empty((0, 0, 0)), xy.T @ xy)
    return Statistics(q, units, rest, mean, n, origin, basis, xy)


def gather(codes: np.ndarray, units: int, z: np.ndarray, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Arguments ``units`` and ``rest`` of ``the kernel.log_likelihood``.

    Parameters
    ----------
    codes : (n,)
        Which unit a row belongs to.
    units
        How many there are.
    z, xy : (n, q), (n, p + 1)
        Design of the effects; design of the common coefficients with the outcome behind.
    """
    q, columns = z.shape[1], xy.shape[1]
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(units + 1))
    found = np.zeros((units, q * (q + 1) // 2 + q * columns))
    rest = np.zeros((columns, columns))
    for which, triangle in triangles(starts, order, np.column_stack([z, xy])):
        found[which] = np.concatenate(
            [triangle[:, :q, :q][:, *np.triu_indices(q)], triangle[:, :q, q:].reshape(len(which), -1)], axis=1
        )
        outside = triangle[:, q:, q:].reshape(-1, columns)
        rest += outside.T @ outside
    return in_blocks(found), rest


def triangles(starts: np.ndarray, order: np.ndarray, rows: np.ndarray):
    """R of a QR decomposition of each set of rows, sets of the same size together.

    Parameters
    ----------
    starts : (sets + 1,)
        Where the rows of each set begin in ``order``.
    order : (n,)
        Rows, set by set.
    rows : (n, k)
        What to decompose.

    Yields
    ------
    which : (some,)
        Sets.
    triangle : (some, k, k)
        Upper triangular; rows of zeros below those that a set has.
    """
    k = rows.shape[1]
    sizes = np.diff(starts)
    by_size = np.argsort(sizes, kind="stable")
    for same in np.split(by_size, np.flatnonzero(np.diff(sizes[by_size])) + 1):
        size = sizes[same[0]] if len(same) else 0
        for which in np.array_split(same, -(-len(same) * size * k // CHUNK)) if size else ():
            own = rows[order[starts[which][:, None] + np.arange(size)]]
            triangle = np.zeros((len(which), k, k))
            triangle[:, : min(size, k)] = np.linalg.qr(own, mode="r") if size > 1 else own
            yield which, triangle
