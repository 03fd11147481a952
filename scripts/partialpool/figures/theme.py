"""Tidy data frames to figures in one style, each with the size it is meant for.

Every function returns a `Figure`: a plotnine plot and its size in inches at print, one column
(3.5) or a page (7) wide. Units are strings in a column `id`; if it is categorical its order
holds, otherwise the natural order of the strings (2 before 10).

`labels` maps what an axis shows to what the reader shall read there: `outcome`, `time`, `unit`,
`group` and, where a function says so, more. What is missing falls back to the name of the column or
to the word itself.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from mizani.breaks import breaks_extended
from plotnine import (
    element_blank,
    element_line,
    element_rect,
    element_text,
    ggplot,
    labs,
    scale_color_manual,
    scale_x_continuous,
    theme,
    theme_minimal,
)
from plotnine.composition import Compose

TEAL = "#1c5253"
CORAL = "#e07a5f"
GREY = "#8a8a8a"
# Okabe and Ito's palette without black, which is for reference, and yellow, too pale for a line on
# white; the second and third round are darker and lighter, so that 20 units stay apart.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
DARKER = ("#003F63", "#7A3600", "#005A41", "#7F3F62", "#1F6F9C", "#8A5F00")
LIGHTER = ("#4C9CC9", "#E28E4C", "#4CBB9D", "#DBA1C1", "#88CAF0", "#EDBB4C")
UNIT_COLORS = (*OKABE_ITO, *DARKER, *LIGHTER, "#4D4D4D", "#A0A0A0")
GROUP_COLORS = (TEAL, CORAL, *OKABE_ITO)
GROUP_LINETYPES = ("solid", "dashed", "dotted", "dashdot")
GROUP_SHAPES = ("o", "^", "s", "D")
COLUMN = 3.5
PAGE = 7.0
TEXT_SIZE = 8
# More units than this have no room for their names below an axis as wide as a page.
NAMED_UNITS = 40


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


def label(labels, key):
    return labels.get(key, key.capitalize())


def natural(text):
    """Sort key that compares the numbers in a text as numbers."""
    parts = re.split(r"(\d+)", text)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


def levels(values):
    """Different values in categorical order, else in order of appearance."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return list(values.cat.remove_unused_categories().cat.categories)
    return list(values.unique())


def units(ids):
    """Different units in categorical order, else in natural order."""
    units = levels(ids)
    return units if isinstance(ids.dtype, pd.CategoricalDtype) else sorted(units, key=natural)


def units_by_estimate(frame, value):
    """Units by their mean in the first model; those it does not have come last."""
    first = frame[frame["model"] == levels(frame["model"])[0]]
    means = first.groupby("id", observed=True)[value].mean()
    return list(means.reindex(units(frame["id"])).sort_values(kind="stable").index)


def with_order(frame, units):
    return frame.assign(id=pd.Categorical(frame["id"], units))


def in_pairs(frame):
    """Rows of units that have more than one, as there is no line through a single point."""
    return frame[frame.groupby("id", observed=True)["id"].transform("size") > 1]


def cycle(values, n):
    return [values[i % len(values)] for i in range(n)]


def sparse_x():
    """Few breaks, for a small panel; plotnine's labels of a single break lose its decimals."""
    return scale_x_continuous(breaks=breaks_extended(3), labels=lambda breaks: [f"{value:g}" for value in breaks])


def unit_colors(ids):
    return scale_color_manual(values=cycle(UNIT_COLORS, ids.nunique()), guide=None)


def unit_axis(units, title, width):
    """Names of units along the x axis: upright if they are long, none if they are too many."""
    no_grid = theme(panel_grid_major_x=element_blank())
    if len(units) > NAMED_UNITS:
        blank = theme(axis_text_x=element_blank(), axis_ticks_major_x=element_blank())
        return [labs(x=title), no_grid, blank]
    # Points of width: what an axis has for each unit, and what 7 pt text needs for the longest.
    room = 72 * (width - 0.7) / len(units)
    needed = 5 * (max(map(len, units)) + 1)
    upright = theme(axis_text_x=element_text(rotation=90)) if needed > room else theme()
    return [labs(x=title), no_grid, upright]
