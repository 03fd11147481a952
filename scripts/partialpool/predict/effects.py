"""Draws of the effects of some units, where a fit keeps a summary of those of all."""

import numpy as np
import pandas as pd

from partialpool.model.names import effect_terms
from partialpool.predict.linear import LinearPredictor

# Beside a model's seed: the numbers that the fit has drawn with the seed alone must not come again.
STREAM = 1


def with_effects_at(posterior, predictor: LinearPredictor, rows: pd.DataFrame, at: pd.DataFrame, *, seed: int):
    """A posterior with draws of all effects that some points need.

    Parameters
    ----------
    posterior
        Dataset of a fit.
    predictor, rows
        Of its model, and the model's complete cases. Only the marginal engine, whose models have a linear predictor,
        keeps summaries; of another fit the posterior has all.
    at
        The points: the columns of the grouping factors.
    seed
        Seed of what is drawn; it is the same for the same levels.

    Returns
    -------
    Dataset
        The posterior; with draws of the effects that it lacks, of the levels at these points.
    """
    lacking = [term for term in effect_terms(posterior) if term.name not in posterior]
    if not lacking:
        return posterior
    from partialpool.marginal.closed_form import design
    from partialpool.predict.kept import draw_again

    matrices = design(predictor.spec, rows)
    [block] = [i for i, factor in enumerate(matrices.factors) if factor.name == lacking[0].grouping]
    levels = np.unique(predictor.levels[lacking[0].name].codes(at))
    return posterior.merge(draw_again(posterior, matrices, block, levels, np.random.default_rng([seed, STREAM])))


def thinned(posterior, most: int):
    """A posterior at no more than so many draws of each chain, evenly spaced."""
    draws = posterior.sizes["draw"]
    return posterior.isel(draw=np.linspace(0, draws - 1, min(most, draws)).round().astype(int))
