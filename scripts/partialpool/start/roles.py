"""The section `data` of a new study: roles of columns, and the columns to derive so that models can use them."""

import re
from dataclasses import dataclass, field, replace
from shlex import quote

import numpy as np
import pandas as pd

from partialpool.data.doubts import without_value
from partialpool.data.table import Table, listing, short
from partialpool.data.types import DATE, like_levels, numbers
from partialpool.errors import StudyError, suggest
from partialpool.start.columns import in_wide_form, quoted
from partialpool.start.family import are_levels
from partialpool.start.words import label, measured_in, unit_of_time

# What parameters of families, and columns of predictions, are called: no column in a formula can have such a name, and
# no predictor the other.
_PARAMETERS = {"Intercept", "1", "chain", "draw", "p", "mu", "sigma", "alpha", "kappa", "nu", "threshold"}
_PREDICTIONS = {"id", "model", "quantity", "mean", "value"}
# Of two levels, what counts as success where it is one of these; else the last of the alphabet does.
_SUCCESSES = {"yes", "y", "true", "t", "positive", "present", "success"}
# PyMC and formulas have no names with these characters, not even in backquotes.
_REFUSED = re.compile(r"""[/|\[\]`'"\\{}]""")
# ASSUME: time that begins further from 0 than half of its range is better counted from its beginning: at 0, far outside
# the data, an intercept means nothing and cannot be told from the slope.
_FAR = 0.5

_SCHOOL_YEAR = r"\d{4}\s*[/–-]\s*(\d{2}|\d{4})"
_OTHER_DATE = r"\d{1,4}[/.-]\d{1,2}[/.-]\d{2,4}([ T].*)?"

# In letters: longer titles of columns are sentences, which no axis has room for.
_LONGEST_TITLE = 50


@dataclass(frozen=True)
class Roles:
    """The columns by what they are; ``time``, ``group`` and ``condition`` None where there are none.

    A group is the same in all rows of a unit; a condition, as of an experiment, changes within units.
    """

    outcome: str
    unit: str
    time: str | None = None
    group: str | None = None
    condition: str | None = None

    def items(self) -> list[tuple[str, str]]:
        """Role and column of those that there are."""
        return [(role, column) for role, column in vars(self).items() if column is not None]

    @property
    def of_config(self) -> dict[str, str | None]:
        """Those that are keys of the section `data`; a condition is a predictor as any other."""
        return {role: column for role, column in vars(self).items() if role != "condition"}


@dataclass
class Settled:
    """The section `data`, but for the source.

    Attributes
    ----------
    roles
        Of which outcome and time may be derived.
    columns
        All columns of the file.
    types, derive, labels, units_of_measurement
        As the config has them.
    reasons
        By key (``types.period``, ``derive.age_from_start``), why it is there.
    """

    roles: Roles
    columns: list[str]
    types: dict[str, str | list[str]] = field(default_factory=dict)
    derive: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    units_of_measurement: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def settle(table: Table, roles: Roles, levels: list[str], name: str) -> Settled:
    """Settle what the roles of columns need.

    Parameters
    ----------
    table
        The data as text.
    roles
        The columns of the file.
    levels
        The outcome's levels in their order; empty if they are not given.
    name
        What messages call the file.

    Raises
    ------
    StudyError
        A column is not there, has two roles, or values or a name that its role cannot have.
    """
    check(table, roles, name)
    if roles.group:
        _check_group(table, roles)
    if roles.condition:
        check_condition(table, roles.unit, roles.condition)
    settled = Settled(roles, table.frame.columns.drop("row").tolist())
    # The unit is called by its noun.
    settled.labels = {column: _label(table, column) for role, column in roles.items() if role != "unit"}
    for role, column in roles.items():
        if role in ("unit", "group", "condition") and _needs_name(role, column):
            _refuse_name(role, column)
    outcome = _outcome(settled, table, levels)
    time = None if roles.time is None else _time(settled, table.frame[roles.time].dropna())
    of_time = time and (measured_in(roles.time) or unit_of_time(time) or unit_of_time(roles.time))
    # Of two levels the outcome is a probability.
    of_outcome = None if roles.outcome in settled.types else measured_in(roles.outcome)
    settled.units_of_measurement = {column: unit for column, unit in ((outcome, of_outcome), (time, of_time)) if unit}
    if roles.condition and numbers(table.frame[roles.condition].dropna()).notna().all():
        settled.types[roles.condition] = "category"
        settled.reasons[f"types.{roles.condition}"] = "Its numbers are names of conditions."
    settled.roles = replace(roles, outcome=outcome, time=time)
    return settled


