"""Linear algebra of the collapsed engine: Gaussian models with every coefficient integrated out.

Notation. Person j has rows y_j = X_j b + Z_j u_j + e, with b ~ N(m, I), u_j = L v_j, v_j ~ N(0, I) and
e ~ N(0, sigma^2 I). A QR decomposition Z_j = Q_j R_j, made once, turns the rows into q numbers Q_j'y_j, q x p numbers
Q_j'X_j, and a rest outside of the span of Z_j, of which only sums over all people are needed. In that basis the
covariance of a person, given b, is W_j = sigma^2 I + F_j F_j' with F_j = R_j L: no difference of large numbers is ever
taken, so that it holds for sd -> 0 and for correlations -> 1.

What is done for each person is the same few hundred multiplications, written down once for the sizes q and p as a
``Program`` of elementwise operations on rows of a table, whose columns are people. A loop that Numba compiles in a
second runs any program, 128 people at a time: that many are enough for vector instructions, and few enough for the
cache of the processor. Unused columns of the last block are people without rows, who change nothing.

Source: block elimination of the mixed model equations, Bates et al. (2015), J. Stat. Software 67(1), section 5.4; the
gradient by the envelope theorem.
"""

from functools import cache

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, njit, types
from numba.extending import intrinsic

LANES = 128
MULTIPLY, ADD, SUBTRACT, ROOT = range(4)
# Scalars of a draw that the programs below begin with.
DRAW = ["zero", "one", "sigma2", "1/sigma2"]

compiled = njit(cache=True, nogil=True, error_model="numpy")
# Called by compiled functions only: without an entry for Python there is less to compile.
inner = njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)


# ------------------------------------------------------------------------------------------------ programs


class Program:
    """Elementwise operations on the rows of a table; a name is a tuple, and stands for a row.

    The first rows are the ``scalars`` (the same for all people, filled anew for each draw), then the ``inputs`` (of
    each person), then what is computed. ``operations`` are (kind, row of the result, row, row).
    """

    def __init__(self, scalars: list, inputs: list):
        self.places = {name: place for place, name in enumerate([*scalars, *inputs])}
        self.scalars, self.inputs = list(scalars), list(inputs)
        self._operations = []

    def __getitem__(self, name) -> int:
        return self.places.setdefault(name, len(self.places))

    def _write(self, kind: int, name, x, y) -> None:
        # Operands first: a name that is new must be the result.
        x, y = self.places[x], self.places[y]
        self._operations.append((kind, self[name], x, y))

    def sum(self, name, plus=(), minus=()):
        """Row ``name`` becomes the sum of the products ``plus`` less those ``minus``; both are pairs of names."""
        if not plus:
            plus = [("zero", "zero")]
        self._write(MULTIPLY, name, *plus[0])
        for pair in plus[1:]:
            self._write(ADD, name, *pair)
        for pair in minus:
            self._write(SUBTRACT, name, *pair)

    def accumulate(self, name, pairs) -> None:
        """Products are added to a row that starts at zero and is kept from block to block."""
        self[name]
        for pair in pairs:
            self._write(ADD, name, *pair)

    def root(self, name) -> None:
        """Row ``name`` becomes 1 / its square root."""
        self._write(ROOT, name, name, name)

    def cholesky(self, name: str, size: int, determinant=None) -> None:
        """Rows (name, i, j), j <= i, of a positive definite matrix become its Cholesky factor, its diagonal inverted.

        ``determinant``, if named, is multiplied by the determinant.
        """
        for i in range(size):
            for j in range(i + 1):
                entry = (name, i, j)
                self.sum(entry, [(entry, "one")], [((name, i, k), (name, j, k)) for k in range(j)])
                if i == j:
                    if determinant:
                        self._write(MULTIPLY, determinant, determinant, entry)
                    self.root(entry)
                else:
                    self._write(MULTIPLY, entry, entry, (name, j, j))

    def solve(self, name: str, x: list, out: list) -> None:
        """Rows ``out`` become the solution of C out = x, of a factor from ``cholesky``; ``None`` in x is a zero."""
        for i, (value, result) in enumerate(zip(x, out, strict=True)):
            self.sum(result, [(value, "one")] if value else (), [((name, i, k), out[k]) for k in range(i)])
            self._write(MULTIPLY, result, result, (name, i, i))

    def solve_transposed(self, name: str, x: list, out: list) -> None:
        """Rows ``out`` become the solution of C' out = x."""
        for i in reversed(range(len(x))):
            known = [((name, k, i), out[k]) for k in range(i + 1, len(x))]
            self.sum(out[i], [(x[i], "one")], known)
            self._write(MULTIPLY, out[i], out[i], (name, i, i))

    @property
    def operations(self) -> np.ndarray:
        return np.array(self._operations, dtype=np.int64).reshape(-1, 4)


