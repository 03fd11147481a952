"""The engine of a model, ready to be run many times: what does not depend on the outcome is made once."""

from dataclasses import replace

import pandas as pd

from partialpool.fit.fit import closed_form, integrable, settled
from partialpool.model.automatic import automatic_priors
from partialpool.model.formula import complete_cases
from partialpool.model.spec import ModelSpec
from partialpool.simulation.marginal import MarginalEngine

# Draws of the fit of one replicate: enough for its intervals, and quick.
CHAINS, DRAWS = 2, 500


def engine_of(spec: ModelSpec, data: pd.DataFrame):
    """The engine that ``fit.fit`` would take for a model, with few draws, and the rows of the model.

    Priors that the spec leaves out are those that a fit to the study's own data has.

    Parameters
    ----------
    spec
        The model's spec.
    data
        Prepared data.

    Returns
    -------
    MarginalEngine, QuadratureEngine or NutsEngine
    DataFrame
        The complete cases.

    Raises
    ------
    StudyError
        As ``fit.fit``.
    """
    rows = complete_cases(spec, data)
    spec = spec.with_priors(automatic_priors(spec, rows))
    spec = replace(spec, chains=CHAINS, draws=DRAWS, group_effects="draws")
    matrices = closed_form(spec, rows)
    if matrices is not None:
        return MarginalEngine(replace(matrices, spec=settled(spec, "marginal"))), rows
    model = integrable(spec, rows)
    if model is not None:
        from partialpool.simulation.quadrature import QuadratureEngine

        return QuadratureEngine(model, rows), rows
    from partialpool.simulation.nuts import NutsEngine

    return NutsEngine(settled(spec, "nuts"), rows), rows
