"""Checks of a model: its priors, LOO-PIT, sensitivity, and influence of single units."""

import numpy as np
import pandas as pd
from plotnine import (
    aes,
    expand_limits,
    facet_wrap,
    geom_hline,
    geom_line,
    geom_point,
    geom_ribbon,
    geom_segment,
    geom_text,
    geom_vline,
    labs,
    scale_color_manual,
)

from partialpool.figures.order import in_order
from partialpool.figures.scales import LINE, axis_label, few_x_numbers, wrapped, x_numbers, y_numbers
from partialpool.figures.theme import COLUMN, CORAL, GREY, PAGE, TEAL, Figure, chart

# As many parameters as a page holds: panels of priors, rows of sensitivities.
PANELS, ROWS = 8, 12
# Letters of a title above one of four panels.
LETTERS = 22
# Units whose names are shown.
NAMED = 3
# The row of the table of priors that is the outcome (``checks.prior``).
OUTCOME = "(outcome)"
# What the second row of the figure of priors is of: a parameter's posterior, or the data of the outcome.
AFTER = "Posterior\nor data"
LESS, MORE = "counts less (to the power 0.8)", "counts more (to the power 1.25)"


def prior(table, *, labels):
    """Priors beside posteriors, and what the priors say of the outcome beside the data.

    Parameters
    ----------
    table : DataFrame
        Columns `parameter`, `prior_q2.5`, `prior_q17`, `prior_q50`, `prior_q83`, `prior_q97.5`, the same without
        `prior_` of the posterior, and `narrower`.
    labels : Mapping
        `outcome`.

    Returns
    -------
    Figure
        A panel for the outcome and one for each parameter; if these are many, those whose posterior is least narrower
        than the prior.
    """
    some = table[table["parameter"] != OUTCOME].nsmallest(PANELS - 1, "narrower").index
    table = table[(table["parameter"] == OUTCOME) | table.index.isin(some)]
    outcome = f"{axis_label(labels, 'outcome')}: prior, data"
    panels = [outcome if name == OUTCOME else name for name in table["parameter"]]
    frames = [
        pd.DataFrame(
            {"panel": panels, "what": what}
            | {key: table[f"{prefix}{key}"] for key in ("q2.5", "q17", "q50", "q83", "q97.5")}
        )
        for what, prefix in (("Prior", "prior_"), (AFTER, ""))
    ]
    shown = in_order(pd.concat(frames, ignore_index=True), panel=panels, what=[AFTER, "Prior"])
    plot = chart(
        shown,
        aes("q50", "what", color="what"),
        geom_segment(aes("q2.5", xend="q97.5", yend="what"), size=0.6),
        geom_segment(aes("q17", xend="q83", yend="what"), size=1.8),
        geom_point(size=2),
        facet_wrap("panel", scales="free_x", ncol=min(len(panels), 4), labeller=lambda name: wrapped(name, LETTERS)),
        scale_color_manual(values={"Prior": CORAL, AFTER: TEAL}, guide=None),
        few_x_numbers(),
        labs(x="", y=""),
    )
    lines = max(wrapped(name, LETTERS).count("\n") for name in panels)
    return Figure(plot, PAGE, 0.5 + (0.95 + LINE * lines) * -(-len(panels) // 4))


def pit(curve):
    """The distribution function of LOO-PIT, less the uniform one.

    Parameters
    ----------
    curve : DataFrame
        Columns `x`, `difference`, `lower` and `upper`.
    """
    plot = chart(
        curve,
        aes("x"),
        geom_ribbon(aes(ymin="lower", ymax="upper"), fill=GREY, alpha=0.3),
        geom_hline(yintercept=0, linetype="dashed", size=0.4),
        geom_line(aes(y="difference"), color=TEAL, size=0.7),
        x_numbers(breaks=[0, 0.25, 0.5, 0.75, 1]),
        y_numbers(),
        labs(x="LOO-PIT", y="ECDF difference"),
    )
    return Figure(plot, COLUMN, 2.4)


def sensitivity(table):
    """How far posterior means move if the priors, or the data, count less or more.

    Parameters
    ----------
    table : DataFrame
        Columns `parameter`, `component` (`prior`, `likelihood`), `shift_weaker` and `shift_stronger`, in posterior
        standard deviations.

    Returns
    -------
    Figure
        If the parameters are many, those that the priors move most.
    """
    largest = table[["shift_weaker", "shift_stronger"]].abs().max(axis=1)
    of_prior = largest[table["component"] == "prior"].sort_values(ascending=False).index[:ROWS]
    names = [name for name in table["parameter"].unique() if name in set(table.loc[of_prior, "parameter"])]
    table = table[table["parameter"].isin(names)]
    panels = {"prior": "Priors", "likelihood": "Data"}
    long = pd.concat(
        [
            pd.DataFrame(
                {
                    "parameter": table["parameter"],
                    "panel": table["component"].map(panels),
                    "shift": table[column],
                    "which": which,
                }
            )
            for column, which in (("shift_weaker", LESS), ("shift_stronger", MORE))
        ],
        ignore_index=True,
    )
    plot = chart(
        in_order(long, parameter=names[::-1], panel=list(panels.values()), which=[LESS, MORE]),
        aes("shift", "parameter", color="which"),
        geom_vline(xintercept=0, linetype="dashed", size=0.4),
        geom_segment(aes(xend=0, yend="parameter"), size=0.4, show_legend=False),
        geom_point(size=2),
        facet_wrap("panel", nrow=1, scales="free_x"),
        # A tenth is little; what is less should look as small as it is.
        expand_limits(x=(-0.1, 0.1)),
        scale_color_manual(values={LESS: CORAL, MORE: TEAL}),
        few_x_numbers(),
        labs(x="Shift of the posterior mean, in posterior SDs", y="", color=""),
    )
    return Figure(plot, PAGE, 1.1 + 0.22 * len(names))


def influence(table, *, labels):
    """How surprising units are, and how far an estimate moves without each.

    Parameters
    ----------
    table : DataFrame
        Columns `of` (`unit`, `row`), `label`, `elpd` and `shift`.
    labels : Mapping
        `unit_noun`.
    """
    units = table[table["of"] == "unit"]
    units = units.assign(move=units["shift"].abs(), name=units["label"].astype(str))
    named, width = units.nlargest(NAMED, "move"), np.ptp(units["elpd"])
    # At the right edge a name would be cut off; elsewhere names on both sides would meet between two points.
    is_right = named["elpd"] > units["elpd"].max() - 0.2 * width
    sides = ((named[~is_right], "left", 0.02 * width), (named[is_right], "right", -0.02 * width))
    plot = chart(
        units,
        aes("elpd", "move"),
        geom_point(color=TEAL, size=1.5, alpha=0.5, stroke=0),
        *(geom_text(aes(label="name"), side, size=7, ha=ha, nudge_x=by) for side, ha, by in sides if len(side)),
        expand_limits(y=(0, 0.1)),
        x_numbers(),
        y_numbers(),
        labs(
            x=f"Log predictive density of a new {labels.get('unit_noun', 'unit')}", y="Largest shift, in posterior SDs"
        ),
    )
    return Figure(plot, COLUMN, 2.4)
