"""The most trustworthy leave-one-out of a model."""

import pandas as pd

from partialpool.loo.integrated import integrated, is_complete
from partialpool.loo.pointwise import ModelLoo
from partialpool.loo.psis import of_fit
from partialpool.model.spec import ModelSpec


def of_model(tree, spec: ModelSpec, data: pd.DataFrame, *, cores: int = 1) -> ModelLoo:
    """The most trustworthy leave-one-out of a model for each estimand, and the plain one that readers know.

    ``integrated`` for a model with a closed form; else moment matching and refits (``refit``) for observations, and
    folds (``kfold``) for units.

    Parameters
    ----------
    tree, spec, data
        See ``integrated``.
    cores
        Chains of a refit that run at the same time.
    """
    from partialpool.marginal.design import NoClosedForm

    try:
        observations, units = integrated(tree, spec, data, cores=cores)
    except NoClosedForm as reason:
        from partialpool.loo import kfold, refit

        print(f"PSIS, moment matching, refits and folds of units, because the model has no closed form: {reason}.")
        plain = of_fit(tree)
        units = kfold.units(spec, data, cores=cores)
        return ModelLoo(refit.observations(tree, spec, data, plain, cores=cores), units, plain)
    return ModelLoo(observations, units, of_fit(tree) if is_complete(tree) else None)
