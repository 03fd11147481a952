"""Group-level effects in order, and the populations behind them."""

import numpy as np
import pytest
import xarray as xr
from partialpool.figures.effects import effects_in_order, of_levels
from partialpool.figures.limits import MOST_EFFECTS

from figures.drawing import draw, texts, tick_labels

DRAWS = ("chain", "draw")


def tree_of(rng, n_units, sd=2.0, **more):
    names = [f"u{i}" for i in range(n_units)]
    centers = rng.normal(0, sd, n_units)
    posterior = xr.Dataset(
        {
            "1|id": ((*DRAWS, "id__factor_dim"), centers + 0.3 * rng.normal(size=(2, 200, n_units))),
            "1|id_sigma": (DRAWS, np.full((2, 200), sd)),
            **more,
        },
        coords={"id__factor_dim": names},
    )
    return xr.DataTree.from_dict({"posterior": posterior}), centers


def test_estimates_are_those_of_the_draws_and_bands_those_of_a_normal(rng):
    tree, _ = tree_of(rng, 5)
    effects, populations = of_levels(tree, unit="id", seed=1)
    draws = tree["posterior"]["1|id"].sel(id__factor_dim="u3").to_numpy()
    own = effects.set_index("level").loc["u3"]
    assert own["mean"] == pytest.approx(draws.mean())
    assert [own["q2.5"], own["q97.5"]] == pytest.approx(np.quantile(draws, [0.025, 0.975]))
    assert populations.loc[0, ["q2.5", "q97.5"]].tolist() == pytest.approx([-2 * 1.959964, 2 * 1.959964], rel=1e-5)


def test_a_population_is_averaged_over_the_draws_of_its_sd(rng):
    tree, _ = tree_of(rng, 5)
    sds = np.repeat([[1.0], [4.0]], 200, axis=1)
    posterior = tree["posterior"].to_dataset().assign({"1|id_sigma": (DRAWS, sds)})
    _, populations = of_levels(xr.DataTree.from_dict({"posterior": posterior}), unit="id", seed=1)
    simulated = rng.normal(0, np.resize(sds.ravel(), 400_000))
    assert populations["q97.5"].item() == pytest.approx(np.quantile(simulated, 0.975), rel=0.02)


def test_units_are_in_order_and_named_where_there_is_room(rng):
    tree, centers = tree_of(rng, 12, sd=4.0)
    drawn, [layers] = draw(effects_in_order(*of_levels(tree, unit="id", seed=1), noun="Herd"))
    means = layers[-1].sort_values("x")["y"].to_numpy()
    assert (np.diff(means) > 0).all()
    assert tick_labels(drawn.axes[0]) == [f"u{i}" for i in np.argsort(centers)]
    assert "Herd, ordered by estimate" in texts(drawn)


def test_many_units_are_drawn_at_random_and_have_no_names(rng):
    tree, _ = tree_of(rng, MOST_EFFECTS + 50)
    effects, _ = of_levels(tree, unit="id", seed=1)
    assert len(effects) == MOST_EFFECTS
    assert effects["level"].is_unique
    drawn, _ = draw(effects_in_order(*of_levels(tree, unit="id", seed=1), noun="Herd"))
    assert tick_labels(drawn.axes[0]) == []


def test_a_fit_that_keeps_summaries_shows_them(rng):
    tree, centers = tree_of(rng, 6)
    statistics = ["mean", "sd", "q2.5", "q97.5"]
    kept = np.stack([centers, np.ones(6), centers - 2, centers + 2])
    group = xr.Dataset(
        {"1|id": (("statistic", "id__factor_dim"), kept)},
        coords={"statistic": statistics, "id__factor_dim": [f"u{i}" for i in range(6)]},
    )
    posterior = tree["posterior"].to_dataset().drop_vars(["1|id", "id__factor_dim"])
    summarised = xr.DataTree.from_dict({"posterior": posterior, "group_effects": group})
    effects, populations = of_levels(summarised, unit="id", seed=1)
    np.testing.assert_allclose(effects["mean"], centers)
    np.testing.assert_allclose(effects["q97.5"], centers + 2)
    assert len(populations) == 1


def test_units_without_pooling_have_no_population(rng):
    values = rng.normal(size=(2, 200, 4))
    posterior = xr.Dataset({"id": ((*DRAWS, "id_dim"), values)}, coords={"id_dim": ["1", "2", "3", "10"]})
    effects, populations = of_levels(xr.DataTree.from_dict({"posterior": posterior}), unit="id", seed=1)
    assert populations.empty
    np.testing.assert_allclose(effects["mean"], values.mean(axis=(0, 1)))
    drawn, _ = draw(effects_in_order(effects, populations, noun="Herd"))
    assert "Without pooling" in texts(drawn)


def test_few_levels_are_named_beside_a_panel_of_many(rng):
    means, sd = np.arange(4.0) + 0.01 * rng.normal(size=(2, 200, 4)), np.ones((2, 200))
    more = {"1|farm": ((*DRAWS, "farm__factor_dim"), means), "1|farm_sigma": (DRAWS, sd)}
    tree, _ = tree_of(rng, 60, **more)
    posterior = tree["posterior"].to_dataset().assign_coords(farm__factor_dim=list("wxyz"))
    tree = xr.DataTree.from_dict({"posterior": posterior})
    drawn, _ = draw(effects_in_order(*of_levels(tree, unit="id", seed=1), noun="Level"))
    labels = {tuple(tick_labels(axis)) for axis in drawn.axes}
    assert labels == {("w", "x", "y", "z"), ()}


def test_each_kind_of_effect_has_its_own_order(rng):
    slopes = -np.arange(5.0) + 0.01 * rng.normal(size=(2, 200, 5))
    more = {"x|id": ((*DRAWS, "id__factor_dim"), slopes), "x|id_sigma": (DRAWS, np.ones((2, 200)))}
    tree, centers = tree_of(rng, 5, **more)
    drawn, _ = draw(effects_in_order(*of_levels(tree, unit="id", seed=1), noun="Herd"))
    assert tick_labels(drawn.axes[0]) == [f"u{i}" for i in np.argsort(centers)]
    assert tick_labels(drawn.axes[1]) == ["u4", "u3", "u2", "u1", "u0"]


def test_effects_on_each_level_of_a_categorical_outcome_have_a_panel():
    """Their values are the number of the level of the outcome times ten and that of the unit."""
    values = 10.0 * np.arange(2)[:, None] + np.arange(3)
    variables = {
        "1|id_sigma": (("chain", "draw", "mood_reduced_dim"), np.tile([1.0, 2.0], (2, 50, 1))),
        "1|id": (("chain", "draw", "mood_reduced_dim", "id__factor_dim"), np.tile(values, (2, 50, 1, 1))),
    }
    coords = {"mood_reduced_dim": ["fair", "good"], "id__factor_dim": ["a", "b", "c"]}
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset(variables, coords)})
    effects, populations = of_levels(tree, unit="id", seed=1)
    assert effects.groupby("panel")["mean"].agg(list).to_dict() == {
        "id: Intercept, fair": [0.0, 1.0, 2.0],
        "id: Intercept, good": [10.0, 11.0, 12.0],
    }
    assert populations["q97.5"].tolist() == pytest.approx([1.96, 3.92], abs=0.001)
