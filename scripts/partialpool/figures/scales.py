"""Axes and colors that several figures share."""

import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import cycle, islice

import numpy as np
import pandas as pd
from mizani.breaks import breaks_extended
from mizani.transforms import identity_trans
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

from partialpool.data.notation import LARGE, SMALL, powers, told_apart
from partialpool.figures.theme import UNIT_COLORS

# More units than this have no room for their names below an axis as wide as a page.
NAMED_UNITS = 40
# Of text of 7 to 8 pt: points that a letter takes across, and inches that a line takes.
LETTER = 5
LINE = 0.13
# Letters of a line of an axis label, whose text has 8 pt.
AXIS_LETTERS = 36
# Lines of names have room for so many letters at least, and so many if they are upright.
FEWEST_LETTERS = 10
UPRIGHT_LETTERS = 24
# Longer names end with dots: they would take more room than what is drawn.
MOST_LETTERS, MOST_LINES = 60, 6


def axis_label(labels: Mapping[str, str], role: str) -> str:
    """What an axis says of a role: its label, else the word itself; in lines as long as a low figure is high."""
    return wrapped(labels.get(role, role.capitalize()), AXIS_LETTERS)


def repeated(values: Sequence, n: int) -> list:
    """The first ``n`` of the values, from the beginning again where they are fewer."""
    return list(islice(cycle(values), n))


def x_numbers(**options):
    """A continuous x axis without minor breaks: no figure shows them, and each takes the time of a tick."""
    return scale_x_continuous(minor_breaks=None, **{"labels": numbers} | options)


def y_numbers(**options):
    """A continuous y axis without minor breaks."""
    return scale_y_continuous(minor_breaks=None, **{"labels": numbers} | options)


def numbers(breaks: Sequence[float]) -> list[str]:
    """Breaks of an axis as text: with a power of ten where they are very large or very small."""
    shown = [value for value in breaks if np.isfinite(value)]
    labels = [powers(f"{value:g}") for value in breaks]
    is_plain = SMALL <= max(map(abs, shown), default=1) < LARGE
    return list(identity_trans().format(breaks)) if is_plain or len(set(labels)) < len(labels) else labels


def few_x_numbers():
    """An x axis with few breaks, but more than one, for a small panel."""
    # Plotnine's own labels of few breaks can lose decimals.
    return x_numbers(breaks=few_breaks, labels=lambda breaks: told_apart(breaks, 6))


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
    """Names of units along the x axis of a figure ``width`` inches wide; none if too many. See ``names_below``."""
    no_grid = theme(panel_grid_major_x=element_blank())
    if len(units) > NAMED_UNITS:
        return [labs(x=title), no_grid, scale_x_discrete(breaks=[])]
    return [labs(x=title), no_grid, *names_below(units, width)[0]]


def names_height(units: list[str], width: float) -> float:
    """Inches that ``unit_axis`` takes beyond one line of names."""
    return 0.0 if len(units) > NAMED_UNITS else names_below(units, width)[1]


def names_below(
    names: list[str], width: float, of: Callable[[str], str] = str, unnamed: Collection[str] = ()
) -> tuple[list, float]:
    """Names along the x axis of a figure ``width`` inches wide: in lines where these have room, else upright.

    Parameters
    ----------
    names
        The names.
    width
        Inches.
    of
        The name of a value of the axis, if it is not the value itself.
    unnamed
        Values without a name.

    Returns
    -------
    parts, height
        Parts of a plot, and the inches that names take beyond one line.
    """
    # In points: the room that an axis has for each name.
    room = 72 * (width - 0.7) / len(names)
    letters, lines, longest = int(room / LETTER) - 1, MOST_LINES, max(map(len, names))
    word = max(len(word) for name in names for word in name.split() or [""])
    if is_upright := longest > letters and letters < max(word, FEWEST_LETTERS):
        lines = int(np.clip(room / 72 / LINE, 1, MOST_LINES))
        letters = UPRIGHT_LETTERS if lines > 1 else min(longest, MOST_LETTERS)
    parts = [
        scale_x_discrete(
            breaks=lambda values: [value for value in values if value not in unnamed],
            labels=lambda values: [wrapped(of(value), letters, lines) for value in values],
        )
    ]
    if not is_upright:
        return parts, LINE * max(wrapped(name, letters).count("\n") for name in names)
    upright = theme(axis_text_x=element_text(rotation=90))
    return [*parts, upright], LETTER * min(longest, letters) / 72 - LINE


def wrapped(text: str, letters: int, lines: int = MOST_LINES) -> str:
    """A text in lines of at most so many letters; a name such as ``cor(Intercept,x)`` is cut behind its comma.

    And behind the last colon, as of ``sd(school:class:Intercept)``, where that is not enough. What would take more
    lines ends with dots.
    """
    if len(text) > letters and " " not in text:
        parts = text.split(",")
        text = ", ".join(part if len(part) < letters else ": ".join(part.rsplit(":", 1)) for part in parts)
    cut = textwrap.wrap(text, letters, break_on_hyphens=False, max_lines=lines, placeholder=" …")
    return "\n".join(cut) or text
