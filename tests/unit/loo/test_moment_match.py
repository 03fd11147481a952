import numpy as np
import pytest
from partialpool.loo import moment_match
from partialpool.loo.moment_match import Step
from partialpool.loo.pointwise import GOOD_PARETO_K
from partialpool.loo.psis import psis
from scipy import stats

# A straight line through points with standard deviation 1, coefficients N(0, 10^2); the last point lies far off.
X = np.column_stack([np.ones(8), np.arange(8.0)])
Y = np.array([0.3, 0.9, 2.2, 2.8, 4.3, 5.1, 5.8, 12.0])


def posterior(rows):
    """Mean (2,) and covariance (2, 2) of the coefficients."""
    covariance = np.linalg.inv(X[rows].T @ X[rows] + np.eye(2) / 100)
    return covariance @ X[rows].T @ Y[rows], covariance


def evaluate(points):
    """Log density of everything, up to a constant, and of the last point."""
    return stats.multivariate_normal(*posterior(slice(None))).logpdf(points) + 11, stats.norm.logpdf(
        Y[-1], points @ X[-1]
    )


@pytest.fixture(scope="module")
def draws():
    return np.random.default_rng(2).multivariate_normal(*posterior(slice(None)), (2, 1000))


def match(draws, evaluate=evaluate):
    density, likelihood = (values.reshape(draws.shape[:2]) for values in evaluate(draws.reshape(-1, 2)))
    return moment_match.match(draws, density, likelihood, evaluate)


@pytest.mark.numbers
def test_a_point_far_off_a_line(draws):
    mean, covariance = posterior(slice(-1))
    exact = stats.norm.logpdf(Y[-1], X[-1] @ mean, np.sqrt(X[-1] @ covariance @ X[-1] + 1))
    plain = psis(evaluate(draws.reshape(-1, 2))[1].reshape(2, -1, 1), np.array([7]))
    assert plain.pareto_k[0] > 0.7
    estimate = match(draws)
    assert estimate.pareto_k <= GOOD_PARETO_K
    assert abs(estimate.elpd - exact) < 4 * estimate.mcse
    assert estimate.mcse < 0.1


def test_what_does_not_help_is_not_done(draws):
    calls = []

    def nowhere_else(points):
        calls.append(points)
        density, likelihood = evaluate(points)
        return density if len(calls) == 1 else np.full(len(points), np.nan), likelihood

    estimate = match(draws, nowhere_else)
    assert len(calls) == 3, "the draws themselves, shifted, and scaled; their weights are too uneven for a covariance"
    plain = psis(evaluate(draws.reshape(-1, 2))[1].reshape(2, -1, 1), np.array([7]))
    assert estimate == pytest.approx((plain.elpd[0], plain.mcse[0], plain.pareto_k[0]), rel=1e-12)


@pytest.mark.parametrize("scale", [np.array([2.0, 0.5]), np.array([[2.0, 0.0], [-1.0, 0.5]])])
def test_a_step_there_and_back(scale):
    step = Step(np.array([1.0, 2.0]), np.array([-3.0, 0.0]), scale)
    x = np.random.default_rng(3).normal(size=(5, 2))
    matrix = np.diag(scale) if scale.ndim == 1 else scale
    np.testing.assert_allclose(step.forward(x), (x - [1, 2]) @ matrix.T + [-3, 0])
    np.testing.assert_allclose(step.backward(step.forward(x)), x)
    assert step.log_determinant == pytest.approx(np.linalg.slogdet(matrix)[1])


def test_draws_get_the_moments_of_their_weights():
    rng = np.random.default_rng(4)
    x, weights = rng.normal(size=(200, 2)) @ [[1, 0.4], [0, 2]] + [1, -1], rng.dirichlet(np.full(200, 5.0))
    mean, covariance = weights @ x, np.cov(x.T, aweights=weights, ddof=0)
    shifted, scaled, mapped = (step.forward(x) for step in moment_match._proposals(x, weights))
    for moved in (shifted, scaled, mapped):
        np.testing.assert_allclose(moved.mean(axis=0), mean)
    np.testing.assert_allclose(np.cov(shifted.T), np.cov(x.T))
    np.testing.assert_allclose(scaled.var(axis=0), np.diag(covariance))
    np.testing.assert_allclose(np.cov(mapped.T, ddof=0), covariance)


def test_no_covariance_from_a_few_heavy_draws():
    x = np.random.default_rng(5).normal(size=(200, 2))
    weights = np.where(np.arange(200) < 15, 0.9 / 15, 0.1 / 185)
    assert len(list(moment_match._proposals(x, weights))) == 2
