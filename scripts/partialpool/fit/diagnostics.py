"""Summaries of every parameter, and the checks that say whether the draws can be trusted."""

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.fit.failed import value_in_words
from partialpool.fit.remedies import remedies
from partialpool.model import parameters
from partialpool.model.spec import ModelSpec

SUMMARY_COLUMNS = [
    "parameter",
    "mean",
    "sd",
    "q2.5",
    "q97.5",
    "rhat",
    "ess_bulk",
    "ess_tail",
    "mcse_mean",
    "mcse_sd",
    "mcse_q2.5",
    "mcse_q97.5",
]
# Of a fit, what summaries, checks and their figures are made from.
GROUPS = ("posterior", "sample_stats")


def summarise(posterior) -> pd.DataFrame:
    """Summary of every parameter.

    Parameters
    ----------
    posterior
        Dataset of a fit, (chain, draw, ...).

    Returns
    -------
    DataFrame
        One row a parameter: posterior mean, sd (ddof 1), 95 % equal-tailed interval, rank-normalised split R-hat, bulk
        and tail effective sample sizes, Monte Carlo standard errors of mean, sd and the limits of the interval.

    References
    ----------
    Vehtari, Gelman, Simpson, Carpenter & Buerkner (2021), Bayesian Analysis 16(2).
    """
    from arviz_stats.base import array_stats

    listed = parameters.of(posterior)
    draws = np.stack([parameter.draws(posterior) for parameter in listed])
    low, high = np.quantile(draws, [0.025, 0.975], axis=(1, 2))
    mcse_low, mcse_high = quantile_mcse(draws)
    # A parameter that does not move has no R-hat: nan, which no check passes.
    with np.errstate(divide="ignore", invalid="ignore"):
        rhat, ess_bulk = zip(*map(by_ranks, draws), strict=True)
        return pd.DataFrame(
            {
                "parameter": [parameter.name for parameter in listed],
                "mean": draws.mean(axis=(1, 2)),
                "sd": draws.std(axis=(1, 2), ddof=1),
                "q2.5": low,
                "q97.5": high,
                "rhat": rhat,
                "ess_bulk": ess_bulk,
                # brms and posterior: the smaller of the effective sample sizes of the 5 % and 95 % quantiles.
                "ess_tail": array_stats.ess(draws, method="tail", prob=(0.05, 0.95)),
                "mcse_mean": array_stats.mcse(draws, method="mean"),
                "mcse_sd": array_stats.mcse(draws, method="sd"),
                "mcse_q2.5": mcse_low,
                "mcse_q97.5": mcse_high,
            }
        )[SUMMARY_COLUMNS]


def by_ranks(draws: np.ndarray) -> tuple[float, float]:
    """R-hat and bulk effective sample size of a parameter, from its draws (chain, draw); source: see ``summarise``.

    Of a parameter that does not move, or is not a number, R-hat is nan. ArviZ computes both from normal quantiles of
    the draws' ranks. It would rank them anew for each of the two, and more slowly: half of the time of both.
    """
    from arviz_stats.base import array_stats
    from scipy import special, stats

    # Of an odd number of draws the middle one is in no half of its chain.
    half = draws.shape[1] // 2
    halves = np.hstack([draws[:, :half], draws[:, -half:]])

    def rank_normalised(values: np.ndarray) -> np.ndarray:
        # Draws that are the same share their mean rank.
        ranks = stats.rankdata(values).reshape(values.shape)
        return special.ndtri((ranks - 3 / 8) / (values.size + 1 / 4))

    ranked, folded = rank_normalised(halves), rank_normalised(np.abs(halves - np.median(halves)))
    rhat = np.fmax(array_stats.rhat(ranked, method="split"), array_stats.rhat(folded, method="split"))
    return float(rhat), float(array_stats.ess(ranked, method="mean"))


def quantile_mcse(draws: np.ndarray) -> np.ndarray:
    """Monte Carlo standard errors of the 2.5 % and 97.5 % quantiles.

    Parameters
    ----------
    draws
        Shape (..., chain, draw).

    Returns
    -------
    ndarray
        Shape (2, ...).
    """
    from arviz_stats.base import array_stats

    return np.stack([array_stats.mcse(draws, method="quantile", prob=p) for p in (0.025, 0.975)])


def check(summary: pd.DataFrame, tree, thresholds: Mapping[str, float]) -> dict[str, dict]:
    """Hold a fit to the thresholds that concern it.

    Parameters
    ----------
    summary
        From ``summarise``.
    tree
        The fit. Of NUTS (attribute ``sampling``) it needs ``sample_stats`` with ``diverging`` and ``energy``, (chain,
        draw); of independent draws the attributes ``pareto_k`` and ``acceptance``.
    thresholds
        ``rhat``, ``ess_bulk``, ``ess_tail``; ``divergences``, ``ebfmi``; ``pareto_k``, ``acceptance``.

    Returns
    -------
    dict
        For each check its value, threshold, whether it passed, and the parameter or chain with the worst value, None
        if it is of the whole fit. A value that cannot be computed has not passed.
    """
    of_draws = _of_parameters(summary, thresholds)
    if tree.attrs["sampling"] == "independent":
        return of_draws | _of_independent_draws(tree.attrs, thresholds)
    return of_draws | _of_nuts(tree["sample_stats"], thresholds)


