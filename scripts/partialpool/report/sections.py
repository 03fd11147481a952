"""The sections of the report: a function makes the parts of each from the results.

Parts are HTML (``Markup``); texts of the study's own are Markdown, and become HTML here.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from markupsafe import Markup, escape

from partialpool.jobs.tables import read_table
from partialpool.model.doubts import doubts
from partialpool.predict.summary import read_summary, text_columns
from partialpool.report import (
    beyond,
    captions,
    checks,
    columns,
    comparisons,
    equations,
    figures,
    glossary,
    guidelines,
    in_short,
    model_checks,
    paper,
    predicted,
    provenance,
    published,
    sampling,
    tables,
    texts,
    variance,
)
from partialpool.report.elements import MOST_ROWS, bullets, downloads, folded, heading, paragraph, table, warning
from partialpool.report.glossary import in_nouns
from partialpool.report.markdown import as_html
from partialpool.report.results import Results
from partialpool.report.words import capitalised
from partialpool.study.figures import PredictionFigure
from partialpool.study.report import Section

TITLES = {
    "data": "The data",
    "models": "The models",
    "sizes": "Number of parameters",
    "comparisons": "Comparing the models",
    "predictions": "Predictions",
    "paper": "For a paper",
    "published": "Our numbers and the printed ones",
    "guidelines": "What was reported",
    "provenance": "How this was made",
    "glossary": "Glossary",
}


def of_report(results: Results) -> dict[str, list[Markup]]:
    """All parts of the report by section, ``opening`` first, the others in the order of the config.

    The first link to each term of the glossary stays, in the order in which the report is read.
    """
    study = results.study
    made = {"opening": opening(results)}
    made |= {name: section(results, name) for name in study.report.shown if name != "glossary"}
    if "glossary" in study.report.hide:
        return {name: list(map(glossary.without_links, parts)) for name, parts in made.items()}
    linked: set[str] = set()
    made = {name: glossary.first_links(parts, linked) for name, parts in made.items()}
    explained = [*headed(results, "glossary"), glossary.explained(linked, results.nouns)]
    return {"opening": made["opening"]} | {name: made.get(name, explained) for name in study.report.shown}


def opening(results: Results) -> list[Markup]:
    """Title and text of the study, and the report in short."""
    study = results.study
    return [heading(1, study.title), as_html(study.text), heading(2, "In short"), *in_short.in_short(results)]


def section(results: Results, name: str) -> list[Markup]:
    """One section with its heading and the study's own text; nothing if the report has nothing to say there."""
    if name not in CONTENTS:
        return headed(results, name)
    parts = list(filter(None, CONTENTS[name](results)))
    return [*headed(results, name), *parts] if parts else []


def headed(results: Results, name: str) -> list[Markup]:
    """The heading of a section, and what the study itself says in it."""
    own = results.study.report.sections.get(name, Section())
    return list(filter(None, [heading(2, title_of(results, name)), as_html(own.text, below=2)]))


def title_of(results: Results, name: str) -> str:
    """The title of a section: the study's own, else the usual one."""
    return results.study.report.sections.get(name, Section()).title or TITLES[name]


def titles_shown(results: Results) -> dict[str, str]:
    """Titles of the report's own sections that it shows."""
    return {name: title_of(results, name) for name in results.study.report.shown if name in TITLES}


def data(results: Results) -> list[Markup]:
    """What was measured, and which rows the models use."""
    study, titles, nouns = results.study, results.titles, results.nouns
    return [
        in_nouns(texts.DATA, nouns),
        table(tables.described(results.variables, study.data), "The variables"),
        *([table(few, "Levels of categories")] if len(few := tables.levels(results.prepared, study.data)) else []),
        *map(warning, columns.like_codes(study, results.prepared.attrs["codes"])),
        *map(warning, results.prepared.attrs["doubts"]),
        table(tables.rows_used(results.trees, titles, unit=study.data.unit, nouns=nouns), captions.rows_used(study)),
        *_figures(results, lambda section, kind: section is None and kind == "trajectories"),
    ]


def models(results: Results) -> list[Markup]:
    """Each model: its equations, how it was sampled, its checks, estimates and figures."""
    return [in_nouns(texts.MODELS, results.nouns), *(part for name in results.trees for part in _model(results, name))]


