"""Posteriors with numbers that were made up, for rows whose units have intercepts and slopes."""

import numpy as np
import pandas as pd
import xarray as xr

CHAINS, DRAWS = 2, 25


def rows(family: str = "gaussian", n_units: int = 30, each: int = 4) -> pd.DataFrame:
    """Units measured some times each, at other values of ``x``; an outcome that the family takes."""
    rng = np.random.default_rng(4)
    n = n_units * each
    takes_counts = family not in ("bernoulli", "beta", "gamma", "wald")
    y = (
        rng.poisson(2, n)
        if takes_counts
        else rng.integers(0, 2, n)
        if family == "bernoulli"
        else rng.uniform(0.1, 0.9, n)
    )
    return pd.DataFrame(
        {
            "id": np.repeat([f"u{i}" for i in range(n_units)], each),
            "item": np.tile([f"i{i}" for i in range(each)], n_units),
            "x": rng.normal(1, 1, n).round(2),
            "g": pd.Categorical(rng.choice(["a", "b", "c"], n)),
            "y": y,
            "row": np.arange(n),
        }
    )


def posterior(link: str, *, family: str = "", units=(), **variables):
    """A posterior in which a number stays the same in all draws, and an array (chain, draw, ...) varies.

    Parameters
    ----------
    link
        Of the model.
    family
        Names of the parameters of the family.
    units
        Names of the units, of effects.
    variables
        By their names: ``intercept``, ``x``, ``sd``, ``sd_x``, ``cor``, ``effects``, ``effects_x``, others as they are.
    """
    spelled = {"intercept": "Intercept", "sd": "1|id_sigma", "sd_x": "x|id_sigma", "cor": "cor_id"}
    spelled |= {"effects": "1|id", "effects_x": "x|id", "sd_item": "1|item_sigma"}
    dims = {"cor": ("cor_id_dim",), "effects": ("id__factor_dim",), "effects_x": ("id__factor_dim",), "g": ("g_dim",)}
    made = {}
    for name, values in variables.items():
        own = dims.get(name, ())
        array = np.asarray(values, dtype=float)
        if array.ndim <= len(own):
            array = array[None] if len(own) and not array.ndim else array
            array = np.broadcast_to(array, (CHAINS, DRAWS, *array.shape)).copy()
        made[spelled.get(name, name)] = ("chain", "draw", *own), array
    coords = {"id__factor_dim": list(units)} if units else {}
    if "cor" in variables:
        coords["cor_id_dim"] = ["Intercept,x"]
    if "g" in variables:
        coords["g_dim"] = ["a", "b", "c"][-made["g"][1].shape[-1] :]
    return xr.Dataset(made, coords, {"link": link, "family_parameters": family})
