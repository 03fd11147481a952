"""Parameters of a Gaussian model drawn from its prior, and outcomes from parameters.

Written from the words of the model and not with what the engines compute, so that a mistake there cannot hide here:
coefficients and effects are those of the terms as they stand in the formula, the intercept's prior is that at the means
of the predictors, and correlations are drawn by the onion method, where the engines have partial correlations.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from partialpool.marginal.design import Design, GroupingFactor
from partialpool.model.names import INTERCEPT
from partialpool.model.priors import Distribution

# Arguments after the generator and the shape are in the order of `model.priors.DISTRIBUTIONS`.
DRAW = {
    "Normal": lambda rng, shape, mu, sigma: rng.normal(mu, sigma, shape),
    "Uniform": lambda rng, shape, lower, upper: rng.uniform(lower, upper, shape),
    "Exponential": lambda rng, shape, lam: rng.exponential(1 / lam, shape),
    "HalfNormal": lambda rng, shape, sigma: np.abs(rng.normal(0, sigma, shape)),
    "HalfStudentT": lambda rng, shape, nu, sigma: np.abs(sigma * rng.standard_t(nu, shape)),
    "HalfCauchy": lambda rng, shape, beta: np.abs(beta * rng.standard_cauchy(shape)),
    "Gamma": lambda rng, shape, alpha, beta: rng.gamma(alpha, 1 / beta, shape),
    "InverseGamma": lambda rng, shape, alpha, beta: beta / rng.gamma(alpha, 1, shape),
    "LogNormal": lambda rng, shape, mu, sigma: rng.lognormal(mu, sigma, shape),
    "Weibull": lambda rng, shape, alpha, beta: beta * rng.weibull(alpha, shape),
    "Beta": lambda rng, shape, alpha, beta: rng.beta(alpha, beta, shape),
}


def parameters(matrices: Design, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """All parameters of a model, drawn from its prior.

    Parameters
    ----------
    matrices
        From ``marginal.design``; its terms, levels and priors are used.
    rng
        Source of randomness.

    Returns
    -------
    dict
        By Bambi's name of the variable, without the dimensions of chains and draws; ``Intercept`` is that at
        predictors = 0, as in a fit.
    """
    truth = {"sigma": draw(matrices.priors.family["sigma"], (), rng)}
    for term in matrices.common:
        shape = () if term.levels is None else (len(term.levels),)
        truth[term.name] = draw(matrices.priors.common[term.name], shape, rng)
    if INTERCEPT in truth:
        slopes = [term for term in matrices.common if term.name != INTERCEPT]
        at_means = sum(term.values.mean(axis=0) @ np.atleast_1d(truth[term.name]) for term in slopes)
        truth[INTERCEPT] = truth[INTERCEPT] - at_means
    for factor in matrices.factors:
        truth |= effects(matrices, factor, rng)
    return truth


def effects(matrices: Design, factor: GroupingFactor, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Standard deviations, correlations and effects of one grouping factor, as ``parameters`` has them."""
    truth = {}
    for block in factor.blocks:
        q = len(block.coefficients)
        cholesky = correlation(q, matrices.priors.eta, rng) if block.correlation else np.eye(q)
        values = rng.standard_normal((len(factor.levels), q)) @ cholesky.T
        first = 0
        for term in block.terms:
            shape = () if term.levels is None else (len(term.levels),)
            truth[term.sd_name] = sd = draw(matrices.priors.sd[term.name], shape, rng)
            own = (values[:, first : first + len(term.coefficients)] * sd).T
            truth[term.name] = own if shape else own[0]
            first += len(term.coefficients)
        if block.correlation:
            pairs = combinations(range(q), 2)
            truth[block.correlation] = np.array([cholesky[i] @ cholesky[j] for i, j in pairs])
    return truth


def draw(prior: Distribution, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Values of a distribution; of one with a number for each coefficient, one value of each."""
    return np.asarray(DRAW[prior.name](rng, shape, *(np.asarray(value) for _, value in prior.args)))


def correlation(q: int, eta: float, rng: np.random.Generator) -> np.ndarray:
    """Cholesky factor (q, q) of a correlation matrix from LKJ(eta).

    References
    ----------
    Lewandowski, Kurowicka & Joe (2009), Journal of Multivariate Analysis 100(9), section 3.2: the onion method.
    """
    cholesky = np.eye(q)
    for k in range(1, q):
        # Of the effect k, how much of its variance those before it explain, and in which direction they do.
        explained = rng.beta(k / 2, eta + (q - 1 - k) / 2)
        direction = rng.standard_normal(k)
        cholesky[k, :k] = np.sqrt(explained) * direction / np.linalg.norm(direction)
        cholesky[k, k] = np.sqrt(1 - explained)
    return cholesky


def expected(matrices: Design, truth: Mapping[str, np.ndarray]) -> np.ndarray:
    """Mean of the outcome of each row, (n,), without offsets, given all coefficients and effects."""
    mean = np.zeros(len(matrices.y))
    for term in matrices.common:
        mean += term.values @ np.atleast_1d(truth[term.name])
    for factor in matrices.factors:
        for term in factor.terms:
            own = np.atleast_2d(truth[term.name])[:, factor.codes]
            mean += (factor.z[:, factor.columns[term.name]] * own.T).sum(axis=1)
    return mean
