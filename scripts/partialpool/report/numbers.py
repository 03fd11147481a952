"""Numbers as the report prints them."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from partialpool.data.notation import SMALL, in_digits, powers, told_apart

# Without a power of ten, a number has at most so many decimals.
MOST_DECIMALS = 8
# A number whose last place is beyond these has a power of ten: 10 000 is the last that is written out.
LARGEST_PLACE, SMALLEST_PLACE = -4, 6


def decimals(sd: float) -> int:
    """Number of decimals for a number with uncertainty ``sd``: two digits of ``sd``; three for sd 0.

    It is negative where the second digit of ``sd`` is one of tens, hundreds, and so on.
    """
    return math.ceil(-math.log10(sd)) + 1 if 0 < sd < math.inf else 3


def trusted_decimals(sd: float, mcse: float) -> int:
    """Number of decimals for an estimate: those of its uncertainty ``sd``, and none that is Monte Carlo error alone.

    One of the last decimal is at least the Monte Carlo standard error ``mcse``.
    """
    places = decimals(sd)
    return min(places, math.floor(-math.log10(mcse))) if 0 < mcse < math.inf else places


def rounded(row: Mapping, name: str) -> str:
    """A number of a row of estimates, ``mean``, ``q2.5`` or ``q97.5``, by its Monte Carlo error and the sd."""
    return number(row[name], trusted_decimals(row["sd"], row[f"mcse_{name}"]))


def limits(row: Mapping) -> tuple[str, str]:
    """Limits of the interval of a row of estimates, both with the decimals of the one that is known less well.

    But neither is rounded to more than a tenth of the width, since that would be another interval: of 0.34 to 2.92,
    with a Monte Carlo error of 0.11 at its upper end, 0.3 to 2.9 is shown and not 0 to 3. And of an interval without
    0, as of a ratio, the limit near to it has the decimals of its own that it needs: 0.9 to 13, and not 1 to 13.
    """
    low, high = row["q2.5"], row["q97.5"]
    width = high - low
    least = math.ceil(1 - math.log10(width)) if 0 < width < math.inf else 0
    places = max(least, min(trusted_decimals(row["sd"], row[f"mcse_{name}"]) for name in ("q2.5", "q97.5")))
    of_low, of_high = places, places
    if low > 0:
        of_low = max(places, _own_decimals(low, row["mcse_q2.5"]))
    elif high < 0:
        of_high = max(places, _own_decimals(high, row["mcse_q97.5"]))
    return number(low, of_low), number(high, of_high)


def _own_decimals(limit: float, mcse: float) -> int:
    """Decimals with which a limit is rounded by a sixth of itself at most, or fewer where its error is larger."""
    needed = math.ceil(-math.log10(abs(limit) / 3))
    return min(needed, math.floor(-math.log10(mcse))) if 0 < mcse < math.inf else needed


def number(value: float, places: int) -> str:
    """A number with ``places`` decimals, an en dash for nan.

    A negative number of places rounds it to tens, hundreds, and so on: 3460 of 3456 ± 120. It has a power of ten where
    so many places would be zeros: 5.055×10⁹ ± 0.080×10⁹, 2.5×10⁻⁹.
    """
    if pd.isna(value):
        return "–"
    if places < LARGEST_PLACE or (places > SMALLEST_PLACE and abs(value) < SMALL):
        return _with_power(round(float(value), places), places)
    value = round(float(value), places) if places < 0 else value
    return _signed(f"{value:z.{min(max(places, 0), MOST_DECIMALS)}f}")


def _with_power(value: float, places: int) -> str:
    if value == 0 or not math.isfinite(value):
        return _signed(f"{value:.0f}")
    return _signed(powers(f"{value:.{max(0, math.floor(math.log10(abs(value))) + places)}e}"))


def short(value: float, digits: int = 3) -> str:
    """A number in so many digits; of a whole number that is not very large all of them."""
    return _signed(in_digits(value, digits))


def all_short(values: Sequence[float]) -> list[str]:
    """Numbers that stand beside each other, as ``short``, and in more digits where different ones look the same."""
    return [_signed(text) for text in told_apart(values, 3)]


def _signed(text: str) -> str:
    return text.replace("-", "−")


def probability(value: float) -> str:
    """A share of draws with three decimals, none of which is certain."""
    if value >= 0.9995:
        return "over 0.999"
    return "under 0.001" if value <= 0.0005 else number(value, 3)
