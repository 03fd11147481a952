"""Lines of equal value over sizes of a study."""

import numpy as np
import pandas as pd
import pytest
from partialpool.figures.design import contours, design

from figures.drawing import draw, texts

NOUNS = {"unit": ("herd", "herds"), "measurement": ("count", "counts")}


@pytest.fixture
def table():
    """Probabilities that are linear in the logarithm of the number of units; those of ``flat`` are all 1."""
    cells = [(units, k) for units in (50, 100, 200) for k in (2, 3)]
    frame = pd.DataFrame(cells, columns=["units", "measurements"])
    frame["rows"] = frame["units"] * frame["measurements"]
    known = frame.assign(name="x", quantity="sign", value=0.3 + 0.3 * np.log2(frame["units"] / 50))
    flat = frame.assign(name="flat", quantity="sign", value=1.0)
    return pd.concat([known, flat], ignore_index=True).assign(mcse=0.01, replicates=100)


@pytest.fixture
def goals(table):
    own = table[table["name"] == "x"].rename(columns={"value": "probability"})
    own = own.assign(goal="seen", wanted=0.7, reached=own["probability"] >= 0.7)
    return own.assign(smallest=(own["units"] == 200) & (own["measurements"] == 2)).reset_index(drop=True)


def test_contours_are_where_the_value_is_reached(table):
    lines = contours(table[table["name"] == "x"], (0.2, 0.4, 0.6, 0.8))
    assert set(lines["level"]) == {0.4, 0.6, 0.8}
    np.testing.assert_allclose(lines["units"], 50 * 2 ** ((lines["level"] - 0.3) / 0.3))
    assert sorted(set(lines["measurements"])) == [2, 3]


def test_a_falling_value_has_lines_too(table):
    falling = table[table["name"] == "x"].assign(value=lambda own: 100 / own["units"])
    lines = contours(falling, [0.75])
    np.testing.assert_allclose(np.log(lines["units"] / 100) / np.log(2), 0.5)


def test_the_figure_has_a_panel_for_what_differs_and_for_each_goal(table, goals):
    drawn, _ = draw(design(table, goals, titles={}, nouns=NOUNS))
    shown = texts(drawn)
    assert "x: how often the interval does not contain 0" in shown
    assert "Goal seen: how often it is reached" in shown
    assert not any("flat" in text for text in shown)
    assert {"Number of herds", "Number of counts each", "0.7", "50", "100", "200"} <= set(shown)


def test_the_smallest_design_has_a_ring_and_its_line_another_colour(table, goals):
    _, [layers] = draw(design(table[:0], goals, titles={}, nouns=NOUNS))
    points, lines, _, rings = layers
    assert len(points) == 6
    assert rings[["x", "y"]].to_numpy().tolist() == [[np.log10(200), 2.0]]
    assert lines["colour" if "colour" in lines else "color"].nunique() == 2


def test_a_figure_without_lines_says_so(table):
    flat = table[table["name"] == "flat"]
    drawn, _ = draw(design(flat, pd.DataFrame(columns=["goal", "probability"]), titles={}, nouns=NOUNS))
    assert "No quantity differs enough between these designs" in texts(drawn)


def test_one_size_is_a_figure_too(table, goals):
    one = {"units": 50, "measurements": 2}
    table, goals = (frame[(frame[[*one]] == pd.Series(one)).all(axis=1)] for frame in (table, goals))
    drawn, _ = draw(design(table, goals, titles={}, nouns=NOUNS))
    assert "Goal seen: how often it is reached, 0.3 everywhere" in texts(drawn)
