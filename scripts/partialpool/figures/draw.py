"""Files of results -> figures: reads what each kind of figure needs and hands it, tidy, to ``figures``."""

import numpy as np
import pandas as pd

from partialpool.data.units import choose, in_order
from partialpool.errors import StudyError
from partialpool.figures.comparison import comparison
from partialpool.figures.diagnostics import diagnostics
from partialpool.figures.predictive import posterior_predictive
from partialpool.figures.theme import Figure, save
from partialpool.figures.units import (
    fitted_trajectories,
    gradient_intervals,
    half_eyes,
    intercepts_slopes,
    shrinkage,
    three_poolings,
    trajectories,
)

# A posterior predictive check takes up to 1000 replicated data sets, and at least 50, as far as this many numbers go.
REPLICATED_NUMBERS = 2_000_000
# As many panels of parameters as a page holds.
PANELS = 8


def save_figure(figure: Figure, png: str, svg: str) -> None:
    """Write a figure as PNG (300 dpi) and SVG."""
    save(figure.plot, png, svg, width=figure.width, height=figure.height)


def figure_of(
    entry: dict,
    *,
    prepared: str,
    predictions: list[str],
    fits: list[str],
    titles: dict[str, str],
    columns: dict[str, str | None],
    labels: dict[str, str],
    seed: int,
) -> Figure:
    """Draw one figure of the config.

    Parameters
    ----------
    entry
        The figure's entry: ``kind`` and what belongs to it.
    prepared
        Path of the prepared data.
    predictions
        Paths of the summary and the draws of the predictions that the figure shows, if any.
    fits
        Path of the fit, for ``intercepts-slopes``.
    titles
        Titles of the models shown, in order.
    columns
        Names of the columns ``unit``, ``group``, ``time``, ``outcome``.
    labels
        Labels of the same for axes.
    seed
        Seed by which units are chosen if a figure shows a number of them.

    Raises
    ------
    StudyError
        If a unit to show is not in the data or in the predictions.
    """
    kind, unit, outcome = entry["kind"], columns["unit"], columns["outcome"]
    if kind == "intercepts-slopes":
        return _intercepts_slopes(fits[0], columns, labels)
    data = pd.read_parquet(prepared)
    data = data.rename(columns={unit: "id"}).astype({"id": str})
    if kind == "trajectories":
        data = _chosen(data, entry["units"], seed)
        return trajectories(data, time=columns["time"], outcome=outcome, labels=labels)
    grand_mean = data[outcome].mean()
    summary_file, draws_file = predictions
    if kind in ("gradient-intervals", "half-eyes"):
        draws = _shown(pd.read_parquet(draws_file), entry, titles, seed)
        if kind == "gradient-intervals":
            return gradient_intervals(draws, labels=labels)
        reference = grand_mean if entry["reference"] else None
        return half_eyes(draws, reference=reference, labels=labels)
    summary = _shown(pd.read_csv(summary_file, dtype={"id": str}), entry, titles, seed)
    summary = summary[summary["quantity"] == "expected"]
    if kind == "shrinkage":
        # The lecture's dashed line: the mean over units of the first model's estimates.
        first = summary.loc[summary["model"] == summary["model"].cat.categories[0], "mean"].mean()
        return shrinkage(summary, grand_mean=first, labels=labels)
    if kind == "three-poolings":
        raw = data.groupby("id", as_index=False)[outcome].mean().rename(columns={outcome: "mean"})
        raw = raw[raw["id"].isin(summary["id"])]
        return three_poolings(summary, raw, grand_mean=grand_mean, labels=labels)
    group = columns["group"] if entry["by_group"] else None
    for column in (columns["time"], group):
        if column is not None and column not in summary:
            if column != group:
                raise StudyError(f"The model shown does not use '{column}', so it has no trajectories over it.")
            summary = summary.merge(data[["id", column]].drop_duplicates(), on="id")
    return fitted_trajectories(summary, time=columns["time"], group=group, labels=labels)


def _chosen(table: pd.DataFrame, units, seed: int) -> pd.DataFrame:
    chosen = choose(in_order(table["id"]), units, seed=seed, where="what the figure shows")
    return table[table["id"].isin(chosen)]


def _shown(table: pd.DataFrame, entry: dict, titles: dict[str, str], seed: int) -> pd.DataFrame:
    """The models and units to show, the models under their titles."""
    table = table[table["model"].isin(list(titles))].astype({"id": str, "quantity": str})
    table = _chosen(table, entry["units"], seed)
    names = pd.Categorical(table["model"].map(titles).astype(str), list(titles.values()))
    return table.assign(model=names)


