"""What a fitted model expects of people, and what it predicts they would score: people observed, and new ones."""

import re
from itertools import permutations, product

import numpy as np
import pandas as pd

from partialpool import models
from partialpool.errors import StudyError, suggest
from partialpool.people import choose


def points(spec: dict, data: pd.DataFrame, *, people, new_people: int | None, at: dict[str, list]) -> pd.DataFrame:
    """The people and covariate values at which to predict.

    Parameters
    ----------
    spec
        The model's spec.
    data
        Prepared data.
    people
        People observed: ``"all"``, a number for so many drawn at random, ids, or None.
    new_people
        Instead of people observed: how many new ones; they get ids of their own.
    at
        Values of covariates, crossed with each other and with people. A covariate that is not named has the values
        at which each person was observed.

    Returns
    -------
    DataFrame
        The person's column and the model's covariates, distinct rows, people in order.

    Raises
    ------
    StudyError
        If a person is not in the model's data, a covariate is unknown, or one of new people has no value.
    """
    rows = models.complete_cases(spec, data)
    person = spec["person"]
    right = spec["formula"].partition("~")[2]
    covariates = [name for name in models.formula_variables(right) if name != person]
    for name, values in at.items():
        if name not in covariates:
            raise StudyError(
                f"'at' names '{name}', which the model {spec['formula']} does not use.{suggest(name, covariates)} "
                f"Its covariates: {', '.join(covariates) or 'none'}."
            )
        if text := [
            value for value in values if rows[name].dtype.kind in "iuf" and not isinstance(value, (int, float))
        ]:
            raise StudyError(f"'at': {name} takes numbers, not {', '.join(map(repr, text))}.")
    observed = list(rows[person].cat.categories)
    if new_people is not None:
        if missing := [name for name in covariates if name not in at]:
            raise StudyError(
                f"New people have no observed values of {', '.join(missing)}; write them under 'at', for example "
                f"at: {{{missing[0]}: [...]}}."
            )
        people, grid = new_ids(observed, new_people), _grid(at)
        chosen = pd.DataFrame({person: people}).merge(grid, how="cross")
    else:
        where = f"the data of the model {spec['formula']}"
        people = choose(observed, people, seed=spec["seed"], where=where)
        own = rows.loc[rows[person].isin(people), [person, *(c for c in covariates if c not in at)]]
        chosen = own.drop_duplicates().astype({person: str}).merge(_grid(at), how="cross")
        chosen = chosen.sort_values(person, key=lambda ids: ids.map(observed.index), kind="stable")
    return chosen[[person, *covariates]].reset_index(drop=True)


def _grid(at: dict[str, list]) -> pd.DataFrame:
    return pd.DataFrame(list(product(*at.values())), columns=list(at)) if at else pd.DataFrame(index=[0])


def new_ids(observed: list[str], how_many: int) -> list[str]:
    """Ids for new people: numbers after the largest one, or ``new 1``, ``new 2``."""
    numbers = pd.to_numeric(pd.Series(observed), errors="coerce")
    if numbers.notna().all() and (numbers % 1 == 0).all():
        return [str(int(numbers.max()) + i) for i in range(1, how_many + 1)]
    return [f"new {i}" for i in range(1, how_many + 1)]