def factor_names(q: int) -> list[tuple]:
    """Scalars that are the entries of L, row by row."""
    return [("L", i, j) for i in range(q) for j in range(i + 1)]


def person_names(q: int, p: int) -> list[tuple]:
    """Inputs that are the statistics of a person: R, upper triangular, and Q'[X y]."""
    triangle = [("R", i, j) for i in range(q) for j in range(i, q)]
    return triangle + [("y", i, j) for i in range(q) for j in range(p + 1)]


def _eliminate(program: Program, q: int, p: int, determinant=None) -> None:
    """F = R L, the Cholesky factor K of W = sigma^2 I + F F', and E = K^-1 [X y]."""
    for i in range(q):
        for j in range(q):
            program.sum(("F", i, j), [(("R", i, k), ("L", k, j)) for k in range(max(i, j), q)])
    for i in range(q):
        for j in range(i + 1):
            squares = [(("F", i, k), ("F", j, k)) for k in range(q)]
            program.sum(("K", i, j), ([("sigma2", "one")] if i == j else []) + squares)
    program.cholesky("K", q, determinant)
    for j in range(p + 1):
        program.solve("K", [("y", i, j) for i in range(q)], [("E", i, j) for i in range(q)])


@cache
def likelihood_program(q: int, p: int) -> tuple[np.ndarray, tuple[int, int, int]]:
    """What ``log_likelihood`` needs of each person, for q effects and p common coefficients.

    Returns
    -------
    operations : (operations, 4)
    layout
        Number of rows of the table; row of the product of |W| over the blocks; and first row of those that add up
        products over the blocks: E'E, A'A and P P' (lower triangles), where A = K^-1 R and P = A'E.
    """
    program = Program(["zero", "one", "sigma2", *factor_names(q)], person_names(q, p))
    columns = range(p + 1)
    determinant = program["determinant"]
    _eliminate(program, q, p, "determinant")
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


@cache
def effects_program(q: int, p: int) -> tuple[np.ndarray, int, np.ndarray]:
    """Effects of a person given the scales and the common coefficients: from standard normal numbers z, L v.

    v has the precision I + F'F / sigma^2 and the mean F'W^-1 (y - X b).

    Returns
    -------
    operations, rows
        As above; the last q inputs are z.
    outputs
        Rows of the effects.
    """
    common = [("b", j) for j in range(p)]
    noise = [("z", i) for i in range(q)]
    program = Program([*DRAW, *factor_names(q), *common], person_names(q, p) + noise)
    _eliminate(program, q, p)
    _posterior(program, q, p)
    program.solve_transposed("precision", noise, [("step", i) for i in range(q)])
    for i in range(q):
        program.sum(("v", i), [(("v", i), "one"), (("step", i), "one")])
    for i in range(q):
        program.sum(("u", i), [(("L", i, j), ("v", j)) for j in range(i + 1)])
    return program.operations, len(program.places), np.array([program["u", i] for i in range(q)])


def _posterior(program: Program, q: int, p: int) -> None:
    """Mean v and Cholesky factor of the precision of a person's v given b; G = K^-1 F."""
    for j in range(q):
        program.solve("K", [("F", i, j) for i in range(q)], [("G", i, j) for i in range(q)])
    for i in range(q):
        for j in range(i + 1):
            program.sum("h", [(("F", k, i), ("F", k, j)) for k in range(q)])
            program.sum(("precision", i, j), [("h", "1/sigma2")] + ([("one", "one")] if i == j else []))
    program.cholesky("precision", q)
    for i in range(q):
        program.sum(("residual", i), [(("E", i, p), "one")], [(("E", i, j), ("b", j)) for j in range(p)])
    for i in range(q):
        program.sum(("v", i), [(("G", k, i), ("residual", k)) for k in range(q)])


