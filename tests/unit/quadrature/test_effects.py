"""Effects of units given all else, beside their exact distribution on a grid."""

from dataclasses import replace

import numpy as np
import pytest
from partialpool.quadrature import effects
from partialpool.quadrature.densities import Given, placement
from partialpool.quadrature.effects import draw_effects
from partialpool.quadrature.families import FAMILIES
from scipy import stats

DRAWS = 8000
# Of two units with three rows and one with two.
CODES = np.array([0, 1, 0, 2, 1, 0, 1, 2])
CASES = {
    "mixed": ("bernoulli", "logit", [0, 1, 1, 0, 1, 0, 1, 1], 1.0),
    "all alike, and units far apart": ("bernoulli", "logit", [1, 1, 1, 0, 1, 1, 1, 0], 6.0),
    "probit": ("bernoulli", "probit", [0, 1, 1, 0, 1, 0, 1, 1], 2.0),
    "none": ("poisson", "log", [0, 0, 0, 0, 0, 0, 0, 0], 4.0),
    "large counts": ("poisson", "log", [900, 3, 1100, 0, 7, 1000, 1, 1], 3.0),
    "overdispersed": ("negativebinomial", "log", [9, 0, 30, 0, 7, 12, 1, 1], 2.0),
    "sizes": ("gamma", "log", [9, 0.01, 30, 0.2, 7, 12, 1, 1], 2.0),
}


@pytest.mark.numbers
@pytest.mark.parametrize("case", CASES)
def test_one_effect_has_its_conditional_distribution(case):
    family, link, y, sd = CASES[case]
    y, eta = np.array(y, dtype=float), np.linspace(-0.5, 0.5, len(CODES))
    alpha = {"alpha": np.full((1, 1), 0.8)}
    parameters = {"bernoulli": {"n": np.ones((1, 1))}, "negativebinomial": alpha, "gamma": alpha}
    given = Given(
        FAMILIES[family],
        link,
        y,
        np.broadcast_to(eta, (DRAWS, len(y))),
        parameters.get(family, {}),
        np.ones((len(y), 1)),
        np.full((DRAWS, 1, 1), sd),
    )
    drawn = draw_effects(given, CODES, np.random.default_rng(4))[..., 0]
    u = np.linspace(-8 * sd, 8 * sd, 200_001)
    for unit in range(3):
        own = unit == CODES
        at = eta[own][:, None] + u
        if family == "poisson":
            logs = stats.poisson.logpmf(y[own][:, None], np.exp(at))
        elif family == "negativebinomial":
            logs = stats.nbinom.logpmf(y[own][:, None], 0.8, 0.8 / (0.8 + np.exp(at)))
        elif family == "gamma":
            logs = stats.gamma.logpdf(y[own][:, None], 0.8, scale=np.exp(at) / 0.8)
        else:
            log_distribution = stats.norm.logcdf if link == "probit" else stats.logistic.logcdf
            logs = log_distribution((2 * y[own][:, None] - 1) * at)
        logs = logs.sum(axis=0) + stats.norm.logpdf(u, 0, sd)
        below = np.cumsum(np.exp(logs - logs.max()))
        uniform = np.interp(drawn[:, unit], u, below / below[-1])
        assert stats.kstest(uniform, "uniform").pvalue > 1e-3, unit