def _label(table: Table, column: str) -> str:
    """What the report calls a column: as the file does, if that is no whole question, or by its name."""
    title = " ".join(table.titles.get(column, "").split())
    # R writes the names of columns as titles too.
    return title if 0 < len(title) <= _LONGEST_TITLE and title != column else label(column)


def check(table: Table, roles: Roles, name: str) -> None:
    """Refuse columns that are not in the file or have two roles."""
    for role, column in roles.items():
        check_column(role, column, table, name)
    named = [column for _, column in roles.items()]
    if twice := next((column for column in named if named.count(column) > 1), None):
        raise StudyError(f"'{twice}' cannot be {' and '.join(r for r, c in roles.items() if c == twice)} at once.")


def check_column(role: str, column: str, table: Table, name: str) -> None:
    """Refuse a column that is not in the file."""
    columns = table.frame.columns.drop("row").tolist()
    if column not in columns:
        wide = in_wide_form(column, columns) if role == "outcome" else ""
        raise StudyError(
            f"--{role}: {name} has no column '{column}'.{suggest(column, columns)}\nColumns: {listing(columns)}.{wide}"
        )


def check_trials(table: Table, roles: Roles, trials: str, name: str) -> None:
    """Refuse a column of trials that is not in the file, has another role, or a name that models cannot have."""
    check_column("trials", trials, table, name)
    if other := next((role for role, column in roles.items() if column == trials), None):
        raise StudyError(f"'{trials}' cannot be trials and {other} at once.")
    if _needs_name("trials", trials):
        _refuse_name("trials", trials)


def varying(table: Table, unit: str, column: str) -> list[str]:
    """Units in whose rows a column has several values; an empty list if it groups units."""
    several = table.frame.groupby(unit, sort=False)[column].nunique() > 1
    return several.index[several].tolist()


def _check_group(table: Table, roles: Roles) -> None:
    """Refuse a group that changes within a unit, with examples."""
    units = varying(table, roles.unit, roles.group)
    if not units:
        return
    of_unit, of_group = (table.labels.get(column, {}) for column in (roles.unit, roles.group))
    values = table.frame.dropna(subset=[roles.group]).groupby(roles.unit)[roles.group].unique()
    examples = [
        f"  {roles.unit} {short(of_unit.get(unit, unit))}: {listing([of_group.get(v, v) for v in values[unit]], 5)}"
        for unit in units[:3]
    ]
    raise StudyError(
        f"--group: '{roles.group}' has several values within {len(units)} unit{'s' * (len(units) > 1)}, so it is no "
        "group of them:\n"
        + "\n".join(examples)
        + f"\nWhat changes within units is a condition: --condition {quote(roles.group)}\n"
        "Or, if ids begin anew somewhere, so that one stands for several units, give each unit an id of its own in the "
        "file."
    )


def check_condition(table: Table, unit: str, condition: str) -> None:
    """Refuse a condition that does not change within units, or of which each row has another one."""
    if not varying(table, unit, condition):
        raise StudyError(
            f"--condition: '{condition}' is the same in all rows of each {unit}, so it is a group of them, or says "
            f"nothing. A group is named by --group {quote(condition)}"
        )
    if not table.frame[condition].dropna().duplicated().any():
        raise StudyError(f"--condition: every row has a value of '{condition}' of its own; a condition has several.")


