"""Densities of what is left out, given the scales."""

from functools import cache

import numpy as np

from partialpool.marginal.batched import (
    DRAW,
    LANES,
    Program,
    cholesky_names,
    eliminate,
    evaluate,
    in_blocks,
    posterior,
    scalars,
    unit_names,
)
from partialpool.marginal.coefficients import thinned
from partialpool.marginal.design import Design, NoClosedForm
from partialpool.marginal.statistics import CHUNK, LARGE, WithoutUnits, WithUnits, statistics, triangles
from partialpool.model.population import population


@cache
def leave_out_program(q: int, p: int, m: int) -> tuple[np.ndarray, int, np.ndarray]:
    """Density of m rows of a unit given all other rows and the scales; they are its further inputs.

    With P the posterior covariance of all coefficients given the scales and w the design of the rows, H = w P w' /
    sigma^2 and the residuals e at the posterior mean, the rows given the others are normal around y - (I - H)^-1 e with
    covariance sigma^2 (I - H)^-1.

    Returns
    -------
    operations, rows
        As above.
    outputs
        Rows of |I - H| and e'(I - H)^-1 e.
    """
    common = [("b", j) for j in range(p)] + [("C", i, j) for i in range(p) for j in range(i + 1)]
    z = [("z", t, i) for t in range(m) for i in range(q)]
    xy = [("x", t, j) for t in range(m) for j in range(p + 1)]
    program = Program([*DRAW, *cholesky_names(q), *common], unit_names(q, p) + z + xy)
    eliminate(program, q, p)
    posterior(program, q, p)
    for t in range(m):
        own, shared = [("own", t, i) for i in range(q)], [("shared", t, j) for j in range(p)]
        for i in range(q):
            program.sum(own[i], [(("z", t, k), ("L", k, i)) for k in range(i, q)])
        predicted = [(own[i], ("v", i)) for i in range(q)] + [(("x", t, j), ("b", j)) for j in range(p)]
        program.sum(("e", t), [(("x", t, p), "one")], predicted)
        # What is left of the common design after the unit's own effects took their part: x - own G'E.
        for i in range(q):
            program.sum(("along", t, i), [(own[k], ("G", i, k)) for k in range(q)])
        for j in range(p):
            along = [(("along", t, i), ("E", i, j)) for i in range(q)]
            program.sum(shared[j], [(("x", t, j), "one")], along)
        program.solve("precision", own, own)
        program.solve("C", shared, shared)
    w = [("own", i) for i in range(q)] + [("shared", j) for j in range(p)]
    for t in range(m):
        for s in range(t + 1):
            program.sum("h", [((kind, t, i), (kind, s, i)) for kind, i in w])
            program.sum(("rest", t, s), [("one", "one")] if s == t else (), [("h", "1/sigma2")])
    rows, outputs = _given_others(program, m)
    return program.operations, rows, outputs


@cache
def given_others_program(m: int) -> tuple[np.ndarray, int, np.ndarray]:
    """The last part of ``leave_out_program``: its inputs are the lower triangle of I - H, and e."""
    rest = [("rest", t, s) for t in range(m) for s in range(t + 1)]
    program = Program(DRAW, rest + [("e", t) for t in range(m)])
    rows, outputs = _given_others(program, m)
    return program.operations, rows, outputs


def _given_others(program: Program, m: int) -> tuple[int, np.ndarray]:
    program.sum("determinant", [("one", "one")])
    program.cholesky("rest", m, "determinant")
    e = [("e", t) for t in range(m)]
    program.solve("rest", e, e)
    program.sum("quadratic", [(value, value) for value in e])
    return len(program.places), np.array([program["determinant"], program["quadratic"]])


