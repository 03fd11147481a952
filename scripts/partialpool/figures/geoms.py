"""Half-eyes, gradient intervals and curves, for plotnine.

Draws come in long format, a row for each. `slab_intervals` makes a table of them in which each group of draws has its
density, its mean and its intervals; `geom_halfeye` and `geom_gradientinterval` draw that table::

    slabs = slab_intervals(draws, ["id"])
    ggplot(slabs, aes("id")) + geom_halfeye(SLAB)
"""

from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.colors import to_rgba_array
from plotnine import aes, geom_line, geom_linerange, geom_point, geom_polygon, geom_vline
from plotnine.geoms.geom import geom

# Relative thickness of an interval line to the next wider one.
THICKENING = 2.5
# Share of the draws that a slab leaves out at each end: one draw far away from all others would leave them no room.
BEYOND = 0.001
# A slab ends where its thickness is less than this share of the largest: nobody sees it, and it would take room.
SEEN = 0.003
# A density is estimated at so many times the points of its slab, which may be a small part of where draws are.
FINER = 8
# ASSUME: slabs have one area, unless the highest at one x would have less than this share of the height of those at
# another: nobody would see them.
FLATTEST = 0.15
# Width of a line in points for a plotnine size of 1. Plotnine exports no name for it; a test compares widths.
POINTS_PER_SIZE = np.sqrt(np.pi)


def estimate_density(values, *, n=256, bounds=(-np.inf, np.inf)):
    """Estimate a density with a Gaussian kernel, from binned values.

    Values are counted on a grid first, so that the time hardly depends on their number.

    Parameters
    ----------
    values : array_like, shape (m,)
        Finite values.
    n : int
        Number of points of the grid.
    bounds : (float, float)
        No value lies beyond them. Mass that the kernel puts there is reflected inside, so that the
        estimate does not drop at a bound.

    Returns
    -------
    grid, density : ndarray, shape (n,)
        The grid reaches three bandwidths beyond the values, or to the bounds; the integral of the
        density over it is 1. Both are empty if the values do not vary: then there is no density.
    """
    # `array_stats.kde` of arviz_stats does the same, but its import costs `draw_figures` 0.7 s, a fifth of that job.
    values = np.asarray(values, dtype=float)
    bandwidth = _bandwidth(values)
    if bandwidth <= 1e-12 * np.abs(values).max():
        return np.empty(0), np.empty(0)

    low = max(values.min() - 3 * bandwidth, bounds[0])
    high = min(values.max() + 3 * bandwidth, bounds[1])
    grid, step = np.linspace(low, high, n, retstep=True)

    # Each value is shared between its two neighbours on the grid: a plain histogram would shift
    # values by up to half a step.
    position = np.clip((values - low) / step, 0, n - 1)
    below = np.minimum(position.astype(int), n - 2)
    share = position - below
    counts = np.bincount(below, 1 - share, minlength=n) + np.bincount(below + 1, share, minlength=n)

    reach = min(int(np.ceil(3 * bandwidth / step)), n - 1)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * step / bandwidth) ** 2)
    smooth = np.convolve(counts, kernel / kernel.sum())
    density = smooth[reach : reach + n].copy()
    density[: reach + 1] += smooth[reach::-1]
    density[n - reach - 1 :] += smooth[: n + reach - 2 : -1]
    return grid, density / (len(values) * step)


def _bandwidth(values):
    """Silverman's rule of thumb (R's ``bw.nrd0``); 0 if the values do not vary."""
    if len(values) < 2:
        return 0.0
    spread = values.std(ddof=1)
    quartiles = np.quantile(values, [0.25, 0.75])
    # A majority of ties has no interquartile range, but may have a density.
    robust = np.ptp(quartiles) / 1.34 or spread
    return 0.9 * min(spread, robust) * len(values) ** -0.2


