"""Draws from log-concave densities of one variable, by rejection from their tangents."""

import numpy as np

# Slopes count as at least so steep: a flatter piece is flat to the last digit.
FLATTEST = 1e-9


class Envelope:
    """Tangents of log-concave densities, which lie above them: exponential pieces from one crossing to the next.

    Parameters
    ----------
    at : (..., k)
        Where they touch, in ascending order.
    value, slope : (..., k)
        Log densities there, but for a constant, and their derivatives: these fall strictly, from positive to negative.

    References
    ----------
    Gilks & Wild (1992), Applied Statistics 41(2), who add points where a draw is refused.
    """

    def __init__(self, at: np.ndarray, value: np.ndarray, slope: np.ndarray):
        crossings = at[..., :-1] - (np.diff(value) - slope[..., 1:] * np.diff(at)) / np.diff(slope)
        outside = np.full_like(crossings[..., :1], np.inf)
        left, right = np.concatenate([-outside, crossings], axis=-1), np.concatenate([crossings, outside], axis=-1)
        # Each piece falls at a rate from the end where it is highest.
        self.direction = np.where(slope > 0, -1.0, 1.0)
        self.rate = np.maximum(np.abs(slope), FLATTEST)
        self.highest = np.where(slope > 0, right, left)
        self.log_height = value + slope * (self.highest - at)
        self.share = -np.expm1(-self.rate * (right - left))
        mass = np.exp(self.log_height - value.max(axis=-1, keepdims=True)) * self.share / self.rate
        self.below = np.cumsum(mass[..., :-1], axis=-1) / mass.sum(axis=-1, keepdims=True)

    def draw(self, which: tuple[np.ndarray, ...], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """One draw for each index in ``which``, (n,) of each axis but the last, and the log of the envelope there."""
        piece = (self.below[which] < rng.random(len(which[0]))[:, None]).sum(axis=-1)
        own = (*which, piece)
        fall = -np.log1p(-self.share[own] * rng.random(len(piece)))
        return self.highest[own] + self.direction[own] * fall / self.rate[own], self.log_height[own] - fall
