"""Estimates of the population, of one model and side by side."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.figures.coefficients import coefficients, of_population, side_by_side

from figures.drawing import draw, texts


@pytest.fixture
def posterior(rng):
    shape = ("chain", "draw")
    variables = {
        "Intercept": (shape, rng.normal(3, 0.1, (2, 500))),
        "x": (shape, rng.normal(-1, 0.1, (2, 500))),
        "sigma": (shape, rng.normal(1, 0.1, (2, 500))),
        "1|id_sigma": (shape, rng.normal(2, 0.1, (2, 500))),
        "1|id": ((*shape, "id__factor_dim"), rng.normal(size=(2, 500, 3))),
    }
    dataset = xr.Dataset(variables, coords={"id__factor_dim": ["a", "b", "c"]})
    dataset.attrs["family_parameters"] = "sigma"
    return dataset


def test_intervals_are_quantiles_of_the_draws(posterior):
    estimates = of_population(posterior, unit="id").set_index("parameter")
    assert list(estimates.index) == ["Intercept", "x", "sd(Intercept)", "sigma"]
    assert list(estimates["panel"]) == ["Intercept", "Coefficients", *["Standard deviations"] * 2]
    slopes = posterior.rename({"1|id_sigma": "x|id_sigma", "1|id": "x|id"})
    panels = of_population(slopes, unit="id").set_index("parameter")["panel"]
    assert panels[["sd(x)", "sigma"]].tolist() == ["Other standard deviations", "Standard deviations"]
    ordinal = posterior.rename({"Intercept": "threshold"}).assign_attrs(family_parameters="threshold sigma")
    assert of_population(ordinal, unit="id").set_index("parameter")["panel"]["threshold"] == "Thresholds"
    draws = posterior["x"].to_numpy()
    numbers = estimates.loc["x", ["mean", "q2.5", "q17", "q83", "q97.5"]].astype(float)
    np.testing.assert_allclose(numbers, [draws.mean(), *np.quantile(draws, [0.025, 0.17, 0.83, 0.975])])


def test_coefficients_of_units_are_too_many(posterior):
    of_units = xr.Dataset({"id": (("chain", "draw", "id_dim"), np.zeros((2, 500, 90)))}, {"id_dim": range(90)})
    with_units = posterior.assign(of_units)
    assert of_population(with_units, unit="id").equals(of_population(posterior, unit="id"))


def test_a_model_of_units_alone_stands_beside_others(posterior):
    alone = xr.Dataset({"id": (("chain", "draw", "id_dim"), np.zeros((2, 500, 3)))}, {"id_dim": range(3)})
    parts = {"A": alone, "B": posterior}
    both = pd.concat([of_population(one, unit="id").assign(model=model) for model, one in parts.items()])
    drawn, _ = draw(side_by_side(both))
    assert {"B", "Intercept", "sigma"} <= texts(drawn)


def test_every_kind_has_a_panel_and_the_first_parameter_is_on_top(posterior):
    drawn, [layers] = draw(coefficients(of_population(posterior, unit="id")))
    assert {"Intercept", "Coefficients", "Standard deviations", "sd(Intercept)", "x", "sigma"} <= texts(drawn)
    points = layers[-1].set_index("PANEL").sort_values("y")
    assert points.loc[3, "x"].tolist() == pytest.approx([1, 2], abs=0.05)
    # Zero is marked for coefficients only.
    assert layers[0]["PANEL"].tolist() == [2]


@pytest.mark.parametrize(("times", "panels"), [(40, 1), (60, 2)])
def test_coefficients_far_smaller_than_others_have_a_panel_of_their_own(posterior, times, panels):
    estimates = of_population(posterior.assign(x=posterior["x"], z=posterior["x"] / times), unit="id")
    drawn, [layers] = draw(coefficients(estimates))
    assert ("Smaller coefficients" in texts(drawn)) == (panels == 2)
    assert len(layers[0]) == panels
    # Those of several models have a range each.
    drawn, _ = draw(side_by_side(estimates.assign(model="A")))
    assert "Smaller coefficients" not in texts(drawn)


def test_many_coefficients_stand_beside_the_others(posterior):
    more = {f"covariate {i} of a survey with long names": posterior["x"] + i for i in range(11)}
    few, many = (coefficients(of_population(data, unit="id")) for data in (posterior, posterior.assign(more)))
    drawn, [others, beside] = draw(many)
    assert (len(others[-1]), len(beside[-1])) == (3, 12)
    # Two lines a name, none of them cut.
    assert {f"covariate {i} of a survey with\nlong names" for i in (0, 9)} <= texts(drawn)
    assert many.height > few.height


def test_models_stand_side_by_side(posterior):
    own = of_population(posterior, unit="id")
    both = pd.concat([own.assign(model="Both"), own[own["parameter"] != "x"].assign(model="No x")])
    drawn, [layers] = draw(side_by_side(both))
    assert {"Both", "No x", "x", "sd(Intercept)"} <= texts(drawn)
    assert len(layers[-1]) == 7


def test_long_titles_and_names_stand_in_lines(posterior):
    named = posterior.rename(x="a treatment with a name that no strip has room for")
    title = "A model whose title is long enough for two lines"
    figure = side_by_side(of_population(named, unit="id").assign(model=title))
    drawn, _ = draw(figure)
    titles = {
        "A model whose title is long\nenough for two lines",
        "a treatment with a name that no\nstrip has room for",
    }
    assert titles <= texts(drawn)
    short = side_by_side(of_population(posterior, unit="id").assign(model="Short"))
    assert figure.height > short.height


def test_models_with_one_grouping_factor_name_it_beside_those_with_several(posterior):
    crossed = posterior.assign({"1|site_sigma": posterior["1|id_sigma"] + 1, "1|site": 2 * posterior["1|id"]})
    crossed["1|site"] = crossed["1|site"].rename(id__factor_dim="site__factor_dim")
    parts = {"One": posterior, "Two": crossed}
    both = pd.concat([of_population(one, unit="id").assign(model=model) for model, one in parts.items()])
    drawn, [layers] = draw(side_by_side(both))
    assert {"sd(id:Intercept)", "sd(site:Intercept)"} <= texts(drawn)
    assert "sd(Intercept)" not in texts(drawn)
    assert len(layers[-1]) == 4 + 5
