"""Bayes factors of models, and how they change with the scales of the priors."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.loo.compare import require_same_rows
from partialpool.model.formula import complete_cases
from partialpool.model.spec import ModelSpec

# By how much the scales of all priors of all models are multiplied.
PRIORS = {"halved": 0.5, "as configured": 1.0, "doubled": 2.0}


def bayes_factors(
    specs: dict[str, ModelSpec], fits: dict[str, Mapping], data: pd.DataFrame, *, cores: int = 1
) -> pd.DataFrame:
    """Bayes factors of models against the best of them, with the scales of all priors halved, as they are, and doubled.

    Parameters
    ----------
    specs
        By name of model.
    fits
        Attributes of their fits, with ``log_evidence`` and ``mcse_log_evidence``.
    data
        Prepared data with column ``row``.
    cores
        How many threads may run.

    Returns
    -------
    DataFrame
        ``model,priors,log_evidence,mcse_log_evidence,log_bayes_factor,mcse_log_bayes_factor``, in nats: the models
        with the largest evidence first, three rows each. The best model, to which all factors are, is the one whose
        evidence is largest as configured. Monte Carlo errors are of evidences that are independent. An evidence that
        cannot be computed with other priors is nan.

    Raises
    ------
    StudyError
        If a fit has no evidence, or if the models have different rows.

    References
    ----------
    Kass & Raftery (1995), Journal of the American Statistical Association 90(430).
    """
    for model, fit in fits.items():
        if "log_evidence" not in fit:
            raise StudyError(
                f"Model {model} was fitted by the engine {fit['engine']}, which knows no evidence, so it has no Bayes "
                "factors; the log of its fit says why it was that engine. Compare models of the engines marginal, "
                "quadrature and independent, or leave 'bayes_factors' out of the comparison."
            )
    rows = {model: complete_cases(spec, data) for model, spec in specs.items()}
    require_same_rows({model: own["row"].to_numpy() for model, own in rows.items()})
    order = sorted(specs, key=lambda model: -fits[model]["log_evidence"])
    evidence = {
        (model, priors): _evidence(specs[model], fits[model], rows[model], by, cores)
        for model in order
        for priors, by in PRIORS.items()
    }
    return pd.DataFrame(
        [
            {"model": model, "priors": priors, "log_evidence": value, "mcse_log_evidence": mcse}
            | _factor((value, mcse), None if model == order[0] else evidence[order[0], priors])
            for (model, priors), (value, mcse) in evidence.items()
        ]
    )


def _evidence(spec: ModelSpec, fit: Mapping, rows: pd.DataFrame, by: float, cores: int) -> tuple[float, float]:
    """Log evidence and its Monte Carlo error with the scales of all priors multiplied."""
    if by == 1:
        return float(fit["log_evidence"]), float(fit["mcse_log_evidence"])
    stretched = {name: prior.scaled(by) for name, prior in spec.priors.items()}
    return log_evidence(replace(spec, priors=stretched), rows, engine=fit["engine"], cores=cores)


def log_evidence(spec: ModelSpec, rows: pd.DataFrame, *, engine: str, cores: int = 1) -> tuple[float, float]:
    """Log evidence of a model, in nats, and its Monte Carlo standard error.

    Parameters
    ----------
    spec, rows
        The model, and its complete cases.
    engine
        ``marginal``, ``quadrature`` or ``independent``.
    cores
        Threads.

    Returns
    -------
    tuple
        The error is nan if it cannot be trusted; both are nan if the engine cannot fit the model: the log says why.
    """
    options = {"chains": spec.chains, "draws": spec.draws}
    if engine == "marginal":
        from partialpool.marginal.closed_form import design
        from partialpool.marginal.sample import Posterior

        drawn = Posterior(design(spec, rows), cores=cores).draw(**options, seed=spec.seed)
        return drawn.log_evidence, drawn.mcse
    from partialpool.quadrature.densities import NoQuadrature
    from partialpool.quadrature.model import model_of

    try:
        drawn = model_of(spec, rows, cores=cores).draw(**options, rng=np.random.default_rng(spec.seed))
    except NoQuadrature as reason:
        priors = ", ".join(f"{name} {prior}" for name, prior in spec.priors.items())
        print(f"The evidence of {spec.formula} with priors {priors} is not known: {reason}.")
        return math.nan, math.nan
    return drawn.log_evidence, drawn.mcse


def _factor(own: tuple[float, float], best: tuple[float, float] | None) -> dict[str, float]:
    """Columns of the factor against the best model; the best differs from itself by nothing, exactly."""
    if best is None:
        return {"log_bayes_factor": 0.0, "mcse_log_bayes_factor": 0.0}
    return {"log_bayes_factor": own[0] - best[0], "mcse_log_bayes_factor": math.hypot(own[1], best[1])}
