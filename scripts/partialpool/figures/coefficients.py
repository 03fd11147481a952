"""Estimates of the population: common coefficients, standard deviations, correlations."""

from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd
from plotnine import aes, facet_wrap, geom_point, geom_segment, geom_vline, labs, scale_y_discrete

from partialpool.figures.order import distinct, in_order
from partialpool.figures.scales import LINE, few_x_numbers, wrapped
from partialpool.figures.theme import COLUMN, PAGE, TEAL, Figure, chart
from partialpool.model import parameters
from partialpool.model.names import INTERCEPT

PANELS = (
    *("Intercept", "Thresholds", "Coefficients", "Smaller coefficients"),
    *("Standard deviations", "Other standard deviations", "Correlations", "Other parameters"),
)
# Parameters of which 0 is a value like others; a line is drawn there.
AROUND_ZERO = ("Coefficients", "Smaller coefficients", "Correlations")
# A coefficient so many times as small as the largest one would be a dot on the line at 0, whatever its interval.
SMALLER = 50
# More coefficients than this would make the panels of all other parameters as high as theirs.
MOST_IN_GRID = 4
# Inches that a parameter takes, letters in a line of a name beside an axis, and of a name above a third of a page.
ROW = 0.17
NAME_LETTERS = 28
STRIP_LETTERS = 24


def of_population(posterior, *, unit: str) -> pd.DataFrame:
    """Intervals of the common coefficients and the scales of a fit.

    Parameters
    ----------
    posterior
        Dataset of a fit.
    unit
        Column of the unit. Where each unit has a common coefficient of its own, there are too many of them here.

    Returns
    -------
    DataFrame
        ``parameter``, ``in_full`` (its name with the grouping factor), ``panel`` (one of ``PANELS``), ``mean``, and the
        ends of the 66 and 95 % equal-tailed intervals, ``q17``, ``q83``, ``q2.5``, ``q97.5``.
    """
    rows = []
    both = zip(parameters.of(posterior), parameters.of(posterior, factors=True), strict=True)
    for parameter, in_full in both:
        if parameter.kind != "group" and parameter.variable != unit:
            named = {"parameter": parameter.name, "in_full": in_full.name, "panel": _panel(parameter)}
            rows.append(named | intervals(parameter.draws(posterior)))
    numbers = ["mean", "q2.5", "q17", "q83", "q97.5"]
    table = pd.DataFrame(rows, columns=["parameter", "in_full", "panel", *numbers])
    # Also of a model that has no such parameters, whose table is empty.
    return table.astype(dict.fromkeys(numbers, float))


def intervals(draws: np.ndarray) -> dict[str, float]:
    """Mean and ends of the two intervals of some draws."""
    low, inner_low, inner_high, high = np.quantile(draws, [0.025, 0.17, 0.83, 0.975])
    return {"mean": draws.mean(), "q2.5": low, "q17": inner_low, "q83": inner_high, "q97.5": high}


def _panel(parameter: parameters.Parameter) -> str:
    of_variable = {INTERCEPT: "Intercept", "threshold": "Thresholds"}
    if parameter.variable in of_variable:
        return of_variable[parameter.variable]
    # Those of slopes are of another unit than those of intercepts and residuals, and often much smaller.
    if parameter.kind == "sd" and not parameter.name.endswith(f"{INTERCEPT})"):
        return "Other standard deviations"
    by_kind = {"common": "Coefficients", "sd": "Standard deviations", "cor": "Correlations"}
    other = "Standard deviations" if parameter.name == "sigma" else "Other parameters"
    return by_kind.get(parameter.kind, other)


def coefficients(estimates: pd.DataFrame) -> Figure:
    """Estimates of one model with their intervals, a panel a kind of parameter.

    Parameters
    ----------
    estimates
        From `of_population`.

    Returns
    -------
    Figure
        Panels have ranges of their own, since their parameters have different units; coefficients of predictors may
        differ in it too, and small ones stand apart. In each the parameters are in the order of the table, the first on
        top. Many coefficients stand in a column beside all others.
    """
    estimates = _smaller_apart(estimates)
    panels = [panel for panel in PANELS if (estimates["panel"] == panel).any()]
    many = (estimates["panel"] == "Coefficients").sum() > MOST_IN_GRID and len(panels) > 1
    if not many:
        columns = min(len(panels), 2)
        plot, height = _panels(estimates, panels, columns)
        return Figure(plot, PAGE if columns > 1 else COLUMN, height)
    others, height = _panels(estimates, [panel for panel in panels if panel != "Coefficients"], 1)
    beside, needed = _panels(estimates, ["Coefficients"], 1)
    return Figure(others | beside, PAGE, max(height, needed))