def leave_out(matrices: Design, posterior, subsets: np.ndarray) -> np.ndarray:
    """Log density of each subset of rows given all other rows and the scales, with all coefficients integrated out.

    Parameters
    ----------
    matrices
        From ``design``.
    posterior
        Dataset of a fit of the model, by any engine.
    subsets : (n,)
        Which subset a row belongs to, 0, 1, ... without a gap.

    Returns
    -------
    (chain, draw, subsets), in nats
        With all draws, or so many that there are about 10^8 numbers.

    Raises
    ------
    NoClosedForm
        If the rows of a subset belong to several members of the grouping factor.
    """
    if len(matrices.factors) > 1:
        raise NoClosedForm("its effects have several grouping factors")
    # In a large study the scales are known well: a subset of draws suffices.
    shape = posterior.sizes["chain"], posterior.sizes["draw"]
    posterior = posterior.isel(draw=thinned((1, shape[1]), max(100, LARGE // (shape[0] * (int(subsets.max()) + 1)))))
    sigma = posterior["sigma"].transpose("chain", "draw").to_numpy()
    cholesky = np.zeros((sigma.size, 0, 0))
    if matrices.terms:
        cholesky = population(posterior, matrices.terms).cholesky.reshape(sigma.size, *[matrices.z.shape[1]] * 2)
    densities = left_out(statistics(matrices), matrices.z, matrices.codes, sigma.ravel(), cholesky, subsets)
    if densities is None:
        raise NoClosedForm(f"what is left out together belongs to several members of {matrices.terms[0].grouping}")
    return densities.reshape(*sigma.shape, -1)


def left_out(gathered: WithUnits | WithoutUnits, z, codes, sigma, cholesky, subsets) -> np.ndarray | None:
    """``leave_out`` given draws of the scales, (draws, subsets); None if a subset has rows of several units."""
    # Subsets in the order of the units they belong to.
    order = np.lexsort((subsets, codes))
    starts = np.flatnonzero(np.diff(subsets[order], prepend=-1))
    which, unit = subsets[order[starts]], codes[order[starts]]
    if len(np.unique(which)) < len(which):
        return None
    b, precision_cholesky = gathered.conditions(sigma, cholesky)
    densities = np.empty((len(sigma), len(which)))
    leave = _leave_out_of_units if isinstance(gathered, WithUnits) else _leave_out_without_units
    for some, rows, spare, squares in compress(np.append(starts, len(order)), order, z, gathered.xy):
        for draws in np.array_split(np.arange(len(sigma)), -(-rows.size * len(sigma) // CHUNK)):
            given = gathered, sigma[draws], cholesky[draws], b[draws], precision_cholesky[draws]
            determinant, quadratic = leave(*given, unit[some], rows)
            variance = sigma[draws, None] ** 2
            constant = (rows.shape[1] + spare) * np.log(2 * np.pi * variance)
            value = -0.5 * (constant - np.log(determinant) + (quadratic + squares) / variance)
            densities[draws[:, None], which[some]] = value
    return densities


def compress(starts: np.ndarray, order: np.ndarray, z: np.ndarray, xy: np.ndarray):
    """Rows of each subset in as few rows as have the same likelihood.

    Parameters
    ----------
    starts : (subsets + 1,)
        Where the rows of each subset begin in ``order``.
    order, z, xy
        See ``gather``.

    Yields
    ------
    subsets : (some,)
        Subsets with the same number of rows.
    rows : (some, m, q + p + 1)
        Their rows; m is at most q + p.
    spare, squares : (), (some,)
        How many rows without any design each has beside these, and the sum of squares of their outcomes.
    """
    design = z.shape[1] + xy.shape[1] - 1
    for which, triangle in triangles(starts, order, np.column_stack([z, xy])):
        size = starts[which[0] + 1] - starts[which[0]]
        yield which, triangle[:, : min(size, design)], max(size - design, 0), triangle[:, design, design] ** 2


def _leave_out_of_units(gathered: WithUnits, sigma, cholesky, b, precision_cholesky, unit, rows):
    """|I - H| and e'(I - H)^-1 e of rows left out (``leave_out_program``), both (draws, subsets).

    ``rows`` (subsets, m, q + p + 1) belong to ``unit`` (subsets,).
    """
    p, q, m = b.shape[1], gathered.q, rows.shape[1]
    lower = np.tril_indices(p)
    inverted = precision_cholesky[:, *lower]
    inverted[:, lower[0] == lower[1]] **= -1.0
    program = leave_out_program(q, p, m)
    of_units = gathered.units.transpose(0, 2, 1).reshape(-1, gathered.units.shape[1])
    own = [of_units[unit], rows[:, :, :q].reshape(len(rows), -1), rows[:, :, q:].reshape(len(rows), -1)]
    inputs = in_blocks(np.concatenate(own, axis=1))
    nothing = np.empty((len(sigma), len(inputs), 0, LANES))
    return _evaluated(program, scalars(sigma, cholesky, b, inverted), inputs, nothing)[:, :, : len(rows)]


def _leave_out_without_units(gathered: WithoutUnits, sigma, cholesky, b, precision_cholesky, unit, rows):
    """The same where no effect belongs to a unit; ``precision_cholesky`` is diagonal, (draws, p)."""
    draws, (subsets, m) = len(sigma), rows.shape[:2]
    blocks = -(-subsets // LANES)
    inputs = np.zeros((m * (m + 1) // 2 + m, draws, blocks * LANES))
    precision, place = (sigma[:, None] * precision_cholesky) ** -2.0, 0
    for t in range(m):
        for s in range(t + 1):
            inputs[place, :, :subsets] = float(s == t) - precision @ (rows[:, t, :-1] * rows[:, s, :-1]).T
            place += 1
    for t in range(m):
        inputs[place + t, :, :subsets] = rows[:, t, -1] - b @ rows[:, t, :-1].T
    varying = inputs.reshape(len(inputs), draws, blocks, LANES).transpose(1, 2, 0, 3)
    program = given_others_program(m)
    nothing = np.empty((blocks, 0, LANES))
    return _evaluated(program, scalars(sigma, cholesky), nothing, np.ascontiguousarray(varying))[:, :, :subsets]


def _evaluated(program: tuple, draws: np.ndarray, inputs: np.ndarray, varying: np.ndarray) -> np.ndarray:
    """Two outputs of a program, (2, draws, units)."""
    outputs = np.empty((len(draws), len(inputs), 2, LANES))
    evaluate(*program, draws, inputs, varying, outputs)
    return outputs.transpose(2, 0, 1, 3).reshape(2, len(draws), -1)
