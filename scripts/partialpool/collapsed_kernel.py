"""Linear algebra of the collapsed engine: Gaussian models with every coefficient integrated out, compiled by Numba.

Notation. Person j has rows y_j = X_j b + Z_j u_j + e, with b ~ N(m, I), u_j = L v_j, v_j ~ N(0, I) and
e ~ N(0, sigma^2 I). A QR decomposition Z_j = Q_j R_j, made once, turns the rows into q numbers Q_j'y_j, q x p numbers
Q_j'X_j, and a rest outside of the span of Z_j, of which only sums over all people are needed. In that basis the
covariance of a person, given b, is W_j = sigma^2 I + F_j F_j' with F_j = R_j L: no difference of large numbers is ever
taken, so that it holds for sd -> 0 and for correlations -> 1.

People are in blocks: the last axis of every array runs over the people of one block, and all operations are
elementwise along it, which the compiler turns into vector instructions without reordering a sum. Arrays of people are
(blocks, ..., people of a block); the last block is filled up with people without rows, who change nothing.

Source: block elimination of the mixed model equations, Bates et al. (2015), J. Stat. Software 67(1), section 5.4; the
gradient by the envelope theorem.
"""

import numpy as np
from numba import literal_unroll, njit, types
from numba.extending import intrinsic

compiled = njit(cache=True, nogil=True, error_model="numpy")


@compiled
def _fill(out, value):
    for i in range(out.size):
        out[i] = value


@compiled
def _copy(out, x):
    for i in range(out.size):
        out[i] = x[i]


@compiled
def _add(out, x, y):
    for i in range(out.size):
        out[i] += x[i] * y[i]


@compiled
def _subtract(out, x, y):
    for i in range(out.size):
        out[i] -= x[i] * y[i]


@compiled
def _add_scaled(out, x, scale):
    for i in range(out.size):
        out[i] += x[i] * scale


@compiled
def _divide(out, x):
    for i in range(out.size):
        out[i] /= x[i]


@compiled
def _root(out):
    for i in range(out.size):
        out[i] = np.sqrt(out[i])


@compiled
def cholesky(a):
    """Lower Cholesky factor of a symmetric positive definite matrix; of others it holds nan."""
    p = a.shape[0]
    c = np.zeros((p, p))
    for i in range(p):
        for j in range(i + 1):
            s = a[i, j]
            for k in range(j):
                s -= c[i, k] * c[j, k]
            c[i, j] = np.sqrt(s) if i == j else s / c[j, j]
    return c


@compiled
def solve_lower(c, x):
    """Solve C z = x in place."""
    for i in range(x.size):
        for k in range(i):
            x[i] -= c[i, k] * x[k]
        x[i] /= c[i, i]


@compiled
def solve_upper(c, x):
    """Solve C' z = x in place."""
    for i in range(x.size - 1, -1, -1):
        for k in range(i + 1, x.size):
            x[i] -= c[k, i] * x[k]
        x[i] /= c[i, i]


@compiled
def reflect(a, q):
    """QR decomposition of the first q columns of a, in place, by Householder reflections.

    Afterwards rows 0 to q - 1 hold R and Q'times the other columns, and rows q onwards what is outside of the span.
    """
    n, m = a.shape
    for k in range(min(q, n)):
        norm = 0.0
        for i in range(k, n):
            norm = np.hypot(norm, a[i, k])
        if norm == 0.0:
            continue
        alpha = -norm if a[k, k] > 0 else norm
        head = a[k, k] - alpha
        # v = (head, a[k+1:, k]); v'v / 2 = -alpha head
        for j in range(k + 1, m):
            s = head * a[k, j]
            for i in range(k + 1, n):
                s += a[i, k] * a[i, j]
            s /= -alpha * head
            a[k, j] -= s * head
            for i in range(k + 1, n):
                a[i, j] -= s * a[i, k]
        a[k, k] = alpha
        for i in range(k + 1, n):
            a[i, k] = 0.0


