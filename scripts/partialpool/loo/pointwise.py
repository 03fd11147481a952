"""Pointwise expected log predictive densities: totals, standard errors, Monte Carlo errors, thresholds."""

from typing import NamedTuple

import numpy as np
import pandas as pd

# Above this the importance weights have no finite variance worth trusting (Vehtari, Simpson, Gelman, Yao & Gabry 2024).
BAD_PARETO_K = 0.7
# Into so many parts the draws of a chain are cut, to see how totals vary from part to part.
BATCHES = 10
# Methods whose Monte Carlo error is followed from batch to batch; that of others is known row by row only.
FOLLOWED = ("psis", "integrated")


def standard_error(values) -> float:
    """Standard error of the sum of pointwise values: sqrt(n var), ddof 1."""
    return float(np.sqrt(len(values) * np.var(values, ddof=1)))


def slope(values) -> np.ndarray:
    """Derivatives of ``standard_error`` by each of the values."""
    n, values = len(values), np.asarray(values)
    error = standard_error(values)
    return n / (n - 1) * (values - values.mean()) / error if error > 0 else np.zeros(n)


def monte_carlo_error(table: pd.DataFrame, of: str = "elpd", slope: float | np.ndarray = 1.0) -> float:
    """Monte Carlo standard error of a weighted sum of the pointwise values of one model.

    Parameters
    ----------
    table
        As from ``psis``, with ``method``.
    of
        ``elpd`` or ``p_loo``.
    slope : (n,) or float
        Weights; for a function of the values its derivatives (delta method).

    Returns
    -------
    float
        From the sums over rows of each batch of draws (batch means). The errors of other methods than PSIS are added
        up: no more than they can be together. nan where a Pareto k is over 0.7: then there is none to trust.

    References
    ----------
    Flegal & Jones (2010), Annals of Statistics 38(2), batch means.
    """
    if not (table["pareto_k"] <= BAD_PARETO_K).all() or table[of].isna().any():
        return np.nan
    slope = np.broadcast_to(slope, len(table))
    sums = slope @ np.stack(table[f"{of}_batches"]).astype(float)
    others = np.abs(slope) @ table["mcse"].where(~table["method"].isin(FOLLOWED), 0.0)
    return float(np.sqrt(len(sums) * sums.var(ddof=1)) + others)


class Estimate(NamedTuple):
    """Log predictive density of an observation, in nats, its Monte Carlo error, and the Pareto k of its weights."""

    elpd: float
    mcse: float
    pareto_k: float
