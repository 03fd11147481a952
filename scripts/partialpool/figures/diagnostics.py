"""Traces and ranks of a fit, and what its sampler says of itself."""

import numpy as np
import pandas as pd
from mizani.breaks import breaks_extended
from plotnine import (
    aes,
    expand_limits,
    facet_wrap,
    geom_hline,
    geom_polygon,
    geom_vline,
    guide_legend,
    guides,
    labs,
    scale_color_manual,
    scale_fill_manual,
)

from partialpool.figures.geoms import estimate_density, geom_curves
from partialpool.figures.order import distinct, in_order, natural_key
from partialpool.figures.scales import LINE, few_x_numbers, repeated, wrapped, x_numbers, y_numbers
from partialpool.figures.theme import CORAL, OKABE_ITO, PAGE, TEAL, Figure, chart
from partialpool.model import parameters

# As many panels of parameters as a page holds.
PANELS = 8
# Letters of a line above one of four panels.
PANEL_LETTERS = 22
# Of each chain, draws that a trace shows, about, and points of the curve of its weights.
TRACE, WEIGHTS = 150, 250


def of_fit(tree, summary):
    """Traces and ranks of a fit, and what its sampler says of itself.

    Parameters
    ----------
    tree : DataTree
        With ``posterior`` and ``sample_stats``; its attribute ``sampling`` says which sampler ran.
    summary : DataFrame
        The model's table of parameters: columns `parameter` and `rhat`.

    Returns
    -------
    Figure
        See `diagnostics`. It shows standard deviations, correlations and the parameters of the family; then, as many
        as a page holds, common coefficients and last a unit's effect, of both those with the largest R-hat.
    """
    posterior = tree["posterior"].to_dataset()
    draws = [_long(parameter.name, parameter.draws(posterior)) for parameter in _most_telling(posterior, summary)]
    statistic, chart_of = ("log_weight", weights) if tree.attrs["sampling"] == "independent" else ("energy", energies)
    values = _long(statistic, tree["sample_stats"][statistic].transpose("chain", "draw").to_numpy())
    return diagnostics(pd.concat(draws, ignore_index=True), chart_of(values[["chain", "value"]]))


def _most_telling(posterior, summary):
    """The parameters to show, at most ``PANELS``."""
    rhat = summary.set_index("parameter")["rhat"].fillna(np.inf)
    by_kind = {kind: [] for kind in ("sd", "cor", "family", "common", "group")}
    for parameter in parameters.of(posterior):
        by_kind[parameter.kind].append(parameter)
    for kind in ("common", "group"):
        if len(by_kind[kind]) > PANELS:
            by_kind[kind].sort(key=lambda parameter: -rhat[parameter.name])
    # One place is kept for the worst of the units' effects.
    worst_effect = by_kind.pop("group")[:1]
    others = [parameter for kind in by_kind.values() for parameter in kind]
    return others[: PANELS - len(worst_effect)] + worst_effect


def _long(name, draws):
    """Draws of shape (chain, draw) as a table with a row for each."""
    n_chains, n_draws = draws.shape
    return pd.DataFrame(
        {
            "parameter": name,
            "chain": np.repeat(np.arange(1, n_chains + 1), n_draws),
            "draw": np.tile(np.arange(n_draws), n_chains),
            "value": draws.ravel(),
        }
    )