@pytest.mark.numbers
def test_two_effects_have_their_moments():
    rng = np.random.default_rng(5)
    z, y = np.column_stack([np.ones(8), rng.normal(size=8)]), rng.poisson(2, 8).astype(float)
    cholesky = np.array([[1.0, 0.0], [-0.6, 0.8]])
    eta = np.broadcast_to(np.full(8, 0.3), (DRAWS, 8))
    given = Given(FAMILIES["poisson"], "log", y, eta, {}, z, np.broadcast_to(cholesky, (DRAWS, 2, 2)))
    drawn = draw_effects(given, CODES, rng)
    v = np.stack(np.meshgrid(*[np.linspace(-7, 7, 281)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    u = v @ cholesky.T
    for unit in range(3):
        own = unit == CODES
        at = 0.3 + u @ z[own].T
        logs = stats.poisson.logpmf(y[own], np.exp(at)).sum(axis=1) - 0.5 * (v**2).sum(axis=1)
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        mean = weights @ u
        covariance = (u - mean).T @ (weights[:, None] * (u - mean))
        error = np.sqrt(np.diag(covariance) / DRAWS)
        np.testing.assert_array_less(np.abs(drawn[:, unit].mean(axis=0) - mean), 4 * error)
        np.testing.assert_allclose(
            np.cov(drawn[:, unit].T), covariance, atol=6 * error.max() * np.sqrt(covariance.max())
        )


@pytest.mark.numbers
@pytest.mark.parametrize("q", [1, 2])
def test_units_that_are_alike_share_what_they_are_drawn_from(monkeypatch, q):
    # Ten units have the same three rows in one order or another, and one has others.
    order = np.concatenate([np.roll(np.arange(3), unit) for unit in range(10)])
    x, y = (
        np.append(np.array([-1.0, 0.0, 2.0])[order], [0.0] * 3),
        np.append(np.array([1.0, 0.0, 1.0])[order], [0.0] * 3),
    )
    z, codes = np.column_stack([np.ones(33), x])[:, :q], np.repeat(np.arange(11), 3)
    given = Given(
        FAMILIES["bernoulli"],
        "logit",
        y,
        np.broadcast_to(-0.5 + 0.3 * x, (DRAWS, 33)),
        {"n": np.ones((1, 1))},
        z,
        np.broadcast_to(np.array([[1.5, 0.0], [0.4, 0.6]])[:q, :q], (DRAWS, q, q)),
    )
    placed = []

    def counting(given, own, eta, direction):
        placed.append(eta.shape[1])
        return placement(given, own, eta, direction)

    monkeypatch.setattr(effects, "placement", counting)
    drawn = draw_effects(given, codes, np.random.default_rng(6))
    assert set(placed) == {2}
    one = replace(given, y=y[:3], eta=given.eta[:, :3], z=z[:3])
    alone = draw_effects(one, codes[:3], np.random.default_rng(7))[:, 0]
    for effect in range(q):
        for unit in range(10):
            assert stats.ks_2samp(drawn[:, unit, effect], alone[:, effect]).pvalue > 1e-4, (unit, effect)
        assert stats.ks_2samp(drawn[:, 10, effect], alone[:, effect]).pvalue < 1e-4
        # Each has draws of its own.
        assert np.abs(np.corrcoef(drawn[..., effect].T) - np.eye(11)).max() < 5 / np.sqrt(DRAWS)


@pytest.mark.numbers
@pytest.mark.parametrize("q", [1, 2])
def test_units_without_rows_are_as_their_population(q):
    given = Given(
        FAMILIES["poisson"],
        "log",
        np.array([3.0, 1.0]),
        np.zeros((DRAWS, 2)),
        {},
        np.ones((2, q)),
        np.broadcast_to(2 * np.eye(q), (DRAWS, q, q)),
    )
    drawn = draw_effects(given, np.array([0, 2]), np.random.default_rng(8))
    for effect in range(q):
        assert stats.kstest(drawn[:, 1, effect], stats.norm(0, 2).cdf).pvalue > 1e-3


def test_memory_is_bounded_without_another_distribution(monkeypatch):
    given = Given(
        FAMILIES["poisson"], "log", np.arange(8.0), np.zeros((50, 8)), {}, np.ones((8, 1)), np.ones((50, 1, 1))
    )
    whole = draw_effects(given, CODES, np.random.default_rng(1))
    monkeypatch.setattr(effects, "CHUNK", 40)
    parts = draw_effects(given, CODES, np.random.default_rng(1))
    assert parts.shape == whole.shape == (50, 3, 1)
    assert np.abs(parts.mean(axis=0) - whole.mean(axis=0)).max() < 4 * np.sqrt(2 / 50)
