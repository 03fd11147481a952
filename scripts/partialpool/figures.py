"""Tidy data frames to figures in one style, each with the size it is meant for.

Every function returns a `Figure`: a plotnine plot and its size in inches at print, one column
(3.5) or a page (7) wide. Persons are strings in a column `id`; if it is categorical its order
holds, otherwise the natural order of the strings (2 before 10).

`labels` maps what an axis shows to what the reader shall read there: `outcome`, `time`, `person`,
`group` and, where a function says so, more. What is missing falls back to the name of the column or
to the word itself.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from mizani.breaks import breaks_extended
from plotnine import (
    aes,
    element_blank,
    element_line,
    element_rect,
    element_text,
    expand_limits,
    facet_wrap,
    geom_area,
    geom_col,
    geom_histogram,
    geom_hline,
    geom_line,
    geom_linerange,
    geom_point,
    geom_pointrange,
    geom_segment,
    geom_vline,
    ggplot,
    guide_legend,
    guides,
    labs,
    scale_color_manual,
    scale_fill_manual,
    scale_linetype_manual,
    scale_shape_manual,
    scale_x_continuous,
    scale_y_continuous,
    theme,
    theme_minimal,
)
from plotnine.composition import Compose

from partialpool.geoms import estimate_density, stat_gradientinterval, stat_halfeye

TEAL = "#1c5253"
CORAL = "#e07a5f"
GREY = "#8a8a8a"
# Okabe and Ito's palette without black, which is for reference, and yellow, too pale for a line on
# white; the second and third round are darker and lighter, so that 20 people stay apart.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
DARKER = ("#003F63", "#7A3600", "#005A41", "#7F3F62", "#1F6F9C", "#8A5F00")
LIGHTER = ("#4C9CC9", "#E28E4C", "#4CBB9D", "#DBA1C1", "#88CAF0", "#EDBB4C")
PERSON_COLORS = (*OKABE_ITO, *DARKER, *LIGHTER, "#4D4D4D", "#A0A0A0")
GROUP_COLORS = (TEAL, CORAL, *OKABE_ITO)
GROUP_LINETYPES = ("solid", "dashed", "dotted", "dashdot")
GROUP_SHAPES = ("o", "^", "s", "D")

COLUMN = 3.5
PAGE = 7.0
TEXT_SIZE = 8
# More different values than this are drawn as a density, even if all are whole numbers.
MOST_BARS = 30
RELIABLE = "Every Pareto k is good"
UNRELIABLE = "Some Pareto k are too high: elpd unreliable"
# More people than this have no room for their names below an axis as wide as a page.
NAMED_PEOPLE = 40


@dataclass(frozen=True)
class Figure:
    """A plot and the size it is made for.

    Attributes
    ----------
    plot : plotnine.ggplot or plotnine.composition.Compose
    width, height : float
        Inches.
    """

    plot: ggplot | Compose
    width: float
    height: float


def theme_study():
    """Theme of all figures: no frame, faint lines, no text under 7 pt at print size."""
    small = element_text(size=7)
    return theme_minimal(base_size=TEXT_SIZE, base_family="DejaVu Sans") + theme(
        axis_line=element_line(color="#4d4d4d", size=0.4),
        axis_ticks_major=element_line(color="#4d4d4d", size=0.4),
        axis_ticks_minor=element_blank(),
        axis_text=small,
        axis_title=element_text(size=TEXT_SIZE),
        legend_background=element_blank(),
        legend_key=element_blank(),
        legend_box_spacing=0.005,
        legend_key_size=10,
        legend_position="top",
        legend_text=small,
        legend_title=element_text(size=TEXT_SIZE),
        panel_grid_major=element_line(color="#ebebeb", size=0.3),
        panel_grid_minor=element_blank(),
        panel_spacing=0.03,
        plot_background=element_rect(fill="white", color="white"),
        strip_text=element_text(size=TEXT_SIZE, ha="left", x=0, margin={"l": 0, "t": 3, "b": 3}),
    )


def save(plot, png_path, svg_path, *, width, height):
    """Write a plot as PNG with 300 dpi and as SVG.

    The same plot gives the same bytes, and a file at its final path is always complete.

    Parameters
    ----------
    plot : plotnine.ggplot or plotnine.composition.Compose
        Not changed by this.
    png_path, svg_path : path-like
        In existing folders.
    width, height : float
        Inches.
    """
    size = theme(figure_size=(width, height), dpi=300)
    sized = plot & size if isinstance(plot, Compose) else plot + size
    # The salt stands in for the random part of identifiers in an SVG.
    with mpl.rc_context({"svg.hashsalt": "partialpool"}):
        drawn = sized.draw()
        for path, metadata in ((Path(png_path), {}), (Path(svg_path), {"Date": None})):
            partial = path.with_name(f".{path.name}.{os.getpid()}{path.suffix}")
            try:
                drawn.savefig(partial, dpi=300, metadata=metadata)
                os.replace(partial, path)
            finally:
                partial.unlink(missing_ok=True)
            # The second file has the places of the first: to find them again takes as long as to write it.
            drawn.set_layout_engine("none")


def trajectories(data, *, time, outcome, labels):
    """Points of every person over time, with a least-squares line for each.

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
        One color a person, no legend. A person seen at one time only has points and no line.
    """
    points = data[["id", time, outcome]].dropna().set_axis(["id", "x", "y"], axis=1)
    points = _with_order(points, _people(points["id"]))
    lines = [
        _least_squares_segment(person, person_points)
        for person, person_points in points.groupby("id", observed=True)
        if person_points["x"].nunique() > 1
    ]
    plot = (
        ggplot(points, aes("x", "y", color="id"))
        + geom_point(size=1.2, stroke=0)
        + _person_colors(points["id"])
        + labs(x=labels.get("time", time), y=labels.get("outcome", outcome))
        + theme_study()
    )
    if lines:
        segments = _with_order(pd.DataFrame(lines), points["id"].cat.categories)
        plot += geom_segment(aes(xend="xend", yend="yend"), segments, size=0.5)
    return Figure(plot, COLUMN, 2.8)


def _least_squares_segment(person, points):
    slope, intercept = np.polyfit(points["x"], points["y"], 1)
    ends = np.array([points["x"].min(), points["x"].max()], dtype=float)
    start, end = intercept + slope * ends
    return {"id": person, "x": ends[0], "y": start, "xend": ends[1], "yend": end}


def gradient_intervals(draws, *, labels):
    """Every person's draws as a gradient with mean and 95 % interval, a panel a model.

    Parameters
    ----------
    draws : DataFrame
        Columns `model` (title; categorical order is the order of the panels), `id`, `value`.
    labels : Mapping
        `outcome` and `person`.

    Returns
    -------
    Figure
        Persons in the order of their mean in the first model, one range of values for all panels.
    """
    models = _levels(draws["model"])
    people = _people_by_estimate(draws, "value")
    draws = _with_order(draws, people).assign(model=pd.Categorical(draws["model"], models))
    plot = (
        ggplot(draws, aes("id", "value"))
        + stat_gradientinterval(
            widths=(0.95,) if len(people) > NAMED_PEOPLE else (0.66, 0.95),
            fill=TEAL,
            alpha=0.6,
            size=0.25,
            fatten=4,
        )
        + facet_wrap("model", ncol=1)
        + labs(y=_label(labels, "outcome"))
        + theme_study()
        + _person_axis(people, f"{_label(labels, 'person')}, ordered by estimate", PAGE)
    )
    return Figure(plot, PAGE, 0.6 + 2.0 * len(models))


def shrinkage(summary, *, grand_mean, labels):
    """Where each person's mean moves from one model to the next.

    Parameters
    ----------
    summary : DataFrame
        Columns `model` (title; of two models, first without pooling), `id`, `mean`.
    grand_mean : float
        Where the dashed line is.
    labels : Mapping
        `outcome` and `person`.

    Returns
    -------
    Figure
        Persons in the order of their mean in the first model.
    """
    models = _levels(summary["model"])
    people = _people_by_estimate(summary, "mean")
    summary = _with_order(summary, people).assign(model=pd.Categorical(summary["model"], models))
    plot = (
        ggplot(summary, aes("id", "mean"))
        + geom_hline(yintercept=grand_mean, linetype="dashed", size=0.4)
        + geom_line(aes(group="id"), _in_pairs(summary), color=GREY, size=0.35)
        + geom_point(aes(color="model"), size=1.3, stroke=0)
        + scale_color_manual(values=[CORAL, TEAL])
        + labs(y=_label(labels, "outcome"), color="")
        + theme_study()
        + _person_axis(people, f"{_label(labels, 'person')}, ordered by estimate", PAGE)
    )
    return Figure(plot, PAGE, 2.8)


def half_eyes(draws, *, reference=None, labels):
    """Half-eyes of each person's draws, of one quantity or of two above each other.

    Parameters
    ----------
    draws : DataFrame
        Columns `id`, `quantity` (one or two; the first of two is coral), `value`.
    reference : float, optional
        Where a dashed line is.
    labels : Mapping
        `outcome` and `person`.

    Returns
    -------
    Figure
        One column wide for up to five persons, else a page. All slabs have the same area, and the
        wider of two quantities lies below, so it cannot hide the other.

    Raises
    ------
    ValueError
        If there are more than two quantities.
    """
    people = _people(draws["id"])
    draws = _with_order(draws, people)
    quantities = _levels(draws["quantity"])
    if len(quantities) > 2:
        raise ValueError(f"half_eyes draws one or two quantities, not {len(quantities)}: {quantities}")
    colors = dict(zip(quantities, [CORAL, TEAL][-len(quantities) :], strict=True))
    width = COLUMN if len(people) <= 5 else PAGE
    # The widest is drawn first, below the others.
    spread = draws.groupby("quantity", observed=True)["value"].std().reindex(quantities)
    widest_first = list(spread.sort_values(ascending=False, kind="stable").index)
    draws = draws.assign(quantity=pd.Categorical(draws["quantity"], widest_first))
    plot = ggplot(draws, aes("id", "value", fill="quantity", color="quantity"))
    if reference is not None:
        plot += geom_hline(yintercept=reference, linetype="dashed", size=0.4)
    guide = guide_legend() if len(quantities) > 1 else None
    plot = (
        plot
        + stat_halfeye(alpha=0.5, size=0.4 if width == COLUMN else 0.25)
        + scale_fill_manual(values=colors, breaks=quantities, guide=guide)
        + scale_color_manual(values=colors, breaks=quantities, guide=guide)
        + labs(y=_label(labels, "outcome"), fill="", color="")
        + theme_study()
        + _person_axis(people, _label(labels, "person"), width)
    )
    return Figure(plot, width, 2.8)


def three_poolings(summary, raw_means, *, grand_mean, labels):
    """No, partial and complete pooling of each person's mean in one picture.

    Parameters
    ----------
    summary : DataFrame
        Columns `id`, `mean`: partial pooling.
    raw_means : DataFrame
        Columns `id`, `mean`: no pooling.
    grand_mean : float
        Complete pooling.
    labels : Mapping
        `outcome` and `person`.

    Returns
    -------
    Figure
    """
    poolings = ["No pooling", "Partial pooling"]
    means = pd.concat([raw_means, summary], keys=poolings, names=["pooling"]).reset_index("pooling")
    people = _people(summary["id"])
    means = _with_order(means[means["id"].isin(people)], people)
    complete = pd.DataFrame({"mean": [grand_mean], "pooling": ["Complete pooling"]})
    plot = (
        ggplot(means, aes("id", "mean"))
        + geom_hline(aes(yintercept="mean", linetype="pooling"), complete, size=0.4)
        + geom_line(aes(group="id"), _in_pairs(means), color=GREY, size=0.35)
        + geom_point(aes(color="pooling"), size=1.5, stroke=0)
        + scale_color_manual(values=dict(zip(poolings, ["black", CORAL], strict=True)))
        + scale_linetype_manual(values=["dashed"])
        + labs(y=_label(labels, "outcome"), color="", linetype="")
        + theme_study()
        + _person_axis(people, _label(labels, "person"), PAGE)
    )
    return Figure(plot, PAGE, 2.8)


def fitted_trajectories(summary, *, time, group=None, labels):
    """Fitted values of every person over time, joined by lines.

    Parameters
    ----------
    summary : DataFrame
        Columns `id`, `time` as named, `mean`, and `group` as named.
    time : str
        Name of a numeric column.
    group : str, optional
        Column that decides color, shape and line type; without it each person has a color.
    labels : Mapping
        `outcome`, `time` and `group`.

    Returns
    -------
    Figure
        With a legend of the groups, or none.
    """
    summary = _with_order(summary, _people(summary["id"]))
    points = pd.DataFrame({"id": summary["id"], "x": summary[time], "mean": summary["mean"]})
    if group is None:
        look = aes("x", "mean", color="id", group="id")
        scales = [_person_colors(points["id"])]
    else:
        groups = _levels(summary[group])
        points["by"] = pd.Categorical(summary[group], groups)
        look = aes("x", "mean", color="by", shape="by", linetype="by", group="id")
        title = labels.get("group", group)
        scales = [
            scale_color_manual(values=_cycle(GROUP_COLORS, len(groups))),
            scale_shape_manual(values=_cycle(GROUP_SHAPES, len(groups))),
            scale_linetype_manual(values=_cycle(GROUP_LINETYPES, len(groups))),
            labs(color=title, shape=title, linetype=title),
        ]
    plot = (
        ggplot(points, look)
        + geom_line(data=_in_pairs(points), size=0.5)
        + geom_point(size=1.2, stroke=0)
        + scales
        + labs(x=labels.get("time", time), y=_label(labels, "outcome"))
        + theme_study()
    )
    return Figure(plot, COLUMN, 3.0)


def intercepts_slopes(effects, correlation, *, labels):
    """Each person's own intercept and slope, and the posterior of how they correlate.

    Parameters
    ----------
    effects : DataFrame
        Columns `id`, `intercept`, `intercept_low`, `intercept_high`, `slope`, `slope_low`,
        `slope_high`: means and ends of intervals.
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
    scatter = (
        ggplot(effects, aes("intercept", "slope"))
        + geom_linerange(aes(ymin="slope_low", ymax="slope_high"), color=GREY, size=0.25, alpha=0.4)
        + geom_segment(
            aes(x="intercept_low", xend="intercept_high", yend="slope"),
            color=GREY,
            size=0.25,
            alpha=0.4,
        )
        + geom_point(color=TEAL, size=1, stroke=0)
        + labs(x=_label(labels, "intercept"), y=_label(labels, "slope"))
        + theme_study()
    )
    correlation = np.asarray(correlation, dtype=float)
    grid, density = estimate_density(correlation, bounds=(-1, 1))
    low, high = np.quantile(correlation, [0.025, 0.975])
    interval = pd.DataFrame({"x": [correlation.mean()], "low": low, "high": high})
    posterior = (
        ggplot(pd.DataFrame({"x": grid, "density": density}), aes("x", "density"))
        + geom_area(fill=TEAL, alpha=0.5)
        + geom_vline(xintercept=0, linetype="dashed", size=0.4)
        + geom_segment(aes("low", 0, xend="high", yend=0), interval, color=TEAL, size=1)
        + geom_point(aes("x", 0), interval, color=TEAL, size=2, stroke=0)
        + scale_x_continuous(limits=(-1, 1), expand=(0, 0.05))
        + labs(x="Correlation of intercept and slope", y="Posterior density")
        + theme_study()
    )
    return Figure(scatter | posterior, PAGE, 3.0)


