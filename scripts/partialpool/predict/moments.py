"""Mean and variance of a measurement given its linear predictor, for families whose measurements are numbers.

They are those of Bambi's families, in closed form and without Bambi.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from partialpool.model.names import draws_of
from partialpool.model.spec import ModelSpec
from partialpool.predict.means import BOUNDED, inverse_link

# Of the quadrature of a normal linear predictor: the mean of a binary measurement is then known to 1e-4 where the
# effects of units have a standard deviation of 4 on the logit scale, and to 1e-7 where they have one of 1.5.
NODES = 31


# Links for which the mean over units exists.
LINKS = ("identity", "log", *BOUNDED)


def _student_t(mean, *, sigma, nu):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(nu > 2, sigma**2 * nu / (nu - 2), np.inf)


# Variance of a measurement with a mean, by family; of binomial outcomes that of the share of successes.
VARIANCES: dict[str, Callable[..., np.ndarray]] = {
    "bernoulli": lambda mean: mean * (1 - mean),
    "beta": lambda mean, *, kappa: mean * (1 - mean) / (1 + kappa),
    "binomial": lambda mean, *, trials: mean * (1 - mean) / trials,
    "gamma": lambda mean, *, alpha: mean**2 / alpha,
    "gaussian": lambda mean, *, sigma: sigma**2,
    "negativebinomial": lambda mean, *, alpha: mean + mean**2 / alpha,
    "poisson": lambda mean: mean,
    "t": _student_t,
}
PARAMETERS = {
    "beta": ("kappa",),
    "gamma": ("alpha",),
    "gaussian": ("sigma",),
    "negativebinomial": ("alpha",),
    "t": ("sigma", "nu"),
}


@dataclass(frozen=True)
class Measurements:
    """How the measurements of a model are spread around their linear predictor, draw by draw.

    Attributes
    ----------
    family, link
        One of ``VARIANCES``, and one of ``LINKS``.
    parameters
        What the variance depends on beside the mean: (chain, draw, 1), or (n,) where it is known of each row.
    """

    family: str
    link: str
    parameters: dict[str, np.ndarray]

    def mean(self, eta: np.ndarray) -> np.ndarray:
        """Mean of a measurement, from its linear predictor."""
        return inverse_link(self.link, eta)

    def variance(self, mean: np.ndarray) -> np.ndarray:
        """Variance of a measurement, from its mean."""
        return VARIANCES[self.family](mean, **self.parameters)

    def of_new_units(self, eta: np.ndarray, between: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of a measurement whose linear predictor is normal: those of units that are integrated out.

        Parameters
        ----------
        eta
            Mean of the linear predictor, (chain, draw, n).
        between
            Its variance, of the same shape or one that broadcasts to it.

        Returns
        -------
        mean, variance
            Of the shape of ``eta``, or one that broadcasts to it.
        """
        if self.link == "identity":
            return eta, between + self.variance(eta)
        sd = np.sqrt(between)
        first, second, within = np.zeros_like(eta), np.zeros_like(eta), np.zeros_like(eta)
        for node, weight in zip(*normal_nodes(NODES), strict=True):
            mean = self.mean(eta + node * sd)
            first += weight * mean
            second += weight * mean**2
            within += weight * self.variance(mean)
        return first, within + np.maximum(second - first**2, 0)


def normal_nodes(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights with which the mean of a function of a standard normal variable is a sum."""
    places, weights = np.polynomial.hermite_e.hermegauss(nodes)
    return places, weights / weights.sum()


def measurements(posterior, spec: ModelSpec, matrices) -> Measurements | None:
    """How the measurements of a fit are spread; None if this module does not know.

    Parameters
    ----------
    posterior
        Dataset of the fit.
    spec
        Its model.
    matrices
        Of its rows, from ``matrices.evaluate``: of a binomial outcome they have the trials.
    """
    link = posterior.attrs["link"]
    if spec.family not in VARIANCES or link not in LINKS:
        return None
    parameters = {name: draws_of(posterior, name) for name in PARAMETERS.get(spec.family, ())}
    if spec.family == "binomial":
        parameters["trials"] = np.asarray(matrices.response.term.term.data, dtype=float)[:, 1]
    return Measurements(spec.family, link, parameters)
