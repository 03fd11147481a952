"""Studies of several sizes: intervals beside closed forms, comparisons beside those of fits."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.fit import fit
from partialpool.loo.integrated import integrated
from partialpool.simulation import next_study
from partialpool.simulation.cells import Cell
from partialpool.simulation.replicates import as_integer, join, run
from scipy import stats

RANDOM_INTERCEPTS = "y ~ 1 + x + (1 | id)"


@pytest.fixture
def spec(make_spec):
    wide = {"Intercept": "Normal(0, 100)", "b": "Normal(0, 100)", "sd": "HalfNormal(100)", "sigma": "HalfNormal(100)"}
    return make_spec(RANDOM_INTERCEPTS, "", priors=wide, engine="auto")


@pytest.fixture
def study(spec, units, as_fit, known_posterior):
    """All designs that are asked for, of a model with random intercepts: sd 0.5, sigma 1."""
    posterior = known_posterior({"Intercept": 0.0, "x": 0.2}, {"1": 0.5}, 1.0)

    def make(fits=None, **asked):
        defaults = {"units": [60], "measurements": [4], "times": None, "span": None, "truth": {}, "parameters": None}
        defaults |= {"others": [], "estimands": [], "seed": 1}
        columns = {"unit": "id", "time": "x"}
        fits = fits or {"right": as_fit(spec, posterior)}
        return next_study.prepared(defaults | asked, fits, units, columns=columns, derived={})

    return make


@pytest.mark.slow
@pytest.mark.numbers
def test_widths_are_those_of_balanced_designs(study):
    """For time -1.5 to 1.5: Var(intercept) = (sd^2 + sigma^2 / k) / N, Var(slope) = sigma^2 / (N Sxx).

    With wide priors the posterior is that of Student's t with N - 1 and N (k - 1) - 1 degrees of freedom, whose scale
    is estimated by the mean squares between and within units: the mean of its root is that of a chi distribution.
    """
    one = study(span=(-1.5, 1.5))
    table = pd.concat([one.replicate(number) for number in range(1, 61)])
    sxx = 1.5**2 + 0.5**2 + 0.5**2 + 1.5**2
    closed = {"Intercept": (np.sqrt((0.25 + 1 / 4) / 60), 59), "x": (np.sqrt(1 / (60 * sxx)), 60 * 3 - 1)}
    for name, (error, df) in closed.items():
        own = table[table["name"] == name]
        width = own["high"] - own["low"]
        expected = 2 * stats.t.ppf(0.975, df) * error * stats.chi(df).mean() / np.sqrt(df)
        assert abs(width.mean() - expected) < 4 * width.std() / np.sqrt(len(own))
        # Estimates vary from study to study by their standard error.
        assert abs(own["value"].std() / error - 1) < 4 / np.sqrt(2 * len(own))


def test_a_design_has_the_same_studies_among_others(study):
    alone = study(units=[20], measurements=[3]).replicate(7)
    among = study(units=[10, 20], measurements=[2, 3]).replicate(7)
    same = among[(among["units"] == 20) & (among["measurements"] == 3)].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, same)
    assert among.groupby(["units", "measurements"], sort=False).size().index.tolist() == [
        (10, 2),
        (10, 3),
        (20, 2),
        (20, 3),
    ]


def test_other_replicates_are_other_studies(study):
    first, again, other = (study(units=[10]).replicate(number) for number in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert (first["value"] != other["value"]).all()


def test_parameters_are_those_asked_for_with_those_of_regions_and_goals(study):
    one = study(units=[10], parameters=["x"], others=["sd(Intercept)", "sigma"])
    assert one.replicate(1)["name"].tolist() == ["x", "sd(Intercept)", "sigma"]
    assert study(units=[10]).replicate(1)["name"].tolist() == ["Intercept", "x"]


def test_a_difference_of_two_parameters_has_the_interval_of_its_draws(study):
    one = study(units=[10], parameters=["x - Intercept", "x", "Intercept"])
    rows = one.replicate(1).set_index("name")
    assert rows.loc["x - Intercept", "value"] == pytest.approx(rows.loc["x", "value"] - rows.loc["Intercept", "value"])
    widths = rows["high"] - rows["low"]
    assert widths["x - Intercept"] > widths["x"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"parameters": ["X"]},
            "design: there is no parameter 'X'. Did you mean 'x'? Valid: Intercept, x, sd(Intercept), sigma.",
        ),
        ({"others": ["x - z"]}, "design: there is no parameter 'z'."),
        ({"parameters": ["x - x - x"]}, "design: 'x - x - x' is no parameter, and no difference of two of them."),
        (
            {"measurements": [1]},
            "design: 60 units with 1 measurements each: model 'right': formula 'y ~ 1 + x + (1 | id)', family "
            "'gaussian': The term 'x' is constant!",
        ),
    ],
)
def test_mistakes_are_told_before_anything_is_simulated(study, asked, message):
    with pytest.raises(StudyError) as error:
        study(**asked)
    assert message in str(error.value)


@pytest.mark.slow
def test_a_model_without_closed_form_is_refused(study, spec, as_fit, known_posterior):
    slow = replace(spec, family="t", priors=spec.priors)
    posterior = known_posterior({"Intercept": 0.0, "x": 0.2}, {"1": 0.5}, 1.0)
    with pytest.raises(StudyError, match="model 'slow' would be fitted thousands of times"):
        study(fits={"slow": as_fit(slow, posterior)}, units=[5])


def test_elpd_is_that_of_the_leave_one_out_of_a_fit(study, spec, units, as_fit, known_posterior):
    """Of the same outcome and draws, both estimands, for two models."""
    posterior = known_posterior({"Intercept": 0.0, "x": 0.2}, {"1": 0.5}, 1.0)
    other = replace(spec, formula="y ~ 1 + (1 | id)", priors={k: v for k, v in spec.priors.items() if k != "b"})
    fits = {"right": as_fit(spec, posterior), "other": as_fit(other, posterior.drop_vars("x"))}
    one = study(fits=fits, units=[60], measurements=[5], estimands=["observation", "unit"])
    rows = one.replicate(3).set_index(["kind", "name"])["value"]
    [size] = one.sizes
    of_data, *of_fits = np.random.SeedSequence([1, 3, 60, 5]).spawn(3)
    rng = np.random.default_rng(of_data)
    outcome = size.outcomes.draw(one.assumed.draw(rng), rng)
    made = size.outcomes.at.assign(id=np.repeat(np.arange(1, 61), 5), y=outcome, row=np.arange(300))
    for (model, engine), seed in zip(size.engines.items(), of_fits, strict=True):
        own = replace(engine.matrices.spec, seed=as_integer(seed))
        tree = fit.fit(own, made)
        for estimand, pointwise in zip(("observation", "unit"), integrated(tree, own, made), strict=True):
            assert set(pointwise.method) == {"integrated"}
            assert rows[estimand, model] == pytest.approx(pointwise.total(), abs=1e-9)
    assert one.sizes[0].cell == Cell(60, 5)


def test_results_do_not_depend_on_batches(study, tmp_path):
    one = study(units=[10])
    for batch in ("1-4", "1-1", "2-4"):
        run(batch, one.replicate, name="design").to_parquet(tmp_path / batch)
    pd.testing.assert_frame_equal(join([tmp_path / "1-4"]), join([tmp_path / "2-4", tmp_path / "1-1"]))
