"""Where each measurement lies in its distribution given all others: leave-one-out probability integral transforms."""

from functools import cache

import numpy as np
import pandas as pd

from partialpool.checks.fitted import FEWEST, Fitted
from partialpool.checks.left_out import weights
from partialpool.fit.by_row import draws_by_row
from partialpool.quadrature.densities import NoQuadrature, below

# Draws of each chain that serve where the distribution given a draw is known in closed form; fewer where all of them
# would take more multiplications than this.
DRAWS, LONG = 250, 5 * 10**9
# Measurements that the curve and its envelope are made of, and simulations behind the envelope.
MOST, SIMULATIONS = 1000, 1000
ENVELOPE = 0.95


def loo_pit(fitted: Fitted) -> pd.DataFrame:
    """The probability that a measurement, left out, would be at most as large as it was, if the model were right.

    Returns
    -------
    DataFrame
        ``row,unit,pit,pareto_k,method``: by row of the data. Of discrete outcomes the probability is drawn from between
        that of being smaller and that of being at most as large. ``method`` is ``integrated``, where the distribution
        of a measurement given all others and the draw of what all units share is known, in closed form or by
        quadrature; else ``psis``, from predictive draws. Where ``pareto_k`` is over 0.7 it cannot be relied on.

    References
    ----------
    Gelfand, Dey & Chang (1992), Bayesian Statistics 4; Czado, Gneiting & Held (2009), Biometrics 65(4).
    """
    if fitted.matrices is not None:
        values, pareto_k, method = *_in_closed_form(fitted), "integrated"
    else:
        try:
            values, pareto_k, method = *_by_quadrature(fitted), "integrated"
        except NoQuadrature:
            values, pareto_k, method = *_by_predictive_draws(fitted), "psis"
    units = fitted.rows[fitted.spec.unit].astype(str)
    columns = {"row": fitted.rows["row"], "unit": units, "pit": values, "pareto_k": pareto_k, "method": method}
    return pd.DataFrame(columns)


def _in_closed_form(fitted: Fitted) -> tuple[np.ndarray, np.ndarray]:
    from scipy.special import ndtr

    from partialpool.loo.without import Without

    n, without = len(fitted.rows), Without(fitted.matrices, cores=fitted.cores)
    values, pareto_k = np.empty(n), np.empty(n)
    few = LONG // (fitted.posterior.sizes["chain"] * without.multiplications(np.arange(n)))
    draws = fitted.some_draws(int(np.clip(few, FEWEST, DRAWS)))
    for some, density, residual in without.left_out(draws, np.arange(n), n):
        for part, own, k in weights(density):
            pareto_k[some][part] = k
            values[some][part] = (own * ndtr(_flat(residual[..., part]))).sum(axis=1)
    return values, pareto_k


def probabilities_of_yes(fitted: Fitted) -> np.ndarray:
    """The probability of 1 of each measurement of a yes-no outcome, given all others, (n,)."""
    try:
        low, high, _ = _ends(fitted)
    except NoQuadrature:
        predicted, own, _ = _predictive_draws(fitted)
        return (own * predicted.reshape(own.shape)).sum(axis=1)
    return 1 - np.where(fitted.observed == 1, low, high)


def _by_quadrature(fitted: Fitted) -> tuple[np.ndarray, np.ndarray]:
    low, high, pareto_k = _ends(fitted)
    chosen = np.random.default_rng(fitted.spec.seed).random(len(low))
    return low + chosen * (high - low), pareto_k


def _ends(fitted: Fitted) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities to be smaller than a measurement and at most as large, given all others, and Pareto k; (n,) each.

    NoQuadrature where they are not known.
    """
    own = fitted.integrated
    smaller, at_most = below(own.given, own.model.codes, own.nodes, cores=fitted.cores)
    low, high, pareto_k = np.empty((3, len(fitted.rows)))
    for some, weight, pareto_k[some] in weights(own.of_rows):
        low[some], high[some] = ((weight * given_draws[:, some].T).sum(axis=1) for given_draws in (smaller, at_most))
    return low, high, pareto_k


def _predictive_draws(fitted: Fitted) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictive draws (n, chain, draw), their weights without each measurement (n, draws), and Pareto k (n,)."""
    log_likelihood = draws_by_row(fitted.tree, "log_likelihood")
    predicted = np.moveaxis(draws_by_row(fitted.tree, "posterior_predictive"), -1, 0)
    own, pareto_k = map(np.concatenate, zip(*((own, k) for _, own, k in weights(log_likelihood)), strict=True))
    return predicted, own, pareto_k


def _by_predictive_draws(fitted: Fitted) -> tuple[np.ndarray, np.ndarray]:
    from arviz_stats.base import array_stats

    predicted, own, pareto_k = _predictive_draws(fitted)
    with np.errstate(divide="ignore"):
        log_weights = np.log(own).reshape(predicted.shape)
    values = array_stats.loo_pit(predicted, fitted.observed, log_weights, random_state=fitted.spec.seed)
    return values, pareto_k


def _flat(values: np.ndarray) -> np.ndarray:
    """(chain, draw, n) as (n, draws)."""
    return np.moveaxis(values, -1, 0).reshape(values.shape[-1], -1)


def curve(values: np.ndarray, *, seed: int) -> pd.DataFrame:
    """The distribution function of some LOO-PIT, less that of uniform ones, with an envelope.

    Parameters
    ----------
    values : (n,)
        From ``loo_pit``; of more than ``MOST``, so many at random.
    seed
        Seed of what is drawn.

    Returns
    -------
    DataFrame
        ``x,difference,lower,upper``. So many independent uniform numbers would stay in the envelope everywhere with
        probability ``ENVELOPE``.

    References
    ----------
    Säilynoja, Bürkner & Vehtari (2022), Statistics and Computing 32, 32.
    """
    some = np.random.default_rng(seed).choice(values, MOST, replace=False) if len(values) > MOST else values
    x, lower, upper = _envelope(len(some), seed)
    below_x = np.searchsorted(np.sort(some), x[1:-1], side="right") / len(some)
    ecdf = np.concatenate([[0.0], below_x, [1.0]])
    return pd.DataFrame({"x": x, "difference": ecdf - x, "lower": lower - x, "upper": upper - x})


@cache
def _envelope(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, and both ends of the envelope there: it is the same for all models with as many values."""
    from arviz_stats.ecdf_utils import ecdf_pit

    x, _, lower, upper = ecdf_pit(np.zeros(n), ENVELOPE, SIMULATIONS, rng=np.random.default_rng(seed))
    return x, lower, upper
