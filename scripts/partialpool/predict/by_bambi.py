"""Expected and predicted values of a model of any family, by Bambi."""

import warnings

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.model.build import build
from partialpool.model.names import ROW_DIM
from partialpool.model.spec import ModelSpec


def build_model(spec: ModelSpec, rows: pd.DataFrame):
    """The Bambi model; StudyError if its outcome has levels."""
    model = build(spec, rows)
    if model.response_term.coords or "threshold" in model.family.likelihood.params:
        raise StudyError(f"Predictions are numbers; the family '{spec.family}' has a probability for each level.")
    return model


def draw(
    model, posterior, at: pd.DataFrame, *, quantities: list[str], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draws of expected and predicted values, (chain, draw, rows of ``at``) each."""
    import xarray as xr

    tree = xr.DataTree.from_dict({"posterior": posterior})
    kind = "response" if "predicted" in quantities else "response_params"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        result = model.predict(tree, kind=kind, data=at, inplace=False, random_seed=rng)
    results = {}
    for quantity in quantities:
        if quantity == "expected":
            values = result["posterior"][model.family.likelihood.parent]
        else:
            values = next(iter(result["posterior_predictive"].data_vars.values()))
        results[quantity] = values.transpose("chain", "draw", ROW_DIM).to_numpy()
    return results
