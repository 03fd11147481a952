"""Draws of the effects of units given all other parameters."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from partialpool.quadrature.densities import Given, by_size, placement

# Steps of each Metropolis chain, degrees of freedom of its proposals, and elements of 8 bytes at a time.
STEPS, NU, CHUNK = 30, 5, 10**5


def draw_effects(given: Given, codes: np.ndarray, rng: np.random.Generator, *, cores: int = 1) -> np.ndarray:
    """Effects of each unit, one draw for each of the model's, (draws, units, q).

    The effects are u = L v, and of each v a Metropolis chain of its own takes proposals of a t distribution around the
    mode that does not depend on where it is; its last value is kept. The density of v is log-concave, with tails no
    longer than normal, and the proposals' are longer: the chain forgets its start by the same factor each step.

    Parameters
    ----------
    given
        The model at some draws.
    codes : (n,)
        Which unit each row belongs to.
    rng
        Source of randomness.
    cores
        Threads; the draws do not depend on it.

    References
    ----------
    Mengersen & Tweedie (1996), Annals of Statistics 24(1), how fast such chains converge.
    """
    effects = np.empty((len(given.eta), codes.max() + 1, given.z.shape[1]))
    parts = []
    for units, rows in by_size(codes) if effects.size else ():
        step = max(1, CHUNK // (rows.size + len(rows)))
        parts += [(slice(start, start + step), units, rows) for start in range(0, len(effects), step)]

    def fill(part: tuple, own_rng: np.random.Generator) -> None:
        draws, units, rows = part
        effects[draws, units] = _of_sets(given.take(draws), rows, own_rng)

    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(fill, parts, rng.spawn(len(parts))))
    return effects


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def _of_sets(given: Given, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``draw_effects`` of units with the same number of rows (units, m)."""
    own, eta = given.at(rows), given.eta[:, rows]
    direction = np.einsum("smj,djk->dsmk", given.z[rows], given.cholesky)
    mode, spread = placement(given, own, eta, direction)

    def proposed() -> tuple[np.ndarray, np.ndarray]:
        """Proposals of v, and the logs of their importance weights."""
        t = rng.standard_normal(mode.shape) / np.sqrt(rng.chisquare(NU, mode.shape[:2]) / NU)[..., None]
        v = mode + (spread @ t[..., None])[..., 0]
        by_row = given.family.kernel(eta=eta + (direction @ v[..., None])[..., 0], link=given.link, **own)
        log_proposal = -0.5 * (NU + t.shape[-1]) * np.log1p((t**2).sum(axis=-1) / NU)
        return v, by_row.sum(axis=-1) - 0.5 * (v**2).sum(axis=-1) - log_proposal

    v, log_weight = proposed()
    for _ in range(STEPS):
        other, its_weight = proposed()
        taken = ~(np.log(rng.random(log_weight.shape)) >= its_weight - log_weight)
        v, log_weight = np.where(taken[..., None], other, v), np.where(taken, its_weight, log_weight)
    return (given.cholesky[:, None] @ v[..., None])[..., 0]
