"""Nouns and labels guessed from the names of columns; the config says that they are guesses."""

import re

# What the end of a column's name says of ids and nothing of what they are the ids of.
_OF_IDS = {"id", "ids", "nr", "no", "num", "number", "code", "key", "name", "ident", "identifier", "idx", "index"}
# Units whose names often stand before that without a space.
_UNITS = {
    *("animal", "child", "class", "clinic", "country", "district", "doctor", "family", "firm", "hospital", "household"),
    *("individual", "participant", "patient", "person", "plot", "pupil", "school", "site", "student", "subject"),
    *("teacher", "worker"),
}
_RUN_TOGETHER = re.compile(rf"\b({'|'.join(sorted(_UNITS))})({'|'.join(sorted(_OF_IDS))})\b", re.IGNORECASE)
_UNITS_OF_TIME = {"seconds", "minutes", "hours", "days", "weeks", "months", "years"}
_TIMES = {"time", "date", "wave", "visit", "occasion", "age", "period"}
# Words of columns that tell which rows are censored, and words that do so beside a time only: whether its end was seen.
_CENSORED, _ENDED = {"cens", "censor", "censored", "censoring"}, {"status", "event", "died", "dead", "death"}
_IRREGULAR = {"child": "children", "person": "people", "man": "men", "woman": "women"}
_IRREGULAR |= {"mouse": "mice", "calf": "calves", "leaf": "leaves", "tooth": "teeth", "foot": "feet"}
_IRREGULAR |= {same: same for same in ("species", "series", "sheep", "fish", "deer")}


def words(column: str) -> list[str]:
    """The words of a column's name: ``subjectID``, ``subjectid`` and ``subject_id`` are ``subject`` and an id."""
    spaced = re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column))
    parts = _RUN_TOGETHER.sub(r"\1 \2", spaced).split()
    # Capitals stay where they are few, as in BMI.
    return [part.lower() if part.isupper() and len(part) > 3 else part for part in parts]


def label(column: str) -> str:
    """What figures and tables call a column: its words, the first with a capital, without what it is measured in."""
    name = column.partition(_brackets(column))[0] if _brackets(column) else column
    text = " ".join(words(name)) or column
    return text[:1].upper() + text[1:]


def measured_in(column: str) -> str | None:
    """What a column is measured in, if brackets at the end of its name say it: ``kg`` for ``weight (kg)``."""
    return _brackets(column)[1:-1].strip() or None


def _brackets(column: str) -> str:
    """Brackets at the end of a name that has more, with what is in them; an empty text if there are none."""
    match = re.fullmatch(r".*\w.*?(\([^()]+\)|\[[^\[\]]+\])\s*", column)
    return match[1] if match else ""


def of_ids(column: str) -> bool:
    """Whether a column's name says that it has ids."""
    return bool(words(column)) and words(column)[-1].lower() in _OF_IDS


def of_censoring(column: str, outcome: str) -> bool:
    """Whether a column's name says that it tells in which rows the outcome is censored."""
    names = _CENSORED | _ENDED if of_time(outcome) else _CENSORED
    return any(word.lower() in names for word in words(column))


def unit_of_time(column: str) -> str | None:
    """What a time is measured in, if its name ends with it: ``months`` for ``month`` and for ``age_months``."""
    last = words(column)[-1].lower() if words(column) else ""
    return next((unit for unit in (last, f"{last}s") if unit in _UNITS_OF_TIME), None)


def of_time(column: str) -> bool:
    """Whether a column's name says that it is a time."""
    return unit_of_time(column) is not None or bool(_TIMES & {word.lower() for word in words(column)})


def nouns(column: str) -> tuple[str, str]:
    """What units are called, one and several, by the name of their column; unit and units if it does not tell."""
    named = [word for word in words(column) if word.lower() not in _OF_IDS and not word.isdigit()]
    if not named or len(named[-1]) < 3:
        return "unit", "units"
    singular = " ".join(word if word.isupper() else word.lower() for word in named)
    return singular, plural(singular)


def plural(noun: str) -> str:
    """The plural of an English noun by the rules that most follow."""
    start, _, last = noun.rpartition(" ")
    if last in _IRREGULAR:
        several = _IRREGULAR[last]
    elif re.search(r"[^aeiou]y$", last):
        several = f"{last[:-1]}ies"
    else:
        several = f"{last}es" if re.search(r"(s|x|z|ch|sh)$", last) else f"{last}s"
    return f"{start} {several}".strip()
