"""The data against data sets replicated from a fit."""

import json

import numpy as np
import pandas as pd
from plotnine import (
    aes,
    facet_wrap,
    geom_col,
    geom_histogram,
    geom_pointrange,
    geom_vline,
    guide_legend,
    guides,
    labs,
    scale_color_manual,
    scale_fill_manual,
    theme,
)

from partialpool.figures.geoms import estimate_density, geom_curves
from partialpool.figures.order import distinct, in_order
from partialpool.figures.scales import axis_label, few_x_numbers, wrapped, x_numbers, y_numbers
from partialpool.figures.theme import CORAL, PAGE, TEAL, Figure, chart
from partialpool.model.names import ROW_DIM

# More different values than this are drawn as a density, even if all are whole numbers.
MOST_BARS = 30
# At most 1000 replicated data sets are shown, and at least 50; between these, as many as have this many values in all.
REPLICATED_VALUES = 2_000_000
# Letters in a line of a title along half a page.
OUTCOME_LETTERS = 45


def of_fit(tree, *, labels):
    """The data of a fit against data sets replicated from it.

    Parameters
    ----------
    tree : DataTree
        With ``observed_data`` and ``posterior_predictive``; of ``posterior`` the names of the outcome's levels.
    labels : Mapping
        `outcome`.

    Returns
    -------
    Figure
        See `posterior_predictive`.
    """
    observed = next(iter(tree["observed_data"].data_vars.values())).to_numpy()
    replicated = next(iter(tree["posterior_predictive"].data_vars.values()))
    replicated = replicated.transpose("chain", "draw", ROW_DIM).to_numpy().reshape(-1, len(observed))
    most = int(np.clip(REPLICATED_VALUES // len(observed), 50, 1000))
    levels = json.loads(tree["posterior"].attrs.get("levels", "null"))
    return posterior_predictive(observed, _spread(replicated, most), labels=labels, levels=levels)


def posterior_predictive(observed, replicated, *, labels, levels=None):
    """Data and what the model would have given instead: distribution and test quantities.

    Parameters
    ----------
    observed : array_like, shape (n,)
        The data.
    replicated : array_like, shape (s, n)
        Data sets drawn from the posterior predictive distribution.
    labels : Mapping
        `outcome`.
    levels : list of str, optional
        What the values 0, 1, ... are called.

    Returns
    -------
    Figure
        Left, densities of the data and of up to 50 replicated data sets; if all values are whole
        numbers, the share of each value, with the mean and the central 95 % of the replicated ones.
        Right, test quantities that vary, with the probability that a replicated one is at least as
        large as the observed one.
    """
    observed = np.asarray(observed, dtype=float)
    replicated = np.asarray(replicated, dtype=float)
    values = np.unique(np.concatenate([observed, replicated.ravel()]))
    outcome = wrapped(axis_label(labels, "outcome"), OUTCOME_LETTERS)
    if len(values) <= MOST_BARS and np.all(values == np.round(values)):
        distribution = _compare_shares(observed, replicated, outcome, levels)
    else:
        distribution = _compare_densities(observed, replicated, outcome)
    return Figure(distribution | _test_quantities(observed, replicated), PAGE, 3.0)


def _spread(rows, most):
    """At most so many rows, evenly spread over all."""
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int)]


def _compare_densities(observed, replicated, outcome):
    curves = [("Replicated", values) for values in _spread(replicated, 50)] + [("Observed", observed)]
    frames = []
    for curve, (data, values) in enumerate(curves):
        grid, density = estimate_density(values)
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


def _test_quantities(observed, replicated):
    frames, marks = [], []
    for name, quantity in TEST_QUANTITIES.items():
        ours, theirs = float(quantity(observed)), quantity(replicated)
        if np.ptp(theirs) == 0 and theirs[0] == ours:
            continue
        strip = f"{name}, p = {np.mean(theirs >= ours):.2f}"
        frames.append(pd.DataFrame({"value": theirs, "quantity": strip}))
        marks.append({"value": ours, "quantity": strip})
    quantities, marks = pd.concat(frames, ignore_index=True), pd.DataFrame(marks)
    strips = distinct(marks["quantity"])
    return chart(
        in_order(quantities, quantity=strips),
        aes("value"),
        geom_histogram(bins=15, fill=CORAL, alpha=0.6),
        geom_vline(aes(xintercept="value"), in_order(marks, quantity=strips), color=TEAL, size=0.9),
        facet_wrap("quantity", scales="free", ncol=2),
        few_x_numbers(),
        y_numbers(breaks=[]),
        labs(x="Test quantity", y="Replicated data sets"),
        theme(panel_spacing=0.05),
    )


def _skewness(values):
    # `scipy.stats.skew` warns of values that do not vary, and says nan: a data set of zeros is no mistake here.
    centered = values - values.mean(axis=-1, keepdims=True)
    variance = (centered**2).mean(axis=-1)
    cubed = (centered**3).mean(axis=-1)
    return np.divide(cubed, variance**1.5, out=np.zeros_like(cubed), where=variance > 0)


TEST_QUANTITIES = {
    "SD": lambda values: values.std(axis=-1),
    "Skewness": _skewness,
    "Minimum": lambda values: values.min(axis=-1),
    "Maximum": lambda values: values.max(axis=-1),
}
