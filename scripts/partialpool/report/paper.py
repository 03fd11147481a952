"""Tables for a paper: all models side by side, and one of each model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from partialpool.loo.pointwise import BAD_PARETO_K
from partialpool.model import parameters
from partialpool.report import captions, checks, comparisons
from partialpool.report.numbers import limits, number, rounded, trusted_decimals
from partialpool.report.tables import rows_and_units
from partialpool.study.study import Study

KINDS = ("common", "sd", "cor", "family")
# Where slopes vary, the table of all models has the intraclass correlation averaged over the rows.
AVERAGE = "average over the rows"
# Behind the title of a model of which a check failed, and behind an elpd that has a Pareto k that is too large.
FAILED, UNTRUSTED = "*", "†"
R2 = {"R2(conditional)": "R², conditional", "R2(marginal)": "R², marginal"}


@dataclass(frozen=True)
class Table:
    """A table as a paper prints it.

    Attributes
    ----------
    name
        Of its files, in the folder of tables: ``all-models``, ``models/{model}``.
    caption
        Above it.
    headings
        Of the columns; the first is that of the rows' names.
    blocks
        Rows, between whose blocks there is a rule; a cell may have two lines.
    note
        Below it.
    """

    name: str
    caption: str
    headings: tuple[str, ...]
    blocks: tuple[tuple[tuple[str, ...], ...], ...]
    note: str

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The rows of all blocks."""
        return [row for block in self.blocks for row in block]

    @property
    def on_page(self) -> pd.DataFrame:
        """The table for the report."""
        return pd.DataFrame(self.rows, columns=self.headings)


@dataclass(frozen=True)
class Fitted:
    """What the tables show of a model.

    Attributes
    ----------
    estimates
        Its summary, of what is the same for all units, by parameter; with ``kind``.
    variance
        Its table of R2, intraclass correlations and ratios.
    measurements, units
        How many it was fitted to.
    left_out
        Whether it has coefficients of each unit, which are not among the estimates.
    passed
        Whether all of its checks did.
    """

    estimates: pd.DataFrame
    variance: pd.DataFrame
    measurements: int
    units: int
    left_out: bool
    passed: bool


def fitted(
    study: Study,
    trees: Mapping,
    summaries: Mapping[str, pd.DataFrame],
    variances: Mapping[str, pd.DataFrame],
    checked: Mapping[str, Mapping[str, dict]],
) -> dict[str, Fitted]:
    """What tables show of each model.

    Parameters
    ----------
    study
        The configuration.
    trees, summaries, variances, checked
        By model its fit, with ``posterior`` and ``constant_data``, its tables, and its checks.
    """
    return {
        name: fitted_model(
            tree,
            summaries[name],
            variances[name],
            unit=study.data.unit,
            passed=not checks.failed(checked[name]),
        )
        for name, tree in trees.items()
    }


def fitted_model(tree, summary: pd.DataFrame, variance: pd.DataFrame, *, unit: str, passed: bool) -> Fitted:
    """One model from its fit and its tables; ``unit`` is the unit's column, ``passed`` whether all checks are."""
    listed = [p for p in parameters.of(tree["posterior"].to_dataset()) if p.kind in KINDS]
    of_units = {p.name for p in listed if unit in p.variable.split(":")}
    kinds = {p.name: p.kind for p in listed if p.name not in of_units}
    estimates = summary.set_index("parameter").loc[list(kinds)].assign(kind=pd.Series(kinds))
    return Fitted(estimates, variance, *rows_and_units(tree, unit), bool(of_units), passed)


def of_study(study: Study, models: Mapping[str, Fitted], compared: Mapping[str, pd.DataFrame]) -> list[Table]:
    """All tables of a study: side by side, then model by model; ``compared`` has the comparisons' tables by name."""
    return [side_by_side(study, models, compared), *(of_model(study, name, model) for name, model in models.items())]


