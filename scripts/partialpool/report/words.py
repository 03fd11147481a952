"""Words of the report as a sentence has them: how they begin and end, and several of them together."""

from collections.abc import Iterable

from markupsafe import Markup

from partialpool.study.data import Nouns


def capitalised(words: str) -> str:
    """The text with its first letter in upper case, the others as they are."""
    return words[:1].upper() + words[1:]


def ended(words: str) -> str:
    """A text with the mark that ends it."""
    return words if words.endswith((".", "?", "!", ":")) else f"{words}."


def listed(items: Iterable[str], word: str = "and") -> Markup:
    """Items with commas between them, and a word before the last: ``a, b and c``."""
    *others, last = items
    return Markup(f" {word} ").join([Markup(", ").join(others), last] if others else [last])


def counted(measurements: int, units: int, nouns: Nouns) -> str:
    """So many measurements of so many units: ``1 test of 1 child``."""
    return f"{measurements} {nouns.measurement[measurements != 1]} of {units} {nouns.unit[units != 1]}"


def of_level(label: str, level: str | None) -> str:
    """The label of an outcome and its level: ``Ill yes``; of a label that says it, or without a level, the label."""
    return label if level is None or label.endswith(f" = {level}") else f"{label} {level}"
