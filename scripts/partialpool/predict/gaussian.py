"""Gaussian models: which they are, and what a new measurement is."""

import numpy as np

from partialpool.model.spec import ModelSpec


def is_gaussian(spec: ModelSpec) -> bool:
    """Whether a model's measurements are normal around its linear predictor."""
    return spec.family == "gaussian" and spec.link in (None, "identity")


def measured(expected: np.ndarray, posterior, rng: np.random.Generator) -> np.ndarray:
    """Draws of a new measurement around each expected value, (chain, draw, rows) both."""
    sigma = posterior["sigma"].transpose("chain", "draw").to_numpy()
    return expected + sigma[..., None] * rng.standard_normal(expected.shape)
