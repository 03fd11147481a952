"""Calibration: a right engine passes, and engines with a mistake do not."""

import numpy as np
import pandas as pd
import pytest
from partialpool.simulation import calibration, verdicts
from partialpool.simulation.engine import engine_of

from simulation import mistakes

PRIORS = {"Intercept": "Normal(0, 1.5)", "sd": "Exponential(1)", "sigma": "Exponential(1)"}
SLOPES = {"b": "Normal(0, 1)", "cor": "LKJ(1)"}


@pytest.fixture(scope="module")
def calibrate(make_spec, units):
    """Verdicts on so many replicates of a model."""

    def run(replicates, formula, **priors):
        spec = make_spec(formula, "", priors=PRIORS | priors, engine="auto")
        engine, rows = engine_of(spec, units)
        tables = [
            calibration.replicate(engine, rows["id"], 9, number).assign(replicate=number)
            for number in range(1, replicates + 1)
        ]
        return verdicts.table(pd.concat(tables, ignore_index=True).assign(model="m", problem=""))

    return run


@pytest.fixture(scope="module")
def right(calibrate):
    return calibrate(40, "y ~ 1 + x + (1 + x | id)", **SLOPES)


def test_the_engine_is_calibrated(right):
    assert right["verdict"].str.startswith("calibrated").all()


def test_every_kind_of_parameter_has_ranks_and_so_has_the_log_likelihood(right):
    assert right["quantity"].tolist() == [
        *("Intercept", "x", "sd(Intercept)", "sd(x)", "cor(Intercept,x)", "sigma"),
        *(f"r_id[{unit},{effect}]" for effect in ("Intercept", "x") for unit in (3, 29, 250)),
        *("log likelihood", "log likelihood[3]", "log likelihood[29]", "log likelihood[250]"),
    ]
    assert (right["replicates"] == 40).all()


# Models and numbers of replicates with which each is found in seconds. Proposals without their weights are not found so
# quickly, because the proposals are close to the posterior.
@pytest.mark.parametrize(
    ("mistake", "quantity", "replicates", "formula", "priors"),
    [
        (mistakes.ignore_prior_of_sds, "sd(Intercept)", 30, "y ~ 1 + (1 | id)", {"sd": "Exponential(10)"}),
        pytest.param(
            *(mistakes.flip_correlations, "cor(Intercept,x)", 40, "y ~ 1 + x + (1 + x | id)", SLOPES),
            marks=pytest.mark.slow,
        ),
        (
            mistakes.do_not_centre,
            "Intercept",
            30,
            "y ~ 1 + x + (1 | id)",
            {"Intercept": "Normal(3, 0.3)", "b": "Normal(0, 1)"},
        ),
        (mistakes.forget_the_data_of_units, "log likelihood", 20, "y ~ 1 + (1 | id)", {}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_an_engine_with_a_mistake_is_not_calibrated(
    calibrate, monkeypatch, mistake, quantity, replicates, formula, priors
):
    mistake(monkeypatch)
    table = calibrate(replicates, formula, **priors).set_index("quantity")
    assert table["verdict"][quantity].startswith(verdicts.NOT_CALIBRATED)


def test_ranks_of_parameters_alone_do_not_notice_that_data_are_forgotten(calibrate, monkeypatch):
    """Which is why the log likelihood has ranks."""
    mistakes.forget_the_data_of_units(monkeypatch)
    table = calibrate(20, "y ~ 1 + (1 | id)").set_index("quantity")
    wrong = table.index[table["verdict"].str.startswith(verdicts.NOT_CALIBRATED)]
    assert len(wrong)
    assert all(name.startswith("log likelihood") for name in wrong)


def test_a_replicate_is_the_same_whatever_ran_before(make_spec, units):
    spec = make_spec("y ~ 1 + (1 | id)", "", priors=PRIORS, engine="auto")
    engine, rows = engine_of(spec, units)
    alone = calibration.replicate(engine, rows["id"], 9, 7)
    calibration.replicate(engine, rows["id"], 9, 6)
    pd.testing.assert_frame_equal(calibration.replicate(engine, rows["id"], 9, 7), alone)
    assert not calibration.replicate(engine, rows["id"], 8, 7).equals(alone)


def test_few_are_evenly_spaced():
    assert calibration.few(91).tolist() == [0, 45, 90]
    assert calibration.few(2).tolist() == [0, 1]
    assert len(np.unique(calibration.few(91, 20))) == 20