def _intercepts_slopes(path: str, columns: dict, labels: dict) -> Figure:
    from partialpool.fit import store

    unit, time = columns["unit"], columns["time"]
    posterior = store.load(path, ("posterior",))["posterior"].to_dataset()
    needed = ("Intercept", time, f"1|{unit}", f"{time}|{unit}", f"cor_{unit}")
    if missing := [name for name in needed if name not in posterior]:
        raise StudyError(
            f"'intercepts-slopes' shows a model with {time} + (1 + {time} | {unit}); this one lacks "
            f"{', '.join(missing)}."
        )
    dim = f"{unit}__factor_dim"
    effects = {"id": posterior[dim].to_numpy()}
    for name, common in (("intercept", "Intercept"), ("slope", time)):
        own = posterior[common] + posterior[f"{'1' if name == 'intercept' else time}|{unit}"]
        own = own.transpose("chain", "draw", dim).to_numpy()
        effects[name] = own.mean(axis=(0, 1))
        effects[f"{name}_low"], effects[f"{name}_high"] = np.quantile(own, [0.025, 0.975], axis=(0, 1))
    correlation = posterior[f"cor_{unit}"].to_numpy().ravel()
    axes = {
        "intercept": f"{labels['outcome']} at {labels['time'].lower()} 0",
        "slope": f"Change per {labels['time'].lower()}",
    }
    return intercepts_slopes(pd.DataFrame(effects), correlation, labels=axes)


def diagnostics_of(tree, summary: str, labels: dict[str, str]) -> Figure:
    """Traces, ranks and energy of a fit with ``posterior`` and ``sample_stats``.

    Shown are standard deviations, correlations and the parameters of the family; then, as many as a page holds,
    the common coefficients and last the effects of units, each of these beginning with the largest R-hat of
    ``summary`` (path of the model's table).
    """
    from partialpool.model import parameters

    posterior = tree["posterior"].to_dataset()
    rhat = pd.read_csv(summary, index_col="parameter")["rhat"].fillna(np.inf)
    by_kind: dict[str, list] = {kind: [] for kind in ("sd", "cor", "family", "common", "group")}
    for parameter in parameters.of(posterior):
        by_kind[parameter.kind].append(parameter)
    for kind in ("common", "group"):
        if len(by_kind[kind]) > PANELS:
            by_kind[kind].sort(key=lambda parameter: -rhat[parameter.name])
    # One place is kept for the worst of the units's effects.
    shown = [p for kind, found in by_kind.items() if kind != "group" for p in found]
    shown = shown[: PANELS - 1] + by_kind["group"][:1] if by_kind["group"] else shown[:PANELS]
    tables = [_long(p.name, p.draws(posterior)) for p in shown]
    energy = tree["sample_stats"]["energy"].transpose("chain", "draw").to_numpy()
    energy = _long("energy", energy)[["chain", "value"]].rename(columns={"value": "energy"})
    return diagnostics(pd.concat(tables, ignore_index=True), energy, labels=labels)


def _long(name: str, draws: np.ndarray) -> pd.DataFrame:
    chains, n = draws.shape
    return pd.DataFrame(
        {
            "parameter": name,
            "chain": np.repeat(np.arange(1, chains + 1), n),
            "draw": np.tile(np.arange(n), chains),
            "value": draws.ravel(),
        }
    )


def predictive_check_of(tree, labels: dict[str, str]) -> Figure:
    """The data of a fit against data sets replicated from it (``posterior_predictive``, ``observed_data``)."""
    observed = next(iter(tree["observed_data"].data_vars.values())).to_numpy()
    replicated = next(iter(tree["posterior_predictive"].data_vars.values()))
    replicated = replicated.transpose("chain", "draw", "__obs__").to_numpy().reshape(-1, len(observed))
    most = int(np.clip(REPLICATED_NUMBERS // len(observed), 50, 1000))
    spread = np.linspace(0, len(replicated) - 1, min(most, len(replicated))).round().astype(int)
    return posterior_predictive(observed, replicated[spread], labels=labels)


def comparison_of(path: str, *, titles: dict[str, str], labels: dict[str, str]) -> Figure:
    """A comparison table, its models under their titles; of two comparisons for one estimand the first."""
    table = pd.read_csv(path, dtype={"model": str}).drop_duplicates(["model", "estimand"])
    return comparison(table.assign(model=table["model"].map(titles)), labels=labels)
