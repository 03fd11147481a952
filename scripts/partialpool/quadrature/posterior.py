"""All parameters of a model drawn, and all that a fit keeps of them."""

import numpy as np

from partialpool.marginal.posterior import dataset, effects_by_term, population_by_name
from partialpool.model.names import ROW_DIM
from partialpool.quadrature.effects import draw_effects
from partialpool.quadrature.model import Model


def fit(model: Model) -> tuple[dict, dict[str, str | float]]:
    """Draw all parameters of a model.

    Returns
    -------
    dict
        Datasets, and attributes of the fit, as ``marginal.posterior.fit``.

    Raises
    ------
    NoQuadrature
        If independent draws fail their checks.
    """
    matrices, spec = model.matrices, model.matrices.spec
    rng, effects_rng, outcome_rng = np.random.default_rng(spec.seed).spawn(3)
    drawn = model.draw(chains=spec.chains, draws=spec.draws, rng=rng)
    print(
        f"Independent draws of common coefficients and scales: acceptance {drawn.acceptance:.2f}, Pareto k of the "
        f"weights {drawn.pareto_k:.2f}; effects of {spec.unit} integrated out with {model.nodes} nodes along each."
    )
    parameters = model.parameters(drawn.x.reshape(-1, model.dimensions))
    given = model.given(parameters)
    effects = draw_effects(given, model.factor.codes, effects_rng)
    log_likelihood, predicted = _by_row(model, given, effects, outcome_rng)

    variables = population_by_name(
        matrices, parameters.family, (parameters.sd,), (parameters.correlation,), parameters.common
    )
    variables |= effects_by_term(model.factor, effects)
    all_draws = {"chain": np.arange(spec.chains), "draw": np.arange(spec.draws)}
    rows, outcome = {ROW_DIM: np.arange(len(matrices.y))}, matrices.outcome_name
    stats = {"lp": drawn.log_density, "log_weight": drawn.log_weight, "accepted": drawn.accepted}
    groups = {
        "posterior": dataset(all_draws, variables),
        "sample_stats": dataset(all_draws, {name: ({}, values) for name, values in stats.items()}),
        "log_likelihood": dataset(all_draws | rows, {outcome: ({}, log_likelihood)}),
        "posterior_predictive": dataset(all_draws | rows, {outcome: ({}, predicted)}),
        "observed_data": dataset(rows, {outcome: ({}, matrices.outcome.astype(np.int64))}),
    }
    return groups, {
        "sampling": "independent",
        "log_evidence": drawn.log_evidence,
        "mcse_log_evidence": drawn.mcse,
        "pareto_k": drawn.pareto_k,
        "acceptance": drawn.acceptance,
    }


def _by_row(model: Model, given, effects: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Log likelihood and predicted outcome of each row, (draws, rows), from ``effects`` (draws, units, q)."""
    eta = given.eta + np.einsum("dnq,nq->dn", effects[:, model.factor.codes], model.factor.z)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        density = model.family.kernel(y=given.y, eta=eta, link=model.link, **given.parameters)
        density = density + model.family.constant(y=given.y, **given.parameters)
    return density, model.family.draw(rng, eta, model.link, **given.parameters)
