"""What a fitted model expects of units, and what it predicts they would score: units observed, and new ones."""

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.model.build import build
from partialpool.model.formula import complete_cases
from partialpool.model.names import refuse_summaries
from partialpool.model.spec import ModelSpec
from partialpool.predict.new_units import with_new_units
from partialpool.predict.points import points


def predict(
    tree,
    spec: ModelSpec,
    data: pd.DataFrame,
    at: pd.DataFrame,
    *,
    quantities: list[str],
    new: bool,
    seed: int,
) -> dict[str, np.ndarray]:
    """Draws of expected and predicted values.

    Parameters
    ----------
    tree
        The fit, with ``posterior``.
    spec, data
        What it was fitted to.
    at
        Units and covariates, from ``points``.
    quantities
        ``expected``: the mean of the distribution of the unit's measurements. ``predicted``: one new measurement.
    new
        Whether the units are new: their effects are drawn from the population distribution, anew for each draw.
    seed
        Seed of what is drawn here.

    Returns
    -------
    dict
        For each quantity draws of shape (chain, draw, rows of ``at``).

    Raises
    ------
    StudyError
        If units are new and the model has no distribution of units.
    """
    import warnings

    rows = complete_cases(spec, data)
    model = build(spec, rows)
    if model.response_term.coords or "threshold" in model.family.likelihood.params:
        raise StudyError(f"Predictions are numbers; the family '{spec.family}' has a probability for each level.")
    unit = spec.unit
    posterior = tree["posterior"].to_dataset()
    refuse_summaries(posterior)
    rng = np.random.default_rng(seed)
    observed = list(rows[unit].cat.categories)
    ids = list(dict.fromkeys(at[unit]))
    results: dict[str, list[np.ndarray]] = {quantity: [] for quantity in quantities}
    # New units take the places of observed ones, whose effects are replaced by fresh draws: so Bambi's own predict
    # does the rest, for any family. As many at a time as there are places.
    batches = [ids[i : i + len(observed)] for i in range(0, len(ids), len(observed))] if new else [ids]
    for batch in batches:
        place = dict(zip(batch, observed, strict=False)) if new else {name: name for name in batch}
        part = at[at[unit].isin(batch)].copy()
        part[unit] = pd.Categorical(part[unit].map(place), observed, ordered=True)
        for column in part.columns.drop(unit):
            if isinstance(rows[column].dtype, pd.CategoricalDtype):
                part[column] = _known_levels(part[column], rows[column], column)
        drawn = with_new_units(posterior, unit, rng) if new else posterior
        kind = "response" if "predicted" in quantities else "response_params"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            result = model.predict(_only_posterior(drawn), kind=kind, data=part, inplace=False, random_seed=rng)
        for quantity in quantities:
            if quantity == "expected":
                values = result["posterior"][model.family.likelihood.parent]
            else:
                values = next(iter(result["posterior_predictive"].data_vars.values()))
            results[quantity].append(values.transpose("chain", "draw", "__obs__").to_numpy())
    return {quantity: np.concatenate(parts, axis=-1) for quantity, parts in results.items()}


def _only_posterior(dataset):
    import xarray as xr

    return xr.DataTree.from_dict({"posterior": dataset})


def _known_levels(values: pd.Series, fitted: pd.Series, column: str) -> pd.Categorical:
    levels = list(fitted.cat.categories)
    if unknown := sorted(set(values.astype(str)) - set(levels)):
        raise StudyError(f"'at': {column} has no level {', '.join(unknown)}. Valid: {', '.join(levels)}.")
    return pd.Categorical(values.astype(str), levels, ordered=fitted.cat.ordered)


def tables(
    tree,
    spec: ModelSpec,
    data: pd.DataFrame,
    *,
    model: str,
    units,
    new_units: int | None,
    at: dict,
    quantities: list[str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions of one model, summarised and as draws.

    Parameters
    ----------
    tree, spec, data
        The fit, its spec, and the prepared data.
    model
        Name of the model, for the tables.
    units, new_units, at
        See ``points``.
    quantities
        See ``predict``.

    Returns
    -------
    summary : DataFrame
        ``model,quantity,id,mean,q2.5,q97.5`` and the covariates: mean and 95 % equal-tailed interval.
    draws : DataFrame
        ``model,quantity,id``, the covariates, ``chain,draw,value``: chain varies slowest within each value.
    """
    where = points(spec, data, units=units, new_units=new_units, at=at)
    new = new_units is not None
    drawn = predict(tree, spec, data, where, quantities=quantities, new=new, seed=spec.seed)
    labels = where.rename(columns={spec.unit: "id"})
    summaries, longs = [], []
    for quantity, values in drawn.items():
        chains, draws, n = values.shape
        low, high = np.quantile(values, [0.025, 0.975], axis=(0, 1))
        head = labels[["id"]].assign(model=model, quantity=quantity)[["model", "quantity", "id"]]
        numbers = pd.DataFrame({"mean": values.mean(axis=(0, 1)), "q2.5": low, "q97.5": high})
        covariates = labels.drop(columns="id")
        summaries.append(pd.concat([head, numbers, covariates], axis=1))
        point = np.repeat(np.arange(n), chains * draws)
        long = pd.concat([head, covariates], axis=1).astype(dict.fromkeys(head.columns, "category")).iloc[point]
        long = long.reset_index(drop=True)
        long["chain"] = np.tile(np.repeat(np.arange(chains, dtype="int16"), draws), n)
        long["draw"] = np.tile(np.arange(draws, dtype="int32"), n * chains)
        long["value"] = np.moveaxis(values, -1, 0).ravel()
        longs.append(long)
    return pd.concat(summaries, ignore_index=True), pd.concat(longs, ignore_index=True)