def _model(results: Results, name: str) -> list[Markup]:
    study, tree = results.study, results.trees[name]
    model, checked, link = study.models[name], results.diagnostics[name], results.link(name)
    estimates = tables.estimates(results.population(name), results.meanings(name), model.truth or results.truth)
    parts = [
        heading(3, f"{name}: {model.title}"),
        as_html(model.text, below=3),
        equations.formulas(results.specs[name], tree, results.nouns, study.data.labels),
        paragraph(sampling.sentence(study.sampling_of(name), tree.attrs)),
        checks.listed(checked, results.specs[name]),
        *map(warning, _doubts(results, name)),
        table(estimates, captions.estimates(study, name, link)),
        downloads(results.table_files(f"models/{name}")),
    ]
    if not (sizes := results.variance[name]).empty:
        shown = [paragraph(variance.named(sizes)), table(variance.tabulated(sizes), captions.variance(study, name))]
        parts.append(folded("Explained variance, intraclass correlations and ratios", shown))
    effects = results.group_effects(name)
    if len(effects):
        parts.append(table(tables.estimates(effects), captions.group_effects(study, name, link)))
    if summarised := tables.summarised_effects(tree):
        parts.append(paragraph(captions.summarised(name, summarised)))
    parts += _figures(results, lambda section, kind: section == f"models.{name}")
    figure = {kind: _figure(results, f"{kind}-{name}") for kind in study.figures_of(name)}
    parts += [figure[kind] for kind in ("coefficients", "effects", "conditional") if kind in figure]
    against = list(_model_checks(results, name))
    if against:
        told = [Markup("<strong>{}.</strong> {}").format(title, words) for title, _, words, _ in against]
        parts += [heading(4, "Checks against data and priors"), bullets(told)]
    parts += [folded(title, [*tables_of, figure[kind]]) for title, kind, _, tables_of in against]
    return [*parts, folded("Diagnostics of the sampler", [figure["diagnostics"]])]


def _model_checks(results: Results, name: str) -> Iterator[tuple[str, str, str, list[Markup]]]:
    """Of each check of a model against data and priors a title, the kind of its figure, what it says, its tables."""
    checked, nouns, switches = results.checked[name], results.nouns, results.study.checks
    if switches.prior:
        family, function = results.study.models[name].family, results.study.outcome_function(name)
        yield "Priors", "prior", model_checks.prior(checked, nouns, family=family, function=function), []
    if switches.predictive:
        own = checked["predictive"]
        shown = table(model_checks.statistics(own, nouns), "Statistics of data and replicated data")
        yield "Posterior predictive check", "ppc", model_checks.predictive(own, nouns), [shown]
    if switches.loo_pit:
        yield "Leave-one-out probabilities (LOO-PIT)", "pit", model_checks.loo_pit(checked, nouns), []
    if switches.sensitivity:
        own = checked["sensitivity"]
        shown = table(model_checks.shifts(own), "Shifts of posterior means, in posterior sds")
        yield "Sensitivity to priors and data", "sensitivity", model_checks.sensitivity(own), [shown]
    if switches.influence:
        own, title = checked["influence"], f"Influential {nouns.unit[1]} and {nouns.measurement[1]}"
        caption = "What moves an estimate most; rows of the data file are counted from 0"
        shown = table(model_checks.influential(own, nouns), caption)
        yield title, "influence", model_checks.influence(own, nouns), [shown]


def _doubts(results: Results, name: str) -> list[str]:
    """What may be a mistake in a model."""
    rows = results.trees[name]["constant_data"].to_dataset().to_dataframe()
    return list(map(capitalised, doubts(results.specs[name], rows, results.study.data.moved_with)))


def sizes(results: Results) -> list[Markup]:
    """How many parameters each model has."""
    return [table(tables.sizes(results.trees, results.titles), "Parameters of each model, by kind")]


def compared(results: Results) -> list[Markup]:
    """Each comparison: elpd, what it says, what plain PSIS gets wrong, evidence and Bayes factors."""
    parts = [part for name in results.compared for part in _comparison(results, name)]
    return [in_nouns(texts.COMPARING, results.nouns), *parts] if parts else []


def _comparison(results: Results, name: str) -> list[Markup]:
    study, titles, nouns, compared = results.study, results.titles, results.nouns, results.compared[name]
    comparison = study.comparisons[name]
    parts = [heading(3, comparison.title), as_html(comparison.text, below=3)]
    for block in comparisons.blocks(compared, nouns):
        parts.append(table(comparisons.tabulated(block.table, results.marked_titles), block.title))
        if words := comparisons.unreliable(block.table):
            parts.append(warning(words))
        if block.has_verdict:
            parts.append(paragraph(comparisons.verdict(block.table, titles, nouns, failed=results.failed)))
    parts.append(paragraph(comparisons.left_out(compared, comparison.estimands, nouns)))
    pointwise = read_table(results.folder / f"comparison/{name}.pointwise.csv", ("model",))
    parts += [
        comparisons.corrected(pointwise, results.trees, unit=study.data.unit, nouns=nouns),
        _figure(results, f"comparison-{name}"),
        _figure(results, f"estimates-{name}"),
        *_figures(results, lambda section, kind: section == f"comparisons.{name}"),
    ]
    return [*parts, *_evidence(results, name)]


