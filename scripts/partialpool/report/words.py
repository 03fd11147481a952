"""Words of the report as a sentence has them: how they begin and end, and several of them together."""

from collections.abc import Iterable

from markupsafe import Markup


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
