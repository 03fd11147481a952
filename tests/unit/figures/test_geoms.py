"""Numbers of the stat against closed forms, and what the geoms put on the canvas."""

import io
import itertools
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.colors import to_hex, to_rgba
from partialpool.figures.geoms import (
    SLAB,
    estimate_density,
    geom_curves,
    geom_gradientinterval,
    geom_halfeye,
    slab_intervals,
)
from plotnine import aes, coord_flip, facet_wrap, geom_line, ggplot, position_dodge, scale_fill_manual, theme
from plotnine.helpers import get_aesthetic_limits

GEOMS = [geom_halfeye, geom_gradientinterval]


def normal_draws(means, n=2000, sd=1.0, seed=1):
    rng = np.random.default_rng(seed)
    frames = [pd.DataFrame({"id": name, "value": rng.normal(mean, sd, n)}) for name, mean in means.items()]
    return pd.concat(frames, ignore_index=True)


def shapes(draws, geom):
    """A plot of the draws of each id, and of each kind where there are kinds."""
    by = [column for column in ("id", "kind") if column in draws]
    return ggplot(slab_intervals(draws, by), aes("id", fill="kind") if "kind" in draws else aes("id")) + geom


def layer_data(plot):
    """What the geom of the first layer draws."""
    plot = deepcopy(plot)
    plot.draw()
    return plot.layers[0].data


def render(plot):
    buffer = io.BytesIO()
    plot.save(buffer, format="png", width=3, height=2, dpi=60, verbose=False)
    return buffer.getvalue()


def test_density_of_normal_draws_is_the_normal_density():
    values = np.random.default_rng(3).normal(2, 0.5, 100_000)
    grid, density = estimate_density(values)
    truth = np.exp(-0.5 * ((grid - 2) / 0.5) ** 2) / (0.5 * np.sqrt(2 * np.pi))
    assert np.abs(density - truth).max() < 0.02 * truth.max()
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("m", [2, 3, 10, 4000])
def test_density_integrates_to_one_whatever_the_number_of_values(m):
    grid, density = estimate_density(np.random.default_rng(m).normal(size=m))
    assert grid.shape == density.shape == (256,)
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=1e-3)


def test_density_equals_the_sum_of_its_kernels():
    values = np.array([0.0, 1.0, 1.5, 4.0])
    grid, density = estimate_density(values, n=4096)
    quartiles = np.quantile(values, [0.25, 0.75])
    bandwidth = 0.9 * min(values.std(ddof=1), np.ptp(quartiles) / 1.34) * 4**-0.2
    kernels = np.exp(-0.5 * ((grid[:, None] - values) / bandwidth) ** 2)
    direct = kernels.mean(axis=1) / (bandwidth * np.sqrt(2 * np.pi))
    # The kernel is cut at three bandwidths, where it is about 1 % of its height.
    np.testing.assert_allclose(density, direct, atol=0.012 * direct.max())


def test_density_does_not_drop_at_a_bound():
    values = np.random.default_rng(5).uniform(-1, 1, 100_000)
    grid, density = estimate_density(values, bounds=(-1, 1))
    assert (grid[0], grid[-1]) == (-1, 1)
    np.testing.assert_allclose(density, 0.5, atol=0.03)
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=1e-3)


def test_density_survives_ties():
    values = np.r_[np.zeros(90), np.arange(10)]
    grid, density = estimate_density(values)
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("values", [[0.3], [0.3] * 5, [0.0, 0.0], [1e9, 1e9 + 1e-7]])
def test_no_density_without_variation(values):
    grid, density = estimate_density(values)
    assert grid.size == density.size == 0


def test_intervals_are_quantiles_and_the_point_is_the_mean():
    draws = normal_draws({"a": 0, "b": 3}, n=501)
    table = slab_intervals(draws, ["id"])
    intervals = table[table["level"].notna()]
    assert len(intervals) == 4
    for name in "ab":
        values = draws.loc[draws["id"] == name, "value"]
        own = intervals[intervals["id"] == name].set_index("level")
        for level in (0.66, 0.95):
            expected = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
            np.testing.assert_allclose(own.loc[level, ["low", "high"]].astype(float), expected)
        np.testing.assert_allclose(own["value"], values.mean())


