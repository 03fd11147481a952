"""Tables that compare models by their expected log predictive density."""

import math

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.loo.pointwise import BAD_PARETO_K, monte_carlo_error, slope, standard_error

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


def compare(pointwise: dict[str, pd.DataFrame], *, estimand: str) -> pd.DataFrame:
    """Compare models by their pointwise elpd.

    Parameters
    ----------
    pointwise
        For each model ``row`` (or ``unit``), ``elpd``, ``pareto_k``, ``p_loo``, ``method``, ``mcse``,
        ``elpd_batches`` and ``p_loo_batches``, as from ``of_fit``.
    estimand
        What was left out: ``observation`` or ``unit``.

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
                "mcse_se_elpd_loo": monte_carlo_error(table, slope=slope(table["elpd"])),
                "mcse_p_loo": monte_carlo_error(table, "p_loo"),
                "mcse_se_p_loo": monte_carlo_error(table, "p_loo", slope(table["p_loo"])),
                "mcse_elpd_diff": math.hypot(*(monte_carlo_error(one) for one in pair)),
                "mcse_se_diff": math.hypot(*(monte_carlo_error(one, slope=slope(difference)) for one in pair)),
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
    units : DataFrame
        ``model,unit,elpd,pareto_k,method``: the estimand ``unit``, of the models that have it.
    """
    estimands = [estimand for estimand in ("observation", "unit") if all(estimand in m for m in models.values())]
    tables = [compare({name: m[estimand] for name, m in models.items()}, estimand=estimand) for estimand in estimands]
    plain = {name: m["psis"].set_index("row")[["elpd", "pareto_k"]] for name, m in models.items() if "psis" in m}
    if len(plain) == len(models) and any((m["observation"]["method"] != "psis").any() for m in models.values()):
        tables.append(compare({name: m["psis"] for name, m in models.items()}, estimand="observation"))
    nothing = pd.DataFrame({"elpd": [], "pareto_k": []}, dtype=float)
    pointwise = [
        m["observation"].assign(model=name).join(plain.get(name, nothing).add_prefix("psis_"), on="row")
        for name, m in models.items()
    ]
    units = [m["unit"].assign(model=name) for name, m in models.items() if "unit" in m]
    columns = ["elpd", "pareto_k", "method"]
    return (
        pd.concat(tables, ignore_index=True),
        pd.concat(pointwise, ignore_index=True)[["model", "row", *columns, "psis_elpd", "psis_pareto_k"]],
        pd.concat([pd.DataFrame(columns=["model", "unit", *columns]), *units])[["model", "unit", *columns]],
    )


def same_rows(rows: dict[str, np.ndarray]) -> None:
    """Raise StudyError, and say which rows differ, unless all models were fitted on the same ones."""
    sets = {model: set(map(int, values)) for model, values in rows.items()}
    everywhere = set.intersection(*sets.values())
    if all(found == everywhere for found in sets.values()):
        return
    lines = []
    for model, found in sets.items():
        extra = sorted(found - everywhere)
        more = f"; not in every other model: rows {some(extra)}" if extra else ""
        lines.append(f"  {model}: {len(found)} rows{more}")
    raise StudyError(
        "Models are compared on the same rows only, and these were fitted on different ones (rows of the raw data, "
        "0-based):\n" + "\n".join(lines) + "\nCompare models whose variables have the same missing values, or remove "
        "those rows from the data."
    )


def some(rows, most: int = 12) -> str:
    shown = ", ".join(str(int(row)) for row in rows[:most])
    return shown + (f" and {len(rows) - most} more" if len(rows) > most else "")
