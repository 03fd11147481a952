"""What goes into a paper: tables, methods and references, made from the results and written."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from partialpool.fit import store
from partialpool.fit.failed import read_checks
from partialpool.jobs.files import atomic
from partialpool.jobs.tables import read_table
from partialpool.report import methods, paper, paper_files
from partialpool.report.references import bibliography
from partialpool.study.study import Study


class ForPaper(NamedTuple):
    """Tables, side by side first, and the methods."""

    tables: list[paper.Table]
    methods: methods.Methods


def made(
    study: Study,
    trees: Mapping,
    summaries: Mapping[str, pd.DataFrame],
    variances: Mapping[str, pd.DataFrame],
    checked: Mapping[str, Mapping],
    compared: Mapping[str, pd.DataFrame],
    *,
    snakemake: str,
) -> ForPaper:
    """Tables and methods of a study.

    Parameters
    ----------
    study
        The configuration.
    trees, summaries, variances, checked
        By model its fit, with ``posterior`` and ``constant_data``, its tables, and its checks.
    compared
        Tables of the comparisons, by name.
    snakemake
        Its version.
    """
    fits = {name: tree.attrs for name, tree in trees.items()}
    specs = {name: store.spec_of(tree) for name, tree in trees.items()}
    models = paper.fitted(study, trees, summaries, variances, checked)
    described = methods.of_study(study, fits, specs, checked, compared, variances=variances, snakemake=snakemake)
    return ForPaper(paper.of_study(study, models, compared), described)


def write(
    study: Study, *, models: Iterable[tuple[str, ...]], comparisons: Iterable[str], snakemake: str, folder: str
) -> None:
    """Write the files of a study: ``tables/`` and ``report/methods.txt`` with ``methods.bib``.

    Parameters
    ----------
    study
        The configuration.
    models
        Of each model, in the order of the study, the files of its fit, summary, variance and checks.
    comparisons
        Files of the comparisons' tables, in the order of the study.
    snakemake
        Its version.
    folder
        Of the results.
    """
    trees, summaries, variances, checked = {}, {}, {}, {}
    for name, (fit, summary, variance, diagnostics) in zip(study.models, models, strict=True):
        trees[name] = store.load(fit, ("posterior", "constant_data"))
        summaries[name], variances[name] = pd.read_csv(summary), pd.read_csv(variance)
        checked[name] = read_checks(diagnostics)
    compared = {name: read_table(file, ("model",)) for name, file in zip(study.comparisons, comparisons, strict=True)}
    result = made(study, trees, summaries, variances, checked, compared, snakemake=snakemake)
    for table in result.tables:
        paper_files.write(table, Path(folder, "tables"))
    for name, text in (("methods.txt", result.methods.text), ("methods.bib", bibliography(result.methods.cited))):
        with atomic(Path(folder, "report", name)) as temporary:
            temporary.write_text(text, encoding="utf-8")
