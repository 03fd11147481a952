"""Independent draws from densities that are known."""

import numpy as np
import pytest
from partialpool.sampling import independent
from partialpool.sampling.independent import Weighted
from partialpool.sampling.mixture import Mixture
from partialpool.sampling.mode import find_mode
from scipy import stats

NORMAL_ROOT = np.array([[1.0, 0.0, 0.0], [0.8, 0.1, 0.0], [-0.6, 0.4, 1.0]])


def normal(x):
    """Three dimensions, correlated; the evidence is 3."""
    return 3 + np.atleast_1d(stats.multivariate_normal.logpdf(x, [1, 2, 3], NORMAL_ROOT @ NORMAL_ROOT.T))


def skewed(x):
    """Logarithms of exponential variables: tails of e^x on one side, of exp(-e^x) on the other; the evidence is 0."""
    return (x - np.exp(x)).sum(axis=1)


def heavy(x):
    """Student t with 4 degrees of freedom beside a logistic density."""
    return stats.t.logpdf(x[:, 0], 4) + stats.logistic.logpdf(x[:, 1])


def bounded(x):
    """A beta density that ends where it is highest, beside a uniform one."""
    with np.errstate(all="ignore"):
        return stats.beta.logpdf(x[:, 0], 1, 3) + stats.uniform.logpdf(x[:, 1], 2, 0.01)


def two_modes(x):
    """A third of it on the side where the search begins, and two thirds six standard deviations away."""
    near, far = (stats.norm.logpdf(x[:, 0], mean, 0.7) for mean in (2.1, -2.1))
    return np.logaddexp(near, far + np.log(2)) - np.log(3) + stats.norm.logpdf(x[:, 1:], 0, 0.5).sum(axis=1)


# Density, start, log evidence, and of some coordinates their quantiles as functions of probabilities.
TARGETS = {
    "normal": (normal, np.zeros(3), 3.0, {0: lambda p: stats.norm.ppf(p, 1, 1)}),
    "skewed": (
        skewed,
        np.zeros(4),
        0.0,
        {0: lambda p: np.log(stats.expon.ppf(p)), 3: lambda p: np.log(stats.expon.ppf(p))},
    ),
    "heavy": (heavy, np.zeros(2), 0.0, {0: lambda p: stats.t.ppf(p, 4), 1: stats.logistic.ppf}),
    "two modes": (two_modes, np.array([2.0, 0.0, 0.0]), 0.0, {1: lambda p: stats.norm.ppf(p, 0, 0.5)}),
    "bounded": (
        bounded,
        np.array([0.5, 2.005]),
        0.0,
        {0: lambda p: stats.beta.ppf(p, 1, 3), 1: lambda p: stats.uniform.ppf(p, 2, 0.01)},
    ),
}


def sample(log_density, start, seed=1, chains=4, draws=1000):
    rng = np.random.default_rng(seed)
    proposal = independent.adapt(log_density, *find_mode(log_density, start), rng)
    return independent.sample(log_density, proposal, chains=chains, draws=draws, rng=rng)


@pytest.mark.numbers
@pytest.mark.parametrize("target", TARGETS)
def test_quantiles_and_evidence_are_those_of_the_density(target):
    from arviz_stats.base import array_stats

    log_density, start, evidence, quantiles = TARGETS[target]
    drawn = sample(log_density, start)
    assert drawn.trusted
    assert drawn.log_evidence == pytest.approx(evidence, abs=4 * drawn.mcse)
    assert drawn.mcse < 0.02
    for i, quantile in quantiles.items():
        own = drawn.x[..., i]
        assert array_stats.rhat(own) < 1.01
        for p in (0.025, 0.25, 0.5, 0.75, 0.975):
            below = (own < quantile(p)).astype(float)
            assert abs(below.mean() - p) < 4 * array_stats.mcse(below, method="mean"), (i, p)


def test_same_seed_same_draws():
    first, second, third = (sample(skewed, np.zeros(4), seed, draws=200) for seed in (1, 1, 2))
    assert (first.x == second.x).all()
    assert first.log_evidence == second.log_evidence
    assert (first.x != third.x).any()


def test_what_is_kept_belongs_together():
    drawn = sample(skewed, np.zeros(4), draws=300)
    assert drawn.x.shape == (4, 300, 4)
    flat = drawn.x.reshape(-1, 4)
    np.testing.assert_allclose(drawn.log_density.ravel(), skewed(flat), rtol=1e-12)
    moved = (np.diff(drawn.x, axis=1) != 0).any(axis=2)
    assert (drawn.accepted[:, 1:] == moved).all()
    assert moved.mean() > 0.9


