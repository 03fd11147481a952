"""Densities of units, with their effects integrated out by adaptive Gauss-Hermite quadrature, or in closed form.

Given common coefficients, scales and the family's parameters, units are independent of each other, and the one or two
effects of a unit can be integrated numerically, many draws and units at a time.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property, partial
from itertools import product
from typing import NamedTuple

import numpy as np

from partialpool.quadrature import gaussian
from partialpool.quadrature.families import FAMILIES, Family
from partialpool.weights.smoothing import log_sum_exp

# Nodes along each effect, by the number of effects of a unit. They are tried one after the other, until twice as many
# change no density, on average over the draws, by more than the tolerance.
NODES = {0: (1,), 1: (8, 12, 16, 24, 32, 48, 64, 96), 2: (8, 12, 16, 24, 32, 48)}
# ASSUME: in nats; a tenth of the smallest Monte Carlo error of a single density that is seen in practice.
TOLERANCE = 1e-3
# ASSUME: a unit with more rows keeps its nodes when one of them is left out, which hardly moves it. First it is tried
# whether those with more than a few can, since nodes for each row that is left out take most of the time.
MANY_ROWS, FEW_ROWS = 20, 3
# Newton steps to the mode of a unit's effects, and by how much, in nats, the log density may still grow where they end:
# nodes need not be placed better.
STEPS, CLOSE = 50, 1e-2
# Densities of a row at a node that are computed at a time, few enough to stay in a processor's cache.
CHUNK = 10**5
# At so many draws it is looked at whether rows are alike.
DRAWS_ALIKE = 100


class NoQuadrature(Exception):
    """Why the effects of a model's units cannot be integrated by quadrature."""


