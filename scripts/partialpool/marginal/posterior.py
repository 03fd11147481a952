"""Scales drawn, coefficients drawn given them, and all that a fit keeps of both.

What is kept has Bambi's names and order. Variables are given by name as (labels, values): the labels along each
dimension beside those that all variables have in front, such as chain and draw, and values (in front, labels), of which
the former may be one dimension.
"""

from itertools import combinations

import numpy as np

from partialpool.marginal.design import Design, GroupingFactor
from partialpool.marginal.sample import Posterior, sample_scales
from partialpool.marginal.scales import Scales, correlations
from partialpool.model.names import ROW_DIM, pair_dim, pair_label

# Limits, in elements of 8 bytes.
# ASSUME: each unit's draws are summarised instead of kept if a fit has more elements than this.
LARGE = 10**8
# What is then kept by row is thinned to about this many.
MODERATE = 10**7
STATISTICS = ["mean", "sd", "q2.5", "q97.5"]


def fit(matrices: Design, *, cores: int, progress=None) -> tuple[dict, dict[str, str | float]]:
    """Draw the scales, all coefficients given them, and all that ``fit.fit`` returns.

    Parameters
    ----------
    matrices
        From ``design``.
    cores, progress
        See ``fit.fit``.

    Returns
    -------
    dict
        Datasets ``posterior``, ``sample_stats``, ``log_likelihood``, ``posterior_predictive``, ``observed_data``. In a
        large study ``group_effects`` (statistic, ..., units) takes the place of the draws of each level of the grouping
        factor with most levels, and what is kept by row is thinned.
    dict
        Attributes of the fit: those of ``sample_scales``.
    """
    posterior = Posterior(matrices, cores=cores)
    model, spec = posterior.model, matrices.spec
    x, stats, attributes = sample_scales(posterior, spec, progress=progress)
    chains, draws, dimensions = x.shape
    scales = posterior.space.scales(x.reshape(-1, dimensions))
    coefficients_rng, outcome_rng = np.random.default_rng(spec.seed).spawn(2)
    dense_rng, effects_rng, summary_rng = coefficients_rng.spawn(3)
    dense = model.draw_dense(scales, dense_rng, cores)
    common = model.at.coefficients(dense)

    summarised = _is_summarised(matrices, len(dense))
    # Draws for which the effects of units, and what is known by row, are kept.
    kept = _thinned((chains, draws), max(MODERATE // (chains * len(matrices.y)), 1) if summarised else draws)
    effects, effects_kept, groups = {}, {}, {}
    if matrices.factors:
        effects, effects_kept = model.effects_among(dense), model.effects_among(dense[kept])
        effects_kept[model.block] = model.draw_effects(scales.take(kept), dense[kept], effects_rng, cores)
        if summarised:
            some = _thinned((chains, draws), -(-1000 // chains))
            summary = model.draw_effects(scales.take(some), dense[some], summary_rng, cores, _summary_of_effects)
            by_term = effects_by_term(matrices.factors[model.block], summary)
            groups["group_effects"] = dataset({"statistic": STATISTICS}, by_term)
        else:
            effects = effects_kept
    by_row = _by_row(matrices, scales.sigma[kept], common[kept], effects_kept, outcome_rng)

    variables = population_by_name(matrices, {"sigma": scales.sigma}, scales.sd, scales.correlation, common)
    for number in sorted(effects):
        variables |= effects_by_term(matrices.factors[number], effects[number])
    rows, all_draws = {ROW_DIM: np.arange(len(matrices.y))}, {"chain": np.arange(chains), "draw": np.arange(draws)}
    by_draw_and_row = all_draws | {"draw": kept.reshape(chains, -1)[0]} | rows
    groups["posterior"] = dataset(all_draws, variables)
    groups["sample_stats"] = dataset(all_draws, {name: ({}, values) for name, values in stats.items()})
    for name, values in zip(("log_likelihood", "posterior_predictive"), by_row, strict=True):
        groups[name] = dataset(by_draw_and_row, {matrices.outcome_name: ({}, values)})
    groups["observed_data"] = dataset(rows, {matrices.outcome_name: ({}, matrices.outcome)})
    return groups, attributes


def _is_summarised(matrices: Design, draws: int) -> bool:
    """Whether a summary takes the place of the draws of the effects of units."""
    effects = sum(len(factor.levels) * factor.z.shape[1] for factor in matrices.factors)
    how, elements = matrices.spec.group_effects, draws * (effects + 2 * len(matrices.y))
    return how == "summary" or (how == "auto" and elements > LARGE)


def _by_row(matrices: Design, sigma, common, effects: dict[int, np.ndarray], rng) -> tuple[np.ndarray, np.ndarray]:
    """Log likelihood and predicted outcome of each row, (draws, rows); ``effects`` by number of the grouping factor."""
    mean = common @ matrices.x.T
    for i, factor in enumerate(matrices.factors):
        for k in range(factor.z.shape[1]):
            mean += effects[i][:, factor.codes, k] * factor.z[:, k]
    # In place: these are the largest arrays of a fit.
    predicted = rng.standard_normal(mean.shape)
    predicted *= sigma[:, None]
    predicted += mean
    predicted += matrices.outcome - matrices.y
    log_likelihood = np.subtract(matrices.y, mean, out=mean)
    log_likelihood /= sigma[:, None]
    log_likelihood **= 2
    log_likelihood *= -0.5
    log_likelihood -= 0.5 * np.log(2 * np.pi) + np.log(sigma[:, None])
    return log_likelihood, predicted


def _thinned(shape: tuple[int, int], most: int) -> np.ndarray:
    """Positions of at most so many draws of each chain, evenly spaced, among all draws; ``shape`` is (chain, draw)."""
    chains, draws = shape
    within = np.linspace(0, draws - 1, min(most, draws)).round().astype(int)
    return (np.arange(chains)[:, None] * draws + within).ravel()


def _summary_of_effects(effects: np.ndarray) -> np.ndarray:
    """Mean, sd, 2.5 % and 97.5 % quantile of each effect, (statistic, units, q), from draws (draws, units, q)."""
    effects = np.ascontiguousarray(effects.transpose(2, 1, 0))
    quantiles = np.quantile(effects, [0.025, 0.975], axis=-1)
    return np.stack([effects.mean(axis=-1), effects.std(axis=-1, ddof=1), *quantiles]).transpose(0, 2, 1)


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
    sd, correlation
        See ``Scales``.
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


def population_of(matrices: Design, scales: Scales, common: np.ndarray, shape: tuple[int, int]):
    """Dataset of all but the effects of single levels; ``shape`` is the numbers of chains and of draws of each."""
    chains, draws = shape
    variables = population_by_name(matrices, {"sigma": scales.sigma}, scales.sd, scales.correlation, common)
    return dataset({"chain": np.arange(chains), "draw": np.arange(draws)}, variables)


def effects_by_term(factor: GroupingFactor, effects: np.ndarray) -> dict[str, tuple[dict, np.ndarray]]:
    """Variables of the effects (draws, levels, q) of a grouping factor."""
    return {
        term.name: (
            term.level_coords | {term.grouping_dim: factor.levels},
            np.swapaxes(effects[..., factor.columns[term.name]], 1, 2),
        )
        for term in factor.terms
    }