@cache
def leave_out_program(q: int, p: int, m: int) -> tuple[np.ndarray, int, np.ndarray]:
    """Density of m rows of a person given all other rows and the scales; they are its further inputs.

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
    program = Program([*DRAW, *factor_names(q), *common], person_names(q, p) + z + xy)
    _eliminate(program, q, p)
    _posterior(program, q, p)
    for t in range(m):
        own, shared = [("own", t, i) for i in range(q)], [("shared", t, j) for j in range(p)]
        for i in range(q):
            program.sum(own[i], [(("z", t, k), ("L", k, i)) for k in range(i, q)])
        predicted = [(own[i], ("v", i)) for i in range(q)] + [(("x", t, j), ("b", j)) for j in range(p)]
        program.sum(("e", t), [(("x", t, p), "one")], predicted)
        # What is left of the common design after the person's own effects took their part: x - own G'E.
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
    found = _given_others(program, m)
    return program.operations, *found


@cache
def given_others_program(m: int) -> tuple[np.ndarray, int, np.ndarray]:
    """The last part of ``leave_out_program``: its inputs are the lower triangle of I - H, and e."""
    rest = [("rest", t, s) for t in range(m) for s in range(t + 1)]
    program = Program(DRAW, rest + [("e", t) for t in range(m)])
    found = _given_others(program, m)
    return program.operations, *found


def _given_others(program: Program, m: int) -> tuple[int, np.ndarray]:
    program.sum("determinant", [("one", "one")])
    program.cholesky("rest", m, "determinant")
    e = [("e", t) for t in range(m)]
    program.solve("rest", e, e)
    program.sum("quadratic", [(value, value) for value in e])
    return len(program.places), np.array([program["determinant"], program["quadratic"]])


# ------------------------------------------------------------------------------------------------ the machine


@inner
def _execute(operations, table):
    """Run a program on a table, (rows, LANES)."""
    for place in range(operations.shape[0]):
        kind, out, x, y = operations[place]
        if kind == MULTIPLY:
            for i in range(LANES):
                table[out, i] = table[x, i] * table[y, i]
        elif kind == ADD:
            for i in range(LANES):
                table[out, i] += table[x, i] * table[y, i]
        elif kind == SUBTRACT:
            for i in range(LANES):
                table[out, i] -= table[x, i] * table[y, i]
        else:
            for i in range(LANES):
                table[out, i] = 1 / np.sqrt(table[out, i])


# Slices and sums of NumPy would be as fast, and take Numba four seconds to compile.


@inner
def _fill(table, row, value):
    for i in range(LANES):
        table[row, i] = value


@inner
def _copy(table, row, values):
    for k in range(values.shape[0]):
        for i in range(LANES):
            table[row + k, i] = values[k, i]


@inner
def _total(table, row):
    total = 0.0
    for i in range(LANES):
        total += table[row, i]
    return total


@compiled
def evaluate(operations, rows, outputs, scalars, inputs, varying, out):
    """Run a program for each draw and each block of people.

    Parameters
    ----------
    operations, rows, outputs
        The program.
    scalars : (draws, scalars)
        What is the same for all people.
    inputs : (blocks, inputs, LANES)
        What is the same for all draws.
    varying : (draws, blocks, more inputs, LANES)
        More inputs, which differ between both.
    out : (draws, blocks, outputs, LANES)
        Filled; may be ``varying``.
    """
    table = np.zeros((rows, LANES))
    first = scalars.shape[1]
    second = first + inputs.shape[1]
    for draw in range(scalars.shape[0]):
        for row in range(first):
            _fill(table, row, scalars[draw, row])
        for block in range(inputs.shape[0]):
            _copy(table, first, inputs[block])
            _copy(table, second, varying[draw, block])
            _execute(operations, table)
            for k in range(outputs.size):
                for i in range(LANES):
                    out[draw, block, k, i] = table[outputs[k], i]


@inner
def _cholesky(a):
    """Lower Cholesky factor of a symmetric positive definite matrix, in its place; of others it holds nan."""
    for i in range(a.shape[0]):
        for j in range(i + 1):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] = np.sqrt(a[i, j]) if i == j else a[i, j] / a[j, j]
        for j in range(i + 1, a.shape[0]):
            a[i, j] = 0.0


@inner
def _solve_lower(c, x):
    """Solve C z = x in place."""
    for i in range(x.size):
        for k in range(i):
            x[i] -= c[i, k] * x[k]
        x[i] /= c[i, i]


@inner
def _solve_upper(c, x):
    """Solve C' z = x in place."""
    for i in range(x.size - 1, -1, -1):
        for k in range(i + 1, x.size):
            x[i] -= c[k, i] * x[k]
        x[i] /= c[i, i]


