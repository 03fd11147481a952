"""LOO-PIT beside dense algebra, quadrature by SciPy, refits, and ArviZ's from predictive draws."""

import numpy as np
import pytest
from arviz_stats import loo_pit as arviz_loo_pit
from partialpool.checks.loo_pit import _by_predictive_draws, curve, loo_pit
from partialpool.fit.fit import fit
from partialpool.loo.by_quadrature import Conditional
from partialpool.quadrature.densities import Given, below
from partialpool.quadrature.families import FAMILIES
from scipy import stats
from scipy.integrate import simpson


def test_in_closed_form_it_is_that_of_fits_without_the_row(intercepts):
    """A row's distribution, from draws without it: a mean of normal distribution functions with a Monte Carlo error."""
    ours = loo_pit(intercepts)
    assert set(ours["method"]) == {"integrated"}
    for place in (0, 17, 42):
        others = intercepts.data[intercepts.data["row"] != ours["row"][place]]
        posterior = fit(intercepts.spec, others)["posterior"].to_dataset()
        row = intercepts.rows.iloc[place]
        mean = posterior["Intercept"] + posterior["x"] * row["x"]
        mean = mean + posterior["1|id"].sel(id__factor_dim=str(row["id"]))
        below_it = stats.norm.cdf(row["y"], mean, posterior["sigma"])
        error = below_it.std() / np.sqrt(below_it.size)
        assert ours["pit"][place] == pytest.approx(below_it.mean(), abs=4 * error + 0.005)


def test_few_draws_serve_where_many_take_long(intercepts, monkeypatch):
    everything = loo_pit(intercepts)["pit"].to_numpy()
    monkeypatch.setattr("partialpool.checks.loo_pit.LONG", 0)
    few = loo_pit(intercepts)["pit"].to_numpy()
    assert 0 < np.abs(few - everything).max() < 0.03


def test_it_is_that_of_arviz_up_to_its_error(intercepts):
    """ArviZ weights predictive draws, so each of its values has the error of a share."""
    ours, tree = loo_pit(intercepts)["pit"].to_numpy(), intercepts.tree
    theirs = next(iter(arviz_loo_pit(tree).data_vars.values())).to_numpy()
    draws = intercepts.posterior["sigma"].size
    # Weights of leaving a row out are worth about half of the draws here.
    errors = np.sqrt(ours * (1 - ours) / (draws / 2))
    assert (np.abs(ours - theirs) < 4.5 * errors + 0.01).all()


def test_without_integrals_it_is_that_of_arviz(yes_no):
    """ArviZ smooths the weights of all rows by the efficiency of the posterior, we each by its own."""
    values, pareto_k = _by_predictive_draws(yes_no)
    [theirs] = arviz_loo_pit(yes_no.tree, random_state=yes_no.spec.seed).data_vars.values()
    np.testing.assert_allclose(values, theirs, atol=5e-4)
    assert len(pareto_k) == 120


