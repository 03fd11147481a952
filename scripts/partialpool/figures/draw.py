"""The figures of the config, drawn from files of results."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from partialpool.data import units
from partialpool.errors import StudyError
from partialpool.figures.grid import grid
from partialpool.figures.limits import MOST_UNITS
from partialpool.figures.order import distinct, in_order, natural_key
from partialpool.figures.theme import Figure
from partialpool.figures.units import (
    fitted_trajectories,
    gradient_intervals,
    half_eyes,
    intercepts_slopes,
    shrinkage,
    three_poolings,
    trajectories,
)
from partialpool.fit.failed import failed, marked_titles
from partialpool.model.names import INTERCEPT, Term, correlation_names, pair_dim, pair_label
from partialpool.predict.summary import read_summary, text_columns
from partialpool.predict.tables import refuse_several


def configured(
    figures: Mapping[str, Mapping],
    *,
    prepared: str,
    predictions: Mapping[str, tuple[str, str]],
    fits: Mapping[str, str],
    diagnostics: Iterable[str],
    columns: Mapping[str, str | None],
    labels: Mapping[str, str],
    seed: int,
) -> Iterator[tuple[str, Figure]]:
    """Draw the figures of the config one after the other; each file is read once, and only if a figure needs it.

    Parameters
    ----------
    figures
        By name, the entries of the config: ``kind``, what belongs to it, and ``titles``, which maps the models shown
        to their titles, in the order in which they are shown; ``probabilities`` where expected values are such.
    prepared
        Path of the prepared data.
    predictions
        By name, paths of the table and of the draws of each prediction.
    fits
        Paths of fits by model, for ``intercepts-slopes``.
    diagnostics
        Paths of the checks of all models: beside others, the titles of those of which a check failed have a mark.
    columns
        Names of the columns ``unit``, ``group``, ``time``, ``outcome``; None for those that there are not.
    labels
        Their labels for axes.
    seed
        Seed by which units are chosen where a figure shows a number of them.

    Yields
    ------
    name, figure
        In the order of ``figures``.

    Raises
    ------
    StudyError
        If a unit to show is not in the data or in the predictions, or if a model lacks what the figure shows.
    """
    data = pd.read_parquet(prepared)
    if columns["unit"] != "id":
        # A column `id` that is not the unit's, as that of rows often is, makes way.
        data = data.drop(columns="id", errors="ignore").rename(columns={columns["unit"]: "id"})
    data = _with_text_categories(data, "id")
    read = partial(_read_summary, text=text_columns(prepared))
    summaries = Tables(read, {name: summary for name, (summary, _) in predictions.items()})
    draws = Tables(_read_draws, {name: drawn for name, (_, drawn) in predictions.items()})
    source = Source(data, summaries, draws, fits, columns, labels, seed, failed(diagnostics))
    for name, entry in figures.items():
        try:
            yield name, KINDS[entry["kind"]](entry, source)
        except StudyError as error:
            raise StudyError(f"figures.{name}: {error}") from None


class Tables(dict):
    """Tables by name, each read from its path when it is first asked for."""

    def __init__(self, read: Callable[[str], pd.DataFrame], paths: Mapping[str, str]):
        super().__init__()
        self.read, self.paths = read, paths

    def __missing__(self, name: str) -> pd.DataFrame:
        self[name] = self.read(self.paths[name])
        return self[name]


@dataclass(frozen=True)
class Source:
    """What figures are drawn from; see `configured`."""

    data: pd.DataFrame
    """The prepared data, with units as text in the column ``id``."""
    summaries: Mapping[str, pd.DataFrame]
    draws: Mapping[str, pd.DataFrame]
    fits: Mapping[str, str]
    columns: Mapping[str, str | None]
    labels: Mapping[str, str]
    seed: int
    failed: Collection[str]

    @property
    def measured(self) -> pd.DataFrame:
        """The prepared data, for figures that show measurements; StudyError if these are no numbers."""
        outcome = self.columns["outcome"]
        if not pd.api.types.is_numeric_dtype(self.data[outcome]):
            levels = ", ".join(map(str, self.data[outcome].cat.categories))
            raise StudyError(f"It shows measurements as numbers, and '{outcome}' has the levels {levels}.")
        return self.data

    @property
    def grand_mean(self) -> float:
        """Mean of all measurements."""
        return self.measured[self.columns["outcome"]].mean()

    def labels_of_expected(self, entry: Mapping) -> Mapping[str, str]:
        """Labels of figures of expected values, which are probabilities where measurements are levels."""
        of_levels = isinstance(self.data[self.columns["outcome"]].dtype, pd.CategoricalDtype)
        if not of_levels and not entry.get("probabilities"):
            return self.labels
        return {**self.labels, "outcome": f"Probability of {self.labels['outcome']}"}

    def expected(self, entry: Mapping, *over: str) -> pd.DataFrame:
        """``model,id,mean``: the expected values that a figure shows, one of each unit at each value of ``over``."""
        summary = self.of_models(self.summaries[entry["predictions"]], entry)
        return _averaged(summary[summary["quantity"] == "expected"], "mean", "model", "id", *over)

    def draws_of_units(self, entry: Mapping) -> pd.DataFrame:
        """``model,quantity,id,chain,draw,value``: the draws that a figure shows.

        A unit has one expected value in a draw, the mean of those at all covariate values. Of predicted ones, which are
        single measurements, it has all.
        """
        table = self.of_models(self.draws[entry["predictions"]], entry)
        is_expected = table["quantity"] == "expected"
        expected = _averaged(table[is_expected], "value", "model", "quantity", "id", "chain", "draw")
        return pd.concat([expected, table.loc[~is_expected, expected.columns]], ignore_index=True)

    def of_models(self, table: pd.DataFrame, entry: Mapping) -> pd.DataFrame:
        """Rows of the models and units that a figure shows, the models as categories under their titles."""
        titles = marked_titles(entry["titles"], self.failed)
        table = self.of_units(table[table["model"].isin(list(titles))], entry)
        return in_order(table.assign(model=table["model"].map(titles)), model=list(titles.values()))

    def of_units(self, table: pd.DataFrame, entry: Mapping) -> pd.DataFrame:
        """Rows of the units that a figure shows: those of the config, or all, or many drawn at random."""
        observed = units.in_order(table["id"].cat.remove_unused_categories().cat.categories)
        wanted = entry["units"]
        if wanted in (None, "all") and len(observed) > MOST_UNITS:
            wanted = MOST_UNITS
        shown = units.choose(observed, wanted, seed=self.seed, where="what the figure shows")
        return table if shown == observed else table[table["id"].isin(shown)]


def _averaged(table: pd.DataFrame, value: str, *by: str) -> pd.DataFrame:
    """Means of a column over all rows that are alike in others."""
    return table.groupby(list(by), observed=True, sort=False)[value].mean().reset_index()


def _with_text_categories(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Columns as categories that are text and in natural order: a table of draws has many rows and few units."""
    categories = {column: table[column].astype("category").cat.rename_categories(str) for column in columns}
    orders = {column: sorted(values.cat.categories, key=natural_key) for column, values in categories.items()}
    return in_order(table.assign(**categories), **orders)