@pytest.mark.parametrize(("factor", "most"), [(1, 1), (5, np.inf)])
def test_no_slab_goes_where_no_draw_can_be(factor, most):
    """Probabilities near 1 and times near 0: all of the density is inside, and it does not drop at the bound."""
    rng = np.random.default_rng(1)
    draws = pd.DataFrame({"id": "a", "value": factor * rng.uniform(0, 1, 20_000)})
    table = slab_intervals(draws, ["id"])
    slab = table[table["level"].isna()]
    assert slab["value"].min() == 0
    assert slab["value"].max() <= most
    assert np.trapezoid(slab["density"], slab["value"]) == pytest.approx(1, abs=0.02)
    assert slab["density"].iloc[0] == pytest.approx(1 / factor, rel=0.1)


def test_a_few_draws_far_away_leave_room_for_the_others():
    values = np.random.default_rng(1).normal(size=10_000)
    values[:5] = 1e4
    slabs = slab_intervals(pd.DataFrame({"id": "a", "value": values}), ["id"]).query("level.isna()")
    assert 3.2 < slabs["value"].max() < 4
    assert np.trapezoid(slabs["density"], slabs["value"]) == pytest.approx(1, abs=1e-3)
    # The ends of a normal distribution cannot be seen, and few draws are all shown.
    assert slabs["density"].iloc[[0, -1]].max() < 0.005 * slabs["density"].max()
    # A long tail ends with the interval, where it is thin long before.
    tail = pd.DataFrame({"id": "a", "value": np.random.default_rng(1).lognormal(0, 2, 10_000)})
    tails = slab_intervals(tail, ["id"])
    assert tails["value"].max() == pytest.approx(tails["high"].max(), rel=0.01)
    few = slab_intervals(pd.DataFrame({"id": "a", "value": [0.0, 1.0, 9.0]}), ["id"]).query("level.isna()")
    assert few["value"].max() > 9


def test_widths_are_a_choice():
    assert slab_intervals(normal_draws({"a": 0}), ["id"], widths=(0.5,))["level"].dropna().tolist() == [0.5]


def test_groups_of_two_columns_keep_their_types():
    draws = normal_draws({"b": 0, "a": 1}, n=10).assign(kind=pd.Categorical(["y", "x"] * 10, ["y", "x"]))
    table = slab_intervals(draws, ["id", "kind"], n=8)
    groups = table.groupby("group")[["id", "kind"]].first()
    assert groups.to_numpy().tolist() == [["a", "y"], ["a", "x"], ["b", "y"], ["b", "x"]]
    assert table["kind"].dtype == draws["kind"].dtype
    assert table.groupby("group").size().tolist() == [2 + 8] * 4


def test_numbers_on_x_are_groups_too():
    data = layer_data(shapes(normal_draws({1.0: 0, 2.5: 0, 4.0: 0}), geom_halfeye(SLAB)))
    assert data["group"].nunique() == 3
    assert data.groupby("group")["xmin"].max().tolist() == [1, 2.5, 4]
    assert data["xmax"].max() == 5.5


@pytest.mark.parametrize("make", GEOMS)
def test_scales_reach_as_far_as_the_slabs(make):
    plot = shapes(normal_draws({"a": 0, "b": 3}), make(SLAB))
    slab = layer_data(plot).dropna(subset="density")
    low, high = get_aesthetic_limits(plot, "y")
    assert low <= slab["y"].min()
    assert high >= slab["y"].max()
    drawn = deepcopy(plot).draw()
    left, right = drawn.axes[0].get_xlim()
    assert left <= slab["xmin"].min()
    assert right >= slab["xmax"].max()