def _needs_name(role: str, column: str) -> bool:
    """Whether models cannot have a column of this name in a role."""
    taken = _PARAMETERS | (_PREDICTIONS if role in ("time", "group", "condition") else set())
    return bool(_REFUSED.search(column)) or column in taken


def _refuse_name(role: str, column: str) -> None:
    raise StudyError(
        f"--{role}: models cannot have a column called '{column}'; rename it in the file, with letters, digits and "
        "underscores."
    )


def _plain(column: str) -> str:
    """A name that a model can have."""
    if "`" in column:
        raise StudyError(f"column '{column}' has a backquote in its name; rename it in the file.")
    plain = re.sub(r"\W+", "_", column).strip("_")
    return plain if re.match(r"[^\W\d_]", plain) else f"column_{plain}"


def _outcome(settled: Settled, table: Table, given: list[str]) -> str:
    """The outcome as models have it: levels are written down in their order, an awkward name is replaced."""
    column = settled.roles.outcome
    levels, codes = _levels(table, column)
    if given:
        check_levels(column, given, levels)
        _list(settled, given, "In the order of --levels")
    elif unordered := levels_without_order(table, column):
        raise StudyError(
            f"--outcome: column '{column}' has the levels {', '.join(unordered)}; the file does not tell their order.\n"
            "Give it, from the lowest to the highest; here they are in the order of the alphabet:  "
            f"--levels '{','.join(unordered)}'"
        )
    elif len(levels) == 2 and (set(codes) != {0, 1} if codes is not None else like_levels(table.frame[column])):
        _list(settled, sorted(levels, key=says_success), "Of two levels")
    elif codes is not None and are_levels(codes) and levels != [f"{code:g}" for code in codes]:
        _list(settled, levels, "Labels of values, in the order of their codes")
    if not _needs_name("outcome", column):
        return column
    if column in settled.types:
        _refuse_name("outcome", column)
    return _renamed(settled, column)


def says_success(level: str) -> bool:
    """Whether a level says of itself that it is a success."""
    return level.lower() in _SUCCESSES


def _levels(table: Table, column: str) -> tuple[list[str], np.ndarray | None]:
    """Different values of a column in their order, under their labels if all have one; and as numbers, if they are."""
    different = table.frame[column].dropna().drop_duplicates()
    codes = numbers(different)
    is_numeric = codes.notna().all()
    ordered = different.iloc[codes.argsort()] if is_numeric else different.sort_values()
    labels = table.labels.get(column, {})
    levels = [labels[code] for code in ordered] if set(ordered) <= set(labels) else ordered.tolist()
    return levels, np.sort(codes) if is_numeric else None


def levels_without_order(table: Table, column: str) -> list[str]:
    """Levels of an outcome of three or more texts, whose order no file tells; an empty list of any other outcome.

    Raises
    ------
    StudyError
        If one of them most often means that there is no value, such as ``.``.
    """
    levels = like_levels(table.frame[column].dropna())
    if len(levels) > 2 and (found := without_value(levels)):
        raise StudyError(_or_no_value(column, found[0]))
    return levels if len(levels) > 2 else []


def check_levels(column: str, given: list[str], levels: list[str]) -> None:
    """Refuse levels that are not those of the file, each once."""
    if sorted(given) == sorted(levels):
        return
    if left_out := without_value(set(levels) - set(given)):
        raise StudyError(_or_no_value(column, left_out[0]))
    unknown = [f"'{level}'" for level in given if level not in levels]
    not_there = f", and no row has {' or '.join(unknown)}" if unknown else ""
    raise StudyError(
        f"--levels: column '{column}' has the levels {', '.join(levels)}{not_there}; name each of them once."
    )


def _or_no_value(column: str, level: str) -> str:
    return (
        f"--outcome: column '{column}' has '{level}'. If that means that there is no value, leave those cells empty. "
        "If it is a level, give all levels, from the lowest to the highest, by --levels."
    )


