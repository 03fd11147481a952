"""Contents of the report's tables: what was measured, estimated and predicted, rounded to what can be trusted."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from partialpool.model import parameters
from partialpool.model.names import ROW_DIM
from partialpool.report.numbers import decimals, number
from partialpool.study.data import Nouns


def described(summary: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """The summary of the data, rounded; variables under their labels."""
    places = [decimals(sd / 10) if sd > 0 else 2 for sd in summary["sd"].fillna(0)]
    shown = pd.DataFrame(
        {
            "variable": [_labelled(variable, labels) for variable in summary["variable"]],
            "n": summary["n"],
            "missing": summary["missing"],
        }
    )
    for column in ("mean", "sd", "q5.5", "q94.5"):
        shown[column] = [number(value, p) for value, p in zip(summary[column], places, strict=True)]
    return shown.rename(columns={"q5.5": "5.5\N{NO-BREAK SPACE}%", "q94.5": "94.5\N{NO-BREAK SPACE}%"}).assign(
        histogram=["" if pd.isna(bars) else bars for bars in summary["histogram"]]
    )


def _labelled(column: str, labels: Mapping[str, str]) -> str:
    """A column's label, with its own name behind if that is another."""
    label = labels.get(column, column)
    return label if label == column else f"{label} ({column})"


def rows_used(trees: Mapping, titles: Mapping[str, str], *, unit: str, nouns: Nouns) -> pd.DataFrame:
    """How many measurements of how many units each model uses.

    Parameters
    ----------
    trees
        Fits by model, with ``constant_data``.
    titles
        By model.
    unit
        Column of the unit.
    nouns
        Headings of the counts.
    """
    return pd.DataFrame(
        [
            {
                "model": f"{name} {titles[name]}",
                nouns.measurement[1]: tree["constant_data"].sizes[ROW_DIM],
                nouns.unit[1]: len(np.unique(tree["constant_data"][unit].to_numpy().astype(str))),
            }
            for name, tree in trees.items()
        ]
    )


def estimates(summary: pd.DataFrame, truth: Mapping[str, float] | None = None) -> pd.DataFrame:
    """A model's summary, rounded as its posterior sd allows.

    Parameters
    ----------
    summary
        The model's table of parameters.
    truth
        Of simulated data, the values that they were drawn from, by parameter; they stand beside the estimates.
    """
    rows = []
    for row in summary.to_dict("records"):
        places = decimals(row["sd"])
        rows.append(
            {
                "parameter": row["parameter"],
                **({} if truth is None else {"truth": number(truth.get(row["parameter"], np.nan), places)}),
                **{name: number(row[name], places) for name in ("mean", "sd", "q2.5", "q97.5")},
                "R\N{NON-BREAKING HYPHEN}hat": number(row["rhat"], 3),
                "bulk ESS": number(row["ess_bulk"], 0),
                "tail ESS": number(row["ess_tail"], 0),
                "MCSE": number(row["mcse_mean"], decimals(row["mcse_mean"])),
            }
        )
    return pd.DataFrame(rows)


def population_parameters(tree) -> set[str]:
    """Names of the common coefficients and scales of a fit: all parameters but the group-level effects."""
    return {p.name for p in parameters.of(tree["posterior"].to_dataset()) if p.kind != "group"}


def summarised_effects(tree) -> int:
    """Number of the group-level effects of which a fit keeps a summary in the place of draws."""
    if "group_effects" not in tree.children:
        return 0
    return sum(values.sel(statistic="mean").size for values in tree["group_effects"].data_vars.values())


def sizes(trees: Mapping, titles: Mapping[str, str]) -> pd.DataFrame:
    """Number of parameters of each model by kind."""
    records = []
    for name, tree in trees.items():
        kinds = pd.Series([p.kind for p in parameters.of(tree["posterior"].to_dataset())]).value_counts()
        counts = {kind: int(kinds.get(kind, 0)) for kind in ("common", "sd", "cor", "family", "group")}
        counts["group"] += summarised_effects(tree)
        records.append(
            {
                "model": f"{name} {titles[name]}",
                "common coefficients": counts["common"],
                "group-level effects": counts["group"],
                "sds and correlations": counts["sd"] + counts["cor"],
                "family": counts["family"],
                "total": sum(counts.values()),
            }
        )
    return pd.DataFrame(records)


def predicted(table: pd.DataFrame, labels: Mapping[str, str], nouns: Nouns) -> pd.DataFrame:
    """A table of predictions, rounded to what their intervals allow; the unit's column under its noun."""
    places = [decimals((high - low) / 4) for low, high in zip(table["q2.5"], table["q97.5"], strict=True)]
    shown = table.copy()
    for column in ("mean", "q2.5", "q97.5"):
        shown[column] = [number(value, p) for value, p in zip(table[column], places, strict=True)]
    return shown.rename(columns={**labels, "id": nouns.unit[0]})