def _evidence(results: Results, name: str) -> list[Markup]:
    study, titles, evidence, parts = results.study, results.marked_titles, results.compared[name], []
    known = comparisons.evidence(evidence, titles)
    if len(known) < 2:
        return []
    parts += [heading(4, "Evidence"), in_nouns(texts.EVIDENCE, results.nouns), table(known, "Log evidence, in nats")]
    if study.comparisons[name].bayes_factors:
        evidence = read_table(results.folder / f"comparison/{name}.bayes_factors.csv", ("model",))
        caption = captions.bayes_factors(study, evidence["model"][0])
        parts.append(table(comparisons.bayes_factors(evidence, titles), caption))
        parts.append(comparisons.weighed(evidence, titles, results.nouns))
    if words := comparisons.untrusted(evidence):
        parts.append(warning(words))
    return parts


def predictions(results: Results) -> list[Markup]:
    """Tables of predictions that are short, where the others are, and figures of those that no other section shows."""
    study, parts = results.study, []
    text = text_columns(results.folder / "data/prepared.parquet")
    drawn = {figure.predictions for figure in study.figures.values() if isinstance(figure, PredictionFigure)}
    rows = {model: tree["constant_data"].to_dataset().to_dataframe() for model, tree in results.trees.items()}
    for name in study.predictions:
        values = read_summary(results.folder / f"predictions/{name}.csv", text)
        caption = captions.predictions(study, name)
        if len(values) <= MOST_ROWS:
            parts.append(table(predicted.tabulated(values, study, name, failed=results.failed), caption))
        elif name not in drawn:
            parts.append(
                paragraph(escape(f"{caption}. These {len(values)} rows are in results/predictions/{name}.csv."))
            )
        if words := predicted.sentences(values, study, name, success=results.success, failed=results.failed):
            parts.append(bullets(words))
        parts += [paragraph(f"{name}: {doubt}") for doubt in beyond.doubts(values, study, name, rows)]
    parts += _figures(results, lambda section, kind: section is None and kind != "trajectories")
    kinds = {kind for one in study.predictions.values() for kind in (*one.quantities, one.whose)}
    words = " ".join(text for kind, text in texts.PREDICTIONS.items() if kind in kinds)
    return [paragraph(in_nouns(words, results.nouns)), *parts] if parts else []


def for_a_paper(results: Results) -> list[Markup]:
    """All models side by side, and the methods as text, with their files."""
    models = paper.fitted(results.study, results.trees, results.summaries, results.variance, results.diagnostics)
    side_by_side = paper.side_by_side(results.study, models, results.compared)
    methods = [results.folder / f"report/methods.{kind}" for kind in ("txt", "bib")]
    paragraphs = methods[0].read_text(encoding="utf-8").split("\n\n")
    return [
        table(side_by_side.on_page, side_by_side.caption),
        paragraph(side_by_side.note),
        downloads(results.table_files(side_by_side.name)),
        folded("Methods, as text for a paper", [*map(paragraph, paragraphs), downloads(methods)]),
    ]


def printed(results: Results) -> list[Markup]:
    """Printed numbers beside ours."""
    if results.published is None:
        return []
    source = results.study.published.source
    return [published.explained(results.published, source), published.tables(results.published, failed=results.failed)]


def reported(results: Results) -> list[Markup]:
    """What the report says to the items of guidelines."""
    return guidelines.parts(results, titles_shown(results))


def origins(results: Results) -> list[Markup]:
    """Where the numbers come from, and what they took."""
    return [
        table(provenance.origins(results.study, results.trees, results.prepared.attrs["notes"]), "Origins"),
        table(
            provenance.run_times(results.study, results.folder / "benchmarks"),
            "Time and memory by rule, as measured when each of its jobs last ran",
        ),
    ]


CONTENTS: Mapping[str, Callable[[Results], list[Markup]]] = MappingProxyType(
    {
        "data": data,
        "models": models,
        "sizes": sizes,
        "comparisons": compared,
        "predictions": predictions,
        "paper": for_a_paper,
        "published": printed,
        "guidelines": reported,
        "provenance": origins,
    }
)


def _figure(results: Results, name: str) -> Markup:
    return figures.figure(results.study, name, results.folder / "figures", known=results.known)


def _figures(results: Results, chosen: Callable[[str | None, str], bool]) -> list[Markup]:
    """Figures of the config that are chosen by their section and their kind."""
    study = results.study
    return [_figure(results, name) for name, one in study.figures.items() if chosen(study.section_of(name), one.kind)]
