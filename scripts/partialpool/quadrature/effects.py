"""Draws of the effects of units given all other parameters."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from partialpool.quadrature.densities import Given, by_size, kinds, placement
from partialpool.quadrature.envelope import Envelope

# Where tangents touch the density of one effect, in its sds from its mode: nine of ten draws from them are kept.
TANGENTS = np.array([-1.5, -0.5, 0.5, 1.5])
# Steps of the Metropolis chains of several effects, and degrees of freedom of their proposals.
STEPS, NU = 30, 5
# Elements of 8 bytes at a time.
CHUNK = 10**5


def draw_effects(given: Given, codes: np.ndarray, rng: np.random.Generator, *, cores: int = 1) -> np.ndarray:
    """Effects of each unit, one draw for each of the model's, (draws, units, q).

    The effects are u = L v, and the density of v is log-concave, with tails no longer than normal. One effect is drawn
    by rejection from tangents of its log density. For several, a Metropolis chain of each unit's own takes proposals of
    a t distribution around the mode that does not depend on where it is, and its last value is kept: the tails of the
    proposals are longer, so the chain forgets its start by the same factor each step.

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
        order, first, which = kinds(given, rows)
        of_kinds = np.take_along_axis(rows, order, axis=1)[first]
        step = max(1, CHUNK // (rows.size + len(rows)))
        parts += [(slice(start, start + step), units, of_kinds, which) for start in range(0, len(effects), step)]

    def fill(part: tuple, own_rng: np.random.Generator) -> None:
        draws, units, of_kinds, which = part
        effects[draws, units] = _of_sets(given.take(draws), of_kinds, which, own_rng)

    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(fill, parts, rng.spawn(len(parts))))
    return effects


@dataclass(frozen=True)
class _Conditional:
    """What the densities of the v of units depend on, (..., m) each, or (..., m, q) of ``direction``."""

    given: Given
    own: dict[str, np.ndarray]
    eta: np.ndarray
    direction: np.ndarray

    def at(self, which: tuple) -> "_Conditional":
        """The same of some units."""
        own = {name: np.broadcast_to(value, self.eta.shape)[which] for name, value in self.own.items()}
        return _Conditional(self.given, own, self.eta[which], self.direction[which])

    def log_density(self, v: np.ndarray) -> np.ndarray:
        """Of v, (..., q)."""
        eta = self.eta + (self.direction @ v[..., None])[..., 0]
        by_row = self.given.family.kernel(eta=eta, link=self.given.link, **self.own)
        return by_row.sum(axis=-1) - 0.5 * (v**2).sum(axis=-1)

    def along(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log densities at points v of one effect, (..., points), and their derivatives."""
        own = {name: value[..., None] for name, value in self.own.items()}
        eta = self.eta[..., None] + self.direction * v[..., None, :]
        value, slope, _ = self.given.family.derivatives(eta=eta, link=self.given.link, **own)
        return value.sum(axis=-2) - 0.5 * v**2, (slope * self.direction).sum(axis=-2) - v


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def _of_sets(given: Given, sets: np.ndarray, which: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``draw_effects`` of units, each of which is like one of the sets of rows (sets, m)."""
    direction = np.einsum("smj,djk->dsmk", given.z[sets], given.cholesky)
    conditional = _Conditional(given, given.at(sets), given.eta[:, sets], direction)
    mode, spread = placement(given, conditional.own, conditional.eta, direction)
    draw_from = _by_rejection if direction.shape[-1] == 1 else _by_metropolis
    v = draw_from(conditional, mode, spread, which, rng)
    return (given.cholesky[:, None] @ v[..., None])[..., 0]


def _by_rejection(
    conditional: _Conditional, mode: np.ndarray, spread: np.ndarray, which: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draws of the v of units with one effect, (draws, units, 1)."""
    at = mode + spread[..., 0] * TANGENTS
    value, slope = conditional.along(at)
    envelope = Envelope(at, value, slope)
    of_units = [index.ravel() for index in np.broadcast_arrays(np.arange(len(mode))[:, None], which)]
    v = np.empty(len(of_units[0]))
    refused = np.arange(len(v))
    while refused.size:
        those = tuple(index[refused] for index in of_units)
        v[refused], log_envelope = envelope.draw(those, rng)
        log_density = conditional.at(those).log_density(v[refused, None])
        refused = refused[rng.standard_exponential(len(refused)) < log_envelope - log_density]
    return v.reshape(len(mode), len(which), 1)


def _by_metropolis(
    conditional: _Conditional, mode: np.ndarray, spread: np.ndarray, which: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draws of the v of units with several effects, (draws, units, q)."""
    conditional, mode, spread = conditional.at((slice(None), which)), mode[:, which], spread[:, which]

    def proposed() -> tuple[np.ndarray, np.ndarray]:
        """Proposals, and the logs of their importance weights."""
        t = rng.standard_normal(mode.shape) / np.sqrt(rng.chisquare(NU, mode.shape[:2]) / NU)[..., None]
        v = mode + (spread @ t[..., None])[..., 0]
        log_proposal = -0.5 * (NU + t.shape[-1]) * np.log1p((t**2).sum(axis=-1) / NU)
        return v, conditional.log_density(v) - log_proposal

    v, log_weight = proposed()
    for _ in range(STEPS):
        other, its_weight = proposed()
        taken = ~(np.log(rng.random(log_weight.shape)) >= its_weight - log_weight)
        v, log_weight = np.where(taken[..., None], other, v), np.where(taken, its_weight, log_weight)
    return v
