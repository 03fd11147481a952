"""The check of our numbers against printed ones."""

from collections.abc import Collection

import pandas as pd
from markupsafe import Markup

from partialpool.fit.failed import marked
from partialpool.report.elements import paragraph, table
from partialpool.report.numbers import decimals, number

VERDICTS = ("reproduced", "differs", "unreliable", "sampler")


def tally(numbers: pd.DataFrame, source: str) -> Markup:
    """How many numbers have which verdict; see ``explained``."""
    counts = numbers["verdict"].value_counts()
    each = Markup(", ").join(
        Markup("{}{} <em>{}</em>").format(int(counts[verdict]), " of the" * (verdict == "sampler"), verdict)
        for verdict in VERDICTS
        if verdict in counts
    )
    return Markup("The {} numbers of {}, each beside ours: {}").format(len(numbers), source, each)


def explained(numbers: pd.DataFrame, source: str) -> Markup:
    """How many numbers have which verdict, and what the verdicts mean.

    Parameters
    ----------
    numbers
        Table of ``published.csv``.
    source
        Where the numbers were printed.
    """
    text = Markup(
        "<p>{tally}. A number is <em>reproduced</em> if the two "
        "differ by no more than the rounding of the printed one plus four combined Monte Carlo standard errors of the "
        "two runs; numbers that follow from the data alone have no Monte Carlo error. <em>Unreliable</em> are "
        "values of leave-one-out cross-validation with Pareto k over 0.7, for which no such error can be given. "
        "<em>Sampler</em> marks R-hat and effective sample sizes: they describe one run of one sampler, and another "
        "run has its own; and warmup iterations, where our draws need none.</p>"
    ).format(tally=tally(numbers, source))
    n = int((numbers["verdict"] == "differs").sum())
    if not n:
        return text
    differ = f"{n} numbers differ" if n > 1 else "1 number differs"
    return text + paragraph(Markup("<strong>{}</strong> by more than that.").format(differ))


def tables(numbers: pd.DataFrame, *, failed: Collection[str] = ()) -> Markup:
    """What differs, cross-validation, and the rest folded away; models of which a check ``failed`` have a mark."""
    shown = numbers.assign(
        ours=[
            number(ours, len(str(printed).partition(".")[2]) + 1)
            for printed, ours in zip(numbers["published"], numbers["ours"], strict=True)
        ],
        mcse=[number(m, decimals(m)) if m > 0 else ("–" if pd.isna(m) else "0") for m in numbers["mcse"]],
        tolerance=[number(t, decimals(t)) for t in numbers["tolerance"]],
        model=[marked(model, model, failed) for model in numbers["model"].fillna("")],
        published=numbers["published"].str.replace("-", "−"),
    )
    differs, loo = shown["verdict"] == "differs", shown["source"] == "loo"
    made = [table(shown[differs], "Numbers that differ")] if differs.any() else []
    made += [table(shown[loo].drop(columns="source"), "Leave-one-out cross-validation")] if loo.any() else []
    return Markup().join([*made, table(shown[~loo & ~differs], "All other numbers")])
