"""The evidence of a model: the density of its data, with all parameters integrated out."""

import pandas as pd

from partialpool.marginal.design import design
from partialpool.marginal.sample import Posterior
from partialpool.model.spec import ModelSpec


def log_evidence(spec: ModelSpec, rows: pd.DataFrame, *, cores: int = 1) -> tuple[float, float]:
    """Log evidence of a model, in nats, and its Monte Carlo standard error; nan if none can be trusted.

    Parameters
    ----------
    spec
        The model's spec.
    rows
        Its complete cases (``formula.complete_cases``).
    cores
        Threads; the numbers do not depend on it.

    Raises
    ------
    NoClosedForm
        If the coefficients cannot be integrated out.
    """
    drawn = Posterior(design(spec, rows), cores=cores).draw(chains=spec.chains, draws=spec.draws, seed=spec.seed)
    return drawn.log_evidence, drawn.mcse
