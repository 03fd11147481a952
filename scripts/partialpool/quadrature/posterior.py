"""All parameters of a model drawn, and all that a fit keeps of them."""

import numpy as np

from partialpool.model.variables import datasets, effects_by_name, population_by_name
from partialpool.quadrature.effects import draw_effects
from partialpool.quadrature.model import Model


def fit(model: Model) -> tuple[dict, dict[str, str | float]]:
    """Draw all parameters of a model.

    Returns
    -------
    dict
        Those of ``variables.datasets``.
    dict
        Attributes of the fit.

    Raises
    ------
    NoQuadrature
        If independent draws fail their checks.
    """
    matrices, spec = model.matrices, model.matrices.spec
    rng, effects_rng, outcome_rng = np.random.default_rng(spec.seed).spawn(3)
    drawn = model.draw(chains=spec.chains, draws=spec.draws, rng=rng)
    print(
        f"Independent draws of common coefficients and scales: {drawn.quality}; effects of {spec.unit} integrated out "
        f"with {model.nodes} nodes along each."
    )
    parameters = model.parameters(drawn.x.reshape(-1, model.dimensions))
    given = model.given(parameters)
    effects = draw_effects(given, model.factor.codes, effects_rng)
    by_row = _by_row(model, given, effects, outcome_rng)

    of_effects = (parameters.sd,), (parameters.correlation,)
    variables = population_by_name(matrices, parameters.family, *of_effects, parameters.common)
    variables |= effects_by_name(model.factor, effects)
    groups = datasets(matrices, matrices.outcome.astype(np.int64), variables, drawn.stats, by_row)
    return groups, drawn.attributes


def _by_row(model: Model, given, effects: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Log likelihood and predicted outcome of each row, (draws, rows), from ``effects`` (draws, units, q)."""
    eta = given.eta + np.einsum("dnq,nq->dn", effects[:, model.factor.codes], model.factor.z)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        density = model.family.kernel(y=given.y, eta=eta, link=model.link, **given.parameters)
        density = density + model.family.constant(y=given.y, **given.parameters)
    return density, model.family.draw(rng, eta, model.link, **given.parameters)
