"""What the priors say: of the outcome, and of the parameters beside what the posterior says."""

import numpy as np
import pandas as pd

from partialpool.checks.fitted import Fitted
from partialpool.checks.predictive import FEWEST, VALUES
from partialpool.model import parameters
from partialpool.model.families import OF_LEVELS
from partialpool.predict.values import draws_at

# At most so many data sets are drawn from the priors.
DRAWS = 1000
QUANTILES = {"q2.5": 0.025, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q97.5": 0.975}
# Central 95 and 66 %, and the median: of a distribution with a long tail the mean may lie outside of both.
INTERVALS = {"q2.5": 0.025, "q17": 0.17, "q50": 0.5, "q83": 0.83, "q97.5": 0.975}
# The outcome among the parameters; no parameter is called so.
OUTCOME = "(outcome)"


def prior_data_sets(fitted: Fitted, prior) -> np.ndarray:
    """Data sets drawn from the prior predictive distribution, (draws, n); of levels as ``Fitted.counted``.

    ``prior`` is a Dataset of draws from the priors.
    """
    import xarray as xr

    tree = xr.DataTree.from_dict({"posterior": prior})
    drawn = draws_at(tree, fitted.spec, fitted.data, fitted.rows, quantities=["predicted"], seed=fitted.spec.seed)[
        "predicted"
    ]
    drawn = drawn.argmax(axis=-1) if fitted.spec.family in OF_LEVELS else drawn
    return drawn.reshape(-1, len(fitted.rows)).astype(float) + fitted.first_level


def draws_from_prior(fitted: Fitted):
    """Draws from the priors, as many as data sets are made of (``PriorsOfFit.draw``)."""
    draws = int(np.clip(VALUES // len(fitted.rows), FEWEST, DRAWS))
    return fitted.priors.draw(draws, np.random.default_rng([fitted.spec.seed, 2]))


def prior_predictive(fitted: Fitted, data_sets: np.ndarray, bounds: list | None) -> pd.DataFrame:
    """What the priors say of the outcome.

    Parameters
    ----------
    fitted
        The model.
    data_sets : (draws, n)
        From ``prior_data_sets``.
    bounds
        Smallest and largest value that the outcome can have, None where there is none.

    Returns
    -------
    DataFrame
        One row. ``mean,sd`` and quantiles of a measurement; ``low,high``, the smallest and the largest of the data, and
        ``outside``, the share of values beyond these; ``lower,upper``, the bounds that the config declares, and
        ``impossible``, the share beyond them; nan where it declares none; ``data_sets``, how many.
    """
    values, observed = data_sets.ravel(), fitted.counted
    lower, upper = (np.nan if bound is None else bound for bound in bounds or (None, None))
    beyond = (values < (-np.inf if np.isnan(lower) else lower)) | (values > (np.inf if np.isnan(upper) else upper))
    row = {
        "mean": values.mean(),
        "sd": values.std(ddof=1),
        **dict(zip(QUANTILES, np.quantile(values, list(QUANTILES.values())), strict=True)),
        "low": observed.min(),
        "high": observed.max(),
        "outside": np.mean((values < observed.min()) | (values > observed.max())),
        "lower": lower,
        "upper": upper,
        "impossible": np.nan if bounds is None else beyond.mean(),
        "data_sets": len(data_sets),
    }
    return pd.DataFrame([row])


def prior_posterior(fitted: Fitted, prior, data_sets: np.ndarray) -> pd.DataFrame:
    """Medians and intervals under the prior beside those of the posterior.

    Parameters
    ----------
    fitted
        The model.
    prior
        Dataset of draws from the priors.
    data_sets : (draws, n)
        From ``prior_data_sets``.

    Returns
    -------
    DataFrame
        ``parameter``; quantiles of the prior, ``prior_q2.5``, and of the posterior, ``q2.5``; and ``narrower``, how
        many times as wide as that of the posterior the 95 % interval of the prior is. The first row, ``OUTCOME``, is of
        measurements under the prior beside the data; of a yes-no outcome of shares in data sets.
    """
    binary = fitted.spec.family == "bernoulli"
    values = data_sets.mean(axis=-1) if binary else data_sets
    rows = [_beside(OUTCOME, values, fitted.observed.mean(keepdims=True) if binary else fitted.counted)]
    of_prior = {one.name: one for one in parameters.of(prior)}
    rows += [
        _beside(one.name, of_prior[one.name].draws(prior), one.draws(fitted.posterior)) for one in fitted.parameters
    ]
    return pd.DataFrame(rows)


def _beside(name: str, before: np.ndarray, after: np.ndarray) -> dict:
    edges = list(INTERVALS.values())
    prior, posterior = (dict(zip(INTERVALS, np.quantile(values, edges), strict=True)) for values in (before, after))
    width = posterior["q97.5"] - posterior["q2.5"]
    return {
        "parameter": name,
        **{f"prior_{key}": value for key, value in prior.items()},
        **posterior,
        "narrower": (prior["q97.5"] - prior["q2.5"]) / width if width > 0 else np.nan,
    }
