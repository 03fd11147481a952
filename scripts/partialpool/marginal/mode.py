"""The mode of a density of a few dimensions, from its values alone, many at a time."""

from collections.abc import Callable
from itertools import combinations

import numpy as np

# Parts of a Newton step that are tried together, and its longest; coordinates of the scales have a natural size of 1.
PARTS = np.array([2.0, 1.0, 0.5, 0.25, 0.1, 0.03, 0.01, 0.001])
LONGEST = 3.0
STARTS = 64
ITERATIONS = 50
# ASSUME: this close to the mode, in nats, is close enough, since importance weights correct the rest.
CLOSE = 1e-2


def find_mode(log_density: Callable[[np.ndarray], np.ndarray], dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Mode, and a root S of the inverse S S' of the curvature there.

    Newton's method with derivatives by finite differences; where the density curves upwards, the step goes up as if it
    curved downwards as much.

    Parameters
    ----------
    log_density, dimensions
        Of points (n, dimensions), (n,); -inf where there is none.

    Returns
    -------
    mode : (dimensions,)
    root : (dimensions, dimensions)
        Lower triangular.
    """
    starts = 2 * np.random.default_rng(0).standard_normal((STARTS, dimensions))
    starts[0] = 0
    values = log_density(starts)
    best = int(np.argmax(values))
    x, value, steps = starts[best], values[best], np.full(dimensions, 0.1)
    for _ in range(ITERATIONS):
        slope, curvature = derivatives(log_density, x, steps)
        sizes, directions = np.linalg.eigh(-curvature)
        # Where the density is flat a distance of 3 is as good as any.
        sizes = np.maximum(np.abs(sizes), 0.1)
        steps = 0.1 * np.clip((directions**2 @ (1 / sizes)) ** 0.5, 1e-6, 1)
        step = directions @ (directions.T @ slope / sizes)
        step *= LONGEST / max(LONGEST, np.linalg.norm(step))
        trials = x + PARTS[:, None] * step
        values = log_density(trials)
        best = int(np.argmax(values))
        gain = values[best] - value
        if gain > 0:
            x, value = trials[best], values[best]
        if gain < CLOSE:
            break
    return x, np.linalg.cholesky((directions / sizes) @ directions.T)


def derivatives(log_density, x: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope (d,) and second derivatives (d, d) at x (d,), by central differences with ``steps`` (d,).

    Derivatives that are not finite, at the edge of what a prior allows, count as 0.
    """
    d = len(x)
    alone, pairs = np.diag(steps), list(combinations(range(d), 2))
    both = np.array([alone[i] + alone[j] for i, j in pairs]).reshape(-1, d)
    values = log_density(x + np.concatenate([np.zeros((1, d)), alone, -alone, both, -both]))
    middle, up, down, *_ = values[0], values[1 : 1 + d], values[1 + d : 1 + 2 * d]
    with np.errstate(invalid="ignore"):
        slope, diagonal = (up - down) / (2 * steps), up + down - 2 * middle
        curvature = np.diag(diagonal / steps**2)
        sums = values[1 + 2 * d : 1 + 2 * d + len(pairs)] + values[1 + 2 * d + len(pairs) :]
        for (i, j), total in zip(pairs, sums, strict=True):
            mixed = total - 2 * middle - diagonal[i] - diagonal[j]
            curvature[i, j] = curvature[j, i] = mixed / (2 * steps[i] * steps[j])
    return (np.nan_to_num(some, nan=0.0, posinf=0.0, neginf=0.0) for some in (slope, curvature))
