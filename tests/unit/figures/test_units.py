"""Figures of units draw without a warning and show the numbers they were given."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from partialpool.figures.theme import CORAL, TEAL
from partialpool.figures.units import (
    fitted_trajectories,
    gradient_intervals,
    half_eyes,
    intercepts_slopes,
    shrinkage,
    three_poolings,
    trajectories,
)

from figures.drawing import LABELS, draw, long_draws, texts, tick_labels


@pytest.fixture
def visits():
    return pd.DataFrame(
        {
            "id": ["10", "10", "10", "2", "2", "A-07", "A-7b", "A-7b"],
            "months": [0.0, 1, 3, 0, 2, 1, 0, np.nan],
            "score": [0.1, 0.25, 0.2, 0.3, 0.1, 0.2, 0.4, 0.3],
            "arm": ["x", "x", "x", "y", "y", "y", "x", "x"],
        }
    )


def test_trajectories_have_least_squares_lines(visits):
    figure = trajectories(visits, time="months", outcome="score", labels=LABELS)
    drawn, [[points, segments]] = draw(figure)
    assert len(points) == 7
    assert len(segments) == 2
    slopes = (segments["yend"] - segments["y"]) / (segments["xend"] - segments["x"])
    for i, unit in enumerate(["2", "10"]):
        own = visits[visits["id"] == unit]
        slope, intercept = np.polyfit(own["months"], own["score"], 1)
        assert slopes[i] == pytest.approx(slope)
        assert segments.loc[i, "y"] == pytest.approx(intercept + slope * segments.loc[i, "x"])
    assert {"Score", "Months since start"} <= texts(drawn)
    assert not {"A-07", "A-7b"} & texts(drawn)


def test_axes_fall_back_to_column_names(visits):
    drawn, _ = draw(trajectories(visits, time="months", outcome="score", labels={}))
    assert {"score", "months"} <= texts(drawn)


def test_trajectory_of_one_unit_at_one_time_is_a_point(visits):
    one = visits[visits["id"] == "A-07"]
    _, [[points, segments]] = draw(trajectories(one, time="months", outcome="score", labels={}))
    assert len(points) == 1
    assert len(segments) == 0


def test_twenty_units_have_twenty_colors():
    visits = pd.DataFrame({"id": [str(i) for i in range(20)], "t": 0.0, "y": np.linspace(0, 1, 20)})
    _, [[points, _]] = draw(trajectories(visits, time="t", outcome="y", labels={}))
    assert points["color"].nunique() == 20


def two_models(rng):
    return pd.concat(
        [
            long_draws(rng, {"2": 0.3, "10": 0.1, "A-07": 0.2}, model="Without"),
            long_draws(rng, {"2": 0.1, "10": 0.2, "A-07": 0.3}, sd=0.02, model="With"),
        ],
        ignore_index=True,
    )


def test_gradient_intervals_have_a_panel_a_model_and_one_order(rng):
    draws = two_models(rng)
    figure = gradient_intervals(draws, labels=LABELS)
    drawn, [[data]] = draw(figure)
    first, second = drawn.axes
    assert first.get_ylim() == second.get_ylim()
    assert tick_labels(second) == ["10", "A-07", "2"]
    assert {"Without", "With", "Participant, ordered by estimate"} <= texts(drawn)
    wide = data[data["level"] == 0.95]
    expected = [
        draws[(draws["model"] == model) & (draws["id"] == unit)]["value"].quantile(0.025)
        for model in ("Without", "With")
        for unit in ("10", "A-07", "2")
    ]
    np.testing.assert_allclose(wide.sort_values(["PANEL", "x"])["ymin"], expected)


def test_categorical_order_of_models_decides(rng):
    draws = two_models(rng)
    draws["model"] = pd.Categorical(draws["model"], ["With", "Without"])
    drawn, _ = draw(gradient_intervals(draws, labels={}))
    assert tick_labels(drawn.axes[1]) == ["2", "10", "A-07"]


def test_many_units_have_no_names(rng):
    draws = long_draws(rng, {f"p{i}": 0.2 for i in range(60)}, n=20, model="One")
    drawn, [[data]] = draw(gradient_intervals(draws, labels={}))
    assert data["x"].nunique() == 60
    assert set(data["level"].dropna()) == {0.95}
    assert not any(text.startswith("p") for text in texts(drawn))


def test_shrinkage_joins_two_points_a_unit(pooled):
    figure = shrinkage(pooled, grand_mean=0.2, labels=LABELS)
    drawn, [[line, segments, points]] = draw(figure)
    assert line["yintercept"].tolist() == [0.2]
    assert segments.groupby("group").size().tolist() == [2, 2, 2]
    assert tick_labels(drawn.axes[0]) == ["10", "2", "A-07"]
    colors = points.groupby("color")["y"].apply(sorted).to_dict()
    assert colors == {CORAL: [0.1, 0.2, 0.3], TEAL: [0.15, 0.2, 0.25]}
    assert {"Without", "With"} <= texts(drawn)


def test_shrinkage_of_one_unit(pooled):
    one = pooled[pooled["id"] == "A-07"]
    drawn, _ = draw(shrinkage(one, grand_mean=0.2, labels={}))
    assert tick_labels(drawn.axes[0]) == ["A-07"]


def test_half_eyes_of_one_quantity_are_teal_without_a_legend(rng):
    draws = long_draws(rng, {"10": 0.2, "2": 0.1}, quantity="expected")
    figure = half_eyes(draws, reference=0.15, labels=LABELS)
    drawn, [[line, data]] = draw(figure)
    assert line["yintercept"].tolist() == [0.15]
    assert set(data["fill"]) == {TEAL}
    assert tick_labels(drawn.axes[0]) == ["2", "10"]
    assert "expected" not in texts(drawn)
    assert figure.width == 3.5


def test_half_eyes_of_two_quantities_draw_the_wide_one_below(rng):
    means = {"2": 0.2, "10": 0.3, "A-07": 0.25}
    draws = pd.concat(
        [
            long_draws(rng, means, sd=0.02, quantity="expected"),
            long_draws(rng, means, sd=0.06, quantity="predicted"),
        ],
        ignore_index=True,
    )
    drawn, [[data]] = draw(half_eyes(draws, labels={}))
    assert data.groupby("x").first()["fill"].eq(TEAL).all()
    spans = data[data["level"] == 0.95].assign(span=lambda d: d["ymax"] - d["ymin"])
    assert spans.groupby("fill")["span"].min()[TEAL] > spans.groupby("fill")["span"].max()[CORAL]
    slab = drawn.axes[0].collections[0]
    assert [to_hex(color) for color in slab.get_facecolors()] == [TEAL, CORAL] * 3
    assert {"expected", "predicted"} <= texts(drawn)
    keys = drawn.findobj(lambda artist: isinstance(artist, Rectangle) and artist.get_alpha() is None)
    assert {CORAL, TEAL} <= {to_hex(key.get_facecolor()) for key in keys}


def test_half_eyes_keep_a_categorical_order_and_turn_long_names(rng):
    units = [f"participant-{i}" for i in range(12)][::-1]
    draws = long_draws(rng, dict.fromkeys(units, 0.2), n=20, quantity="expected")
    draws["id"] = pd.Categorical(draws["id"], units)
    figure = half_eyes(draws, labels={})
    drawn, _ = draw(figure)
    assert tick_labels(drawn.axes[0]) == units
    boxes = [label.get_window_extent() for label in drawn.axes[0].get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_three_poolings_are_named(pooled):
    summary = pooled[pooled["model"] == "With"]
    raw = pd.concat([pooled[pooled["model"] == "Without"], pd.DataFrame({"id": ["9"], "mean": 9})])
    figure = three_poolings(summary, raw, grand_mean=0.2, labels=LABELS)
    drawn, [[line, segments, points]] = draw(figure)
    assert line["yintercept"].tolist() == [0.2]
    assert len(segments) == len(points) == 6
    assert points.groupby("color")["y"].max().to_dict() == {"black": 0.3, CORAL: 0.25}
    assert {"No pooling", "Partial pooling", "Complete pooling", "Participant"} <= texts(drawn)
    assert tick_labels(drawn.axes[0]) == ["2", "10", "A-07"]


def fitted(visits):
    return visits.dropna().rename(columns={"score": "mean"})


def test_fitted_trajectories_join_what_can_be_joined(visits):
    figure = fitted_trajectories(fitted(visits), time="months", labels=LABELS)
    drawn, [[lines, points]] = draw(figure)
    assert len(lines) == 5
    assert lines["group"].nunique() == 2
    assert len(points) == 7
    assert points["color"].nunique() == 4
    assert not {"A-07", "A-7b"} & texts(drawn)


def test_fitted_trajectories_by_group_differ_without_color(visits):
    figure = fitted_trajectories(fitted(visits), time="months", group="arm", labels=LABELS)
    drawn, [[lines, points]] = draw(figure)
    assert set(points["color"]) == {TEAL, CORAL}
    assert points["shape"].nunique() == 2
    assert lines["linetype"].nunique() == 2
    assert {"Arm", "x", "y"} <= texts(drawn)


def test_fitted_trajectories_of_one_point(visits):
    one = fitted(visits).query("id == 'A-07'")
    for group in (None, "arm"):
        figure = fitted_trajectories(one, time="months", group=group, labels={})
        _, [[lines, points]] = draw(figure)
        assert len(lines) == 0
        assert len(points) == 1


def test_intercepts_slopes_show_units_and_the_whole_range(rng):
    n = 12
    effects = pd.DataFrame(
        {
            "id": [str(i) for i in range(n)],
            "intercept": rng.normal(size=n),
            "slope": rng.normal(size=n),
        }
    )
    for name in ("intercept", "slope"):
        effects[f"{name}_low"] = effects[name] - 0.5
        effects[f"{name}_high"] = effects[name] + 0.5
    correlation = rng.uniform(-1, 1, 500)
    figure = intercepts_slopes(effects, correlation, labels=LABELS)
    drawn, [[vertical, horizontal, points], [area, _, interval, mean]] = draw(figure)
    assert len(vertical) == len(horizontal) == len(points) == n
    assert {"Level", "Change per month"} <= texts(drawn)
    assert (area["x"].min(), area["x"].max()) == pytest.approx((-1, 1), abs=0.3)
    low, high = drawn.axes[1].get_xlim()
    assert low <= -1 < 1 <= high
    expected = np.quantile(correlation, [0.025, 0.975])
    np.testing.assert_allclose(interval[["x", "xend"]].to_numpy()[0], expected)
    assert mean["x"][0] == pytest.approx(correlation.mean())
    _, [[points], _] = draw(intercepts_slopes(effects[["id", "intercept", "slope"]], correlation, labels=LABELS))
    assert len(points) == n
