"""Moment matching: draws are moved towards the posterior without one observation, until its weights vary less."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from partialpool.loo.pointwise import Estimate
from partialpool.weights.smoothing import efficiency_of_one, log_sum_exp, smooth_one

# As in the R package loo.
MOST_STEPS = 30
# ASSUME: a covariance is matched if the weights are worth ten draws for each dimension. With fewer it is too narrow:
# the draws that are moved miss most of the posterior, and their weights do not show it.
DRAWS_A_DIMENSION = 10


@dataclass(frozen=True)
class Step:
    """x -> ``scale`` (x - ``centre``) + ``target``; the scale is lower triangular (d, d), or its diagonal (d,)."""

    centre: np.ndarray
    target: np.ndarray
    scale: np.ndarray

    def forward(self, x: np.ndarray) -> np.ndarray:
        centred = x - self.centre
        return (centred * self.scale if self.scale.ndim == 1 else centred @ self.scale.T) + self.target

    def backward(self, x: np.ndarray) -> np.ndarray:
        from scipy.linalg import solve_triangular

        centred = x - self.target
        if self.scale.ndim == 1:
            return centred / self.scale + self.centre
        return solve_triangular(self.scale, centred.T, lower=True).T + self.centre

    @property
    def log_determinant(self) -> float:
        return float(np.log(self.scale if self.scale.ndim == 1 else np.diag(self.scale)).sum())


def match(
    draws: np.ndarray,
    log_density: np.ndarray,
    log_likelihood: np.ndarray,
    evaluate: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> Estimate:
    """Leave one observation out by importance sampling from draws whose moments are matched.

    The draws are transformed so that their mean is their weighted mean; if this does not lower the Pareto k of the
    weights, the variances too; and if this does not either, the covariances. This is repeated as long as Pareto k
    falls. For the estimate one half of the draws is transformed and the other is not. Both are weighted by the mixture
    of their two densities, which covers whatever one of the two covers.

    Parameters
    ----------
    draws : (chain, draw, d)
        Of the posterior, on the unconstrained space.
    log_density : (chain, draw)
        Of the posterior there, up to a constant.
    log_likelihood : (chain, draw)
        Of the observation that is left out.
    evaluate
        Both, (m,) each, at points (m, d).

    Returns
    -------
    Estimate
        That of plain Pareto-smoothed importance sampling if no transformation helps.

    References
    ----------
    Paananen, Piironen, Bürkner & Vehtari (2021), Implicitly adaptive importance sampling, Statistics and Computing
    31(16), algorithms 1 and 2; the R package loo, ``loo_moment_match``.
    """
    efficiency = efficiency_of_one(log_likelihood)
    log_p = log_density.ravel()
    moved, at_moved = draws.reshape(-1, draws.shape[2]), (log_p, log_likelihood.ravel())
    log_weights, pareto_k = smooth_one(-at_moved[1], efficiency)
    steps: list[Step] = []
    while len(steps) < MOST_STEPS:
        for step in _proposals(moved, np.exp(log_weights)):
            proposed = step.forward(moved)
            at_proposed = evaluate(proposed)
            new_weights, new_k = smooth_one(at_proposed[0] - log_p - at_proposed[1], efficiency)
            if new_k < pareto_k:
                steps.append(step)
                moved, at_moved, log_weights, pareto_k = proposed, at_proposed, new_weights, new_k
                break
        else:
            break
    if not steps:
        return estimate(log_weights, log_likelihood.ravel(), pareto_k, efficiency)

    return _mixed(steps, draws, log_density, log_likelihood, at_moved, evaluate)


def _mixed(steps: list[Step], draws, log_density, log_likelihood, at_moved, evaluate) -> Estimate:
    """The estimate from draws of which the first half of each chain is transformed by some steps.

    ``at_moved`` has log densities and log likelihoods, (m,) each, where all draws are transformed; the rest is as in
    ``match``.
    """
    chains, length, dimensions = draws.shape
    log_p = log_density.ravel()
    transformed = np.tile(np.arange(length) < length // 2, chains)
    # The mixture needs the place of each draw before the transformation. It is known for the half that is transformed;
    # for the other it is computed, as if these draws had been transformed.
    source = draws.reshape(-1, dimensions)[~transformed]
    for step in reversed(steps):
        source = step.backward(source)
    log_p_source = log_p.copy()
    log_p_source[~transformed] = evaluate(source)[0]
    log_p_source -= sum(step.log_determinant for step in steps)
    log_p_mixed = np.where(transformed, at_moved[0], log_p)
    log_likelihood_mixed = np.where(transformed, at_moved[1], log_likelihood.ravel())
    share = transformed.mean()
    log_mixture = np.logaddexp(np.log(share) + log_p_source, np.log1p(-share) + log_p_mixed)
    halves = [log_likelihood_mixed[half].reshape(chains, -1) for half in (transformed, ~transformed)]
    efficiency = min(map(efficiency_of_one, halves))
    log_weights, pareto_k = smooth_one(log_p_mixed - log_likelihood_mixed - log_mixture, efficiency)
    return estimate(log_weights, log_likelihood_mixed, pareto_k, efficiency)


def _proposals(x: np.ndarray, weights: np.ndarray) -> Iterator[Step]:
    """Transformations that give draws (m, d) their weighted mean; and variances; and covariances."""
    centre, target = x.mean(axis=0), weights @ x
    yield Step(centre, target, np.ones_like(centre))
    spread = weights @ (x - target) ** 2
    if (spread > 0).all():
        yield Step(centre, target, np.sqrt(spread / x.var(axis=0)))
    if x.shape[1] > 1 and 1 / (weights @ weights) >= DRAWS_A_DIMENSION * x.shape[1]:
        weighted, plain = np.cov(x.T, aweights=weights, ddof=0), np.cov(x.T, ddof=0)
        try:
            wanted, present = np.linalg.cholesky(weighted), np.linalg.cholesky(plain)
        except np.linalg.LinAlgError:
            # A few draws have all the weight, so their covariance is singular.
            return
        yield Step(centre, target, np.linalg.solve(present.T, wanted.T).T)


def estimate(log_weights, log_likelihood, pareto_k: float, efficiency: float) -> Estimate:
    """Log of the weighted mean of a density at m draws, and its error by the delta method."""
    elpd = log_sum_exp(log_weights + log_likelihood)
    # Weights times densities over their sum: the variance of the weighted mean, relative to the mean.
    shares = np.exp(log_weights + log_likelihood - elpd)
    variance = ((shares - np.exp(log_weights)) ** 2).sum() / efficiency
    return Estimate(float(elpd), float(np.sqrt(variance)), pareto_k)
