"""Values over a covariate, with intervals."""

import pandas as pd
from plotnine import (
    aes,
    facet_wrap,
    geom_hline,
    geom_line,
    geom_point,
    geom_pointrange,
    geom_ribbon,
    labs,
    position_dodge,
    position_jitter,
    scale_color_manual,
    scale_fill_manual,
)

from partialpool.figures.order import distinct, in_order, natural_key
from partialpool.figures.scales import (
    AXIS_LETTERS,
    axis_label,
    names_height,
    repeated,
    unit_axis,
    wrapped,
    x_numbers,
    y_numbers,
)
from partialpool.figures.theme import COLUMN, GREY, GROUP_COLORS, PAGE, Figure, chart

# With more names below it, a figure of one model is as wide as a page.
MOST_IN_COLUMN = 12


def grid(summary, measurements=None, *, no_difference=None, same_scale=True, labels):
    """Means and 95 % intervals over a covariate.

    Parameters
    ----------
    summary : DataFrame
        Columns `model` (title; a panel each), `x`, `by` (text; the same in all rows for no colours), `mean`, `q2.5`,
        `q97.5`. A numeric `x` has a line with a ribbon, any other points with intervals.
    measurements : DataFrame, optional
        Columns `x`, `by`, `y`: shown behind, in the colours.
    no_difference : float, optional
        Where a dashed line is.
    same_scale : bool
        Whether all models have the same outcome, and so all panels one range of values.
    labels : Mapping
        `x`, `by` and `value`.

    Returns
    -------
    Figure
        One column wide for one model without many categories, else a page.
    """
    models, groups = distinct(summary["model"]), sorted(summary["by"].unique(), key=natural_key)
    summary = in_order(summary, model=models, by=groups).rename(columns={"q2.5": "low", "q97.5": "high"})
    numeric = pd.api.types.is_numeric_dtype(summary["x"])
    if not numeric:
        summary = in_order(summary, x=distinct(summary["x"]))
    names = [] if numeric else list(map(str, summary["x"].cat.categories))
    width = PAGE if len(models) > 1 or len(names) > MOST_IN_COLUMN else COLUMN
    room = width / 2 if len(models) > 1 else width
    x, by = axis_label(labels, "x"), wrapped(labels["by"], AXIS_LETTERS)
    behind = [] if measurements is None else _behind(measurements, summary, groups, numeric)
    line = [] if no_difference is None else [geom_hline(yintercept=no_difference, linetype="dashed", size=0.4)]
    guide = "legend" if len(groups) > 1 else None
    colors = repeated(GROUP_COLORS, len(groups))
    plot = chart(
        summary,
        aes("x", "mean", ymin="low", ymax="high", color="by", fill="by", group="by"),
        *line,
        *behind,
        *(_lines() if numeric else _intervals(len(groups))),
        scale_color_manual(values=colors, guide=guide),
        scale_fill_manual(values=colors, guide=guide),
        *([facet_wrap("model", ncol=2, scales="fixed" if same_scale else "free_y")] if len(models) > 1 else []),
        *([x_numbers(), labs(x=x)] if numeric else unit_axis(names, x, room)),
        y_numbers(),
        labs(y=axis_label(labels, "value"), color=by, fill=by),
    )
    rows = -(-len(models) // 2)
    below = 0.0 if numeric else names_height(names, room)
    return Figure(plot, width, 0.6 + (2.4 + below) * rows)


def _lines() -> list:
    return [geom_ribbon(alpha=0.25, color="none"), geom_line(size=0.8)]


def _intervals(n_groups: int) -> list:
    return [geom_pointrange(position=position_dodge(width=0.4 if n_groups > 1 else 0), size=0.5, fatten=3)]


def _behind(measurements, summary, groups, numeric: bool) -> list:
    """Points of the measurements, those at values of `x` that are shown where it is a category."""
    points = measurements[measurements["by"].isin(groups)]
    if not numeric:
        levels = list(summary["x"].cat.categories)
        points = in_order(points[points["x"].isin(levels)], x=levels)
    points = in_order(points, by=groups)
    jitter = position_jitter(width=0 if numeric else 0.15, height=0, random_state=1)
    look = {} if len(groups) > 1 else {"color": GREY}
    mapping = aes("x", "y", color="by") if len(groups) > 1 else aes("x", "y")
    return [geom_point(mapping, points, inherit_aes=False, position=jitter, size=0.9, stroke=0, alpha=0.4, **look)]
