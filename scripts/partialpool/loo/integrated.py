"""Leave-one-out with all coefficients integrated out."""

import numpy as np
import pandas as pd

from partialpool.loo.psis import batches, influence_of_mean, psis
from partialpool.model.spec import ModelSpec


def integrated(tree, spec: ModelSpec, data: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Leave-one-out with all coefficients integrated out, for a model that can be marginal.

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
    dict
        ``observation``: a table as from ``of_fit``. ``unit``: all measurements of a unit left out jointly, with
        ``unit`` in the place of ``row``. ``p_loo`` is what the density of the same data, left in, is higher by;
        unknown where the fit keeps some draws of it only.

    Raises
    ------
    marginal.NoClosedForm
        If the model has no closed form.

    References
    ----------
    Vehtari, Mononen, Tolvanen, Sivula & Winther (2016), JMLR 17(103), integrated importance sampling.
    """
    from scipy.special import logsumexp

    from partialpool.marginal.design import design
    from partialpool.marginal.leave_out import leave_out
    from partialpool.model.formula import complete_cases

    rows = complete_cases(spec, data)
    matrices = design(spec, rows)
    posterior = tree["posterior"].to_dataset()
    log_likelihood = next(iter(tree["log_likelihood"].data_vars.values()))
    left_in = log_likelihood.transpose("chain", "draw", "__obs__").to_numpy()
    units = rows[spec.unit].cat
    estimands = {
        "observation": ("row", rows["row"].to_numpy(), np.arange(len(rows))),
        "unit": ("unit", units.categories.to_numpy(dtype=object), units.codes.to_numpy()),
    }
    tables = {}
    for estimand, (column, labels, subsets) in estimands.items():
        densities = leave_out(matrices, posterior, subsets)
        table = psis(densities, np.arange(len(labels))).drop(columns="row")
        table["p_loo"] = np.nan
        if is_complete(tree):
            jointly = np.zeros((len(labels), *left_in.shape[:2]))
            np.add.at(jointly, subsets, np.moveaxis(left_in, -1, 0))
            table["p_loo"] = logsumexp(jointly, axis=(1, 2)) - np.log(jointly[0].size) - table["elpd"]
            table["p_loo_batches"] = list(batches(influence_of_mean(jointly)) - np.stack(table["elpd_batches"]))
        table.insert(0, column, labels)
        tables[estimand] = table.assign(method="integrated")
    return tables


def is_complete(tree) -> bool:
    """Whether the log likelihood is there at all draws; a fit of a large study keeps it at some."""
    return tree["log_likelihood"].sizes["draw"] == tree["posterior"].sizes["draw"]
