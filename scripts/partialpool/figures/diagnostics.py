"""Traces, ranks and energy of a fit."""

import numpy as np
import pandas as pd
from mizani.breaks import breaks_extended
from plotnine import (
    aes,
    expand_limits,
    facet_wrap,
    geom_hline,
    geom_polygon,
    guide_legend,
    guides,
    labs,
    scale_color_manual,
    scale_fill_manual,
)

from partialpool.figures.geoms import estimate_density, geom_curves
from partialpool.figures.order import distinct, in_order, natural_key
from partialpool.figures.scales import few_x_numbers, repeated, x_numbers, y_numbers
from partialpool.figures.theme import CORAL, OKABE_ITO, PAGE, TEAL, Figure, chart
from partialpool.model import parameters

# As many panels of parameters as a page holds.
PANELS = 8


def of_fit(tree, summary):
    """Traces, ranks and energy of a fit.

    Parameters
    ----------
    tree : DataTree
        With ``posterior`` and ``sample_stats``.
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
    energy = tree["sample_stats"]["energy"].transpose("chain", "draw").to_numpy()
    energy = _long("energy", energy).rename(columns={"value": "energy"})
    return diagnostics(pd.concat(draws, ignore_index=True), energy[["chain", "energy"]])


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


def diagnostics(draws, energy):
    """Traces, ranks by chain and energy, which show whether the sampler can be trusted.

    Parameters
    ----------
    draws : DataFrame
        Columns `parameter` (categorical order is the order of the panels), `chain`, `draw` and
        `value`.
    energy : DataFrame
        Columns `chain`, `energy`, in the order of the draws.

    Returns
    -------
    Figure
        Three rows. Traces are thinned to what the eye can see. Ranks are shown as the empirical
        distribution function of each chain's draws among the draws of all chains, less what equal
        chains would have: a chain that is too high lies below zero, one too wide crosses it. The
        energies of a chain should be spread no wider than the steps between them.
    """
    shown = distinct(draws["parameter"])
    chains = sorted(draws["chain"].astype(str).unique(), key=natural_key)
    draws = in_order(draws.astype({"chain": str}), parameter=shown, chain=chains)
    per_row = min(len(shown), 4)
    colors = repeated(OKABE_ITO, len(chains))
    trace = chart(
        _thin(draws),
        aes("draw", "value", color="chain"),
        geom_curves(size=0.25, alpha=0.8),
        facet_wrap("parameter", ncol=per_row, scales="free_y"),
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
        facet_wrap("parameter", ncol=per_row),
        # A tenth is the least that matters; noise below it should look as small as it is.
        expand_limits(y=(-0.1, 0.1)),
        scale_color_manual(values=colors),
        x_numbers(breaks=[0, 0.5, 1], labels=["0", "0.5", "1"]),
        y_numbers(),
        labs(x="Rank among all draws", y="ECDF difference"),
    )
    rows = -(-len(shown) // per_row)
    return Figure(trace / rank / _energies(energy), PAGE, 3 * (0.8 + 0.8 * rows))


def _energies(energy):
    """The energy of each chain beside the steps between its draws, a panel a chain."""
    return chart(
        _energy_densities(energy),
        aes("energy", "density", group="kind"),
        geom_polygon(aes(fill="kind"), alpha=0.35),
        geom_curves(aes(color="kind"), size=0.4),
        facet_wrap("chain", nrow=1),
        scale_fill_manual(values=[TEAL, CORAL]),
        scale_color_manual(values=[TEAL, CORAL]),
        few_x_numbers(),
        y_numbers(breaks=[]),
        labs(x="Energy, centered", y="Density", fill="", color=""),
    )


def _thin(draws, keep=250):
    """Every k-th draw, such that each chain keeps about as many as a panel can show."""
    number = draws.groupby(["parameter", "chain"], observed=True).cumcount()
    return draws[number % max(1, (number.max() + 1) // keep) == 0]


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
    for chain, own in energy.groupby("chain", observed=True)["energy"]:
        for kind, values in zip(kinds, (own - own.mean(), own.diff().dropna()), strict=True):
            grid, density = estimate_density(values)
            curve = {"energy": grid, "density": density}
            curves.append(pd.DataFrame(curve).assign(kind=kind, chain=f"Chain {chain}"))
    curves = pd.concat(curves, ignore_index=True)
    chains = sorted(curves["chain"].unique(), key=natural_key)
    return in_order(curves, kind=kinds, chain=chains)
