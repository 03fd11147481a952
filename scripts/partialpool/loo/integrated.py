"""Leave-one-out with all coefficients integrated out."""

from dataclasses import replace

import numpy as np
import pandas as pd

from partialpool.fit.by_row import draws_by_row
from partialpool.loo.pointwise import GOOD_PARETO_K, Estimate, PointwiseElpd, batch_sums, concatenate
from partialpool.loo.psis import influence_of_mean, psis
from partialpool.model.spec import ModelSpec
from partialpool.predict.effects import thinned
from partialpool.weights.smoothing import log_sum_exp

# Elements of 8 bytes that the densities at all draws may take together, and multiplications; beyond, some draws serve.
LARGE, LONG = 10**8, 10**10
# Draws of a chain that serve in any case.
FEWEST = 100


def integrated(tree, spec: ModelSpec, data: pd.DataFrame, *, cores: int = 1) -> tuple[PointwiseElpd, PointwiseElpd]:
    """Leave-one-out with all coefficients integrated out, for a model with a closed form.

    log p(y_i | y_-i) = -log E[1 / p(y_i | y_-i, scales)] over the posterior of the scales, where the density given the
    scales is known in closed form: importance sampling has one to a few dimensions left, and its weights hardly vary.
    Where they vary too much (Pareto k over 0.5), the scales are drawn once more, without what is left out, and
    log p(y_i | y_-i) = log p(y) - log p(y_-i) is the difference of two evidences.

    Parameters
    ----------
    tree
        The fit, by any engine, with ``posterior`` and ``log_likelihood``.
    spec, data
        What it was fitted to.
    cores
        Threads; the numbers do not depend on it.

    Returns
    -------
    observations, units : PointwiseElpd
        Single measurements left out, labelled by their rows; all measurements of a unit left out together. ``p_loo`` is
        by how much the density of the same data, left in, is higher; it is not known where the fit keeps the log
        likelihood at some draws only. ``method`` is ``integrated`` or ``integrated_refit``.

    Raises
    ------
    NoClosedForm
        If the model has no closed form.

    References
    ----------
    Vehtari, Mononen, Tolvanen, Sivula & Winther (2016), JMLR 17(103), integrated importance sampling.
    """
    from partialpool.loo.without import Without
    from partialpool.marginal.closed_form import design
    from partialpool.model.formula import complete_cases

    rows = complete_cases(spec, data)
    without, posterior = Without(design(spec, rows), cores=cores), tree["posterior"].to_dataset()
    units = rows[spec.unit].cat

    def importance(labels: np.ndarray, draws, subsets: np.ndarray) -> PointwiseElpd:
        parts = without.left_out(draws, subsets, len(labels))
        return concatenate([psis(own, labels[some], method="integrated") for some, own, _ in parts])

    def leave_out(labels: np.ndarray, subsets: np.ndarray) -> PointwiseElpd:
        # In a large study the scales are known well, and some draws are enough for most.
        draws = min(LARGE // len(labels), LONG // without.multiplications(subsets))
        few = thinned(posterior, max(FEWEST, draws // posterior.sizes["chain"]))
        pointwise = importance(labels, few, subsets)
        worse = np.flatnonzero(~(pointwise.pareto_k <= GOOD_PARETO_K))
        if len(worse) and few.sizes["draw"] < posterior.sizes["draw"]:
            # These in front of all others.
            places = np.argsort(np.concatenate([worse, np.delete(np.arange(len(labels)), worse)]))
            pointwise = pointwise.put(worse, importance(labels[worse], posterior, places[subsets]))
        return with_p_loo(refitted(pointwise, without, subsets, method="integrated_refit"), tree, subsets)

    return (
        leave_out(rows["row"].to_numpy().astype(int), np.arange(len(rows))),
        leave_out(units.categories.to_numpy(dtype=object), units.codes.to_numpy().astype(np.int64)),
    )


def refitted(
    pointwise: PointwiseElpd, without, subsets: np.ndarray, *, method: str, most: int | None = None
) -> PointwiseElpd:
    """With values from evidences where the weights vary too much; if these are more than ``most``, for the worst."""
    estimates, worst = {}, np.argsort(-pointwise.pareto_k, kind="stable")[:most]
    for index in np.sort(worst[~(pointwise.pareto_k[worst] <= GOOD_PARETO_K)]):
        elpd, mcse, trusted = without.difference_of_evidences(subsets != index)
        if trusted:
            estimates[index] = Estimate(elpd, mcse, 0.0)
    if estimates:
        print(f"Pareto k over {GOOD_PARETO_K}: {len(estimates)} by other draws, without them.")
    return pointwise.replaced(estimates, method)


def with_p_loo(pointwise: PointwiseElpd, tree, subsets: np.ndarray) -> PointwiseElpd:
    """With the density of the same subsets of rows, left in; nan where the fit does not have it at all draws."""
    jointly = left_in(tree, subsets)
    if jointly is None:
        return replace(pointwise, p_loo=np.full(len(pointwise), np.nan), p_loo_batches=None)
    density = log_sum_exp(jointly.reshape(len(jointly), -1)) - np.log(jointly[0].size)
    return replace(
        pointwise,
        p_loo=density - pointwise.elpd,
        p_loo_batches=batch_sums(influence_of_mean(jointly)) - pointwise.elpd_batches,
    )


def left_in(tree, subsets: np.ndarray) -> np.ndarray | None:
    """Log density of each subset of rows, all of them in the data, (subsets, chain, draw); None if not complete."""
    return of_subsets(draws_by_row(tree, "log_likelihood"), subsets) if is_complete(tree) else None


def of_subsets(by_row: np.ndarray, subsets: np.ndarray) -> np.ndarray:
    """Log density of each subset of rows, (subsets, chain, draw), from those of the rows, (chain, draw, n)."""
    jointly = np.zeros((subsets.max() + 1, *by_row.shape[:2]))
    for subset, row in zip(subsets, np.moveaxis(by_row, -1, 0), strict=True):
        jointly[subset] += row
    return jointly


def is_complete(tree) -> bool:
    """Whether the log likelihood is there at all draws; a fit of a large study keeps it at some."""
    return tree["log_likelihood"].sizes["draw"] == tree["posterior"].sizes["draw"]
