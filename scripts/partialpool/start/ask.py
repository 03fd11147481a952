"""Questions on a terminal for what the command line does not say: each with a proposal, each answer checked."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from partialpool.data.table import Table
from partialpool.data.types import numbers
from partialpool.errors import StudyError, suggest
from partialpool.start import columns, words
from partialpool.start.columns import Column
from partialpool.start.roles import Roles, check_condition, check_levels, levels_without_order, varying
from partialpool.start.study import Source, opened, refuse_existing

_QUESTIONS = {
    "outcome": "What was measured? (outcome)",
    "unit": "Whose measurements are they? The same value in all rows of one of them (unit)",
    "time": "When was it measured? (time; - for none)",
    "group": "Which group is each of them in? The same in all rows of a unit (group; - for none)",
    "condition": "What changes within each of them, as a treatment or an item? (condition; - for none)",
}
_OPTIONAL = ("time", "group", "condition")


def source(folder: str | Path, encoding: str | None = None) -> Source:
    """Ask for the data file until there is one that can be read."""
    return _answer("Data file (a path or a URL)", None, lambda answer: opened(answer, folder, encoding))


def roles(source: Source, given: dict[str, str | None]) -> Roles:
    """Show the columns of a file, and ask for the roles that are not given."""
    known = columns.look(source.table)
    print(f"\n{source.given}: {len(source.table.frame)} rows, {len(known)} columns")
    print(*(f"  {note}" for note in source.table.notes), columns.as_table(known), "", sep="\n")
    chosen = dict(given)
    for role, question in _QUESTIONS.items():
        if chosen.get(role) is None:
            proposed = proposal(role, known, source.table, chosen) or ("-" if role in _OPTIONAL else None)
            answer = _answer(question, proposed, lambda text, role=role: _column(role, text, source.table, chosen))
            chosen[role] = answer
    return Roles(**chosen)


def levels(source: Source, outcome: str) -> list[str]:
    """Ask for the order of an outcome's levels if the file does not tell it; else an empty list."""
    unordered = levels_without_order(source.table, outcome)
    if not unordered:
        return []

    def ordered(answer: str) -> list[str]:
        given = [level.strip() for level in answer.split(",")]
        check_levels(outcome, given, unordered)
        return given

    return _answer(f"Levels of {outcome} from the lowest to the highest", ",".join(unordered), ordered)


def folder(source: Source) -> Path:
    """Ask for the name of the new folder."""

    def free(answer: str) -> Path:
        refuse_existing(answer, source)
        return Path(answer)

    return _answer("Folder of the study", PurePosixPath(source.name).name.partition(".")[0] or "study", free)


def _answer(question: str, proposed: str | None, check: Callable):
    """Ask until an answer passes its check; an empty one takes the proposal."""
    while True:
        try:
            answer = input(f"{question}{f' [{proposed}]' if proposed else ''}: ").strip() or proposed or ""
        except EOFError:
            raise StudyError("Stopped before all questions were answered; nothing is written.") from None
        if not answer:
            continue
        try:
            return check(answer)
        except StudyError as error:
            print(f"  {error}")


def _column(role: str, answer: str, table: Table, chosen: dict[str, str | None]) -> str | None:
    """A column for a role; None for `-` where the role is optional."""
    if answer == "-" and role in _OPTIONAL:
        return None
    known = table.frame.columns.drop("row").tolist()
    if answer not in known:
        raise StudyError(f"There is no column '{answer}'.{suggest(answer, known)}")
    if taken := next((other for other, column in chosen.items() if column == answer), None):
        raise StudyError(f"'{answer}' is the {taken} already.")
    values = table.frame[answer]
    if role == "unit" and not values.dropna().duplicated().any():
        raise StudyError(f"Every row has a value of '{answer}' of its own; a unit has several rows.")
    if role == "group" and (units := varying(table, chosen["unit"], answer)):
        raise StudyError(f"'{answer}' is not the same in all rows of {chosen['unit']} {units[0]}.")
    if role == "condition":
        check_condition(table, chosen["unit"], answer)
    return answer


def proposal(role: str, known: list[Column], table: Table, chosen: dict[str, str | None]) -> str | None:
    """The column that is most likely to have a role; None if none is likely."""
    free = [column for column in known if column.name not in chosen.values() and column.distinct > 1]
    match role:
        case "outcome":
            # Most different values, but not one for each row, as whole numbers of a row counter have.
            numeric = [c for c in free if c.kind == "numbers" or (c.kind == "whole numbers" and c.repeated)]
            likely = sorted(numeric, key=lambda c: (_is_time(c), words.of_ids(c.name), -c.distinct))
        case "unit":
            repeated = [c for c in free if c.repeated and c.kind in ("text", "whole numbers")]
            likely = sorted(repeated, key=lambda c: (not words.of_ids(c.name), c.kind != "text", -c.distinct))
        case "time":
            likely = [
                c for c in free if _is_time(c) and (c.kind == "dates" or numbers(table.frame[c.name]).notna().any())
            ]
        case "group":
            few = [c for c in free if c.kind == "text" and c.distinct <= 8]
            likely = [c for c in few if not varying(table, chosen["unit"], c.name)]
        case "condition":
            # Whatever changes may be one.
            likely = []
    return likely[0].name if likely else None


def _is_time(column: Column) -> bool:
    return column.kind == "dates" or words.of_time(column.name)