@compiled
def gather(starts, order, z, xy, r, y, rest):
    """Statistics of every person from the rows, in one pass.

    Parameters
    ----------
    starts : (people + 1,)
        Where each person's rows begin in ``order``.
    order : (n,)
        Rows, person by person.
    z, xy : (n, q), (n, p + 1)
        Design of the effects; design of the common coefficients with the outcome behind.
    r, y : (blocks, q, q, size), (blocks, q, p + 1, size)
        Filled with R_j and Q_j'[X_j y_j].
    rest : (p + 1, p + 1)
        Cross products outside of the span of Z_j are added.
    """
    q, k = z.shape[1], xy.shape[1]
    size = r.shape[3]
    for j in range(starts.size - 1):
        n = starts[j + 1] - starts[j]
        rows = np.empty((n, q + k))
        for i in range(n):
            row = order[starts[j] + i]
            for a in range(q):
                rows[i, a] = z[row, a]
            for a in range(k):
                rows[i, q + a] = xy[row, a]
        reflect(rows, q)
        block, place = j // size, j % size
        for a in range(min(q, n)):
            for b in range(a, q):
                r[block, a, b, place] = rows[a, b]
            for b in range(k):
                y[block, a, b, place] = rows[a, q + b]
        for i in range(q, n):
            for a in range(k):
                for b in range(k):
                    rest[a, b] += rows[i, q + a] * rows[i, q + b]


@compiled
def _eliminate(sigma, factor, r, y, f, k, e):
    """For one block: F = R L, the Cholesky factor K of W = sigma^2 I + F F', and E = K^-1 [X y]."""
    q = r.shape[0]
    for a in range(q):
        for c in range(q):
            _fill(f[a, c], 0.0)
            for d in range(max(a, c), q):
                _add_scaled(f[a, c], r[a, d], factor[d, c])
    for a in range(q):
        for c in range(a + 1):
            _fill(k[a, c], sigma * sigma if a == c else 0.0)
            for d in range(q):
                _add(k[a, c], f[a, d], f[c, d])
            for d in range(c):
                _subtract(k[a, c], k[a, d], k[c, d])
            if a == c:
                _root(k[a, a])
            else:
                _divide(k[a, c], k[c, c])
    for c in range(y.shape[1]):
        for a in range(q):
            _copy(e[a, c], y[a, c])
            for d in range(a):
                _subtract(e[a, c], k[a, d], e[d, c])
            _divide(e[a, c], k[a, a])


@compiled
def _log_diagonal(k):
    """Sum over the people of a block of log |K|."""
    total = 0.0
    for i in range(k.shape[2]):
        product = 1.0
        for a in range(k.shape[0]):
            product *= k[a, a, i]
        total += np.log(product)
    return total


@compiled
def forward(sigma, factor, r, y, rest, mean, n):
    """Log likelihood with all coefficients integrated out, and what it was made from.

    Parameters
    ----------
    sigma, factor
        Residual standard deviation; L, (q, q), lower triangular.
    r, y, rest
        From ``gather``.
    mean : (p,)
        Prior mean m of the common coefficients.
    n
        Number of rows.

    Returns
    -------
    log_likelihood, f, k, e, c, b
        In nats. C is the Cholesky factor of A = I + sum X'V^-1 X, the posterior precision of b; b its posterior mean.
    """
    blocks, q, columns, size = y.shape
    p = columns - 1
    f, k = np.empty((blocks, q, q, size)), np.empty((blocks, q, q, size))
    e = np.empty((blocks, q, columns, size))
    lanes = np.zeros((columns, columns, size))
    log_determinant = 0.0
    for block in range(blocks):
        _eliminate(sigma, factor, r[block], y[block], f[block], k[block], e[block])
        log_determinant += _log_diagonal(k[block])
        for i in range(columns):
            for j in range(i + 1):
                for a in range(q):
                    _add(lanes[i, j], e[block, a, i], e[block, a, j])
    gram = rest / (sigma * sigma)
    for i in range(columns):
        for j in range(i + 1):
            gram[i, j] += np.sum(lanes[i, j])
            gram[j, i] = gram[i, j]
    a = gram[:p, :p] + np.eye(p)
    b = gram[:p, p] + mean
    c = cholesky(a)
    solve_lower(c, b)
    quadratic = gram[p, p]
    for i in range(p):
        quadratic += mean[i] * mean[i] - b[i] * b[i]
        log_determinant += np.log(c[i, i])
    solve_upper(c, b)
    log_determinant += (n - blocks * size * q) * np.log(sigma)
    return -0.5 * (n * np.log(2 * np.pi) + quadratic) - log_determinant, f, k, e, c, b


