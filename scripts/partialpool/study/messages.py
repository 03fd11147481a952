"""Messages about mistakes in a configuration: each with its place, all in one screen."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from partialpool.errors import suggest

MOST_SHOWN = 15
# Characters of a place, or of a wrong value, that are shown.
LONGEST = 100


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
        return f"{_short(self.place) or 'top level'}: {self.message}"


def told(mistakes: Sequence[Mistake], files: Sequence[Any]) -> str:
    """All mistakes of a configuration that was read from some files, the first ones in full."""
    shown = [f"  {mistake}" for mistake in mistakes[:MOST_SHOWN]]
    if len(mistakes) > MOST_SHOWN:
        shown.append(f"  ... and {len(mistakes) - MOST_SHOWN} more")
    where = f" ({', '.join(map(str, files))})" if files else ""
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
            return "this key is missing."
        case "union_tag_not_found":
            return "the key 'kind' is missing."
        case "union_tag_invalid":
            kinds = re.findall(r"'([^']+)'", entry["ctx"]["expected_tags"])
            kind = entry["ctx"]["tag"]
            return f"there is no kind '{kind}'.{suggest(kind, kinds)} Valid: {', '.join(kinds)}."
        case "value_error":
            return str(entry["ctx"]["error"])
    return f"{entry['msg']} (it is {_short(repr(entry['input']))})."


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
