"""The data against data sets replicated from a fit."""

import json

import numpy as np
import pandas as pd
from plotnine import (
    aes,
    coord_cartesian,
    geom_abline,
    geom_col,
    geom_line,
    geom_point,
    geom_pointrange,
    geom_ribbon,
    geom_segment,
    geom_text,
    geom_vline,
    guide_legend,
    guides,
    labs,
    scale_color_manual,
    scale_fill_manual,
)

from partialpool.figures.geoms import estimate_density, geom_curves
from partialpool.figures.scales import axis_label, few_x_numbers, wrapped, x_numbers, y_numbers
from partialpool.figures.theme import CORAL, PAGE, TEAL, Figure, chart
from partialpool.fit.by_row import draws_by_row, outcomes
from partialpool.model.families import COUNTS

# More different values than this are drawn as a density, or counts several values a bar, even if all are whole numbers.
MOST_BARS = 30
# At most 1000 replicated data sets are shown, and at least 50; between these, as many as have this many values in all.
REPLICATED_VALUES = 2_000_000
# Points of the curve of a density, of which there are many.
POINTS = 128
# Shares of replicated data sets beyond these are not told in figures: two digits would be those of all or none.
LEAST_P, LARGEST_P = 0.005, 0.995
# Letters in a line of a title along half a page.
OUTCOME_LETTERS = 45
# Where values of p stand, and how far statistics may be away, in standard deviations of replicated ones.
P_AT, FARTHEST = 4.6, 4.0


