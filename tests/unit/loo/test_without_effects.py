"""Leave-one-out of models without group-level effects, beside sums over a grid of their coefficients."""

import numpy as np
import pandas as pd
import pytest
from partialpool.fit.fit import fit
from partialpool.loo import without_effects as module
from partialpool.loo.estimate import of_model
from partialpool.loo.psis import of_fit
from partialpool.loo.without_effects import without_effects
from partialpool.quadrature.densities import NoQuadrature
from scipy import stats
from scipy.special import logsumexp

DENSITIES = {
    "bernoulli": lambda y, eta: stats.bernoulli.logpmf(y, 1 / (1 + np.exp(-eta))),
    "poisson": lambda y, eta: stats.poisson.logpmf(y, np.exp(eta)),
}


@pytest.fixture(scope="module", params=DENSITIES)
def fitted(request, make_spec):
    """Family, data, spec and fit of eight units with three rows; of the counts the second has a Pareto k over 0.5."""
    family, rng = request.param, np.random.default_rng(3)
    x = rng.normal(size=24).round(2)
    y = rng.binomial(1, 1 / (1 + np.exp(-x))) if family == "bernoulli" else rng.poisson(np.exp(0.5 + 0.6 * x))
    y[1] = 12 if family == "poisson" else y[1]
    data = pd.DataFrame({"id": np.repeat(np.arange(8), 3), "x": x, "y": y, "row": np.arange(24) + 100})
    spec = make_spec("y ~ 1 + x", "Intercept b", family=family, engine="auto", chains=4, draws=1000)
    return family, data, spec, fit(spec, data)


def brute_force(family, data, spec):
    """Log p(row | all others) and log p(unit | all others)."""
    sds = [dict(spec.priors[name].args)["sigma"] for name in ("Intercept", "b")]
    intercept, slope = np.meshgrid(*[np.linspace(-5, 5, 401)] * 2, indexing="ij")
    x = data["x"] - data["x"].mean()
    by_row = [DENSITIES[family](y, intercept + slope * own) for own, y in zip(x, data["y"], strict=True)]
    whole = stats.norm.logpdf(intercept, 0, sds[0]) + stats.norm.logpdf(slope, 0, sds[1]) + sum(by_row)
    units = [sum(by_row[3 * unit : 3 * unit + 3]) for unit in range(8)]
    return [np.array([logsumexp(whole) - logsumexp(whole - own) for own in some]) for some in (by_row, units)]


@pytest.mark.numbers
def test_both_estimands_are_those_of_refitting_without_each(fitted):
    family, data, spec, tree = fitted
    loo = of_model(tree, spec, data)
    assert loo.observation.labels.tolist() == data["row"].tolist()
    assert loo.unit.labels.tolist() == [str(unit) for unit in range(8)]
    for pointwise, exact in zip((loo.observation, loo.unit), brute_force(family, data, spec), strict=True):
        assert pointwise.pareto_k.max() <= 0.5
        assert (np.abs(pointwise.elpd - exact) < 4 * pointwise.mcse).all()
        assert abs(pointwise.total() - exact.sum()) < 4 * pointwise.mcse_of_total()


def test_other_draws_are_made_where_weights_vary_too_much(fitted):
    family, data, spec, tree = fitted
    plain, (observations, _) = of_fit(tree), without_effects(tree, spec, data)
    bad = plain.pareto_k > 0.5
    assert bad[1] or family == "bernoulli"
    assert (observations.method == np.where(bad, "refit", "psis")).all()
    np.testing.assert_array_equal(observations.elpd[~bad], plain.elpd[~bad])
    # What is left in has the same density, however the rest was computed.
    np.testing.assert_allclose(observations.elpd + observations.p_loo, plain.elpd + plain.p_loo, rtol=1e-12)


def test_there_are_no_more_refits_than_a_minute_has(fitted, monkeypatch):
    _, data, spec, tree = fitted
    monkeypatch.setattr(module, "MOST", 1)
    assert set(without_effects(tree, spec, data)[0].method) == {"psis"}


def test_where_parameters_cannot_be_drawn_independently_weights_are_all(fitted, monkeypatch):
    def refuse(*_, **__):
        raise NoQuadrature("a reason")

    _, data, spec, tree = fitted
    monkeypatch.setattr(module.Model, "draw", refuse)
    assert set(without_effects(tree, spec, data)[0].method) == {"psis"}
    monkeypatch.setattr(module, "model_of", refuse)
    assert set(without_effects(tree, spec, data)[0].method) == {"psis"}