def _read_summary(path: str, text: list[str]) -> pd.DataFrame:
    return _with_text_categories(read_summary(path, text), "model", "quantity", "id")


def _read_draws(path: str) -> pd.DataFrame:
    # Without the covariates, which no figure of draws shows: there may be many million rows.
    table = pd.read_parquet(path, columns=["model", "quantity", "id", "chain", "draw", "value"])
    return _with_text_categories(table, "model", "quantity", "id")


def _trajectories(entry, source):
    data = source.of_units(source.measured, entry)
    return trajectories(data, time=source.columns["time"], outcome=source.columns["outcome"], labels=source.labels)


def _gradient_intervals(entry, source):
    draws = source.draws_of_units(entry)
    return gradient_intervals(draws, labels=source.labels_of_expected(entry))


def _half_eyes(entry, source):
    draws = source.draws_of_units(entry)
    labels = source.labels if "predicted" in set(draws["quantity"]) else source.labels_of_expected(entry)
    return half_eyes(draws, reference=source.grand_mean if entry["reference"] else None, labels=labels)


def _shrinkage(entry, source):
    summary = source.expected(entry)
    # The dashed line: the mean over units of the first model's estimates.
    first = summary.loc[summary["model"] == summary["model"].cat.categories[0], "mean"].mean()
    return shrinkage(summary, grand_mean=first, labels=source.labels_of_expected(entry))


