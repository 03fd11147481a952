"""The convergence checks of a model as the report shows them."""

from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup

from partialpool.fit.failed import ENDING, read_checks, value_in_words
from partialpool.fit.remedies import remedies
from partialpool.model.spec import ModelSpec
from partialpool.report.elements import bullets, folded
from partialpool.report.glossary import link

NAMES = {
    "rhat": "R-hat",
    "ess_bulk": "bulk ESS",
    "ess_tail": "tail ESS",
    "divergences": "divergent transitions",
    "ebfmi": "E-BFMI",
    "pareto_k": "Pareto k of the importance weights",
    "acceptance": "share of proposals accepted",
}
# The terms of the glossary that explain them, where these are called otherwise.
TERMS = {"ess_bulk": "ess", "ess_tail": "ess", "pareto_k": "pareto"}
# The others have a smallest value.
HAVE_A_LARGEST_VALUE = ("rhat", "divergences", "pareto_k")


def failed(entries: Mapping[str, Mapping]) -> list[Markup]:
    """The checks of a model that failed, each with its value and its threshold."""
    return [_told(name, entry) for name, entry in entries.items() if not entry["passed"]]


def closing(folder: str | Path, specs: Mapping[str, ModelSpec]) -> str:
    """What the terminal says at the end of a run: the checks that failed and what helps; nothing if all passed.

    Parameters
    ----------
    folder
        Has ``{model}.diagnostics.json`` of the models that are checked.
    specs
        What the models are fitted from, by name.
    """
    words, helps = [], []
    for model, spec in specs.items():
        path = Path(folder, f"{model}{ENDING}")
        if path.exists() and (wrong := failed(checks := read_checks(path))):
            words.append(f"{model} ({Markup('; ').join(wrong).striptags()})")
            helps += [f"  {model}: {sentence}" for sentence in remedies(checks, spec)]
    if not words:
        return ""
    told = f"Checks failed for {', '.join(words)}. Do not rely on these estimates; the report shows them."
    return "\n".join([told, *helps])


def listed(entries: Mapping[str, Mapping], spec: ModelSpec) -> Markup:
    """The checks of a model: folded away if all passed, else in a box that says which failed and what helps."""
    items = [_line(name, entry) for name, entry in entries.items()]
    if not failed(entries):
        title = f"✓ All {len(entries)} convergence checks passed"
        return Markup('<div class="convergence checks passed">{}</div>').format(folded(title, [bullets(items)]))
    names = Markup(", ").join(_linked(name) for name, entry in entries.items() if not entry["passed"])
    return Markup(
        '<div class="checks failed" role="note"><p><strong>✗ Failed: {}.</strong> Do not rely on the estimates of '
        "this model until the cause is found and removed.</p>{}<p>What helps:</p>{}</div>"
    ).format(names, bullets(items), bullets(remedies(entries, spec)))


def _line(name: str, entry: Mapping) -> Markup:
    mark, look = ("✓", "passed") if entry["passed"] else ("✗", "failed")
    return Markup('<span class="{}">{} {}</span>').format(look, mark, _told(name, entry))


def _told(name: str, entry: Mapping) -> Markup:
    value = value_in_words(entry).replace("-", "−")
    where = f" ({entry['where']})" if entry["where"] else ""
    return Markup("{}: {}{}, should be {}").format(_linked(name), value, where, limit(name, entry["threshold"]))


def limit(name: str, threshold: float) -> str:
    """What the value of a check should be: ``at most 1.01``."""
    return f"{'at most' if name in HAVE_A_LARGEST_VALUE else 'at least'} {threshold:g}"


def _linked(name: str) -> Markup:
    return link(TERMS.get(name, name), NAMES[name])
