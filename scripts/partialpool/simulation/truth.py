"""What a replicate is made of: a truth, and a fit to data from it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Truth:
    """Parameters, and data that were drawn from them.

    Attributes
    ----------
    parameters
        By Bambi's name of the variable, without chains and draws.
    outcome : (n,)
        Of each row, as ``observed_data`` of a fit has it.
    log_likelihood : (n,)
        Of each row at these parameters.
    """

    parameters: dict[str, np.ndarray]
    outcome: np.ndarray
    log_likelihood: np.ndarray


@dataclass(frozen=True)
class Fitted:
    """What a study needs of a fit.

    Attributes
    ----------
    posterior : Dataset
        As that of ``fit.fit``.
    log_likelihood : (chain, draw, n)
    sampling
        ``independent`` or ``nuts``.
    divergences
        Of all chains of NUTS.
    """

    posterior: object
    log_likelihood: np.ndarray
    sampling: str
    divergences: int


def divergences(stats) -> int:
    """Divergent transitions of all chains; independent draws have none."""
    return int(stats["diverging"].sum()) if "diverging" in stats else 0
