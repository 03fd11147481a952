"""Pareto-smoothed importance sampling."""

import numpy as np

from partialpool.errors import StudyError
from partialpool.fit.by_row import draws_by_row
from partialpool.loo.pointwise import PointwiseElpd, batch_sums, concatenate, list_rows
from partialpool.weights.smoothing import CHUNK, log_sum_exp, relative_efficiency, smooth


def psis(log_likelihood: np.ndarray, labels: np.ndarray, *, method: str = "psis") -> PointwiseElpd:
    """Leave-one-out cross-validation of one model by Pareto-smoothed importance sampling (PSIS).

    Parameters
    ----------
    log_likelihood : (chain, draw, n)
        Log density of each observation at each draw, in nats.
    labels : (n,)
        Which row of the prepared data each observation is, or which unit.
    method
        What the method is called.

    Returns
    -------
    PointwiseElpd
        ``p_loo`` is the log pointwise predictive density minus elpd, ``mcse`` comes from the delta method.

    Raises
    ------
    StudyError
        If a density is not finite.

    References
    ----------
    Vehtari, Gelman & Gabry (2017), Statistics and Computing 27(5); Vehtari et al. (2024), JMLR 25(72).
    """
    by_row = np.moveaxis(np.asarray(log_likelihood, dtype=float), -1, 0)
    # Some rows at a time, so that no second array as large as the log likelihood is needed.
    chunks = np.array_split(np.arange(len(labels)), -(-by_row.size // CHUNK))
    parts = [_psis(np.ascontiguousarray(by_row[rows]), labels[rows], method) for rows in chunks if len(rows)]
    return concatenate(parts)


def _psis(values: np.ndarray, labels: np.ndarray, method: str) -> PointwiseElpd:
    """``psis`` of log densities (n, chain, draw)."""
    flat = values.reshape(len(values), -1)
    finite = np.isfinite(flat).all(axis=1)
    if not finite.all():
        raise StudyError(
            f"The log likelihood is not finite at rows {list_rows(labels[~finite])} of the data (0-based)."
        )
    efficiency = relative_efficiency(values)
    log_weights, pareto_k = smooth(-flat, efficiency)
    elpd = log_sum_exp(log_weights + flat)
    # Weights times densities over their sum, less the weights: what each draw adds to elpd, to first order.
    influence = np.exp(log_weights + flat - elpd[:, None]) - np.exp(log_weights)
    by_batch = batch_sums(influence.reshape(values.shape))
    return PointwiseElpd(
        labels=labels,
        elpd=elpd,
        pareto_k=pareto_k,
        p_loo=log_sum_exp(flat) - np.log(flat.shape[1]) - elpd,
        mcse=np.sqrt((influence**2).sum(axis=1) / efficiency),
        method=np.full(len(labels), method, dtype=object),
        elpd_batches=by_batch,
        p_loo_batches=batch_sums(influence_of_mean(values)) - by_batch,
    )


def influence_of_mean(log_values: np.ndarray) -> np.ndarray:
    """What each draw adds to the log of the mean of exp(log_values), (n, chain, draw), to first order."""
    values = np.exp(log_values - log_values.max(axis=(1, 2), keepdims=True))
    return values / values.sum(axis=(1, 2), keepdims=True) - 1 / values[0].size


def of_fit(tree) -> PointwiseElpd:
    """``psis`` of a fit with ``log_likelihood`` and ``constant_data``."""
    return psis(draws_by_row(tree, "log_likelihood"), tree["constant_data"]["row"].to_numpy().astype(int))
