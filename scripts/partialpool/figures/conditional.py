"""Conditional effects: how the mean of a measurement depends on each predictor."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from plotnine import (
    aes,
    geom_line,
    geom_linerange,
    geom_point,
    geom_ribbon,
    guide_legend,
    labs,
    position_dodge,
    scale_color_manual,
    scale_fill_manual,
    theme,
)
from plotnine.composition import Compose, plot_spacer

from partialpool.figures.order import distinct
from partialpool.figures.scales import LETTER, LINE, names_height, repeated, unit_axis, wrapped, x_numbers, y_numbers
from partialpool.figures.theme import COLUMN, GREY, GROUP_COLORS, PAGE, TEAL, Figure, chart
from partialpool.predict.conditional import Conditional

# More points than this hide the lines.
MOST_POINTS = 1000
PER_ROW = 2
# Letters in a line of a title along a panel, and of the title at its side.
TITLE_LETTERS = 40
OUTCOME_LETTERS = 28
# Column of the measurements, which no predictor can be called.
MEASURED = ""


def conditional(
    effects: Sequence[Conditional], data: pd.DataFrame, *, outcome: str, columns: Mapping[str, str], seed: int
) -> Figure:
    """The conditional effects of a model, a panel a predictor.

    Parameters
    ----------
    effects
        From `predict.conditional.conditional_effects`.
    data
        The measurements, in the column ``MEASURED``, and the predictors. Empty where a measurement is no number.
    outcome
        What the y axis says.
    columns
        Labels of columns.
    seed
        Seed by which ``MOST_POINTS`` measurements are chosen where there are more.

    Returns
    -------
    Figure
        A line with a ribbon over a number, points with intervals over a category, colors for the values of a second
        predictor. Behind them the measurements, and the fainter and wider interval of a new unit.
    """
    points = data.sample(MOST_POINTS, random_state=seed) if len(data) > MOST_POINTS else data
    width = PAGE / PER_ROW if len(effects) > 1 else COLUMN
    both = [_panel(effect, points, outcome=outcome, columns=columns, width=width) for effect in effects]
    panels, heights = [list(of_all) for of_all in zip(*both, strict=True)]
    if len(panels) == 1:
        return Figure(panels[0], COLUMN, 2.8 + heights[0])
    panels += [plot_spacer()] * (-len(panels) % PER_ROW)
    starts = range(0, len(panels), PER_ROW)
    rows = [panels[i] | panels[i + 1] for i in starts]
    plot: Compose = rows[0]
    for row in rows[1:]:
        plot /= row
    return Figure(plot, PAGE, sum(2.7 + max(heights[i : i + PER_ROW]) for i in starts))


def _panel(effect: Conditional, points: pd.DataFrame, *, outcome: str, columns: Mapping[str, str], width: float):
    """A panel, and the inches that names and a legend take beyond a line of each."""
    table, by, height = effect.table, effect.by, 0.0
    look, guide = [TEAL], None
    if by is None:
        table = table.assign(by="")
    else:
        guide, height = _legend(list(map(str, distinct(table["by"]))), width)
        look = repeated(GROUP_COLORS, table["by"].nunique())
    is_number = table["x"].dtype.kind in "iuf"
    draw = _lines if is_number else _intervals
    label = wrapped(columns.get(effect.predictor, effect.predictor), TITLE_LETTERS)
    axis = [x_numbers(), labs(x=label)]
    if not is_number:
        names = list(map(str, distinct(table["x"])))
        axis = unit_axis(names, label, width)
        height += names_height(names, width)
    title = "" if by is None else wrapped(columns.get(by, by), TITLE_LETTERS)
    behind = points[[effect.predictor, MEASURED]].set_axis(["x", "y"], axis=1) if len(points) else None
    if behind is not None and not is_number:
        behind = behind.astype({"x": str})
    plot = chart(
        table,
        aes("x", "mean", color="by", fill="by"),
        *([] if behind is None else [_measurements(behind, is_number)]),
        *draw("new_low" in table),
        scale_color_manual(values=look, guide=guide),
        scale_fill_manual(values=look, guide=guide),
        *axis,
        y_numbers(),
        labs(y=wrapped(outcome, OUTCOME_LETTERS), color=title, fill=title),
        theme(legend_position="top", legend_title_position="top"),
    )
    return plot, height + LINE * label.count("\n")


def _legend(names: list[str], width: float) -> tuple[guide_legend, float]:
    """The legend of a panel so wide, below its title, and the inches that it takes beyond a line."""
    # In points: a key is 25 wide with what is around it.
    columns = int(np.clip(72 * (width - 0.5) / (25 + LETTER * max(map(len, names))), 1, len(names)))
    return guide_legend(ncol=columns), 0.17 * -(-len(names) // columns)


def _measurements(points: pd.DataFrame, is_number: bool):
    return geom_point(
        aes("x", "y"), points, inherit_aes=False, color=GREY, size=1, stroke=0, alpha=0.6 if is_number else 0.3
    )


def _lines(has_new: bool) -> list:
    new = [geom_ribbon(aes(ymin="new_low", ymax="new_high"), alpha=0.12, color=None)] if has_new else []
    return [*new, geom_ribbon(aes(ymin="low", ymax="high"), alpha=0.35, color=None), geom_line(size=0.8)]


def _intervals(has_new: bool) -> list:
    aside = position_dodge(width=0.5)
    new = (
        [geom_linerange(aes(ymin="new_low", ymax="new_high"), alpha=0.35, size=0.4, position=aside)] if has_new else []
    )
    return [
        *new,
        geom_linerange(aes(ymin="low", ymax="high"), size=1.1, position=aside),
        geom_point(size=2, stroke=0, position=aside),
    ]
