"""The most trustworthy leave-one-out of a model."""

from collections.abc import Sequence

import pandas as pd

from partialpool.loo.integrated import integrated, is_complete
from partialpool.loo.pointwise import ESTIMANDS, ModelLoo, PointwiseElpd
from partialpool.loo.psis import of_fit
from partialpool.model.names import effect_terms
from partialpool.model.spec import ModelSpec

# Refits of single rows that nobody needs to ask for: they take less than a fit and its figures.
FEW_REFITS = 5


def of_model(
    tree, spec: ModelSpec, data: pd.DataFrame, *, estimands: Sequence[str] | None = None, cores: int = 1
) -> ModelLoo:
    """The most trustworthy leave-one-out of a model for each estimand, and the plain one that readers know.

    ``integrated`` for a model with a closed form, or whose units can be integrated by quadrature; else ``psis``. Where
    it fails, independent draws of models without group-level effects, and of others, for single rows, moment matching
    and refits. Units of other models need folds (``kfold``), which run only where they are asked for, as do more than
    ``FEW_REFITS`` refits.

    Parameters
    ----------
    tree, spec, data
        See ``integrated``.
    estimands
        What is asked for: ``observation``, ``unit``. None for both as far as they take no folds.
    cores
        Threads, and chains of a refit that run at the same time.
    """
    from partialpool.model.design import NoClosedForm

    wanted = estimands or ESTIMANDS
    try:
        observations, units = integrated(tree, spec, data, cores=cores)
    except NoClosedForm as reason:
        print(f"The model has no closed form: {reason}.")
        observations, units = _sampled(tree, spec, data, wanted, asked=estimands or (), cores=cores)
    return ModelLoo(
        observations if "observation" in wanted else None,
        units if "unit" in wanted else None,
        of_fit(tree) if is_complete(tree) else None,
    )


def _sampled(
    tree, spec: ModelSpec, data: pd.DataFrame, wanted: Sequence[str], *, asked: Sequence[str], cores: int
) -> tuple[PointwiseElpd, PointwiseElpd | None]:
    """Both estimands of a model without a closed form; None for units that need folds nobody asked for."""
    from partialpool.loo import kfold, refit
    from partialpool.loo.by_quadrature import by_quadrature
    from partialpool.loo.without_effects import without_effects
    from partialpool.quadrature.densities import NoQuadrature

    try:
        observations, units = by_quadrature(tree, spec, data, cores=cores)
    except NoQuadrature as reason:
        print(f"Its units cannot be integrated by quadrature: {reason}.")
        if effect_terms(tree["posterior"].to_dataset()):
            observations, units = of_fit(tree), None
        else:
            observations, units = without_effects(tree, spec, data, cores=cores)
    if "observation" in wanted:
        most = None if "observation" in asked else FEW_REFITS
        observations = refit.observations(tree, spec, data, observations, most=most, cores=cores)
    if "unit" in asked:
        units = kfold.units(spec, data, cores=cores) if units is None else kfold.better(units, spec, data, cores=cores)
    elif "unit" in wanted and (units is None or units.bad.any()):
        what = "New units are left out" if units is None else f"Pareto k is over 0.7 for {units.bad.sum()} units"
        print(f"{what}: they take fits without them. To ask for these: 'estimands: [observation, unit]'.")
    return observations, units