@compiled
def log_likelihood(sigma, factor, r, y, rest, mean, n):
    """``forward`` with its gradient.

    Returns
    -------
    log_likelihood, d_sigma, d_factor
        d_factor is (q, q), lower triangular.
    """
    blocks, q, columns, size = y.shape
    p = columns - 1
    if blocks == 0:
        value, d_sigma = _without_people(sigma, rest, mean, n)
        return value, d_sigma, np.zeros((0, 0))
    value, f, k, e, c, b = forward(sigma, factor, r, y, rest, mean, n)
    # -2 d log p / d W = K^-T (I - e e' - H H') K^-1, with e = K^-1 (y - X b), H = K^-1 X C^-T; and d W = d (F F').
    d_factor = np.zeros((q, q))
    lanes = np.zeros((q, q, size))
    trace = np.zeros(size)
    _fill(trace, float(q * blocks))
    h = np.empty((q, columns, size))
    g, t, dot = np.empty((q, q, size)), np.empty((q, q, size)), np.empty(size)
    for block in range(blocks):
        for a in range(q):
            # The last column of h is e.
            _copy(h[a, p], e[block, a, p])
            for i in range(p):
                _add_scaled(h[a, p], e[block, a, i], -b[i])
                _copy(h[a, i], e[block, a, i])
                for j in range(i):
                    _add_scaled(h[a, i], h[a, j], -c[i, j])
                for s in range(size):
                    h[a, i, s] /= c[i, i]
            for i in range(columns):
                _subtract(trace, h[a, i], h[a, i])
        for d in range(q):
            for a in range(q):
                _copy(g[a, d], f[block, a, d])
                for s in range(a):
                    _subtract(g[a, d], k[block, a, s], g[s, d])
                _divide(g[a, d], k[block, a, a])
                _copy(t[a, d], g[a, d])
            for i in range(columns):
                _fill(dot, 0.0)
                for a in range(q):
                    _add(dot, h[a, i], g[a, d])
                for a in range(q):
                    _subtract(t[a, d], h[a, i], dot)
            for a in range(q - 1, -1, -1):
                for s in range(a + 1, q):
                    _subtract(t[a, d], k[block, s, a], t[s, d])
                _divide(t[a, d], k[block, a, a])
            for s in range(d, q):
                for a in range(s + 1):
                    _add(lanes[s, d], r[block, a, s], t[a, d])
    inner = 0.0
    for s in range(q):
        for d in range(s + 1):
            d_factor[s, d] = -np.sum(lanes[s, d])
            inner += d_factor[s, d] * factor[s, d]
    # sigma^2 tr S = tr S W - tr S F F', and the last is known from d_factor.
    d_sigma = n - blocks * size * q + np.sum(trace) + inner
    # The rest: its residual sum of squares at b, and the variance of b.
    s2 = sigma * sigma
    residual = rest[p, p]
    column = np.empty(p)
    for i in range(p):
        residual -= 2 * b[i] * rest[i, p]
        for j in range(p):
            residual += b[i] * rest[i, j] * b[j]
    for i in range(p):
        for j in range(p):
            column[j] = rest[j, i]
        solve_lower(c, column)
        solve_upper(c, column)
        residual += column[i]
    d_sigma -= residual / s2
    return value, -d_sigma / sigma, d_factor