@compiled
def log_likelihood(sigma, factor, operations, layout, people, rest, mean, c, b):
    """Log likelihood with all coefficients integrated out, and its gradient.

    Parameters
    ----------
    sigma, factor
        Residual standard deviation; L, (q, q), lower triangular.
    operations, layout : (operations, 4), (4,)
        From ``likelihood_program``, and behind it the number of rows n.
    people : (blocks, inputs, LANES)
        R_j and Q_j'[X_j y_j], as ``person_names`` orders them.
    rest : (p + 1, p + 1)
        Sum over people of the cross products of [X_j y_j] outside of the span of Z_j.
    mean : (p,)
        Prior mean m of the common coefficients.
    c, b : (p, p), (p,)
        Filled with the Cholesky factor of the posterior precision I + sum X'V^-1 X of the common coefficients given the
        scales, and with their posterior mean.

    Returns
    -------
    log_likelihood, d_sigma, d_factor
        In nats; d_factor is (q, q), lower triangular.
    """
    rows, determinant, sums, n = layout
    q, columns = factor.shape[0], mean.size + 1
    p = columns - 1
    s2 = sigma * sigma
    table = np.zeros((rows, LANES))
    row = 1
    for value in (1.0, s2):
        _fill(table, row, value)
        row += 1
    for i in range(q):
        for j in range(i + 1):
            _fill(table, row, factor[i, j])
            row += 1
    _fill(table, determinant, 1.0)
    blocks = people.shape[0]
    log_determinant = 0.0
    for block in range(blocks):
        _copy(table, row, people[block])
        _execute(operations, table)
        # Logarithms are dear: of products over blocks, before they are too large or too small for a number.
        representable = True
        for i in range(LANES):
            representable &= 1e-100 < table[determinant, i] < 1e100
        if not representable or block == blocks - 1:
            for i in range(LANES):
                log_determinant += 0.5 * np.log(table[determinant, i])
            _fill(table, determinant, 1.0)
    log_determinant += (n - blocks * LANES * q) * np.log(sigma)

    gram = np.empty((columns, columns))
    row = sums
    for i in range(columns):
        for j in range(i + 1):
            gram[i, j] = rest[i, j] / s2 + _total(table, row)
            gram[j, i] = gram[i, j]
            row += 1
    for i in range(p):
        b[i] = gram[i, p] + mean[i]
        for j in range(p):
            c[i, j] = gram[i, j] + (1.0 if i == j else 0.0)
    _cholesky(c)
    _solve_lower(c, b)
    quadratic = gram[p, p]
    for i in range(p):
        quadratic += mean[i] * mean[i] - b[i] * b[i]
        log_determinant += np.log(c[i, i])
    _solve_upper(c, b)
    value = -0.5 * (n * np.log(2 * np.pi) + quadratic) - log_determinant

    # d log p / d W = -1/2 (W^-1 - K^-T E B E'K^-1), where B = [I -b]'[posterior covariance of b, and 1][I -b].
    weight = np.zeros((columns, columns))
    column = np.zeros(p)
    for i in range(p):
        for j in range(p):
            column[j] = 1.0 if i == j else 0.0
        _solve_lower(c, column)
        _solve_upper(c, column)
        for j in range(p):
            weight[i, j] = column[j] + b[i] * b[j]
        weight[i, p] = -b[i]
        weight[p, i] = -b[i]
    weight[p, p] = 1.0
    d_covariance = np.zeros((q, q))
    for i in range(q):
        for j in range(i + 1):
            d_covariance[i, j] -= 0.5 * _total(table, row)
            d_covariance[j, i] = d_covariance[i, j]
            row += 1
    for first in range(q * columns):
        for second in range(first + 1):
            i, j = first // columns, second // columns
            total = 0.5 * weight[first % columns, second % columns] * _total(table, row)
            row += 1
            d_covariance[i, j] += total
            if first != second:
                d_covariance[j, i] += total
    d_factor = np.zeros((q, q))
    d_sigma = float(n)
    for i in range(q):
        for j in range(i + 1):
            for k in range(j, q):
                d_factor[i, j] += 2 * d_covariance[i, k] * factor[k, j]
            d_sigma += d_factor[i, j] * factor[i, j]
    # sigma^2 tr W^-1 = n - tr W^-1 F F', and so for the other term: the traces of F are those of d_factor.
    for i in range(columns):
        for j in range(columns):
            d_sigma -= weight[i, j] * gram[i, j]
    return value, -d_sigma / sigma, d_factor