def slab_intervals(draws, by, *, widths=(0.66, 0.95), n=256):
    """Density, mean and equal-tailed intervals of the draws of each group.

    They are computed here and not by a stat of plotnine, which would map every draw to the scales first: for
    hundreds of units that takes most of the time of a figure.

    Parameters
    ----------
    draws : DataFrame
        Column `value` and the columns named by `by`.
    by : list of str
        Columns that make a group.
    widths : tuple of float
        Probabilities of the intervals; each is drawn thicker than the next wider one.
    n : int
        Number of points of the grid of each density.

    Returns
    -------
    DataFrame
        The columns of `by` and `group`, the number of the group, with two kinds of rows. Slab rows (`level` missing)
        have `value` on a grid and the `density` there. Interval rows have `value`, the mean; `low` and `high`,
        quantiles (linear interpolation, type 7 in R); and `level`, the probability between them. Draws that do not
        vary have no slab. A slab is that of the central 99.8 % of the draws, and ends beyond the intervals where it is
        first too thin to be seen. Where no draw is negative, no slab is; where all are from 0 to 1, as
        probabilities are, none goes beyond.
    """
    is_positive = draws["value"].min() >= 0
    bounds = (0 if is_positive else -np.inf, 1 if is_positive and draws["value"].max() <= 1 else np.inf)
    levels = np.sort(widths)[::-1]
    tails = np.stack([(1 - levels) / 2, (1 + levels) / 2])
    keys, tables = [], []
    for key, values in draws.groupby(by, observed=True)["value"]:
        values = values.to_numpy(dtype=float)
        low, high = np.quantile(values, tails)
        estimated = estimate_density(_central(values), n=FINER * n, bounds=bounds)
        grid, density = _seen(*estimated, low.min(), high.max(), n)
        table = np.full((len(levels) + len(grid), 5), np.nan)
        interval, slab = table[: len(levels)], table[len(levels) :]
        interval[:, 0], interval[:, 1], interval[:, 2], interval[:, 4] = values.mean(), low, high, levels
        slab[:, 0], slab[:, 3] = grid, density
        keys.append(key)
        tables.append(table)
    numbers = pd.DataFrame(np.concatenate(tables), columns=["value", "low", "high", "density", "level"])
    group = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
    names = pd.DataFrame(keys, columns=by).astype(draws.dtypes[by].to_dict())
    return pd.concat([names.iloc[group].reset_index(drop=True), numbers.assign(group=group + 1)], axis=1)


def _central(values):
    low, high = np.quantile(values, [BEYOND, 1 - BEYOND], method="closest_observation")
    return values[(low <= values) & (values <= high)]


def _seen(grid, density, low, high, n):
    """A density between two values, and beyond them up to where it cannot be seen any more, on n points."""
    if not grid.size:
        return grid, density
    thin = grid[density < SEEN * density.max()]
    start = thin[thin < low].max(initial=grid[0])
    end = thin[thin > high].min(initial=grid[-1])
    part = np.linspace(start, end, n)
    return part, np.interp(part, grid, density)


# What half-eyes and gradient intervals need beside x and y of such a table.
SLAB = aes(y="value", ymin="low", ymax="high", density="density", level="level", group="group")


class geom_slabinterval(geom):
    """What half-eyes and gradient intervals share: the intervals, the mean and the legend key.

    `fill` and `alpha` are those of the slab, `color` that of intervals and mean, `size` the width
    of the thinnest interval line. All slabs lie below all intervals, so none hides a mean.

    Parameters
    ----------
    scale : float
        Room a slab takes, as a share of the distance between neighbouring x.
    fatten : float
        Size of the point, as a multiple of `size`.
    """

    DEFAULT_AES: ClassVar = {
        "alpha": 1,
        "color": "black",
        "fill": "#A6A6A6",
        "linetype": "solid",
        "shape": "o",
        "size": 0.5,
        "stroke": 0,
    }
    REQUIRED_AES: ClassVar = {"x", "y"}
    DEFAULT_PARAMS: ClassVar = {
        "stat": "identity",
        "position": "identity",
        "na_rm": False,
        "scale": 0.9,
        "fatten": 6,
    }

    def draw_panel(self, data, panel_params, coord, ax):
        canvas = (panel_params, coord, ax, self.params)
        is_slab = data["level"].isna()
        if is_slab.any():
            self.draw_slab(data[is_slab], *canvas)
        interval = data[~is_slab].assign(alpha=1.0)
        levels = np.sort(interval["level"].unique())[::-1]
        for i, level in enumerate(levels):
            line = interval[interval["level"] == level].reset_index(drop=True)
            geom_linerange.draw_group(line.assign(size=line["size"] * THICKENING**i), *canvas)
        point = interval[interval["level"] == levels[0]]
        point = point.assign(size=point["size"] * self.params["fatten"], fill=point["color"])
        geom_point.draw_group(point, *canvas)

    @staticmethod
    def draw_legend(data, da, lyr):
        """Draw the fill, and upon it a mean with its interval."""
        geom_polygon.draw_legend(_replace(data, color=None), da, lyr)
        geom_vline.draw_legend(_replace(data, alpha=1), da, lyr)
        size = data["size"] * lyr.geom.params["fatten"]
        return geom_point.draw_legend(_replace(data, fill=data["color"], alpha=1, size=size), da, lyr)


def _spacing(x):
    """Smallest distance between different positions; 1 if there is only one."""
    positions = np.unique(x)
    return np.diff(positions).min() if len(positions) > 1 else 1.0


def _replace(row, **values):
    """Copy of a row of aesthetics with some of them changed."""
    return pd.Series({**row.to_dict(), **values}, dtype=object)


