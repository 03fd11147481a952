"""Scales drawn, coefficients drawn given them, and all that a fit keeps of both."""

from dataclasses import dataclass

import numpy as np

from partialpool.marginal.coefficients import summary_of_effects, thinned
from partialpool.marginal.design import Design, GroupingFactor
from partialpool.marginal.sample import Posterior, ScaleDraws, sample_scales
from partialpool.marginal.scales import Scales, correlations
from partialpool.model.names import ROW_DIM, Term, pair_dim, pair_label

# Limits, in elements of 8 bytes.
# ASSUME: each unit's draws are summarised instead of kept if a fit has more elements than this.
LARGE = 10**8
# What is then kept by row is thinned to about this many.
MODERATE = 10**7
STATISTICS = ["mean", "sd", "q2.5", "q97.5"]


@dataclass(frozen=True)
class Coefficients:
    """Draws of all coefficients given those of the scales.

    Attributes
    ----------
    common : (draws, p)
        Of the centred design.
    kept : (some,)
        Positions of the draws for which the effects of units, and what is known by row, are kept: all of them in a
        small study.
    effects : of each grouping factor, (draws, levels, q)
        Those of units at the draws ``kept``.
    block : int
        Number of the grouping factor whose levels are units; -1 if there is none.
    summary : (statistic, units, q) or None
        Of the effects of units, in the place of draws in what is written, in a large study.
    """

    common: np.ndarray
    kept: np.ndarray
    effects: tuple[np.ndarray, ...]
    block: int
    summary: np.ndarray | None


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
        Attributes of the fit: ``sample.ScaleDraws.attributes``.
    """
    import xarray as xr

    posterior = Posterior(matrices, cores=cores)
    drawn = sample_scales(posterior, matrices.spec, progress=progress)
    chains, draws = drawn.shape
    coefficients_rng, outcome_rng = np.random.default_rng(matrices.spec.seed).spawn(2)
    coefficients = _coefficients(matrices, posterior.model, drawn, coefficients_rng, cores)
    log_likelihood, predicted = _by_row(matrices, drawn.scales.sigma[coefficients.kept], coefficients, outcome_rng)
    rows = {ROW_DIM: np.arange(len(matrices.y))}
    kept_draws = {"chain": np.arange(chains), "draw": coefficients.kept.reshape(chains, -1)[0]}

    def by_row(values: np.ndarray) -> xr.Dataset:
        values = values.reshape(chains, -1, len(matrices.y))
        return xr.Dataset({matrices.outcome_name: (("chain", "draw", ROW_DIM), values)}, kept_draws | rows)

    stats = {name: (("chain", "draw"), values) for name, values in drawn.stats.items()}
    groups = {
        "posterior": _posterior(matrices, drawn, coefficients),
        "sample_stats": xr.Dataset(stats, {"chain": np.arange(chains), "draw": np.arange(draws)}),
        "log_likelihood": by_row(log_likelihood),
        "posterior_predictive": by_row(predicted),
        "observed_data": xr.Dataset({matrices.outcome_name: (ROW_DIM, matrices.outcome)}, rows),
    }
    if coefficients.summary is not None:
        groups["group_effects"] = _summary(matrices.factors[coefficients.block], coefficients.summary)
    return groups, drawn.attributes


def _coefficients(matrices: Design, model, drawn: ScaleDraws, rng, cores: int) -> Coefficients:
    spec, scales, n = matrices.spec, drawn.scales, len(matrices.y)
    dense_rng, effects_rng, summary_rng = rng.spawn(3)
    dense = model.draw_dense(scales, dense_rng, cores)
    common = model.at.coefficients(dense)
    effects_of_a_draw = sum(len(factor.levels) * factor.z.shape[1] for factor in matrices.factors)
    elements = len(dense) * (effects_of_a_draw + 2 * n)
    summary = spec.group_effects == "summary" or (spec.group_effects == "auto" and elements > LARGE)
    kept = thinned(drawn.shape, max(MODERATE // (drawn.shape[0] * n), 1) if summary else drawn.shape[1])
    if not matrices.factors:
        return Coefficients(common, kept, (), -1, None)
    # Those of the other grouping factors are among the dense coefficients.
    others = model.rows.factors
    effects = [dense[:, other.columns].reshape(len(dense), other.levels, other.q) for other in others]
    effects.insert(model.block, model.draw_effects(scales.take(kept), dense[kept], effects_rng, cores))
    if not summary:
        return Coefficients(common, kept, tuple(effects), model.block, None)
    some = thinned(drawn.shape, -(-1000 // drawn.shape[0]))
    of_units = model.draw_effects(scales.take(some), dense[some], summary_rng, cores, summary_of_effects)
    return Coefficients(common, kept, tuple(effects), model.block, of_units)


def _by_row(matrices: Design, sigma: np.ndarray, coefficients: Coefficients, rng) -> tuple[np.ndarray, np.ndarray]:
    """Log likelihood and predicted outcome of each row, (some draws, rows)."""
    mean = coefficients.common[coefficients.kept] @ matrices.x.T
    for i, (factor, effects) in enumerate(zip(matrices.factors, coefficients.effects, strict=True)):
        own = effects if i == coefficients.block else effects[coefficients.kept]
        for k in range(factor.z.shape[1]):
            mean += own[:, factor.codes, k] * factor.z[:, k]
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


def _posterior(matrices: Design, drawn: ScaleDraws, coefficients: Coefficients):
    """Draws under Bambi's names, in Bambi's order."""
    population, variables, coords = population_of(matrices, drawn.scales, coefficients.common, drawn.shape), {}, {}
    for i, (factor, effects) in enumerate(zip(matrices.factors, coefficients.effects, strict=True)):
        if i != coefficients.block or coefficients.summary is None:
            for term in factor.terms:
                labels = _effect_labels(factor, term)
                values = effects[:, :, factor.columns[term.name]].transpose(0, 2, 1)
                values = values.reshape(*drawn.shape, *map(len, labels.values()))
                variables[term.name] = (("chain", "draw", *labels), values)
                coords |= _as_coords(labels)
    return population.assign_coords(coords).assign(variables)


def population_of(matrices: Design, scales: Scales, common: np.ndarray, shape: tuple[int, int]):
    """Draws of all but the effects of units, under Bambi's names, in Bambi's order.

    Parameters
    ----------
    matrices
        From ``design``.
    scales
        Draws of the scales, chain by chain.
    common : (draws, p)
        Common coefficients of the centred design.
    shape : (2,)
        Chains, and draws of each.

    Returns
    -------
    Dataset
    """
    import xarray as xr

    variables, coords = {}, {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])}

    def keep(name: str, values: np.ndarray, labels: dict[str, list]) -> None:
        variables[name] = (("chain", "draw", *labels), values.reshape(*shape, *map(len, labels.values())))
        coords.update(_as_coords(labels))

    common = common.copy()
    # The intercept at predictors = 0; that of the centred design is the one at their means.
    common[:, :1] -= common @ matrices.centre[:, None]
    for term in matrices.common:
        keep(term.name, common[:, matrices.common_columns[term.name]], term.level_coords)
    keep("sigma", scales.sigma, {})
    for factor, sd in zip(matrices.factors, scales.sd, strict=True):
        for term in factor.terms:
            keep(term.sd_name, sd[:, factor.columns[term.name]], term.level_coords)
    for factor, cholesky in zip(matrices.factors, scales.correlation, strict=True):
        for block in factor.blocks:
            if block.correlation:
                effects = slice(factor.columns[block.terms[0].name].start, factor.columns[block.terms[-1].name].stop)
                names = block.coefficients
                pairs = [pair_label(first, second) for i, first in enumerate(names) for second in names[i + 1 :]]
                keep(block.correlation, correlations(cholesky[:, effects]), {pair_dim(block.correlation): pairs})
    return xr.Dataset(variables, coords)


def _summary(factor: GroupingFactor, summary: np.ndarray):
    """Dataset of the statistics of each effect of a grouping factor, from (statistic, levels, q)."""
    import xarray as xr

    variables, coords = {}, _as_coords({"statistic": STATISTICS})
    for term in factor.terms:
        labels = _effect_labels(factor, term)
        values = summary[:, :, factor.columns[term.name]].transpose(0, 2, 1)
        values = values.reshape(len(STATISTICS), *map(len, labels.values()))
        variables[term.name] = (("statistic", *labels), values)
        coords |= _as_coords(labels)
    return xr.Dataset(variables, coords)


def _effect_labels(factor: GroupingFactor, term: Term) -> dict[str, list]:
    return term.level_coords | {term.grouping_dim: factor.levels}


def _as_coords(labels: dict[str, list]) -> dict[str, np.ndarray]:
    return {dim: np.array(values, dtype=object) for dim, values in labels.items()}