def _three_poolings(entry, source):
    outcome = source.columns["outcome"]
    raw_means = source.measured.groupby("id", as_index=False)[outcome].mean().rename(columns={outcome: "mean"})
    labels = source.labels_of_expected(entry)
    return three_poolings(source.expected(entry), raw_means, grand_mean=source.grand_mean, labels=labels)


def _fitted_trajectories(entry, source):
    time, group = source.columns["time"], source.columns["group"] if entry["by_group"] else None
    columns = source.summaries[entry["predictions"]].columns
    if time not in columns:
        raise StudyError(f"The model shown does not use '{time}', so it has no trajectories over it.")
    summary = source.expected(entry, time, *([group] if group in columns else []))
    if group is not None and group not in summary:
        summary = summary.merge(source.data[["id", group]].drop_duplicates(), on="id")
    if group is not None and isinstance(source.data[group].dtype, pd.CategoricalDtype):
        # A table of predictions has levels as text, whose order is that of the data.
        levels = source.data[group].cat.categories.astype(str)
        summary = summary.assign(**{group: pd.Categorical(summary[group].astype(str), levels)})
    return fitted_trajectories(summary, time=time, group=group, labels=source.labels_of_expected(entry))


def _grid(entry, source):
    summary = source.of_models(source.summaries[entry["predictions"]], entry)
    summary = summary[summary["quantity"] == distinct(summary["quantity"])[0]]
    columns = {name: _column(entry[name], source) for name in ("x", "by")}
    for key, column in columns.items():
        if column is not None and column not in summary:
            shown = ", ".join(summary.columns.drop(["model", "quantity", "mean", "q2.5", "q97.5"]))
            raise StudyError(f"'{key}': the predictions have no column '{entry[key]}'. Columns: {shown}.")
    refuse_several(summary, columns["x"], columns["by"], "model", called=entry["x"])
    summary = _over(summary, columns, {name: name for name in ("model", "mean", "q2.5", "q97.5")})
    behind, outcome, data = None, entry["outcome"], source.data
    of_data = all(column is None or column in data for column in columns.values())
    if of_data and outcome in data and pd.api.types.is_numeric_dtype(data[outcome]):
        behind = _over(data, columns, {"y": outcome}).dropna()
    differences = {"contrast", "slope"} & set(source.summaries[entry["predictions"]].columns)
    line = entry["no_difference"] if differences else None
    return grid(summary, behind, no_difference=line, same_scale=entry["same_scale"], labels=entry["labels"])


def _column(name: str | None, source) -> str | None:
    """A column by its name in tables of predictions, in which that of the unit is ``id``."""
    return "id" if name == source.columns["unit"] else name


def _over(table: pd.DataFrame, columns: Mapping[str, str | None], values: Mapping[str, str]) -> pd.DataFrame:
    """The column along the axis as ``x``, that of the colours as text, ``by``, and by other names ``values``."""
    by = "" if columns["by"] is None else table[columns["by"]].astype(str)
    return pd.DataFrame({"x": table[columns["x"]], "by": by} | {name: table[own] for name, own in values.items()})


