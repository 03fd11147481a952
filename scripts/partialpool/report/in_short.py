"""The report in short: what its numbers say, in a few lines on the first screen."""

from collections.abc import Mapping

import pandas as pd
from markupsafe import Markup, escape

from partialpool.model.parts import left_side
from partialpool.report import checks, comparisons, model_checks, published
from partialpool.report.elements import bullets, warning
from partialpool.report.glossary import link
from partialpool.report.meaning import Meaning
from partialpool.report.numbers import limits, rounded
from partialpool.report.results import Results
from partialpool.report.tables import rows_and_units
from partialpool.report.words import counted, ended, listed, of_level

# A term with more coefficients than this, such as one for each unit, is told by its range.
MOST_COEFFICIENTS = 6


def in_short(results: Results) -> list[Markup]:
    """What failed, what was measured, what the comparisons say, and the main estimates of models, with their misfit."""
    told = [("Data", measured(results))]
    told += [(results.study.comparisons[name].title, compared(results, name)) for name in results.compared]
    for model in main_models(results):
        told.append((f"Estimates of {results.titles[model]}", estimates(results, model)))
        if misfit := model_checks.misfit(results.checked[model], results.nouns):
            told.append((f"Fit of {results.titles[model]}", misfit))
    if not failed(results):
        told.append(("Checks", passed(results)))
    if results.published is not None:
        told.append(("Printed numbers", published.tally(results.published, results.study.published.source) + "."))
    lines = [Markup("<strong>{}</strong> {}").format(ended(title), words) for title, words in told]
    return [*map(warning, failed(results)), bullets(lines)]


def measured(results: Results) -> Markup:
    """How many measurements of how many units there are, and which models leave some out."""
    data = results.study.data
    rows = results.prepared.dropna(subset=[data.outcome])
    by_unit = rows.groupby(rows[data.unit].astype(str)).size()
    least, most = by_unit.min(), by_unit.max()
    each = f"{least} to {most}" if least < most else f"{most}"
    counts, several = counted(len(rows), len(by_unit), results.nouns), results.nouns.measurement[int(most > 1)]
    n, level = successes(results, rows[data.outcome]), results.success(next(iter(results.specs)))
    of, level = ("", None) if n is None else (f"{n} of ", level)
    words = [escape(f"{of_level(data.measured_label(data.outcome), level)}: {of}{counts}, {each} {several} each.")]
    if without := len(results.prepared) - len(rows):
        words.append(f"{without} {'row has' if without == 1 else 'rows have'} no value of it.")
    by_size: dict[tuple[int, int], list[Markup]] = {}
    for model, tree in results.trees.items():
        sizes = rows_and_units(tree, data.unit)
        by_size.setdefault(sizes, []).append(Markup("<em>{}</em>").format(results.titles[model]))
    for (n, n_units), models in by_size.items():
        if n < len(rows):
            use = Markup("{} {} {}: in the other rows a variable is missing.")
            verb, size = "use" if len(models) > 1 else "uses", counted(n, n_units, results.nouns)
            words.append(use.format(listed(models), verb, size))
    return Markup(" ").join(words)


def successes(results: Results, outcome: pd.Series) -> int | None:
    """How many measurements are successes where every model says how probable that is; None of other outcomes."""
    modelled = {(spec.family, left_side(spec.formula).strip("`")) for spec in results.specs.values()}
    if modelled != {("bernoulli", outcome.name)}:
        return None
    is_category = isinstance(outcome.dtype, pd.CategoricalDtype)
    return int((outcome == (outcome.cat.categories[-1] if is_category else 1)).sum())


def compared(results: Results, name: str) -> Markup:
    """What a comparison says, and which of its numbers cannot be relied on."""
    words = []
    for block in comparisons.blocks(results.compared[name], results.nouns):
        if block.has_verdict:
            words.append(comparisons.verdict(block.table, results.titles, results.nouns, failed=results.failed))
            words.append(comparisons.unreliable(block.table))
    return Markup(" ").join(filter(None, words))


def main_models(results: Results) -> list[str]:
    """Models whose estimates are told: the best of each comparison, or the last one where nothing is compared."""
    best = [comparisons.best(table, results.nouns) for table in results.compared.values()]
    return list(dict.fromkeys(best or [list(results.trees)[-1]]))


def estimates(results: Results, model: str) -> Markup:
    """Common coefficients and standard deviations of a model, with their intervals."""
    meanings = results.meanings(model)
    ratios = {row["quantity"]: row for row in results.variance[model].to_dict("records")}
    by_term: dict[tuple[str, str], list[dict]] = {}
    for row in results.population(model).to_dict("records"):
        # Thresholds are where an ordered outcome is cut: they answer no question, and their table has them.
        if (meaning := meanings.get(row["parameter"])) and meaning.kind not in ("shape", "threshold"):
            by_term.setdefault((meaning.kind, meaning.term), []).append(row)
    lines = []
    for (_, term), rows in by_term.items():
        if len(rows) > MOST_COEFFICIENTS:
            lines.append(_range(results.study.data.label(term), rows))
        else:
            told = [(meanings[row["parameter"]], row, ratios.get(f"exp({row['parameter']})")) for row in rows]
            lines += [_estimate(*one) for one in told]
    what = Markup("{} and {}").format(link("posterior", "Posterior mean"), link("interval", "95 % interval"))
    caveat = " Do not rely on them: checks failed." if checks.failed(results.diagnostics[model]) else ""
    return Markup("{}.{}{}").format(what, caveat, bullets(lines))


def _estimate(meaning: Meaning, row: Mapping, ratio: Mapping | None) -> Markup:
    """One parameter: what it is, its value and its interval; of a coefficient that tells a ratio, the ratio."""
    name = link("ratio", ratio["meaning"]) if ratio else ""
    value, (low, high) = rounded(ratio or row, "mean"), limits(ratio or row)
    words = Markup(" ").join(filter(None, (name, value, meaning.unit, "" if ratio else meaning.scale)))
    return Markup("{}: {} ({} to {})").format(meaning.words, words, low, high)


def _range(label: str, rows: list[Mapping]) -> str:
    """Many coefficients of one term: how many, and between which values their posterior means are."""
    least, most = (choose(rows, key=lambda row: row["mean"]) for choose in (min, max))
    return f"{label}: {len(rows)} coefficients, from {rounded(least, 'mean')} to {rounded(most, 'mean')}"


def failed(results: Results) -> list[Markup]:
    """A sentence for each model of which a check failed."""
    sentence = Markup("Convergence checks failed for {} ({}): {}. Do not rely on its estimates.")
    return [
        sentence.format(model, results.titles[model], Markup("; ").join(wrong))
        for model, entries in results.diagnostics.items()
        if (wrong := checks.failed(entries))
    ]


def passed(results: Results) -> str:
    """How many checks passed, if all did."""
    n, models = sum(map(len, results.diagnostics.values())), len(results.diagnostics)
    return f"All {n} convergence checks of {models} model{'s' * (models > 1)} passed."