def diagnostics(draws, of_sampler):
    """Traces, ranks by chain and a chart of the sampler, which show whether its draws can be trusted.

    Parameters
    ----------
    draws : DataFrame
        Columns `parameter` (categorical order is the order of the panels), `chain`, `draw` and
        `value`.
    of_sampler : ggplot
        From `energies` or `weights`.

    Returns
    -------
    Figure
        Three rows. Traces are thinned to what the eye can see. Ranks are shown as the empirical
        distribution function of each chain's draws among the draws of all chains, less what equal
        chains would have: a chain that is too high lies below zero, one too wide crosses it.
    """
    shown = distinct(draws["parameter"])
    chains = sorted(draws["chain"].astype(str).unique(), key=natural_key)
    draws = in_order(draws.astype({"chain": str}), parameter=shown, chain=chains)
    per_row = min(len(shown), 4)
    names = {"labeller": lambda name: wrapped(name, PANEL_LETTERS)}
    lines = max(wrapped(name, PANEL_LETTERS).count("\n") for name in shown)
    colors = repeated(OKABE_ITO, len(chains))
    trace = chart(
        _thin(draws),
        aes("draw", "value", color="chain"),
        geom_curves(size=0.25, alpha=0.8),
        facet_wrap("parameter", ncol=per_row, scales="free_y", **names),
        scale_color_manual(values=colors),
        guides(color=guide_legend(override_aes={"size": 1.2, "alpha": 1})),
        x_numbers(breaks=breaks_extended(3)),
        y_numbers(),
        labs(x="Draw", y="Value", color="Chain"),
    )
    rank = chart(
        _ecdf_differences(draws),
        aes("share", "difference", color="chain"),
        geom_hline(yintercept=0, linetype="dashed", size=0.4),
        geom_curves(size=0.5, show_legend=False),
        facet_wrap("parameter", ncol=per_row, **names),
        # A tenth is the least that matters; noise below it should look as small as it is.
        expand_limits(y=(-0.1, 0.1)),
        scale_color_manual(values=colors),
        x_numbers(breaks=[0, 0.5, 1], labels=["0", "0.5", "1"]),
        y_numbers(),
        labs(x="Rank among all draws", y="ECDF difference"),
    )
    rows = -(-len(shown) // per_row)
    return Figure(trace / rank / of_sampler, PAGE, 3 * (0.8 + 0.8 * rows) + 2 * LINE * lines * rows)


def energies(energy):
    """The energy of NUTS, centred, beside the steps between its draws, a panel a chain.

    Parameters
    ----------
    energy : DataFrame
        Columns `chain`, `value`, in the order of the draws.

    Returns
    -------
    ggplot
        The energies of a chain should be spread no wider than the steps between them.
    """
    return chart(
        _energy_densities(energy),
        aes("value", "density", group="kind"),
        geom_polygon(aes(fill="kind"), alpha=0.35),
        geom_curves(aes(color="kind"), size=0.4),
        facet_wrap("chain", nrow=1),
        scale_fill_manual(values=[TEAL, CORAL]),
        scale_color_manual(values=[TEAL, CORAL]),
        few_x_numbers(),
        y_numbers(breaks=[]),
        labs(x="Energy, centered", y="Density", fill="", color=""),
    )


def weights(log_weight):
    """The importance weights of independent draws.

    Parameters
    ----------
    log_weight : DataFrame
        Columns `chain`, `value`: logarithm of how often the posterior has a draw, relative to how often it is proposed.

    Returns
    -------
    ggplot
        For each chain the share of its draws whose weight is at least as large. Where proposals are like the posterior
        the curves fall steeply near zero. A long tail to the right is where a draw is proposed too rarely, and a step
        is a chain that stays there.
    """
    chains = sorted(log_weight["chain"].astype(str).unique(), key=natural_key)
    return chart(
        in_order(_shares_above(log_weight), chain=chains),
        aes("value", "share", color="chain"),
        geom_vline(xintercept=0, linetype="dashed", size=0.4),
        geom_curves(size=0.5, show_legend=False),
        # Weights that differ by less than a factor of e should look as alike as they are.
        expand_limits(x=(-1, 1)),
        scale_color_manual(values=repeated(OKABE_ITO, len(chains))),
        x_numbers(),
        y_numbers(trans="log10", labels=lambda breaks: [f"{value:g}" for value in breaks]),
        labs(x="Log importance weight", y="Share of draws above"),
    )


def _shares_above(log_weight):
    """Weights of each chain by their rank from above, most of them the largest; small weights do no harm."""
    curves = []
    for chain, own in log_weight.groupby("chain")["value"]:
        # From the last to the first, so that the shares of equal weights fall.
        ranks = np.unique(np.geomspace(1, len(own), WEIGHTS).round().astype(int))[::-1]
        curve = {"value": np.sort(own)[::-1][ranks - 1], "share": ranks / len(own)}
        curves.append(pd.DataFrame(curve).assign(chain=str(chain)))
    curves = pd.concat(curves, ignore_index=True)
    return curves[curves["value"] > -1]


def _thin(draws):
    """Every k-th draw, such that each chain keeps about as many as a panel can show."""
    number = draws.groupby(["parameter", "chain"], observed=True).cumcount()
    return draws[number % max(1, (number.max() + 1) // TRACE) == 0]


def _ecdf_differences(draws):
    shares = np.linspace(0, 1, 101)
    ranks = draws.groupby("parameter", observed=True)["value"].rank(pct=True)
    curves = []
    keys = [draws["parameter"], draws["chain"]]
    for (parameter, chain), own in ranks.groupby(keys, observed=True):
        below = np.searchsorted(np.sort(own), shares, side="right") / len(own)
        curve = {"share": shares, "difference": below - shares}
        curves.append(pd.DataFrame(curve).assign(parameter=parameter, chain=chain))
    curves = pd.concat(curves, ignore_index=True)
    return curves.astype({"parameter": draws["parameter"].dtype, "chain": draws["chain"].dtype})


def _energy_densities(energy):
    kinds = ["Energy", "Step between draws"]
    curves = []
    for chain, own in energy.groupby("chain", observed=True)["value"]:
        for kind, values in zip(kinds, (own - own.mean(), own.diff().dropna()), strict=True):
            grid, density = estimate_density(values)
            curve = {"value": grid, "density": density}
            curves.append(pd.DataFrame(curve).assign(kind=kind, chain=f"Chain {chain}"))
    curves = pd.concat(curves, ignore_index=True)
    chains = sorted(curves["chain"].unique(), key=natural_key)
    return in_order(curves, kind=kinds, chain=chains)
