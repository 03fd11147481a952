"""The convergence checks of a model as the report shows them."""

import json
from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup

from partialpool.report.elements import bullets, folded

NAMES = {
    "rhat": "R-hat",
    "ess_bulk": "bulk ESS",
    "ess_tail": "tail ESS",
    "divergences": "divergent transitions",
    "ebfmi": "E-BFMI",
    "pareto_k": "Pareto k of the importance weights",
    "acceptance": "share of proposals accepted",
}
# The others have a smallest value.
HAVE_A_LARGEST_VALUE = ("rhat", "divergences", "pareto_k")


def read(path: str | Path) -> dict[str, dict]:
    """The checks of a model from its ``diagnostics.json``: value, threshold, passed, where.

    The file has the evidence too, which is no check and has no threshold.
    """
    entries = json.loads(Path(path).read_text(encoding="utf-8"))
    return {name: entry for name, entry in entries.items() if "threshold" in entry}


def all_passed(entries: Mapping[str, Mapping]) -> bool:
    """Whether no check of a model failed."""
    return all(entry["passed"] for entry in entries.values())


def listed(entries: Mapping[str, Mapping]) -> Markup:
    """The checks of a model: folded away if all passed, else in a box that names those that failed."""
    items = [_line(name, entry) for name, entry in entries.items()]
    if all_passed(entries):
        title = f"✓ All {len(entries)} convergence checks passed"
        return Markup('<div class="convergence checks passed">{}</div>').format(folded(title, [bullets(items)]))
    failed = ", ".join(NAMES[name] for name, entry in entries.items() if not entry["passed"])
    return Markup(
        '<div class="checks failed" role="note"><p><strong>✗ Failed: {}.</strong> Do not rely on the estimates of '
        "this model until the cause is found and removed.</p>{}</div>"
    ).format(failed, bullets(items))


def _line(name: str, entry: Mapping) -> Markup:
    value = "not computable" if entry["value"] is None else _number(entry["value"])
    where = f" ({entry['where']})" if entry["where"] else ""
    bound = "at most" if name in HAVE_A_LARGEST_VALUE else "at least"
    mark, look = ("✓", "passed") if entry["passed"] else ("✗", "failed")
    return Markup('<span class="{}">{} {}: {}{}, should be {} {:g}</span>').format(
        look, mark, NAMES[name], value, where, bound, entry["threshold"]
    )


def _number(value: float) -> str:
    """Four digits, and more of whole numbers: nobody reads an effective sample size of 1.2e+04."""
    return (f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}").replace("-", "−")
