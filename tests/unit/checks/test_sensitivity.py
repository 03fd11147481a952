"""Power scaling beside ArviZ's, beside fits with other priors, and beside a closed form."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from arviz_stats import psense
from partialpool.checks.powered import Powered
from partialpool.checks.sensitivity import COLUMNS, POWERS, sensitivity
from partialpool.marginal.closed_form import design
from partialpool.marginal.scales import Scales
from partialpool.model.formula import complete_cases
from partialpool.model.priors import parse


def for_arviz(fitted):
    """The fit as ArviZ takes it."""
    log_prior = xr.Dataset({"all": (("chain", "draw"), fitted.priors.log_density())})
    groups = {name: fitted.tree[name].to_dataset() for name in ("posterior", "log_likelihood")}
    return xr.DataTree.from_dict(groups | {"log_prior": log_prior})


@pytest.mark.parametrize("which", ["marginal", "yes_no"])
def test_slopes_are_those_of_arviz(which, request):
    fitted = request.getfixturevalue(which)
    table, tree = sensitivity(fitted).set_index(["parameter", "component"]), for_arviz(fitted)
    assert list(table.reset_index()) == COLUMNS
    for component in ("prior", "likelihood"):
        theirs = psense(tree, group=component)
        for parameter in fitted.parameters:
            value = theirs[parameter.variable].to_numpy()[parameter.index]
            assert table.loc[(parameter.name, component), "psense"] == pytest.approx(float(value), rel=1e-6)


def test_draws_agree_with_weights(marginal):
    """Means by fresh draws and by importance weights of the fit's draws, within four Monte Carlo errors."""
    by_draws = sensitivity(marginal)
    assert set(by_draws["method"]) == {"independent draws"}
    by_weights = sensitivity(replace(marginal, tree=_as_if_by_nuts(marginal.tree)))
    assert set(by_weights["method"]) == {"importance weights"}
    assert (by_weights["pareto_k"] < 0.7).all()
    for column in ("shift_weaker", "shift_stronger"):
        errors = np.hypot(by_draws["mcse_shift"], by_weights["mcse_shift"])
        assert (np.abs(by_draws[column] - by_weights[column]) < 4 * errors + 1e-3).all()


def _as_if_by_nuts(tree):
    tree = tree.copy()
    tree.attrs = tree.attrs | {"engine": "nuts"}
    return tree


@pytest.mark.parametrize("power", POWERS)
def test_a_powered_prior_is_another_prior(intercepts, power):
    """Normal(m, s) to a power is Normal(m, s / sqrt(power)), Exponential(r) is Exponential(power r)."""
    powered = {
        "Intercept": f"Normal(0, {1.5 / np.sqrt(power)})",
        "b": f"Normal(0, {1 / np.sqrt(power)})",
        "sd": f"Exponential({power})",
        "sigma": f"Exponential({2 * power})",
    }
    other = replace(intercepts.spec, priors={name: parse(text) for name, text in powered.items()})
    ours = Powered(intercepts.matrices, prior=power)
    theirs = Powered(design(other, complete_cases(other, intercepts.data)))
    # The same coordinates.
    theirs.space.sizes = ours.space.sizes
    x = np.random.default_rng(1).normal(size=(50, ours.space.dimensions))
    difference = ours.log_density(x) - theirs.log_density(x)
    np.testing.assert_allclose(difference, difference[0], atol=1e-9)
    settings = {"chains": 2, "draws": 500, "seed": 1, "proposal": theirs.proposal(1)}
    names = ["Intercept", "x", "sigma"]
    means = [posterior.estimates(**settings)[0][names].mean() for posterior in (ours, theirs)]
    xr.testing.assert_allclose(*means, rtol=1e-6)


def test_a_powered_likelihood_is_that_of_the_rows_given_their_effects(intercepts):
    """Beside a sum over a fine grid: one unit's effect at fixed scales and common coefficients."""
    power, rows = 1.7, np.flatnonzero(intercepts.codes == 0)
    matrices = replace(intercepts.matrices.of_rows(rows), prior_sd=np.full(2, 1e-6))
    model = Powered(matrices, likelihood=power)
    x = np.array([[0.2, 0.4], [1.0, -0.5]])
    scales = Scales.at(model.space, x)
    effect = np.linspace(-30, 30, 40_001)
    residual = matrices.y - matrices.x @ matrices.prior_mean
    expected = []
    for sigma, sd in zip(scales.sigma, scales.sd[0][:, 0], strict=True):
        logs = -0.5 * ((residual[:, None] - effect) / sigma) ** 2 - np.log(sigma)
        expected.append(np.log(np.exp(power * logs.sum(axis=0) - 0.5 * (effect / sd) ** 2).sum() / sd))
    ours = model.log_density(x) - model.space.log_prior(x)
    assert ours[1] - ours[0] == pytest.approx(expected[1] - expected[0], abs=1e-6)


@pytest.mark.slow
def test_in_a_large_study_a_powered_posterior_far_away_is_that_of_a_closed_form(make_spec, fitted_to):
    """With n rows, m of each of J units: s^2 = sigma^2 / power has n power - J degrees of freedom within units, and
    sd^2 + s^2 / m is the variance of the units' means, whatever the power.
    """
    units, m, rng = 8000, 10, np.random.default_rng(1)
    unit = np.repeat(np.arange(units), m)
    y = 0.5 * rng.normal(size=units)[unit] + rng.normal(size=units * m)
    data = pd.DataFrame({"id": pd.Categorical(unit), "y": y, "row": np.arange(units * m)})
    fitted = fitted_to(
        make_spec("y ~ 1 + (1 | id)", "Intercept sd sigma", engine="marginal", chains=4, draws=1000), data
    )
    table = sensitivity(fitted).set_index(["component", "parameter"]).loc["likelihood"]
    assert set(table["method"]) == {"independent draws"}
    means = y.reshape(units, m).mean(axis=1)
    within, between = ((y - means[unit]) ** 2).sum(), means.var()

    def expected(power: float) -> np.ndarray:
        s2 = within / (units * m * power - units)
        return np.sqrt([between - s2 / m, s2 * power])

    for power, column in zip(POWERS, ["shift_weaker", "shift_stronger"], strict=True):
        sds = [float(fitted.posterior[name].std()) for name in ("1|id_sigma", "sigma")]
        shifts = (expected(power) - expected(1.0)) / sds
        assert np.abs(shifts).min() > 3
        # The posterior sd by which they are divided has an error of a hundredth.
        np.testing.assert_allclose(table.loc[["sd(Intercept)", "sigma"], column], shifts, rtol=0.05)
