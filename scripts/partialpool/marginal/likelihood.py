"""Log likelihood of the scales with all coefficients integrated out, and its gradient."""

from functools import cache

import numpy as np

from partialpool.marginal import batched
from partialpool.marginal.batched import (
    LANES,
    Program,
    cholesky_names,
    compiled,
    copy,
    eliminate,
    execute,
    factorise,
    fill,
    inner,
    solve_lower,
    solve_upper,
    unit_names,
)


@cache
def likelihood_program(q: int, p: int) -> tuple[np.ndarray, tuple[int, int, int]]:
    """What ``log_likelihood`` needs of each unit, for q effects and p common coefficients.

    Returns
    -------
    operations : (operations, 4)
    layout
        Number of rows of the table; row of the product of |W| over the blocks; and first row of those that add up
        products over the blocks: E'E, A'A and P P' (lower triangles), where A = K^-1 R and P = A'E.
    """
    program = Program(["zero", "one", "sigma2", *cholesky_names(q)], unit_names(q, p))
    columns = range(p + 1)
    determinant = program["determinant"]
    eliminate(program, q, p, "determinant")
    for j in range(q):
        program.solve("K", [("R", i, j) if j >= i else None for i in range(q)], [("A", i, j) for i in range(q)])
    pairs = [(i, j) for i in range(q) for j in columns]
    for i, j in pairs:
        program.sum(("P", i, j), [(("A", k, i), ("E", k, j)) for k in range(q)])
    sums = len(program.places)
    for name, size in (("E", p + 1), ("A", q)):
        for i in range(size):
            for j in range(i + 1):
                program.accumulate((name, "sum", i, j), [((name, k, i), (name, k, j)) for k in range(q)])
    for place, pair in enumerate(pairs):
        for other in pairs[: place + 1]:
            program.accumulate(("P", "sum", *pair, *other), [(("P", *pair), ("P", *other))])
    return program.operations, (len(program.places), determinant, sums)


@compiled
def log_likelihood(sigma, cholesky, operations, layout, units, rest, mean, c, b):
    """Log likelihood with all coefficients integrated out, and its gradient.

    Parameters
    ----------
    sigma, cholesky
        Residual standard deviation; L, the Cholesky factor of the covariance of a unit's effects, (q, q).
    operations, layout : (operations, 4), (4,)
        From ``likelihood_program``, and behind it the number of rows n.
    units : (blocks, inputs, LANES)
        R_j and Q_j'[X_j y_j], as ``unit_names`` orders them.
    rest : (p + 1, p + 1)
        Sum over units of the cross products of [X_j y_j] outside of the span of Z_j.
    mean : (p,)
        Prior mean m of the common coefficients.
    c, b : (p, p), (p,)
        Filled with the Cholesky factor of the posterior precision I + sum X'V^-1 X of the common coefficients given the
        scales, and with their posterior mean.

    Returns
    -------
    log_likelihood, d_sigma, d_cholesky
        In nats; d_cholesky is (q, q), lower triangular.
    """
    rows, determinant, sums, n = layout
    q, p = cholesky.shape[0], mean.size
    s2 = sigma * sigma
    table = np.zeros((rows, LANES))
    log_determinant = _run_over_units(table, s2, cholesky, operations, determinant, units)
    log_determinant += (n - units.shape[0] * LANES * q) * np.log(sigma)

    gram = np.empty((p + 1, p + 1))
    row = sums
    for i in range(p + 1):
        for j in range(i + 1):
            gram[i, j] = rest[i, j] / s2 + batched.total(table, row)
            gram[j, i] = gram[i, j]
            row += 1
    for i in range(p):
        b[i] = gram[i, p] + mean[i]
        for j in range(p):
            c[i, j] = gram[i, j] + (1.0 if i == j else 0.0)
    factorise(c)
    solve_lower(c, b)
    quadratic = gram[p, p]
    for i in range(p):
        quadratic += mean[i] * mean[i] - b[i] * b[i]
        log_determinant += np.log(c[i, i])
    solve_upper(c, b)
    value = -0.5 * (n * np.log(2 * np.pi) + quadratic) - log_determinant
    d_sigma, d_cholesky = _gradient(table, row, sigma, cholesky, gram, c, b, n)
    return value, d_sigma, d_cholesky


