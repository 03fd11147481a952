"""Tidy data frames to figures in one style, each with the size it is meant for.

Every function returns a `Figure`: a plotnine plot and its size in inches at print, one column
(3.5) or a page (7) wide. Units are strings in a column `id`; if it is categorical its order
holds, otherwise the natural order of the strings (2 before 10).

`labels` maps what an axis shows to what the reader shall read there: `outcome`, `time`, `unit`,
`group` and, where a function says so, more. What is missing falls back to the name of the column or
to the word itself.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import batched
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from plotnine import element_blank, element_line, element_rect, element_text, ggplot, theme, theme_minimal
from plotnine.composition import Compose

from partialpool.figures.letters import supply_letters
from partialpool.jobs.written import written

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

    def save(self, png: str | Path, svg: str | Path) -> None:
        """Write the figure as PNG with 300 dpi and as SVG.

        The same figure gives the same bytes, and a file is whole or not there at all.
        """
        size = theme(figure_size=(self.width, self.height), dpi=300)
        sized = self.plot & size if isinstance(self.plot, Compose) else self.plot + size
        # The salt stands in for the random part of identifiers in an SVG. Text between dollars is text.
        with mpl.rc_context({"svg.hashsalt": "partialpool", "text.parse_math": False}):
            drawn = sized.draw()
            supply_letters(drawn)
            # Titles of axes are texts of the figure: Matplotlib need not find the place of empty labels at each tick.
            for axes in drawn.axes:
                axes.xaxis.set_label_coords(0, 0)
                axes.yaxis.set_label_coords(0, 0)
            # Once for both files, and before: to find the layout itself, Matplotlib draws all of the figure beforehand.
            drawn.get_layout_engine().execute(drawn)
            drawn.set_layout_engine(None)
            with written(png) as temporary:
                # Run-length encoding takes half the time of zlib's default, for files that are a tenth larger.
                drawn.savefig(temporary, dpi=300, pil_kwargs={"compress_type": zlib.Z_RLE})
            with written(svg) as temporary:
                drawn.savefig(temporary, dpi=300, metadata={"Date": None})


def save_all(figures: Iterable[Figure], paths: Sequence[str | Path]) -> None:
    """Make figures and save them, one after the other.

    Parameters
    ----------
    figures
        A generator makes each when it is to be saved.
    paths
        Of each figure that of its PNG and that of its SVG.
    """
    # Figures are made of many small tables. For their text Python's strings are quicker than Arrow's, which pandas
    # takes by default: jobs that draw took 7 to 12 % less time. Not for all jobs, since nutpie takes no such text.
    with pd.option_context("mode.string_storage", "python"):
        for figure, (png, svg) in zip(figures, batched(paths, 2), strict=True):
            figure.save(png, svg)


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
        strip_text=element_text(size=TEXT_SIZE, ha="left", ma="left", x=0, margin={"l": 0, "t": 3, "b": 3}),
    )


def chart(data, mapping, *parts):
    """A plot in the study's theme; ``parts`` are its layers, scales, facets and labels.

    They are added at once, since plotnine copies the whole plot at every `+`; so none of them may be in two places.
    """
    parts = [theme_study(), *parts]
    return ggplot(data, mapping) + parts
