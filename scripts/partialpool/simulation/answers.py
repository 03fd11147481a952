"""What simulated studies of several sizes say: widths of intervals, probabilities, and which size reaches a goal."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.simulation.next_study import PARAMETER

CELL = ["units", "measurements"]
WIDTH, SIGN, ROPE = "width", "sign", "rope"
TABLE = [*CELL, "rows", "name", "quantity", "value", "mcse", "replicates"]
GOALS = ["goal", *CELL, "rows", "probability", "mcse", "wanted", "reached", "smallest"]


def error_of_share(share: np.ndarray | float, n: int) -> np.ndarray | float:
    """Monte Carlo standard error of a share of n studies, as if there were two more of each kind: so it is never 0.

    References
    ----------
    Agresti & Coull (1998), The American Statistician 52(2).
    """
    towards = (share * n + 2) / (n + 4)
    return np.sqrt(towards * (1 - towards) / (n + 4))


def fitted(studies: pd.DataFrame) -> pd.DataFrame:
    """Studies without replicates that could not be fitted; StudyError if none is left."""
    left = studies[studies["problem"] == ""]
    if left.empty:
        raise StudyError(f"design: none of the simulated studies could be fitted: {studies['problem'].iloc[0]}")
    return left


def table(studies: pd.DataFrame, *, model: str, rope: Mapping[str, tuple[float, float]]) -> pd.DataFrame:
    """What each design would say.

    Parameters
    ----------
    studies
        From ``NextStudy.replicate``, of all replicates.
    model
        That which the data are drawn from.
    rope
        Regions of practical equivalence, by name of the quantity.

    Returns
    -------
    DataFrame
        ``TABLE``; ``rows`` are units times measurements. ``quantity`` is ``width``, the mean width of the 95 % interval
        of ``name``; ``sign``, how often it does not contain 0, of what can be on both sides of 0; ``rope``, how often
        it is outside of its region; or ``observation`` and ``unit``: how often leave-one-out cross-validation puts the
        model ``name`` in front. ``mcse`` is the Monte Carlo standard error.
    """
    return pd.DataFrame(_records(studies, model, rope), columns=TABLE)


def _records(studies: pd.DataFrame, model: str, rope: Mapping) -> Iterator[tuple]:
    intervals = studies[studies["kind"] == PARAMETER]
    for (units, measurements, name), own in intervals.groupby([*CELL, "name"], sort=False):
        width, n = own["high"] - own["low"], len(own)
        size = units, measurements, units * measurements, name
        yield *size, WIDTH, width.mean(), width.std() / np.sqrt(n), n
        if can_be_negative(name):
            yield *size, SIGN, *_share(excludes(own, 0, 0))
        if name in rope:
            yield *size, ROPE, *_share(excludes(own, *rope[name]))
    compared = studies[studies["kind"] != PARAMETER]
    for (units, measurements, estimand), own in compared.groupby([*CELL, "kind"], sort=False):
        yield units, measurements, units * measurements, model, estimand, *_share(in_front(own, model))


def _share(happened: pd.Series) -> tuple[float, float, int]:
    return happened.mean(), error_of_share(happened.mean(), len(happened)), len(happened)


def can_be_negative(name: str) -> bool:
    """Whether a quantity, by its name in summaries, can be: a standard deviation cannot, a difference of two can."""
    return " - " in name or not (name == "sigma" or name.startswith("sd("))


def excludes(intervals: pd.DataFrame, low: float, high: float) -> pd.Series:
    """Whether intervals are wholly outside of a region."""
    return (intervals["low"] > high) | (intervals["high"] < low)


def in_front(elpd: pd.DataFrame, model: str) -> pd.Series:
    """Whether a model has the largest elpd of all, by replicate."""
    by_model = elpd.pivot(index="replicate", columns="name", values="value")
    return by_model.idxmax(axis="columns") == model


def goals(studies: pd.DataFrame, *, model: str, rope: Mapping, wanted: Mapping[str, Mapping]) -> pd.DataFrame:
    """Which designs reach which goals.

    Parameters
    ----------
    studies, model, rope
        See ``table``.
    wanted
        Goals by name, as the config has them.

    Returns
    -------
    DataFrame
        ``GOALS``: in which share of studies a goal was reached, ``probability``; in which share it shall be,
        ``wanted``; and whether that is so. ``smallest`` is that of these designs with fewest rows, and then with
        fewest units.
    """
    tables = []
    for name, goal in wanted.items():
        records = []
        for (units, measurements), own in studies.groupby(CELL, sort=False):
            share, mcse, _ = _share(_reached(own, goal, model, rope))
            records.append((name, units, measurements, units * measurements, share, mcse, goal["probability"]))
        of_goal = pd.DataFrame(records, columns=GOALS[:-2])
        of_goal["reached"] = of_goal["probability"] >= of_goal["wanted"]
        reached = of_goal[of_goal["reached"]].sort_values(["rows", "units"])
        tables.append(of_goal.assign(smallest=of_goal.index.isin(reached.index[:1])))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=GOALS)


def _reached(own: pd.DataFrame, goal: Mapping, model: str, rope: Mapping) -> pd.Series:
    """Whether studies of one design reach a goal."""
    if goal["comparison"]:
        return in_front(own[own["kind"] == goal["comparison"]], model)
    intervals = own[(own["kind"] == PARAMETER) & (own["name"] == goal["parameter"])]
    if goal["width"] is not None:
        return intervals["high"] - intervals["low"] <= goal["width"]
    return excludes(intervals, *(rope[goal["parameter"]] if goal["rope"] else (0, 0)))


def told(table: pd.DataFrame, of_goals: pd.DataFrame, *, wanted: Mapping[str, Mapping], nouns: Mapping) -> str:
    """What the smallest design of each goal is, or how far the designs are from it, in words.

    Parameters
    ----------
    table, of_goals
        From ``table`` and ``goals``.
    wanted
        Goals by name.
    nouns
        What one ``unit`` and one ``measurement`` are called, and several.
    """
    cells, replicates = len(table[CELL].drop_duplicates()), table["replicates"].max()
    lines = [f"{cells} {'design' if cells == 1 else 'designs'}, {replicates} simulated studies of each."]
    for name, own in of_goals.groupby("goal", sort=False):
        goal = wanted[name]
        lines.append(f"{name}: {_in_words(goal)}, in {_percent(goal['probability'])} of studies:")
        if own["smallest"].any():
            lines.append(f"  the smallest design is {_size(own[own['smallest']].iloc[0], nouns)}.")
        else:
            best = own.sort_values(["probability", "rows"], ascending=False).iloc[0]
            lines.append(f"  no design reaches it; nearest is {_size(best, nouns)}{_mean_width(table, goal, best)}.")
    if of_goals.empty:
        lines.append("No goals are named: 'design.goals' takes some.")
    return "\n".join(lines)


def _in_words(goal: Mapping) -> str:
    if goal["comparison"]:
        new = {"observation": "new measurements", "unit": "new units"}[goal["comparison"]]
        return f"the comparison for {new} puts the right model in front"
    if goal["width"] is not None:
        return f"the 95 % interval of {goal['parameter']} is at most {goal['width']:g} wide"
    left = "is outside of its region of practical equivalence" if goal["rope"] else "does not contain 0"
    return f"the 95 % interval of {goal['parameter']} {left}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _size(row: pd.Series, nouns: Mapping) -> str:
    """A design and the share of studies that reach a goal."""
    unit, measurement = (nouns[kind][int(row[column] != 1)] for kind, column in zip(nouns, CELL, strict=True))
    text = (
        f"{row['units']} {unit} with {row['measurements']} {measurement} each ({row['rows']} rows): "
        f"{_percent(row['probability'])}, Monte Carlo error {_percent(row['mcse'])}"
    )
    if abs(row["probability"] - row["wanted"]) < 2 * row["mcse"]:
        other = "under" if row["reached"] else "over"
        text += f"; with more replicates it may turn out to be {other} {_percent(row['wanted'])}"
    return text


def _mean_width(table: pd.DataFrame, goal: Mapping, row: pd.Series) -> str:
    if goal["width"] is None:
        return ""
    at = (table[CELL] == row[CELL].to_numpy()).all(axis="columns") & (table["name"] == goal["parameter"])
    return f"; the interval is {table.loc[at & (table['quantity'] == WIDTH), 'value'].item():.3g} wide on average"