def diagnostics(draws, energy, *, labels):
    """Traces, ranks by chain and energy: whether the sampler can be believed.

    Parameters
    ----------
    draws : DataFrame
        Columns `parameter` (categorical order is the order of the panels), `chain`, `draw` and
        `value`.
    energy : DataFrame
        Columns `chain`, `energy`, in the order of the draws.
    labels : Mapping
        From names of parameters to what the strips say.

    Returns
    -------
    Figure
        Three rows. Traces are thinned to what the eye can see. Ranks are shown as the empirical
        distribution function of each chain's draws among the draws of all chains, less what equal
        chains would have: a chain that is too high lies below zero, one too wide crosses it. The
        energies of a chain should be spread no wider than the steps between them.
    """
    parameters = _levels(draws["parameter"])
    strips = [labels.get(parameter, parameter) for parameter in parameters]
    chains = sorted(draws["chain"].astype(str).unique(), key=_natural)
    draws = pd.DataFrame(
        {
            "parameter": pd.Categorical(draws["parameter"].map(dict(zip(parameters, strips, strict=True))), strips),
            "chain": pd.Categorical(draws["chain"].astype(str), chains),
            "draw": draws["draw"],
            "value": draws["value"],
        }
    )
    per_row = min(len(parameters), 4)
    by_chain = scale_color_manual(values=_cycle(OKABE_ITO, len(chains)))
    trace = (
        ggplot(_thin(draws), aes("draw", "value", color="chain"))
        + geom_line(size=0.25, alpha=0.8)
        + facet_wrap("parameter", ncol=per_row, scales="free_y")
        + by_chain
        + guides(color=guide_legend(override_aes={"size": 1.2, "alpha": 1}))
        + scale_x_continuous(breaks=breaks_extended(3))
        + labs(x="Draw", y="Value", color="Chain")
        + theme_study()
    )
    rank = (
        ggplot(_ecdf_differences(draws), aes("share", "difference", color="chain"))
        + geom_hline(yintercept=0, linetype="dashed", size=0.4)
        + geom_line(size=0.5, show_legend=False)
        + facet_wrap("parameter", ncol=per_row)
        # A tenth is the least that matters; noise below it should look as small as it is.
        + expand_limits(y=(-0.1, 0.1))
        + by_chain
        + scale_x_continuous(breaks=[0, 0.5, 1], labels=["0", "0.5", "1"])
        + labs(x="Rank among all draws", y="ECDF difference")
        + theme_study()
    )
    energies = (
        ggplot(_energy_densities(energy), aes("energy", "density", fill="kind", color="kind"))
        + geom_area(alpha=0.35, position="identity", size=0.4)
        + facet_wrap("chain", nrow=1)
        + scale_fill_manual(values=[TEAL, CORAL])
        + scale_color_manual(values=[TEAL, CORAL])
        + _sparse_x()
        + scale_y_continuous(breaks=[])
        + labs(x="Energy, centered", y="Density", fill="", color="")
        + theme_study()
    )
    rows = -(-len(parameters) // per_row)
    return Figure(trace / rank / energies, PAGE, 3 * (0.8 + 0.8 * rows))


def _thin(draws, keep=250):
    """Every k-th draw, such that each chain keeps about as many as a panel can show."""
    number = draws.groupby(["parameter", "chain"], observed=True).cumcount()
    return draws[number % max(1, (number.max() + 1) // keep) == 0]


def _ecdf_differences(draws):
    shares = np.linspace(0, 1, 101)
    ranks = draws.groupby("parameter", observed=True)["value"].rank(pct=True)
    curves = []
    keys = [draws["parameter"], draws["chain"]]
    for (parameter, chain), own in ranks.groupby(keys, observed=True):
        below = np.searchsorted(np.sort(own), shares, side="right") / len(own)
        curve = {"share": shares, "difference": below - shares}
        curves.append(pd.DataFrame(curve).assign(parameter=parameter, chain=chain))
    curves = pd.concat(curves, ignore_index=True)
    return curves.astype({"parameter": draws["parameter"].dtype, "chain": draws["chain"].dtype})


def _energy_densities(energy):
    kinds = ["Energy", "Step between draws"]
    curves = []
    for chain, own in energy.groupby("chain", observed=True)["energy"]:
        for kind, values in zip(kinds, (own - own.mean(), own.diff().dropna()), strict=True):
            grid, density = estimate_density(values)
            curve = {"energy": grid, "density": density}
            curves.append(pd.DataFrame(curve).assign(kind=kind, chain=f"Chain {chain}"))
    curves = pd.concat(curves, ignore_index=True)
    chains = sorted(curves["chain"].unique(), key=_natural)
    return curves.assign(kind=pd.Categorical(curves["kind"], kinds), chain=pd.Categorical(curves["chain"], chains))


def posterior_predictive(observed, replicated, *, labels):
    """Data and what the model would have given instead: distribution and test quantities.

    Parameters
    ----------
    observed : array_like, shape (n,)
        The data.
    replicated : array_like, shape (s, n)
        Data sets drawn from the posterior predictive distribution.
    labels : Mapping
        `outcome`.

    Returns
    -------
    Figure
        Left, densities of the data and of up to 50 replicated data sets; if all values are whole
        numbers, the share of each value, with the mean and the central 95 % of the replicated ones.
        Right, test quantities that vary, with the probability that a replicated one is at least as
        large as the observed one.
    """
    observed = np.asarray(observed, dtype=float)
    replicated = np.asarray(replicated, dtype=float)
    values = np.unique(np.concatenate([observed, replicated.ravel()]))
    discrete = len(values) <= MOST_BARS and np.all(values == np.round(values))
    draw = _compare_shares if discrete else _compare_densities
    distribution = draw(observed, replicated) + theme_study()
    distribution += labs(x=_label(labels, "outcome"), color="", fill="")
    return Figure(distribution | _test_quantities(observed, replicated), PAGE, 3.0)


def _compare_densities(observed, replicated):
    chosen = np.linspace(0, len(replicated) - 1, min(50, len(replicated))).astype(int)
    curves = [("Replicated", values) for values in replicated[chosen]] + [("Observed", observed)]
    frames = []
    for curve, (data, values) in enumerate(curves):
        grid, density = estimate_density(values)
        frames.append(pd.DataFrame({"y": grid, "density": density}).assign(data=data, curve=curve))
    curves = pd.concat(frames, ignore_index=True)
    is_observed = curves["data"] == "Observed"
    return (
        ggplot(curves, aes("y", "density", color="data", group="curve"))
        + geom_line(data=curves[~is_observed], size=0.25, alpha=0.5)
        + geom_line(data=curves[is_observed], size=0.9)
        + scale_color_manual(values={"Observed": TEAL, "Replicated": CORAL})
        + guides(color=guide_legend(override_aes={"size": 1, "alpha": 1}))
        + labs(y="Density")
    )


def _compare_shares(observed, replicated):
    values = np.unique(np.concatenate([observed, replicated.ravel()]))
    shares = np.stack([(replicated == value).mean(axis=1) for value in values])
    low, high = np.quantile(shares, [0.025, 0.975], axis=1)
    frame = pd.DataFrame(
        {
            "y": values,
            "share": [(observed == value).mean() for value in values],
            "mean": shares.mean(axis=1),
            "low": low,
            "high": high,
        }
    )
    breaks = {"breaks": values} if len(values) <= 8 else {}
    return (
        ggplot(frame, aes("y"))
        + geom_col(aes(y="share", fill="'Observed'"), width=0.8, alpha=0.5)
        + geom_pointrange(aes(y="mean", ymin="low", ymax="high", color="'Replicated'"), size=0.4, fatten=3)
        + scale_fill_manual(values=[TEAL])
        + scale_color_manual(values=[CORAL])
        + scale_x_continuous(**breaks)
        + labs(y="Share")
    )


def _test_quantities(observed, replicated):
    frames, marks = [], []
    for name, quantity in TEST_QUANTITIES.items():
        ours, theirs = float(quantity(observed)), quantity(replicated)
        if np.ptp(theirs) == 0 and theirs[0] == ours:
            continue
        strip = f"{name}, p = {np.mean(theirs >= ours):.2f}"
        frames.append(pd.DataFrame({"value": theirs, "quantity": strip}))
        marks.append({"value": ours, "quantity": strip})
    quantities, marks = pd.concat(frames, ignore_index=True), pd.DataFrame(marks)
    return (
        ggplot(_in_appearance(quantities), aes("value"))
        + geom_histogram(bins=15, fill=CORAL, alpha=0.6)
        + geom_vline(aes(xintercept="value"), _in_appearance(marks), color=TEAL, size=0.9)
        + facet_wrap("quantity", scales="free", ncol=2)
        + _sparse_x()
        + scale_y_continuous(breaks=[])
        + labs(x="Test quantity", y="Replicated data sets")
        + theme_study()
        + theme(panel_spacing=0.05)
    )


def _skewness(values):
    centered = values - values.mean(axis=-1, keepdims=True)
    variance = (centered**2).mean(axis=-1)
    cubed = (centered**3).mean(axis=-1)
    return np.divide(cubed, variance**1.5, out=np.zeros_like(cubed), where=variance > 0)


TEST_QUANTITIES = {
    "SD": lambda values: values.std(axis=-1),
    "Skewness": _skewness,
    "Minimum": lambda values: values.min(axis=-1),
    "Maximum": lambda values: values.max(axis=-1),
}


ESTIMANDS = {"observation": "New measurement", "person": "New person"}


def comparison(table, *, labels):
    """Models by expected log predictive density, and by what they lose to the best.

    Parameters
    ----------
    table : DataFrame
        Columns `model` (title), `estimand` (`observation`, `person`), `rank`, `elpd_loo`, `se_elpd_loo`,
        `elpd_diff`, `se_diff`, `bad_pareto_k` (number of observations whose Pareto k is too high).
    labels : Mapping
        `model`.

    Returns
    -------
    Figure
        The model that predicts new measurements best on top, one standard error to each side; a row of panels for
        each estimand. Models with a bad Pareto k are hollow, and then a legend says so.
    """
    best_last = list(table.drop_duplicates("model").sort_values("rank", ascending=False)["model"])
    columns = {"elpd ± SE": ("elpd_loo", "se_elpd_loo"), "difference ± SE": ("elpd_diff", "se_diff")}
    estimands = [estimand for estimand in ESTIMANDS if (table["estimand"] == estimand).any()]
    panels = [f"{ESTIMANDS[estimand]}: {column}" for estimand in estimands for column in columns]
    frames = [
        pd.DataFrame(
            {
                "model": pd.Categorical(part["model"], best_last),
                "panel": f"{ESTIMANDS[estimand]}: {column}",
                "value": part[value],
                "low": part[value] - part[error],
                "high": part[value] + part[error],
                "reliable": np.where(part["bad_pareto_k"] > 0, UNRELIABLE, RELIABLE),
            }
        )
        for estimand in estimands
        for part in [table[table["estimand"] == estimand]]
        for column, (value, error) in columns.items()
    ]
    estimates = pd.concat(frames, ignore_index=True)
    estimates["panel"] = pd.Categorical(estimates["panel"], panels)
    no_difference = pd.DataFrame({"panel": pd.Categorical(panels[1::2], panels), "at": 0})
    guide = guide_legend() if (table["bad_pareto_k"] > 0).any() else None
    plot = (
        ggplot(estimates, aes("value", "model"))
        + geom_vline(aes(xintercept="at"), no_difference, linetype="dashed", size=0.4)
        + geom_segment(aes("low", xend="high", yend="model"), color=TEAL, size=0.6)
        + geom_point(aes(fill="reliable"), color=TEAL, size=2, stroke=0.5)
        + scale_fill_manual(values={RELIABLE: TEAL, UNRELIABLE: "white"}, guide=guide)
        + facet_wrap("panel", scales="free_x", ncol=2)
        + labs(x="Expected log predictive density", y=labels.get("model", ""), fill="")
        + theme_study()
    )
    return Figure(plot, PAGE, 0.7 + (0.5 + 0.28 * len(best_last)) * len(estimands))


def _label(labels, key):
    return labels.get(key, key.capitalize())


def _natural(text):
    """Sort key that compares the numbers in a text as numbers."""
    parts = re.split(r"(\d+)", text)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


def _levels(values):
    """Different values in categorical order, else in order of appearance."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return list(values.cat.remove_unused_categories().cat.categories)
    return list(values.unique())


def _people(ids):
    """Different persons in categorical order, else in natural order."""
    people = _levels(ids)
    return people if isinstance(ids.dtype, pd.CategoricalDtype) else sorted(people, key=_natural)


def _people_by_estimate(frame, value):
    """Persons by their mean in the first model; those it does not have come last."""
    first = frame[frame["model"] == _levels(frame["model"])[0]]
    means = first.groupby("id", observed=True)[value].mean()
    return list(means.reindex(_people(frame["id"])).sort_values(kind="stable").index)


def _in_appearance(frame):
    return frame.assign(quantity=pd.Categorical(frame["quantity"], _levels(frame["quantity"])))


def _with_order(frame, people):
    return frame.assign(id=pd.Categorical(frame["id"], people))


def _in_pairs(frame):
    """Rows of persons that have more than one, as there is no line through a single point."""
    return frame[frame.groupby("id", observed=True)["id"].transform("size") > 1]


def _cycle(values, n):
    return [values[i % len(values)] for i in range(n)]


def _sparse_x():
    """Few breaks, for a small panel; plotnine's labels of a single break lose its decimals."""
    return scale_x_continuous(breaks=breaks_extended(3), labels=lambda breaks: [f"{value:g}" for value in breaks])


def _person_colors(ids):
    return scale_color_manual(values=_cycle(PERSON_COLORS, ids.nunique()), guide=None)


def _person_axis(people, title, width):
    """Names of persons along the x axis: upright if they are long, none if they are too many."""
    no_grid = theme(panel_grid_major_x=element_blank())
    if len(people) > NAMED_PEOPLE:
        blank = theme(axis_text_x=element_blank(), axis_ticks_major_x=element_blank())
        return [labs(x=title), no_grid, blank]
    # Points of width: what an axis has for each person, and what 7 pt text needs for the longest.
    room = 72 * (width - 0.7) / len(people)
    needed = 5 * (max(map(len, people)) + 1)
    upright = theme(axis_text_x=element_text(rotation=90)) if needed > room else theme()
    return [labs(x=title), no_grid, upright]
