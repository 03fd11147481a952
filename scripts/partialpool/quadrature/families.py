"""Log densities of measurements given their linear predictor, for families of which units can be integrated.

Each is the sum of a part that depends on the linear predictor, and that is computed at every node of a quadrature, and
of a constant. They are those of Bambi's families, in closed form and without Bambi.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from scipy.special import (
    bdtr,
    betaincc,
    betaln,
    gammainc,
    gammaln,
    log_expit,
    log_ndtr,
    ndtr,
    pdtr,
    stdtr,
    xlog1py,
)

# Beyond this exp() is no number any more.
LARGEST_EXPONENT = 700.0
# Beyond this NumPy draws no counts: they would not fit in 64 bits.
LARGEST_LOG_MEAN = 43.0
# From this shape on a gamma density's constant is computed by Stirling's series, which has all of its digits there. As
# a difference of large numbers it would lose them.
LARGE_SHAPE = 1e4
# Step of numerical derivatives, in units of the linear predictor, or of the residual sd where there is one.
STEP = 1e-3


def _log_logit(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # From one exponential: SciPy's log_expit takes four times as long for the two, and here most time is spent.
    tail = np.log1p(np.exp(-np.abs(eta)))
    return np.minimum(eta, 0.0) - tail, np.minimum(-eta, 0.0) - tail


def _log_cloglog(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    power = np.exp(np.clip(eta, -LARGEST_EXPONENT, LARGEST_EXPONENT))
    return np.log(-np.expm1(-power)), -power


# Logs of the distribution function that is the inverse of each link, and of one minus it.
LOG_PROBABILITIES = {
    "logit": _log_logit,
    "probit": lambda eta: (log_ndtr(eta), log_ndtr(-eta)),
    "cloglog": _log_cloglog,
}


def _binomial(y, eta, link, *, n):
    if link == "logit":
        # In few steps, since most time is spent here. `log1p` would take twice as long as `log(1 + x)`, whose error of
        # 1e-16 is lost in a sum of densities.
        return y * eta - n * (np.maximum(eta, 0.0) + np.log(1 + np.exp(-np.abs(eta))))
    success, failure = LOG_PROBABILITIES[link](eta)
    return y * success + (n - y) * failure


def _logit_slopes(y, eta, *, n):
    tail = np.exp(-np.abs(eta))
    return y - n * np.where(eta < 0, tail, 1.0) / (1 + tail), -n * tail / (1 + tail) ** 2


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


def _poisson_slopes(y, eta):
    mean = np.exp(np.minimum(eta, LARGEST_EXPONENT))
    return y - mean, -mean


def _poisson_constant(y):
    return -gammaln(y + 1)


def _negativebinomial(y, eta, link, *, alpha):
    # Not `logaddexp`: the whole takes a third longer with it, and here most time is spent. Where exp() is no number any
    # more the density is 0.
    with np.errstate(over="ignore"):
        return y * eta - xlog1py(y + alpha, np.exp(eta - np.log(alpha)))


def _negativebinomial_slopes(y, eta, *, alpha):
    share = 1 / (1 + np.exp(np.log(alpha) - eta))
    return y - (y + alpha) * share, -(y + alpha) * share * (1 - share)


def _negativebinomial_constant(y, *, alpha):
    # Log of Gamma(y + alpha) / (Gamma(alpha) alpha^y y!). Where alpha is large, two gamma functions of their own would
    # be so large that their difference has no digits.
    return -betaln(alpha, y + 1) - np.log(y + alpha) - y * np.log(alpha)


def _log_ratio(y, eta):
    """Log of y over its mean."""
    return np.minimum(np.log(y) - eta, LARGEST_EXPONENT)


def _gamma(y, eta, link, *, alpha):
    log_ratio = _log_ratio(y, eta)
    return alpha * (log_ratio - np.expm1(log_ratio))


def _gamma_slopes(y, eta, *, alpha):
    log_ratio = _log_ratio(y, eta)
    return alpha * np.expm1(log_ratio), -alpha * np.exp(log_ratio)


def _gamma_constant(y, *, alpha):
    series = (np.log(alpha) - np.log(2 * np.pi)) / 2 - 1 / (12 * alpha)
    return np.where(alpha < LARGE_SHAPE, alpha * (np.log(alpha) - 1) - gammaln(alpha), series) - np.log(y)


def _student_t(y, eta, link, *, sigma, nu):
    return -(nu + 1) / 2 * np.log1p(((y - eta) / sigma) ** 2 / nu)


def _student_t_constant(y, *, sigma, nu):
    return -betaln(nu / 2, 0.5) - np.log(nu) / 2 - np.log(sigma) + 0.0 * y


def _gaussian(y, eta, link, *, sigma):
    return -0.5 * ((y - eta) / sigma) ** 2


def _gaussian_constant(y, *, sigma):
    return -np.log(sigma) - np.log(2 * np.pi) / 2 + 0.0 * y


def _bernoulli_below(y, eta, link, *, n):
    own = np.exp(_binomial(y, eta, link, n=n))
    return np.where(y < 1, 0.0, 1 - own), np.where(y < 1, own, 1.0)


def _binomial_at_most(y, eta, link, *, n):
    success = np.exp(LOG_PROBABILITIES[link](eta)[0])
    return bdtr(y, np.asarray(n).astype(int), success)


def _cumulative_below(y, eta, link, *, lower, upper):
    smaller, at_most = (np.exp(LOG_PROBABILITIES[link](threshold - eta)[0]) for threshold in (lower, upper))
    return smaller, at_most


def _poisson_at_most(y, eta, link):
    return pdtr(y, np.exp(np.minimum(eta, LARGEST_EXPONENT)))


def _negativebinomial_at_most(y, eta, link, *, alpha):
    # The share mean / (alpha + mean), from its logit, so that no exponential overflows; it keeps its digits where alpha
    # is large, and one minus it would be 1.
    share = np.exp(log_expit(eta - np.log(alpha)))
    return betaincc(y + 1, alpha, share)


def _gamma_at_most(y, eta, link, *, alpha):
    return gammainc(alpha, alpha * np.exp(_log_ratio(y, eta)))


def _student_t_at_most(y, eta, link, *, sigma, nu):
    return stdtr(nu, (y - eta) / sigma)


def _gaussian_at_most(y, eta, link, *, sigma):
    return ndtr((y - eta) / sigma)


def _of_whole_numbers(at_most: Callable, kernel: Callable, constant: Callable) -> Callable:
    """Of whole numbers the probability of less than y is that of at most y, but for that of y itself."""

    def below(y, eta, link, **own):
        most, itself = at_most(y, eta, link, **own), np.exp(kernel(y, eta, link, **own) + constant(y, **own))
        return np.where(y < 1, 0.0, np.maximum(most - itself, 0.0)), most

    return below


def _of_real_numbers(at_most: Callable) -> Callable:
    """Of real numbers the probability of less than y is that of at most y."""
    return lambda y, eta, link, **own: (at_most(y, eta, link, **own),) * 2


def _draw_bernoulli(rng, eta, link, *, n):
    # The log of a uniform number below that of the probability: NumPy's binomial takes several times as long.
    return (-rng.standard_exponential(eta.shape) < LOG_PROBABILITIES[link](eta)[0]).astype(np.int64)


def _draw_binomial(rng, eta, link, *, n):
    return rng.binomial(np.broadcast_to(n, eta.shape).astype(np.int64), np.exp(LOG_PROBABILITIES[link](eta)[0]))


def _draw_poisson(rng, eta, link):
    return rng.poisson(np.exp(np.minimum(eta, LARGEST_LOG_MEAN)))


def _draw_negativebinomial(rng, eta, link, *, alpha):
    # A Poisson variable whose mean is gamma distributed: where alpha is large, NumPy's own loses digits.
    means = rng.standard_gamma(np.broadcast_to(alpha, eta.shape)) / alpha * np.exp(np.minimum(eta, LARGEST_LOG_MEAN))
    return rng.poisson(np.minimum(means, np.exp(LARGEST_LOG_MEAN)))


def _draw_gamma(rng, eta, link, *, alpha):
    # Positive and finite, also where a draw is too small or too large for a computer.
    with np.errstate(divide="ignore"):
        logs = np.log(rng.standard_gamma(np.broadcast_to(alpha, eta.shape))) - np.log(alpha) + eta
    return np.exp(np.clip(logs, -LARGEST_EXPONENT, LARGEST_EXPONENT))


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
    below
        As ``kernel``: two arrays, the probability of being smaller than y, and that of being at most y.
    parameters
        What else there is beside the linear predictor, by its name in a posterior.
    draw
        ``draw(rng, eta, link, **parameters)``: measurements, of the shape of ``eta``; None where nothing here does.
    dtype
        Of measurements: whole numbers or real ones.
    of_trials
        Whether the number of trials, ``n``, is a parameter.
    slopes
        By link, ``slopes(y, eta, **parameters)``: the kernel's first and second derivative by the linear predictor.
        Where there are none they come from differences, which take twice as long.
    """

    links: tuple[str, ...]
    kernel: Callable
    constant: Callable
    below: Callable
    parameters: tuple[str, ...] = ()
    draw: Callable | None = None
    dtype: type = np.int64
    of_trials: bool = False
    slopes: Mapping[str, Callable] = {}

    def derivatives(self, y, eta, link, **parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The kernel and its first and second derivative by the linear predictor."""
        if link in self.slopes:
            return self.kernel(y, eta, link, **parameters), *self.slopes[link](y, eta, **parameters)
        step = STEP * parameters.get("sigma", 1.0)
        below, here, above = (self.kernel(y, eta + move, link, **parameters) for move in (-step, 0.0, step))
        return here, (above - below) / (2 * step), (above - 2 * here + below) / step**2


FAMILIES = {
    "bernoulli": Family(
        tuple(LOG_PROBABILITIES),
        _binomial,
        _log_choose,
        _bernoulli_below,
        draw=_draw_bernoulli,
        of_trials=True,
        slopes={"logit": _logit_slopes},
    ),
    "binomial": Family(
        tuple(LOG_PROBABILITIES),
        _binomial,
        _log_choose,
        _of_whole_numbers(_binomial_at_most, _binomial, _log_choose),
        draw=_draw_binomial,
        of_trials=True,
        slopes={"logit": _logit_slopes},
    ),
    "cumulative": Family(
        tuple(LOG_PROBABILITIES),
        _cumulative,
        lambda y, **_: np.zeros_like(y),
        _cumulative_below,
        ("threshold",),
    ),
    "gamma": Family(
        ("log",),
        _gamma,
        _gamma_constant,
        _of_real_numbers(_gamma_at_most),
        ("alpha",),
        _draw_gamma,
        np.float64,
        slopes={"log": _gamma_slopes},
    ),
    "gaussian": Family(
        ("identity",),
        _gaussian,
        _gaussian_constant,
        _of_real_numbers(_gaussian_at_most),
        ("sigma",),
        dtype=np.float64,
    ),
    "negativebinomial": Family(
        ("log",),
        _negativebinomial,
        _negativebinomial_constant,
        _of_whole_numbers(_negativebinomial_at_most, _negativebinomial, _negativebinomial_constant),
        ("alpha",),
        _draw_negativebinomial,
        slopes={"log": _negativebinomial_slopes},
    ),
    "poisson": Family(
        ("log",),
        _poisson,
        _poisson_constant,
        _of_whole_numbers(_poisson_at_most, _poisson, _poisson_constant),
        draw=_draw_poisson,
        slopes={"log": _poisson_slopes},
    ),
    "t": Family(
        ("identity",),
        _student_t,
        _student_t_constant,
        _of_real_numbers(_student_t_at_most),
        ("sigma", "nu"),
        lambda rng, eta, link, *, sigma, nu: eta + sigma * rng.standard_t(np.broadcast_to(nu, eta.shape)),
        np.float64,
    ),
}
