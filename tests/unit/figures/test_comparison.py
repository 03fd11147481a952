"""Models by expected log predictive density."""

import numpy as np
import pandas as pd
import pytest
from partialpool.figures.comparison import RELIABLE, UNRELIABLE, comparison

from figures.drawing import draw, texts

TITLES = {"a": "Plain", "b": "A model with quite a long title", "c": "Full", "d": "Not compared"}


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "model": ["a", "b", "c"],
            "rank": [1, 2, 0],
            "elpd_loo": [297.4, 290.0, 314.5],
            "se_elpd_loo": [9.2, 9.0, 11.0],
            "elpd_diff": [-17.1, -24.5, 0.0],
            "se_diff": [5.9, 6.0, 0.0],
            "bad_pareto_k": [0, 3, 0],
            "estimand": "observation",
        }
    )


def test_comparison_has_the_best_on_top_and_unreliable_models_hollow(table):
    drawn, [[zero, segments, points]] = draw(comparison(table, titles=TITLES, labels={}))
    assert zero["PANEL"].tolist() == [2]
    assert [label.get_text() for label in drawn.axes[0].get_yticklabels()] == [
        "A model with quite a long title",
        "Plain",
        "Full",
    ]
    left = segments[segments["PANEL"] == 1].set_index("y").sort_index()
    np.testing.assert_allclose(left["x"], [281.0, 288.2, 303.5])
    np.testing.assert_allclose(left["xend"], [299.0, 306.6, 325.5])
    assert points[points["fill"] == "white"]["y"].tolist() == [1, 1]
    assert UNRELIABLE in texts(drawn)


def test_comparison_of_reliable_models_needs_no_legend(table):
    drawn, _ = draw(comparison(table.assign(bad_pareto_k=0), titles=TITLES, labels={}))
    assert not {RELIABLE, UNRELIABLE} & texts(drawn)


def test_each_estimand_has_its_row_of_panels(table):
    drawn, [[zero, *_]] = draw(comparison(pd.concat([table, table.assign(estimand="unit")]), titles=TITLES, labels={}))
    assert zero["PANEL"].tolist() == [2, 4]
    assert {"New measurement: elpd ± SE", "New unit: difference ± SE"} <= texts(drawn)


def test_the_nouns_are_those_of_the_study(table):
    table, labels = (
        pd.concat([table, table.assign(estimand="unit")]),
        {"unit_noun": "herd", "measurement_noun": "count"},
    )
    drawn, _ = draw(comparison(table, titles=TITLES, labels=labels))
    assert {"New count: elpd ± SE", "New herd: difference ± SE"} <= texts(drawn)
