"""Quadrature on many outcomes: it is calibrated, and a mistake is found."""

import numpy as np
import pandas as pd
import pytest
from partialpool.quadrature import effects
from partialpool.sampling import independent
from partialpool.simulation import calibration, verdicts
from partialpool.simulation.engine import engine_of
from partialpool.simulation.quadrature import QuadratureEngine
from scipy import stats

PRIORS = {"Intercept": "Normal(0, 1.5)", "sd": "Exponential(1)"}


@pytest.fixture(scope="module")
def engine_for(make_spec, units):
    """The engine of a model, and which unit each row belongs to."""
    units = units.assign(size=np.exp(units["y"]))

    def make(formula, family, link=None, **priors):
        of_all = {name: prior for name, prior in PRIORS.items() if name != "sd" or "|" in formula}
        spec = make_spec(formula, "", priors=of_all | priors, family=family, link=link, engine="auto")
        engine, rows = engine_of(spec, units)
        assert isinstance(engine, QuadratureEngine)
        return engine, rows["id"]

    return make


def calibrate(engine, ids, replicates):
    tables = [
        calibration.replicate(engine, ids, 9, number).assign(replicate=number) for number in range(1, replicates + 1)
    ]
    return verdicts.table(pd.concat(tables, ignore_index=True).assign(model="m", problem=""))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("formula", "family", "link", "priors"),
    [
        ("flag ~ 1 + x + (1 | id)", "bernoulli", None, {"b": "Normal(0, 1)"}),
        ("count ~ 1 + (1 | id)", "poisson", None, {}),
        ("count ~ 1 + (1 | id)", "negativebinomial", None, {"alpha": "Exponential(1)"}),
        ("count ~ 1 + x", "negativebinomial", None, {"b": "Normal(0, 0.5)", "alpha": "Exponential(1)"}),
        ("size ~ 1 + (1 | id)", "gamma", "log", {"alpha": "Exponential(1)"}),
    ],
)
def test_the_engine_is_calibrated(engine_for, formula, family, link, priors):
    table = calibrate(*engine_for(formula, family, link, **priors), 40)
    assert table["verdict"].str.startswith("calibrated").all()
    assert (table["replicates"] == 40).all()
    of_effects = {"sd(Intercept)", "r_id[3,Intercept]"} if "|" in formula else set()
    assert {"Intercept", "log likelihood"} | of_effects <= set(table["quantity"])


@pytest.mark.slow
def test_effects_that_stay_at_the_mode_are_not_calibrated(engine_for, monkeypatch):
    def at_the_mode(*arguments, **settings):
        return right(*arguments, **settings) * 0.2

    right = effects.draw_effects
    monkeypatch.setattr("partialpool.quadrature.posterior.draw_effects", at_the_mode)
    table = calibrate(*engine_for("count ~ 1 + (1 | id)", "poisson"), 20).set_index("quantity")
    assert table["verdict"]["log likelihood"].startswith(verdicts.NOT_CALIBRATED)


def test_log_likelihood_is_that_of_the_outcome_and_a_truth_depends_on_its_seed_only(engine_for):
    engine, ids = engine_for("count ~ 1 + (1 | id)", "poisson")
    first, second = (engine.from_prior(seed) for seed in np.random.SeedSequence(1).spawn(2))
    eta = first.parameters["Intercept"] + first.parameters["1|id"][ids.cat.codes]
    assert first.log_likelihood == pytest.approx(stats.poisson.logpmf(first.outcome, np.exp(eta)))
    again = engine.from_prior(np.random.SeedSequence(1).spawn(2)[0])
    assert (again.outcome == first.outcome).all()
    given = {name: first.parameters[name] for name in ("Intercept", "1|id_sigma")}
    drawn = engine.from_population(given, np.random.SeedSequence(5))
    assert given.items() <= drawn.parameters.items()
    assert (drawn.parameters["1|id"] != first.parameters["1|id"]).all()
    assert (second.outcome != first.outcome).any()


@pytest.mark.slow
def test_nuts_takes_outcomes_of_which_independent_draws_fail(engine_for, monkeypatch):
    engine, _ = engine_for("flag ~ 1 + (1 | id)", "bernoulli")
    truth = engine.from_prior(np.random.SeedSequence(1))
    here = engine.fit(truth.outcome, 1)
    monkeypatch.setattr(independent, "LOWEST_ACCEPTANCE", 1.1)
    there = engine.fit(truth.outcome, 1)
    assert (here.sampling, there.sampling) == ("independent", "nuts")
    assert set(here.posterior.data_vars) == set(there.posterior.data_vars)
    for name in ("Intercept", "1|id_sigma"):
        own, other = here.posterior[name].to_numpy(), there.posterior[name].to_numpy()
        # Of a thousand draws of NUTS a hundred at least are worth as much as independent ones.
        assert own.mean() == pytest.approx(other.mean(), abs=5 * own.std() * np.sqrt(2 / 100)), name
