"""Axes and colors that several figures share."""

from collections.abc import Mapping, Sequence
from itertools import cycle, islice

import pandas as pd
from mizani.breaks import breaks_extended
from plotnine import (
    element_blank,
    element_text,
    labs,
    scale_color_manual,
    scale_x_continuous,
    scale_x_discrete,
    scale_y_continuous,
    theme,
)

from partialpool.figures.theme import UNIT_COLORS

# More units than this have no room for their names below an axis as wide as a page.
NAMED_UNITS = 40


def axis_label(labels: Mapping[str, str], role: str) -> str:
    """What an axis says of a role: its label, else the word itself."""
    return labels.get(role, role.capitalize())


def repeated(values: Sequence, n: int) -> list:
    """The first ``n`` of the values, from the beginning again where they are fewer."""
    return list(islice(cycle(values), n))


def x_numbers(**options):
    """A continuous x axis without minor breaks: no figure shows them, and each takes the time of a tick."""
    return scale_x_continuous(minor_breaks=None, **options)


def y_numbers(**options):
    """A continuous y axis without minor breaks."""
    return scale_y_continuous(minor_breaks=None, **options)


def few_x_numbers():
    """An x axis with few breaks, but more than one, for a small panel."""
    # Plotnine's own labels of few breaks can lose decimals.
    return x_numbers(breaks=few_breaks, labels=lambda breaks: [f"{value:g}" for value in breaks])


def few_breaks(limits: tuple[float, float]) -> list[float]:
    """About three breaks within the limits; more if there would be only one, from which no scale can be read."""
    low, high = limits
    for wanted in (3, 4, 5, 6):
        breaks = [value for value in breaks_extended(wanted)(limits) if low <= value <= high]
        if len(breaks) > 1:
            break
    return breaks


def unit_colors(ids: pd.Series):
    """A color for each unit, without a legend."""
    return scale_color_manual(values=repeated(UNIT_COLORS, ids.nunique()), guide=None)


def unit_axis(units: list[str], title: str, width: float) -> list:
    """Names of units along the x axis of a figure ``width`` inches wide: upright if long, none if too many."""
    no_grid = theme(panel_grid_major_x=element_blank())
    if len(units) > NAMED_UNITS:
        return [labs(x=title), no_grid, scale_x_discrete(breaks=[])]
    return [labs(x=title), no_grid, upright_if_long(len(units), max(map(len, units)), width)]


def upright_if_long(n_names: int, longest: int, width: float):
    """Upright names on the x axis of a figure ``width`` inches wide if the longest, in characters, has no room."""
    # In points: the room an axis has for each name, and what the longest needs in 7 pt.
    room = 72 * (width - 0.7) / n_names
    return theme(axis_text_x=element_text(rotation=90)) if 5 * (longest + 1) > room else theme()
