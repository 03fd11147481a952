"""Expected and predicted values of a model of any family, by Bambi."""

import numpy as np
import pandas as pd

from partialpool.fit.by_row import draws_by_row
from partialpool.model.build import build
from partialpool.model.families import OF_LEVELS, OF_TRIALS
from partialpool.model.names import ROW_DIM, draws_of
from partialpool.model.parts import columns
from partialpool.model.reproducible import reproducible
from partialpool.model.spec import ModelSpec

# PyMC draws their counts over zero by trying again, and gives up where these are rare, as some priors have it.
HURDLES = ("hurdle_poisson", "hurdle_negativebinomial")
LARGEST_MEAN = 1e15


def build_model(spec: ModelSpec, rows: pd.DataFrame):
    """The Bambi model of a spec."""
    model = build(spec, rows)
    design = model.parameters[model.family.likelihood.parent].design
    if design.common and not design.common.terms:
        # Of ordinal families Bambi drops the intercept, and fails to predict if nothing but units' effects is left.
        design.common = None
    return model


def draw(
    model, posterior, at: pd.DataFrame, *, quantities: list[str], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draws of expected and predicted values, (chain, draw, rows of ``at``) each; of successes in trials their number.

    Of an outcome with levels, (chain, draw, rows of ``at``, levels): the probability of each level, and 1 for the level
    of a new measurement beside 0 for the others.
    """
    import xarray as xr

    tree = xr.DataTree.from_dict({"posterior": posterior})
    outcome, of_trials = model.response_term, model.family.name in OF_TRIALS
    if of_trials:
        # Bambi asks for the successes too, and uses the trials only.
        at = at.assign(**{name: 0 for name in columns(outcome.name) if name not in at})
    # Of levels PyMC takes no probability that is rounded to less than 0, as some are that far from all thresholds.
    drawn_here = {**dict.fromkeys(HURDLES, _over_hurdle), **dict.fromkeys(OF_LEVELS, _levels)}.get(model.family.name)
    kind = "response" if "predicted" in quantities and drawn_here is None else "response_params"
    with reproducible():
        result = model.predict(tree, kind=kind, data=at, inplace=False, random_seed=rng)
    expected = result["posterior"][model.family.likelihood.parent].transpose("chain", "draw", ROW_DIM, ...).to_numpy()
    if of_trials:
        expected = expected * outcome.evaluate_new_data(at)[:, 1]
    results = {}
    for quantity in quantities:
        results[quantity] = expected
        if quantity == "predicted" and drawn_here is not None:
            results[quantity] = drawn_here(posterior, expected, rng)
        elif quantity == "predicted":
            results[quantity] = draws_by_row(result, "posterior_predictive")
    return results


def _levels(posterior, probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A level for each row, of probabilities (chain, draw, rows, levels): 1 for it beside 0 for the others."""
    below = np.cumsum(np.maximum(probabilities, 0), axis=-1)
    drawn = rng.random((*below.shape[:-1], 1)) * below[..., -1:]
    levels = (below <= drawn).sum(axis=-1, keepdims=True)
    return (levels == np.arange(below.shape[-1])).astype(float)


def _over_hurdle(posterior, mu: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Counts that are zero, or over it with probability ``psi``; the shape is that of ``mu`` (chain, draw, rows).

    Those over zero by the inverse of their distribution function: of a count of which P(> 0) is s, the quantile where s
    times a uniform number lies above.
    """
    from scipy import stats

    psi, *alpha = (draws_of(posterior, name) for name in ("psi", "alpha") if name in posterior)
    # SciPy knows no larger counts; from there on they grow as their mean does.
    known = np.minimum(mu, LARGEST_MEAN)
    counts = stats.nbinom(alpha[0], alpha[0] / (alpha[0] + known)) if alpha else stats.poisson(known)
    over = np.maximum(counts.isf(counts.sf(0) * rng.random(mu.shape)), 1) * (mu / known)
    return np.where(rng.random(mu.shape) < psi, over, 0)