def _list(settled: Settled, levels: list[str], why: str) -> None:
    column = settled.roles.outcome
    settled.types[column] = levels
    if len(levels) == 2:
        # Expected values are probabilities of this level.
        settled.labels[column] = f"{settled.labels[column]} = {levels[-1]}"
    last = f" the last, {levels[-1]}, counts as success" if len(levels) == 2 else " from the lowest to the highest"
    settled.reasons[f"types.{column}"] = f"{why},{last}."


def _renamed(settled: Settled, column: str) -> str:
    """A new column with the same numbers, under a name that a model can have."""
    return _derive(
        settled,
        _plain(column),
        quoted(column),
        label=settled.labels[column],
        why=f"Models cannot have a column called '{column}'.",
    )


def take_logarithm(settled: Settled) -> None:
    """Have the logarithm of the outcome as the outcome."""
    column, label = settled.roles.outcome, settled.labels[settled.roles.outcome]
    unit = settled.units_of_measurement.pop(column, None)
    name = _derive(
        settled,
        f"log_{_plain(column)}",
        f"log({quoted(column)})",
        label=f"log({label} in {unit})" if unit else f"log({label})",
        why="A difference of logarithms is a ratio: exp() of a coefficient says by which factor the outcome changes, "
        "and exp() of a mean is the median.",
    )
    settled.roles = replace(settled.roles, outcome=name)


def _derive(settled: Settled, name: str, expression: str, *, label: str, why: str) -> str:
    """A new column, under a name that no other has."""
    while name in settled.columns or name in _PARAMETERS | _PREDICTIONS:
        name += "_"
    settled.derive[name], settled.labels[name], settled.reasons[f"derive.{name}"] = expression, label, why
    return name


def _time(settled: Settled, text: pd.Series) -> str:
    """Time as models have it: dates in years, and counted from its beginning if that is far from 0."""
    column = settled.roles.time
    if text.empty:
        raise StudyError(f"--time: column '{column}' has no values.")
    if text.str.fullmatch(DATE).all():
        return _years(settled, text)
    values = numbers(text)
    if values.isna().any():
        raise StudyError(
            f"--time: column '{column}' has values that are neither numbers nor dates (2024-03-31), such as "
            f"{listing([short(value) for value in text[values.isna()].unique()], 4)}.\n"
            f"{_as_time(text[values.isna()])}, or leave --time out."
        )
    low, high = values.min(), values.max()
    if max(low, -high) <= _FAR * (high - low):
        return _renamed(settled, column) if _needs_name("time", column) else column
    first = f"{abs(low):.12g}"
    return _derive(
        settled,
        f"{_plain(column)}_from_start",
        f"{quoted(column)} {'-' if low > 0 else '+'} {first}",
        label=f"{settled.labels[column]} {'minus' if low > 0 else 'plus'} {first}",
        why=f"{column} runs from {low:.12g} to {high:.12g}. An intercept at 0, far outside, would mean nothing: "
        "it is counted from its beginning.",
    )


def _as_time(text: pd.Series) -> str:
    """How values that are no times should be written."""
    if text.str.fullmatch(_SCHOOL_YEAR).all():
        return f"Write school years as the number of the year in which they begin, {text.iloc[0][:4]}"
    if text.str.fullmatch(_OTHER_DATE).all():
        return "Write dates as 2024-03-31 (in Excel, the cell format yyyy-mm-dd)"
    return "Write times as numbers"


def _years(settled: Settled, text: pd.Series) -> str:
    column = settled.roles.time
    first = pd.Timestamp(min(text))
    start = first.year + (first.day_of_year - 1) / (365 + first.is_leap_year)
    return _derive(
        settled,
        "years",
        f"years({quoted(column)}) - {start:.3f}",
        label=f"Years since {first:%Y-%m-%d}",
        why=f"{column} has dates; models want numbers. Counted from the first one.",
    )
