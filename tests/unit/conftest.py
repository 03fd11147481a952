"""Specs, measurements and two small fits that several files share; heavy imports wait for the tests that need them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from partialpool.model.spec import ModelSpec

PRIORS = {
    "Intercept": "Normal(0, 1.5)",
    "b": "Normal(0, 1)",
    "sd": "Exponential(1)",
    "cor": "LKJ(2)",
    "sigma": "Exponential(2)",
}


@pytest.fixture(scope="session")
def make_spec():
    """A spec with the usual priors of the classes named; ``priors`` adds to them, the rest replaces."""

    def make(formula, classes="Intercept b sd cor sigma", *, priors=None, **changes):
        values = {
            "formula": formula,
            "family": "gaussian",
            "link": None,
            "priors": {name: PRIORS[name] for name in classes.split()} | (priors or {}),
            "unit": "id",
            "sampler": "nutpie",
            "chains": 2,
            "warmup": 60,
            "draws": 40,
            "target_accept": 0.9,
            "seed": 3,
            "engine": "nuts",
            "group_effects": "auto",
        }
        return ModelSpec.from_dict(values | changes)

    return make


@pytest.fixture
def interpreted():
    """PyTensor's functions run as they stand: to compile them takes many times as long as what is computed of them."""
    import pytensor

    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        yield


@pytest.fixture
def write_csv(tmp_path):
    """Write text or bytes into a CSV file; returns its path."""

    def write(content):
        path = tmp_path / "raw.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture(scope="session")
def units():
    """Twelve units measured five times each, in no order; the group is a unit's, as the school is, the mood and
    the item a measurement's.
    """
    rng = np.random.default_rng(1)
    ids = np.array([6, 29, 101, 7, 3, 64, 250, 11, 18, 92, 40, 5])
    n = 5 * len(ids)
    return pd.DataFrame(
        {
            "id": np.tile(ids, 5),
            "x": np.repeat(np.arange(5.0), len(ids)),
            "z": rng.normal(size=n),
            "v": rng.normal(size=n),
            "group": pd.Categorical(np.tile(["PD", "CTRL", "OTHER"], n // 3)),
            "mood": pd.Categorical(rng.choice(["bad", "fair", "good"], n)),
            "count": rng.poisson(3, n),
            "flag": rng.integers(0, 2, n),
            "y": rng.normal(0.5, 2, n),
            "row": np.arange(n),
            "item": pd.Categorical(rng.choice(["a", "b", "c", "d", "e"], n)),
            "school": pd.Categorical(np.tile(["north", "south", "west"], n // 3)),
        }
    )


@pytest.fixture(scope="session")
def correlated(make_spec):
    """The spec of correlated intercepts and slopes."""
    return make_spec("y ~ 1 + x + (1 + x | id)")


@pytest.fixture(scope="session")
def fit(correlated, units):
    """A fit of it, far too short to mean anything."""
    from partialpool.fit.fit import fit

    return fit(correlated, units)


@pytest.fixture(scope="session")
def quick(correlated, units):
    """The same by the marginal engine, which compiles nothing."""
    from partialpool.fit.fit import fit

    return fit(replace(correlated, engine="auto"), units)
