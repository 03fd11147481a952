"""What the likelihood needs of the data: its size does not grow with the number of rows."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from partialpool.marginal.batched import in_blocks
from partialpool.marginal.density import PlainData, UnitsData
from partialpool.marginal.design import Design
from partialpool.marginal.likelihood import likelihood_program, log_likelihood, log_likelihood_without_units

# Limits, in elements of 8 bytes.
# ASSUME: each unit's draws are summarised instead of kept if a fit has more elements than this.
LARGE = 10**8
# What is then kept by row is thinned to about this many.
MODERATE = 10**7
# Arrays are worked on in batches of about this many.
CHUNK = 10**6


@dataclass(frozen=True)
class Statistics:
    """What the likelihood needs of the data, of a model with or without effects of units.

    Common coefficients are ``origin + basis b`` with b ~ N(``mean``, I). ``origin`` is close to their least-squares
    values, so that no large numbers cancel.

    Attributes
    ----------
    rest : (p + 1, p + 1)
        Sum over units of the cross products of [X y], in that basis, outside of the span of Z.
    mean : (p,)
    origin : (p,)
    basis : (p, p)
    xy : (n, p + 1)
        The rows [X y] in that basis.
    """

    rest: np.ndarray
    mean: np.ndarray
    origin: np.ndarray
    basis: np.ndarray
    xy: np.ndarray


@dataclass(frozen=True)
class WithUnits(Statistics):
    """Statistics of a model with q effects of each unit.

    Attributes
    ----------
    q
        Number of effects.
    units : (blocks, inputs, LANES)
        R and Q'[X y] of the QR decomposition of each unit's Z, as ``batched.unit_names`` orders them.
    """

    q: int
    units: np.ndarray

    @cached_property
    def data(self) -> UnitsData:
        """Arguments of the compiled functions that do not change."""
        operations, layout = likelihood_program(self.q, len(self.mean))
        return UnitsData(operations, np.array([*layout, len(self.xy)]), self.units, self.rest, self.mean)

    def log_likelihood(self, sigma: float, cholesky: np.ndarray, c=None, b=None) -> tuple[float, float, np.ndarray]:
        """Log likelihood and its gradient (``likelihood.log_likelihood``)."""
        p = len(self.mean)
        c, b = np.empty((p, p)) if c is None else c, np.empty(p) if b is None else b
        return log_likelihood(sigma, cholesky, *self.data, c, b)

    def conditions(self, sigma: np.ndarray, cholesky: np.ndarray, cores: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Posterior of the common coefficients, in the basis of the statistics, given draws of the scales.

        Returns
        -------
        mean : (draws, p)
        precision_cholesky : (draws, p, p)
        """
        p = len(self.mean)
        mean, precision_cholesky = np.empty((len(sigma), p)), np.empty((len(sigma), p, p))

        def batch(draws: np.ndarray) -> None:
            for draw in draws:
                self.log_likelihood(sigma[draw], cholesky[draw], precision_cholesky[draw], mean[draw])

        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(batch, np.array_split(np.arange(len(sigma)), cores)))
        return mean, precision_cholesky

    def draw_common(self, mean: np.ndarray, precision_cholesky: np.ndarray, normal: np.ndarray) -> np.ndarray:
        """Draws (draws, p) of the common coefficients from ``conditions`` and standard normal numbers."""
        return mean + np.linalg.solve(precision_cholesky.transpose(0, 2, 1), normal[..., None])[..., 0]


@dataclass(frozen=True)
class WithoutUnits(Statistics):
    """Statistics of a model without effects of units; the basis makes X'X diagonal, and so is all that follows."""

    q: ClassVar[int] = 0
    units: ClassVar[np.ndarray] = np.empty((0, 0, 0))

    @cached_property
    def data(self) -> PlainData:
        """Arguments of the compiled functions that do not change."""
        return PlainData(self.rest, self.mean, len(self.xy))

    def log_likelihood(self, sigma: float, cholesky: np.ndarray) -> tuple[float, float, np.ndarray]:
        """Log likelihood and its gradient (``likelihood.log_likelihood_without_units``); ``cholesky`` is (0, 0)."""
        return *log_likelihood_without_units(sigma, *self.data), np.zeros_like(cholesky)

    def conditions(self, sigma: np.ndarray, cholesky: np.ndarray, cores: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """As ``WithUnits.conditions``; of the precision's Cholesky factors the diagonals, (draws, p)."""
        squares, cross = np.diag(self.rest)[:-1], self.rest[:-1, -1]
        precision = 1 + squares / sigma[:, None] ** 2
        return (self.mean + cross / sigma[:, None] ** 2) / precision, np.sqrt(precision)

    def draw_common(self, mean: np.ndarray, precision_cholesky: np.ndarray, normal: np.ndarray) -> np.ndarray:
        """As ``WithUnits.draw_common``."""
        return mean + normal / precision_cholesky


def statistics(matrices: Design) -> WithUnits | WithoutUnits:
    """Gather the statistics of a model in one pass over its rows."""
    x, y, z = matrices.x, matrices.y, matrices.z
    p = x.shape[1]
    precision = matrices.prior_sd**-2.0
    origin = np.linalg.solve(x.T @ x + np.diag(precision), x.T @ y + precision * matrices.prior_mean)
    basis = np.diag(matrices.prior_sd)
    if not matrices.terms and p > 0:
        triangle = np.linalg.qr(x * matrices.prior_sd, mode="r")
        basis = basis @ np.linalg.svd(triangle)[2].T
    mean = np.linalg.solve(basis, matrices.prior_mean - origin) if p else np.empty(0)
    xy = np.column_stack([x @ basis, y - x @ origin])
    if not matrices.terms:
        return WithoutUnits(xy.T @ xy, mean, origin, basis, xy)
    units, rest = gather(matrices.codes, len(matrices.levels), z, xy)
    return WithUnits(rest, mean, origin, basis, xy, z.shape[1], units)


def gather(codes: np.ndarray, units: int, z: np.ndarray, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``units`` and ``rest`` of the statistics.

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
    inputs = np.zeros((units, q * (q + 1) // 2 + q * columns))
    rest = np.zeros((columns, columns))
    for which, triangle in triangles(starts, order, np.column_stack([z, xy])):
        inputs[which] = np.concatenate(
            [triangle[:, :q, :q][:, *np.triu_indices(q)], triangle[:, :q, q:].reshape(len(which), -1)], axis=1
        )
        outside = triangle[:, q:, q:].reshape(-1, columns)
        rest += outside.T @ outside
    return in_blocks(inputs), rest


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