@compiled
def log_likelihood_without_people(sigma, rest, mean, n):
    """``log_likelihood`` where no effect belongs to a person: X is rotated so that X'X is diagonal.

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


# ------------------------------------------------------------------------------------------------ for nutpie


@intrinsic
def _pointer(typing, address):
    """A pointer from an address."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(address), generate


@intrinsic
def _call(typing, address, x, out):
    """Call the C function ``void(double *, double *)`` at an address with the data of two arrays."""

    def generate(context, builder, signature, arguments):
        number = context.get_value_type(types.float64).as_pointer()
        function = ir.FunctionType(ir.VoidType(), [number, number])
        data = [
            context.make_helper(builder, kind, value).data
            for kind, value in zip(signature.args[1:], arguments[1:], strict=True)
        ]
        builder.call(builder.inttoptr(arguments[0], function.as_pointer()), data)
        return context.get_dummy_value()

    return types.none(address, x, out), generate


# What ``density`` must know of a model: sizes, and addresses of arrays and of a C function.
MODEL = np.dtype(
    [
        (name, np.int64)
        for name in (
            *("dimensions", "scales", "sizes", "q", "p", "operations", "blocks", "inputs"),
            *("prior_at", "frame_at", "sizes_at", "places_at"),
            *("operations_at", "layout_at", "people_at", "rest_at", "mean_at"),
        )
    ]
)
NUMBERS = types.CPointer(types.float64)


@cfunc(types.int64(types.uint64, NUMBERS, NUMBERS, NUMBERS, types.voidptr), cache=True, error_model="numpy")
def density(dimensions, z, gradient, value, data):
    """Log density of the scales at mode + S z, and its gradient, as nutpie calls them.

    Parameters
    ----------
    dimensions, z, gradient, value
        Number of unconstrained values; they; filled with the gradient, and with the log density.
    data
        A record MODEL. ``prior`` is a function of x = mode + S z, of a weight for each of the scales, and of ``sizes``,
        which fills in the log prior, its gradient with that of the weighted scales, and the scales: sigma and the
        entries of the factor at ``places``.

    Returns
    -------
    int
        0, or 4 if a number is not finite.
    """
    model = carray(data, (1,), MODEL)[0]
    d, scales, q, p = model.dimensions, model.scales, model.q, model.p
    frame = carray(_pointer(model.frame_at), (d + 1, d), np.float64)
    places = carray(_pointer(model.places_at), (scales - 1, 2), np.int64)
    layout = carray(_pointer(model.layout_at), (4,), np.int64)
    rest = carray(_pointer(model.rest_at), (p + 1, p + 1), np.float64)
    mean = carray(_pointer(model.mean_at), (p,), np.float64)
    vector = np.zeros(d + scales + model.sizes)
    sizes = carray(_pointer(model.sizes_at), (model.sizes,), np.float64)
    for i in range(sizes.size):
        vector[d + scales + i] = sizes[i]
    for i in range(d):
        vector[i] = frame[0, i]
        for j in range(d):
            vector[i] += frame[1 + i, j] * z[j]
    found = np.empty(1 + d + scales)
    _call(model.prior_at, vector, found)
    sigma = found[1 + d]
    if q == 0:
        likelihood, vector[d] = log_likelihood_without_people(sigma, rest, mean, layout[3])
    else:
        factor, c, b = np.zeros((q, q)), np.empty((p, p)), np.empty(p)
        for i in range(scales - 1):
            factor[places[i, 0], places[i, 1]] = found[2 + d + i]
        operations = carray(_pointer(model.operations_at), (model.operations, 4), np.int64)
        people = carray(_pointer(model.people_at), (model.blocks, model.inputs, LANES), np.float64)
        likelihood, vector[d], d_factor = log_likelihood(sigma, factor, operations, layout, people, rest, mean, c, b)
        for i in range(scales - 1):
            vector[d + 1 + i] = d_factor[places[i, 0], places[i, 1]]
    value[0] = found[0] + likelihood
    _call(model.prior_at, vector, found)
    finite = np.isfinite(value[0])
    for j in range(d):
        gradient[j] = 0.0
        for i in range(d):
            gradient[j] += frame[1 + i, j] * found[1 + i]
        finite = finite and np.isfinite(gradient[j])
    return 0 if finite else 4


@cfunc(types.int64(types.uint64, types.uint64, NUMBERS, NUMBERS, types.voidptr), cache=True)
def identity(dimensions, expanded, z, out, data):
    """What nutpie keeps of a draw: z itself."""
    for i in range(dimensions):
        out[i] = z[i]
    return 0
