from itertools import pairwise

import pandas as pd
import pytest
from partialpool.figures.grid import grid

from figures.drawing import draw, texts

LABELS = {"x": "Week", "by": "Arm", "value": "Expected Score"}


def summary(xs, by=("",), models=("M",)):
    rows = [(model, x, group) for model in models for x in xs for group in by]
    table = pd.DataFrame(rows, columns=["model", "x", "by"])
    return table.assign(mean=range(len(table)), **{"q2.5": table.index - 1.0, "q97.5": table.index + 2.0})


def kinds(figure):
    return [type(layer.geom).__name__ for layer in figure.plot.layers]


def test_numbers_have_a_line_with_a_ribbon():
    figure = grid(summary([0, 1, 2], by=("a", "b")), labels=LABELS)
    assert kinds(figure) == ["geom_ribbon", "geom_line"]
    drawn, [(ribbon, line)] = draw(figure)
    assert sorted(ribbon["ymin"]) == [-1, 0, 1, 2, 3, 4]
    assert sorted(ribbon["ymax"]) == [2, 3, 4, 5, 6, 7]
    lines = [of.sort_values("x")["y"].tolist() for _, of in line.groupby("color", observed=True)]
    assert sorted(lines) == [[0, 2, 4], [1, 3, 5]]
    assert {"Week", "Expected Score", "Arm", "a", "b"} <= texts(drawn)


def test_categories_have_points_with_intervals_side_by_side():
    figure = grid(summary(["low", "high"], by=("a", "b")), labels=LABELS)
    assert kinds(figure) == ["geom_pointrange"]
    drawn, [(points,)] = draw(figure)
    assert points["x"].nunique() == 4
    assert [label.get_text() for label in drawn.axes[0].get_xticklabels()] == ["low", "high"]


def test_one_group_has_no_legend():
    drawn, _ = draw(grid(summary([0, 1]), labels=LABELS | {"by": ""}))
    assert "Arm" not in texts(drawn)


@pytest.mark.parametrize(("xs", "n"), [([0.0, 1.0], 3), (["0.0", "1.0"], 2)])
def test_measurements_are_behind(xs, n):
    """Those of groups and categories that are shown."""
    behind = pd.DataFrame({"x": xs + xs[:1] + [xs[0] * 5], "by": ["a", "a", "b", "a"], "y": [0.1, 0.2, 0.3, 0.4]})
    figure = grid(summary(xs, by=("a",)), behind, labels=LABELS)
    assert kinds(figure)[0] == "geom_point"
    _, [(points, *_)] = draw(figure)
    assert len(points) == n


def test_a_dashed_line_is_where_nothing_differs():
    figure = grid(summary([0, 1]), no_difference=1.0, labels=LABELS)
    assert kinds(figure)[0] == "geom_hline"
    _, [(line, *_)] = draw(figure)
    assert line["yintercept"].tolist() == [1.0]


@pytest.mark.parametrize("same_scale", [True, False])
def test_models_have_panels(same_scale):
    figure = grid(summary([0, 1], models=("Second", "First")), same_scale=same_scale, labels=LABELS)
    drawn, _ = draw(figure)
    assert (figure.width, figure.height) == (7.0, 3.0)
    ranges = [axes.get_ylim() for axes in drawn.axes[:2]]
    assert (ranges[0] == ranges[1]) == same_scale
    assert {"Second", "First"} <= texts(drawn)


def test_many_categories_have_the_width_of_a_page_and_names_beside_each_other():
    few, many = (grid(summary([f"item {i}" for i in range(n)]), labels=LABELS) for n in (5, 30))
    assert few.width < many.width
    drawn, _ = draw(many)
    drawn.set_size_inches(many.width, many.height)
    drawn.canvas.draw()
    boxes = [label.get_window_extent() for label in drawn.axes[0].get_xticklabels()]
    assert len(boxes) == 30
    assert not any(one.overlaps(other) for one, other in pairwise(boxes))


def test_a_long_label_of_values_stands_in_lines():
    drawn, _ = draw(grid(summary([0, 1]), labels=LABELS | {"value": "Expected Reaction time (ms): Prime new - old"}))
    assert "Expected Reaction time (ms): Prime\nnew - old" in texts(drawn)
