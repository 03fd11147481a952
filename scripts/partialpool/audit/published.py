"""Our numbers beside printed ones, with a tolerance in Monte Carlo units and a verdict.

Two runs of two samplers agree if they differ by no more than half a unit of the last printed digit (rounding) and four
combined Monte Carlo standard errors. Numbers that follow from the data alone have no Monte Carlo error.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.jobs.tables import read_table
from partialpool.model.spec import ModelSpec

COLUMNS = ["source", "model", "quantity", "published", "ours", "mcse", "tolerance", "verdict"]
Z = 1.959963984540054  # the normal distribution's 97.5 % quantile
# Standard error of a 2.5 % or 97.5 % quantile of n independent normal draws, in sd / sqrt(n):
# sqrt(p (1 - p)) / density(z).
QUANTILE_FACTOR = np.sqrt(0.025 * 0.975) / (np.exp(-(Z**2) / 2) / np.sqrt(2 * np.pi))


@dataclass
class Fit:
    """What `check` needs of one model.

    Attributes
    ----------
    summary
        The model's summary table (``diagnostics.summarise``), indexed by parameter.
    sizes
        ``observations``, ``units``, ``chains``, ``draws_per_chain``, ``warmup``.
    """

    summary: pd.DataFrame
    sizes: dict[str, int]


def half_unit(printed: str) -> float:
    """Half a unit of the last printed digit: 0.005 for '0.19', 0.5 for '216', 0.00005 for '1.2e-3'."""
    return 0.5 * 10.0 ** Decimal(printed).as_tuple().exponent


def check(
    printed: dict[str, pd.DataFrame],
    *,
    fits: dict[str, Fit],
    rename: dict[str, str],
    data_summary: pd.DataFrame,
    predictions: pd.DataFrame,
    loo: pd.DataFrame,
) -> pd.DataFrame:
    """Hold every printed number against ours.

    Parameters
    ----------
    printed
        From ``printed.read``: ``sizes``, ``precis``, ``posterior``, ``predictions``, ``loo``, any of them.
    fits
        By name of model.
    rename
        Regular expressions from printed names of parameters to ours.
    data_summary
        ``results/data/summary.csv``.
    predictions
        All predictions of interest with columns ``model,quantity,id,mean,q2.5,q97.5`` and ``mcse_mean``,
        ``mcse_q2.5``, ``mcse_q97.5``.
    loo
        The printed models compared by plain PSIS (``loo.compare``).

    Returns
    -------
    DataFrame
        ``source,model,quantity,published,ours,mcse,tolerance,verdict``. ``mcse`` combines theirs and ours. Verdicts:
        ``reproduced``; ``differs``; ``unreliable`` (LOO with Pareto k over 0.7: no Monte Carlo error can be
        given); ``sampler`` (R-hat and ESS: they describe one run of one sampler, nothing that another run could
        reproduce; and warmup where our draws have none).

    Raises
    ------
    StudyError
        If a printed model, parameter, unit or variable is none of ours.
    """
    rows: list[dict] = []
    for name, table in printed.items():
        records = table.to_dict("records")
        if name == "sizes":
            rows += _sizes(records, fits)
        elif name == "precis":
            rows += _precis(records, data_summary)
        elif name == "posterior":
            rows += _posterior(records, fits, rename)
        elif name == "predictions":
            rows += _predictions(records, predictions, fits)
        else:
            rows += _loo(records, loo)
    return pd.DataFrame(rows)[COLUMNS]


def _row(source, model, quantity, published: str, ours, mcse: float, verdict: str | None = None) -> dict:
    tolerance = half_unit(published) + 4 * mcse
    if verdict is None:
        # One part in 10^12 for the rounding of sums in binary; a printed 0.5 is exactly half a unit from 1.
        within = abs(float(published) - ours) <= tolerance * (1 + 1e-12)
        verdict = "reproduced" if within else "differs"
    if verdict in ("unreliable", "sampler"):
        mcse = tolerance = np.nan
    return {
        "source": source,
        "model": model,
        "quantity": quantity,
        "published": published,
        "ours": ours,
        "mcse": mcse,
        "tolerance": tolerance,
        "verdict": verdict,
    }


def _find(source: str, what: str, key, ours):
    if key not in ours:
        spelled = [" ".join(name) if isinstance(name, tuple) else str(name) for name in (key, *list(ours)[:20])]
        raise StudyError(f"{source}.csv: no {what} '{spelled[0]}' among ours: {', '.join(spelled[1:])}.")
    return ours[key]


def _sizes(records: list[dict], fits: dict[str, Fit]) -> Iterator[dict]:
    for record in records:
        sizes = _find("sizes", "model", record["model"], fits).sizes
        for quantity, ours in sizes.items():
            verdict = "sampler" if quantity == "warmup" and ours == 0 else None
            yield _row("sizes", record["model"], quantity, record[quantity], ours, 0.0, verdict)


def _precis(records: list[dict], data_summary: pd.DataFrame) -> Iterator[dict]:
    ours = data_summary.set_index("variable").to_dict("index")
    for record in records:
        entry = _find("precis", "variable", record["variable"], ours)
        for quantity in ("mean", "sd", "q5.5", "q94.5"):
            yield _row("precis", "", f"{record['variable']} {quantity}", record[quantity], entry[quantity], 0.0)


def _posterior(records: list[dict], fits: dict[str, Fit], rename: dict[str, str]) -> Iterator[dict]:
    for record in records:
        fit = _find("posterior", "model", record["model"], fits)
        name = record["parameter"]
        for pattern, replacement in rename.items():
            if match := re.fullmatch(pattern, name):
                name = match.expand(replacement)
                break
        summary = fit.summary.to_dict("index")
        ours = _find("posterior", "parameter", name, summary)
        # ASSUME: their posterior sd is ours. It is printed with one digit, often as 0.00; whether the two agree is
        # checked on its own row.
        sd = ours["sd"]
        bulk, tail = float(record["bulk_ess"]), float(record["tail_ess"])
        theirs = {
            "estimate": sd / np.sqrt(bulk),
            "est_error": ours["mcse_sd"] * np.sqrt(ours["ess_bulk"] / bulk),
            "q2.5": QUANTILE_FACTOR * sd / np.sqrt(tail),
            "q97.5": QUANTILE_FACTOR * sd / np.sqrt(tail),
        }
        own = {
            "estimate": ("mean", ours["mcse_mean"]),
            "est_error": ("sd", ours["mcse_sd"]),
            "q2.5": ("q2.5", ours["mcse_q2.5"]),
            "q97.5": ("q97.5", ours["mcse_q97.5"]),
        }
        for quantity, (column, mcse) in own.items():
            combined = float(np.hypot(mcse, theirs[quantity]))
            yield _row("posterior", record["model"], f"{name} {quantity}", record[quantity], ours[column], combined)
        for quantity, column in (("rhat", "rhat"), ("bulk_ess", "ess_bulk"), ("tail_ess", "ess_tail")):
            yield _row(
                "posterior", record["model"], f"{name} {quantity}", record[quantity], ours[column], 0.0, "sampler"
            )


def _predictions(records: list[dict], predictions: pd.DataFrame, fits: dict[str, Fit]) -> Iterator[dict]:
    ours = {(str(r["model"]), str(r["quantity"]), str(r["id"])): r for r in predictions.to_dict("records")}
    for record in records:
        key = (record["model"], record["quantity"], record["id"])
        entry = _find("predictions", "prediction", key, ours)
        sizes = fits[record["model"]].sizes
        # ASSUME: no ESS is printed with predictions; theirs is taken as the number of draws, the strictest choice
        # for draws that are hardly correlated.
        n = sizes["chains"] * sizes["draws_per_chain"]
        sd = (entry["q97.5"] - entry["q2.5"]) / (2 * Z)
        theirs = {"mean": sd / np.sqrt(n), "q2.5": QUANTILE_FACTOR * sd / np.sqrt(n)}
        theirs["q97.5"] = theirs["q2.5"]
        for quantity in ("mean", "q2.5", "q97.5"):
            combined = float(np.hypot(entry[f"mcse_{quantity}"], theirs[quantity]))
            label = f"{record['quantity']} {record['id']} {quantity}"
            yield _row("predictions", record["model"], label, record[quantity], entry[quantity], combined)


def _loo(records: list[dict], loo: pd.DataFrame) -> Iterator[dict]:
    by_model = loo.set_index("model").to_dict("index")
    for record in records:
        model = record["model"]
        ours = _find("loo", "compared model", model, by_model)
        for quantity in [column for column in record if column != "model"]:
            # -2 elpd has twice its error.
            mcse = ours[f"mcse_{quantity.replace('looic', 'elpd_loo')}"] * (1 + ("looic" in quantity))
            yield _row(
                "loo",
                model,
                quantity,
                record[quantity],
                ours[quantity],
                # ASSUME: their Monte Carlo error is ours: the same estimator from as many draws.
                float(np.sqrt(2) * mcse),
                # With a bad Pareto k no Monte Carlo error is known.
                "unreliable" if np.isnan(mcse) else None,
            )


def check_files(
    printed: dict[str, pd.DataFrame],
    *,
    rename: dict[str, str],
    fits: dict[str, str],
    summaries: dict[str, str],
    specs: dict[str, ModelSpec],
    data_summary: str,
    predictions: list[str],
    comparisons: list[str],
) -> pd.DataFrame:
    """``check`` with what it needs read from the pipeline's files.

    Parameters
    ----------
    printed, rename
        See ``check``.
    data_summary
        Path of the summary of the data.
    fits, summaries
        Paths of NetCDF files and of summary tables, by name of model.
    specs
        Specs that the fits must have been made from.
    predictions
        Paths of Parquet files with draws (``predict.tables``).
    comparisons
        Paths of tables of comparisons: leave-one-out that is in them is not computed again.
    """
    printed_models = list(printed["loo"]["model"]) if "loo" in printed else []
    return check(
        printed,
        fits={model: _fit(fits[model], summaries[model], spec) for model, spec in specs.items()},
        rename=rename,
        data_summary=read_table(data_summary, ("variable",)),
        predictions=_our_predictions(printed["predictions"], predictions) if "predictions" in printed else None,
        loo=_plain_psis(printed_models, comparisons, fits=fits, specs=specs),
    )


def _fit(path: str, summary: str, spec: ModelSpec) -> Fit:
    from partialpool.fit import store

    tree = store.load(path, ("sample_stats", "constant_data"), spec=spec)
    units, draws = tree["constant_data"][spec.unit].to_numpy(), tree["sample_stats"].sizes
    sizes = {
        "observations": len(units),
        "units": len(np.unique(units)),
        "chains": draws["chain"],
        "draws_per_chain": draws["draw"],
        "warmup": 0 if tree.attrs["sampling"] == "independent" else spec.warmup,
    }
    return Fit(summary=read_table(summary, ("parameter",)).set_index("parameter"), sizes=sizes)


def _plain_psis(
    models: list[str], comparisons: list[str], *, fits: dict[str, str], specs: dict[str, ModelSpec]
) -> pd.DataFrame:
    """Some models compared by plain PSIS: as in one of the comparisons, or else from the fits."""
    for path in comparisons:
        table = read_table(path, ("model",))
        # Of two blocks for observations the second is plain PSIS.
        plain = table[table["estimand"] == "observation"].drop_duplicates("model", keep="last")
        plain = plain[plain["model"].isin(models)]
        # Differences are to the best of all models of the comparison, so it must be one of these.
        if set(plain["model"]) == set(models) and (plain["method"] == "psis").all() and plain["rank"].eq(0).any():
            return plain
    known = [model for model in models if model in specs]
    if not known:
        return pd.DataFrame({"model": []})
    from partialpool.fit import store
    from partialpool.loo.compare import compare
    from partialpool.loo.psis import of_fit

    groups = ("log_likelihood", "constant_data")
    return compare(
        {model: of_fit(store.load(fits[model], groups, spec=specs[model])) for model in known}, estimand="observation"
    )


def _our_predictions(printed: pd.DataFrame, paths: list[str]) -> pd.DataFrame:
    """All our predictions that have one value a unit; numbers and Monte Carlo errors of those that are printed."""
    keys = ["model", "quantity", "id"]
    wanted = set(printed[keys].itertuples(index=False, name=None))
    records = []
    for path in paths:
        draws = pd.read_parquet(path)
        if "contrast" in draws or "slope" in draws:
            continue
        first = draws[(draws["chain"] == draws["chain"].iloc[0]) & (draws["draw"] == draws["draw"].iloc[0])]
        # Printed predictions name no covariates, so only units with one value can be meant.
        for key in first.drop_duplicates(keys, keep=False)[keys].itertuples(index=False, name=None):
            values = {}
            if key in wanted:
                own = draws[np.logical_and.reduce([draws[name] == text for name, text in zip(keys, key, strict=True)])]
                values = _with_mcse(own["value"].to_numpy().reshape(own["chain"].nunique(), -1))
            records.append(dict(zip(keys, key, strict=True)) | values)
    return pd.DataFrame(records)


def _with_mcse(draws: np.ndarray) -> dict[str, float]:
    """Mean and limits of the 95 % interval of draws (chain, draw), and their Monte Carlo errors."""
    from arviz_stats.base import array_stats

    from partialpool.fit.diagnostics import quantile_mcse

    names = ["mean", "q2.5", "q97.5"]
    numbers = [draws.mean(), *np.quantile(draws, [0.025, 0.975])]
    mcse = [float(array_stats.mcse(draws, method="mean")), *map(float, quantile_mcse(draws))]
    return dict(zip(names, numbers, strict=True)) | {
        f"mcse_{name}": error for name, error in zip(names, mcse, strict=True)
    }