def _of_parameters(summary: pd.DataFrame, thresholds: dict[str, float]) -> dict[str, dict]:
    worst = {
        "rhat": summary["rhat"].idxmax(skipna=False) if summary["rhat"].notna().all() else None,
        "ess_bulk": summary["ess_bulk"].idxmin() if summary["ess_bulk"].notna().all() else None,
        "ess_tail": summary["ess_tail"].idxmin() if summary["ess_tail"].notna().all() else None,
    }
    checks = {}
    for name, row in worst.items():
        value = float("nan") if row is None else float(summary[name][row])
        passed = value <= thresholds[name] if name == "rhat" else value >= thresholds[name]
        where = summary["parameter"][summary[name].isna().idxmax() if row is None else row]
        checks[name] = _entry(value, thresholds[name], passed, where)
    return checks


def _of_independent_draws(attributes: dict, thresholds: dict[str, float]) -> dict[str, dict]:
    """How far the proposals are from the posterior: the tail of their weights, and how many of them are accepted.

    References
    ----------
    Vehtari, Simpson, Gelman, Yao & Gabry (2024), Journal of Machine Learning Research 25(72).
    """
    k, acceptance = float(attributes["pareto_k"]), float(attributes["acceptance"])
    return {
        "pareto_k": _entry(k, thresholds["pareto_k"], k <= thresholds["pareto_k"], None),
        "acceptance": _entry(acceptance, thresholds["acceptance"], acceptance >= thresholds["acceptance"], None),
    }


def _of_nuts(sample_stats, thresholds: dict[str, float]) -> dict[str, dict]:
    """Whether NUTS went wherever the posterior is.

    References
    ----------
    E-BFMI: Betancourt (2016), arXiv 1604.00695.
    """
    from arviz_stats.base import array_stats

    energy = sample_stats["energy"].transpose("chain", "draw").to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        ebfmi = array_stats.bfmi(energy)
    per_chain = sample_stats["diverging"].transpose("chain", "draw").to_numpy().sum(axis=1)
    lowest = int(np.argmin(ebfmi))
    return {
        "divergences": _entry(
            int(per_chain.sum()),
            thresholds["divergences"],
            per_chain.sum() <= thresholds["divergences"],
            f"chain {int(per_chain.argmax())}" if per_chain.any() else None,
        ),
        "ebfmi": _entry(
            float(ebfmi[lowest]), thresholds["ebfmi"], ebfmi[lowest] >= thresholds["ebfmi"], f"chain {lowest}"
        ),
    }


def _entry(value, threshold, passed, where) -> dict:
    return {"value": _for_json(value), "threshold": threshold, "passed": bool(passed), "where": where}


def _for_json(value: float) -> float | None:
    """The number, or None: JSON has neither nan nor infinity."""
    return value if np.isfinite(value) else None


def to_json(checks: dict[str, dict], tree) -> str:
    """The text of ``{model}.diagnostics.json``.

    Parameters
    ----------
    checks
        From ``check``.
    tree
        The fit. Where it knows the model's evidence (attributes ``log_evidence``, ``mcse_log_evidence``), an entry
        ``log_evidence`` has ``value`` and ``mcse``, and neither threshold nor verdict: it is no check.
    """
    entries = dict(checks)
    if "log_evidence" in tree.attrs:
        value, mcse = (float(tree.attrs[name]) for name in ("log_evidence", "mcse_log_evidence"))
        entries["log_evidence"] = {"value": _for_json(value), "mcse": _for_json(mcse)}
    return json.dumps(entries, indent=2) + "\n"


def refuse_failed(checked: Mapping[str, tuple[dict[str, dict], ModelSpec]]) -> None:
    """Raise StudyError if a check failed: what ``on_failed_check: stop`` asks for.

    Parameters
    ----------
    checked
        By model its checks (``check``) and its spec.
    """
    texts = []
    for model, (checks, spec) in checked.items():
        failed = {name: entry for name, entry in checks.items() if not entry["passed"]}
        lines = [
            f"  {name} is {value_in_words(entry)}, the threshold is {entry['threshold']:g}"
            + (f" ({entry['where']})" if entry["where"] else "")
            for name, entry in failed.items()
        ]
        if failed:
            first = f"Model {model} failed {len(failed)} of {len(checks)} checks, and 'on_failed_check: stop' is set:"
            texts.append("\n".join([first, *lines, *remedies(checks, spec)]))
    if texts:
        raise StudyError("\n\n".join(texts))