def predict(
    tree,
    spec: dict,
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
        People and covariates, from ``points``.
    quantities
        ``expected``: the mean of the distribution of the person's measurements. ``predicted``: one new measurement.
    new
        Whether the people are new: their effects are drawn from the population distribution, anew for each draw.
    seed
        Seed of what is drawn here.

    Returns
    -------
    dict
        For each quantity draws of shape (chain, draw, rows of ``at``).

    Raises
    ------
    StudyError
        If people are new and the model has no distribution of people.
    """
    import warnings

    rows = models.complete_cases(spec, data)
    model = models.build(spec, rows)
    if model.response_term.coords or "threshold" in model.family.likelihood.params:
        raise StudyError(f"Predictions are numbers; the family '{spec['family']}' has a probability for each level.")
    person = spec["person"]
    posterior = tree["posterior"].to_dataset()
    models.refuse_summaries(posterior)
    rng = np.random.default_rng(seed)
    observed = list(rows[person].cat.categories)
    ids = list(dict.fromkeys(at[person]))
    results: dict[str, list[np.ndarray]] = {quantity: [] for quantity in quantities}
    # New people take the places of observed ones, whose effects are replaced by fresh draws: so Bambi's own predict
    # does the rest, for any family. As many at a time as there are places.
    batches = [ids[i : i + len(observed)] for i in range(0, len(ids), len(observed))] if new else [ids]
    for batch in batches:
        place = dict(zip(batch, observed, strict=False)) if new else {name: name for name in batch}
        part = at[at[person].isin(batch)].copy()
        part[person] = pd.Categorical(part[person].map(place), observed, ordered=True)
        for column in part.columns.drop(person):
            if isinstance(rows[column].dtype, pd.CategoricalDtype):
                part[column] = _known_levels(part[column], rows[column], column)
        drawn = with_new_people(posterior, person, rng) if new else posterior
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


def with_new_people(posterior, person: str, rng: np.random.Generator):
    """A posterior in which every person's effects are drawn anew from the population distribution of the same draw.

    Parameters
    ----------
    posterior
        Dataset (chain, draw, ...) with terms ``expr|person``, their ``_sigma`` and, if correlated, ``cor_person``.
    person
        The grouping factor.
    rng
        Source of randomness.

    Returns
    -------
    Dataset
        The same variables; those of the person replaced.

    Raises
    ------
    StudyError
        If the model has no population distribution of people, or one that is not a plain multivariate normal.
    """
    people_dim = f"{person}__factor_dim"
    terms = [name for name in posterior.data_vars if name.endswith(f"|{person}")]
    if not terms:
        raise StudyError(
            f"This model has no population distribution of {person} from which new people could be drawn: its formula "
            f"needs a term such as (1 | {person})."
        )
    for name in posterior.data_vars:
        expr, _, factor = name.removesuffix("_sigma").partition("|")
        if re.search(rf"(?<!\w){re.escape(person)}(?!\w)", expr):
            raise StudyError(
                f"New people cannot be drawn for '{name}', which belongs to each {person} observed "
                "and has no population distribution."
            )
        if factor != person and person in factor.split(":"):
            raise StudyError(f"New people cannot be drawn for '{name}', which crosses {person} with another factor.")
    sds, coefficients, slices = [], [], []
    for name in terms:
        expr, dims = (
            name.partition("|")[0],
            [d for d in posterior[name].dims if d not in ("chain", "draw", people_dim)],
        )
        if any(not dim.endswith("__expr_dim") for dim in dims):
            raise StudyError(f"New people cannot be drawn for '{name}', which has one effect a level of the outcome.")
        levels = [f"[{level}]" for level in posterior[dims[0]].values] if dims else [""]
        slices.append(slice(len(coefficients), len(coefficients) + len(levels)))
        coefficients += [("Intercept" if expr == "1" else expr) + level for level in levels]
        sd = posterior[f"{name}_sigma"].transpose("chain", "draw", ...).to_numpy()
        sds.append(sd.reshape(*sd.shape[:2], -1))
    chains, draws = sds[0].shape[:2]
    correlation = np.tile(np.eye(len(coefficients)), (chains, draws, 1, 1))
    for name in posterior.data_vars:
        if name.rstrip("_") == f"cor_{person}".rstrip("_"):
            values = posterior[name].transpose("chain", "draw", ...).to_numpy()
            for k, pair in enumerate(posterior[f"{name}_dim"].values):
                (i, j) = next(
                    (i, j)
                    for i, j in permutations(range(len(coefficients)), 2)
                    if f"{coefficients[i]},{coefficients[j]}" == pair
                )
                correlation[..., i, j] = correlation[..., j, i] = values[..., k]
    z = rng.standard_normal((chains, draws, posterior.sizes[people_dim], len(coefficients)))
    fresh = np.einsum("...ij,...pj->...pi", _square_root(correlation), z) * np.concatenate(sds, axis=-1)[:, :, None]
    result = posterior.copy()
    for name, columns in zip(terms, slices, strict=True):
        dims = [
            "chain",
            "draw",
            people_dim,
            *(d for d in posterior[name].dims if d.endswith("__expr_dim")),
        ]
        values = fresh[..., columns] if len(dims) == 4 else fresh[..., columns.start]
        result[name] = posterior[name].transpose(*dims).copy(data=values).transpose(*posterior[name].dims)
    return result


def _square_root(matrices: np.ndarray) -> np.ndarray:
    """Square roots A with A A' = R; unlike Cholesky's they exist when a correlation has rounded to one."""
    values, vectors = np.linalg.eigh(matrices)
    return vectors * np.sqrt(np.clip(values, 0, None))[..., None, :]


def tables(
    tree,
    spec: dict,
    data: pd.DataFrame,
    *,
    model: str,
    people,
    new_people: int | None,
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
    people, new_people, at
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
    where = points(spec, data, people=people, new_people=new_people, at=at)
    new = new_people is not None
    drawn = predict(tree, spec, data, where, quantities=quantities, new=new, seed=spec["seed"])
    labels = where.rename(columns={spec["person"]: "id"})
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
