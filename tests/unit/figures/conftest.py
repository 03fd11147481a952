"""Random numbers and estimates that several files share."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def pooled():
    return pd.DataFrame(
        {
            "model": ["Without"] * 3 + ["With"] * 3,
            "id": ["A-07", "10", "2"] * 2,
            "mean": [0.3, 0.1, 0.2, 0.25, 0.15, 0.2],
        }
    )