@compiled
def _without_people(sigma, rest, mean, n):
    """``log_likelihood`` where no effect belongs to a person: X is rotated so that X'X is diagonal."""
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


@compiled
def conditions(sigmas, factors, r, y, rest, mean, n):
    """Posterior of the common coefficients given each draw of the scales.

    Means (draws, p), and Cholesky factors of the precisions (draws, p, p).
    """
    draws, p = sigmas.size, mean.size
    b, c = np.empty((draws, p)), np.empty((draws, p, p))
    for s in range(draws):
        _, _, _, _, c[s], b[s] = forward(sigmas[s], factors[s], r, y, rest, mean, n)
    return b, c


@compiled
def _person(i, sigma, f, k, e, b, projection, precision, v):
    """Posterior of v given b, of one person of a block: its mean into ``v``, the Cholesky factor of its precision.

    ``projection`` takes K^-1 F.
    """
    q, p = f.shape[0], b.size
    for d in range(q):
        for a in range(q):
            projection[a, d] = f[a, d, i]
            for s in range(a):
                projection[a, d] -= k[a, s, i] * projection[s, d]
            projection[a, d] /= k[a, a, i]
    for d in range(q):
        v[d] = 0.0
        for s in range(d + 1):
            precision[d, s] = 1.0 if d == s else 0.0
            for a in range(q):
                precision[d, s] += f[a, d, i] * f[a, s, i] / (sigma * sigma)
            for a in range(s):
                precision[d, s] -= precision[d, a] * precision[s, a]
            precision[d, s] = np.sqrt(precision[d, d]) if d == s else precision[d, s] / precision[s, s]
    for a in range(q):
        residual = e[a, p, i]
        for j in range(p):
            residual -= e[a, j, i] * b[j]
        for d in range(q):
            v[d] += projection[a, d] * residual


@compiled
def draw_effects(sigmas, factors, b, r, y, normal):
    """Draw the effects of people from their distribution given scales and common coefficients.

    Parameters
    ----------
    sigmas, factors, b
        Draws, (draws,), (draws, q, q), (draws, p).
    r, y
        From ``gather``.
    normal : (draws, people, q)
        Standard normal numbers; replaced by the effects u.
    """
    blocks, q, columns, size = y.shape
    f, k, e = np.empty((q, q, size)), np.empty((q, q, size)), np.empty((q, columns, size))
    projection, precision, v = np.empty((q, q)), np.empty((q, q)), np.empty(q)
    for s in range(sigmas.size):
        for block in range(blocks):
            _eliminate(sigmas[s], factors[s], r[block], y[block], f, k, e)
            for i in range(min(size, normal.shape[1] - block * size)):
                _person(i, sigmas[s], f, k, e, b[s], projection, precision, v)
                u = normal[s, block * size + i]
                solve_upper(precision, u)
                for a in range(q):
                    v[a] += u[a]
                for a in range(q):
                    u[a] = 0.0
                    for d in range(a + 1):
                        u[a] += factors[s, a, d] * v[d]


@compiled
def compress(starts, order, z, xy):
    """Rows of each subset in as few rows as have the same likelihood.

    Parameters
    ----------
    starts, order
        Rows of the subsets, as in ``gather``.
    z, xy
        As in ``gather``.

    Returns
    -------
    first : (subsets + 1,)
        Where the rows of each subset begin.
    z, xy
        The rows; at most q + p a subset.
    spare, squares : (subsets,)
        How many rows without any design each subset has beside these, and the sum of squares of their outcomes.
    """
    n, q = z.shape
    columns = xy.shape[1]
    p = columns - 1
    subsets = starts.size - 1
    first = np.zeros(subsets + 1, np.int64)
    spare, squares = np.zeros(subsets, np.int64), np.zeros(subsets)
    new_z, new_xy = np.zeros((n, q)), np.zeros((n, columns))
    for j in range(subsets):
        size = starts[j + 1] - starts[j]
        kept = min(size, q + p)
        rows = np.empty((size, q + columns))
        for i in range(size):
            row = order[starts[j] + i]
            rows[i, :q] = z[row]
            rows[i, q:] = xy[row]
        if size > q + p:
            reflect(rows, q + p)
        for i in range(kept):
            new_z[first[j] + i] = rows[i, :q]
            new_xy[first[j] + i] = rows[i, q:]
        spare[j] = size - kept
        for i in range(kept, size):
            squares[j] += rows[i, q + p] ** 2
        first[j + 1] = first[j] + kept
    return first, new_z[: first[subsets]], new_xy[: first[subsets]], spare, squares


