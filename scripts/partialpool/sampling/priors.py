"""Log densities of the priors that a scale can have."""

from math import lgamma, log, pi

import numpy as np

from partialpool.model.priors import Distribution


def log_prior(prior: Distribution, x: np.ndarray) -> np.ndarray:
    """Log density at scales x > 0; -inf where the prior excludes x."""
    with np.errstate(all="ignore"):
        return np.asarray(DENSITIES[prior.name](x, *(value for _, value in prior.args)))


def quantiles(prior: Distribution, p: np.ndarray) -> np.ndarray:
    """Scales that a prior allows, roughly its quantiles at probabilities p; 1 where it allows none that a computer can.

    They come from a grid of a hundred orders of magnitude: a narrow prior still has a point or two of it.
    """
    grid = np.logspace(-50, 50, 10**5)
    mass = log_prior(prior, grid) + np.log(grid)
    mass = np.exp(mass - mass.max()) if np.isfinite(mass.max()) else np.zeros_like(grid)
    total = np.cumsum(mass)
    return grid[np.searchsorted(total, p * total[-1])] if total[-1] > 0 else np.ones_like(p)


def _half_student_t(x, nu, sigma):
    constant = log(2) + lgamma((nu + 1) / 2) - lgamma(nu / 2) - 0.5 * log(nu * pi) - log(sigma)
    return constant - 0.5 * (nu + 1) * np.log1p((x / sigma) ** 2 / nu)


def _beta(x, a, b):
    inside = lgamma(a + b) - lgamma(a) - lgamma(b) + (a - 1) * np.log(x) + (b - 1) * np.log1p(-x)
    return np.where(x < 1, inside, -np.inf)


# Parameters are those of `model.priors.DISTRIBUTIONS`.
DENSITIES = {
    "Exponential": lambda x, lam: log(lam) - lam * x,
    "HalfNormal": lambda x, sigma: 0.5 * log(2 / pi) - log(sigma) - 0.5 * (x / sigma) ** 2,
    "HalfStudentT": _half_student_t,
    "HalfCauchy": lambda x, beta: log(2 / pi) - log(beta) - np.log1p((x / beta) ** 2),
    "Gamma": lambda x, a, b: a * log(b) - lgamma(a) + (a - 1) * np.log(x) - b * x,
    "InverseGamma": lambda x, a, b: a * log(b) - lgamma(a) - (a + 1) * np.log(x) - b / x,
    "LogNormal": lambda x, mu, s: -log(s) - 0.5 * log(2 * pi) - np.log(x) - 0.5 * ((np.log(x) - mu) / s) ** 2,
    "Weibull": lambda x, a, b: log(a) - a * log(b) + (a - 1) * np.log(x) - (x / b) ** a,
    "Uniform": lambda x, low, high: np.where((low <= x) & (x <= high), -log(high - low), -np.inf),
    "Beta": _beta,
}
