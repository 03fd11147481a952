"""What goes into a paper: tables, methods and references, made from the results and written."""

from collections.abc import Iterable
from pathlib import Path

from partialpool.fit import store
from partialpool.fit.failed import read_checks
from partialpool.jobs.files import write_text
from partialpool.jobs.tables import read_table
from partialpool.report import methods, paper, paper_files
from partialpool.report.references import bibliography
from partialpool.study.study import Study


def write(
    study: Study, *, files: Iterable[tuple[str, ...]], comparisons: Iterable[str], snakemake: str, folder: str
) -> None:
    """Write the files of a study: ``tables/`` and ``report/methods.txt`` with ``methods.bib``.

    Parameters
    ----------
    study
        The configuration.
    files
        Of each model, in the order of the study, the files of its fit, summary, variance and checks.
    comparisons
        Files of the comparisons' tables, in the order of the study.
    snakemake
        Its version.
    folder
        Of the results.
    """
    trees, summaries, variances, checked = {}, {}, {}, {}
    for name, (fit, summary, variance, diagnostics) in zip(study.models, files, strict=True):
        trees[name] = store.load(fit, ("posterior", "constant_data"))
        summaries[name] = read_table(summary, ("parameter",))
        variances[name] = read_table(variance, ("quantity", "at", "meaning"))
        checked[name] = read_checks(diagnostics)
    compared = {name: read_table(file, ("model",)) for name, file in zip(study.comparisons, comparisons, strict=True)}
    models = paper.fitted(study, trees, summaries, variances, checked)
    for table in paper.of_study(study, models, compared):
        paper_files.write(table, Path(folder, "tables"))
    fits = {name: tree.attrs for name, tree in trees.items()}
    specs = {name: store.spec_of(tree) for name, tree in trees.items()}
    described = methods.of_study(study, fits, specs, checked, compared, models=models, snakemake=snakemake)
    for name, text in (("methods.txt", described.text), ("methods.bib", bibliography(described.cited))):
        write_text(text, Path(folder, "report", name))