def _intercepts_slopes(entry, source):
    from partialpool.fit import store

    unit, time = source.columns["unit"], source.columns["time"]
    tree = store.load(source.fits[entry["model"]], ("posterior", "group_effects"))
    posterior = tree["posterior"].to_dataset()
    summaries = tree["group_effects"].to_dataset() if "group_effects" in tree.children else {}
    terms = {"intercept": Term("1", unit), "slope": Term(time, unit)}
    pair = pair_label(INTERCEPT, time)
    correlations = [name for name in correlation_names(posterior, unit) if pair in posterior[pair_dim(name)]]
    needed = [name for term in terms.values() for name in (term.coefficient, term.name)]
    missing = [name for name in needed if name not in posterior and name not in summaries]
    if missing or not correlations:
        raise StudyError(
            f"'intercepts-slopes' shows a model with {time} + (1 + {time} | {unit}); this one lacks "
            f"{', '.join(missing) or 'their correlation'}."
        )
    summarised = terms["slope"].name in summaries
    effects = summaries if summarised else posterior
    observed = effects[terms["slope"].grouping_dim].to_numpy().tolist()
    shown = units.choose(observed, entry["units"], seed=source.seed, where=f"the data of {entry['model']}")
    if len(shown) > MOST_UNITS:
        coefficients = _means_of_units(posterior, effects, terms, shown)
    else:
        if summarised:
            posterior = _with_effects_of(shown, tree, source)
        coefficients = _intervals_of_units(posterior, terms, shown)
    correlation = posterior[correlations[0]].sel({pair_dim(correlations[0]): pair})
    return intercepts_slopes(coefficients.assign(id=shown), correlation.to_numpy().ravel(), labels=source.labels)


def _means_of_units(posterior, effects, terms: Mapping[str, Term], shown: list[str]) -> pd.DataFrame:
    """Posterior means of some units' own coefficients, from draws or summaries of their effects."""
    means = {}
    for name, term in terms.items():
        own = effects[term.name].sel({term.grouping_dim: shown})
        own = own.sel(statistic="mean") if "statistic" in own.dims else own.mean(("chain", "draw"))
        means[name] = (posterior[term.coefficient].mean() + own).to_numpy()
    return pd.DataFrame(means)


def _intervals_of_units(posterior, terms: Mapping[str, Term], shown: list[str]) -> pd.DataFrame:
    """Posterior means and ends of the 95 % intervals of some units' own coefficients."""
    numbers = {}
    for name, term in terms.items():
        own = posterior[term.coefficient] + posterior[term.name].sel({term.grouping_dim: shown})
        own = own.transpose("chain", "draw", term.grouping_dim).to_numpy()
        numbers[name] = own.mean(axis=(0, 1))
        numbers[f"{name}_low"], numbers[f"{name}_high"] = np.quantile(own, [0.025, 0.975], axis=(0, 1))
    return pd.DataFrame(numbers)


def _with_effects_of(shown: list[str], tree, source: Source):
    """The posterior of a fit that keeps summaries, with draws of the effects of some units."""
    from partialpool.fit import store
    from partialpool.model.formula import complete_cases
    from partialpool.predict.effects import with_effects_at
    from partialpool.predict.linear import LinearPredictor

    spec = store.spec_of(tree)
    rows = complete_cases(spec, source.data.rename(columns={"id": spec.unit}))
    at = pd.DataFrame({spec.unit: shown})
    predictor = LinearPredictor(spec, rows)
    return with_effects_at(tree["posterior"].to_dataset(), predictor, rows, at, seed=spec.seed)


KINDS = {
    "trajectories": _trajectories,
    "gradient-intervals": _gradient_intervals,
    "half-eyes": _half_eyes,
    "shrinkage": _shrinkage,
    "three-poolings": _three_poolings,
    "fitted-trajectories": _fitted_trajectories,
    "grid": _grid,
    "intercepts-slopes": _intercepts_slopes,
}
