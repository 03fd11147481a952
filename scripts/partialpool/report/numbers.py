"""Numbers as the report prints them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd


def decimals(sd: float) -> int:
    """Number of decimals for a number with uncertainty ``sd``: two digits of ``sd``, at most eight; three for sd 0."""
    return int(np.clip(np.ceil(-np.log10(sd)) + 1, 0, 8)) if sd > 0 else 3


def trusted_decimals(sd: float, mcse: float) -> int:
    """Number of decimals for an estimate: those of its uncertainty ``sd``, and none that is Monte Carlo error alone.

    One of the last decimal is at least the Monte Carlo standard error ``mcse``.
    """
    places = decimals(sd)
    return min(places, int(np.clip(np.floor(-np.log10(mcse)), 0, 8))) if mcse > 0 else places


def rounded(row: Mapping, name: str) -> str:
    """A number of a row of estimates, ``mean``, ``q2.5`` or ``q97.5``, by its Monte Carlo error and the sd."""
    return number(row[name], trusted_decimals(row["sd"], row[f"mcse_{name}"]))


def limits(row: Mapping) -> tuple[str, str]:
    """Limits of the interval of a row of estimates, both with the decimals of the one that is known less well."""
    places = min(trusted_decimals(row["sd"], row[f"mcse_{name}"]) for name in ("q2.5", "q97.5"))
    return number(row["q2.5"], places), number(row["q97.5"], places)


def number(value: float, places: int) -> str:
    """A number with ``places`` decimals; an en dash for nan."""
    return "–" if pd.isna(value) else f"{value:z.{places}f}".replace("-", "−")


def probability(value: float) -> str:
    """A share of draws with three decimals, none of which is certain."""
    if value >= 0.9995:
        return "over 0.999"
    return "under 0.001" if value <= 0.0005 else number(value, 3)
