"""Messages about mistakes in a configuration: each with its place, all in one screen."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from partialpool.errors import suggest

_BELONGS_HERE = {
    "string_type": "text belongs",
    "int_type": "a whole number belongs",
    "int_parsing": "a whole number belongs",
    "int_from_float": "a whole number belongs",
    "float_type": "a number belongs",
    "float_parsing": "a number belongs",
    "bool_type": "true or false belongs",
    "bool_parsing": "true or false belongs",
    "list_type": "a list belongs",
    "tuple_type": "a list belongs",
    "dict_type": "keys with values, as in 'key: value', belong",
    "model_type": "keys with values, as in 'key: value', belong",
}
"""What stands for pydantic's kinds of mistakes about the kind of a value."""
MOST_SHOWN = 15
# Characters of a place, or of a wrong value, that are shown.
LONGEST = 100
# Characters that are shown of a word of a message, which may be a path, and of the ends of a message with many words.
LONGEST_WORD, SHOWN_OF_ENDS = 300, 500


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Attributes
    ----------
    place
        The key, with those above it: ``models.m1.formula``; empty for the top level.
    message
        What is wrong there, and what is valid.
    """

    place: str
    message: str

    def __str__(self) -> str:
        message = re.sub(r"\S+", lambda word: _short(word[0], LONGEST_WORD), self.message)
        if len(message) > 2 * SHOWN_OF_ENDS:
            message = f"{message[:SHOWN_OF_ENDS]} [...] {message[-SHOWN_OF_ENDS:]}"
        return f"{_short(self.place) or 'top level'}: {message}"


def told(mistakes: Sequence[Mistake], sources: Sequence[Any]) -> str:
    """All mistakes of a configuration that comes from some files or options, the first ones in full."""
    shown = [f"  {mistake}" for mistake in mistakes[:MOST_SHOWN]]
    if len(mistakes) > MOST_SHOWN:
        shown.append(f"  ... and {len(mistakes) - MOST_SHOWN} more")
    where = f" ({', '.join(map(str, sources))})" if sources else ""
    head = f"The configuration{where} has {len(mistakes)} mistake{'s' * (len(mistakes) > 1)}:"
    return "\n".join([head, *shown, "Every key is described in config/README.md."])


def of_pydantic(error: ValidationError) -> list[Mistake]:
    """The mistakes that pydantic reports, in our words."""
    return [Mistake(_place(entry["loc"]), _message(entry)) for entry in error.errors()]


def _place(location: tuple[str | int, ...]) -> str:
    if location[:1] == ("figures",):
        # Pydantic puts the kind of the figure between its name and its keys.
        location = location[:2] + location[3:]
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location if part != "[key]"]
    return "".join(parts).removeprefix(".")


def _message(entry: dict[str, Any]) -> str:
    match entry["type"]:
        case "missing":
            return "one more value belongs here." if isinstance(entry["loc"][-1], int) else "this key is missing."
        case "union_tag_not_found":
            return "the key 'kind' is missing."
        case "union_tag_invalid":
            kinds = re.findall(r"'([^']+)'", entry["ctx"]["expected_tags"])
            kind = entry["ctx"]["tag"]
            return f"there is no kind '{kind}'.{suggest(kind, kinds)} Valid: {', '.join(kinds)}."
        case "value_error":
            return str(entry["ctx"]["error"])
        case "string_pattern_mismatch" if entry["loc"][-1] == "sha256":
            given = _short(repr(entry["input"]))
            return f"64 digits and small letters a to f belong here, as `sha256sum FILE` prints them, not {given}."
        case "too_short" | "string_too_short" if entry["input"] == "":
            return _of_another_kind("text belongs", None)
        case kind if kind in _BELONGS_HERE:
            return _of_another_kind(_BELONGS_HERE[kind], entry["input"])
    return f"{entry['msg']} (it is {_short(repr(entry['input']))})."


def _of_another_kind(wanted: str, value: Any) -> str:
    if value is None:
        return f"{wanted} here, and nothing stands here. (What follows a # is a comment, if no quotes are around.)"
    is_scalar = isinstance(value, str | int | float)
    advice = ""
    if wanted == "text belongs" and is_scalar:
        advice = f" Put it in quotes: '{value}'." if not isinstance(value, bool) else " Put the word in quotes."
    if wanted == "a list belongs" and is_scalar:
        advice = f" Write [{_short(str(value))}]."
    return f"{wanted} here, not {_short(repr(value))}.{advice}"


def _short(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."