@inner
def _run_over_units(table, s2, cholesky, operations, determinant, units):
    """Run the program on all blocks of units; half the logarithm of the product of their |W|."""
    row = 1
    for value in (1.0, s2):
        fill(table, row, value)
        row += 1
    for i in range(cholesky.shape[0]):
        for j in range(i + 1):
            fill(table, row, cholesky[i, j])
            row += 1
    fill(table, determinant, 1.0)
    blocks = units.shape[0]
    log_determinant = 0.0
    for block in range(blocks):
        copy(table, row, units[block])
        execute(operations, table)
        # Logarithms are slow, so they are taken of products over blocks, while these are in the range of a number.
        representable = True
        for i in range(LANES):
            representable &= 1e-100 < table[determinant, i] < 1e100
        if not representable or block == blocks - 1:
            for i in range(LANES):
                log_determinant += 0.5 * np.log(table[determinant, i])
            fill(table, determinant, 1.0)
    return log_determinant


@inner
def _gradient(table, row, sigma, cholesky, gram, c, b, n):
    """Derivatives with respect to sigma and the Cholesky factor; ``row`` is the first of the table's sums of A'A."""
    q, p, columns = cholesky.shape[0], b.size, b.size + 1
    # d log p / d W = -1/2 (W^-1 - K^-T E B E'K^-1), where B = [I -b]'[posterior covariance of b, and 1][I -b].
    weight = np.zeros((columns, columns))
    column = np.zeros(p)
    for i in range(p):
        for j in range(p):
            column[j] = 1.0 if i == j else 0.0
        solve_lower(c, column)
        solve_upper(c, column)
        for j in range(p):
            weight[i, j] = column[j] + b[i] * b[j]
        weight[i, p] = -b[i]
        weight[p, i] = -b[i]
    weight[p, p] = 1.0
    d_covariance = np.zeros((q, q))
    for i in range(q):
        for j in range(i + 1):
            d_covariance[i, j] -= 0.5 * batched.total(table, row)
            d_covariance[j, i] = d_covariance[i, j]
            row += 1
    for first in range(q * columns):
        for second in range(first + 1):
            i, j = first // columns, second // columns
            total = 0.5 * weight[first % columns, second % columns] * batched.total(table, row)
            row += 1
            d_covariance[i, j] += total
            if first != second:
                d_covariance[j, i] += total
    d_cholesky = np.zeros((q, q))
    d_sigma = float(n)
    for i in range(q):
        for j in range(i + 1):
            for k in range(j, q):
                d_cholesky[i, j] += 2 * d_covariance[i, k] * cholesky[k, j]
            d_sigma += d_cholesky[i, j] * cholesky[i, j]
    # sigma^2 tr W^-1 = n - tr W^-1 F F', and so for the other term: the traces of F are those of d_cholesky.
    for i in range(columns):
        for j in range(columns):
            d_sigma -= weight[i, j] * gram[i, j]
    return -d_sigma / sigma, d_cholesky


@compiled
def log_likelihood_without_units(sigma, rest, mean, n):
    """``log_likelihood`` where no effect belongs to a unit: X is rotated so that X'X is diagonal.

    Returns
    -------
    log_likelihood, d_sigma
    """
    p = mean.size
    s2 = sigma * sigma
    quadratic, log_determinant = rest[p, p] / s2, 0.0
    residual = rest[p, p]
    for i in range(p):
        a = 1 + rest[i, i] / s2
        b = (mean[i] + rest[i, p] / s2) / a
        quadratic += mean[i] * mean[i] - a * b * b
        log_determinant += np.log(a)
        residual += rest[i, i] * (b * b + 1 / a) - 2 * b * rest[i, p]
    value = -0.5 * (n * np.log(2 * np.pi * s2) + log_determinant + quadratic)
    return value, (residual / s2 - n) / sigma
