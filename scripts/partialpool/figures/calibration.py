"""Ranks of a calibration: distribution functions with their envelopes."""

from collections.abc import Iterator

import pandas as pd
from plotnine import aes, facet_wrap, geom_hline, geom_line, geom_ribbon, labs, scale_color_manual, scale_x_continuous

from partialpool.figures.theme import CORAL, PAGE, TEAL, Figure, chart
from partialpool.simulation import verdicts

COLUMNS = 4


def of_models(ranks: pd.DataFrame, table: pd.DataFrame) -> Iterator[Figure]:
    """A figure of each model, from the ranks and verdicts of all."""
    for model, own in ranks.groupby("model", sort=False):
        yield calibration(verdicts.curves(own), table[table["model"] == model])


def calibration(curves: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Distribution function of the ranks of each quantity of a model, less that of uniform numbers.

    Parameters
    ----------
    curves
        From ``verdicts.curves``.
    table
        Verdicts on the same quantities.

    Returns
    -------
    Figure
        A panel for each quantity: the line of one that is calibrated stays in the grey envelope with a probability of
        95 %; one that is not calibrated has another colour.
    """
    quantities = list(table["quantity"])
    wrong = table["quantity"][table["verdict"].str.startswith(verdicts.NOT_CALIBRATED)]
    curves = curves.assign(
        wrong=curves["quantity"].isin(wrong), quantity=pd.Categorical(curves["quantity"], quantities)
    )
    plot = chart(
        curves,
        aes("at", "difference"),
        geom_ribbon(aes(ymin="low", ymax="high"), fill="#d9d9d9"),
        geom_hline(yintercept=0, linetype="dashed", size=0.3),
        geom_line(aes(color="wrong"), size=0.6),
        scale_color_manual(values={False: TEAL, True: CORAL}, guide=None),
        scale_x_continuous(breaks=[0, 0.5, 1], labels=["0", "0.5", "1"]),
        facet_wrap("quantity", ncol=COLUMNS),
        labs(x="Rank of the true value among the draws, as a share", y="Distribution function less uniform"),
    )
    rows = -(-len(quantities) // COLUMNS)
    return Figure(plot, PAGE, 0.7 + 1.15 * rows)
