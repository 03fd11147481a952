"""Leave-one-out with all coefficients integrated out."""

from dataclasses import replace

import numpy as np
import pandas as pd

from partialpool.loo.pointwise import PointwiseElpd, batch_sums
from partialpool.loo.psis import influence_of_mean, psis
from partialpool.weights.smoothing import log_sum_exp
from partialpool.model.names import ROW_DIM
from partialpool.model.spec import ModelSpec


def integrated(tree, spec: ModelSpec, data: pd.DataFrame) -> tuple[PointwiseElpd, PointwiseElpd]:
    """Leave-one-out with all coefficients integrated out, for a model with a closed form.

    log p(y_i | y_-i) = -log E[1 / p(y_i | y_-i, scales)] over the posterior of the scales, where the density given the
    scales is known in closed form: importance sampling has one to a few dimensions left, and its weights hardly vary.

    Parameters
    ----------
    tree
        The fit, by any engine, with ``posterior`` and ``log_likelihood``.
    spec, data
        What it was fitted to.

    Returns
    -------
    observations, units : PointwiseElpd
        Single measurements left out, labelled by their rows; all measurements of a unit left out together. ``p_loo`` is
        by how much the density of the same data, left in, is higher; it is not known where the fit keeps the log
        likelihood at some draws only.

    Raises
    ------
    NoClosedForm
        If the model has no closed form.

    References
    ----------
    Vehtari, Mononen, Tolvanen, Sivula & Winther (2016), JMLR 17(103), integrated importance sampling.
    """
    from partialpool.marginal.design import design
    from partialpool.marginal.leave_out import leave_out
    from partialpool.model.formula import complete_cases

    rows = complete_cases(spec, data)
    matrices, posterior = design(spec, rows), tree["posterior"].to_dataset()
    units = rows[spec.unit].cat

    def without(labels: np.ndarray, subsets: np.ndarray) -> PointwiseElpd:
        pointwise = psis(leave_out(matrices, posterior, subsets), labels, method="integrated")
        return _with_p_loo(pointwise, _left_in(tree, subsets))

    return (
        without(rows["row"].to_numpy().astype(int), np.arange(len(rows))),
        without(units.categories.to_numpy(dtype=object), units.codes.to_numpy()),
    )


def _with_p_loo(pointwise: PointwiseElpd, jointly: np.ndarray | None) -> PointwiseElpd:
    """With the density of the same data, left in, (n, chain, draw), or without it."""
    if jointly is None:
        return replace(pointwise, p_loo=np.full(len(pointwise), np.nan), p_loo_batches=None)
    density = log_sum_exp(jointly.reshape(len(jointly), -1)) - np.log(jointly[0].size)
    return replace(
        pointwise,
        p_loo=density - pointwise.elpd,
        p_loo_batches=batch_sums(influence_of_mean(jointly)) - pointwise.elpd_batches,
    )


def _left_in(tree, subsets: np.ndarray) -> np.ndarray | None:
    """Log density of each subset of rows, all of them in the data, (subsets, chain, draw); None if not complete."""
    if not is_complete(tree):
        return None
    log_likelihood = next(iter(tree["log_likelihood"].data_vars.values()))
    by_row = np.moveaxis(log_likelihood.transpose("chain", "draw", ROW_DIM).to_numpy(), -1, 0)
    jointly = np.zeros((subsets.max() + 1, *by_row.shape[1:]))
    for subset, row in zip(subsets, by_row, strict=True):
        jointly[subset] += row
    return jointly


def is_complete(tree) -> bool:
    """Whether the log likelihood is there at all draws; a fit of a large study keeps it at some."""
    return tree["log_likelihood"].sizes["draw"] == tree["posterior"].sizes["draw"]
