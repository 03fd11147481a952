"""The mean of a measurement, from the linear predictor of its model: inverse links, in closed form."""

from collections.abc import Callable

import numpy as np
from scipy.special import expit, ndtr

INVERSE_LINKS: dict[str, Callable] = {
    "identity": lambda eta: eta,
    "log": np.exp,
    "logit": expit,
    "probit": ndtr,
    "cloglog": lambda eta: -np.expm1(-np.exp(eta)),
    "inverse": lambda eta: 1 / eta,
    "inverse_squared": lambda eta: 1 / np.sqrt(eta),
}


def mean(eta: np.ndarray, link: str) -> np.ndarray:
    """Means for values of the linear predictor, of any shape."""
    return INVERSE_LINKS[link](eta)


def level_probabilities(eta: np.ndarray, thresholds: np.ndarray, link: str) -> np.ndarray:
    """Probabilities of the levels of an ordinal outcome.

    Parameters
    ----------
    eta
        Linear predictor, (chain, draw, n).
    thresholds
        (chain, draw, K - 1), rising.
    link
        Of the probabilities of a level or a lower one: their inverse link at threshold minus linear predictor.

    Returns
    -------
    ndarray
        (chain, draw, n, K); they sum to 1.
    """
    below = mean(thresholds[:, :, None, :] - eta[..., None], link)
    ends = np.zeros((*below.shape[:-1], 1))
    return np.diff(np.concatenate([ends, below, ends + 1], axis=-1), axis=-1)
