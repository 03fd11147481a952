"""Expected and predicted values of Gaussian models, without building the model."""

import numpy as np
import pandas as pd

from partialpool.model.grammar import special_outcome
from partialpool.model.spec import ModelSpec
from partialpool.predict.linear import LinearPredictor


def is_gaussian(spec: ModelSpec) -> bool:
    """Whether a model's measurements are normal around its linear predictor."""
    return spec.family == "gaussian" and spec.link in (None, "identity") and special_outcome(spec.formula) is None


def draw(
    predictor: LinearPredictor, posterior, at: pd.DataFrame, *, quantities: list[str], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draws of expected and predicted values, (chain, draw, rows of ``at``) each."""
    expected = predictor(posterior, at)
    results = {}
    for quantity in quantities:
        results[quantity] = expected
        if quantity == "predicted":
            sigma = posterior["sigma"].transpose("chain", "draw").to_numpy()
            results[quantity] = expected + sigma[..., None] * rng.standard_normal(expected.shape)
    return results