def side_by_side(study: Study, models: Mapping[str, Fitted], compared: Mapping[str, pd.DataFrame]) -> Table:
    """All models, a column each: estimates with their intervals, sizes, R2, intraclass correlations and elpd."""
    blocks = [
        tuple(_estimates(parameter, models, study.data.labels) for parameter in _parameters(models, kinds))
        for kinds in (("common",), ("sd", "cor", "family"))
    ]
    elpd = _elpd(study, models, compared)
    sizes = _sizes(study, models) + _variances(models, study.data.labels) + elpd
    notes = _notes(study, models, "in brackets", elpd=bool(elpd))
    if any(UNTRUSTED in cell for row in elpd for cell in row[1:]):
        notes.append(f"{UNTRUSTED} A Pareto k is over {BAD_PARETO_K}: this elpd has no trustworthy Monte Carlo error.")
    return Table(
        "all-models",
        f"{study.title}: estimates of all models",
        ("", *(_marked(study.models[name].title, model) for name, model in models.items())),
        tuple(block for block in (*blocks, tuple(sizes)) if block),
        " ".join(notes),
    )


def of_model(study: Study, name: str, model: Fitted) -> Table:
    """One model: mean, sd and interval of each parameter, and of R2, intraclass correlations and ratios."""
    estimates = [
        (_labelled(parameter, study.data.labels), *_numbers(row))
        for parameter, row in zip(model.estimates.index, model.estimates.to_dict("records"), strict=True)
    ]
    sizes = [(_quantity(row, study.data.labels), *_numbers(row)) for row in model.variance.to_dict("records")]
    counts = [(label, count, "", "", "") for label, count in _sizes(study, {name: model})]
    return Table(
        f"models/{name}",
        f"{_marked(study.models[name].title, model)}: {study.models[name].formula}",
        ("", "mean", "sd", "2.5 %", "97.5 %"),
        tuple(tuple(block) for block in (estimates, sizes, counts) if block),
        " ".join(_notes(study, {name: model}, "from 2.5 % to 97.5 %", elpd=False)),
    )


def _marked(title: str, model: Fitted) -> str:
    return title if model.passed else f"{title}{FAILED}"


def _parameters(models: Mapping[str, Fitted], kinds) -> list[str]:
    """Parameters of some kinds that any model has, kind by kind; the intercept first."""
    named = [
        name
        for kind in kinds
        for model in models.values()
        for name in model.estimates.index[model.estimates["kind"] == kind]
    ]
    return sorted(dict.fromkeys(named), key=lambda name: name != "Intercept")


def _estimates(parameter: str, models: Mapping[str, Fitted], labels: Mapping[str, str]) -> tuple[str, ...]:
    """A row: the parameter's mean and interval in each model that has it."""
    cells = [
        _with_interval(model.estimates.loc[parameter].to_dict()) if parameter in model.estimates.index else ""
        for model in models.values()
    ]
    return _labelled(parameter, labels), *cells


def _with_interval(row: dict) -> str:
    low, high = limits(row)
    return f"{rounded(row, 'mean')}\n[{low}, {high}]"


def _numbers(row: dict) -> tuple[str, ...]:
    """Mean, sd and limits of the interval; the sd with as many decimals as the mean."""
    places = trusted_decimals(row["sd"], row["mcse_mean"])
    return number(row["mean"], places), number(row["sd"], places), *limits(row)


def _sizes(study: Study, models: Mapping[str, Fitted]) -> list[tuple[str, ...]]:
    """How many measurements and units each model was fitted to."""
    nouns = study.data.nouns
    return [
        (f"number of {nouns.measurement[1]}", *(str(model.measurements) for model in models.values())),
        (f"number of {nouns.unit[1]}", *(str(model.units) for model in models.values())),
    ]


def _variances(models: Mapping[str, Fitted], labels: Mapping[str, str]) -> list[tuple[str, ...]]:
    """R2 and intraclass correlations of all models."""
    by_model = {}
    for name, model in models.items():
        table = model.variance[~model.variance["quantity"].str.startswith("exp(")]
        shown = table[table["at"].isna() | table["at"].isin(["", AVERAGE])]
        by_model[name] = {row["quantity"]: _with_interval(row) for row in shown.to_dict("records")}
    quantities = dict.fromkeys(quantity for rows in by_model.values() for quantity in rows)
    return [
        (_named(quantity, labels), *(rows.get(quantity, "") for rows in by_model.values())) for quantity in quantities
    ]


