"""Figures of units: their measurements, means and lines."""

import numpy as np
import pandas as pd
from plotnine import (
    aes,
    facet_wrap,
    geom_area,
    geom_hline,
    geom_linerange,
    geom_point,
    geom_segment,
    geom_vline,
    guide_legend,
    labs,
    scale_color_manual,
    scale_fill_manual,
    scale_linetype_manual,
    scale_shape_manual,
)

from partialpool.figures.geoms import (
    SLAB,
    estimate_density,
    geom_curves,
    geom_gradientinterval,
    geom_halfeye,
    slab_intervals,
)
from partialpool.figures.order import distinct, distinct_units, in_order, units_by_estimate
from partialpool.figures.scales import (
    NAMED_UNITS,
    axis_label,
    names_height,
    repeated,
    unit_axis,
    unit_colors,
    x_numbers,
    y_numbers,
)
from partialpool.figures.theme import (
    COLUMN,
    CORAL,
    GREY,
    GROUP_COLORS,
    GROUP_LINETYPES,
    GROUP_SHAPES,
    PAGE,
    TEAL,
    Figure,
    chart,
)


def trajectories(data, *, time, outcome, labels):
    """Points of every unit over time, with a least-squares line for each.

    Parameters
    ----------
    data : DataFrame
        Columns `id`, `time` and `outcome` as named; rows where one of them is missing are left out.
    time, outcome : str
        Names of numeric columns.
    labels : Mapping
        `time` and `outcome`.

    Returns
    -------
    Figure
        One color a unit, no legend. A unit seen at one time only has points and no line.
    """
    points = data[["id", time, outcome]].dropna().set_axis(["id", "x", "y"], axis=1)
    units = distinct_units(points["id"])
    points = in_order(points, id=units)
    own = {"time": time, "outcome": outcome} | dict(labels)
    lines = [
        _least_squares_segment(unit, unit_points)
        for unit, unit_points in points.groupby("id", observed=True)
        if unit_points["x"].nunique() > 1
    ]
    segments = pd.DataFrame(lines, columns=["id", "x", "y", "xend", "yend"])
    plot = chart(
        points,
        aes("x", "y", color="id"),
        geom_point(size=1.2, stroke=0),
        geom_segment(aes(xend="xend", yend="yend"), in_order(segments, id=units), size=0.5),
        unit_colors(points["id"]),
        x_numbers(),
        y_numbers(),
        labs(x=axis_label(own, "time"), y=axis_label(own, "outcome")),
    )
    return Figure(plot, COLUMN, 2.8)


def _least_squares_segment(unit, points):
    slope, intercept = np.polyfit(points["x"], points["y"], 1)
    ends = np.array([points["x"].min(), points["x"].max()], dtype=float)
    start, end = intercept + slope * ends
    return unit, ends[0], start, ends[1], end


def _in_pairs(table):
    """Rows of units that have more than one, as there is no line through a single point."""
    return table[table.groupby("id", observed=True)["id"].transform("size") > 1]


def gradient_intervals(draws, *, labels):
    """Every unit's draws as a gradient with mean and 95 % interval, a panel a model.

    Parameters
    ----------
    draws : DataFrame
        Columns `model` (title; categorical order is the order of the panels), `id`, `value`.
    labels : Mapping
        `outcome` and `unit`.

    Returns
    -------
    Figure
        Units in the order of their mean in the first model, one range of values for all panels.
    """
    models = distinct(draws["model"])
    units = units_by_estimate(draws, "value")
    draws = in_order(draws, id=units, model=models)
    widths = (0.95,) if len(units) > NAMED_UNITS else (0.66, 0.95)
    # A bar is at most an inch high, so that 128 steps are finer than a pixel.
    slabs = slab_intervals(draws, ["model", "id"], widths=widths, n=128)
    plot = chart(
        slabs,
        aes("id"),
        geom_gradientinterval(SLAB, fill=TEAL, alpha=0.6, size=0.25, fatten=4),
        facet_wrap("model", ncol=1),
        y_numbers(),
        labs(y=axis_label(labels, "outcome")),
        *unit_axis(units, f"{axis_label(labels, 'unit')}, ordered by estimate", PAGE),
    )
    return Figure(plot, PAGE, 0.6 + 2.0 * len(models) + names_height(units, PAGE))


