"""Log densities of measurements given their linear predictor, for families of which units can be integrated.

Each is the sum of a part that depends on the linear predictor, and that is computed at every node of a quadrature, and
of a constant. They are those of Bambi's families, in closed form and without Bambi.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import bdtr, betainc, betaln, gammaln, log_expit, log_ndtr, ndtr, pdtr, stdtr, xlogy

# Beyond this exp() is no number any more.
LARGEST_EXPONENT = 700.0
# Step of numerical derivatives, in units of the linear predictor, or of the residual sd where there is one.
STEP = 1e-3


def _log_cloglog(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    power = np.exp(np.clip(eta, -LARGEST_EXPONENT, LARGEST_EXPONENT))
    return np.log(-np.expm1(-power)), -power


# Logs of the distribution function that is the inverse of each link, and of one minus it.
LOG_PROBABILITIES = {
    "logit": lambda eta: (log_expit(eta), log_expit(-eta)),
    "probit": lambda eta: (log_ndtr(eta), log_ndtr(-eta)),
    "cloglog": _log_cloglog,
}


def _binomial(y, eta, link, *, n):
    success, failure = LOG_PROBABILITIES[link](eta)
    return y * success + (n - y) * failure


def _log_choose(y, *, n):
    return -np.log1p(n) - betaln(n - y + 1, y + 1)


def _cumulative(y, eta, link, *, lower, upper):
    """Log of F(upper - eta) - F(lower - eta), from the tail in which both are small and keep their digits."""
    above, below = (LOG_PROBABILITIES[link](threshold - eta) for threshold in (upper, lower))
    in_upper_tail = below[0] > below[1]
    larger = np.where(in_upper_tail, below[1], above[0])
    smaller = np.where(in_upper_tail, above[1], below[0])
    return larger + np.log(-np.expm1(smaller - larger))


def _poisson(y, eta, link):
    return y * eta - np.exp(np.minimum(eta, LARGEST_EXPONENT))


def _negativebinomial(y, eta, link, *, alpha):
    return y * eta - (y + alpha) * np.logaddexp(np.log(alpha), eta)


def _negativebinomial_constant(y, *, alpha):
    return gammaln(y + alpha) - gammaln(alpha) - gammaln(y + 1) + xlogy(alpha, alpha)


def _student_t(y, eta, link, *, sigma, nu):
    return -(nu + 1) / 2 * np.log1p(((y - eta) / sigma) ** 2 / nu)


def _student_t_constant(y, *, sigma, nu):
    return gammaln((nu + 1) / 2) - gammaln(nu / 2) - np.log(nu * np.pi) / 2 - np.log(sigma) + 0.0 * y


def _gaussian(y, eta, link, *, sigma):
    return -0.5 * ((y - eta) / sigma) ** 2


def _gaussian_constant(y, *, sigma):
    return -np.log(sigma) - np.log(2 * np.pi) / 2 + 0.0 * y


def _binomial_below(y, eta, link, *, n):
    return np.where(
        y < 0, 0.0, bdtr(np.maximum(y, 0), np.asarray(n).astype(int), np.exp(LOG_PROBABILITIES[link](eta)[0]))
    )


def _cumulative_below(y, eta, link, *, lower, upper):
    return np.exp(LOG_PROBABILITIES[link](upper - eta)[0])


def _cumulative_smaller(y, eta, link, *, lower, upper):
    return np.exp(LOG_PROBABILITIES[link](lower - eta)[0])


def _poisson_below(y, eta, link):
    return np.where(y < 0, 0.0, pdtr(np.maximum(y, 0), np.exp(np.minimum(eta, LARGEST_EXPONENT))))


def _negativebinomial_below(y, eta, link, *, alpha):
    # The share alpha / (alpha + mean), from its logit, so that no exponential overflows.
    share = np.exp(log_expit(np.log(alpha) - eta))
    return np.where(y < 0, 0.0, betainc(alpha, np.maximum(y, 0) + 1, share))


def _student_t_below(y, eta, link, *, sigma, nu):
    return stdtr(nu, (y - eta) / sigma)


def _gaussian_below(y, eta, link, *, sigma):
    return ndtr((y - eta) / sigma)


def _one_less(below: Callable) -> Callable:
    """Of whole numbers the probability of less than y is that of at most y - 1."""
    return lambda y, eta, link, **parameters: below(y - 1, eta, link, **parameters)


class Family(NamedTuple):
    """Log density of a measurement, in nats: ``kernel + constant``.

    Attributes
    ----------
    links
        Link functions with which it is known.
    kernel
        ``kernel(y, eta, link, **parameters)``, arrays that broadcast: the part that depends on the linear predictor.
    constant
        ``constant(y, **parameters)``: the rest.
    below, smaller
        As ``kernel``: the probability of being at most y, and that of being smaller.
    parameters
        What else there is beside the linear predictor, by its name in a posterior.
    """

    links: tuple[str, ...]
    kernel: Callable
    constant: Callable
    below: Callable
    smaller: Callable
    parameters: tuple[str, ...] = ()

    def derivatives(self, y, eta, link, **parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The kernel and its first and second derivative by the linear predictor, from differences."""
        step = STEP * parameters.get("sigma", 1.0)
        below, here, above = (self.kernel(y, eta + move, link, **parameters) for move in (-step, 0.0, step))
        return here, (above - below) / (2 * step), (above - 2 * here + below) / step**2


FAMILIES = {
    **dict.fromkeys(
        ("bernoulli", "binomial"),
        Family(tuple(LOG_PROBABILITIES), _binomial, _log_choose, _binomial_below, _one_less(_binomial_below)),
    ),
    "cumulative": Family(
        tuple(LOG_PROBABILITIES),
        _cumulative,
        lambda y, **_: np.zeros_like(y),
        _cumulative_below,
        _cumulative_smaller,
        ("threshold",),
    ),
    "gaussian": Family(("identity",), _gaussian, _gaussian_constant, _gaussian_below, _gaussian_below, ("sigma",)),
    "negativebinomial": Family(
        ("log",),
        _negativebinomial,
        _negativebinomial_constant,
        _negativebinomial_below,
        _one_less(_negativebinomial_below),
        ("alpha",),
    ),
    "poisson": Family(("log",), _poisson, lambda y: -gammaln(y + 1), _poisson_below, _one_less(_poisson_below)),
    "t": Family(("identity",), _student_t, _student_t_constant, _student_t_below, _student_t_below, ("sigma", "nu")),
}
