"""The mode of a density of a few dimensions, from its values alone, many at a time."""

from collections.abc import Callable
from itertools import combinations

import numpy as np

# Parts of a Newton step that are tried together, and its longest; coordinates of the scales have a natural size of 1.
PARTS = np.array([2.0, 1.0, 0.5, 0.25, 0.1, 0.03, 0.01, 0.001])
LONGEST = 3.0
ITERATIONS = 50
# ASSUME: this close to the mode, in nats, is close enough, since importance weights correct the rest.
CLOSE = 1e-2


def find_mode(log_density: Callable[[np.ndarray], np.ndarray], start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mode, and a root S of the inverse S S' of the curvature there.

    Newton's method with derivatives by finite differences; where the density curves upwards, the step goes up as if it
    curved downwards as much.

    Parameters
    ----------
    log_density
        Of points (n, d), (n,); -inf where there is none.
    start : (d,)
        A point that has a density.

    Returns
    -------
    mode : (d,)
    root : (d, d)
        Lower triangular.
    """
    x, value, steps = start, log_density(start[None])[0], np.full(len(start), 0.1)
    # The density can be no wider than this.
    widths = np.full(len(x), np.inf)
    for _ in range(ITERATIONS):
        slope, curvature, narrow = derivatives(log_density, x, value, steps)
        widths[narrow] = steps[narrow]
        sizes, directions = np.linalg.eigh(np.diag(widths**-2) - curvature)
        # Where the density is flat a distance of 3 is as good as any.
        sizes = np.maximum(np.abs(sizes), 0.1)
        # Differences over smaller steps would be rounding.
        smallest = 100 * np.sqrt(np.finfo(float).eps * max(1, abs(value)))
        steps = 0.1 * np.clip((directions**2 @ (1 / sizes)) ** 0.5, smallest, 1)
        step = directions @ (directions.T @ slope / sizes)
        step *= LONGEST / max(LONGEST, np.linalg.norm(step))
        trials = x + PARTS[:, None] * step
        values = log_density(trials)
        best = int(np.argmax(values))
        gain = values[best] - value
        if gain > 0:
            x, value = trials[best], values[best]
        if gain < CLOSE and not narrow.any():
            break
    return x, np.linalg.cholesky((directions / sizes) @ directions.T)


@np.errstate(invalid="ignore")
def derivatives(log_density, x: np.ndarray, value: float, steps: np.ndarray) -> tuple[np.ndarray, ...]:
    """Slope (d,) and second derivatives (d, d) at x (d,), where the density is ``value``, over ``steps`` (d,).

    At an edge, beyond which a prior allows nothing, the density counts as exponential with the slope to the other
    side. Between two edges that are closer than the step it counts as flat, and the third result (d,) says so.
    """
    d = len(x)
    alone, pairs = np.diag(steps), list(combinations(range(d), 2))
    both = np.array([alone[i] + alone[j] for i, j in pairs]).reshape(-1, d)
    changes = log_density(x + np.concatenate([alone, -alone, both, -both])) - value
    up, down, both_up, both_down = np.split(changes, [d, 2 * d, 2 * d + len(pairs)])
    no_up, no_down = np.isneginf(up), np.isneginf(down)
    slope = np.where(no_up, np.where(no_down, 0.0, -down), np.where(no_down, up, 0.5 * (up - down)))
    curvature = np.diag(np.where(no_up | no_down, -(slope**2), up + down))
    for (i, j), total in zip(pairs, both_up + both_down, strict=True):
        mixed = 0.5 * (total - up[i] - down[i] - up[j] - down[j])
        curvature[i, j] = curvature[j, i] = mixed if np.isfinite(mixed) else 0.0
    return slope / steps, curvature / np.outer(steps, steps), no_up & no_down
