"""Panels of conditional effects."""

import numpy as np
import pandas as pd
from partialpool.figures.conditional import MEASURED, MOST_POINTS, conditional
from partialpool.predict.conditional import Conditional

from figures.drawing import draw, texts, tick_labels


def table(x, **columns):
    x = np.asarray(x)
    mean = np.arange(len(x), dtype=float)
    return pd.DataFrame({"x": x, "mean": mean, "low": mean - 1, "high": mean + 1} | columns)


def data(rng, n):
    return pd.DataFrame({"age": rng.uniform(0, 9, n), "diet": rng.choice(["a", "b"], n), MEASURED: rng.normal(size=n)})


LABELS = {"age": "Age (years)", "diet": "Diet"}


def test_a_number_has_a_line_and_a_category_points(rng):
    of_age = Conditional("age", None, table(np.linspace(0, 9, 10), new_low=-5.0, new_high=15.0))
    of_diet = Conditional("diet", None, table(pd.Categorical(["a", "b"])))
    figure = conditional([of_age, of_diet], data(rng, 40), outcome="Yield", columns=LABELS, seed=1)
    drawn, [age, diet] = draw(figure)
    assert {"Age (years)", "Diet", "Yield"} <= texts(drawn)
    assert [len(layer) for layer in age] == [40, 10, 10, 10]
    # The new unit's interval lies behind, and the model of diet has none.
    assert age[1]["ymin"].eq(-5).all()
    assert [len(layer) for layer in diet] == [40, 2, 2]
    assert tick_labels(drawn.axes[1]) == ["a", "b"]


def test_a_second_predictor_has_colors_and_a_legend(rng):
    by = pd.Categorical(np.repeat(["a", "b"], 5))
    effect = Conditional("age", "diet", table(np.tile(np.linspace(0, 9, 5), 2), by=by))
    drawn, [layers] = draw(conditional([effect], data(rng, 20), outcome="Yield", columns=LABELS, seed=1))
    assert {"Diet", "a", "b"} <= texts(drawn)
    assert layers[-1]["color"].nunique() == 2


def test_levels_of_an_outcome_have_no_measurements_behind(rng):
    by = pd.Categorical(np.repeat(["low", "high"], 5), ["low", "high"])
    effect = Conditional("age", "level", table(np.tile(np.linspace(0, 9, 5), 2), by=by))
    drawn, [layers] = draw(conditional([effect], data(rng, 0), outcome="Probability", columns=LABELS, seed=1))
    assert [len(layer) for layer in layers] == [10, 10]
    assert {"low", "high", "Probability"} <= texts(drawn)


def test_of_many_measurements_some_are_shown(rng):
    effect = Conditional("age", None, table(np.linspace(0, 9, 5)))
    _, [layers] = draw(conditional([effect], data(rng, MOST_POINTS + 1), outcome="Yield", columns=LABELS, seed=1))
    assert len(layers[0]) == MOST_POINTS


def test_an_odd_number_of_panels(rng):
    effects = [Conditional("age", None, table(np.linspace(0, 9, 5)))] * 3
    drawn, plots = draw(conditional(effects, data(rng, 5), outcome="Yield", columns=LABELS, seed=1))
    # The fourth place is empty.
    assert sum(bool(axes.collections) for axes in drawn.axes) == 3
    assert sum(len(layers) == 3 for layers in plots) == 3


def test_long_levels_have_a_row_of_the_legend_each_and_their_height(rng):
    long, short = [f"a way of tillage that has a long name {i}" for i in range(4)], list("abcd")
    heights = []
    for levels in (short, long):
        by = pd.Categorical(np.repeat(levels, 5), levels)
        effect = Conditional("age", "diet", table(np.tile(np.linspace(0, 9, 5), 4), by=by))
        figure = conditional([effect], data(rng, 20), outcome="Yield", columns=LABELS, seed=1)
        drawn, _ = draw(figure)
        assert set(levels) <= texts(drawn)
        heights.append(figure.height)
    assert heights[1] - heights[0] > 0.4


def test_a_predictor_may_be_called_y(rng):
    """Its measurements stood over themselves."""
    effect = Conditional("y", None, table(np.linspace(0, 9, 10)))
    measured = data(rng, 20).assign(y=rng.uniform(0, 9, 20))
    _, [layers] = draw(conditional([effect], measured, outcome="Yield", columns=LABELS, seed=1))
    np.testing.assert_array_equal(layers[0][["x", "y"]], measured[["y", MEASURED]])
