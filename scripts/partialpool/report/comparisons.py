"""Comparisons of models in tables and words, and which of their numbers cannot be relied on."""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import pandas as pd
from markupsafe import Markup

from partialpool.loo.pointwise import BAD_PARETO_K
from partialpool.report.elements import bullets, paragraph
from partialpool.report.glossary import link
from partialpool.report.numbers import decimals, number
from partialpool.report.words import listed
from partialpool.study.data import Nouns

# Sivula, Magnusson & Vehtari (2020): below this the normal approximation of a difference in elpd cannot be trusted.
SMALLEST_DIFFERENCE = 4
# Logarithm of a Bayes factor that is told as a power of ten.
LARGEST_FACTOR = math.log(1000)
PLAIN_PSIS = "plain Pareto-smoothed importance sampling (PSIS)"
METHODS = {
    "integrated": "effects integrated out",
    "integrated_refit": "draws of the scales without what is left out where Pareto k is too large",
    "psis": PLAIN_PSIS,
    "moment_matching": "moment matching where Pareto k is too large",
    "refit": "refits where Pareto k is too large",
}


class Block(NamedTuple):
    """Models compared on one estimand by one way of computing it."""

    title: str
    table: pd.DataFrame
    """Rows of the comparison's table, the best model first."""
    has_verdict: bool
    """Whether it is the one to judge the models by: not if it only repeats another for readers of other software."""


def blocks(comparison: pd.DataFrame, nouns: Nouns) -> list[Block]:
    """The parts of a comparison's table: new measurements, new units, and the first once more by plain PSIS."""
    made: list[Block] = []
    seen: set[str] = set()
    for _, table in comparison.groupby((comparison["rank"] == 0).cumsum()):
        estimand = table["estimand"].iloc[0]
        again = estimand in seen
        seen.add(estimand)
        title = f"As other software reports it, by {PLAIN_PSIS}" if again else _title(table, estimand, nouns)
        made.append(Block(title, table, not again))
    return made


def _title(table: pd.DataFrame, estimand: str, nouns: Nouns) -> str:
    (unit, units), (_, measurements) = nouns.unit, nouns.measurement
    words = METHODS | {"kfold": f"fits to all {units} but those of one fold"}
    methods = dict.fromkeys(method for methods in table["method"] for method in methods.split())
    how = ", ".join(words.get(method, method) for method in methods)
    n = table["n"].iloc[0]
    if estimand == "unit":
        return f"New {units}: all {measurements} of one {unit} left out at a time, {n} {units}; {how}"
    return f"New {measurements} of observed {units}: one left out at a time, {n} {measurements}; {how}"


