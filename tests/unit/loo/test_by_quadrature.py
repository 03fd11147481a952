"""Leave-one-out with units integrated out, beside refitting without each row and each unit by dense quadrature."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from partialpool.fit.fit import fit
from partialpool.loo import by_quadrature as module
from partialpool.loo.by_quadrature import by_quadrature
from partialpool.loo.psis import of_fit
from partialpool.quadrature.densities import Nodes, NoQuadrature
from scipy import stats
from scipy.special import expit, logsumexp

SETTINGS = {"chains": 4, "warmup": 500, "draws": 1000}
# The draws may be of either.
ENGINES = {"bernoulli": "nuts", "poisson": "auto"}
# Ten units with five rows each, and two with one.
UNIT = np.append(np.repeat(np.arange(10), 5), [10, 11])
DENSITIES = {
    "bernoulli": lambda y, eta: stats.bernoulli.logpmf(y, expit(eta)),
    "poisson": lambda y, eta: stats.poisson.logpmf(y, np.exp(eta)),
}


@pytest.fixture(scope="module", params=["poisson", pytest.param("bernoulli", marks=pytest.mark.slow)])
def fitted(request, make_spec):
    """Family, data, spec and fit of a model with an intercept and intercepts of units."""
    family, rng = request.param, np.random.default_rng(3)
    # Intercepts as evenly spread as a normal population has them: of a unit far out the weights would vary too much.
    eta = 0.4 + 0.8 * stats.norm.ppf((rng.permutation(12) + 0.5) / 12)[UNIT]
    y = rng.binomial(1, expit(eta)) if family == "bernoulli" else rng.poisson(np.exp(eta))
    data = pd.DataFrame({"id": UNIT + 1, "count": y, "row": np.arange(len(y)) + 100})
    spec = make_spec("count ~ 1 + (1 | id)", "Intercept sd", family=family, engine=ENGINES[family], **SETTINGS)
    return family, data, spec, fit(spec, data, cores=2)


def brute_force(family, y):
    """Log p(row | all others) and log p(unit | all others): both parameters, and the effects, on a grid."""
    intercept, log_sd, v = np.linspace(-4, 4, 81), np.linspace(-5, 2.5, 76), np.linspace(-7, 7, 141)
    log_prior = stats.norm.logpdf(intercept, 0, 1.5)[:, None] + stats.expon.logpdf(np.exp(log_sd)) + log_sd
    eta = intercept[:, None, None] + np.exp(log_sd)[:, None] * v
    of_outcome = {value: DENSITIES[family](value, eta) for value in np.unique(y)}
    log_weights = stats.norm.logpdf(v) + np.log(v[1] - v[0])

    def of_unit(rows):
        return logsumexp(log_weights + sum(of_outcome[y[row]] for row in rows), axis=-1)

    members = [np.flatnonzero(np.equal(UNIT, unit)) for unit in range(12)]
    of_units = [of_unit(rows) for rows in members]
    whole = log_prior + sum(of_units)
    rows = [
        logsumexp(whole) - logsumexp(whole - of_units[unit] + of_unit(members[unit][members[unit] != row]))
        for row, unit in enumerate(UNIT)
    ]
    units = [logsumexp(whole) - logsumexp(whole - own) for own in of_units]
    return np.array(rows), np.array(units)


@pytest.mark.numbers
def test_both_estimands_are_those_of_refitting_without_each(fitted):
    family, data, spec, tree = fitted
    observations, units = by_quadrature(tree, spec, data, cores=2)
    assert observations.labels.tolist() == data["row"].tolist()
    rows_exact, units_exact = brute_force(family, data["count"].to_numpy())
    places = [int(label) - 1 for label in units.labels]
    assert sorted(places) == list(range(12))
    for pointwise, exact in ((observations, rows_exact), (units, units_exact[places])):
        assert set(pointwise.method) == {"integrated"}
        assert not pointwise.bad.any()
        z = (pointwise.elpd - exact) / pointwise.mcse
        assert (np.abs(z) < 4).all(), z
        assert abs(pointwise.total() - exact.sum()) < 4 * pointwise.mcse_of_total()


def test_the_density_left_in_is_that_of_the_fit(fitted):
    _, data, spec, tree = fitted
    observations, _ = by_quadrature(tree, spec, data)
    plain = of_fit(tree)
    np.testing.assert_allclose(observations.elpd + observations.p_loo, plain.elpd + plain.p_loo, rtol=1e-10)


def test_the_weights_vary_less_than_those_over_all_parameters(fitted):
    _, data, spec, tree = fitted
    observations, _ = by_quadrature(tree, spec, data)
    plain = of_fit(tree)
    assert observations.pareto_k.max() < plain.pareto_k.max()
    assert observations.mcse.max() < plain.mcse.max()


def test_a_large_study_is_integrated_at_some_draws(fitted, monkeypatch):
    _, data, spec, tree = fitted
    observations, units = by_quadrature(tree, spec, data)
    monkeypatch.setattr(module, "MOST", 1)
    some_observations, some_units = by_quadrature(tree, spec, data)
    for every, some in ((observations, some_observations), (units, some_units)):
        assert 0 < abs(every.total() - some.total()) < 4 * some.mcse_of_total()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"family": "laplace"}, "the family laplace with the link"),
        ({"unit": "herd"}, "effects of herd and of nothing else, or an effect of each row"),
        ({"formula": "count ~ 1"}, "it has no group-level effects"),
    ],
)
def test_other_models_are_refused(fitted, changes, reason):
    _, data, spec, tree = fitted
    if changes.get("formula") == "count ~ 1":
        tree = tree.copy()
        tree["posterior"] = tree["posterior"].to_dataset()[["Intercept"]].assign_attrs(tree["posterior"].attrs)
    with pytest.raises(NoQuadrature, match=reason):
        by_quadrature(tree, replace(spec, **changes), data.assign(herd=1))


@pytest.fixture(scope="module")
def overdispersed(make_spec):
    """Counts with an effect of each row beside that of its unit: data, spec and fit."""
    rng = np.random.default_rng(4)
    eta = 0.8 + 0.7 * rng.normal(size=8).repeat(6) + 0.8 * rng.normal(size=48)
    data = pd.DataFrame({"id": np.arange(8).repeat(6), "count": rng.poisson(np.exp(eta)), "row": np.arange(48)})
    data["each"] = data["row"] + 1000
    spec = make_spec("count ~ 1 + (1 | id) + (1 | each)", "Intercept sd", family="poisson", **SETTINGS)
    return data, spec, fit(spec, data, cores=2)


@pytest.mark.slow
def test_an_effect_of_each_row_is_integrated_out(overdispersed):
    """The densities that are weighted, beside a sum over a fine grid at each draw."""
    data, spec, tree = overdispersed
    model = module.Conditional(tree, spec, module.complete_cases(spec, data))
    posterior = module.thinned(tree["posterior"].to_dataset(), 25)
    _, of_rows = module.densities(model.given(posterior), model.codes, Nodes(32))
    others = posterior["Intercept"] + posterior["1|id"].sel(id__factor_dim=data["id"].astype(str).to_numpy())
    grid = np.linspace(-8, 8, 2001)
    eta = others.to_numpy().reshape(-1, 48, 1) + posterior["1|each_sigma"].to_numpy().reshape(-1, 1, 1) * grid
    logs = stats.poisson.logpmf(data["count"].to_numpy()[:, None], np.exp(eta)) + stats.norm.logpdf(grid)
    np.testing.assert_allclose(of_rows, logsumexp(logs, axis=-1) + np.log(grid[1] - grid[0]), atol=1e-5)


@pytest.mark.slow
def test_rows_with_an_effect_each_can_be_left_out_and_units_not(overdispersed):
    data, spec, tree = overdispersed
    observations, units = by_quadrature(tree, spec, data)
    assert units is None
    assert observations.bad.sum() == 0 < of_fit(tree).bad.sum()
    assert set(observations.method) == {"integrated"}
