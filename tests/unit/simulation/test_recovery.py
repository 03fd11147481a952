"""Recovery: numbers of made-up estimates in closed form, and of a model whose posterior is known."""

import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.model import parameters
from partialpool.simulation import recovery
from partialpool.simulation.engine import engine_of


def estimates(truth, mean, sd=1.0, *, replicate=None, kind="common", parameter="x"):
    """Estimates with normal posteriors."""
    truth, mean = np.asarray(truth, float), np.asarray(mean, float)
    quartile, outer = 0.6744897501960817 * sd, 1.959963984540054 * sd
    limits = {"q2.5": mean - outer, "q25": mean - quartile, "q75": mean + quartile, "q97.5": mean + outer}
    numbers = {"truth": truth, "mean": mean, "sd": sd} | limits
    number = np.arange(len(truth)) if replicate is None else replicate
    words = {"model": "growth", "parameter": parameter, "kind": kind, "problem": ""}
    return pd.DataFrame({"replicate": number} | numbers | words)


def test_bias_and_coverage_are_those_of_the_errors():
    table = recovery.table(estimates([0, 0, 0, 0], [0.5, -0.5, 1.0, 3.0])).iloc[0]
    assert table["bias"] == pytest.approx(1.0)
    assert table["mcse_bias"] == pytest.approx(np.std([0.5, -0.5, 1, 3], ddof=1) / 2)
    assert table["rmse"] == pytest.approx(np.sqrt((0.25 + 0.25 + 1 + 9) / 4))
    assert table["coverage_50"] == 0.5
    assert table["mcse_coverage_50"] == pytest.approx(np.sqrt(1 / 3) / 2)
    assert table["coverage_95"] == 0.75
    assert np.isnan(table.get("shrinkage", np.nan))


def test_coverage_of_all_replicates_has_an_error_too():
    assert recovery.table(estimates(np.zeros(9), np.zeros(9)))["mcse_coverage_95"].item() == 0.1


def test_effects_of_one_replicate_count_as_one():
    """The same errors twice in each replicate tell as much as once."""
    rng = np.random.default_rng(1)
    mean = rng.normal(size=50)
    once = recovery.table(estimates(np.zeros(50), mean)).iloc[0]
    twice = estimates(np.zeros(100), np.repeat(mean, 2), replicate=np.repeat(np.arange(50), 2))
    assert recovery.table(twice).iloc[0][["bias", "mcse_bias"]].tolist() == pytest.approx(
        once[["bias", "mcse_bias"]].tolist()
    )


def test_shrinkage_is_that_of_the_estimates():
    """Means of m measurements are pulled by sigma^2 / (sigma^2 + m tau^2), here 1 / (1 + 3)."""
    rng = np.random.default_rng(2)
    truth = rng.normal(size=(400, 10))
    pulled = 0.75 * (truth + rng.normal(scale=1 / np.sqrt(3), size=truth.shape))
    number = np.repeat(np.arange(400), 10)
    table = recovery.table(estimates(truth.ravel(), pulled.ravel(), replicate=number, kind="group")).iloc[0]
    assert table["shrinkage"] == pytest.approx(0.25, abs=4 * table["mcse_shrinkage"])
    assert table["mcse_shrinkage"] == pytest.approx(0.75 / np.sqrt(3 * truth.size), rel=0.2)


def test_none_fitted_is_an_error():
    failed = pd.DataFrame({"replicate": [1], "model": "growth", "problem": "constant outcome"})
    with pytest.raises(StudyError, match="none of 1 data sets from its fit could be fitted"):
        recovery.table(failed)


def test_what_is_told_has_a_line_for_each_parameter():
    table = recovery.table(pd.concat([estimates([0, 1], [0, 1]), estimates([0, 1], [1, 2], parameter="z")]))
    told = recovery.told(table).splitlines()
    assert told[0] == "growth: 2 replicates"
    assert told[1].startswith("  x: bias +0.00 posterior sds; the true value is in 100.0% ± 33.3% of 50 % intervals")
    assert told[2].startswith("  z: bias +1.00 posterior sds")


@pytest.fixture(scope="module")
def study(make_spec, units):
    from partialpool.fit.fit import fit

    spec = make_spec("y ~ 1 + x + (1 | id)", "Intercept b sd sigma", engine="auto")
    engine, _ = engine_of(spec, units)
    return engine, fit(spec, units)["posterior"].to_dataset()


def test_a_population_is_one_draw_without_effects_of_units(study):
    _, posterior = study
    drawn = recovery.population(posterior, np.random.default_rng(1))
    assert set(drawn) == {"Intercept", "x", "sigma", "1|id_sigma"}
    at = np.argwhere(posterior["sigma"].to_numpy() == drawn["sigma"])
    assert [posterior["x"].to_numpy()[chain, draw] for chain, draw in at] == [drawn["x"]]


def test_a_replicate_has_all_parameters_and_the_effects_of_units_under_one_name(study):
    engine, posterior = study
    table = recovery.replicate(engine, posterior, 3, 1)
    assert table["parameter"].value_counts().to_dict() == {
        "Intercept": 1,
        "x": 1,
        "sd(Intercept)": 1,
        "sigma": 1,
        "r_id[*,Intercept]": 12,
    }
    assert (table["q2.5"] < table["q25"]).all()
    assert (table["mean"] < table["q97.5"]).all()
    pd.testing.assert_frame_equal(table, recovery.replicate(engine, posterior, 3, 1))
    assert (recovery.replicate(engine, posterior, 3, 2)["truth"] != table["truth"]).all()


def test_intervals_of_a_right_model_have_the_truth_as_often_as_they_say(study):
    engine, posterior = study
    tables = [recovery.replicate(engine, posterior, 3, i).assign(replicate=i) for i in range(1, 41)]
    table = recovery.table(pd.concat(tables).assign(model="m", problem="")).set_index("parameter")
    units = table.loc["r_id[*,Intercept]"]
    assert units["coverage_50"] == pytest.approx(0.5, abs=4 * units["mcse_coverage_50"])
    assert units["coverage_95"] == pytest.approx(0.95, abs=4 * units["mcse_coverage_95"] + 0.01)
    assert (table["bias"].abs() < 4.5 * table["mcse_bias"]).loc[["Intercept", "x"]].all()
    assert 0 < units["shrinkage"] < 1


def test_names_of_effects_say_the_factor_and_the_coefficient(study):
    names = [recovery.name_of_kind(parameter) for parameter in parameters.of(study[1])]
    assert names[:2] == ["Intercept", "x"]
    assert set(names[4:]) == {"r_id[*,Intercept]"}
