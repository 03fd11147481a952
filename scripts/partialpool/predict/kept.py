"""What a fit keeps, read back: its scales, and the effects that it keeps a summary of, drawn again."""

from dataclasses import replace

import numpy as np

from partialpool.marginal.scales import Scales
from partialpool.marginal.with_effects import WithEffects
from partialpool.model.design import Design
from partialpool.model.population import cholesky_of_correlations, population
from partialpool.model.variables import dataset, effects_by_name


def scales_of(posterior, matrices: Design) -> Scales:
    """The scales of a posterior, the dataset of a fit of the model by any engine, draw by draw."""
    sigma = posterior["sigma"].transpose("chain", "draw").to_numpy().ravel()
    sds, correlations = [], []
    for factor in matrices.factors:
        of_factor, q = population(posterior, factor.terms), factor.z.shape[1]
        sds.append(of_factor.sd.reshape(-1, q))
        correlations.append(cholesky_of_correlations(of_factor.correlation)[0].reshape(-1, q, q))
    return Scales(sigma, tuple(sds), tuple(correlations))


def draw_again(posterior, matrices: Design, block: int, levels: np.ndarray, rng, cores: int = 1):
    """Draws of the effects of some levels of a grouping factor, from their exact distribution given all else.

    Given the scales and all other coefficients a level's effects depend on its own rows only. So each draw of a
    posterior with these effects is one of the joint posterior, as if they had been kept.

    Parameters
    ----------
    posterior
        Dataset of a marginal fit, with draws of all but the effects of this grouping factor.
    matrices
        Of all rows, from ``design``.
    block
        Number of the grouping factor.
    levels : (some,)
        Which of its levels, in rising order.
    rng, cores
        The draws do not depend on the cores.

    Returns
    -------
    Dataset
    """
    own = _of_levels(matrices, block, levels)
    model = WithEffects(own, block)
    effects = model.draw_effects(scales_of(posterior, matrices), _dense(posterior, matrices, model), rng, cores)
    all_draws = {dim: posterior[dim].to_numpy() for dim in ("chain", "draw")}
    return dataset(all_draws, effects_by_name(own.factors[block], effects))


def _of_levels(matrices: Design, block: int, levels: np.ndarray) -> Design:
    """The model of the rows that some levels of a grouping factor have, as if there were no others."""
    some = matrices.of_rows(np.isin(matrices.factors[block].codes, levels))
    own = some.factors[block]
    own = replace(own, codes=np.searchsorted(levels, own.codes), levels=[own.levels[level] for level in levels])
    return replace(some, factors=(*some.factors[:block], own, *some.factors[block + 1 :]))


def _dense(posterior, matrices: Design, model: WithEffects) -> np.ndarray:
    """The dense coefficients of a posterior, (draws, d), in the coordinates of ``model``."""
    common = [_values(posterior, term.name) for term in matrices.common]
    common = np.concatenate([np.empty((posterior["sigma"].size, 0)), *common], axis=1)
    # What a fit keeps is the intercept at predictors = 0; that of the centred design is the one at their means.
    common[:, :1] += common @ matrices.centre[:, None]
    dense = [model.at.of(common)]
    for factor in [matrices.factors[number] for number in model.rows.factors]:
        effects = [_values(posterior, term.name, term.grouping_dim) for term in factor.terms]
        effects = [values.reshape(len(common), len(factor.levels), -1) for values in effects]
        dense.append(np.concatenate(effects, axis=2).reshape(len(common), -1))
    return np.concatenate(dense, axis=1)


def _values(posterior, name: str, *first: str) -> np.ndarray:
    """Draws of a variable, (draws, values); of its dimensions ``first`` varies slowest."""
    values = posterior[name].transpose("chain", "draw", *first, ...).to_numpy()
    return values.reshape(values.shape[0] * values.shape[1], -1)
