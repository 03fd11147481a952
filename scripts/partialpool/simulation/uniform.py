"""Whether numbers are uniform: their empirical distribution function, and an envelope for all of it at once.

The envelope of Säilynoja, Bürkner & Vehtari (2022) has the same pointwise probability everywhere, chosen so that the
whole function of uniform numbers stays inside with the wanted one. Here both are exact and not simulated, because a
verdict on many quantities needs small probabilities: the counts below each point are a Markov chain.
"""

from functools import cache

import numpy as np

# Points at which the function is looked at.
POINTS = 100


def points(n: int) -> np.ndarray:
    """Where the distribution function of n numbers is looked at."""
    steps = min(n, POINTS)
    return np.arange(1, steps) / steps


def counts(values: np.ndarray) -> np.ndarray:
    """How many of some numbers are not above each point."""
    return np.searchsorted(np.sort(values), points(len(values)), side="right")


def envelope(n: int, tail: float) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest counts at each point whose lower and upper tail have a probability over ``tail``."""
    from scipy.stats import binom

    at = points(n)
    low, high = binom.ppf(tail, n, at), binom.isf(tail, n, at)
    # A count whose tail has exactly this probability lies outside.
    low += binom.cdf(low, n, at) <= tail
    high -= binom.sf(high - 1, n, at) <= tail
    return low.astype(int), high.astype(int)


def probability_inside(n: int, tail: float) -> float:
    """Probability that the counts of n uniform numbers are inside the envelope at all points."""
    from scipy.stats import binom

    low, high = envelope(n, tail)
    before, at = 0.0, points(n)
    mass, below = np.ones(1), np.zeros(1, dtype=int)
    for point, first, last in zip(at, low, high, strict=True):
        here = np.arange(first, last + 1)
        # Of those above the last point, each is below this one with the same probability.
        step = binom.pmf(here - below[:, None], n - below[:, None], (point - before) / (1 - before))
        mass, below, before = mass @ step, here, point
    return float(mass.sum())


def smallest_tail(values: np.ndarray) -> float:
    """The smallest probability of a tail that some numbers have at any point: how far they are from uniform."""
    from scipy.stats import binom

    n, own = len(values), counts(values)
    tails = np.minimum(binom.cdf(own, n, points(n)), binom.sf(own - 1, n, points(n)))
    return float(tails.min())


def p_value(values: np.ndarray) -> float:
    """Probability that as many uniform numbers are as far from uniform at some point, or farther."""
    return 1 - probability_inside(len(values), smallest_tail(values) * (1 - 1e-9))


@cache
def tail_of(n: int, probability: float) -> float:
    """The tail with which the envelope of n numbers has all of them with a probability, or a little more."""
    low, high = 0.0, 0.5
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if probability_inside(n, middle) >= probability else (low, middle)
    return low
