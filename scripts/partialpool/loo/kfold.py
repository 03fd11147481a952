"""Folds of units, each left out jointly."""

from itertools import batched

import numpy as np
import pandas as pd

from partialpool.loo.joint import Density
from partialpool.loo.pointwise import GOOD_PARETO_K, Estimate, PointwiseElpd
from partialpool.loo.refit import Refits, bridges, mean_density
from partialpool.model.formula import complete_cases
from partialpool.model.reproducible import reproducible
from partialpool.model.spec import ModelSpec

# How many folds; one for each unit where there are fewer units.
FOLDS = 10
# Units whose densities are in memory at a time.
BATCH = 25


def units(spec: ModelSpec, data: pd.DataFrame, *, folds: int = FOLDS, cores: int) -> PointwiseElpd:
    """Predictive density of all rows of each unit jointly, from fits without that unit and others of a fold.

    A unit's effects come from the population distribution of each draw, 25 times; other grouping factors keep the
    effects that were fitted. Units are shuffled with the spec's seed before they are dealt into folds. Where a unit is
    so unlike the others that the mean of the density over the draws has a heavy tail (Pareto k over 0.5), another fit,
    with that unit and without the rest of the fold, bridges the gap.

    Parameters
    ----------
    spec
        The model's spec.
    data
        Prepared data.
    folds
        How many.
    cores
        Chains that run at the same time.

    Returns
    -------
    PointwiseElpd
        Labelled by the units, in order; ``p_loo`` is not known, and there are no weights, so ``pareto_k`` is 0.
    """
    ids = complete_cases(spec, data)[spec.unit].cat.categories
    estimates, n = _estimates(spec, data, np.arange(len(ids)), folds=folds, cores=cores), len(ids)
    return PointwiseElpd(
        labels=ids.to_numpy(dtype=object),
        elpd=np.array([estimates[unit].elpd for unit in range(n)]),
        pareto_k=np.zeros(n),
        p_loo=np.full(n, np.nan),
        mcse=np.array([estimates[unit].mcse for unit in range(n)]),
        method=np.full(n, "kfold", dtype=object),
        elpd_batches=np.zeros((n, 2)),
        p_loo_batches=None,
    )


def better(units: PointwiseElpd, spec: ModelSpec, data: pd.DataFrame, *, cores: int) -> PointwiseElpd:
    """Units by importance weights, with values from folds where their Pareto k is over 0.7."""
    bad = np.flatnonzero(units.bad)
    return units.replaced(_estimates(spec, data, bad, folds=FOLDS, cores=cores), "kfold") if len(bad) else units


def _estimates(
    spec: ModelSpec, data: pd.DataFrame, chosen: np.ndarray, *, folds: int, cores: int
) -> dict[int, Estimate]:
    """Estimates of some units, by their positions in the order of the units."""
    rows = complete_cases(spec, data)
    codes = rows[spec.unit].cat.codes.to_numpy()
    shuffled = np.random.default_rng(spec.seed).permutation(chosen)
    estimates: dict[int, Estimate] = {}
    with reproducible():
        refits = Refits(Density(spec, rows), spec, cores=cores)
        for fold in range(min(folds, len(chosen))):
            left_out = np.flatnonzero(np.isin(codes, shuffled[fold::folds]))
            draws = refits.sample(left_out)
            for some in batched(shuffled[fold::folds], BATCH):
                subsets = [np.flatnonzero(codes == unit) for unit in some]
                for unit, own, outside in zip(some, subsets, refits.densities(draws, left_out, subsets), strict=True):
                    estimates[unit] = mean_density(outside)
                    if estimates[unit].pareto_k > GOOD_PARETO_K:
                        # With the effects of the draws themselves, which the unit's rows have informed.
                        others = np.setdiff1d(left_out, own)
                        inside = refits.densities(refits.sample(others), others, [own])[0, ..., 0]
                        estimates[unit] = bridges(refits, left_out, own, outside, inside)
    return estimates