class geom_halfeye(geom_slabinterval):
    """Density to the right of x, with mean and intervals.

    One height stands for one density within the layer: every slab has the same area. Where widths differ so much
    that some would be too flat to be seen, this holds at each x, and the highest slabs there are as high as
    elsewhere. Groups at the same x have their slabs upon each other, later groups on top, and their intervals side
    by side.

    Parameters
    ----------
    dodge : float
        Distance between intervals at the same x, as a share of the distance between neighbouring x.
    """

    DEFAULT_PARAMS: ClassVar = geom_slabinterval.DEFAULT_PARAMS | {"dodge": 0.1}

    def setup_data(self, data):
        spacing = _spacing(data["x"])
        overlaid = data.groupby(["PANEL", "x"], observed=True)["group"].nunique().max()
        left = self.params["dodge"] * spacing * (overlaid - 1)
        highest = data.groupby(["PANEL", "x"], observed=True)["density"].transform("max")
        if highest.min() >= FLATTEST * highest.max():
            highest = highest.max()
        return data.assign(
            xmin=data["x"] - left,
            xmax=data["x"] - left + spacing,
            thickness=self.params["scale"] * data["density"] / highest,
        )

    def draw_panel(self, data, panel_params, coord, ax):
        # Here and not in setup_data, because a position adjustment may have parted the groups.
        rank = data.groupby("x")["group"].rank("dense") - 1
        aside = (data["x"] - data["xmin"]) * rank / max(rank.max(), 1)
        data = data.assign(x=data["x"] - aside.where(data["level"].notna(), 0))
        super().draw_panel(data, panel_params, coord, ax)

    @staticmethod
    def draw_slab(data, panel_params, coord, ax, params):
        # A density that stops at a bound needs its corners on the baseline.
        by_group = data.groupby("group")
        corners = [by_group.head(1), by_group.tail(1)]
        first, last = (corner.assign(thickness=0.0) for corner in corners)
        outline = pd.concat([first, data, last]).sort_values("group", kind="stable")
        outline["x"] += outline["thickness"] * (outline["xmax"] - outline["x"])
        outline = outline.assign(color=None)
        geom_polygon.draw_group(outline, panel_params, coord, ax, params)


class geom_gradientinterval(geom_slabinterval):
    """Bar centred on x whose opacity follows the density along y, with mean and intervals.

    Every bar reaches its full opacity at its mode. Bars are bitmaps in vector formats, because
    neighbouring transparent cells would show seams there.
    """

    def setup_data(self, data):
        half = self.params["scale"] * _spacing(data["x"]) / 2
        peak = data.groupby(["PANEL", "group"], observed=True)["density"].transform("max")
        return data.assign(xmin=data["x"] - half, xmax=data["x"] + half, thickness=data["density"] / peak)

    @staticmethod
    def draw_slab(data, panel_params, coord, ax, params):
        # All bars are one mesh, whose cells between two bars are transparent. All densities have grids of one length.
        n_bars = data["group"].nunique()
        sides = [coord.transform(data.assign(x=data[side]), panel_params) for side in ("xmin", "xmax")]
        corners = np.stack([side[["x", "y"]].to_numpy().reshape(n_bars, -1, 2) for side in sides], axis=1)
        corners = corners.reshape(2 * n_bars, -1, 2).swapaxes(0, 1)
        opacity = (data["alpha"] * data["thickness"]).to_numpy().reshape(n_bars, -1).T
        colors = np.zeros((len(corners) - 1, 2 * n_bars - 1, 4))
        colors[:, ::2] = to_rgba_array(data["fill"].to_numpy().reshape(n_bars, -1)[:, 0])
        colors[:, ::2, 3] = (opacity[:-1] + opacity[1:]) / 2
        colors[:, 1::2, 3] = 0
        mesh = QuadMesh(corners, antialiased=False, array=colors, zorder=params["zorder"], rasterized=True)
        ax.add_collection(mesh, autolim=False)


class geom_curves(geom_line):
    """Lines as `geom_line` draws them, but all lines of a panel as one artist, which takes a fraction of the time.

    A line has one color, size and type from end to end.
    """

    def draw_panel(self, data, panel_params, coord, ax):
        data = coord.transform(data, panel_params)
        starts = np.flatnonzero(np.diff(data["group"])) + 1
        look = data.iloc[[0, *starts]]
        lines = LineCollection(
            np.split(data[["x", "y"]].to_numpy(), starts),
            colors=to_rgba_array(look["color"].tolist(), look["alpha"].to_numpy()),
            linewidths=look["size"].to_numpy() * POINTS_PER_SIZE,
            linestyles=look["linetype"].tolist(),
            capstyle=self.params["lineend"],
            joinstyle=self.params["linejoin"],
            zorder=self.params["zorder"],
        )
        ax.add_collection(lines, autolim=False)
