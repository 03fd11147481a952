"""Pareto-smoothed importance sampling."""

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.loo.compare import some
from partialpool.loo.pointwise import BATCHES

# Numbers (8 bytes each) that are worked on at a time.
CHUNK = 10**6


def psis(log_likelihood: np.ndarray, rows: np.ndarray) -> pd.DataFrame:
    """Pareto-smoothed importance sampling LOO of one model, row by row.

    Parameters
    ----------
    log_likelihood
        Log density of each observation at each draw, shape (chain, draw, n), in nats.
    rows
        Which row of the prepared data each observation is, shape (n,).

    Returns
    -------
    DataFrame
        ``row``, ``elpd``, ``pareto_k``, ``p_loo`` (log pointwise predictive density minus elpd), and ``mcse``, the
        Monte Carlo standard error of ``elpd`` (delta method; meaningless where ``pareto_k`` is over 0.7).
        ``elpd_batches`` and ``p_loo_batches``: what each batch of draws adds to the two, to first order, an array in
        each cell. Rows share the draws, so their errors go together, and only sums over rows of a batch tell
        how far a total is off (``monte_carlo_error``).

    References
    ----------
    Vehtari, Gelman & Gabry (2017), Statistics and Computing 27(5); Vehtari et al. (2024), JMLR 25(72).
    """
    from arviz_stats.base import array_stats
    from scipy.special import logsumexp

    log_likelihood = np.moveaxis(np.asarray(log_likelihood, dtype=float), -1, 0)
    if not np.isfinite(log_likelihood).all():
        bad = rows[~np.isfinite(log_likelihood).all(axis=(1, 2))]
        raise StudyError(f"The log likelihood is not finite at rows {some(bad)} of the data (0-based).")
    tables = []
    # Some rows at a time, so that nothing of the size of the log likelihood is made once more.
    for chunk in np.array_split(np.arange(len(rows)), -(-log_likelihood.size // CHUNK)):
        values = log_likelihood[chunk]
        relative = np.exp(values - values.max(axis=(1, 2), keepdims=True))
        efficiency = np.array([array_stats.ess(own, method="mean", relative=True) for own in relative])
        efficiency[~np.isfinite(efficiency)] = 1.0
        log_weights, pareto_k = np.empty_like(values), np.empty(len(chunk))
        for i, own in enumerate(values):
            try:
                log_weights[i], pareto_k[i] = array_stats.psislw(own, r_eff=efficiency[i], axis=(-2, -1))
            except ValueError:
                # The largest weights are equal, or fewer than five: nothing to smooth, and the raw weights stand.
                log_weights[i], pareto_k[i] = -own, np.nan
        # A k that cannot be estimated is infinite, as in the R package loo: the row is bad, and the largest k says so.
        pareto_k[np.isnan(pareto_k)] = np.inf
        log_weights -= logsumexp(log_weights, axis=(1, 2), keepdims=True)
        elpd = logsumexp(log_weights + values, axis=(1, 2))
        lppd = logsumexp(values, axis=(1, 2)) - np.log(values[0].size)
        # Weights times densities over their sum: the variance of the weighted mean, relative to the mean.
        shares = np.exp(log_weights + values - elpd[:, None, None])
        influence = shares - np.exp(log_weights)
        variance = (influence**2).sum(axis=(1, 2)) / efficiency
        columns = {"elpd": elpd, "pareto_k": pareto_k, "p_loo": lppd - elpd, "mcse": np.sqrt(variance)}
        columns["elpd_batches"] = list(batches(influence))
        columns["p_loo_batches"] = list(batches(influence_of_mean(values)) - batches(influence))
        tables.append(pd.DataFrame({"row": np.asarray(rows)[chunk].astype(int), **columns}))
    return pd.concat(tables, ignore_index=True)


def batches(influence: np.ndarray) -> np.ndarray:
    """Sums over each batch of draws: (n, chain, draw) -> (n, batches), a few batches a chain."""
    draws = influence.shape[2]
    starts = np.linspace(0, draws, min(BATCHES, draws), endpoint=False).astype(int)
    # In single precision, because they stay in memory while models are compared, and only their spread counts.
    return np.add.reduceat(influence, starts, axis=2).reshape(len(influence), -1).astype(np.float32)


def influence_of_mean(log_values: np.ndarray) -> np.ndarray:
    """What each draw adds to the log of the mean of exp(log_values), (n, chain, draw), to first order."""
    values = np.exp(log_values - log_values.max(axis=(1, 2), keepdims=True))
    return values / values.sum(axis=(1, 2), keepdims=True) - 1 / values[0].size


def of_fit(tree) -> pd.DataFrame:
    """``psis`` of a fit with ``log_likelihood`` and ``constant_data``; ``method`` is ``psis``."""
    log_likelihood = next(iter(tree["log_likelihood"].data_vars.values()))
    return psis(
        log_likelihood.transpose("chain", "draw", "__obs__").to_numpy(),
        tree["constant_data"]["row"].to_numpy(),
    ).assign(method="psis")


def smooth(log_ratios: np.ndarray, efficiency: float) -> tuple[np.ndarray, float]:
    """Pareto-smoothed importance weights.

    Parameters
    ----------
    log_ratios : (m,)
        Log of target over proposal, up to a constant.
    efficiency
        Effective draws of each draw.

    Returns
    -------
    log_weights : (m,)
        They sum to one.
    pareto_k : float
        Infinite where it cannot be estimated.
    """
    from arviz_stats.base import array_stats
    from scipy.special import logsumexp

    if np.isnan(log_ratios).any() or not np.isfinite(log_ratios.max()):
        return np.full(log_ratios.shape, -np.log(log_ratios.size)), np.inf
    try:
        log_weights, pareto_k = array_stats.psislw(-log_ratios, r_eff=efficiency, axis=-1)
    except ValueError:
        # The largest weights are equal, or fewer than five: nothing to smooth, and the raw weights stand.
        log_weights, pareto_k = log_ratios, np.nan
    return log_weights - logsumexp(log_weights), np.inf if np.isnan(pareto_k) else float(pareto_k)


def relative_efficiency(log_values: np.ndarray) -> float:
    """Effective draws of each draw, for the mean of exp(log_values), (chain, draw)."""
    from arviz_stats.base import array_stats

    efficiency = array_stats.ess(np.exp(log_values - log_values.max()), method="mean", relative=True)
    return float(efficiency) if np.isfinite(efficiency) else 1.0


def relative_error(log_values: np.ndarray) -> float:
    """Monte Carlo standard error of the log of the mean of exp(log_values), (chain, draw)."""
    values = np.exp(log_values - log_values.max())
    return float(values.std(ddof=1) / values.mean() / np.sqrt(values.size * relative_efficiency(log_values)))
