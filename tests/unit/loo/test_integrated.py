"""Leave-one-out with the coefficients integrated out, beside quadrature."""

import numpy as np
import pytest
from partialpool.fit.fit import fit
from partialpool.loo.estimate import of_model
from partialpool.loo.integrated import integrated
from partialpool.loo.psis import of_fit
from partialpool.predict.effects import thinned
from scipy import integrate


@pytest.mark.numbers
def test_integrated_leave_one_out_is_that_of_quadrature(make_spec, units):
    """It is log p(y) - log p(y_-i), each an integral over the two scales by quadrature."""
    spec = make_spec("y ~ 1 + (1 | id)", "Intercept sd sigma", chains=4, warmup=500, draws=2000, engine="auto")
    # Two units measured once: there the model knows nothing of the unit without the measurement.
    data = units[~units["id"].isin([6, 29]) | (units["x"] == 0)].reset_index(drop=True)
    data["row"] = np.arange(len(data))
    tree = fit(spec, data)
    observations, of_units = integrated(tree, spec, data)
    y, ids = data["y"].to_numpy(), data["id"].to_numpy()
    same = ids[:, None] == ids
    # Priors: Intercept Normal(0, 1.5), sd Exponential(1), sigma Exponential(2), on a logarithmic grid.
    log_sigma, log_sd = np.linspace(-1, 2.2, 60), np.linspace(-9, 2.5, 120)
    sigma, sd = np.exp(log_sigma)[:, None], np.exp(log_sd)
    prior = np.log(2) - 2 * sigma - sd + log_sigma[:, None] + log_sd

    def log_evidence(keep):
        covariance = np.multiply.outer(sigma**2, np.eye(keep.sum())) + 1.5**2
        covariance = covariance + np.multiply.outer(sd**2, same[np.ix_(keep, keep)])
        quadratic = (y[keep] * np.linalg.solve(covariance, y[keep][:, None])[..., 0]).sum(axis=-1)
        _, log_determinant = np.linalg.slogdet(covariance)
        values = prior - 0.5 * (quadratic + log_determinant + keep.sum() * np.log(2 * np.pi))
        top = values.max()
        weights = np.exp(values - top)
        return top + np.log(integrate.simpson(integrate.simpson(weights, x=log_sd), x=log_sigma))

    whole = log_evidence(np.ones(len(y), dtype=bool))
    rows = [*np.flatnonzero(np.isin(ids, [6, 29])), 5, 17]
    exact_rows = [whole - log_evidence(np.arange(len(y)) != row) for row in rows]
    some = ["6", "101", "40"]
    exact_units = [whole - log_evidence(ids.astype(str) != unit) for unit in some]
    for pointwise, labels, exact in ((observations, rows, exact_rows), (of_units, some, exact_units)):
        chosen = pointwise.take([list(pointwise.labels).index(label) for label in labels])
        assert (abs(chosen.elpd - exact) < 4 * chosen.mcse + 1e-4).all()
        assert not pointwise.bad.any()


@pytest.fixture(scope="module")
def quick(make_spec, units):
    """A spec and a short fit of it by the marginal engine."""
    spec = make_spec("y ~ x + (1 + x | id)", engine="auto")
    return spec, fit(spec, units)


@pytest.fixture(scope="module")
def whole(quick, units):
    spec, tree = quick
    return of_model(tree, spec, units)


def test_the_density_left_in_is_that_of_the_fit(quick, units):
    spec, tree = quick
    observations, of_units = integrated(tree, spec, units)
    plain = of_fit(tree)
    # Both are log densities of the same data at the same draws.
    np.testing.assert_allclose(observations.elpd + observations.p_loo, plain.elpd + plain.p_loo, rtol=1e-12)
    by_row = tree["log_likelihood"]["y"].transpose("chain", "draw", "__obs__").to_numpy()
    jointly = by_row[..., units["id"] == 6].sum(axis=-1)
    i = list(of_units.labels).index("6")
    assert of_units.elpd[i] + of_units.p_loo[i] == pytest.approx(np.log(np.exp(jointly).mean()), rel=1e-10)


def test_a_model_that_can_be_marginal_has_both_estimands_and_plain_psis(whole, units):
    assert set(whole.observation.method) | set(whole.unit.method) <= {"integrated", "integrated_refit"}
    assert set(whole.plain_psis.method) == {"psis"}
    assert whole.observation.labels.tolist() == whole.plain_psis.labels.tolist() == units["row"].tolist()
    assert whole.unit.labels.tolist() == list(units["id"].sort_values().astype(str).unique())


def test_a_fit_that_keeps_some_densities_has_no_p_loo_and_no_plain_psis(quick, whole, units):
    spec, tree = quick
    few = tree.copy()
    few["log_likelihood"] = few["log_likelihood"].to_dataset().isel(draw=slice(0, 10))
    loo = of_model(few, spec, units)
    assert loo.plain_psis is None
    assert np.isnan(loo.observation.p_loo).all()
    assert np.isnan(loo.observation.mcse_of_total("p_loo"))
    assert loo.observation.total() == whole.observation.total()


def test_what_some_draws_do_not_settle_all_draws_do(quick, units, monkeypatch):
    """In a large study; here it is one because the limit is low."""
    from partialpool.loo import integrated as module

    spec, tree = quick
    everything = integrated(tree, spec, units)
    monkeypatch.setattr(module, "LARGE", 0)
    monkeypatch.setattr(module, "GOOD_PARETO_K", -np.inf)
    monkeypatch.setattr(module, "refitted", lambda pointwise, *_, **__: pointwise)
    monkeypatch.setattr(module, "thinned", lambda posterior, most: posterior.isel(draw=slice(0, 30)))
    for ours, theirs in zip(integrated(tree, spec, units), everything, strict=True):
        same = theirs.method == "integrated"
        assert same.any()
        assert (ours.elpd[same] == theirs.elpd[same]).all()


@pytest.mark.parametrize("limit", ["LARGE", "LONG"])
def test_some_draws_give_what_all_draws_give(make_spec, units, monkeypatch, limit):
    from partialpool.loo import integrated as module

    spec = make_spec("y ~ x + (1 + x | id)", engine="auto", chains=4, draws=500)
    tree = fit(spec, units)
    everything, asked = integrated(tree, spec, units), []
    monkeypatch.setattr(module, limit, 0)
    monkeypatch.setattr(module, "FEWEST", 50)
    monkeypatch.setattr(module, "thinned", lambda posterior, most: asked.append(most) or thinned(posterior, most))
    for ours, theirs in zip(integrated(tree, spec, units), everything, strict=True):
        error = np.hypot(ours.mcse_of_total(), theirs.mcse_of_total())
        assert 0 < abs(ours.total() - theirs.total()) < 4 * error
    assert asked == [50, 50]
