"""Half-eyes, gradient intervals and point intervals of posterior draws, for plotnine.

The draws come in long format, one row a draw; each group of draws becomes one shape::

    ggplot(draws, aes("id", "value")) + stat_halfeye()
    ggplot(draws, aes("id", "value", fill="model")) + stat_gradientinterval()

All of them share one computation, `stat_slabinterval`, and differ in the geom that draws it.
"""

from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba_array
from matplotlib.lines import Line2D
from plotnine._utils import SIZE_FACTOR
from plotnine.geoms.geom import geom
from plotnine.geoms.geom_linerange import geom_linerange
from plotnine.geoms.geom_point import geom_point
from plotnine.geoms.geom_polygon import geom_polygon
from plotnine.stats.stat import stat

# Relative thickness of an interval line to the next wider one.
THICKENING = 2.5


def estimate_density(values, *, n=256, bounds=(-np.inf, np.inf)):
    """Estimate a density with a Gaussian kernel, from binned values.

    Binning makes the cost independent of the number of values but for one pass over them, so that a
    hundred units with thousands of draws each take milliseconds.

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


class stat_slabinterval(stat):
    """Density, mean and equal-tailed intervals of the draws at each x and group.

    Parameters
    ----------
    widths : tuple of float
        Probabilities of the intervals; each is drawn thicker than the next wider one.

    Notes
    -----
    The result has two kinds of rows. Slab rows (`level` missing) have `y` on a grid and the
    `density` there. Interval rows have `y`, the mean, `ymin` and `ymax`, the quantiles (linear
    interpolation, type 7 in R), and `level`, the probability between them. Draws that do not vary
    have no slab.
    """

    REQUIRED_AES: ClassVar = {"x", "y"}
    DEFAULT_PARAMS: ClassVar = {
        "geom": "halfeye",
        "position": "identity",
        "na_rm": False,
        "widths": (0.66, 0.95),
    }
    CREATES: ClassVar = {"ymin", "ymax", "density", "level"}

    def compute_panel(self, data, scales):
        # plotnine groups by discrete columns only; draws at different places are different groups
        # when x is a number, too.
        data = data.assign(group=data.groupby(["x", "group"]).ngroup() + 1)
        return super().compute_panel(data, scales)

    def compute_group(self, data, scales):
        values = data["y"].to_numpy(dtype=float)
        levels = np.sort(self.params["widths"])[::-1]
        tails = np.stack([(1 - levels) / 2, (1 + levels) / 2])
        low, high = np.quantile(values, tails)
        interval = pd.DataFrame({"y": values.mean(), "ymin": low, "ymax": high, "level": levels})
        grid, density = estimate_density(values)
        slab = pd.DataFrame({"y": grid, "density": density})
        return pd.concat([interval, slab], ignore_index=True).assign(x=data["x"].iloc[0])


class stat_halfeye(stat_slabinterval):
    """Half-eyes: `stat_slabinterval` drawn by `geom_halfeye`."""

    DEFAULT_PARAMS: ClassVar = stat_slabinterval.DEFAULT_PARAMS | {"geom": "halfeye"}


class stat_gradientinterval(stat_slabinterval):
    """Gradient intervals: `stat_slabinterval` drawn by `geom_gradientinterval`."""

    DEFAULT_PARAMS: ClassVar = stat_slabinterval.DEFAULT_PARAMS | {"geom": "gradientinterval"}


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
        "stat": "slabinterval",
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
        line = Line2D(
            [da.width / 2] * 2,
            [0, da.height],
            color=data["color"],
            linewidth=data["size"] * SIZE_FACTOR,
            linestyle=data["linetype"],
        )
        da.add_artist(line)
        size = data["size"] * lyr.geom.params["fatten"]
        point = _replace(data, fill=data["color"], alpha=1, size=size)
        return geom_point.draw_legend(point, da, lyr)


def _spacing(x):
    """Smallest distance between different positions; 1 if there is only one."""
    positions = np.unique(x)
    return np.diff(positions).min() if len(positions) > 1 else 1.0


def _replace(row, **values):
    """Copy of a row of aesthetics with some of them changed."""
    return pd.Series({**row.to_dict(), **values}, dtype=object)


class geom_halfeye(geom_slabinterval):
    """Density to the right of x, with mean and intervals.

    One height stands for one density within the layer: every slab has the same area. Groups at the
    same x have their slabs upon each other, later groups on top, and their intervals side by side.

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
        return data.assign(
            xmin=data["x"] - left,
            xmax=data["x"] - left + spacing,
            thickness=self.params["scale"] * data["density"] / data["density"].max(),
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
        above = data.groupby("group")[["y", "thickness"]].shift(-1)
        cells = data.assign(
            ymin=data["y"],
            ymax=above["y"],
            alpha=data["alpha"] * (data["thickness"] + above["thickness"]) / 2,
        )
        cells = coord.transform(cells.dropna(subset="ymax"), panel_params)
        left, right, low, high = (cells[side] for side in ("xmin", "xmax", "ymin", "ymax"))
        corners = np.array([[left, low], [left, high], [right, high], [right, low]])
        ax.add_collection(
            PolyCollection(
                corners.transpose(2, 0, 1),
                facecolors=to_rgba_array(cells["fill"].tolist(), cells["alpha"].to_numpy()),
                linewidths=0,
                antialiaseds=False,
                zorder=params["zorder"],
                rasterized=True,
            )
        )
