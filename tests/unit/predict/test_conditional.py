"""Conditional effects beside numbers computed from the draws by hand."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.model.formula import complete_cases
from partialpool.predict.conditional import conditional_effects
from partialpool.predict.linear import LinearPredictor
from scipy.special import expit

DRAWS = (2, 4000)


def posterior(link="identity", *, coords=None, **variables):
    """Draws of a made-up posterior; numbers stand for normal draws around them with an sd of 0.1."""
    rng = np.random.default_rng(5)
    made = {}
    for name, center in variables.items():
        name = name.replace("__id", "|id")
        values = np.asarray(center, dtype=float)
        dims = (coords or {}).get(name, ())
        draws = values + (0.1 if not name.endswith("_sigma") else 0.0) * rng.normal(size=(*DRAWS, *values.shape))
        made[name] = ("chain", "draw", *(dim for dim, _ in dims)), draws
    labels = {dim: levels for dims in (coords or {}).values() for dim, levels in dims}
    dataset = xr.Dataset(made, coords=labels)
    dataset.attrs["link"] = link
    return dataset


def effects_of(spec, units, draws):
    rows = complete_cases(spec, units)
    return conditional_effects(draws, LinearPredictor(spec, rows), rows)


def test_a_number_varies_and_the_others_stay(make_spec, units):
    spec = make_spec("y ~ 1 + x + z + (1 | id)", "Intercept b sd sigma")
    draws = posterior(Intercept=1.0, x=2.0, z=-1.0, **{"1__id_sigma": 0.5})
    of_x, of_z = effects_of(spec, units, draws)
    assert (of_x.predictor, of_x.by, of_z.predictor) == ("x", None, "z")
    x = of_x.table["x"].to_numpy()
    assert (x[0], x[-1]) == (0, 4)
    by_hand = draws["Intercept"].to_numpy()[..., None] + draws["x"].to_numpy()[..., None] * x
    by_hand += draws["z"].to_numpy()[..., None] * units["z"].mean()
    np.testing.assert_allclose(of_x.table["mean"], by_hand.mean(axis=(0, 1)))
    np.testing.assert_allclose(of_x.table["low"], np.quantile(by_hand, 0.025, axis=(0, 1)))
    np.testing.assert_allclose(of_x.table["high"], np.quantile(by_hand, 0.975, axis=(0, 1)))


def test_a_new_unit_has_an_effect_from_the_population(make_spec, units):
    spec = make_spec("y ~ 1 + x + (1 + x | id)")
    coords = {"cor_id": [("cor_id_dim", ["Intercept,x"])]}
    draws = posterior(Intercept=0.0, x=0.0, **{"1__id_sigma": 2.0, "x__id_sigma": 1.0}, coords=coords, cor_id=[0.0])
    draws["cor_id"] = draws["cor_id"] * 0 + 0.5
    [of_x] = effects_of(spec, units, draws)
    end = of_x.table.iloc[-1]
    # At x = 4 a unit's mean has the variance 4 + 16 + 2 * 4 * 0.5 * 2 * 1, and the coefficients have 0.01 (1 + 16).
    sd = np.sqrt(4 + 16 + 8 + 0.17)
    error = 4 * sd / np.sqrt(8000) / 0.2
    assert end["new_high"] == pytest.approx(1.96 * sd, abs=error)
    assert end["new_low"] == pytest.approx(-1.96 * sd, abs=error)


def test_a_model_without_a_population_has_no_new_unit(make_spec, units):
    spec = make_spec("y ~ 1 + x", "Intercept b sigma")
    [of_x] = effects_of(spec, units, posterior(Intercept=1.0, x=2.0))
    assert "new_low" not in of_x.table


def test_interactions_have_a_line_for_each_level(make_spec, units):
    spec = make_spec("y ~ 1 + x * mood", "Intercept b sigma")
    levels = {"mood": [("mood_dim", ["fair", "good"])], "x:mood": [("x:mood_dim", ["fair", "good"])]}
    draws = posterior(Intercept=1.0, x=2.0, mood=[10.0, 20.0], **{"x:mood": [0.5, -0.5]}, coords=levels)
    of_x, of_mood = effects_of(spec, units, draws)
    assert of_x.by == "mood"
    assert list(of_x.table["by"].cat.categories) == ["bad", "fair", "good"]
    at_end = of_x.table[of_x.table["x"] == 4].set_index("by")["mean"]
    # The sds of the means are below 0.001 times the largest factor, 4.
    np.testing.assert_allclose(at_end[["bad", "fair", "good"]], [9, 21, 27], atol=0.03)
    # A number beside a category: at its mean, and one sd to each side.
    assert of_mood.by == "x"
    assert of_mood.table["by"].nunique() == 3
    middle = of_mood.table[of_mood.table["by"] == f"{units['x'].mean():.3g}"].set_index("x")["mean"]
    np.testing.assert_allclose(middle[["bad", "fair", "good"]], [5, 16, 24], atol=0.03)


def test_a_number_beside_a_category_that_hardly_varies_has_three_lines(make_spec, units):
    spec = make_spec("y ~ 1 + x * mood", "Intercept b sigma")
    levels = {"mood": [("mood_dim", ["fair", "good"])], "x:mood": [("x:mood_dim", ["fair", "good"])]}
    draws = posterior(Intercept=1.0, x=2.0, mood=[10.0, 20.0], **{"x:mood": [0.5, -0.5]}, coords=levels)
    _, of_mood = effects_of(spec, units.assign(x=1000 + units["x"] / 1e6), draws)
    assert of_mood.table["by"].nunique() == 3


def test_a_centred_number_beside_a_category_has_a_line_at_zero(make_spec, units):
    spec = make_spec("y ~ 1 + x * mood", "Intercept b sigma")
    levels = {"mood": [("mood_dim", ["fair", "good"])], "x:mood": [("x:mood_dim", ["fair", "good"])]}
    draws = posterior(Intercept=1.0, x=2.0, mood=[10.0, 20.0], **{"x:mood": [0.5, -0.5]}, coords=levels)
    sevenths = units["x"] / 7
    centred = sevenths - sevenths.mean()
    assert centred.mean() != 0
    _, of_mood = effects_of(spec, units.assign(x=centred), draws)
    assert [float(level) for level in of_mood.table["by"].unique()][1] == 0


def test_a_number_beside_another_stays_within_the_data(make_spec, units):
    """A standard deviation below the mean of a skewed predictor there may be no value, and no logarithm."""
    skewed = units.assign(w=np.exp(3 * units["z"]))
    assert skewed["w"].mean() < skewed["w"].std()
    spec = make_spec("y ~ 1 + x * log(w)", "Intercept b sigma")
    draws = posterior(Intercept=1.0, x=2.0, **{"log(w)": -1.0, "x:log(w)": 0.5})
    of_x, _ = effects_of(spec, skewed, draws)
    assert of_x.by == "w"
    assert of_x.table["mean"].notna().all()
    smallest = of_x.table[of_x.table["by"] == of_x.table["by"].cat.categories[0]].iloc[0]
    assert smallest["mean"] == pytest.approx(1 - np.log(skewed["w"].min()), abs=0.05)


def test_means_are_on_the_scale_of_the_outcome(make_spec, units):
    spec = make_spec("flag ~ 1 + x", "Intercept b", family="bernoulli")
    draws = posterior("logit", Intercept=-1.0, x=0.7)
    [of_x] = effects_of(spec, units, draws)
    by_hand = expit(draws["Intercept"] + 4 * draws["x"]).to_numpy()
    end = of_x.table.iloc[-1]
    assert end["mean"] == pytest.approx(by_hand.mean())
    assert end["high"] == pytest.approx(np.quantile(by_hand, 0.975))


def test_levels_of_an_ordinal_outcome_have_probabilities(make_spec, units):
    rated = units.assign(
        rating=pd.Categorical(np.resize(["low", "mid", "high"], len(units)), ["low", "mid", "high"], ordered=True)
    )
    spec = make_spec("rating ~ x", "b", family="cumulative", priors={"threshold": "Normal(0, 3)"})
    draws = posterior("logit", threshold=[-1.0, 1.0], x=0.5, coords={"threshold": [("threshold_dim", [0, 1])]})
    [of_x] = effects_of(spec, rated, draws)
    assert of_x.by == "rating"
    assert list(of_x.table["by"].cat.categories) == ["low", "mid", "high"]
    np.testing.assert_allclose(of_x.table.groupby("x")["mean"].sum(), 1)
    thresholds = draws["threshold"].transpose("chain", "draw", ...).to_numpy()
    low = expit(thresholds[..., 0] - 4 * draws["x"].to_numpy()).mean()
    assert of_x.table.query("x == 4 and by == 'low'")["mean"].item() == pytest.approx(low)


def test_codes_of_categories_are_no_numbers(make_spec, units):
    coded = units.assign(code=np.resize([3, 1, 7], len(units)))
    spec = make_spec("y ~ 1 + x + C(code)", "Intercept b sigma")
    draws = posterior(
        Intercept=1.0, x=2.0, **{"C(code)": [5.0, -5.0]}, coords={"C(code)": [("C(code)_dim", ["3", "7"])]}
    )
    of_x, of_code = effects_of(spec, coded, draws)
    # The first level is 1, and the others are away from it.
    assert of_x.table["mean"].iloc[0] == pytest.approx(1, abs=0.02)
    assert list(of_code.table["x"]) == ["1", "3", "7"]
    np.testing.assert_allclose(of_code.table["mean"] - of_code.table["mean"].iloc[0], [0, 5, -5], atol=0.03)
