"""What a fit keeps, under Bambi's names and in Bambi's order, and what is read back from it.

Variables are given by name as (labels, values): the labels along each dimension beside those that all variables have in
front, such as chain and draw, and values (in front, labels), of which the former may be one dimension.
"""

from dataclasses import replace
from itertools import combinations

import numpy as np

from partialpool.marginal.design import Design, GroupingFactor
from partialpool.marginal.scales import Scales, correlations
from partialpool.marginal.with_effects import WithEffects
from partialpool.model.names import pair_dim, pair_label
from partialpool.model.population import cholesky_of_correlations, population


def dataset(in_front: dict[str, np.ndarray | list], variables: dict[str, tuple[dict[str, list], np.ndarray]]):
    """Dataset of variables, with the dimensions that are in front and their labels."""
    import xarray as xr

    coords, arrays = dict(in_front), {}
    for name, (labels, values) in variables.items():
        coords |= labels
        dims = in_front | labels
        arrays[name] = tuple(dims), values.reshape([len(own) for own in dims.values()])
    # Text is kept as objects.
    coords = {dim: np.array(own, dtype=object) if isinstance(own, list) else own for dim, own in coords.items()}
    return xr.Dataset(arrays, coords)


def population_by_name(matrices: Design, scales: Scales, common: np.ndarray) -> dict[str, tuple[dict, np.ndarray]]:
    """Variables of all but the effects of single levels; ``common`` (draws, p) is of the centred design."""
    common = common.copy()
    # The intercept at predictors = 0; that of the centred design is the one at their means.
    common[:, :1] -= common @ matrices.centre[:, None]
    variables = {
        term.name: (term.level_coords, common[:, matrices.common_columns[term.name]]) for term in matrices.common
    }
    variables["sigma"] = {}, scales.sigma
    for factor, sd in zip(matrices.factors, scales.sd, strict=True):
        for term in factor.terms:
            variables[term.sd_name] = term.level_coords, sd[:, factor.columns[term.name]]
    for factor, cholesky in zip(matrices.factors, scales.correlation, strict=True):
        for block in factor.blocks:
            if block.correlation:
                effects = slice(factor.columns[block.terms[0].name].start, factor.columns[block.terms[-1].name].stop)
                pairs = [pair_label(first, second) for first, second in combinations(block.coefficients, 2)]
                variables[block.correlation] = {pair_dim(block.correlation): pairs}, correlations(cholesky[:, effects])
    return variables


def effects_by_term(factor: GroupingFactor, effects: np.ndarray) -> dict[str, tuple[dict, np.ndarray]]:
    """Variables of the effects (draws, levels, q) of a grouping factor."""
    return {
        term.name: (
            term.level_coords | {term.grouping_dim: factor.levels},
            np.swapaxes(effects[..., factor.columns[term.name]], 1, 2),
        )
        for term in factor.terms
    }


def scales_of(posterior, matrices: Design) -> Scales:
    """The scales of a posterior, the dataset of a fit of the model by any engine, draw by draw."""
    sigma = posterior["sigma"].transpose("chain", "draw").to_numpy().ravel()
    sds, choleskys = [], []
    for factor in matrices.factors:
        of_factor, q = population(posterior, factor.terms), factor.z.shape[1]
        sds.append(of_factor.sd.reshape(-1, q))
        choleskys.append(cholesky_of_correlations(of_factor.correlation)[0].reshape(-1, q, q))
    return Scales(sigma, tuple(sds), tuple(choleskys))


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
    return dataset(all_draws, effects_by_term(own.factors[block], effects))


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
    for factor in [matrices.factors[other.number] for other in model.rows.factors]:
        effects = [_values(posterior, term.name, term.grouping_dim) for term in factor.terms]
        effects = [values.reshape(len(common), len(factor.levels), -1) for values in effects]
        dense.append(np.concatenate(effects, axis=2).reshape(len(common), -1))
    return np.concatenate(dense, axis=1)


def _values(posterior, name: str, *first: str) -> np.ndarray:
    """Draws of a variable, (draws, values); of its dimensions ``first`` varies slowest."""
    values = posterior[name].transpose("chain", "draw", *first, ...).to_numpy()
    return values.reshape(values.shape[0] * values.shape[1], -1)
