"""Sizes of the next study: lines of equal widths and probabilities over numbers of units and measurements."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from mizani.breaks import breaks_extended
from plotnine import aes, facet_wrap, geom_label, geom_path, geom_point, labs, scale_color_manual, scale_x_log10

from partialpool.figures.order import distinct, in_order
from partialpool.figures.scales import y_numbers
from partialpool.figures.theme import COLUMN, CORAL, GREY, PAGE, TEAL, Figure, chart
from partialpool.simulation.answers import CELL, ROPE, SIGN, WIDTH

# Lines of probabilities.
SHARES = (0.2, 0.4, 0.6, 0.8, 0.9)
QUANTITIES = {
    WIDTH: "{}: mean width of the 95 % interval",
    SIGN: "{}: how often the interval does not contain 0",
    ROPE: "{}: how often the interval is outside of its ROPE",
    "observation": "{}: how often it predicts new {measurements} best",
    "unit": "{}: how often it predicts new {units} best",
}
# More sizes than this are not named along an axis, and titles of panels have lines of so many letters.
MANY_BREAKS, LETTERS = 8, 55


def design(
    table: pd.DataFrame, goals: pd.DataFrame, *, titles: Mapping[str, str], nouns: Mapping[str, Sequence[str]]
) -> Figure:
    """Lines of equal value over numbers of units and measurements.

    Parameters
    ----------
    table, goals
        From ``answers``.
    titles
        Titles of models.
    nouns
        What a ``unit`` and a ``measurement`` are called, each one and several.

    Returns
    -------
    Figure
        A panel for each quantity that differs between designs, and for each goal; lines join sizes with the same value,
        found between the designs (grey points) by interpolation. Of a goal the line that is wanted has another colour,
        and a ring is around the smallest design that reaches it.
    """
    words = {f"{kind}s": several for kind, (_, several) in nouns.items()}
    table = table.assign(wanted=np.nan, smallest=False)
    cells, lines = [], []

    def panel(title: str, own: pd.DataFrame, levels: Sequence[float]) -> None:
        title = "\n".join(textwrap.wrap(title, LETTERS))
        cells.append(own.assign(panel=title))
        lines.append(contours(own, levels).assign(panel=title))

    for (name, quantity), own in table.groupby(["name", "quantity"], sort=False):
        levels = breaks_extended(n=6)((own["value"].min(), own["value"].max())) if quantity == WIDTH else SHARES
        if len(contours(own, levels)):
            panel(QUANTITIES[quantity].format(titles.get(name, name), **words), own, levels)
    for goal, own in goals.rename(columns={"probability": "value"}).groupby("goal", sort=False):
        levels, low, high = sorted({*SHARES, own["wanted"].iloc[0]}), own["value"].min(), own["value"].max()
        between = f"{low:.2g} to {high:.2g}" if low < high else f"{low:.2g} everywhere"
        reached = "" if len(contours(own, levels)) else f", {between}"
        panel(f"Goal {goal}: how often it is reached{reached}", own, levels)
    if not cells:
        panel("No quantity differs enough between these designs", table.drop_duplicates(CELL), ())
    return _drawn(pd.concat(cells, ignore_index=True), pd.concat(lines, ignore_index=True), nouns)


def contours(cells: pd.DataFrame, levels: Sequence[float]) -> pd.DataFrame:
    """For each number of measurements, the number of units at which a value reaches each of some levels.

    Parameters
    ----------
    cells
        ``units``, ``measurements`` and ``value`` of each design.
    levels
        In rising order.

    Returns
    -------
    DataFrame
        ``level``, ``measurements``, ``units``: where the value, linear in the logarithm of the number of units between
        two designs, first crosses the level; no row where it does not.
    """
    records = []
    for measurements, own in cells.sort_values("units").groupby("measurements"):
        x, values = np.log(own["units"].to_numpy(dtype=float)), own["value"].to_numpy(dtype=float)
        for level in levels:
            above = values >= level
            crossing = np.flatnonzero(above[1:] != above[:-1])
            if len(crossing):
                i = crossing[0]
                part = (level - values[i]) / (values[i + 1] - values[i])
                records.append((level, measurements, np.exp(x[i] + part * (x[i + 1] - x[i]))))
    found = pd.DataFrame(records, columns=["level", "measurements", "units"])
    return found.astype(float)


def _drawn(cells: pd.DataFrame, lines: pd.DataFrame, nouns: Mapping[str, Sequence[str]]) -> Figure:
    panels = distinct(cells["panel"])
    cells, lines = in_order(cells, panel=panels), in_order(lines, panel=panels)
    lines = lines.merge(cells.groupby("panel", observed=True)["wanted"].first().reset_index(), on="panel")
    lines["is_wanted"] = lines["level"] == lines["wanted"]
    # Each line is named in its middle.
    named = lines.groupby(["panel", "level"], observed=True).apply(lambda own: own.iloc[len(own) // 2]).reset_index()
    units, measurements = (sorted(cells[column].unique()) for column in CELL)
    plot = chart(
        cells,
        aes("units", "measurements"),
        geom_point(color=GREY, size=0.8, stroke=0),
        geom_path(aes(group="level", color="is_wanted"), lines, size=0.6),
        geom_label(aes(label="level", color="is_wanted"), named, format_string="{:.3g}", size=7, label_size=0),
        geom_point(data=cells[cells["smallest"].astype(bool)], color=CORAL, size=3, fill="none", stroke=0.8),
        scale_color_manual(values={False: TEAL, True: CORAL}, guide=None),
        facet_wrap("panel", ncol=2),
        scale_x_log10(minor_breaks=None, **({"breaks": units} if len(units) <= MANY_BREAKS else {})),
        y_numbers(**({"breaks": measurements} if len(measurements) <= MANY_BREAKS else {})),
        labs(x=f"Number of {nouns['unit'][1]}", y=f"Number of {nouns['measurement'][1]} each"),
    )
    return Figure(plot, PAGE if len(panels) > 1 else COLUMN, 0.6 + 2.1 * -(-len(panels) // 2))
