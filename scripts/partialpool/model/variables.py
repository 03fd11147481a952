"""Draws of a model's parameters under Bambi's names and in its order, and the datasets that a fit keeps.

Variables are given by name as (labels, values): the labels along each dimension beside those that all variables have in
front, such as chain and draw, and values (in front, labels), of which the former may be one dimension.
"""

from itertools import combinations

import numpy as np

from partialpool.model.design import Design, GroupingFactor
from partialpool.model.names import ROW_DIM, pair_dim, pair_label


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


def datasets(
    matrices: Design,
    outcome: np.ndarray,
    variables: dict[str, tuple[dict, np.ndarray]],
    stats: dict[str, np.ndarray],
    by_row: tuple[np.ndarray, np.ndarray],
    kept: np.ndarray | None = None,
) -> dict:
    """What a fit keeps, by group: ``posterior``, ``sample_stats`` and what is known of each row.

    Parameters
    ----------
    matrices
        The model.
    outcome : (n,)
        As it is to be kept.
    variables
        The parameters.
    stats
        Of the sampler, by name, (chain, draw) each.
    by_row : twice (draws of all chains, n)
        Log likelihood, and predicted outcome.
    kept
        Numbers of the draws of a chain that ``by_row`` has; by default all.
    """
    chains, draws = next(iter(stats.values())).shape
    all_draws, rows = {"chain": np.arange(chains), "draw": np.arange(draws)}, {ROW_DIM: np.arange(len(matrices.y))}
    of_rows = (all_draws if kept is None else all_draws | {"draw": kept}) | rows
    log_likelihood, predicted = by_row
    name = matrices.outcome_name
    return {
        "posterior": dataset(all_draws, variables),
        "sample_stats": dataset(all_draws, {stat: ({}, values) for stat, values in stats.items()}),
        "log_likelihood": dataset(of_rows, {name: ({}, log_likelihood)}),
        "posterior_predictive": dataset(of_rows, {name: ({}, predicted)}),
        "observed_data": dataset(rows, {name: ({}, outcome)}),
    }


def population_by_name(
    matrices: Design,
    family: dict[str, np.ndarray],
    sd: tuple[np.ndarray, ...],
    correlation: tuple[np.ndarray, ...],
    common: np.ndarray,
) -> dict[str, tuple[dict, np.ndarray]]:
    """Variables of all but the effects of single levels.

    Parameters
    ----------
    matrices
        The model.
    family
        The family's parameters by name, (draws,) each.
    sd, correlation : of each grouping factor, (draws, q) and (draws, q, q)
        Standard deviations of its effects, and Cholesky factors of their correlation matrices.
    common : (draws, p)
        Coefficients of the centred design.
    """
    common = common.copy()
    # The intercept at predictors = 0; that of the centred design is the one at their means.
    common[:, :1] -= common @ matrices.centre[:, None]
    variables = {
        term.name: (term.level_coords, common[:, matrices.common_columns[term.name]]) for term in matrices.common
    }
    variables |= {name: ({}, values) for name, values in family.items()}
    for factor, own in zip(matrices.factors, sd, strict=True):
        for term in factor.terms:
            variables[term.sd_name] = term.level_coords, own[:, factor.columns[term.name]]
    for factor, cholesky in zip(matrices.factors, correlation, strict=True):
        for block in factor.blocks:
            if block.correlation:
                effects = slice(factor.columns[block.terms[0].name].start, factor.columns[block.terms[-1].name].stop)
                pairs = [pair_label(first, second) for first, second in combinations(block.coefficients, 2)]
                variables[block.correlation] = {pair_dim(block.correlation): pairs}, correlations(cholesky[:, effects])
    return variables


def correlations(cholesky: np.ndarray) -> np.ndarray:
    """Correlations (draws, pairs) from the Cholesky factors (draws, q, q) of correlation matrices."""
    pairs = combinations(range(cholesky.shape[1]), 2)
    return np.stack([(cholesky[:, i] * cholesky[:, j]).sum(axis=-1) for i, j in pairs], axis=-1)


def effects_by_name(factor: GroupingFactor, effects: np.ndarray) -> dict[str, tuple[dict, np.ndarray]]:
    """Variables of the effects (draws, levels, q) of a grouping factor."""
    return {
        term.name: (
            term.level_coords | {term.grouping_dim: factor.levels},
            np.swapaxes(effects[..., factor.columns[term.name]], 1, 2),
        )
        for term in factor.terms
    }
