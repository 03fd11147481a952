"""Checks of a model against its data and its priors, in words and tables."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from partialpool.data.table import listing
from partialpool.loo.pointwise import BAD_PARETO_K
from partialpool.model.families import OF_LEVELS
from partialpool.report.numbers import all_short, decimals, number, probability, short
from partialpool.study.data import Nouns

# From where on ArviZ's measure of power scaling calls an estimate sensitive.
SENSITIVE = 0.05
# p beyond this, on either side, is told.
EXTREME = 0.025
# p beyond this, of any of some statistics, is seldom by chance alone, and told on the first screen.
MISFIT = 0.005
# Units and measurements that are told.
TOLD = 3
# Parameters that a sentence names, of more.
NAMED = 4
STATISTICS = {
    "mean": "the mean",
    "sd": "the sd",
    "skewness": "the skewness",
    "minimum": "the minimum",
    "maximum": "the maximum",
    "sd_between_units": "the sd of the means of {units}",
    "sd_within_units": "the sd within {units}",
    "autocorrelation": "the autocorrelation within {units}",
}


def prior(tables: Mapping[str, pd.DataFrame], nouns: Nouns, *, family: str, function: str | None = None) -> str:
    """What the priors say of the outcome, and which of them the data have narrowed least.

    ``function`` is what of the outcome a formula has in its place.
    """
    [outcome] = tables["prior_predictive"].to_dict("records")
    both = tables["prior_posterior"].set_index("parameter")
    share = both.iloc[0]
    what = f"values of {function}" if function else nouns.measurement[1]
    if family == "bernoulli":
        words = [
            f"Under the priors the share of successes in a data set is between {short(share['prior_q2.5'])} and "
            f"{short(share['prior_q97.5'])} with probability 95 %; in the data it is {short(share['q50'])}."
        ]
    elif family in OF_LEVELS:
        # All levels are possible under any prior, and nothing else.
        words = []
    else:
        low, high, least, most = all_short([outcome[name] for name in ("q2.5", "q97.5", "low", "high")])
        words = [
            f"Under the priors 95 % of {what} are between {low} and {high}, and {_percent(outcome['outside'])} lie "
            f"outside of the range of the data, {least} to {most}."
        ]
    if not np.isnan(outcome["impossible"]):
        words.append(f"{_percent(outcome['impossible']).capitalize()} lie where none can: {_beyond(outcome)}.")
    narrower = both["narrower"].iloc[1:].dropna()
    if len(narrower):
        least = narrower.idxmin()
        how = "is narrowed least" if narrower[least] > 1 else "is not narrowed"
        words.append(
            f"Of the parameters, {least} {how} by the data: the 95 % interval of its prior is "
            f"{short(narrower[least])} times as wide as that of its posterior."
        )
    return " ".join(words)


def _beyond(outcome: Mapping) -> str:
    parts = [
        f"{word} {short(outcome[bound])}"
        for word, bound in (("under", "lower"), ("over", "upper"))
        if not np.isnan(outcome[bound])
    ]
    return " or ".join(parts)


def misfit(tables: Mapping[str, pd.DataFrame], nouns: Nouns) -> str:
    """How the data differ much from what the model expects, of the checks that were made; empty if they do not."""
    words = []
    if "predictive" in tables and len(far := _extreme(tables["predictive"], MISFIT)):
        words.append(_differences(far, nouns))
    if "loo_pit_curve" in tables and len(_outside(tables["loo_pit_curve"])):
        words.append(f"The {nouns.measurement[1]} do not lie where the model expects them (LOO-PIT).")
    return " ".join(words)


def _extreme(table: pd.DataFrame, share: float = EXTREME) -> pd.DataFrame:
    """Statistics that few replicated data sets have."""
    return table[table[["p", "p_at_most"]].min(axis=1) < share]


def _outside(curve: pd.DataFrame) -> pd.Series:
    """Where a curve leaves its envelope."""
    return curve.loc[(curve["difference"] > curve["upper"]) | (curve["difference"] < curve["lower"]), "x"]


def predictive(table: pd.DataFrame, nouns: Nouns) -> str:
    """Which statistics of the data the model seldom gives."""
    extreme = _extreme(table)
    if extreme.empty:
        return (
            f"No statistic of the data, of {len(table)}, is among the {100 * EXTREME:g} % largest or smallest of those "
            "of replicated data sets."
        )
    return _differences(extreme, nouns)


def _differences(extreme: pd.DataFrame, nouns: Nouns) -> str:
    told = [
        f"{STATISTICS[row['statistic']].format(units=nouns.unit[1])} is {_like(row['observed'], row['sd'])}, and "
        f"{_like(row['q2.5'], row['sd'])} to {_like(row['q97.5'], row['sd'])} in replicated ones (p {_share(row['p'])})"
        for row in extreme.to_dict("records")
    ]
    return f"The data differ from replicated data sets: {'; '.join(told)}."


def statistics(table: pd.DataFrame, nouns: Nouns) -> pd.DataFrame:
    """Statistics of the data beside those of replicated data sets."""
    rows = [
        {"statistic": STATISTICS[row["statistic"]].format(units=nouns.unit[1]).removeprefix("the ")}
        | {name: _like(row[name], row["sd"]) for name in ("observed", "mean", "q2.5", "q97.5")}
        | {"p": probability(row["p"])}
        for row in table.to_dict("records")
    ]
    return pd.DataFrame(rows).rename(columns={"q2.5": "2.5 %", "q97.5": "97.5 %"})


def loo_pit(tables: Mapping[str, pd.DataFrame], nouns: Nouns) -> str:
    """Whether measurements lie where the model expects them."""
    at, table, measurements = _outside(tables["loo_pit_curve"]), tables["loo_pit"], nouns.measurement[1]
    words = [f"The {measurements} lie where the model expects them: the curve stays in its envelope."]
    if len(at):
        ends = f"between {at.min():.2f} and {at.max():.2f}"
        ends = f"at {at.min():.2f}" if f"{at.min():.2f}" == f"{at.max():.2f}" else ends
        words = [f"The {measurements} do not lie where the model expects them: the curve leaves its envelope {ends}."]
    if bad := int((~(table["pareto_k"] <= BAD_PARETO_K)).sum()):
        words.append(f"Pareto k is over {BAD_PARETO_K:g} for {bad} of {len(table)} {nouns.measurement[1]}.")
    return " ".join(words)


def sensitivity(table: pd.DataFrame) -> str:
    """Which estimates move most if the priors or the data counted less or more."""
    words = []
    for component, what in (("prior", "priors"), ("likelihood", "data")):
        row = _largest(table[table["component"] == component])
        words.append(
            f"If the {what} counted a quarter more or a fifth less, {row['parameter']} would move most: by "
            f"{_shift(row)} of its posterior sd."
        )
    wide = table.pivot(index="parameter", columns="component", values="psense")
    sensitive = wide[wide["prior"] >= SENSITIVE]
    for names, diagnosis in (
        (sensitive.index[sensitive["likelihood"] >= SENSITIVE], "priors and data both count, and may disagree, on"),
        (sensitive.index[sensitive["likelihood"] < SENSITIVE], "priors count more than data for"),
    ):
        if len(names):
            words.append(
                f"By ArviZ's measure (psense, {SENSITIVE:g} or more) {diagnosis} {listing(list(names), NAMED)}."
            )
    if sensitive.empty:
        words.append(f"By ArviZ's measure no estimate is sensitive to the priors (psense under {SENSITIVE:g}).")
    if (largest := table["pareto_k"].max()) > BAD_PARETO_K:
        words.append(f"Importance weights have a Pareto k of up to {largest:.2f}: these numbers cannot be relied on.")
    return " ".join(words)


def shifts(table: pd.DataFrame) -> pd.DataFrame:
    """Shifts of posterior means in posterior sds, rounded to what can be trusted."""
    rows = []
    for row in table.to_dict("records"):
        weaker, stronger = (_like(row[name], 10 * row["mcse_shift"]) for name in ("shift_weaker", "shift_stronger"))
        what = {"prior": "priors", "likelihood": "data"}[row["component"]]
        rows.append((row["parameter"], what, weaker, stronger, f"{row['mcse_shift']:.2g}", number(row["psense"], 3)))
    columns = ["parameter", "what counts less or more", "a fifth less", "a quarter more", "MCSE", "psense"]
    return pd.DataFrame(rows, columns=columns)


def _largest(table: pd.DataFrame) -> Mapping:
    return table.loc[table[["shift_weaker", "shift_stronger"]].abs().max(axis=1).idxmax()]


def _shift(row: Mapping) -> str:
    value = max(abs(row["shift_weaker"]), abs(row["shift_stronger"]))
    return "less than 0.01" if value < 0.005 else f"at most {value:.2f}"


def influence(table: pd.DataFrame, nouns: Nouns) -> str:
    """Without which unit and which measurement an estimate would be farthest from what it is."""
    words, kinds = [], {"unit": nouns.unit[0], "row": f"the {nouns.measurement[0]} in row"}
    for of, what in kinds.items():
        first = table[table["of"] == of].head(1).to_dict("records")
        # That a unit's own coefficient is unknown without its data needs no words.
        words += [_without(row, what) for row in first if not row["parameter"].endswith(f"[{row['label']}]")]
    for of, noun in (("unit", nouns.unit), ("row", nouns.measurement)):
        own = table[table["of"] == of]
        if bad := int(((own["method"] != "refit") & ~(own["pareto_k"] <= BAD_PARETO_K)).sum()):
            words.append(
                f"For {bad} of {len(own)} {noun[1]} Pareto k is over {BAD_PARETO_K:g}: what weights say of them cannot "
                "be relied on."
            )
    return " ".join(words)


def _without(row: Mapping, what: str) -> str:
    by = "fitted again" if row["method"] == "refit" else "by importance weights"
    if row["method"] != "refit" and not row["pareto_k"] <= BAD_PARETO_K:
        by += f", whose Pareto k of {row['pareto_k']:.2f} is over {BAD_PARETO_K:g}"
    return (
        f"Without {what} {row['label']}, {row['parameter']} would be {_like(row['mean_without'], row['sd'])} instead "
        f"of {_like(row['mean'], row['sd'])}, a change of {abs(row['shift']):.2f} posterior sds ({by})."
    )


def influential(table: pd.DataFrame, nouns: Nouns) -> pd.DataFrame:
    """The units and measurements that move an estimate most."""
    rows = []
    for of, noun in (("unit", nouns.unit[0]), ("row", f"{nouns.measurement[0]} in row")):
        for row in table[table["of"] == of].head(TOLD).to_dict("records"):
            values = [_like(row[name], row["sd"]) for name in ("mean", "mean_without")]
            shift, elpd, k = (number(row[name], 2) for name in ("shift", "elpd", "pareto_k"))
            rows.append((f"{noun} {row['label']}", elpd, k, row["parameter"], *values, shift, row["method"]))
    columns = ["without", "elpd", "Pareto k", "moves most", "with", "without it", "shift in sds", "method"]
    return pd.DataFrame(rows, columns=columns)


def _share(p: float) -> str:
    """``= 0.012``, or ``under 0.001``."""
    words = probability(p)
    return words if " " in words else f"= {words}"


def _like(value: float, sd: float) -> str:
    """A number with the decimals that an uncertainty allows."""
    return number(value, decimals(sd))


def _percent(share: float) -> str:
    return "none" if share == 0 else f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
