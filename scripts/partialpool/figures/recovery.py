"""How well parameters are found again in data that were made from them."""

from collections.abc import Iterator

import pandas as pd
from plotnine import aes, facet_wrap, geom_point, geom_segment, geom_vline, labs

from partialpool.figures.scales import few_x_numbers
from partialpool.figures.theme import PAGE, TEAL, Figure, chart

PANELS = {
    "Bias (posterior sds)": 0.0,
    "In 50 % intervals": 0.5,
    "In 95 % intervals": 0.95,
}


def of_models(table: pd.DataFrame) -> Iterator[Figure]:
    """A figure of each model, from the results of all (``simulation.recovery.table``)."""
    for _, own in table.groupby("model", sort=False):
        yield recovery(own)


def recovery(table: pd.DataFrame) -> Figure:
    """Bias and coverage of each parameter of a model, with two Monte Carlo errors to each side.

    Parameters
    ----------
    table
        Columns `parameter`, `mean_sd`, and `bias`, `coverage_50`, `coverage_95` with `mcse_*`.
    """
    numbers = {
        "bias": (table["bias"] / table["mean_sd"], table["mcse_bias"] / table["mean_sd"], None, None),
        "coverage_50": (table["coverage_50"], table["mcse_coverage_50"], 0, 1),
        "coverage_95": (table["coverage_95"], table["mcse_coverage_95"], 0, 1),
    }
    parts = [
        pd.DataFrame(
            {
                "parameter": pd.Categorical(table["parameter"], list(table["parameter"])[::-1]),
                "panel": panel,
                "value": value,
                "low": (value - 2 * error).clip(lower=lowest),
                "high": (value + 2 * error).clip(upper=highest),
            }
        )
        for panel, (value, error, lowest, highest) in zip(PANELS, numbers.values(), strict=True)
    ]
    points = pd.concat(parts, ignore_index=True)
    points["panel"] = pd.Categorical(points["panel"], list(PANELS))
    wanted = pd.DataFrame({"panel": pd.Categorical(list(PANELS), list(PANELS)), "at": list(PANELS.values())})
    plot = chart(
        points,
        aes("value", "parameter"),
        geom_vline(aes(xintercept="at"), wanted, linetype="dashed", size=0.4),
        geom_segment(aes("low", xend="high", yend="parameter"), color=TEAL, size=0.6),
        geom_point(color=TEAL, size=1.6),
        facet_wrap("panel", ncol=len(PANELS), scales="free_x"),
        few_x_numbers(),
        labs(x="Bias, and share of the intervals that have the true value", y=""),
    )
    return Figure(plot, PAGE, 0.8 + 0.22 * len(table))