def test_acceptance_is_that_of_a_metropolis_chain():
    rng = np.random.default_rng(1)
    log_weight = rng.normal(scale=1.5, size=4000)
    weighted = Weighted(np.zeros((4000, 1)), log_weight, log_weight)
    weights, current, taken = np.exp(log_weight), 0, 0
    steps = 100_000
    proposals, thresholds = rng.integers(0, 4000, steps), rng.random(steps)
    for candidate, threshold in zip(proposals, thresholds, strict=True):
        if threshold < weights[candidate] / weights[current]:
            current, taken = candidate, taken + 1
    assert weighted.acceptance == pytest.approx(taken / steps, abs=0.02)


def test_pareto_k_says_that_proposals_are_too_narrow():
    """Of a normal density from one with a third of its spread the weights have no variance."""
    narrow = Mixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None] / 3, nu=1000)
    wide = Mixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None] * 1.5, nu=1000)

    def log_density(x):
        return -(x**2).sum(axis=1) / 2

    ks = [independent.weigh(log_density, own, 4000, np.random.default_rng(1)).pareto_k for own in (narrow, wide)]
    assert ks[0] > 0.7
    assert ks[1] < 0.3


@pytest.mark.numbers
def test_a_mode_other_than_that_where_the_search_begins_is_found():
    from arviz_stats.base import array_stats

    far = (sample(two_modes, np.array([2.0, 0.0, 0.0])).x[..., 0] < 0).astype(float)
    assert abs(far.mean() - 2 / 3) < 4 * array_stats.mcse(far, method="mean")


def test_an_evidence_from_weights_that_cannot_be_trusted_has_no_monte_carlo_error():
    """Cauchy densities have longer tails than any proposal."""

    def cauchy(x):
        return -np.log(np.pi * (1 + x**2)).sum(axis=1)

    drawn = sample(cauchy, np.zeros(6), chains=2, draws=200)
    assert not drawn.trusted
    assert np.isnan(drawn.mcse)


def test_a_density_that_no_proposal_meets_is_not_trusted():
    """The start is the only point that has a density."""
    rng = np.random.default_rng(1)

    def nowhere(x):
        return np.where((x == 0).all(axis=1), 0.0, -np.inf)

    proposal = independent.adapt(nowhere, np.zeros(2), np.eye(2), rng)
    drawn = independent.sample(nowhere, proposal, chains=2, draws=50, rng=rng)
    assert not drawn.trusted


def test_a_density_is_asked_for_few_values_where_it_is_nearly_normal():
    asked = []

    def counted(x):
        asked.append(len(x))
        return normal(x)

    sample(counted, np.zeros(3))
    assert sum(asked) < 8000


def test_few_draws_have_as_many_proposals_as_the_checks_need():
    drawn = sample(skewed, np.zeros(4), chains=2, draws=3)
    assert drawn.x.shape == (2, 3, 4)
    assert drawn.trusted


def test_a_mixture_is_carried_to_a_density_that_is_elsewhere_and_wider():
    """The other density is the first one, moved and stretched: so are its draws, number by number."""
    move = NORMAL_ROOT @ np.array([0.7, -0.7, 0.3])
    stretch = NORMAL_ROOT @ np.diag([1.4, 0.7, 1.2]) @ np.linalg.inv(NORMAL_ROOT)
    mode, root = find_mode(normal, np.zeros(3))

    def other(x):
        return normal(mode + (x - mode - move) @ np.linalg.inv(stretch).T)

    near = independent.nearly_normal(mode, root)
    carried = independent.carried(near, normal, other, np.random.default_rng(1))
    first, second = (own.draw(4000, np.random.default_rng(2)) for own in (near, carried))
    moved = mode + move + (first - mode) @ stretch.T
    # 1024 weighted draws say where the other density is, to about a twentieth of its standard deviations.
    assert (np.abs(second - moved).mean(axis=0) < 0.15 * moved.std(axis=0)).all()
    assert Weighted(first, other(first), other(first) - near.log_density(first)).efficiency < 0.5
    assert Weighted(second, other(second), other(second) - carried.log_density(second)).efficiency > 0.9
    np.testing.assert_array_equal(carried.roots, np.tril(carried.roots))


def test_a_mixture_carried_to_its_own_density_stays():
    mode, root = find_mode(skewed, np.zeros(4))
    near = independent.nearly_normal(mode, root)
    carried = independent.carried(near, skewed, skewed, np.random.default_rng(1))
    np.testing.assert_allclose(carried.means, near.means, 1e-12)
    np.testing.assert_allclose(carried.roots, near.roots, 1e-12, 1e-15)


def test_weights_of_log_densities_of_a_billion_sum_to_1():
    rng = np.random.default_rng(1)
    log_weight = rng.normal(size=1000)
    weights = Weighted(rng.normal(size=(1000, 1)), log_weight, log_weight).weights
    far = Weighted(rng.normal(size=(1000, 1)), log_weight, log_weight - 4.1e9).weights
    assert far.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(far, weights, rtol=1e-5)