def _elpd(study: Study, models: Mapping[str, Fitted], compared: Mapping[str, pd.DataFrame]) -> list[tuple[str, ...]]:
    """Expected log predictive densities: a row a comparison and estimand, since only those of a row compare."""
    nouns, rows = study.data.nouns, []
    words = {
        "observation": f"elpd, new {nouns.measurement[1]} of observed {nouns.unit[1]}",
        "unit": f"elpd, new {nouns.unit[1]}",
    }
    for comparison, table in compared.items():
        for block in comparisons.blocks(table, nouns):
            if block.has_verdict:
                values = block.table.set_index("model")
                cells = {
                    m: f"{number(r['elpd_loo'], 1)}{UNTRUSTED if r['bad_pareto_k'] else ''}\n"
                    f"({number(r['se_elpd_loo'], 1)})"
                    for m, r in values.iterrows()
                }
                where = f": {study.comparisons[comparison].title}" if len(compared) > 1 else ""
                label = f"{words[block.table['estimand'].iloc[0]]}{where}"
                rows.append((label, *(cells.get(name, "") for name in models)))
    return rows


def _notes(study: Study, models: Mapping[str, Fitted], where: str, *, elpd: bool) -> list[str]:
    """What the numbers of a table are: draws, intervals, whose; and what failed."""
    unit, units = study.data.nouns.unit
    numbers = {study.draws_of(name) for name in models}
    how_many = f"{numbers.pop()} draws" if len(numbers) == 1 else f"draws: {captions.draws_of_models(study, models)}"
    notes = [
        f"Posterior means, with 95 % equal-tailed intervals {where}; {how_many}.",
        f"Coefficients and standard deviations are those of the population of {units}.",
    ]
    quantities = [name for model in models.values() for name in model.variance["quantity"]]
    if "R2(conditional)" in quantities:
        marginal = f", and the marginal one for new {units}" if "R2(marginal)" in quantities else ""
        notes.append(f"The conditional Bayesian R² is for the {units} observed{marginal}.")
    if any(name.startswith("icc(") for name in quantities):
        notes.append(
            "icc: intraclass correlation, the share of a grouping factor in the variance around the coefficients."
        )
    if elpd:
        notes.append(
            "elpd: expected log predictive density by leave-one-out cross-validation, standard error in parentheses; "
            "compare it within a row only."
        )
    if any(model.left_out for model in models.values()):
        notes.append(f"The coefficients of each {unit} are left out.")
    if failed := [study.models[name].title for name, model in models.items() if not model.passed]:
        notes.append(f"{FAILED} Convergence checks failed, do not rely on these numbers: {', '.join(failed)}.")
    return [*notes, "No digit of a mean is Monte Carlo error alone."]


def _quantity(row: dict, labels: Mapping[str, str]) -> str:
    """Name of a row of the table of variance, with where and what it is."""
    where = "" if pd.isna(row["at"]) or not row["at"] else f", {row['at']}"
    what = "" if row["meaning"] == "outcome" else f" ({row['meaning']})"
    return f"{_named(row['quantity'], labels)}{_labelled(where, labels)}{what}"


def _named(quantity: str, labels: Mapping[str, str]) -> str:
    """A quantity of the table of variance."""
    return R2.get(quantity) or _labelled(quantity, labels)


def _labelled(parameter: str, labels: Mapping[str, str]) -> str:
    """A parameter with the labels of its columns; levels in brackets stay as they are."""
    if not labels:
        return parameter
    parts = re.split(r"(\[[^\]]*\])", parameter)
    # Names may have dots and blanks, and the longest that fits is meant. A word before a bracket is a function.
    names = "|".join(map(re.escape, sorted(labels, key=len, reverse=True)))
    named = re.compile(rf"(?<![\w.])(?:{names})(?![\w.(])")
    parts[::2] = [named.sub(lambda name: labels[name[0]], part) for part in parts[::2]]
    return "".join(parts)
