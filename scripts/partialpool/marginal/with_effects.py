"""Models with group-level effects: their likelihood, and all that follows from the scales, in closed form.

Given the scales all coefficients are normal. The Cholesky factor of their precision is block-diagonal for the units,
with a dense part beside it for the common coefficients and the effects of other grouping factors (``rows`` has the
words). Of a unit its E'E is added to the dense part, and its |W| to the determinant (``unit`` has the letters).

References
----------
Bates, Maechler, Bolker & Walker (2015), Journal of Statistical Software 67(1): the same factorisation, for one value of
the scales at a time, and with the coefficients profiled instead of integrated out.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from partialpool.marginal.coordinates import coordinates
from partialpool.marginal.lanes import TOGETHER, lanes_for, lanes_last
from partialpool.marginal.machine_code import run
from partialpool.marginal.rows import CHUNK, gather, rows_of
from partialpool.marginal.scales import Scales
from partialpool.marginal.unit import add_units_, draw_units_
from partialpool.model.design import Design

# Where there are so many dense columns, and units meet this share of them, one product of large matrices takes less
# time than one for each unit of those that it meets.
MANY, MOST = 120, 0.4


class WithEffects:
    """A model with group-level effects, one of whose grouping factors is block-diagonal.

    No result depends on the number of cores.

    Parameters
    ----------
    matrices
        From ``design``.
    block
        Number of that grouping factor; by default the one with most levels.

    Attributes
    ----------
    at
        Coordinates of the common coefficients.
    widths
        Of each grouping factor, how many effects a level has.
    rows
        Rows in the coordinates; ``rows.factors`` are the other grouping factors.
    units
        What is known of the rows of each unit: ``triangles`` of ``gather``, ``starts`` and ``places`` of ``Rows``, and
        ``cross`` of ``gather``.
    rest
        From ``gather``.
    steps : (units,)
        Roughly how many operations on arrays each unit takes.
    together : (int, int)
        Shape of all units' E, one beside the other, or (0, 0) where each unit is added by itself.
    """

    def __init__(self, matrices: Design, block: int | None = None):
        levels = [len(factor.levels) for factor in matrices.factors]
        self.block = int(np.argmax(levels)) if block is None else block
        self.widths = [factor.z.shape[1] for factor in matrices.factors]
        self.at = coordinates(matrices)
        self.rows = rows_of(matrices, self.block, self.at.rows(matrices.x, matrices.y))
        triangles, cross, self.rest = gather(self.rows)
        self.units = triangles, self.rows.starts, self.rows.places, cross
        n_units, q = triangles.shape[:2]
        self.steps = q * (q + np.diff(self.rows.starts)) ** 2
        columns = len(self.rest)
        meets_most = columns > MANY and len(self.rows.places) > MOST * columns * n_units
        self.together = (columns, n_units * q) if meets_most and columns * n_units * q <= CHUNK else (0, 0)

    def log_likelihood(self, scales: Scales, cores: int = 1) -> np.ndarray:
        """Log likelihood of draws of the scales, (draws,), in nats; nan where they are outside of what numbers hold."""
        return np.concatenate(self.in_threads(lambda own, _: self._dense_part(own)[0], scales, cores))

    def draw_dense(self, scales: Scales, rng: np.random.Generator, cores: int = 1) -> np.ndarray:
        """Exact draws of the dense coefficients given the scales, (draws, d): common ones in their coordinates."""
        normal = rng.standard_normal((len(scales.sigma), len(self.rest) - 1))

        def some(own: Scales, draws: slice) -> np.ndarray:
            _, cholesky, mean = self._dense_part(own)
            coefficients = mean + normal[draws]
            back_substitute_(cholesky, coefficients)
            self._from_standard_(coefficients[:, :, None], own)
            return coefficients

        return np.concatenate(self.in_threads(some, scales, cores))

    def dense_posterior(self, scales: Scales) -> tuple[np.ndarray, np.ndarray]:
        """Mean (draws, d) and covariance (draws, d, d) of the dense coefficients given draws of the scales."""
        _, cholesky, mean = self._dense_part(scales)
        root = np.swapaxes(np.linalg.inv(cholesky), 1, 2).copy()
        self._from_standard_(root, scales)
        return (root @ mean[:, :, None])[..., 0], root @ np.swapaxes(root, 1, 2)

    def effects_among(self, dense: np.ndarray) -> dict[int, np.ndarray]:
        """Effects of the other grouping factors, (draws, levels, q), by their number, from the dense coefficients."""
        effects = {number: dense[:, columns] for number, columns in self.rows.factors.items()}
        return {number: own.reshape(len(dense), -1, self.widths[number]) for number, own in effects.items()}

    def draw_effects(
        self, scales: Scales, dense: np.ndarray, rng: np.random.Generator, cores: int = 1, function=lambda own: own
    ) -> np.ndarray:
        """Exact draws of the effects of units, (draws, units, q), given the dense coefficients (draws, d).

        Or what a function makes of them, (..., units, q), batch by batch of units: so many at a time that memory does
        not grow with their number.
        """
        units, q = self.units[0].shape[:2]
        step = max(1, CHUNK // (len(dense) * q))
        batches = [slice(start, min(start + step, units)) for start in range(0, units, step)]

        def one(batch: slice, own_rng: np.random.Generator) -> np.ndarray:
            return function(self._draw_batch(scales, dense, batch, own_rng))

        with ThreadPoolExecutor(cores) as pool:
            return np.concatenate(list(pool.map(one, batches, rng.spawn(len(batches)))), axis=1)

    @np.errstate(all="ignore")
    def _draw_batch(self, scales: Scales, dense: np.ndarray, batch: slice, rng: np.random.Generator) -> np.ndarray:
        """``draw_effects`` of some units."""
        triangles, starts, places, cross = self.units
        units = triangles[batch], starts[batch.start : batch.stop + 1], places, cross
        effects = np.empty((*units[0].shape[:2], len(dense)))
        for first in range(0, len(dense), TOGETHER):
            some = effects[:, :, first : first + TOGETHER]
            some[:] = rng.standard_normal(some.shape)
        effects *= scales.sigma
        steps = self.steps[batch].sum()
        run(draw_units_, steps, effects, lanes_last(scales.relative(self.block)), lanes_last(dense), units)
        return np.moveaxis(effects, -1, 0)

    def in_threads(self, function, scales: Scales, cores: int) -> list:
        """Results of a function of a few draws of the scales (``lanes_for``), and which they are, in their order."""
        lanes = lanes_for(len(self.rest), len(scales.sigma), cores)
        blocks = [slice(start, start + lanes) for start in range(0, len(scales.sigma), lanes)]
        # NUTS asks for a few draws at a time, for which starting a thread takes longer than all the rest.
        if len(blocks) == 1:
            return [function(scales, blocks[0])]
        with ThreadPoolExecutor(cores) as pool:
            return list(pool.map(lambda some: function(scales.take(some), some), blocks))

    # Threads do not inherit what those who call them say of warnings.
    @np.errstate(all="ignore")
    def _dense_part(self, scales: Scales) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distribution of the dense coefficients given draws of the scales, all at a time.

        In coordinates where their prior variance is 1. Their precision, with the outcome as one more row, has a
        Cholesky factor with C' mean in the last row and, in the corner, the root of what is left of the outcome's sum
        of squares, and 1, so that it may be nothing.

        Returns
        -------
        log_likelihood : (draws,)
        cholesky : (draws, d, d)
            Lower Cholesky factors C of their posterior precision.
        mean : (draws, d)
            C' times their posterior mean.
        """
        d, p, n, lanes = len(self.rest) - 1, len(self.at.mean), len(self.rows.codes), len(scales.sigma)
        gram, log_determinant = np.zeros((d + 1, d + 1, lanes)), np.zeros(lanes)
        together, cholesky = np.zeros((*self.together, lanes)), lanes_last(scales.relative(self.block))
        run(add_units_, self.steps.sum(), gram, together, log_determinant, cholesky, self.units)
        gram, together = (np.ascontiguousarray(np.moveaxis(sums, -1, 0)) for sums in (gram, together))
        if together.size:
            gram = together @ np.swapaxes(together, 1, 2)
        else:
            gram = gram + np.swapaxes(gram, 1, 2)
            gram[:, range(d + 1), range(d + 1)] /= 2
        gram += self.rest
        gram /= scales.sigma[:, None, None] ** 2
        for number, columns in self.rows.factors.items():
            # Products with effects become those with the standard normal numbers that these are made of.
            multiply_effects_(np.swapaxes(gram, 1, 2)[:, columns], scales.cholesky[number], transposed=True)
            multiply_effects_(gram[:, columns], scales.cholesky[number], transposed=True)
        gram[:, :p, d] += self.at.mean
        gram[:, d, :p] += self.at.mean
        gram[:, d, d] += self.at.mean @ self.at.mean
        gram[:, range(d + 1), range(d + 1)] += 1
        augmented = cholesky_or_nan(gram)
        value = -0.5 * (n * np.log(2 * np.pi * scales.sigma**2) + augmented[:, d, d] ** 2 - 1)
        value -= log_determinant + np.log(augmented[:, range(d), range(d)]).sum(axis=1)
        return value, augmented[:, :d, :d], augmented[:, d, :d]

    def _from_standard_(self, values: np.ndarray, scales: Scales) -> None:
        """Standard normal numbers become effects of their grouping factor, in place; ``values`` is (draws, d, k)."""
        for number, columns in self.rows.factors.items():
            multiply_effects_(values[:, columns], scales.cholesky[number])


