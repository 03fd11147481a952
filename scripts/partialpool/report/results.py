"""The results that the report is made of, read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from partialpool.fit.failed import ENDING, marked_titles, read_checks
from partialpool.jobs.tables import read_table
from partialpool.model import parameters
from partialpool.model.names import common_dim, effect_terms
from partialpool.model.outcome import outcome_column
from partialpool.model.spec import ModelSpec
from partialpool.report import checks, meaning
from partialpool.report.captions import Known
from partialpool.study.data import Nouns
from partialpool.study.study import Study

TABLE_KINDS = ("csv", "tex", "docx")


@dataclass(frozen=True)
class Results:
    """A study and what its run made.

    Attributes
    ----------
    study
        The configuration.
    folder
        Where the results are, ``results``.
    prepared
        Columns ``row``, the unit and the outcome of the data; ``attrs`` say how they were read.
    variables
        Every variable of the data, described (``summary.csv``).
    truth
        Of simulated data the values that they were drawn from, by parameter; else None.
    specs, trees, summaries, variance, diagnostics
        By model: its spec with all priors, its fit, its table of estimates, that of R2, intraclass correlations and
        ratios, and its checks.
    checked
        By model the tables of its checks against data and priors, by name.
    compared
        By comparison, its table.
    published
        Printed numbers beside ours, if there are any.
    """

    study: Study
    folder: Path
    prepared: pd.DataFrame
    variables: pd.DataFrame
    truth: pd.Series | None
    specs: Mapping[str, ModelSpec]
    trees: Mapping[str, object]
    summaries: Mapping[str, pd.DataFrame]
    variance: Mapping[str, pd.DataFrame]
    diagnostics: Mapping[str, dict[str, dict]]
    checked: Mapping[str, Mapping[str, pd.DataFrame]]
    compared: Mapping[str, pd.DataFrame]
    published: pd.DataFrame | None

    @property
    def nouns(self) -> Nouns:
        """How units and measurements are called."""
        return self.study.data.nouns

    @property
    def titles(self) -> dict[str, str]:
        """Titles of the models."""
        return {name: model.title for name, model in self.study.models.items()}

    @property
    def failed(self) -> set[str]:
        """Models of which a check failed."""
        return {name for name, entries in self.diagnostics.items() if checks.failed(entries)}

    @property
    def marked_titles(self) -> dict[str, str]:
        """Titles of the models, those of which a check failed with a mark; for tables of their numbers."""
        return marked_titles(self.titles, self.failed)

    @property
    def known(self) -> Known:
        """What captions say of data and fits."""
        sampling = {name: tree.attrs["sampling"] for name, tree in self.trees.items()}
        levels = {name: self._most_levels(name) for name in self.trees}
        return Known(sampling, self.prepared[self.study.data.unit].nunique(), levels)

    def link(self, model: str) -> str:
        """The link of a model."""
        return self.trees[model]["posterior"].attrs.get("link", "identity")

    def population(self, model: str) -> pd.DataFrame:
        """The estimates of a model that are not of single units: common coefficients and scales."""
        return self._estimates(model, effects=False)

    def group_effects(self, model: str) -> pd.DataFrame:
        """The estimates of the group-level effects of a model."""
        return self._estimates(model, effects=True)

    def meanings(self, model: str) -> dict[str, meaning.Meaning]:
        """What the parameters of a model are."""
        return meaning.of_model(self.study.data, self.specs[model], self.trees[model])

    def success(self, model: str) -> str | None:
        """The level of a yes-no outcome whose probability a model has; None where it is a number, or another family."""
        spec = self.specs[model]
        column, level = outcome_column(spec.formula)
        if spec.family != "bernoulli" or column is None or self.prepared[column].dtype.kind in "iuf":
            return None
        return level or str(self.prepared[column].cat.categories[-1])

    def table_files(self, name: str) -> list[Path]:
        """The files of a table for a paper."""
        return [self.folder / f"tables/{name}.{kind}" for kind in TABLE_KINDS]

    def _most_levels(self, model: str) -> int:
        tree = self.trees[model]
        sizes = {**tree["posterior"].sizes, **(tree["group_effects"].sizes if "group_effects" in tree.children else {})}
        terms = effect_terms(tree["posterior"].to_dataset())
        dims = [common_dim(self.study.data.unit), *(term.grouping_dim for term in terms)]
        return max((sizes[dim] for dim in dims if dim in sizes), default=0)

    def _estimates(self, model: str, *, effects: bool) -> pd.DataFrame:
        posterior, summary = self.trees[model]["posterior"].to_dataset(), self.summaries[model]
        of_groups = {p.name for p in parameters.of(posterior) if p.kind == "group"}
        return summary[summary["parameter"].isin(of_groups) == effects]


def read(study: Study, folder: str | Path = "results") -> Results:
    """Read the results of a study from where its run wrote them."""
    from partialpool.fit import store

    folder = Path(folder)
    groups = ("posterior", "constant_data", "group_effects")
    truth, printed = None, None
    if study.data.simulate:
        truth = read_table(folder / "data/truth.csv", ("parameter",)).set_index("parameter")["value"]
    if study.published:
        printed = read_table(folder / "published.csv", ("source", "model", "quantity", "published"))
    trees = {m: store.load(folder / f"models/{m}.nc", groups, spec=study.spec(m)) for m in study.models}
    return Results(
        study,
        folder,
        pd.read_parquet(folder / "data/prepared.parquet"),
        read_table(folder / "data/summary.csv", ("variable",)),
        truth,
        {m: store.spec_of(tree) for m, tree in trees.items()},
        trees,
        {m: read_table(folder / f"models/{m}.summary.csv", ("parameter",)) for m in study.models},
        {m: read_table(folder / f"models/{m}.variance.csv", ("quantity", "at", "meaning")) for m in study.models},
        {m: read_checks(folder / f"models/{m}{ENDING}") for m in study.models},
        {m: _checked(folder, study, m) for m in study.models},
        {c: read_table(folder / f"comparison/{c}.csv", ("model",)) for c in study.comparisons},
        printed,
    )


def _checked(folder: Path, study: Study, model: str) -> dict[str, pd.DataFrame]:
    """Tables of the checks of a model, by name."""
    names = study.checks_of(model)
    return {name: read_table(folder / f"checks/{model}.{name}.csv", ("label", "unit")) for name in names}
