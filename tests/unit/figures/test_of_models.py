import numpy as np
import pandas as pd
import pytest
from partialpool.figures.conditional import MEASURED
from partialpool.figures.of_models import measured


@pytest.mark.parametrize(
    ("formula", "family", "shown"),
    [
        ("y ~ 1 + x + (1 | id)", "poisson", True),
        ("y ~ 1 + x + offset(log(hours)) + (1 | id)", "poisson", False),
        ("y ~ 1 + x + (1 | id)", "cumulative", False),
    ],
)
def test_measurements_are_behind_effects_on_their_scale_only(formula, family, shown):
    rows = pd.DataFrame({"x": [1.0, 2.0], "hours": [1.0, 10.0], "id": ["a", "b"]})
    points = measured(rows, np.array([3, 30]), formula, family)
    assert points.get(MEASURED, pd.Series()).tolist() == ([3, 30] if shown else [])
