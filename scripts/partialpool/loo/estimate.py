"""The most trustworthy leave-one-out of a model."""

import numpy as np
import pandas as pd

from partialpool.loo.integrated import integrated, is_complete
from partialpool.loo.psis import of_fit
from partialpool.model.spec import ModelSpec


def of_model(tree, spec: ModelSpec, data: pd.DataFrame, *, cores: int = 1) -> dict[str, pd.DataFrame]:
    """The most trustworthy leave-one-out of a model for each estimand, and the plain one that readers know.

    Parameters
    ----------
    tree, spec, data
        See ``integrated``.
    cores
        Chains of a refit that run at the same time.

    Returns
    -------
    dict
        ``observation`` and ``unit``, as from ``integrated``, or for a model that cannot be marginal by moment
        matching, refits, and folds of units (``refits``), which have no ``p_loo``; ``psis``, as from
        ``of_fit``, unless the fit keeps some draws only.
    """
    from partialpool.marginal.design import NoClosedForm

    try:
        found = integrated(tree, spec, data)
    except NoClosedForm as reason:
        from partialpool.loo import kfold, refit

        print(f"PSIS, moment matching, refits and folds of units, because the model cannot be marginal: {reason}.")
        plain = of_fit(tree)
        units = kfold.units(spec, data, cores=cores).assign(pareto_k=0.0, p_loo=np.nan, method="kfold")
        units["elpd_batches"] = list(np.zeros((len(units), 2)))
        observations = refit.observations(tree, spec, data, plain, cores=cores)
        return {"observation": observations, "unit": units, "psis": plain}
    return found | ({"psis": of_fit(tree)} if is_complete(tree) else {})