@compiled
def leave_out(sigmas, factors, b, c, r, y, of_person, first, z, xy, spare, squares):
    """Log density of each subset of rows given all other rows and the scales, coefficients integrated out.

    The rows of a subset belong to one person. With P the posterior covariance of all coefficients given the scales and
    w their design, H = w P w' / sigma^2 and the residuals e at the posterior mean, the subset given the others is
    normal around y - (I - H)^-1 e with covariance sigma^2 (I - H)^-1.

    Parameters
    ----------
    sigmas, factors, b, c
        Draws, and from ``conditions``.
    r, y
        From ``gather``.
    of_person : (people + 1,)
        Where each person's subsets begin.
    first, z, xy, spare, squares
        From ``compress``.

    Returns
    -------
    (draws, subsets), in nats
    """
    blocks, q, columns, size = y.shape
    p = columns - 1
    people = of_person.size - 1
    out = np.empty((sigmas.size, spare.size))
    f, k, e = np.empty((q, q, size)), np.empty((q, q, size)), np.empty((q, columns, size))
    projection, precision, v = np.empty((q, q)), np.empty((q, q)), np.empty(q)
    for s in range(sigmas.size):
        s2 = sigmas[s] ** 2
        for block in range(blocks):
            _eliminate(sigmas[s], factors[s], r[block], y[block], f, k, e)
            for i in range(min(size, people - block * size)):
                _person(i, sigmas[s], f, k, e, b[s], projection, precision, v)
                j = block * size + i
                for subset in range(of_person[j], of_person[j + 1]):
                    m = first[subset + 1] - first[subset]
                    w = np.zeros((m, q + p))
                    residual = np.empty(m)
                    for t in range(m):
                        row = first[subset] + t
                        own, common = w[t, :q], w[t, q:]
                        for d in range(q):
                            for a in range(d, q):
                                own[d] += factors[s, a, d] * z[row, a]
                        residual[t] = xy[row, p]
                        for d in range(q):
                            residual[t] -= own[d] * v[d]
                        for g in range(p):
                            residual[t] -= xy[row, g] * b[s, g]
                            common[g] = xy[row, g]
                            for d in range(q):
                                for a in range(q):
                                    common[g] -= own[d] * projection[a, d] * e[a, g, i]
                        solve_lower(precision, own)
                        solve_lower(c[s], common)
                    rest = np.eye(m)
                    for t in range(m):
                        for u in range(t + 1):
                            for g in range(q + p):
                                rest[t, u] -= w[t, g] * w[u, g] / s2
                    rest = cholesky(rest)
                    solve_lower(rest, residual)
                    value = (m + spare[subset]) * np.log(2 * np.pi * s2) + squares[subset] / s2
                    for t in range(m):
                        value += residual[t] ** 2 / s2 - 2 * np.log(rest[t, t])
                    out[s, subset] = -0.5 * value
    return out


@compiled
def flatten(parts, out):
    """Write the first numbers of a tuple of arrays one after the other into a vector."""
    i = 0
    for part in literal_unroll(parts):
        for value in part.flat:
            if i < out.size:
                out[i] = value
                i += 1


@intrinsic
def matrix_at(typing, address):
    """A pointer from the address of an array."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(address), generate