def shrinkage(summary, *, grand_mean, labels):
    """Where each unit's mean moves from one model to the next.

    Parameters
    ----------
    summary : DataFrame
        Columns `model` (title; of two models, first without pooling), `id`, `mean`.
    grand_mean : float
        Where the dashed line is.
    labels : Mapping
        `outcome` and `unit`.

    Returns
    -------
    Figure
        Units in the order of their mean in the first model.
    """
    models = distinct(summary["model"])
    units = units_by_estimate(summary, "mean")
    summary = in_order(summary, id=units, model=models)
    plot = chart(
        summary,
        aes("id", "mean"),
        geom_hline(yintercept=grand_mean, linetype="dashed", size=0.4),
        geom_curves(aes(group="id"), _in_pairs(summary), color=GREY, size=0.35),
        geom_point(aes(color="model"), size=1.3, stroke=0),
        scale_color_manual(values=[CORAL, TEAL]),
        y_numbers(),
        labs(y=axis_label(labels, "outcome"), color=""),
        *unit_axis(units, f"{axis_label(labels, 'unit')}, ordered by estimate", PAGE),
    )
    return Figure(plot, PAGE, 2.8 + names_height(units, PAGE))


def half_eyes(draws, *, reference=None, labels):
    """Half-eyes of each unit's draws, of one quantity or of two above each other.

    Parameters
    ----------
    draws : DataFrame
        Columns `id`, `quantity` (one or two; the first of two is coral), `value`.
    reference : float, optional
        Where a dashed line is.
    labels : Mapping
        `outcome` and `unit`.

    Returns
    -------
    Figure
        One column wide for up to five units, else a page. All slabs have the same area, or those of
        a unit where others would be too flat (see ``geom_halfeye``), and the wider of two quantities
        lies below, so it cannot hide the other.
    """
    units = distinct_units(draws["id"])
    quantities = distinct(draws["quantity"])
    colors = dict(zip(quantities, [CORAL, TEAL][-len(quantities) :], strict=True))
    width = COLUMN if len(units) <= 5 else PAGE
    # The widest is drawn first, below the others.
    spread = draws.groupby("quantity", observed=True)["value"].std().reindex(quantities)
    widest_first = list(spread.sort_values(ascending=False, kind="stable").index)
    draws = in_order(draws, id=units, quantity=widest_first)
    line = [] if reference is None else [geom_hline(yintercept=reference, linetype="dashed", size=0.4)]
    # Two guides, as plotnine keeps in each what the scale of its own shows.
    guides = [guide_legend() if len(quantities) > 1 else None for _ in range(2)]
    plot = chart(
        slab_intervals(draws, ["id", "quantity"]),
        aes("id", fill="quantity", color="quantity"),
        *line,
        geom_halfeye(SLAB, alpha=0.5, size=0.4 if width == COLUMN else 0.25),
        scale_fill_manual(values=colors, breaks=quantities, guide=guides[0]),
        scale_color_manual(values=colors, breaks=quantities, guide=guides[1]),
        y_numbers(),
        labs(y=axis_label(labels, "outcome"), fill="", color=""),
        *unit_axis(units, axis_label(labels, "unit"), width),
    )
    return Figure(plot, width, 2.8 + names_height(units, width))


def three_poolings(summary, raw_means, *, grand_mean, labels):
    """No, partial and complete pooling of each unit's mean in one picture.

    Parameters
    ----------
    summary : DataFrame
        Columns `id`, `mean`: partial pooling.
    raw_means : DataFrame
        Columns `id`, `mean`: no pooling.
    grand_mean : float
        Complete pooling.
    labels : Mapping
        `outcome` and `unit`.

    Returns
    -------
    Figure
    """
    poolings = ["No pooling", "Partial pooling"]
    means = pd.concat([raw_means, summary], keys=poolings, names=["pooling"]).reset_index("pooling")
    units = distinct_units(summary["id"])
    means = in_order(means[means["id"].isin(units)], id=units)
    complete = pd.DataFrame({"mean": [grand_mean], "pooling": ["Complete pooling"]})
    plot = chart(
        means,
        aes("id", "mean"),
        geom_hline(aes(yintercept="mean", linetype="pooling"), complete, size=0.4),
        geom_curves(aes(group="id"), _in_pairs(means), color=GREY, size=0.35),
        geom_point(aes(color="pooling"), size=1.5, stroke=0),
        scale_color_manual(values=dict(zip(poolings, ["black", CORAL], strict=True))),
        scale_linetype_manual(values=["dashed"]),
        y_numbers(),
        labs(y=axis_label(labels, "outcome"), color="", linetype=""),
        *unit_axis(units, axis_label(labels, "unit"), PAGE),
    )
    return Figure(plot, PAGE, 2.8 + names_height(units, PAGE))