@pytest.mark.parametrize(
    ("family", "y", "parameters", "distribution"),
    [
        ("poisson", [2.0, 0.0, 5.0], {}, lambda eta: stats.poisson(np.exp(eta))),
        ("bernoulli", [1.0, 0.0, 1.0], {"n": np.ones((1, 1))}, lambda eta: stats.bernoulli(1 / (1 + np.exp(-eta)))),
        ("binomial", [3.0, 0.0, 5.0], {"n": np.full((1, 1), 5.0)}, lambda eta: stats.binom(5, 1 / (1 + np.exp(-eta)))),
        (
            "negativebinomial",
            [2.0, 0.0, 9.0],
            {"alpha": np.full((1, 1), 1.7)},
            lambda eta: stats.nbinom(1.7, 1.7 / (1.7 + np.exp(eta))),
        ),
        (
            "t",
            [0.4, -1.0, 2.0],
            {"sigma": np.full((1, 1), 0.6), "nu": np.full((1, 1), 3.5)},
            lambda eta: stats.t(3.5, eta, 0.6),
        ),
        (
            "gamma",
            [2.0, 0.1, 9.0],
            {"alpha": np.full((1, 1), 1.7)},
            lambda eta: stats.gamma(1.7, scale=np.exp(eta) / 1.7),
        ),
        ("gaussian", [0.4, -1.0, 2.0], {"sigma": np.full((1, 1), 0.6)}, lambda eta: stats.norm(eta, 0.6)),
    ],
)
def test_probabilities_are_those_of_scipys_quadrature(family, y, parameters, distribution):
    y, eta, sd = np.array(y), np.array([0.2, 0.6, -0.1]), 0.8
    own = FAMILIES[family]
    given = Given(own, own.links[0], y, eta[None], parameters, np.ones((3, 1)), np.full((1, 1, 1), sd))
    smaller, at_most = below(given, np.zeros(3, int), 64)
    is_discrete = hasattr(distribution(0.0), "pmf")

    u = np.linspace(-6, 6, 4001)
    rows = [distribution(one + u) for one in eta]
    densities = np.array([known.pmf(at) if is_discrete else known.pdf(at) for known, at in zip(rows, y, strict=True)])

    for row in range(3):
        weights = stats.norm.pdf(u, scale=sd) * np.delete(densities, row, axis=0).prod(axis=0)
        total = simpson(weights, x=u)
        inside = simpson(weights * rows[row].cdf(y[row]), x=u) / total
        same = simpson(weights * densities[row], x=u) / total if is_discrete else 0.0
        assert at_most[0, row] == pytest.approx(inside, abs=1e-5)
        assert smaller[0, row] == pytest.approx(inside - same, abs=1e-5)


def test_levels_have_the_probabilities_of_their_thresholds():
    own, edge = FAMILIES["cumulative"], np.inf
    lower, upper = np.array([[-edge, -0.5, 1.0]]), np.array([[-0.5, 1.0, edge]])
    y, eta = np.array([0.0, 1.0, 2.0]), np.array([[0.3, 0.1, -0.2]])
    # Without any spread, units have no effects.
    given = Given(own, "logit", y, eta, {"lower": lower, "upper": upper}, np.ones((3, 1)), np.full((1, 1, 1), 1e-9))
    smaller, at_most = below(given, np.arange(3), 8)
    np.testing.assert_allclose(smaller[0], stats.logistic.cdf(lower[0] - eta[0]), atol=1e-8)
    np.testing.assert_allclose(at_most[0], stats.logistic.cdf(upper[0] - eta[0]), atol=1e-8)


def test_of_a_yes_no_outcome_it_is_drawn_from_between_two_probabilities(yes_no):
    table = loo_pit(yes_no)
    assert set(table["method"]) == {"integrated"}
    yes = yes_no.observed == 1
    # Nothing is smaller than no, and all is at most yes: the two meet at the probability of no.
    model = Conditional(yes_no.tree, yes_no.spec, yes_no.rows)
    smaller, at_most = below(model.given(yes_no.posterior), model.codes, 16)
    assert (smaller[:, ~yes] == 0).all()
    np.testing.assert_allclose(at_most[:, yes], 1, atol=1e-12)
    pit = table["pit"].to_numpy()
    assert ((pit > 0) & (pit < 1)).all()
    assert stats.kstest(pit, "uniform").pvalue > 1e-3


def test_the_envelope_holds_uniform_numbers_and_not_others():
    rng = np.random.default_rng(1)

    def outside(values):
        table = curve(values, seed=1)
        return ((table["difference"] > table["upper"]) | (table["difference"] < table["lower"])).any()

    left = np.mean([outside(rng.random(60)) for _ in range(60)])
    # Five of a hundred leave it.
    assert left <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 60)
    assert outside(rng.beta(2, 2, 200))
    assert len(curve(rng.random(5000), seed=1)) == 1001


def test_the_curve_is_that_of_arviz():
    from arviz_stats.ecdf_utils import ecdf_pit
    from partialpool.checks.loo_pit import ENVELOPE, SIMULATIONS

    values = np.random.default_rng(2).random(40)
    x, ecdf, lower, upper = ecdf_pit(values, ENVELOPE, SIMULATIONS, rng=np.random.default_rng(3))
    table = curve(values, seed=3)
    np.testing.assert_array_equal(table.to_numpy().T, [x, ecdf - x, lower - x, upper - x])
