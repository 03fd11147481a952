"""Scales sampled, coefficients drawn, and all that a fit keeps of them."""

import numpy as np
import pandas as pd

from partialpool.marginal.coefficients import conditions, draw_effects, summarise_effects, thinned
from partialpool.marginal.design import Design
from partialpool.marginal.sample import sample_scales
from partialpool.marginal.scales import Density, factors
from partialpool.marginal.statistics import LARGE, MODERATE, statistics
from partialpool.model.names import ROW_DIM, pair_dim


def fit(matrices: Design, rows: pd.DataFrame, *, cores: int, progress=None) -> dict:
    """Sample the scales, draw all coefficients given them, and all that ``sampling.fit`` returns.

    Parameters
    ----------
    matrices
        From ``design``.
    rows
        Complete cases.
    cores, progress
        See ``sampling.fit``.

    Returns
    -------
    dict
        Datasets ``posterior``, ``sample_stats``, ``log_likelihood``, ``posterior_predictive``, ``observed_data``. In a
        large study ``group_effects`` (statistic, ..., units) takes the place of each unit's draws, and what is kept
        by row is thinned.
    """
    import xarray as xr

    spec = matrices.spec
    gathered = statistics(matrices)
    density = Density(matrices, gathered)
    scales, stats = sample_scales(density, spec, cores=cores, progress=progress)
    chains, draws = shape = scales["sigma"].shape
    sigma, factor = scales["sigma"].ravel(), factors(matrices, scales)
    common_rng, effects_rng, outcome_rng, units_rng = np.random.default_rng(spec.seed).spawn(4)

    b, cholesky = conditions(gathered, sigma, factor, cores)
    normal = common_rng.standard_normal(b.shape)
    if gathered.q:
        b = b + np.linalg.solve(cholesky.transpose(0, 2, 1), normal[..., None])[..., 0]
    else:
        b = b + normal / cholesky
    coefficients = gathered.origin + b @ gathered.basis.T

    # By row, and of each unit, so many draws as memory has room for: all of them in any but a large study.
    size = matrices.z.shape[1] * len(matrices.levels) + 2 * len(rows)
    summary = spec.group_effects == "summary" or (spec.group_effects == "auto" and sigma.size * size > LARGE)
    room = max(MODERATE // (chains * len(rows)), 1) if summary else draws
    kept = thinned(shape, room)
    effects = draw_effects(gathered, sigma[kept], factor[kept], b[kept], slice(None), effects_rng, len(matrices.levels))
    mean = coefficients[kept] @ matrices.x.T
    for k in range(matrices.z.shape[1]):
        mean += effects[:, matrices.codes, k] * matrices.z[:, k]
    # In place: these are the largest arrays of a fit.
    predicted = outcome_rng.standard_normal(mean.shape)
    predicted *= sigma[kept, None]
    predicted += mean
    predicted += matrices.outcome - matrices.y
    log_likelihood = np.subtract(matrices.y, mean, out=mean)
    log_likelihood /= sigma[kept, None]
    log_likelihood **= 2
    log_likelihood *= -0.5
    log_likelihood -= 0.5 * np.log(2 * np.pi) + np.log(sigma[kept, None])

    # The intercept at predictors = 0, where Bambi's is at their means.
    coefficients[:, :1] -= coefficients @ matrices.centre[:, None]
    variables, coords = {}, {}

    def keep(name: str, values: np.ndarray, levels: dict[str, list]) -> None:
        sizes = [len(labels) for labels in levels.values()]
        variables[name] = (("chain", "draw", *levels), values.reshape(*shape, *sizes))
        coords.update({dim: np.array(labels, dtype=object) for dim, labels in levels.items()})

    for term in matrices.common:
        keep(term.name, coefficients[:, matrices.common_columns[term.name]], term.level_coords)
    keep("sigma", scales["sigma"], {})
    for term in matrices.terms:
        keep(term.sd_name, scales[term.sd_name], term.level_coords)
    for block in matrices.blocks:
        if block.correlation:
            dim = pair_dim(block.correlation)
            keep(block.correlation, scales[block.correlation], {dim: list(density.model.coords[dim])})
    units = {term.grouping_dim: matrices.levels for term in matrices.terms[:1]}
    groups = {}
    if summary:
        found = summarise_effects(gathered, sigma, factor, b, shape, units_rng, matrices, cores)
        groups["group_effects"] = _summaries(found, matrices, units)
    else:
        for term in matrices.terms:
            values = effects[:, :, matrices.columns[term.name]].transpose(0, 2, 1)
            keep(term.name, values, term.level_coords | units)
    index = {ROW_DIM: np.arange(len(rows))}
    by_draw = {"chain": np.arange(chains), "draw": kept.reshape(chains, -1)[0]}

    def by_row(values: np.ndarray) -> xr.Dataset:
        values = values.reshape(chains, -1, len(rows))
        return xr.Dataset({matrices.outcome_name: (("chain", "draw", ROW_DIM), values)}, by_draw | index)

    return groups | {
        "posterior": xr.Dataset(variables, {"chain": np.arange(chains), "draw": np.arange(draws)} | coords),
        "sample_stats": stats,
        "log_likelihood": by_row(log_likelihood),
        "posterior_predictive": by_row(predicted),
        "observed_data": xr.Dataset({matrices.outcome_name: (ROW_DIM, matrices.outcome)}, index),
    }


def _summaries(found: np.ndarray, matrices: Design, units: dict[str, list]):
    import xarray as xr

    variables, coords = {}, {"statistic": np.array(["mean", "sd", "q2.5", "q97.5"], dtype=object)}
    for term in matrices.terms:
        levels = term.level_coords | units
        coords |= {dim: np.array(labels, dtype=object) for dim, labels in levels.items()}
        sizes = [len(labels) for labels in levels.values()]
        variables[term.name] = (("statistic", *levels), found[:, matrices.columns[term.name]].reshape(4, *sizes))
    return xr.Dataset(variables, coords)
