"""Contents of the report's tables: what was measured, estimated and predicted, rounded to what can be trusted."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
from markupsafe import Markup

from partialpool.model import parameters
from partialpool.model.names import ROW_DIM
from partialpool.report.meaning import Meaning
from partialpool.report.numbers import decimals, number
from partialpool.study.data import Data, Nouns

# Categories with more levels than this are names, or notes.
MOST_LEVELS = 12
# The meanings of parameters that have none.
UNKNOWN: Mapping[str, Meaning] = MappingProxyType({})


def described(summary: pd.DataFrame, data: Data) -> pd.DataFrame:
    """The summary of the data, rounded; variables under their labels, with their units of measurement.

    Ids have no mean and no histogram, whether they are numbers or not.
    """
    numbers = ["mean", "sd", "q5.5", "q94.5", "histogram"]
    summary = summary.assign(**summary[numbers].mask(summary["variable"] == data.unit))
    digits = [decimals(sd / 10) if sd > 0 else 2 for sd in summary["sd"].fillna(0)]
    shown = pd.DataFrame(
        {
            "variable": [_labelled(variable, data) for variable in summary["variable"]],
            "n": summary["n"],
            "missing": summary["missing"],
        }
    )
    for column in ("mean", "sd", "q5.5", "q94.5"):
        shown[column] = [number(value, p) for value, p in zip(summary[column], digits, strict=True)]
    return shown.rename(columns={"q5.5": "5.5\N{NO-BREAK SPACE}%", "q94.5": "94.5\N{NO-BREAK SPACE}%"}).assign(
        histogram=["" if pd.isna(bars) else bars for bars in summary["histogram"]]
    )


def levels(prepared: pd.DataFrame, data: Data) -> pd.DataFrame:
    """The levels of each category that has few, in their order, with the number of rows of each."""
    rows = []
    for name, column in prepared.items():
        if name == data.unit or not isinstance(column.dtype, pd.CategoricalDtype):
            continue
        counts = column.value_counts(sort=False)
        if 1 < len(counts) <= MOST_LEVELS:
            rows.append((_labelled(name, data), ", ".join(f"{level} ({n})" for level, n in counts.items())))
    return pd.DataFrame(rows, columns=["category", "levels (rows)"])


def _labelled(column: str, data: Data) -> str:
    """A column's label, with its own name behind if that is another, and what it is measured in."""
    label, unit = data.label(column), data.told_unit(column)
    # A name that says both already, as those of new_study.py from 'height (cm)'.
    if column == data.measured_label(column):
        return column
    named = label if label == column else f"{label} ({column})"
    return f"{named}, {unit}" if unit else named


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
    rows = [(f"{name} {titles[name]}", *rows_and_units(tree, unit)) for name, tree in trees.items()]
    return pd.DataFrame(rows, columns=["model", nouns.measurement[1], nouns.unit[1]])


def rows_and_units(tree, unit: str) -> tuple[int, int]:
    """How many measurements of how many units a model was fitted to."""
    rows = tree["constant_data"]
    return rows.sizes[ROW_DIM], len(np.unique(rows[unit].to_numpy().astype(str)))


def estimates(
    summary: pd.DataFrame, meanings: Mapping[str, Meaning] = UNKNOWN, truth: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """A model's summary, rounded as its posterior sd allows; the Monte Carlo error stands beside it.

    Parameters
    ----------
    summary
        The model's table of parameters.
    meanings
        What parameters are, as far as it is known; it stands below their names.
    truth
        Of simulated data, the values that they were drawn from, by parameter; they stand beside the estimates.
    """
    rows = []
    for row in summary.to_dict("records"):
        places = decimals(row["sd"])
        rows.append(
            {
                **({} if truth is None else {"truth": number(truth.get(row["parameter"], np.nan), places)}),
                **{name: number(row[name], places) for name in ("mean", "sd", "q2.5", "q97.5")},
                "R\N{NON-BREAKING HYPHEN}hat": number(row["rhat"], 3),
                "bulk ESS": number(row["ess_bulk"], 0),
                "tail ESS": number(row["ess_tail"], 0),
                "MCSE": number(row["mcse_mean"], decimals(row["mcse_mean"])),
            }
        )
    shown = pd.DataFrame(rows)
    # Of dtype object, so that pandas keeps what is Markup.
    cells = pd.Series([_parameter(name, meanings.get(name)) for name in summary["parameter"]], dtype=object)
    shown.insert(0, "parameter", cells)
    return shown


def _parameter(name: str, meaning: Meaning | None) -> str:
    """A parameter's name, and below it what it is."""
    if meaning is None:
        return name
    words = "" if meaning.words.striptags() == name else meaning.words
    if below := Markup(", ").join(filter(None, (words, meaning.unit))):
        return Markup('{}<br><span class="meaning">{}</span>').format(name, below)
    return name


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
