"""All parameters of a model drawn, and all that a fit keeps of them."""

import numpy as np

from partialpool.model.variables import datasets, effects_by_name, population_by_name
from partialpool.quadrature.effects import draw_effects
from partialpool.quadrature.model import LINEAR_PREDICTORS, Model


def fit(model: Model, *, progress=None) -> tuple[dict, dict[str, str | float]]:
    """Draw all parameters of a model.

    Parameters
    ----------
    model
        From ``model_of``.
    progress
        See ``fit.fit``.

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
    model.progress = progress
    drawn = model.draw(chains=spec.chains, draws=spec.draws, rng=rng)
    if model.factor.terms:
        what = "common coefficients and scales"
        rest = f"; effects of {spec.unit} integrated out with {model.nodes} nodes along each"
    else:
        what, rest = "all parameters", ""
    print(f"Independent draws of {what}: {drawn.quality}{rest}.")
    parameters = model.parameters(drawn.x.reshape(-1, model.dimensions))
    given = model.given(parameters)
    effects = draw_effects(given, model.factor.codes, effects_rng, cores=model.cores)
    by_row = _by_row(model, given, effects, outcome_rng)

    of_effects = (parameters.sd,), (parameters.correlation,)
    variables = population_by_name(matrices, parameters.family, *of_effects, parameters.common)
    variables |= effects_by_name(model.factor, effects)
    groups = datasets(matrices, matrices.outcome.astype(model.family.dtype), variables, drawn.stats, by_row)
    return groups, drawn.attributes | {"engine": "quadrature" if model.factor.terms else "independent"}


def _by_row(model: Model, given, effects: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Log likelihood and predicted outcome of each row, (draws, rows), from ``effects`` (draws, units, q)."""
    log_likelihood, predicted = np.empty_like(given.eta), np.empty(given.eta.shape, dtype=model.family.dtype)
    step = max(1, LINEAR_PREDICTORS // given.eta.shape[1])
    for start in range(0, len(given.eta), step):
        some = slice(start, start + step)
        few = given.take(some)
        eta = few.eta + np.einsum("dnq,nq->dn", effects[some, model.factor.codes], model.factor.z)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            density = model.family.kernel(y=few.y, eta=eta, link=model.link, **few.parameters)
            log_likelihood[some] = density + model.family.constant(y=few.y, **few.parameters)
        predicted[some] = model.family.draw(rng, eta, model.link, **few.parameters)
    return log_likelihood, predicted
