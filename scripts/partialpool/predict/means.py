"""The mean of a measurement given its linear predictor: of one unit, and over all units of a population."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from partialpool.errors import StudyError
from partialpool.model.families import CUMULATIVE, LINKS, OF_LEVELS, ZERO_INFLATED
from partialpool.model.names import draws_of
from partialpool.model.spec import ModelSpec

# Nodes of the rule reach so many sds to both sides of the mean of the effects, and are at most so many on each.
REACH, MOST_NODES = 8.5, 500


def _logistic(eta: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-eta))


def _normal(eta: np.ndarray) -> np.ndarray:
    from scipy.special import ndtr

    return ndtr(eta)


INVERSE = {
    "identity": lambda eta: eta,
    "log": np.exp,
    "logit": _logistic,
    "probit": _normal,
    "cloglog": lambda eta: -np.expm1(-np.exp(eta)),
    "inverse": lambda eta: 1 / eta,
    "inverse_squared": lambda eta: 1 / np.sqrt(eta),
}
BOUNDED = ("logit", "probit", "cloglog")


def inverse_link(link: str, eta: np.ndarray) -> np.ndarray:
    """What a linear predictor is on the scale of the outcome."""
    # An exponential may overflow to infinity where a probability is 0 or 1.
    with np.errstate(over="ignore"):
        return INVERSE[link](eta)


@dataclass(frozen=True)
class Mean:
    """The mean of a model's measurements.

    Parameters
    ----------
    spec
        The model's spec.

    Raises
    ------
    StudyError
        If the mean is no function of the linear predictor that is known here.
    """

    spec: ModelSpec

    def __post_init__(self):
        family = self.spec.family
        if family in OF_LEVELS:
            raise StudyError(
                f"The family '{family}' has a probability for each level, which is known here of observed and new "
                "units only."
            )
        if family not in LINKS and family not in ZERO_INFLATED:
            raise StudyError(
                f"The mean of the family '{family}' is not known here: ask for 'predicted' values. Families with "
                f"'expected' ones: {', '.join([*LINKS, *ZERO_INFLATED])}."
            )

    @cached_property
    def link(self) -> str:
        """Name of the link function."""
        return self.spec.link or (LINKS | ZERO_INFLATED)[self.spec.family]

    def of_unit(self, eta: np.ndarray, posterior, trials: np.ndarray | float = 1.0) -> np.ndarray:
        """The mean given the linear predictor, (chain, draw, rows) both; of successes in trials their number."""
        return self._scaled(inverse_link(self.link, eta), posterior, trials)

    def of_population(
        self, eta: np.ndarray, variance: np.ndarray, posterior, trials: np.ndarray | float = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """The mean over units whose effects are normal, so that the linear predictor of a row is normal too.

        Parameters
        ----------
        eta, variance
            Its mean and its variance, (chain, draw, rows).
        posterior
            Dataset of the fit.
        trials
            See ``of_unit``.

        Returns
        -------
        means, coarse
            (chain, draw, rows) each. For the links identity and log in closed form, and both are the same. For logit,
            probit and cloglog by the trapezoidal rule, the second with half as many nodes: their difference is much
            larger than the error of the first.

        Raises
        ------
        StudyError
            If a mean over units does not exist, or is not known for the link.

        References
        ----------
        Trefethen & Weideman (2014), The exponentially convergent trapezoidal rule, SIAM Review 56(3).
        """
        if self.link == "identity":
            means = coarse = eta
        elif self.link == "log":
            means = coarse = np.exp(eta + variance / 2)
        elif self.link in BOUNDED:
            means, coarse = _over_normal(INVERSE[self.link], eta, np.sqrt(variance))
        else:
            raise StudyError(
                f"A mean over all units is not known for the link '{self.link}'; it is for: identity, log, "
                f"{', '.join(BOUNDED)}."
            )
        return self._scaled(means, posterior, trials), self._scaled(coarse, posterior, trials)

    def _scaled(self, values: np.ndarray, posterior, trials: np.ndarray | float) -> np.ndarray:
        if self.spec.family in ZERO_INFLATED:
            values = values * draws_of(posterior, "psi")
        return values * trials


@dataclass(frozen=True)
class Probabilities:
    """The probabilities of the levels of an outcome of the family ``cumulative``, in the place of a mean.

    Parameters
    ----------
    spec
        The model's spec.
    """

    spec: ModelSpec

    @property
    def link(self) -> str:
        """Name of the link function."""
        return self.spec.link or "logit"

    def of_unit(self, eta: np.ndarray, posterior, trials: float = 1.0) -> np.ndarray:
        """The probabilities given the linear predictor (chain, draw, rows): (chain, draw, rows, levels); they sum to 1.

        The inverse link of a threshold minus the linear predictor is the probability of a level or a lower one.
        """
        thresholds = draws_of(posterior, "threshold")
        below = inverse_link(self.link, thresholds[:, :, None, :] - eta[..., None])
        ends = np.zeros((*below.shape[:-1], 1))
        return np.diff(np.concatenate([ends, below, ends + 1], axis=-1), axis=-1)

    def of_population(self, eta: np.ndarray, variance: np.ndarray, posterior, trials: float = 1.0):
        """The same over units whose effects are normal; see ``Mean.of_population``."""
        return _over_normal(lambda eta: self.of_unit(eta, posterior), eta, np.sqrt(variance))


def expected_of(spec: ModelSpec) -> Mean | Probabilities:
    """What is expected of a model's measurements; StudyError if that is not known here."""
    return Probabilities(spec) if spec.family == CUMULATIVE else Mean(spec)


def _over_normal(function, mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of a function of normal variables, by the trapezoidal rule and by that with every second node."""
    # The error falls exponentially with the distance of the function's poles, pi / sd or half of it, over the step.
    most = float(sd.max(initial=0))
    step = max(min(0.5, 0.35 / most if most > 0 else 0.5), REACH / MOST_NODES)
    last = int(np.ceil(REACH / step))
    fine = coarse = 0.0
    with np.errstate(over="ignore"):
        for node in range(-last, last + 1):
            weight = step * np.exp(-0.5 * (step * node) ** 2) / np.sqrt(2 * np.pi)
            values = weight * function(mean + step * node * sd)
            fine = fine + values
            if node % 2 == 0:
                coarse = coarse + 2 * values
    return fine, coarse
