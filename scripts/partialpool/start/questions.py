"""What a new study asks of its author: what the data leave open, each in a few words for the terminal."""

from shlex import quote

import numpy as np

from partialpool.data.table import Table
from partialpool.jobs.plan import long_fit
from partialpool.model.families import PARENTS
from partialpool.start import columns, family, words
from partialpool.start.columns import quoted
from partialpool.start.facts import LEAST_UNITS, Facts
from partialpool.start.roles import Settled, says_success
from partialpool.start.write import codes_among, parts_among


def of(
    facts: Facts,
    settled: Settled,
    proposed: family.Family,
    table: Table,
    others: list[columns.Column],
    *,
    outcome: str,
    has_levels: bool,
) -> dict[str, str]:
    """The questions by what they are about; empty texts where there is nothing to ask.

    Parameters
    ----------
    facts, settled, proposed
        What was found out about the data, and what is proposed.
    table
        The data as text.
    others
        Its columns without a role.
    outcome
        The column of the file, of which that of the models may be derived.
    has_levels
        Whether the order of the outcome's levels was given.
    """
    names = table.frame.columns.drop("row").tolist()
    return {
        "units?": _few_units(facts),
        "wide?": " ".join(columns.in_wide_form(outcome, names).split()),
        "success?": "" if has_levels else _other_success(settled),
        "trials?": _possible_trials(facts, others),
        "bounds?": _bounds(facts, others, outcome),
        "ids?": _begin_anew(facts, others),
        "levels?": _levels_below(facts, others),
        "codes?": ", ".join(codes_among(facts, others)),
        "slow?": _slow(facts, proposed),
    }


def _few_units(facts: Facts) -> str:
    """A doubt whether the unit is one, where there are few; empty where there are enough."""
    if facts.n_units >= LEAST_UNITS:
        return ""
    return (
        f"{facts.n_units} {facts.nouns[1]} say little of how {facts.nouns[1]} differ. Does {facts.unit} say whose "
        "measurements they are, or is it a group of those?"
    )


def _other_success(settled: Settled) -> str:
    """Which of two levels counts as success where nothing says so; empty if something does."""
    two = settled.types.get(settled.roles.outcome, ())
    if len(two) != 2 or says_success(two[-1]):
        return ""
    return (
        f"{two[-1]} counts as success, and the file does not say which should. For {two[0]}, make the study again "
        f"with --levels {quote(f'{two[1]},{two[0]}')}."
    )


def _possible_trials(facts: Facts, others: list[columns.Column]) -> str:
    """Which column may have the trials of which counts are the successes; empty if none does."""
    if facts.trials or not facts.has_numbers or not _are_counts(facts.numbers.to_numpy(dtype=float)):
        return ""
    # A bound of the counts: never smaller, and so small in some row that others have larger ones.
    # ASSUME: one number for all rows is one if it is less than ten times the largest count, unlike the year 1997.
    whole = facts.measured[[c.name for c in others if c.kind == "whole numbers" and c.repeated]]
    bounds = [
        name
        for name, values in whole.select_dtypes("number").items()
        if (values >= facts.numbers).all() and values.min() < facts.numbers.max() * (10 if values.nunique() == 1 else 1)
    ]
    if not bounds:
        return ""
    return (
        f"{' and '.join(bounds)} {'is' if len(bounds) == 1 else 'are'} never smaller than {facts.outcome}. If "
        f"{facts.outcome} is so many of {bounds[0]}, make the study again with --trials {quote(bounds[0])}."
    )


def _are_counts(values: np.ndarray) -> bool:
    """Whether numbers may be counts of more than one trial: whole, not negative, and no levels of a scale."""
    return bool((values % 1 == 0).all() and values.min() >= 0 and values.max() > 1 and not family.are_levels(values))


def _bounds(facts: Facts, others: list[columns.Column], outcome: str) -> str:
    """Which column may say in which rows the outcome is only a bound, as in survival times; empty if none does."""
    if not facts.has_numbers:
        return ""
    names = [c.name for c in others if c.distinct in (2, 3) and words.of_censoring(c.name, outcome)]
    if not names:
        return ""
    return (
        f"If {names[0]} says in which rows {outcome} is censored (only known to be more than it says, or less), "
        "the models here are wrong for it: they take all rows as measured. brms fits such data, with cens()."
    )


def _begin_anew(facts: Facts, others: list[columns.Column]) -> str:
    """Whether one id may stand for several units, as where children are counted anew in each school; empty if not."""
    twice, (one, several) = facts.units_twice_at_a_time if facts.time else 0, facts.nouns
    # ASSUME: ids that begin anew meet at the same times in most units; a few that do are measured twice.
    if twice <= facts.n_units / 2:
        return ""
    column = facts.tells_apart([c.name for c in others if c.kind in ("text", "whole numbers")])
    if column is None:
        return ""
    unit = facts.rows_of_units.index[0]
    return (
        f"{twice} of {facts.n_units} {several} have several measurements at one time, which {column} tells apart. If "
        f"{one} {unit} is another one in each {column}, give each an id of its own in the file; if it is the same one, "
        f"make the study again with --condition {quote(column)}."
    )


def _levels_below(facts: Facts, others: list[columns.Column]) -> str:
    """Which columns may be a level between measurements and units; empty if none is."""
    parts = parts_among(facts, others)
    if not parts:
        return ""
    one, several = facts.nouns
    return (
        f"Each value of {' and of '.join(parts)} is of one {one} only. If they are names of parts of {several}, as of "
        f"classes in schools, + (1 | {quoted(parts[0])}) in formulas makes them a level of their own."
    )


def _slow(facts: Facts, proposed: family.Family) -> str:
    """A warning of fits that take long; empty where they do not."""
    told = long_fit(len(facts.measured), proposed.name, by_quadrature=proposed.name in PARENTS)
    if proposed.name == "gaussian" or not told:
        return ""
    return (
        f"A model of {told}; a file with some of the {facts.nouns[1]} shows sooner whether the study is as you want it."
    )