def test_equal_area_of_half_eyes():
    draws = pd.concat(
        [normal_draws({"a": 0}, n=20_000), normal_draws({"b": 0}, n=20_000, sd=4)],
        ignore_index=True,
    )
    data = layer_data(shapes(draws, geom_halfeye(SLAB)))
    peaks = data.groupby("group")["thickness"].max()
    assert peaks[1] == pytest.approx(0.9)
    assert peaks[1] / peaks[2] == pytest.approx(4, rel=0.1)


def test_a_slab_of_skewed_draws_ends_where_they_are_few_and_is_smooth_where_they_are_many():
    values = np.exp(np.random.default_rng(4).normal(0, 1.6, 400))
    slab = slab_intervals(pd.DataFrame({"id": "a", "value": values}), ["id"])
    thick, upper = slab[slab["level"].isna()], slab["high"].max()
    # Single draws far away have small bumps of their own.
    assert values.max() > 3 * upper
    assert thick["value"].max() < 1.5 * upper
    estimated = np.interp(thick["value"], *estimate_density(values, n=100_000, bounds=(0, np.inf)))
    np.testing.assert_allclose(thick["density"], estimated, atol=0.02 * estimated.max())


def test_half_eyes_are_as_high_as_others_where_they_would_be_slivers():
    kinds = [("narrow", 1), ("wide", 2)]
    draws = [
        normal_draws({name: 0}, n=20_000, sd=sd * size).assign(kind=kind)
        for name, size in (("a", 1), ("b", 20))
        for kind, sd in kinds
    ]
    data = layer_data(shapes(pd.concat(draws, ignore_index=True), geom_halfeye(SLAB)))
    peaks = data.groupby(["x", "fill"])["thickness"].max().unstack()
    np.testing.assert_allclose(peaks.max(axis=1), 0.9)
    # At one x they are compared as before.
    np.testing.assert_allclose(peaks.max(axis=1) / peaks.min(axis=1), 2, rtol=0.1)


def test_every_gradient_reaches_full_opacity_and_fades():
    draws = pd.concat([normal_draws({"a": 0}), normal_draws({"b": 0}, sd=4)], ignore_index=True)
    plot = shapes(draws, geom_gradientinterval(SLAB, fill="#1c5253", alpha=0.8))
    figure = deepcopy(plot).draw()
    (cells,) = (c for c in figure.axes[0].collections if isinstance(c, QuadMesh))
    bars, gap = cells.get_array()[:, ::2], cells.get_array()[:, 1]
    assert {to_hex(color) for color in bars.reshape(-1, 4)} == {"#1c5253"}
    np.testing.assert_allclose(bars[..., 3].max(axis=0), 0.8, rtol=1e-3)
    assert (bars[[0, -1], :, 3] < 0.01).all()
    assert (gap[:, 3] == 0).all()
    assert cells.get_rasterized()


def test_half_eye_is_a_slab_on_the_right_two_lines_and_a_point():
    figure = shapes(normal_draws({"a": 0}), geom_halfeye(SLAB)).draw()
    slab, thin, thick, point = figure.axes[0].collections
    outline = slab.get_paths()[0].vertices
    assert outline[:, 0].min() == 1
    assert outline[:, 0].max() == pytest.approx(1.9)
    assert isinstance(thin, LineCollection)
    assert isinstance(thick, LineCollection)
    assert thick.get_linewidths()[0] > thin.get_linewidths()[0]
    assert np.ptp(thick.get_segments()[0][:, 1]) < np.ptp(thin.get_segments()[0][:, 1])
    assert point.get_offsets().shape == (1, 2)


def overlaid():
    draws = normal_draws({"a": 0, "b": 3})
    return pd.concat(
        [draws.assign(kind="one"), draws.assign(kind="two", value=draws["value"] * 2)],
        ignore_index=True,
    )


def test_overlaid_half_eyes_share_a_baseline_but_not_their_intervals():
    plot = shapes(overlaid(), geom_halfeye(SLAB))
    figure = plot.draw()
    slabs, thin, _, points = figure.axes[0].collections
    baselines = [path.vertices[:, 0].min() for path in slabs.get_paths()]
    np.testing.assert_allclose(baselines, [1, 1, 2, 2])
    np.testing.assert_allclose(points.get_offsets()[:, 0], [1, 0.9, 2, 1.9])
    np.testing.assert_allclose([line[0, 0] for line in thin.get_segments()], [1, 0.9, 2, 1.9])


