"""Recovery: parameters and data from a fitted model, and what a fit to these data says of the parameters.

Where calibration asks whether the engine is right, this asks how good the estimates are that such a study gives: their
bias, how often their intervals have the true value, and how far effects of units are pulled towards the population.
Units are new ones: with the effects of those observed, an error of the fit would be the same in all replicates.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from partialpool.model import parameters
from partialpool.model.names import Term
from partialpool.model.parameters import Parameter
from partialpool.simulation.calibration import some
from partialpool.simulation.replicates import as_integer, of_models, seed_of

# Of the effects of units so many are looked at, evenly spaced.
EFFECTS = 20
QUANTILES = {"q2.5": 0.025, "q25": 0.25, "q75": 0.75, "q97.5": 0.975}
# Of coverage, in percent, the limits of the intervals.
INTERVALS = {50: ("q25", "q75"), 95: ("q2.5", "q97.5")}


def replicate(engine, posterior, seed: int, number: int) -> pd.DataFrame:
    """One replicate: a draw of a fit, new units and data from it, and a fit to these data.

    Parameters
    ----------
    engine
        From ``engine.engine_of``.
    posterior : Dataset
        Of the fit.
    seed, number
        Of the study, and of the replicate.

    Returns
    -------
    DataFrame
        A row for each parameter: ``parameter``, or one name for all effects of a kind; its ``kind``, ``truth``, and
        ``mean``, ``sd`` and quantiles of its posterior.
    """
    of_draw, of_truth, of_fit = seed_of(seed, number).spawn(3)
    truth = engine.from_population(population(posterior, np.random.default_rng(of_draw)), of_truth)
    fitted = engine.fit(truth.outcome, as_integer(of_fit))
    return pd.DataFrame(_rows(fitted.posterior, truth.parameters))


def population(posterior, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One draw of a posterior, by variable, without the effects of units."""
    at = {dim: rng.integers(posterior.sizes[dim]) for dim in ("chain", "draw")}
    kept = dict.fromkeys(one.variable for one in parameters.of(posterior) if one.kind != "group")
    return {name: posterior[name].isel(at).to_numpy() for name in kept}


def _rows(posterior, truth: dict[str, np.ndarray]) -> Iterator[dict]:
    for parameter in some(parameters.of(posterior), effects=EFFECTS):
        draws, value = parameter.draws(posterior).ravel(), float(truth[parameter.variable][parameter.index])
        quantiles = dict(zip(QUANTILES, np.quantile(draws, list(QUANTILES.values())), strict=True))
        named = {"parameter": name_of_kind(parameter), "kind": parameter.kind, "truth": value}
        yield named | {"mean": draws.mean(), "sd": draws.std(ddof=1)} | quantiles


def name_of_kind(parameter: Parameter) -> str:
    """Name of a parameter; effects of all units have one: ``r_id[*,Intercept]``."""
    if parameter.kind != "group":
        return parameter.name
    term = Term.of_name(parameter.variable)
    return f"r_{term.grouping}[*,{term.coefficient}]"


def table(estimates: pd.DataFrame) -> pd.DataFrame:
    """What all replicates together say.

    Parameters
    ----------
    estimates
        Of all replicates: ``model``, and the columns of ``replicate`` and ``replicates.run``.

    Returns
    -------
    DataFrame
        By model and parameter: ``replicates`` that were fitted and ``failed`` ones; ``bias`` of the posterior mean,
        ``rmse``, ``mean_sd`` of the posteriors; ``coverage_50`` and ``coverage_95``, shares of the equal-tailed
        intervals with the true value in them; of effects of units their ``shrinkage``, 1 less the slope of estimates
        over true values. Each number with an error has it as ``mcse_*``; effects of one replicate count as one.

    Raises
    ------
    StudyError
        If no replicate of a model could be fitted.
    """
    rows = []
    for model, fitted, failed in of_models(estimates, "its fit"):
        for parameter, of_parameter in fitted.groupby("parameter", sort=False):
            rows.append({"model": model, "parameter": parameter} | _numbers(of_parameter, failed))
    return pd.DataFrame(rows)


def _numbers(own: pd.DataFrame, failed: int) -> dict[str, float]:
    """What the estimates of one parameter have in numbers."""
    numbers = {"replicates": own["replicate"].nunique(), "failed": failed}
    error = own["mean"] - own["truth"]
    numbers |= _with_error("bias", error, own["replicate"])
    numbers |= {"rmse": np.sqrt((error**2).mean()), "mean_sd": own["sd"].mean()}
    for percent, (low, high) in INTERVALS.items():
        covered = own["truth"].between(own[low], own[high]).astype(float)
        numbers |= _with_error(f"coverage_{percent}", covered, own["replicate"])
    return numbers | (_shrinkage(own) if own["kind"].iloc[0] == "group" else {})


def _with_error(name: str, values: pd.Series, replicate: pd.Series) -> dict[str, float]:
    """Mean, and its Monte Carlo standard error from the means of replicates."""
    means = values.groupby(replicate).mean()
    # Where all replicates have the same mean, as if one more replicate had another.
    error = means.std(ddof=1) / np.sqrt(len(means)) or 1 / (len(means) + 1)
    return {name: values.mean(), f"mcse_{name}": error}


def _shrinkage(own: pd.DataFrame) -> dict[str, float]:
    truth, squares = own["truth"], (own["truth"] ** 2).sum()
    slope = (own["mean"] * truth).sum() / squares
    # Estimates of one replicate depend on each other, and replicates do not.
    of_replicates = ((own["mean"] - slope * truth) * truth).groupby(own["replicate"]).sum()
    return {"shrinkage": 1 - slope, "mcse_shrinkage": np.sqrt((of_replicates**2).sum()) / squares}


def told(results: pd.DataFrame) -> str:
    """The table in words: a line for each parameter."""
    lines = []
    for model, own in results.groupby("model", sort=False):
        failed = own["failed"].iloc[0]
        unfit = f", {failed} could not be fitted" if failed else ""
        lines.append(f"{model}: {own['replicates'].iloc[0]} replicates{unfit}")
        lines += [
            f"  {row.parameter}: bias {row.bias / row.mean_sd:+.2f} posterior sds; the true value is in "
            f"{row.coverage_50:.1%} ± {row.mcse_coverage_50:.1%} of 50 % intervals and in "
            f"{row.coverage_95:.1%} ± {row.mcse_coverage_95:.1%} of 95 % intervals"
            for row in own.itertuples()
        ]
    return "\n".join(lines)