def fitted_trajectories(summary, *, time, group=None, labels):
    """Fitted values of every unit over time, joined by lines.

    Parameters
    ----------
    summary : DataFrame
        Columns `id`, `time` as named, `mean`, and `group` as named.
    time : str
        Name of a numeric column.
    group : str, optional
        Column that decides color, shape and line type; without it each unit has a color.
    labels : Mapping
        `outcome`, `time` and `group`.

    Returns
    -------
    Figure
        With a legend of the groups, or none.
    """
    summary = in_order(summary, id=distinct_units(summary["id"]))
    points = pd.DataFrame({"id": summary["id"], "x": summary[time], "mean": summary["mean"]})
    if group is None:
        look = aes("x", "mean", color="id", group="id")
        scales = [unit_colors(points["id"])]
    else:
        groups = distinct(summary[group])
        points["by"] = pd.Categorical(summary[group], groups)
        look = aes("x", "mean", color="by", shape="by", linetype="by", group="id")
        title = labels.get("group", group)
        scales = [
            scale_color_manual(values=repeated(GROUP_COLORS, len(groups))),
            scale_shape_manual(values=repeated(GROUP_SHAPES, len(groups))),
            scale_linetype_manual(values=repeated(GROUP_LINETYPES, len(groups))),
            labs(color=title, shape=title, linetype=title),
        ]
    plot = chart(
        points,
        look,
        geom_curves(data=_in_pairs(points), size=0.5),
        geom_point(size=1.2, stroke=0),
        *scales,
        x_numbers(),
        y_numbers(),
        labs(x=axis_label({"time": time} | dict(labels), "time"), y=axis_label(labels, "outcome")),
    )
    return Figure(plot, COLUMN, 3.0)


def intercepts_slopes(effects, correlation, *, labels):
    """Each unit's own intercept and slope, and the posterior of how they correlate.

    Parameters
    ----------
    effects : DataFrame
        Columns `id`, `intercept`, `slope`: means; and the ends of their intervals, `intercept_low`, `intercept_high`,
        `slope_low`, `slope_high`, or none of them.
    correlation : array_like, shape (draws,)
        Draws of the correlation.
    labels : Mapping
        `intercept` and `slope`.

    Returns
    -------
    Figure
        Of two panels; the right one has the whole range of a correlation, with the mean and the
        95 % interval at the foot.
    """
    has_intervals = "slope_low" in effects
    intervals = [
        geom_linerange(aes(ymin="slope_low", ymax="slope_high"), color=GREY, size=0.25, alpha=0.4),
        geom_segment(aes(x="intercept_low", xend="intercept_high", yend="slope"), color=GREY, size=0.25, alpha=0.4),
    ]
    scatter = chart(
        effects,
        aes("intercept", "slope"),
        *(intervals if has_intervals else []),
        geom_point(color=TEAL, size=1 if has_intervals else 0.6, stroke=0, alpha=1 if has_intervals else 0.5),
        x_numbers(),
        y_numbers(),
        labs(x=axis_label(labels, "intercept"), y=axis_label(labels, "slope")),
    )
    correlation = np.asarray(correlation, dtype=float)
    grid, density = estimate_density(correlation, bounds=(-1, 1))
    low, high = np.quantile(correlation, [0.025, 0.975])
    interval = pd.DataFrame({"x": [correlation.mean()], "low": low, "high": high})
    posterior = chart(
        pd.DataFrame({"x": grid, "density": density}),
        aes("x", "density"),
        geom_area(fill=TEAL, alpha=0.5),
        geom_vline(xintercept=0, linetype="dashed", size=0.4),
        geom_segment(aes("low", 0, xend="high", yend=0), interval, color=TEAL, size=1),
        geom_point(aes("x", 0), interval, color=TEAL, size=2, stroke=0),
        x_numbers(limits=(-1, 1), expand=(0, 0.05)),
        y_numbers(),
        labs(x="Correlation of intercept and slope", y="Posterior density"),
    )
    return Figure(scatter | posterior, PAGE, 3.0)