def _smaller_apart(estimates: pd.DataFrame) -> pd.DataFrame:
    """Estimates with a panel of their own for coefficients that are far smaller than others."""
    reach = estimates[["q2.5", "q97.5"]].abs().max(axis=1)
    is_coefficient = estimates["panel"] == "Coefficients"
    is_smaller = is_coefficient & (reach * SMALLER < reach[is_coefficient].max())
    return estimates.assign(panel=estimates["panel"].mask(is_smaller, "Smaller coefficients"))


def _panels(estimates: pd.DataFrame, panels: list[str], columns: int):
    """Panels of a kind of parameter each, and their height in inches."""
    estimates = estimates[estimates["panel"].isin(panels)]
    estimates = in_order(estimates, panel=panels, parameter=distinct(estimates["parameter"])[::-1])
    plot = _forest(
        estimates,
        "parameter",
        _zero("panel", panels, AROUND_ZERO),
        facet_wrap("panel", ncol=columns, scales="free"),
        scale_y_discrete(labels=lambda names: [wrapped(name, NAME_LETTERS) for name in names]),
    )
    most = estimates.groupby("panel", observed=True).size().max()
    rows = -(-len(panels) // columns)
    return plot, 0.4 + rows * (0.45 + max(most, 2) * _row(estimates["parameter"]))


def _row(names: Iterable[str]) -> float:
    """Inches that each of some parameters or models takes beside an axis with their names."""
    return ROW + LINE * max(wrapped(name, NAME_LETTERS).count("\n") for name in names)


def side_by_side(estimates: pd.DataFrame) -> Figure:
    """Estimates of several models with their intervals, a panel a parameter.

    Parameters
    ----------
    estimates
        Those of `of_population`, and ``model``, the title; its order is that of the models, the first on top.

    Returns
    -------
    Figure
        Each parameter has a range of its own. A model that lacks a parameter has no interval there.
    """
    # Where one of the models has several grouping factors, all of them name theirs.
    named = (estimates["parameter"] == estimates["in_full"]) & estimates["in_full"].str.match(r"(sd|cor)\(")
    if named.any():
        estimates = estimates.assign(parameter=estimates["in_full"])
    models = distinct(estimates["model"])
    shown = list(in_order(estimates, panel=list(PANELS)).sort_values("panel", kind="stable")["parameter"].unique())
    around_zero = estimates.loc[estimates["panel"].isin(AROUND_ZERO), "parameter"].unique()
    estimates = in_order(estimates, parameter=shown, model=models[::-1])
    # Long names stand above wider panels, in several lines.
    columns = min(len(shown), 3 if max(map(len, shown)) <= STRIP_LETTERS else 2)
    letters = 3 * STRIP_LETTERS // max(columns, 2)
    plot = _forest(
        estimates,
        "model",
        _zero("parameter", shown, around_zero),
        facet_wrap("parameter", ncol=columns, scales="free_x", labeller=lambda name: wrapped(name, letters)),
        scale_y_discrete(limits=models[::-1], labels=lambda names: [wrapped(name, NAME_LETTERS) for name in names]),
    )
    lines = max(wrapped(name, letters).count("\n") for name in shown)
    rows = -(-len(shown) // columns)
    return Figure(plot, PAGE, 0.4 + rows * (0.5 + LINE * lines + len(models) * _row(models)))


def _zero(by: str, panels: list[str], around_zero: Collection[str]) -> list:
    """A line at 0 in those panels where 0 is a value like others."""
    lines = pd.DataFrame({by: [panel for panel in panels if panel in around_zero]})
    lines = in_order(lines.assign(at=0.0), **{by: panels})
    return [geom_vline(aes(xintercept="at"), lines, linetype="dashed", size=0.4)] if len(lines) else []


def _forest(estimates: pd.DataFrame, y: str, zero: list, *parts):
    """Means with the wide interval and the narrow one on it, a row for each value of ``y``, over the lines at 0."""
    ranges = [
        geom_segment(aes(low, xend=high, yend=y), color=TEAL, size=size)
        for low, high, size in (("q2.5", "q97.5", 0.5), ("q17", "q83", 1.3))
    ]
    return chart(
        estimates,
        aes("mean", y, group=1),
        *zero,
        *ranges,
        geom_point(color=TEAL, fill="white", size=1.8, stroke=0.4),
        *parts,
        few_x_numbers(),
        labs(x="Estimate", y=""),
    )