def test_dodged_half_eyes_do_not_overlap():
    plot = shapes(overlaid(), geom_halfeye(SLAB, position=position_dodge()))
    figure = plot.draw()
    slabs, *_, points = figure.axes[0].collections
    spans = [(path.vertices[:, 0].min(), path.vertices[:, 0].max()) for path in slabs.get_paths()]
    spans = sorted(spans)
    assert all(left[1] < right[0] for left, right in itertools.pairwise(spans))
    np.testing.assert_allclose(sorted(points.get_offsets()[:, 0]), [left for left, _ in spans])


@pytest.mark.parametrize("make", GEOMS)
def test_legend_keys_show_the_fill(make):
    plot = (
        shapes(overlaid(), make(SLAB, alpha=0.5))
        + scale_fill_manual(values=["#1c5253", "#e07a5f"])
        + theme(legend_position="top")
    )
    figure = plot.draw()
    texts = [text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text"))]
    assert {"one", "two"} <= set(texts)
    keys = [to_hex(patch.get_facecolor()) for patch in figure.findobj(lambda a: type(a).__name__ == "Rectangle")]
    assert {"#1c5253", "#e07a5f"} <= set(keys)


@pytest.mark.parametrize("make", GEOMS)
@pytest.mark.parametrize(
    "draws",
    [
        pd.DataFrame({"id": ["a"], "value": [1.0]}),
        pd.DataFrame({"id": ["a"] * 3, "value": [1.0] * 3}),
        pd.DataFrame({"id": ["a", "b", "b", "b"], "value": [1.0, 2.0, 2.5, 3.0]}),
    ],
    ids=["single", "constant", "mixed"],
)
def test_draws_without_variation_have_a_point_and_no_slab(make, draws):
    plot = shapes(draws, make(SLAB))
    data = layer_data(plot)
    assert not ((data["x"] == 1) & data["level"].isna()).any()
    assert ((data["x"] == 1) & (data["y"] == 1)).any()
    assert render(plot)


@pytest.mark.parametrize("make", GEOMS)
def test_facets_flipped_axes_and_dodging(make):
    table = slab_intervals(overlaid(), ["id", "kind"])
    base = ggplot(table, aes("id", fill="kind"))
    faceted = layer_data(base + make(SLAB) + facet_wrap("kind"))
    assert faceted.groupby("PANEL", observed=True)["group"].nunique().tolist() == [2, 2]
    assert render(base + make(SLAB) + facet_wrap("kind"))
    assert render(base + make(SLAB) + coord_flip())
    assert render(base + make(SLAB, position=position_dodge()))


def test_curves_are_the_lines_that_plotnine_draws():
    """Canary: fails when plotnine changes how wide a line of a size is."""
    table = pd.DataFrame({"x": [1.0, 0.0, 2.0, 0.0, 2.0], "y": [5.0, 1.0, 2.0, 3.0, 4.0], "name": list("ababa")})
    plot = ggplot(table, aes("x", "y", color="name"))
    theirs = (plot + geom_line(size=1.5, linetype="dashed", alpha=0.5)).draw().axes[0].lines
    (ours,) = (plot + geom_curves(size=1.5, linetype="dashed", alpha=0.5)).draw().axes[0].collections
    assert len(theirs) == len(ours.get_segments()) == 2
    for i, line in enumerate(theirs):
        np.testing.assert_array_equal(ours.get_segments()[i], line.get_xydata())
        np.testing.assert_allclose(ours.get_colors()[i], to_rgba(line.get_color()), atol=1 / 255)
        assert ours.get_linewidths()[i] == pytest.approx(line.get_linewidth())
    assert ours.get_capstyle() == theirs[0].get_dash_capstyle()
    assert ours.get_joinstyle() == theirs[0].get_dash_joinstyle()
