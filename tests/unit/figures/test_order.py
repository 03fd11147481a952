"""The order of units, models and parameters."""

import pandas as pd
from partialpool.figures import order


def test_units_come_in_natural_order():
    ids = pd.Series(["A-10", "10", "A-07", "2", "b", "B"])
    assert order.distinct_units(ids) == ["2", "10", "A-07", "A-10", "B", "b"]
