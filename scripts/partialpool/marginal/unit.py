"""What is known of the effects of one unit given the scales, for many draws of them at a time.

The rows of a unit are y = X b + Z L v + noise, with v standard normal; X b stands for all that is not its own. Of the
QR decomposition Z = Q R only R and Q'[X y] are needed: with F = R L and W = sigma^2 I + F F' = K K',

- what its rows say of b is E'E, E = K^-1 Q'[X y], beside what lies outside of the span of Z;
- v given b has the mean G'E (y - X b), G = K^-1 F, and the precision I + F'F / sigma^2.

QR holds where the usual Z'Z does not: at an sd near 0, a correlation near 1, an sd much larger than sigma.
"""

from partialpool.marginal.lanes import add_outer_, add_products_, cholesky_, inner, multiply_, one_plus_, solve_lower_


@inner
def marginal_(f, k, triangle, cholesky, variance):
    """Fill in the columns of F, and K, of a unit, (q, q, lanes) both; K as ``cholesky_`` leaves it.

    ``triangle`` is R (q, q), ``cholesky`` L (q, q, lanes), and ``variance`` sigma^2 (lanes,).
    """
    multiply_(f, triangle, cholesky)
    k[:] = 0.0
    for i in range(len(k)):
        for lane in range(k.shape[2]):
            k[i, i, lane] = variance[lane]
    add_outer_(k, f)
    cholesky_(k)


@inner
def load_(e, k, cross):
    """Fill in the columns of E (columns, q, lanes) of a unit with Q'[X y] = cross' (columns, q)."""
    for j in range(e.shape[0]):
        for i in range(e.shape[1]):
            for lane in range(e.shape[2]):
                e[j, i, lane] = cross[j, i]
    solve_lower_(k, e)


@inner
def conditional_(f, k, precision, variance):
    """The columns of F become those of G, and ``precision`` (q, q, lanes) the Cholesky factor of that of v given b."""
    precision[:] = 0.0
    add_products_(precision, f, f)
    one_plus_(precision, variance)
    cholesky_(precision)
    solve_lower_(k, f)
