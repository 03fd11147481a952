"""Every figure draws without a warning and shows the numbers it was given."""

import itertools
import xml.etree.ElementTree as ET
from copy import deepcopy

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from partialpool.figures import theme
from partialpool.figures.comparison import RELIABLE, UNRELIABLE, comparison
from partialpool.figures.diagnostics import diagnostics
from partialpool.figures.predictive import posterior_predictive
from partialpool.figures.theme import CORAL, TEAL, Figure, save
from partialpool.figures.units import (
    fitted_trajectories,
    gradient_intervals,
    half_eyes,
    intercepts_slopes,
    shrinkage,
    three_poolings,
    trajectories,
)
from plotnine import ggplot
from plotnine.composition import Compose

LABELS = {
    "outcome": "Score",
    "time": "Months since start",
    "unit": "Participant",
    "group": "Arm",
    "intercept": "Level",
    "slope": "Change per month",
}


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def draw(figure):
    """Panels of a figure as matplotlib axes; and every layer's data as drawn, plot by plot."""
    plot = deepcopy(figure.plot)
    drawn = plot.draw()
    drawn.canvas.draw()
    plots = _plots(plot)
    return drawn, [[layer.data for layer in p.layers] for p in plots]


def _plots(plot):
    return [plot] if isinstance(plot, ggplot) else [p for item in plot for p in _plots(item)]


def texts(drawn):
    found = drawn.findobj(lambda artist: hasattr(artist, "get_text"))
    return {artist.get_text() for artist in found if artist.get_visible()} - {""}


def tick_labels(axes):
    return [label.get_text() for label in axes.get_xticklabels()]


def long_draws(rng, means, n=60, sd=0.03, **columns):
    frames = [pd.DataFrame({"id": unit, "value": rng.normal(mean, sd, n)}) for unit, mean in means.items()]
    return pd.concat(frames, ignore_index=True).assign(**columns)


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
    _, [[points]] = draw(trajectories(one, time="months", outcome="score", labels={}))
    assert len(points) == 1


def test_twenty_units_have_twenty_colors():
    visits = pd.DataFrame({"id": [str(i) for i in range(20)], "t": 0.0, "y": np.linspace(0, 1, 20)})
    _, [[points]] = draw(trajectories(visits, time="t", outcome="y", labels={}))
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


@pytest.fixture
def pooled():
    return pd.DataFrame(
        {
            "model": ["Without"] * 3 + ["With"] * 3,
            "id": ["A-07", "10", "2"] * 2,
            "mean": [0.3, 0.1, 0.2, 0.25, 0.15, 0.2],
        }
    )


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


def test_half_eyes_refuse_three_quantities(rng):
    draws = pd.concat([long_draws(rng, {"2": 0.1}, quantity=q) for q in "abc"])
    with pytest.raises(ValueError, match="one or two quantities"):
        half_eyes(draws, labels={})


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


def chains(rng, parameters, n=400):
    draws = pd.DataFrame(
        [(p, c, i) for p in parameters for c in range(4) for i in range(n)],
        columns=["parameter", "chain", "draw"],
    )
    draws["value"] = rng.normal(size=len(draws))
    energy = pd.DataFrame({"chain": np.repeat(range(4), n), "energy": rng.normal(9, 3, 4 * n)})
    return draws, energy


def test_diagnostics_show_a_chain_apart(rng):
    draws, energy = chains(rng, ["sd", "b"])
    astray = (draws["parameter"] == "b") & (draws["chain"] == 2)
    draws.loc[astray, "value"] += 5
    figure = diagnostics(draws, energy, labels={"b": "Slope"})
    drawn, [[trace], [_, ecdf, _], [density]] = draw(figure)
    assert {"sd", "Slope", "Chain 0", "Chain 3"} <= texts(drawn)
    assert trace.groupby(["PANEL", "group"], observed=True).size().max() <= 400
    worst = ecdf.assign(y=ecdf["y"].abs()).groupby(["PANEL", "group"], observed=True)["y"].max()
    # All draws of the chain lie above the other three: its ECDF is 0 where theirs ends, at 3/4.
    assert worst[2, 3] == pytest.approx(0.75, abs=0.01)
    assert worst[1].max() < 0.1
    areas = density.groupby(["PANEL", "fill"], observed=True).apply(lambda curve: np.trapezoid(curve["y"], curve["x"]))
    np.testing.assert_allclose(areas, 1, atol=1e-2)


def test_traces_are_thinned(rng):
    draws, energy = chains(rng, ["b"], n=2000)
    _, [[trace], *_] = draw(diagnostics(draws, energy, labels={}))
    assert 4 * 250 <= len(trace) <= 4 * 500


