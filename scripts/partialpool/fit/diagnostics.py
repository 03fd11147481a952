"""Summaries of every parameter, and the checks that say whether the draws can be trusted."""

import json

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.model import parameters

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
        return pd.DataFrame(
            {
                "parameter": [parameter.name for parameter in listed],
                "mean": draws.mean(axis=(1, 2)),
                "sd": draws.std(axis=(1, 2), ddof=1),
                "q2.5": low,
                "q97.5": high,
                "rhat": array_stats.rhat(draws),
                "ess_bulk": array_stats.ess(draws, method="bulk"),
                # brms and posterior: the smaller of the effective sample sizes of the 5 % and 95 % quantiles.
                "ess_tail": array_stats.ess(draws, method="tail", prob=(0.05, 0.95)),
                "mcse_mean": array_stats.mcse(draws, method="mean"),
                "mcse_sd": array_stats.mcse(draws, method="sd"),
                "mcse_q2.5": mcse_low,
                "mcse_q97.5": mcse_high,
            }
        )[SUMMARY_COLUMNS]


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


def check(summary: pd.DataFrame, sample_stats, thresholds: dict[str, float]) -> dict[str, dict]:
    """Hold a fit to the thresholds.

    Parameters
    ----------
    summary
        From ``summarise``.
    sample_stats
        Dataset with ``diverging`` and ``energy``, (chain, draw).
    thresholds
        ``rhat``, ``ess_bulk``, ``ess_tail``, ``divergences``, ``ebfmi``.

    Returns
    -------
    dict
        For each check its value, threshold, whether it passed, and the parameter or chain with the worst value. A
        value that cannot be computed has not passed.

    References
    ----------
    E-BFMI: Betancourt (2016), arXiv 1604.00695.
    """
    from arviz_stats.base import array_stats

    energy = sample_stats["energy"].transpose("chain", "draw").to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        ebfmi = array_stats.bfmi(energy)
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
    diverging = sample_stats["diverging"].transpose("chain", "draw").to_numpy()
    per_chain = diverging.sum(axis=1)
    checks["divergences"] = _entry(
        int(per_chain.sum()),
        thresholds["divergences"],
        per_chain.sum() <= thresholds["divergences"],
        f"chain {int(per_chain.argmax())}" if per_chain.any() else None,
    )
    lowest = int(np.argmin(ebfmi))
    checks["ebfmi"] = _entry(
        float(ebfmi[lowest]),
        thresholds["ebfmi"],
        ebfmi[lowest] >= thresholds["ebfmi"],
        f"chain {lowest}",
    )
    return checks


def _entry(value, threshold, passed, where) -> dict:
    # JSON has no nan.
    value = None if value != value else value
    return {"value": value, "threshold": threshold, "passed": bool(passed), "where": where}


def to_json(checks: dict[str, dict]) -> str:
    """The text of ``{model}.diagnostics.json``."""
    return json.dumps(checks, indent=2) + "\n"


def refuse_failed(model: str, checks: dict[str, dict]) -> None:
    """Raise StudyError if a check failed: what ``on_failed_check: stop`` asks for."""
    failed = {name: entry for name, entry in checks.items() if not entry["passed"]}
    if failed:
        lines = [
            f"  {name} is {entry['value']}, the threshold is {entry['threshold']} ({entry['where']})"
            for name, entry in failed.items()
        ]
        raise StudyError(
            f"Model {model} failed {len(failed)} of {len(checks)} checks, and 'on_failed_check: stop' is set:\n"
            + "\n".join(lines)
            + "\nMore draws help ESS; a higher target_accept helps divergences; a simpler model helps both."
        )
