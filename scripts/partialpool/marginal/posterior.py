"""Scales drawn, coefficients drawn given them, and all that a fit keeps of both."""

import numpy as np

from partialpool.marginal.sample import Posterior, sample_scales
from partialpool.marginal.scales import Scales
from partialpool.model.design import Design
from partialpool.model.variables import dataset, datasets, effects_by_name, population_by_name

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
        Those of ``variables.datasets``. In a large study ``group_effects`` (statistic, ..., units) takes the place of
        the draws of each level of the grouping factor with most levels, and what is kept by row is thinned.
    dict
        Attributes of the fit: those of ``sample_scales``.
    """
    posterior = Posterior(matrices, cores=cores)
    model, spec = posterior.model, matrices.spec
    x, stats, attributes = sample_scales(posterior, spec, progress=progress)
    chains, draws, dimensions = x.shape
    scales = Scales.at(posterior.space, x.reshape(-1, dimensions))
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
            by_name = effects_by_name(matrices.factors[model.block], summary)
            groups["group_effects"] = dataset({"statistic": STATISTICS}, by_name)
        else:
            effects = effects_kept
    by_row = _by_row(matrices, scales.sigma[kept], common[kept], effects_kept, outcome_rng)

    variables = population_by_name(matrices, {"sigma": scales.sigma}, scales.sd, scales.correlation, common)
    for number in sorted(effects):
        variables |= effects_by_name(matrices.factors[number], effects[number])
    groups |= datasets(matrices, matrices.outcome, variables, stats, by_row, kept.reshape(chains, -1)[0])
    return groups, attributes


def _is_summarised(matrices: Design, draws: int) -> bool:
    """Whether a summary takes the place of the draws of the effects of units."""
    how, effects = matrices.spec.group_effects, sum(factor.effects for factor in matrices.factors)
    return how == "summary" or (how == "auto" and draws * (effects + 2 * len(matrices.y)) > LARGE)


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


def population_of(matrices: Design, scales: Scales, common: np.ndarray, shape: tuple[int, int]):
    """Dataset of all but the effects of single levels; ``shape`` is the numbers of chains and of draws of each."""
    chains, draws = shape
    variables = population_by_name(matrices, {"sigma": scales.sigma}, scales.sd, scales.correlation, common)
    return dataset({"chain": np.arange(chains), "draw": np.arange(draws)}, variables)