@dataclass(frozen=True)
class Given:
    """A model at some draws, without the effects of its units: all that the density of a row depends on beside them.

    Attributes
    ----------
    family, link
        The model's.
    y : (n,)
        Outcomes.
    eta : (draws, n)
        What the common coefficients and the offsets make of the linear predictor.
    parameters
        By name, the family's; (draws or 1, n or 1) each.
    z : (n, q)
        Design of the effects of a unit.
    cholesky : (draws, q, q)
        Cholesky factor of their covariance.
    """

    family: Family
    link: str
    y: np.ndarray
    eta: np.ndarray
    parameters: dict[str, np.ndarray]
    z: np.ndarray
    cholesky: np.ndarray

    def take(self, draws) -> "Given":
        """The same at some draws."""
        parameters = {name: value[draws] if len(value) > 1 else value for name, value in self.parameters.items()}
        return Given(self.family, self.link, self.y, self.eta[draws], parameters, self.z, self.cholesky[draws])

    @cached_property
    def alike(self) -> np.ndarray:
        """A number for each row, (n,): the same for rows that have the same density whatever the effects are."""
        # ASSUME: linear predictors that are equal to the last bit at so many draws are equal at all.
        some = slice(None, None, -(-len(self.eta) // DRAWS_ALIKE))
        parameters = [value[some] for value in self.parameters.values() if value.shape[1] > 1]
        of_rows = np.ascontiguousarray(np.vstack([self.y[None], self.z.T, self.eta[some], *parameters]).T, dtype=float)
        as_bytes = of_rows.view(np.dtype((np.void, of_rows.shape[1] * of_rows.itemsize)))[:, 0]
        return np.unique(as_bytes, return_inverse=True)[1]

    def at(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Outcome and parameters of rows (sets, m), for the functions of the family.

        (draws or 1, sets, m) each, or (draws or 1, 1, 1) of what is the same for all rows.
        """
        parameters = {
            name: value[:, rows] if value.shape[1] > 1 else value[:, :, None] for name, value in self.parameters.items()
        }
        return {"y": self.y[rows][None], **parameters}


class Nodes(NamedTuple):
    """Nodes of a quadrature.

    Attributes
    ----------
    along_each
        How many along each effect of a unit.
    moved
        Units with no more rows have nodes of their own without each of them; others keep theirs.
    """

    along_each: int
    moved: int = MANY_ROWS


def enough_nodes(given: Given, codes: np.ndarray) -> tuple[Nodes, float]:
    """Nodes that are enough, the cheapest ones.

    Parameters
    ----------
    given
        The model at some draws.
    codes : (n,)
        Which unit each row belongs to.

    Returns
    -------
    nodes : Nodes
    error : float
        By how much twice as many change a density at most, in nats, on average over the draws.

    Raises
    ------
    NoQuadrature
        If none of ``NODES`` is enough.
    """
    for n, moved in product(NODES[given.z.shape[1]], (FEW_ROWS, MANY_ROWS)):
        values, better = (np.hstack(densities(given, codes, Nodes(some, moved))) for some in (n, 2 * n))
        error = np.abs(values - better).mean(axis=0).max()
        if error <= TOLERANCE:
            return Nodes(n, moved), float(error)
    raise NoQuadrature(f"a density differs by {error:.1g} with {n} and with {2 * n} nodes along each effect")


def cost(codes: np.ndarray, effects: int, nodes: Nodes) -> int:
    """How many densities of a row at a node ``densities`` computes for each draw."""
    sizes = np.bincount(codes)
    return int(np.where(sizes > nodes.moved, sizes, sizes**2).sum()) * nodes.along_each**effects


def densities(given: Given, codes: np.ndarray, nodes: Nodes, *, cores: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Log densities of each unit, and of each row given the other rows of its unit; of Gaussian models in closed form.

    Parameters
    ----------
    given
        The model at some draws.
    codes : (n,)
        Which unit each row belongs to.
    nodes
        Where there is no closed form.
    cores
        Threads.

    Returns
    -------
    units : (draws, units), in nats
    rows : (draws, n), in nats
    """
    if given.family is FAMILIES["gaussian"]:
        return gaussian.densities(given.y, given.eta, given.parameters["sigma"][:, 0], given.z, given.cholesky, codes)
    of_units = np.empty((len(given.eta), codes.max() + 1))
    of_rows = np.empty(given.eta.shape)
    for units, rows in by_size(codes):
        m = rows.shape[1]
        if m > nodes.moved:
            whole, rest = _of_sets(partial(integrate, without_each=True), given, rows, nodes.along_each, cores)
        else:
            others = np.array([np.delete(np.arange(m), i) for i in range(m)])
            (whole,) = _of_sets(integrate, given, rows, nodes.along_each, cores)
            without = rows[:, others].reshape(rows.size, m - 1)
            (rest,) = _of_sets(integrate, given, without, nodes.along_each, cores)
        of_units[:, units] = whole
        of_rows[:, rows] = whole[..., None] - rest.reshape(len(whole), -1, m)
    return of_units, of_rows


def of_units(given: Given, codes: np.ndarray, nodes: int, *, cores: int = 1) -> np.ndarray:
    """Log densities of each unit alone, (draws, units), as ``densities`` has them by quadrature."""
    values = np.empty((len(given.eta), codes.max() + 1))
    for units, rows in by_size(codes):
        (values[:, units],) = _of_sets(integrate, given, rows, nodes, cores)
    return values


def below(given: Given, codes: np.ndarray, nodes: int, *, cores: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of each row, given the other rows of its unit, to be smaller than it is, and at most as large.

    With the nodes of all rows of a unit, so that they are less accurate than ``densities`` where a unit has few rows.

    Parameters
    ----------
    given, codes, nodes, cores
        See ``densities``.

    Returns
    -------
    smaller, at_most : (draws, n)
    """
    both = np.empty((2, *given.eta.shape))
    for _, rows in by_size(codes):
        both[:, :, rows] = _of_sets(probabilities, given, rows, nodes, cores)
    return both[0], both[1]


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def probabilities(given: Given, sets: np.ndarray, nodes: int) -> list[np.ndarray]:
    """``below`` of sets of rows, (draws, sets, m) each; see ``integrate``."""
    at = _at_nodes(given, sets, nodes)
    log_weights = at.terms[..., None, :] - at.by_row
    weights = np.exp(log_weights - log_weights.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return [
        (weights * probability).sum(axis=-1)
        for probability in given.family.below(eta=at.eta, link=given.link, **at.beside)
    ]


def by_size(codes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Units with the same number m of rows, (units,), and their rows, (units, m)."""
    order, sizes = np.argsort(codes, kind="stable"), np.bincount(codes)
    starts = np.cumsum(sizes) - sizes
    for m in np.unique(sizes):
        units = np.flatnonzero(sizes == m)
        yield units, order[starts[units][:, None] + np.arange(m)]


def rows_computed(given: Given, codes: np.ndarray) -> int:
    """How many rows are computed: all rows of one of the units that are alike."""
    return sum(len(kinds(given, rows)[1]) * rows.shape[1] for _, rows in by_size(codes))


def kinds(given: Given, sets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which sets (sets, m) have rows that are alike, in any order.

    Returns
    -------
    order : (sets, m)
        In which order the rows of a set are those of its kind.
    first : (kinds,)
        The first set of each kind.
    which : (sets,)
        The kind of each set.
    """
    if not sets.size:
        return sets, np.zeros(1, dtype=int), np.zeros(len(sets), dtype=int)
    alike = given.alike[sets]
    order = np.argsort(alike, axis=1, kind="stable")
    in_order = np.take_along_axis(alike, order, axis=1)
    return order, *np.unique(in_order, axis=0, return_index=True, return_inverse=True)[1:]


def _of_sets(integral: Callable, given: Given, sets: np.ndarray, nodes: int, cores: int) -> list[np.ndarray]:
    """``integrate`` or ``probabilities``, once for sets whose rows are alike, as many are of yes-no outcomes."""
    if not sets[1:].size:
        return _in_chunks(integral, given, sets, nodes, cores)
    order, first, which = kinds(given, sets)
    if len(first) == len(sets):
        return _in_chunks(integral, given, sets, nodes, cores)
    values = _in_chunks(integral, given, np.take_along_axis(sets, order, axis=1)[first], nodes, cores)
    # Back in the order of their own that the rows of each set have.
    place = np.argsort(order, axis=1)
    return [value[:, which] if value.ndim == 2 else value[:, which[:, None], place] for value in values]


def _in_chunks(integral: Callable, given: Given, sets: np.ndarray, nodes: int, cores: int) -> list[np.ndarray]:
    """``integrate`` or ``probabilities``, some draws and some sets at a time, so that memory is bounded."""
    size = (sets.shape[1] + 1) * nodes ** given.z.shape[1]
    sets_at_a_time = max(1, CHUNK // size)
    draws_at_a_time = max(1, CHUNK // (size * min(sets_at_a_time, len(sets))))
    starts = range(0, len(given.eta), draws_at_a_time)

    def some(start: int) -> list[np.ndarray]:
        few = given.take(slice(start, start + draws_at_a_time))
        parts = [integral(few, sets[i : i + sets_at_a_time], nodes) for i in range(0, len(sets), sets_at_a_time)]
        return [np.concatenate(values, axis=1) for values in zip(*parts, strict=True)]

    with ThreadPoolExecutor(cores) as pool:
        return [np.concatenate(values) for values in zip(*pool.map(some, starts), strict=True)]


# Steps and nodes may go where a density is zero or infinite to the last digit.
@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def integrate(given: Given, sets: np.ndarray, nodes: int, *, without_each: bool = False) -> list[np.ndarray]:
    """Log densities of sets of rows, each of one unit, with the unit's effects integrated out.

    The effects are u = L v with v standard normal; the nodes are placed around the mode of v given the rows, and as far
    apart as its curvature there says.

    Parameters
    ----------
    given
        The model.
    sets : (sets, m)
        Positions of rows; m may be 0.
    nodes
        How many along each effect.
    without_each
        Whether to give also the densities without each of the rows, with the same nodes.

    Returns
    -------
    list of (draws, sets) and, where asked for, (draws, sets, m)
    """
    at = _at_nodes(given, sets, nodes)
    constants = np.broadcast_to(given.family.constant(**given.at(sets)), at.eta.shape[:-1])
    beside = at.log_determinant + constants.sum(axis=-1)
    whole = log_sum_exp(at.terms) + beside
    if not without_each:
        return [whole]
    return [whole, log_sum_exp(at.terms[..., None, :] - at.by_row) + beside[..., None] - constants]


class _AtNodes(NamedTuple):
    """A model at the nodes of sets of rows.

    Attributes
    ----------
    eta, by_row : (draws, sets, m, nodes)
        Linear predictors, and kernels of the densities of the rows.
    terms : (draws, sets, nodes)
        Logs of what is added up, but for the determinant.
    log_determinant : (draws, sets)
    beside
        What a density depends on beside the linear predictor.
    """

    eta: np.ndarray
    by_row: np.ndarray
    terms: np.ndarray
    log_determinant: np.ndarray
    beside: dict[str, np.ndarray]


def _at_nodes(given: Given, sets: np.ndarray, nodes: int) -> _AtNodes:
    own = given.at(sets)
    direction = np.einsum("smj,djk->dsmk", given.z[sets], given.cholesky)
    eta = given.eta[:, sets]
    mode, spread = placement(given, own, eta, direction)
    x, log_weights = grid(nodes, direction.shape[-1])
    # (draws, sets, effects, nodes)
    v = mode[..., None] + spread @ x.T
    beside = {name: value[..., None] for name, value in own.items()}
    eta = eta[..., None] + direction @ v
    by_row = given.family.kernel(eta=eta, link=given.link, **beside)
    terms = log_weights - 0.5 * (v**2).sum(axis=-2) + by_row.sum(axis=-2)
    log_determinant = np.log(np.diagonal(spread, axis1=-2, axis2=-1)).sum(axis=-1)
    return _AtNodes(eta, by_row, terms, log_determinant, beside)


@cache
def grid(nodes: int, effects: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (nodes ** effects, effects), and logs of weights for integrals of a function without the normal density.

    Those of the normal density of v are put in: sum(exp(log_weights - v^2 / 2)) is 1 where v are the nodes themselves.
    """
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    logs = np.log(weights / np.sqrt(2 * np.pi)) + points**2 / 2
    along_each = np.array(list(product(zip(points, logs, strict=True), repeat=effects)))
    along_each = along_each.reshape(nodes**effects, effects, 2)
    return along_each[..., 0], along_each[..., 1].sum(axis=-1)


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def placement(
    given: Given, own: dict, eta: np.ndarray, direction: np.ndarray, steps: int = STEPS
) -> tuple[np.ndarray, np.ndarray]:
    """Mode of the standardised effects given some rows, (draws, sets, q), and a triangular root of their covariance.

    Newton's steps, so many at most; one that lowers the density is taken back by half. Where the density of a row is
    not log-concave, its curvature counts as none. ``eta`` is (draws, sets, m), ``direction``, the derivative of the
    linear predictor by the effects, (draws, sets, m, q).
    """
    identity = np.eye(direction.shape[-1])
    mode = np.zeros((*eta.shape[:2], direction.shape[-1]))
    if not identity.size:
        return mode, np.empty((*mode.shape, 0))
    step, best = np.zeros_like(mode), np.full(eta.shape[:2], -np.inf)
    for _ in range(steps):
        at = eta + (direction @ mode[..., None])[..., 0]
        value, first, second = given.family.derivatives(eta=at, link=given.link, **own)
        density = value.sum(axis=-1) - 0.5 * (mode**2).sum(axis=-1)
        gradient = (first[..., None] * direction).sum(axis=-2) - mode
        curved = np.maximum(-second, 0.0)[..., None] * direction
        root = _root(identity + np.swapaxes(curved, -1, -2) @ direction)
        worse = ~(density >= best - CLOSE)
        newton = (root @ (np.swapaxes(root, -1, -2) @ gradient[..., None]))[..., 0]
        arrived = ~worse & ((gradient * newton).sum(axis=-1) < CLOSE)
        if arrived.all():
            break
        step = np.where(worse[..., None], step / 2, np.where(arrived[..., None], 0.0, newton))
        mode = np.where(worse[..., None], mode - step, mode + step)
        best = np.where(worse, best, density)
    known = np.isfinite(root).all(axis=(-2, -1), keepdims=True)
    return mode, np.where(known, root, identity)


def _root(precision: np.ndarray) -> np.ndarray:
    """Triangular roots R of inverses R R' of matrices (..., q, q) that are I + A with a positive semidefinite A.

    The diagonal of their Cholesky factors is at least 1, and is kept so however numbers are rounded.
    """
    cholesky, inverse = np.zeros_like(precision), np.zeros_like(precision)
    for i in range(precision.shape[-1]):
        for j in range(i + 1):
            rest = precision[..., i, j] - (cholesky[..., i, :j] * cholesky[..., j, :j]).sum(axis=-1)
            cholesky[..., i, j] = np.sqrt(np.maximum(rest, 1.0)) if i == j else rest / cholesky[..., j, j]
        for j in range(i):
            known = (cholesky[..., i, j:i] * inverse[..., j:i, j]).sum(axis=-1)
            inverse[..., i, j] = -known / cholesky[..., i, i]
        inverse[..., i, i] = 1 / cholesky[..., i, i]
    return np.swapaxes(inverse, -1, -2)
