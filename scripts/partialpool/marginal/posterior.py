"""Scales sampled, coefficients drawn given them, and all that a fit keeps of both."""

from dataclasses import dataclass

import numpy as np

from partialpool.marginal.coefficients import draw_effects, summarise_effects, thinned
from partialpool.marginal.design import Design
from partialpool.marginal.sample import sample_scales
from partialpool.marginal.scales import Density, Scales
from partialpool.marginal.statistics import LARGE, MODERATE, statistics
from partialpool.model.names import ROW_DIM, Term, pair_dim, pair_label

STATISTICS = ["mean", "sd", "q2.5", "q97.5"]


@dataclass(frozen=True)
class Coefficients:
    """Draws of all coefficients given those of the scales.

    Attributes
    ----------
    common : (draws, p)
        Of the centred design.
    kept : (some,)
        Positions of the draws for which effects, and what is known by row, are kept: all of them in a small study.
    effects : (some, units, q)
    summaries : (statistic, q, units) or None
        Of the effects, in the place of ``effects`` in what is written, in a large study.
    """

    common: np.ndarray
    kept: np.ndarray
    effects: np.ndarray
    summaries: np.ndarray | None


def fit(matrices: Design, *, cores: int, progress=None) -> dict:
    """Sample the scales, draw all coefficients given them, and all that ``fit.fit`` returns.

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
        large study ``group_effects`` (statistic, ..., units) takes the place of each unit's draws, and what is kept
        by row is thinned.
    """
    import xarray as xr

    spec, gathered = matrices.spec, statistics(matrices)
    density = Density(matrices, gathered)
    x, stats = sample_scales(density, spec, cores=cores, progress=progress)
    chains, draws = shape = x.shape[:2]
    scales = density.scales(x.reshape(chains * draws, -1))
    common_rng, effects_rng, outcome_rng, summary_rng = np.random.default_rng(spec.seed).spawn(4)
    coefficients = _coefficients(matrices, gathered, scales, shape, (common_rng, effects_rng, summary_rng), cores)
    log_likelihood, predicted = _by_row(matrices, scales.sigma[coefficients.kept], coefficients, outcome_rng)
    rows = {ROW_DIM: np.arange(len(matrices.y))}
    kept_draws = {"chain": np.arange(chains), "draw": coefficients.kept.reshape(chains, -1)[0]}

    def by_row(values: np.ndarray) -> xr.Dataset:
        values = values.reshape(chains, -1, len(matrices.y))
        return xr.Dataset({matrices.outcome_name: (("chain", "draw", ROW_DIM), values)}, kept_draws | rows)

    groups = {
        "posterior": _posterior(matrices, scales, coefficients, shape),
        "sample_stats": stats,
        "log_likelihood": by_row(log_likelihood),
        "posterior_predictive": by_row(predicted),
        "observed_data": xr.Dataset({matrices.outcome_name: (ROW_DIM, matrices.outcome)}, rows),
    }
    if coefficients.summaries is not None:
        groups["group_effects"] = _summaries(matrices, coefficients.summaries)
    return groups


def _coefficients(matrices: Design, gathered, scales: Scales, shape: tuple, rngs: tuple, cores: int) -> Coefficients:
    spec, units, rows = matrices.spec, len(matrices.levels), len(matrices.y)
    common_rng, effects_rng, summary_rng = rngs
    cholesky = scales.cholesky
    mean, precision_cholesky = gathered.conditions(scales.sigma, cholesky, cores)
    b = gathered.draw_common(mean, precision_cholesky, common_rng.standard_normal(mean.shape))
    elements = scales.sigma.size * (units * matrices.z.shape[1] + 2 * rows)
    summary = spec.group_effects == "summary" or (spec.group_effects == "auto" and elements > LARGE)
    kept = thinned(shape, max(MODERATE // (shape[0] * rows), 1) if summary else shape[1])
    given = scales.sigma[kept], cholesky[kept], b[kept]
    effects = draw_effects(gathered, *given, slice(None), effects_rng, units)
    summaries = None
    if summary:
        summaries = summarise_effects(gathered, scales.sigma, cholesky, b, shape, summary_rng, units, cores)
    return Coefficients(gathered.origin + b @ gathered.basis.T, kept, effects, summaries)


def _by_row(matrices: Design, sigma: np.ndarray, coefficients: Coefficients, rng) -> tuple[np.ndarray, np.ndarray]:
    """Log likelihood and predicted outcome of each row, (some draws, rows)."""
    mean = coefficients.common[coefficients.kept] @ matrices.x.T
    for k in range(matrices.z.shape[1]):
        mean += coefficients.effects[:, matrices.codes, k] * matrices.z[:, k]
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


def _posterior(matrices: Design, scales: Scales, coefficients: Coefficients, shape: tuple[int, int]):
    """Draws under Bambi's names, in Bambi's order."""
    import xarray as xr

    variables, coords = {}, {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])}

    def keep(name: str, values: np.ndarray, labels: dict[str, list]) -> None:
        variables[name] = (("chain", "draw", *labels), values.reshape(*shape, *map(len, labels.values())))
        coords.update(_as_coords(labels))

    common = coefficients.common.copy()
    # The intercept at predictors = 0; that of the centred design is the one at their means.
    common[:, :1] -= common @ matrices.centre[:, None]
    for term in matrices.common:
        keep(term.name, common[:, matrices.common_columns[term.name]], term.level_coords)
    keep("sigma", scales.sigma, {})
    for term in matrices.terms:
        keep(term.sd_name, scales.sd[:, matrices.columns[term.name]], term.level_coords)
    for block in matrices.blocks:
        if block.correlation:
            effects = slice(matrices.columns[block.terms[0].name].start, matrices.columns[block.terms[-1].name].stop)
            names = block.coefficients
            pairs = [pair_label(first, second) for i, first in enumerate(names) for second in names[i + 1 :]]
            keep(block.correlation, scales.correlations(effects), {pair_dim(block.correlation): pairs})
    if coefficients.summaries is None:
        for term in matrices.terms:
            values = coefficients.effects[:, :, matrices.columns[term.name]].transpose(0, 2, 1)
            keep(term.name, values, _effect_labels(matrices, term))
    return xr.Dataset(variables, coords)


def _summaries(matrices: Design, summaries: np.ndarray):
    """Dataset of the statistics of each effect, from (statistic, q, units)."""
    import xarray as xr

    variables, coords = {}, _as_coords({"statistic": STATISTICS})
    for term in matrices.terms:
        labels = _effect_labels(matrices, term)
        values = summaries[:, matrices.columns[term.name]]
        variables[term.name] = (("statistic", *labels), values.reshape(len(STATISTICS), *map(len, labels.values())))
        coords |= _as_coords(labels)
    return xr.Dataset(variables, coords)


def _effect_labels(matrices: Design, term: Term) -> dict[str, list]:
    return term.level_coords | {term.grouping_dim: matrices.levels}


def _as_coords(labels: dict[str, list]) -> dict[str, np.ndarray]:
    return {dim: np.array(values, dtype=object) for dim, values in labels.items()}
