"""Leave-one-out cross-validation: expected log predictive density of each model, and tables that compare them."""

import math

import numpy as np
import pandas as pd

from partialpool.errors import StudyError

# Above this the importance weights have no finite variance worth trusting (Vehtari, Simpson, Gelman, Yao & Gabry 2024).
BAD_PARETO_K = 0.7
# Numbers (8 bytes each) that are worked on at a time.
CHUNK = 10**6
# Into so many parts the draws of a chain are cut, to see how totals vary from part to part.
BATCHES = 10
# Methods whose Monte Carlo error is followed from batch to batch; that of others is known row by row only.
FOLLOWED = ("psis", "integrated")
COLUMNS = [
    "model",
    "rank",
    "elpd_loo",
    "se_elpd_loo",
    "p_loo",
    "looic",
    "elpd_diff",
    "se_diff",
    "estimand",
    "method",
    "max_pareto_k",
    "bad_pareto_k",
    "n",
    "se_p_loo",
    "se_looic",
    "mcse_elpd_loo",
    "mcse_se_elpd_loo",
    "mcse_p_loo",
    "mcse_se_p_loo",
    "mcse_elpd_diff",
    "mcse_se_diff",
]


def psis(log_likelihood: np.ndarray, rows: np.ndarray) -> pd.DataFrame:
    """Pareto-smoothed importance sampling LOO of one model, row by row.

    Parameters
    ----------
    log_likelihood
        Log density of each observation at each draw, shape (chain, draw, n), in nats.
    rows
        Which row of the prepared data each observation is, shape (n,).

    Returns
    -------
    DataFrame
        ``row``, ``elpd``, ``pareto_k``, ``p_loo`` (log pointwise predictive density minus elpd), and ``mcse``, the
        Monte Carlo standard error of ``elpd`` (delta method; meaningless where ``pareto_k`` is over 0.7).
        ``elpd_batches`` and ``p_loo_batches``: what each batch of draws adds to the two, to first order, an array in
        each cell. Rows share the draws, so their errors go together, and only sums over rows of a batch tell
        how far a total is off (``monte_carlo_error``).

    References
    ----------
    Vehtari, Gelman & Gabry (2017), Statistics and Computing 27(5); Vehtari et al. (2024), JMLR 25(72).
    """
    from arviz_stats.base import array_stats
    from scipy.special import logsumexp

    log_likelihood = np.moveaxis(np.asarray(log_likelihood, dtype=float), -1, 0)
    if not np.isfinite(log_likelihood).all():
        bad = rows[~np.isfinite(log_likelihood).all(axis=(1, 2))]
        raise StudyError(f"The log likelihood is not finite at rows {_some(bad)} of the data (0-based).")
    tables = []
    # Some rows at a time, so that nothing of the size of the log likelihood is made once more.
    for chunk in np.array_split(np.arange(len(rows)), -(-log_likelihood.size // CHUNK)):
        values = log_likelihood[chunk]
        relative = np.exp(values - values.max(axis=(1, 2), keepdims=True))
        efficiency = np.array([array_stats.ess(own, method="mean", relative=True) for own in relative])
        efficiency[~np.isfinite(efficiency)] = 1.0
        log_weights, pareto_k = np.empty_like(values), np.empty(len(chunk))
        for i, own in enumerate(values):
            try:
                log_weights[i], pareto_k[i] = array_stats.psislw(own, r_eff=efficiency[i], axis=(-2, -1))
            except ValueError:
                # The largest weights are equal, or fewer than five: nothing to smooth, and the raw weights stand.
                log_weights[i], pareto_k[i] = -own, np.nan
        # A k that cannot be estimated is infinite, as in the R package loo: the row is bad, and the largest k says so.
        pareto_k[np.isnan(pareto_k)] = np.inf
        log_weights -= logsumexp(log_weights, axis=(1, 2), keepdims=True)
        elpd = logsumexp(log_weights + values, axis=(1, 2))
        lppd = logsumexp(values, axis=(1, 2)) - np.log(values[0].size)
        # Weights times densities over their sum: the variance of the weighted mean, relative to the mean.
        shares = np.exp(log_weights + values - elpd[:, None, None])
        influence = shares - np.exp(log_weights)
        variance = (influence**2).sum(axis=(1, 2)) / efficiency
        columns = {"elpd": elpd, "pareto_k": pareto_k, "p_loo": lppd - elpd, "mcse": np.sqrt(variance)}
        columns["elpd_batches"] = list(batches(influence))
        columns["p_loo_batches"] = list(batches(_influence_of_mean(values)) - batches(influence))
        tables.append(pd.DataFrame({"row": np.asarray(rows)[chunk].astype(int), **columns}))
    return pd.concat(tables, ignore_index=True)


def batches(influence: np.ndarray) -> np.ndarray:
    """Sums over each batch of draws: (n, chain, draw) -> (n, batches), a few batches a chain."""
    draws = influence.shape[2]
    starts = np.linspace(0, draws, min(BATCHES, draws), endpoint=False).astype(int)
    # In single precision, because they stay in memory while models are compared, and only their spread counts.
    return np.add.reduceat(influence, starts, axis=2).reshape(len(influence), -1).astype(np.float32)


def _influence_of_mean(log_values: np.ndarray) -> np.ndarray:
    """What each draw adds to the log of the mean of exp(log_values), (n, chain, draw), to first order."""
    values = np.exp(log_values - log_values.max(axis=(1, 2), keepdims=True))
    return values / values.sum(axis=(1, 2), keepdims=True) - 1 / values[0].size


def monte_carlo_error(table: pd.DataFrame, of: str = "elpd", slope: float | np.ndarray = 1.0) -> float:
    """Monte Carlo standard error of a weighted sum of the pointwise values of one model.

    Parameters
    ----------
    table
        As from ``psis``, with ``method``.
    of
        ``elpd`` or ``p_loo``.
    slope : (n,) or float
        Weights; for a function of the values its derivatives (delta method).

    Returns
    -------
    float
        From the sums over rows of each batch of draws (batch means). The errors of other methods than PSIS are added
        up: no more than they can be together. nan where a Pareto k is over 0.7: then there is none to trust.

    References
    ----------
    Flegal & Jones (2010), Annals of Statistics 38(2), batch means.
    """
    if not (table["pareto_k"] <= BAD_PARETO_K).all() or table[of].isna().any():
        return np.nan
    slope = np.broadcast_to(slope, len(table))
    sums = slope @ np.stack(table[f"{of}_batches"]).astype(float)
    others = np.abs(slope) @ table["mcse"].where(~table["method"].isin(FOLLOWED), 0.0)
    return float(np.sqrt(len(sums) * sums.var(ddof=1)) + others)


def _slope(values) -> np.ndarray:
    """Derivatives of ``standard_error`` by each of the values."""
    n, values = len(values), np.asarray(values)
    error = standard_error(values)
    return n / (n - 1) * (values - values.mean()) / error if error > 0 else np.zeros(n)


def of_fit(tree) -> pd.DataFrame:
    """``psis`` of a fit with ``log_likelihood`` and ``constant_data``; ``method`` is ``psis``."""
    log_likelihood = next(iter(tree["log_likelihood"].data_vars.values()))
    return psis(
        log_likelihood.transpose("chain", "draw", "__obs__").to_numpy(),
        tree["constant_data"]["row"].to_numpy(),
    ).assign(method="psis")


def integrated(tree, spec: dict, data: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Leave-one-out with all coefficients integrated out, for a model that can be collapsed.

    log p(y_i | y_-i) = -log E[1 / p(y_i | y_-i, scales)] over the posterior of the scales, where the density given the
    scales is known in closed form: importance sampling has one to a few dimensions left, and its weights hardly vary.

    Parameters
    ----------
    tree
        The fit, by any engine, with ``posterior`` and ``log_likelihood``.
    spec, data
        What it was fitted to.

    Returns
    -------
    dict
        ``observation``: a table as from ``of_fit``. ``person``: all measurements of a person left out jointly, with
        ``person`` in the place of ``row``. ``p_loo`` is what the density of the same data, left in, is higher by;
        unknown where the fit keeps some draws of it only.

    Raises
    ------
    collapsed.NotCollapsible
        If the model has no closed form.

    References
    ----------
    Vehtari, Mononen, Tolvanen, Sivula & Winther (2016), JMLR 17(103), integrated importance sampling.
    """
    from scipy.special import logsumexp

    from partialpool import collapsed, models

    rows = models.complete_cases(spec, data)
    matrices = collapsed.design(spec, rows)
    posterior = tree["posterior"].to_dataset()
    log_likelihood = next(iter(tree["log_likelihood"].data_vars.values()))
    left_in = log_likelihood.transpose("chain", "draw", "__obs__").to_numpy()
    people = rows[spec["person"]].cat
    units = {
        "observation": ("row", rows["row"].to_numpy(), np.arange(len(rows))),
        "person": ("person", people.categories.to_numpy(dtype=object), people.codes.to_numpy()),
    }
    tables = {}
    for estimand, (column, labels, subsets) in units.items():
        densities = collapsed.leave_out(matrices, posterior, subsets)
        table = psis(densities, np.arange(len(labels))).drop(columns="row")
        table["p_loo"] = np.nan
        if _is_complete(tree):
            jointly = np.zeros((len(labels), *left_in.shape[:2]))
            np.add.at(jointly, subsets, np.moveaxis(left_in, -1, 0))
            table["p_loo"] = logsumexp(jointly, axis=(1, 2)) - np.log(jointly[0].size) - table["elpd"]
            table["p_loo_batches"] = list(batches(_influence_of_mean(jointly)) - np.stack(table["elpd_batches"]))
        table.insert(0, column, labels)
        tables[estimand] = table.assign(method="integrated")
    return tables


def of_model(tree, spec: dict, data: pd.DataFrame, *, cores: int = 1) -> dict[str, pd.DataFrame]:
    """The most trustworthy leave-one-out of a model for each estimand, and the plain one that readers know.

    Parameters
    ----------
    tree, spec, data
        See ``integrated``.
    cores
        Chains of a refit that run at the same time.

    Returns
    -------
    dict
        ``observation`` and ``person``, as from ``integrated``, or for a model that cannot be collapsed by moment
        matching, refits, and folds of people (``refits``), which have no ``p_loo``; ``psis``, as from
        ``of_fit``, unless the fit keeps some draws only.
    """
    from partialpool.collapsed import NotCollapsible

    try:
        found = integrated(tree, spec, data)
    except NotCollapsible as reason:
        from partialpool import refits

        print(f"PSIS, moment matching, refits and folds of people, because the model cannot be collapsed: {reason}.")
        plain = of_fit(tree)
        people = refits.people(spec, data, cores=cores).assign(pareto_k=0.0, p_loo=np.nan, method="kfold")
        people["elpd_batches"] = list(np.zeros((len(people), 2)))
        observations = refits.observations(tree, spec, data, plain, cores=cores)
        return {"observation": observations, "person": people, "psis": plain}
    return found | ({"psis": of_fit(tree)} if _is_complete(tree) else {})


def _is_complete(tree) -> bool:
    """Whether the log likelihood is there at all draws; a fit of a large study keeps it at some."""
    return tree["log_likelihood"].sizes["draw"] == tree["posterior"].sizes["draw"]


def compare(pointwise: dict[str, pd.DataFrame], *, estimand: str) -> pd.DataFrame:
    """Compare models by their pointwise elpd.

    Parameters
    ----------
    pointwise
        For each model ``row`` (or ``person``), ``elpd``, ``pareto_k``, ``p_loo``, ``method``, ``mcse``,
        ``elpd_batches`` and ``p_loo_batches``, as from ``of_fit``.
    estimand
        What was left out: ``observation`` or ``person``.

    Returns
    -------
    DataFrame
        One row a model, best first. ``elpd_diff`` is the difference to the best, ``se_diff`` its standard error from
        the pointwise differences; standard errors are sqrt(n var) with ddof 1, as in the R package loo. ``mcse_*`` are
        Monte Carlo standard errors of these numbers; those of differences are of fits that are independent.

    Raises
    ------
    StudyError
        If the models were not fitted on the same rows.
    """
    unit = "row" if estimand == "observation" else estimand
    if estimand == "observation":
        same_rows({model: table["row"].to_numpy() for model, table in pointwise.items()})
    aligned = {model: table.sort_values(unit, ignore_index=True) for model, table in pointwise.items()}
    order = sorted(aligned, key=lambda model: -aligned[model]["elpd"].sum())
    best = aligned[order[0]]
    records = []
    for rank, model in enumerate(order):
        table = aligned[model]
        difference = table["elpd"] - best["elpd"]
        # The best model differs from itself by nothing, exactly.
        pair = [] if rank == 0 else [table, best]
        records.append(
            {
                "model": model,
                "rank": rank,
                "elpd_loo": table["elpd"].sum(),
                "se_elpd_loo": standard_error(table["elpd"]),
                "p_loo": table["p_loo"].sum(skipna=False),
                "looic": -2 * table["elpd"].sum(),
                "elpd_diff": difference.sum(),
                "se_diff": standard_error(difference),
                "estimand": estimand,
                "method": " ".join(table["method"].unique()),
                "max_pareto_k": table["pareto_k"].max(),
                "bad_pareto_k": int((~(table["pareto_k"] <= BAD_PARETO_K)).sum()),
                "n": len(table),
                "se_p_loo": standard_error(table["p_loo"]),
                "se_looic": 2 * standard_error(table["elpd"]),
                "mcse_elpd_loo": monte_carlo_error(table),
                "mcse_se_elpd_loo": monte_carlo_error(table, slope=_slope(table["elpd"])),
                "mcse_p_loo": monte_carlo_error(table, "p_loo"),
                "mcse_se_p_loo": monte_carlo_error(table, "p_loo", _slope(table["p_loo"])),
                "mcse_elpd_diff": math.hypot(*(monte_carlo_error(one) for one in pair)),
                "mcse_se_diff": math.hypot(*(monte_carlo_error(one, slope=_slope(difference)) for one in pair)),
            }
        )
    return pd.DataFrame(records)[COLUMNS]


def compare_all(models: dict[str, dict[str, pd.DataFrame]]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """All comparisons of some models.

    Parameters
    ----------
    models
        Results of ``of_model`` by name of model.

    Returns
    -------
    table : DataFrame
        ``compare`` for each estimand that all models have; and for plain PSIS, where a model has something better.
    pointwise : DataFrame
        ``model,row,elpd,pareto_k,method,psis_elpd,psis_pareto_k``: the estimand ``observation``, plain PSIS beside it.
    people : DataFrame
        ``model,person,elpd,pareto_k,method``: the estimand ``person``, of the models that have it.
    """
    estimands = [estimand for estimand in ("observation", "person") if all(estimand in m for m in models.values())]
    tables = [compare({name: m[estimand] for name, m in models.items()}, estimand=estimand) for estimand in estimands]
    plain = {name: m["psis"].set_index("row")[["elpd", "pareto_k"]] for name, m in models.items() if "psis" in m}
    if len(plain) == len(models) and any((m["observation"]["method"] != "psis").any() for m in models.values()):
        tables.append(compare({name: m["psis"] for name, m in models.items()}, estimand="observation"))
    nothing = pd.DataFrame({"elpd": [], "pareto_k": []}, dtype=float)
    pointwise = [
        m["observation"].assign(model=name).join(plain.get(name, nothing).add_prefix("psis_"), on="row")
        for name, m in models.items()
    ]
    people = [m["person"].assign(model=name) for name, m in models.items() if "person" in m]
    columns = ["elpd", "pareto_k", "method"]
    return (
        pd.concat(tables, ignore_index=True),
        pd.concat(pointwise, ignore_index=True)[["model", "row", *columns, "psis_elpd", "psis_pareto_k"]],
        pd.concat([pd.DataFrame(columns=["model", "person", *columns]), *people])[["model", "person", *columns]],
    )


def standard_error(values) -> float:
    """Standard error of the sum of pointwise values: sqrt(n var), ddof 1."""
    return float(np.sqrt(len(values) * np.var(values, ddof=1)))


def same_rows(rows: dict[str, np.ndarray]) -> None:
    """Raise StudyError, and say which rows differ, unless all models were fitted on the same ones."""
    sets = {model: set(map(int, values)) for model, values in rows.items()}
    everywhere = set.intersection(*sets.values())
    if all(found == everywhere for found in sets.values()):
        return
    lines = []
    for model, found in sets.items():
        extra = sorted(found - everywhere)
        more = f"; not in every other model: rows {_some(extra)}" if extra else ""
        lines.append(f"  {model}: {len(found)} rows{more}")
    raise StudyError(
        "Models are compared on the same rows only, and these were fitted on different ones (rows of the raw data, "
        "0-based):\n" + "\n".join(lines) + "\nCompare models whose variables have the same missing values, or remove "
        "those rows from the data."
    )


def _some(rows, most: int = 12) -> str:
    shown = ", ".join(str(int(row)) for row in rows[:most])
    return shown + (f" and {len(rows) - most} more" if len(rows) > most else "")