def test_posterior_predictive_of_measurements(rng):
    observed, replicated = rng.normal(0.2, 0.07, 80), rng.normal(0.2, 0.07, (200, 80))
    figure = posterior_predictive(observed, replicated, labels=LABELS)
    drawn, [[theirs, ours], [_, marks]] = draw(figure)
    assert theirs["group"].nunique() == 50
    assert ours["group"].nunique() == 1
    assert np.trapezoid(ours["y"], ours["x"]) == pytest.approx(1, abs=1e-2)
    centered = observed - observed.mean()
    skewness = (centered**3).mean() / observed.std() ** 3
    expected = [observed.std(), skewness, observed.min(), observed.max()]
    np.testing.assert_allclose(marks["xintercept"], expected)
    p = np.mean(replicated.max(axis=1) >= observed.max())
    assert f"Maximum, p = {p:.2f}" in texts(drawn)


def test_posterior_predictive_of_few_whole_numbers_are_shares(rng):
    observed, replicated = rng.integers(0, 2, 60), rng.integers(0, 2, (100, 60))
    figure = posterior_predictive(observed, replicated, labels={})
    drawn, [[bars, intervals], _] = draw(figure)
    assert bars["y"].tolist() == pytest.approx([1 - observed.mean(), observed.mean()])
    shares = replicated.mean(axis=1)
    assert intervals["y"].tolist() == pytest.approx([1 - shares.mean(), shares.mean()])
    assert intervals["ymax"][1] == pytest.approx(np.quantile(shares, 0.975))
    assert not any(text.startswith("Minimum") for text in texts(drawn))


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "model": ["Plain", "A model with quite a long title", "Full"],
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
    drawn, [[zero, segments, points]] = draw(comparison(table, labels=LABELS))
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


def test_each_estimand_has_its_row_of_panels(table):
    drawn, [[zero, *_]] = draw(comparison(pd.concat([table, table.assign(estimand="unit")]), labels=LABELS))
    assert zero["PANEL"].tolist() == [2, 4]
    assert {"New measurement: elpd ± SE", "New unit: difference ± SE"} <= texts(drawn)


def test_comparison_of_reliable_models_needs_no_legend(table):
    drawn, _ = draw(comparison(table.assign(bad_pareto_k=0), labels={}))
    assert not {RELIABLE, UNRELIABLE} & texts(drawn)


def test_units_come_in_natural_order():
    ids = pd.Series(["A-10", "10", "A-07", "2", "b", "B"])
    assert theme.units(ids) == ["2", "10", "A-07", "A-10", "B", "b"]


@pytest.mark.parametrize("composed", [False, True])
def test_saved_files_have_the_size_and_are_the_same_every_time(tmp_path, pooled, composed):
    single = shrinkage(pooled, grand_mean=0.2, labels={})
    plot = single.plot | single.plot if composed else single.plot
    assert isinstance(plot, Compose) == composed
    contents = []
    for turn in ("one", "two"):
        png, svg = tmp_path / f"{turn}.png", tmp_path / f"{turn}.svg"
        save(plot, png, svg, width=5, height=2.5)
        contents.append((png.read_bytes(), svg.read_bytes()))
    assert contents[0] == contents[1]
    assert matplotlib.image.imread(png).shape[:2] == (750, 1500)
    root = ET.fromstring(contents[0][1])
    assert (root.get("width"), root.get("height")) == ("360pt", "180pt")
    assert b"<dc:date>" not in contents[0][1]
    assert len(list(tmp_path.iterdir())) == 4


def test_failed_save_leaves_the_old_file(tmp_path, pooled):
    png = tmp_path / "old.png"
    png.write_text("old")
    plot = shrinkage(pooled, grand_mean=0.2, labels={}).plot
    with pytest.raises(FileNotFoundError):
        save(plot, tmp_path / "none" / "new.png", tmp_path / "new.svg", width=3, height=2)
    assert png.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["old.png"]


def test_gradients_are_a_bitmap_in_a_small_svg(tmp_path, rng):
    draws = long_draws(rng, {f"p{i}": 0.2 for i in range(91)}, n=200, model="One")
    figure = gradient_intervals(draws, labels={})
    assert isinstance(figure, Figure)
    png, svg = tmp_path / "a.png", tmp_path / "a.svg"
    save(figure.plot, png, svg, width=figure.width, height=figure.height)
    assert b"<image" in svg.read_bytes()
    assert svg.stat().st_size < 1_000_000
