"""Figures of the checks of a model."""

import numpy as np
import pandas as pd
import pytest
from partialpool.figures import checks
from partialpool.figures.checks import AFTER

from figures.drawing import draw, texts


def priors(n):
    edges = {"q2.5": -2.0, "q17": -1.0, "q50": 0.1, "q83": 1.0, "q97.5": 2.0}
    rows = [
        {"parameter": name, **{f"prior_{key}": value for key, value in edges.items()}}
        | {**{key: value / narrower for key, value in edges.items()}, "narrower": narrower}
        for name, narrower in [(checks.OUTCOME, 1.5), *((f"b{i}", 2.0 + i) for i in range(n))]
    ]
    return pd.DataFrame(rows)


def test_priors_stand_above_posteriors_with_their_intervals():
    drawn, data = draw(checks.prior(priors(2), labels={"outcome": "Score"}))
    outer, inner, points = data[0]
    assert {"Score: prior, data", "b0", "b1", "Prior", AFTER} <= texts(drawn)
    assert sorted(outer["xend"]) == pytest.approx([2 / 3, 1.0, 2 / 1.5, 2.0, 2.0, 2.0])
    assert (outer.loc[outer["y"] == 2, "xend"] == 2).all()
    assert len(inner) == len(points) == 6


def test_of_many_parameters_those_are_shown_that_the_data_narrow_least():
    drawn, _ = draw(checks.prior(priors(20), labels={}))
    assert {f"b{i}" for i in range(7)} <= texts(drawn)
    assert "b7" not in texts(drawn)


def test_the_curve_of_loo_pit_has_its_envelope():
    curve = pd.DataFrame({"x": [0, 0.5, 1], "difference": [0, 0.02, 0], "lower": [0, -0.1, 0], "upper": [0, 0.1, 0]})
    _, data = draw(checks.pit(curve))
    band, _, line = data[0]
    assert line["y"].tolist() == [0, 0.02, 0]
    assert band["ymax"].tolist() == [0, 0.1, 0]


def test_sensitivities_show_the_parameters_that_priors_move_most():
    names = [f"b{i}" for i in range(15)]
    parts = [
        pd.DataFrame({"parameter": names, "component": component, "shift_weaker": size, "shift_stronger": -size})
        for component, size in (("prior", np.arange(15) / 10), ("likelihood", np.arange(15)[::-1] / 10))
    ]
    drawn, data = draw(checks.sensitivity(pd.concat(parts)))
    _, lines, points, _ = data[0]
    assert {"b3", "b14", "Priors", "Data"} <= texts(drawn)
    assert "b2" not in texts(drawn)
    assert len(points) == len(lines) == 12 * 2 * 2
    assert points["x"].max() == pytest.approx(1.4)


def test_units_that_move_estimates_most_have_their_names():
    table = pd.DataFrame(
        {
            "of": ["unit"] * 5 + ["row"],
            "label": ["a", "b", "c", "d", "e", 7],
            "elpd": [-3.0, -1, 0, 1.5, 2, -9],
            "shift": [-0.9, 0.1, 0.2, -0.3, 0.0, 5.0],
        }
    )
    drawn, data = draw(checks.influence(table, labels={"unit_noun": "herd"}))
    points, left, right, _ = data[0]
    assert points["y"].tolist() == [0.9, 0.1, 0.2, 0.3, 0.0]
    assert left["label"].tolist() == ["a", "c"]
    assert right["label"].tolist() == ["d"]
    assert "Log predictive density of a new herd" in texts(drawn)


def test_names_of_units_stay_inside_of_the_figure():
    table = pd.DataFrame({"label": ["left", "right", "b", "c", "d"], "elpd": [-20.0, 0, -10, -9, -8]})
    figure = checks.influence(table.assign(of="unit", shift=[2.0, 3, 0.1, 1.5, 0.2]), labels={})
    drawn, _ = draw(figure)
    drawn.set_size_inches(figure.width, figure.height)
    drawn.canvas.draw()
    [axes] = drawn.axes
    inside = axes.get_window_extent()
    places = {text.get_text(): text.get_window_extent() for text in axes.texts}
    assert set(places) == {"left", "right", "c"}
    assert all(inside.x0 < place.x0 and place.x1 < inside.x1 for place in places.values())


def test_names_of_units_that_stand_beside_each_other_do_not_meet():
    table = pd.DataFrame({"label": ["162", "120", "98", "7"], "elpd": [-3.2, 0.8, 2.0, 6.8]})
    figure = checks.influence(table.assign(of="unit", shift=[0.96, 0.43, 0.42, 0.1]), labels={})
    drawn, _ = draw(figure)
    drawn.set_size_inches(figure.width, figure.height)
    drawn.canvas.draw()
    places = {text.get_text(): text.get_window_extent() for text in drawn.axes[0].texts}
    assert set(places) == {"162", "120", "98"}
    assert not places["120"].overlaps(places["98"])