def of_fit(tree, statistics, calibration=None, *, family, labels):
    """The data of a fit against data sets replicated from it.

    Parameters
    ----------
    tree : DataTree
        With ``observed_data`` and ``posterior_predictive``; of ``posterior`` the names of the outcome's levels.
    statistics : DataFrame
        Columns `statistic`, `observed`, `mean`, `sd`, `q2.5`, `q97.5` and `p` (``checks.predictive``).
    calibration : DataFrame, optional
        Of a yes-no outcome, columns `predicted`, `observed`, `low` and `high`.
    family : str
        Of the model.
    labels : Mapping
        `outcome`, `unit_noun`.

    Returns
    -------
    Figure
        Left, by the kind of outcome: yes-no ones by how often they are yes where the model predicts so (isotonic
        regression), with the central 95 % of replicated data sets; counts as a rootogram; other whole numbers, if they
        are few, as the share of each; else densities of the data and of 50 replicated data sets. Right, ``statistics``.
    """
    observed = outcomes(tree)
    replicated = draws_by_row(tree, "posterior_predictive").reshape(-1, len(observed)).astype(float)
    replicated = _spread(replicated, int(np.clip(REPLICATED_VALUES // len(observed), 50, 1000)))
    levels = json.loads(tree["posterior"].attrs.get("levels", "null"))
    outcome = wrapped(axis_label(labels, "outcome"), OUTCOME_LETTERS)
    if calibration is not None:
        distribution = calibrated(calibration)
    else:
        distribution = distributions(observed, replicated, outcome, counts=family in COUNTS, levels=levels)
    return Figure(distribution | beside(statistics, labels.get("unit_noun", "unit")), PAGE, 3.0)


def distributions(observed, replicated, outcome, *, counts=False, levels=None):
    """Data (n,) and replicated data sets (s, n), as a rootogram, as shares or as densities.

    ``outcome`` is the title of the axis, ``counts`` whether they are counts, ``levels`` what 0, 1, ... are called.
    """
    values = np.unique(np.concatenate([observed, replicated.ravel()]))
    if counts:
        return _rootogram(observed, replicated, outcome)
    if len(values) <= MOST_BARS and np.all(values == np.round(values)):
        return _compare_shares(observed, replicated, outcome, levels)
    return _compare_densities(observed, replicated, outcome)


def calibrated(calibration):
    """How often a yes-no outcome is yes, over the predicted probability: with right predictions on the diagonal."""
    return chart(
        calibration,
        aes("predicted"),
        geom_ribbon(aes(ymin="low", ymax="high", fill="'Replicated'"), alpha=0.35),
        geom_abline(intercept=0, slope=1, linetype="dashed", size=0.4),
        geom_line(aes(y="observed", color="'Observed'"), size=0.9),
        scale_fill_manual(values=[CORAL]),
        scale_color_manual(values=[TEAL]),
        coord_cartesian(ylim=(0, 1)),
        x_numbers(),
        y_numbers(),
        labs(x="Predicted probability", y="Observed share", color="", fill=""),
    )


def beside(statistics, unit):
    """Statistics of the data among those of replicated data sets, in standard deviations of these.

    Parameters
    ----------
    statistics : DataFrame
        See ``of_fit``.
    unit : str
        The noun of a unit.
    """
    names = [STATISTICS[name].format(unit=unit) for name in statistics["statistic"]]
    scale = statistics["sd"].where(statistics["sd"] > 0, 1.0)

    def standardised(column):
        return ((statistics[column] - statistics["mean"]) / scale).clip(-FARTHEST, FARTHEST)

    frame = pd.DataFrame(
        {
            "statistic": pd.Categorical(names, names[::-1]),
            "observed": standardised("observed"),
            "low": standardised("q2.5"),
            "high": standardised("q97.5"),
            "p": [_as_text(p) for p in statistics["p"]],
        }
    )
    return chart(
        frame,
        aes(y="statistic"),
        geom_vline(xintercept=0, linetype="dashed", size=0.4),
        geom_segment(aes(x="low", xend="high", yend="statistic"), color=CORAL, size=2, alpha=0.6),
        geom_point(aes("observed"), color=TEAL, size=2),
        geom_text(aes(label="p"), x=P_AT, size=7, ha="left"),
        coord_cartesian(xlim=(-FARTHEST, P_AT + 2.4)),
        x_numbers(breaks=[-4, -2, 0, 2, 4]),
        labs(x="SDs from the mean of replicated data sets", y=""),
    )


def _spread(rows, most):
    """At most so many rows, evenly spread over all."""
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int)]


def _as_text(p: float) -> str:
    """A share in two digits: ``p = 0.03``, ``p < 0.01``."""
    if p < LEAST_P:
        return "p < 0.01"
    return "p > 0.99" if p > LARGEST_P else f"p = {p:.2f}"


def _rootogram(observed, replicated, outcome):
    """How often each count is there, on the scale of the square root, on which all vary alike."""
    largest = int(max(observed.max(), replicated.max()))
    width = -(-(largest + 1) // MOST_BARS)
    bins = np.arange(0, largest + width + 1, width)
    counts = np.stack([np.histogram(values, bins)[0] for values in replicated])
    low, high = np.quantile(counts, [0.025, 0.975], axis=0)
    frame = pd.DataFrame(
        {
            "y": bins[:-1] + (width - 1) / 2,
            "count": np.histogram(observed, bins)[0],
            "mean": counts.mean(axis=0),
            "low": low,
            "high": high,
        }
    )
    return chart(
        frame,
        aes("y"),
        geom_col(aes(y="count", fill="'Observed'"), width=0.8 * width, alpha=0.5),
        geom_pointrange(aes(y="mean", ymin="low", ymax="high", color="'Replicated'"), size=0.4, fatten=3),
        scale_fill_manual(values=[TEAL]),
        scale_color_manual(values=[CORAL]),
        few_x_numbers(),
        y_numbers(trans="sqrt"),
        labs(x=outcome, y="How often (square-root scale)", color="", fill=""),
    )


def _compare_densities(observed, replicated, outcome):
    curves = [("Replicated", values) for values in _spread(replicated, 50)] + [("Observed", observed)]
    frames = []
    for curve, (data, values) in enumerate(curves):
        grid, density = estimate_density(values, n=POINTS)
        frames.append(pd.DataFrame({"y": grid, "density": density}).assign(data=data, curve=curve))
    curves = pd.concat(frames, ignore_index=True)
    is_observed = curves["data"] == "Observed"
    return chart(
        curves,
        aes("y", "density", color="data", group="curve"),
        geom_curves(data=curves[~is_observed], size=0.25, alpha=0.5),
        geom_curves(data=curves[is_observed], size=0.9),
        scale_color_manual(values={"Observed": TEAL, "Replicated": CORAL}),
        guides(color=guide_legend(override_aes={"size": 1, "alpha": 1})),
        x_numbers(),
        y_numbers(),
        labs(x=outcome, y="Density", color=""),
    )


def _compare_shares(observed, replicated, outcome, levels):
    values = np.unique(np.concatenate([observed, replicated.ravel()]))
    shares = np.stack([(replicated == value).mean(axis=1) for value in values])
    low, high = np.quantile(shares, [0.025, 0.975], axis=1)
    frame = pd.DataFrame(
        {
            "y": values,
            "share": [(observed == value).mean() for value in values],
            "mean": shares.mean(axis=1),
            "low": low,
            "high": high,
        }
    )
    breaks = {"breaks": values} if len(values) <= 8 else {}
    if levels:
        breaks = {"breaks": list(range(len(levels))), "labels": levels}
    return chart(
        frame,
        aes("y"),
        geom_col(aes(y="share", fill="'Observed'"), width=0.8, alpha=0.5),
        geom_pointrange(aes(y="mean", ymin="low", ymax="high", color="'Replicated'"), size=0.4, fatten=3),
        scale_fill_manual(values=[TEAL]),
        scale_color_manual(values=[CORAL]),
        x_numbers(**breaks),
        y_numbers(),
        labs(x=outcome, y="Share", color="", fill=""),
    )


# What the statistics of ``checks.predictive`` are called.
STATISTICS = {
    "mean": "Mean",
    "sd": "SD",
    "skewness": "Skewness",
    "minimum": "Minimum",
    "maximum": "Maximum",
    "sd_between_units": "SD of means by {unit}",
    "sd_within_units": "SD within a {unit}",
    "autocorrelation": "Autocorrelation within a {unit}",
}
