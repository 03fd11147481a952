"""Small linear algebra for many units at a time.

A ``Program`` is a list of elementwise operations on the rows of a table that has a column for each unit. It is written
once for a model's numbers of coefficients, and compiled code runs it on blocks of ``LANES`` units, several of which a
processor handles at the same time. The letters are those of the field: the rows of a unit are y = X b + Z L v + noise
with v standard normal, and of a QR decomposition Z = Q R only R and Q'[X y] are needed.
"""

import numpy as np
from numba import njit

LANES = 128
MULTIPLY, ADD, SUBTRACT, ROOT = range(4)
# Scalars of a draw that the programs below begin with.
DRAW = ["zero", "one", "sigma2", "1/sigma2"]
compiled = njit(cache=True, nogil=True, error_model="numpy")
# Called by compiled functions only: without an entry for Python there is less to compile.
inner = njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)


class Program:
    """Elementwise operations on the rows of a table; a name is a tuple, and stands for a row.

    The first rows are the ``scalars`` (the same for all units, filled anew for each draw), then the ``inputs`` (of
    each unit), then what is computed. ``operations`` are (kind, row of the result, row, row).
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


def cholesky_names(q: int) -> list[tuple]:
    """Scalars that are the entries of L, the Cholesky factor of the covariance of a unit's effects, row by row."""
    return [("L", i, j) for i in range(q) for j in range(i + 1)]


def unit_names(q: int, p: int) -> list[tuple]:
    """Inputs that are the statistics of a unit: R, upper triangular, and Q'[X y]."""
    triangle = [("R", i, j) for i in range(q) for j in range(i, q)]
    return triangle + [("y", i, j) for i in range(q) for j in range(p + 1)]


def eliminate(program: Program, q: int, p: int, determinant=None) -> None:
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


def posterior(program: Program, q: int, p: int) -> None:
    """Mean v and Cholesky factor of the precision of a unit's v given b; G = K^-1 F."""
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


@inner
def execute(operations, table):
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


@inner
def fill(table, row, value):
    for i in range(LANES):
        table[row, i] = value


@inner
def copy(table, row, values):
    for k in range(values.shape[0]):
        for i in range(LANES):
            table[row + k, i] = values[k, i]


@inner
def total(table, row):
    total = 0.0
    for i in range(LANES):
        total += table[row, i]
    return total


@compiled
def evaluate(operations, rows, outputs, scalars, inputs, varying, out):
    """Run a program for each draw and each block of units.

    Parameters
    ----------
    operations, rows, outputs
        The program.
    scalars : (draws, scalars)
        What is the same for all units.
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
            fill(table, row, scalars[draw, row])
        for block in range(inputs.shape[0]):
            copy(table, first, inputs[block])
            copy(table, second, varying[draw, block])
            execute(operations, table)
            for k in range(outputs.size):
                for i in range(LANES):
                    out[draw, block, k, i] = table[outputs[k], i]


@inner
def factorise(a):
    """Lower Cholesky factor of a symmetric positive definite matrix, in its place; of others it holds nan."""
    for i in range(a.shape[0]):
        for j in range(i + 1):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] = np.sqrt(a[i, j]) if i == j else a[i, j] / a[j, j]
        for j in range(i + 1, a.shape[0]):
            a[i, j] = 0.0


@inner
def solve_lower(c, x):
    """Solve C z = x in place."""
    for i in range(x.size):
        for k in range(i):
            x[i] -= c[i, k] * x[k]
        x[i] /= c[i, i]


@inner
def solve_upper(c, x):
    """Solve C' z = x in place."""
    for i in range(x.size - 1, -1, -1):
        for k in range(i + 1, x.size):
            x[i] -= c[k, i] * x[k]
        x[i] /= c[i, i]


def in_blocks(values: np.ndarray) -> np.ndarray:
    """Numbers of units, (units, k), as compiled code reads them: (blocks, k, LANES), filled up with zeros."""
    blocks = -(-len(values) // LANES)
    filled = np.zeros((blocks * LANES, values.shape[1]))
    filled[: len(values)] = values
    return np.ascontiguousarray(filled.reshape(blocks, LANES, -1).transpose(0, 2, 1))


def scalars(sigma: np.ndarray, cholesky: np.ndarray, *more: np.ndarray) -> np.ndarray:
    """The scalars that programs begin with, (draws, scalars)."""
    entries = cholesky[:, *np.tril_indices(cholesky.shape[1])]
    columns = [np.zeros_like(sigma), np.ones_like(sigma), sigma**2, sigma**-2.0]
    return np.column_stack([*columns, entries, *more])
