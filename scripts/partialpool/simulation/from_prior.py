"""Parameters of a model from its prior, units from their population, and outcomes from all of them.

Written from the words of the model and not with what the engines compute, so that a mistake there cannot hide here:
coefficients and effects are those of the terms as they stand in the formula, the intercept's prior is that at the means
of the predictors, and correlations are drawn by the onion method, where the engines have partial correlations.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np

from partialpool.model.design import Design, GroupingFactor
from partialpool.model.names import INTERCEPT, Block
from partialpool.model.population import cholesky_of_correlations, correlation_matrices
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


def population(matrices: Design, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """All parameters of a model but the effects of units, drawn from its prior.

    Parameters
    ----------
    matrices
        From ``closed_form.design``; its terms, levels and priors are used.
    rng
        Source of randomness.

    Returns
    -------
    dict
        By Bambi's name of the variable, without the dimensions of chains and draws; ``Intercept`` is that at
        predictors = 0, as in a fit.
    """
    values = {name: draw(prior, (), rng) for name, prior in matrices.priors.family.items()}
    for term in matrices.common:
        values[term.name] = draw(matrices.priors.common[term.name], shape_of(term.levels), rng)
    if INTERCEPT in values:
        slopes = [term for term in matrices.common if term.name != INTERCEPT]
        at_means = sum(term.values.mean(axis=0) @ np.atleast_1d(values[term.name]) for term in slopes)
        values[INTERCEPT] = values[INTERCEPT] - at_means
    for _, block in _blocks(matrices):
        for term in block.terms:
            values[term.sd_name] = draw(matrices.priors.sd[term.name], shape_of(term.levels), rng)
        if block.correlation:
            q = len(block.coefficients)
            cholesky = correlation(q, matrices.priors.eta, rng)
            values[block.correlation] = np.array([cholesky[i] @ cholesky[j] for i, j in combinations(range(q), 2)])
    return values


def _blocks(matrices: Design) -> Iterator[tuple[GroupingFactor, Block]]:
    """The bars of the formula, each with its grouping factor."""
    for factor in matrices.factors:
        for block in factor.blocks:
            yield factor, block


def shape_of(levels) -> tuple[int, ...]:
    """Shape of a term's values: one, or one for each of its levels."""
    return () if levels is None else (len(levels),)


def effects(matrices: Design, population: Mapping[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Effects of all units, drawn from their population; by name, (units,) or (levels of the term, units)."""
    drawn = {}
    for factor, block in _blocks(matrices):
        q = len(block.coefficients)
        standard = rng.standard_normal((len(factor.levels), q))
        if block.correlation:
            matrix = correlation_matrices(population[block.correlation], q)
            standard = standard @ cholesky_of_correlations(matrix)[0].T
        first = 0
        for term in block.terms:
            own = standard[:, first : first + len(term.coefficients)] * population[term.sd_name]
            drawn[term.name] = own.T if term.levels else own[:, 0]
            first += len(term.coefficients)
    return drawn


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
    """Linear predictor of each row, (n,), without offsets, given all coefficients and effects."""
    mean = np.zeros(len(matrices.y))
    for term in matrices.common:
        mean += term.values @ np.atleast_1d(truth[term.name])
    for factor in matrices.factors:
        for term in factor.terms:
            own = np.atleast_2d(truth[term.name])[:, factor.codes]
            mean += (factor.z[:, factor.columns[term.name]] * own.T).sum(axis=1)
    return mean
