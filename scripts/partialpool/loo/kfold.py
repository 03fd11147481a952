"""Folds of units, each left out jointly."""

from itertools import batched

import numpy as np
import pandas as pd

from partialpool.loo.joint import Density
from partialpool.loo.moment_match import GOOD_PARETO_K
from partialpool.loo.pointwise import Estimate
from partialpool.loo.refit import Refits, bridge, mean_density, quiet
from partialpool.model.formula import complete_cases
from partialpool.model.spec import ModelSpec

# Units whose densities are in memory at a time.
BATCH = 25


def units(spec: ModelSpec, data: pd.DataFrame, *, folds: int = 10, cores: int) -> pd.DataFrame:
    """Predictive density of all rows of each unit jointly, from fits without that unit and others of a fold.

    A unit's effects come from the population distribution of each draw, 25 times; other factors keep the effects that
    were fitted. Units are shuffled with the spec's seed before they are dealt into folds. Where a unit is so unlike
    the others that the mean of the density over the draws has a heavy tail (Pareto k over 0.5), another fit, with that
    unit and without the rest of the fold, bridges the gap.

    Parameters
    ----------
    spec
        The model's spec .
    data
        Prepared data.
    folds
        How many; one for each unit where there are fewer units.
    cores
        Chains that run at the same time.

    Returns
    -------
    DataFrame
        ``unit``, ``elpd`` in nats and ``mcse``, its Monte Carlo standard error; units in order.
    """
    rows = complete_cases(spec, data)
    codes, ids = rows[spec.unit].cat.codes.to_numpy(), rows[spec.unit].cat.categories
    shuffled = np.random.default_rng(spec.seed).permutation(len(ids))
    found: dict[int, Estimate] = {}
    with quiet():
        refits = Refits(Density(spec, rows), spec, cores=cores)
        for fold in range(min(folds, len(ids))):
            left_out = np.flatnonzero(np.isin(codes, shuffled[fold::folds]))
            draws = refits.sample(left_out)
            for some in batched(shuffled[fold::folds], BATCH):
                subsets = [np.flatnonzero(codes == unit) for unit in some]
                for unit, own, outside in zip(some, subsets, refits.densities(draws, left_out, subsets), strict=True):
                    found[unit] = mean_density(outside)
                    if found[unit].pareto_k > GOOD_PARETO_K:
                        # With the effects of the draws themselves, which the unit's rows have informed.
                        others = np.setdiff1d(left_out, own)
                        inside = refits.densities(refits.sample(others), others, [own])[0, ..., 0]
                        found[unit] = bridge(outside, inside)
    table = pd.DataFrame([found[unit] for unit in range(len(ids))])
    return table[["elpd", "mcse"]].assign(unit=ids.astype(str))[["unit", "elpd", "mcse"]]