def multiply_effects_(values: np.ndarray, cholesky: np.ndarray, *, transposed: bool = False) -> None:
    """Multiply ``values`` (draws, levels q, k) of each level by ``cholesky`` (draws, q, q), or its transpose."""
    q = cholesky.shape[1]
    # Not `@`, which takes many times as long for so small matrices. An effect changes once no other needs it any more.
    for i in range(q) if transposed else range(q - 1, -1, -1):
        own = values[:, i::q]
        own *= cholesky[:, i, i, None, None]
        for j in range(i + 1, q) if transposed else range(i):
            own += cholesky[:, max(i, j), min(i, j), None, None] * values[:, j::q]


def back_substitute_(c: np.ndarray, x: np.ndarray) -> None:
    """Solve C'z = x for the lower triangular C (draws, d, d) and x (draws, d) of each draw."""
    for i in range(x.shape[1] - 1, -1, -1):
        x[:, i] /= c[:, i, i]
        x[:, :i] -= c[:, i, :i] * x[:, i, None]


def cholesky_or_nan(matrices: np.ndarray) -> np.ndarray:
    """Lower Cholesky factors of matrices (draws, d, d); nan where one is not positive definite."""
    try:
        return np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.full_like(matrices, np.nan)
        return np.concatenate([cholesky_or_nan(one[None]) for one in matrices])