def tabulated(block: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """One block of a comparison as the report shows it: standard errors in parentheses, and Pareto k.

    Without the number of parameters where no model has it: by folds, and in fits that keep the log likelihood at some
    draws only.
    """
    pairs = [("elpd_diff", "se_diff"), ("elpd_loo", "se_elpd_loo"), ("p_loo", "se_p_loo"), ("looic", "se_looic")]
    pairs = [pair for pair in pairs if block[pair[0]].notna().any()]
    return pd.DataFrame(
        {
            "model": [f"{model} {titles[model]}" for model in block["model"]],
            **{
                f"{name} (se)": [
                    "–" if pd.isna(value) else f"{number(value, 1)} ({number(error, 1)})"
                    for value, error in zip(block[name], block[se], strict=True)
                ]
                for name, se in pairs
            },
            "largest k": [number(value, 2) for value in block["max_pareto_k"]],
            f"k\N{NO-BREAK SPACE}>\N{NO-BREAK SPACE}{BAD_PARETO_K}": block["bad_pareto_k"].to_numpy(),
        }
    )


def verdict(block: pd.DataFrame, titles: Mapping[str, str], nouns: Nouns, *, failed: Collection[str] = ()) -> Markup:
    """One block in words: which model predicts best, and which differ from it by more than chance.

    Parameters
    ----------
    block
        Models with the best first: ``model``, ``estimand``, ``elpd_diff``, ``se_diff``, ``bad_pareto_k``.
    titles
        By model.
    nouns
        Of the study.
    failed
        Models of which a convergence check failed.

    Returns
    -------
    Markup
        Sentences. A difference counts if it is at least ``SMALLEST_DIFFERENCE`` and two standard errors; none does
        where a Pareto k is too large or a check failed.
    """
    (_, units), (_, measurements) = nouns.unit, nouns.measurement
    best = block.iloc[0]
    what = f"new {units}" if best["estimand"] == "unit" else f"new {measurements} of observed {units}"
    first = _title_of(best, titles)
    worse, alike, left_open = [], [], {}
    for other in block.iloc[1:].to_dict("records"):
        if reasons := _doubts((best, other), failed):
            left_open.setdefault(reasons, []).append(_title_of(other, titles))
            continue
        (worse if _is_apart(other) else alike).append((_title_of(other, titles), _difference_in_elpd(other)))
    sentences = []
    if worse:
        sentences.append(Markup("{} predicts {} better than {}.").format(first, what, _joined(worse, "and")))
    if len(alike) == 1:
        words = Markup("{} and {} cannot be told apart by how they predict {} ({}).")
        sentences.append(words.format(first, alike[0][0], what, alike[0][1]))
    elif alike:
        words = Markup("Neither {} can be told apart from {} by how they predict {}.")
        sentences.append(words.format(_joined(alike, "nor"), first, what))
    for reasons, others in left_open.items():
        if len(others) == 1:
            words = Markup("Which of {} and {} predicts {} better is left open: {}.")
            sentences.append(words.format(first, others[0], what, reasons))
        else:
            words = Markup("Whether {} predicts {} better than {} is left open: {}.")
            sentences.append(words.format(first, what, listed(others, "or"), reasons))
    return Markup(" ").join(sentences)


def _is_apart(other: Mapping) -> bool:
    """Whether a model differs from the best one by more than chance."""
    return abs(other["elpd_diff"]) >= max(SMALLEST_DIFFERENCE, 2 * other["se_diff"])


def best(comparison: pd.DataFrame, nouns: Nouns) -> str:
    """The model that predicts best; of those that cannot be told apart from it, the best one for new units.

    Where new units are not compared, or a Pareto k is too large there, it is the first of all.
    """
    of_measurements, *of_units = (block.table for block in blocks(comparison, nouns) if block.has_verdict)
    alike = [row["model"] for row in of_measurements.to_dict("records") if not _is_apart(row)]
    for table in of_units:
        trusted = table.loc[table["model"].isin(alike) & (table["bad_pareto_k"] == 0), "model"]
        if len(trusted) == len(alike):
            return trusted.iloc[0]
    return alike[0]


def _doubts(rows: Iterable[Mapping], failed: Collection[str]) -> Markup:
    """Why models cannot be compared; empty if nothing speaks against it."""
    reasons = []
    if any(row["bad_pareto_k"] for row in rows):
        reasons.append(Markup("{} is too large").format(link("pareto", "Pareto k")))
    if models := [row["model"] for row in rows if row["model"] in failed]:
        reasons.append(Markup("convergence checks failed for {}").format(" and ".join(models)))
    return Markup(", and ").join(reasons)


def _title_of(row: Mapping, titles: Mapping[str, str]) -> Markup:
    return Markup("<em>{}</em>").format(titles[row["model"]])


def _difference_in_elpd(other: Mapping) -> Markup:
    return Markup("{} differs by {}, {} {}").format(
        link("elpd", "elpd"), number(-other["elpd_diff"], 1), link("se", "standard error"), number(other["se_diff"], 1)
    )


def _joined(models: list[tuple[Markup, Markup]], word: str) -> Markup:
    """Models, each with its difference."""
    return listed((Markup("{} ({})").format(title, size) for title, size in models), word)


def unreliable(block: pd.DataFrame) -> str:
    """What a Pareto k that is too large means for one block; empty if there is none."""
    bad = block[block["bad_pareto_k"] > 0]
    if bad.empty:
        return ""
    counts = ", ".join(f"{row.bad_pareto_k} of {row.n} in {row.model}" for row in bad.itertuples())
    return f"Pareto k is over {BAD_PARETO_K} for {counts}: these values of elpd have no trustworthy Monte Carlo error."


def left_out(comparison: pd.DataFrame, asked: list[str] | None, nouns: Nouns) -> str:
    """What is not compared because it takes fits that nobody asked for, and how to ask; empty if there is nothing.

    ``asked`` are the estimands that the comparison names in the config.
    """
    if asked or "unit" in set(comparison["estimand"]):
        return ""
    return (
        f"New {nouns.unit[1]} are not compared: for at least one of these models that takes ten more fits. To ask for "
        "them, add 'estimands: [observation, unit]' to this comparison in the config."
    )


def evidence(comparison: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """Log evidence of the models that have it, the largest first, with Monte Carlo errors in parentheses."""
    known = comparison.drop_duplicates("model").dropna(subset="log_evidence")
    known = known.sort_values("log_evidence", ascending=False, kind="stable")
    return pd.DataFrame(
        {
            "model": [f"{model} {titles[model]}" for model in known["model"]],
            "log evidence (MCSE)": _with_error(known["log_evidence"], known["mcse_log_evidence"]),
        }
    )


def untrusted(table: pd.DataFrame) -> str:
    """Which models have an evidence without Monte Carlo error, of a comparison or its Bayes factors; empty if none."""
    models = table.loc[table["log_evidence"].notna() & table["mcse_log_evidence"].isna(), "model"].unique()
    if not len(models):
        return ""
    return (
        f"The evidence of {', '.join(models)} has no trustworthy Monte Carlo error, because the importance weights of "
        "the draws that it is computed from vary too much. Do not rely on it."
    )


def bayes_factors(table: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """Table of ``{comparison}.bayes_factors.csv`` as the report shows it: a row a model, the priors side by side."""
    by_priors = dict(list(table.groupby("priors", sort=False)))
    models = by_priors["as configured"]["model"]
    shown = {"model": [f"{model} {titles[model]}" for model in models]}
    for priors, part in by_priors.items():
        part = part.set_index("model").loc[models]
        shown[f"{priors} (MCSE)"] = _with_error(part["log_bayes_factor"], part["mcse_log_bayes_factor"])
    return pd.DataFrame(shown)


def weighed(table: pd.DataFrame, titles: Mapping[str, str], nouns: Nouns) -> Markup:
    """The Bayes factors of a comparison in words, and whether the priors turn them around."""
    factors = table.pivot(index="model", columns="priors", values="log_bayes_factor")
    best, *others = table["model"].unique()
    sentences = []
    for other in others:
        low, configured, high = (factors.loc[other, priors] for priors in ("halved", "as configured", "doubled"))
        # Neither holds of an evidence that is not known.
        turned = " Which of the two is ahead depends on the priors." if low > 0 or high > 0 else ""
        sentences.append(
            Markup(
                "The {} are {} as probable under {} as under {}; {} with the scales of all priors halved, {} with them "
                "doubled.{}"
            ).format(
                nouns.measurement[1], _times(configured), titles[best], titles[other], _times(low), _times(high), turned
            )
        )
    return paragraph(Markup(" ").join(sentences))


def _times(log_factor: float) -> Markup:
    """How many times as probable the data are under the best model, from the log factor of the other against it."""
    times = -log_factor
    if math.isnan(times):
        return Markup("an unknown number of times")
    if abs(times) > LARGEST_FACTOR:
        return Markup("about 10<sup>{}</sup> times").format(number(times / math.log(10), 0))
    return Markup(f"{number(math.exp(times), decimals(math.exp(times)))} times")


def _with_error(values: pd.Series, errors: pd.Series) -> list[str]:
    """Numbers rounded to what their Monte Carlo errors allow; nothing has none, and what is not known is a dash."""

    def told(value: float, error: float) -> str:
        if error == 0 or math.isnan(value):
            return number(value, 0)
        return f"{number(value, decimals(error))} ({number(error, decimals(error))})"

    return [told(value, error) for value, error in zip(values, errors, strict=True)]


def corrected(pointwise: pd.DataFrame, trees: Mapping, *, unit: str, nouns: Nouns) -> Markup:
    """By how much plain PSIS is wrong, and for which units.

    Parameters
    ----------
    pointwise
        Table of ``{comparison}.pointwise.csv``: ``model, row, elpd, pareto_k, method, psis_elpd, psis_pareto_k``.
    trees
        Fits by model, with ``constant_data``.
    unit
        Column of the unit.
    nouns
        Of the study.

    Returns
    -------
    Markup
        Empty if there is nothing better than plain PSIS to hold it against.
    """
    items = []
    for model, table in pointwise.groupby("model", sort=False):
        if (table["method"] == "psis").all() or table["psis_elpd"].isna().all():
            continue
        units = trees[model]["constant_data"].to_dataset().to_dataframe().set_index("row")[unit].astype(str)
        items.append(Markup("<strong>{}</strong>: {}").format(model, _difference(table.set_index("row"), units, nouns)))
    if not items:
        return Markup()
    one, measurement = nouns.unit[0], nouns.measurement[0]
    why = (
        f"Plain PSIS reweights the draws of the fit to all data. If the {measurement} left out is most of what is "
        f"known about its {one}, few of these draws are plausible without it, and the estimate is off. By how much, "
        "with rows of the data file counted from 0:"
    )
    return paragraph(why) + bullets(items)


def _difference(table: pd.DataFrame, units: pd.Series, nouns: Nouns) -> str:
    """Difference of plain PSIS in one model; ``table`` and ``units`` (ids) are indexed by the row of the data."""
    excess = table["psis_elpd"] - table["elpd"]
    counts = units.groupby(units).transform("size").loc[excess.index]
    bad = ~(table["psis_pareto_k"] <= BAD_PARETO_K)
    unit, measurements = nouns.unit[0], nouns.measurement[1]
    by_count = [
        f"{words} {number(excess[which].sum(), 1)} (rows: {which.sum()})"
        for words, which in (("one", counts == 1), ("two", counts == 2), ("more", counts > 2))
        if which.any()
    ]
    parts = f" The difference by {measurements} per {unit}: {', '.join(by_count)}." if len(by_count) > 1 else ""
    largest = ", ".join(
        f"{unit} {units[row]}, row {row} ({number(excess[row], 2)})"
        for row in excess.abs().sort_values(ascending=False, kind="stable").index[:3]
    )
    of_bad = f"Where Pareto k of plain PSIS is over {BAD_PARETO_K}: {number(excess[bad].sum(), 1)} (rows: {bad.sum()})."
    return (
        f"elpd is {number(table['elpd'].sum(), 1)}, by plain PSIS {number(table['psis_elpd'].sum(), 1)}, a difference "
        f"of {number(excess.sum(), 1)}.{parts} {f'{of_bad} ' if bad.any() else ''}Largest: {largest}."
    )
