"""Very large and very small numbers, written with a power of ten."""

import re
from collections.abc import Iterable

# From LARGE on, and under SMALL, numbers have a power of ten: so many zeros are hard to count.
LARGE, SMALL = 1e7, 1e-4
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_AS_PLAIN = {above: plain for plain, above in _SUPERSCRIPTS.items()}


def powers(text: str) -> str:
    """A text with its numbers of the kind ``2.5e-09`` as a page prints them: ``2.5×10⁻⁹``."""
    return re.sub(r"(?<=\d)e([+-]?\d+)", lambda match: f"×10{str(int(match[1])).translate(_SUPERSCRIPTS)}", text)


def exponents(text: str) -> str:
    """A text with its numbers of the kind ``2.5×10⁻⁹`` as programs read them: ``2.5e-9``."""
    return re.sub("(?<=[0-9])×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda match: f"e{match[1].translate(_AS_PLAIN)}", text)


def in_digits(value: float, digits: int) -> str:
    """A number in so many digits; of a whole number that is not very large all of them."""
    if 10 ** (digits - 1) <= abs(value) < LARGE:
        return f"{value:.0f}"
    return powers(f"{value:.{digits}g}")


def told_apart(values: Iterable[float], digits: int) -> list[str]:
    """Numbers in so many digits, and in more where different ones would look the same, such as 1000.1 and 1000.2."""
    # As text, of which every nan is the same.
    values = list(map(float, values))
    different = len(set(map(repr, values)))
    for more in range(digits, 17):
        text = [in_digits(value, more) for value in values]
        if len(set(text)) == different:
            break
    return text
