"""Which models did not pass their convergence checks, and the mark of their numbers wherever these are shown."""

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from partialpool.data.notation import told_apart
from partialpool.errors import StudyError

ENDING = ".diagnostics.json"


def read_checks(path: str | Path) -> dict[str, dict]:
    """The checks of a model from its ``diagnostics.json``: value, threshold, passed, where.

    The file has the evidence too, which is no check and has no threshold.
    """
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))
        checks = {name: entry for name, entry in entries.items() if "threshold" in entry}
        if not checks or not all({"value", "passed"} <= entry.keys() for entry in checks.values()):
            raise ValueError("no checks")
    except (ValueError, AttributeError, TypeError):
        raise StudyError(f"'{path}' is damaged, or was edited. Delete it and run again.") from None
    return checks


def value_in_words(check: Mapping) -> str:
    """The value of a check in four digits, or in more: 1.0102 is no 1.01 where 1.01 is allowed."""
    if check["value"] is None:
        return "not computable"
    return told_apart([check["value"], check["threshold"]], 4)[0]


def failed(paths: Iterable[str | Path]) -> set[str]:
    """Models of which a check failed, by the names of their files, ``{model}.diagnostics.json``."""
    return {
        Path(path).name.removesuffix(ENDING)
        for path in paths
        if not all(entry["passed"] for entry in read_checks(path).values())
    }


def marked(words: str, model: str, failed: Collection[str]) -> str:
    """Words for a model, with a mark behind them if it is among those whose checks failed.

    So that no number of such a model stands anywhere without it.
    """
    return f"{words} (✗ checks failed)" if model in failed else words


def marked_titles(titles: Mapping[str, str], failed: Collection[str]) -> dict[str, str]:
    """Titles by model, those of which a check failed with the mark."""
    return {model: marked(title, model, failed) for model, title in titles.items()}
