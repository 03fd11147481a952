import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.errors import StudyError
from partialpool.predict import points as points_module
from partialpool.predict import tables as tables_module
from partialpool.predict.asked import Asked
from partialpool.predict.new_units import with_new_units
from partialpool.predict.predict import predict
from partialpool.predict.values import draws_at
from scipy import stats
from scipy.special import expit

IDS = ["3", "5", "6", "7", "11", "18", "29", "40", "64", "92", "101", "250"]


@pytest.fixture(scope="module")
def grouped(make_spec):
    return make_spec("y ~ x + group + (1 + x | id)")


# ---------------------------------------------------------------------------------------- points


def points(spec, data, units="all", new_units=None, **at):
    return points_module.points(spec, data, Asked(units=units, new_units=new_units, at=at))


def test_all_units_where_they_were_observed(grouped, units):
    result = points(grouped, units)
    assert list(result.columns) == ["id", "group", "x"]
    assert result["id"].tolist() == np.repeat(IDS, 5).tolist()
    assert result["x"].tolist() == [0, 1, 2, 3, 4] * 12
    group = units.drop_duplicates("id").set_index("id")["group"]
    assert result["group"].tolist() == group.loc[result["id"].astype(int)].tolist()


def test_each_unit_once_if_nothing_changes(make_spec, units):
    assert points(make_spec("y ~ 1 + (1 | id)"), units).equals(pd.DataFrame({"id": IDS}))


def test_the_mean_of_a_centred_column_is_zero(make_spec, units):
    centred = units.assign(x=units["x"] - units["x"].mean() + 3e-16)
    spec = make_spec("y ~ x + (1 | id)")
    result = points_module.points(spec, centred, Asked(average_unit=True))
    assert result["x"].tolist() == [0.0]


def test_the_outcome_is_no_covariate(make_spec, units):
    spec = make_spec("log(count + 1) ~ x + (1 | id)")
    assert list(points(spec, units).columns) == ["id", "x"]
    assert list(points(spec, units, None, 2, x=[0]).columns) == ["id", "x"]


def test_some_units(grouped, units):
    result = points(grouped, units, ["29", "6"], x=[0, 1.5])
    assert result["id"].tolist() == ["6", "6", "29", "29"]
    assert result["x"].tolist() == [0, 1.5] * 2
    assert result["group"].tolist() == ["PD", "PD", "CTRL", "CTRL"]


def test_so_many_units_are_drawn_and_are_the_same_for_models_with_seeds_of_their_own(grouped, units):
    def chosen(seed_of_model, seed):
        at = points_module.points(replace(grouped, seed=seed_of_model), units, Asked(units=4, seed=seed))
        return tuple(at["id"].unique())

    assert len(chosen(1, 7)) == 4
    assert len({chosen(seed_of_model, 7) for seed_of_model in range(5)}) == 1
    assert len({chosen(1, seed) for seed in range(5)}) > 1


def test_covariates_are_crossed(grouped, units):
    result = points(grouped, units, ["6"], x=[2, 1], group=["CTRL", "PD"])
    assert result[["group", "x"]].to_numpy().tolist() == [["CTRL", 2], ["PD", 2], ["CTRL", 1], ["PD", 1]]


def test_new_units_get_ids_of_their_own(grouped, units):
    result = points(grouped, units, None, 3, x=[0, 4], group=["PD"])
    assert result["id"].tolist() == ["new 1", "new 1", "new 2", "new 2", "new 3", "new 3"]
    assert result["x"].tolist() == [0, 4] * 3
    named = units.assign(id="new " + units["id"].astype(str))
    assert points(grouped, named, None, 3, x=[0], group=["PD"])["id"].tolist() == ["new 1", "new 2", "new 4"]


@pytest.mark.parametrize(
    ("arguments", "at", "message"),
    [
        ((["6", "249"],), {}, "249: not among the 12 units .*Did you mean '29'"),
        ((["6"],), {"x": [0, "one"]}, "'at': x takes numbers, not 'one'"),
    ],
)
def test_points_that_cannot_be(grouped, units, arguments, at, message):
    with pytest.raises(StudyError, match=message):
        points(grouped, units, *arguments, **at)


def test_units_that_the_model_has_not_seen(grouped, units):
    data = units.assign(x=units["x"].where(units["id"] != 6))
    assert "6" not in set(points(grouped, data)["id"])
    with pytest.raises(StudyError, match="6: not among the 11 units"):
        points(grouped, data, ["6"])


# ---------------------------------------------------------------------------------------- made-up posteriors


def correlations(rng, shape, q):
    """Random correlation matrices, all different."""
    vectors = rng.normal(size=(*shape, q, q))
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors @ np.swapaxes(vectors, -1, -2)


def made_up(coefficients=("Intercept", "x"), *, factor="id", common=(), chains=2, draws=400, sd=None, cor=None, seed=1):
    """A posterior with a population whose spread and correlations differ from draw to draw.

    The effects of the units observed are about 10, far from those of the population.
    """
    rng = np.random.default_rng(seed)
    shape, q = (chains, draws), len(coefficients)
    units = f"{factor}__factor_dim"
    variables = {name: (("chain", "draw"), rng.normal(size=shape)) for name in ("Intercept", *common)}
    variables["sigma"] = (("chain", "draw"), rng.uniform(0.5, 2, shape))
    for name in coefficients:
        term = f"{'1' if name == 'Intercept' else name}|{factor}"
        variables[f"{term}_sigma"] = (
            ("chain", "draw"),
            np.full(shape, sd) if sd is not None else rng.uniform(1, 3, shape),
        )
        variables[term] = (("chain", "draw", units), rng.normal(10, 0.1, (*shape, len(IDS))))
    coords = {units: IDS}
    if cor is not None or q > 1:
        matrices = correlations(rng, shape, q) if cor is None else np.broadcast_to(cor, (*shape, q, q))
        pairs = list(combinations(range(q), 2))
        values = np.stack([matrices[..., i, j] for i, j in pairs], axis=-1)
        variables[f"cor_{factor}"] = (("chain", "draw", f"cor_{factor}_dim"), values)
        coords[f"cor_{factor}_dim"] = [f"{coefficients[i]},{coefficients[j]}" for i, j in pairs]
    return xr.Dataset(variables, coords | {"chain": range(chains), "draw": range(draws)})


def tree_of(posterior):
    return xr.DataTree.from_dict({"posterior": posterior})


def values_of(posterior, name):
    """Shape (chain, draw, 1, ...), to be added to values by row."""
    return posterior[name].to_numpy()[:, :, None]


def assert_standard_normal(values):
    """Independent draws; a right one is rejected with probability 0.0001."""
    assert stats.kstest(np.ravel(values), stats.norm.cdf).pvalue > 1e-4


# ---------------------------------------------------------------------------------------- units observed


@pytest.fixture(scope="module")
def group_posterior():
    rng = np.random.default_rng(7)
    posterior = made_up(common=["x"])
    group = xr.DataArray(rng.normal(size=(2, 400, 2)), dims=("chain", "draw", "group_dim"))
    return posterior.assign(group=group).assign_coords(group_dim=["OTHER", "PD"])


def run(posterior, spec, data, at, *, quantities=("expected",), seed=1):
    return draws_at(tree_of(posterior), spec, data, at, quantities=list(quantities), seed=seed)


def test_expected_is_the_linear_predictor(group_posterior, grouped, units):
    at = points(grouped, units, ["250", "3", "64"], x=[-1.5, 0, 2])
    result = run(group_posterior, grouped, units, at)
    assert list(result) == ["expected"]
    effects = group_posterior.sel(id__factor_dim=at["id"].tolist())
    coefficient = {"CTRL": 0, "OTHER": group_posterior["group"][..., 0], "PD": group_posterior["group"][..., 1]}
    expected = (
        values_of(group_posterior, "Intercept")
        + effects["1|id"].to_numpy()
        + (values_of(group_posterior, "x") + effects["x|id"].to_numpy()) * at["x"].to_numpy()
        + np.stack([np.zeros((2, 400)) + coefficient[level] for level in at["group"]], axis=-1)
    )
    assert at["group"].nunique() > 1
    np.testing.assert_allclose(result["expected"], expected, rtol=1e-12, atol=1e-12)


def test_expected_with_effects_by_level(make_spec, units):
    spec = make_spec("y ~ 1 + (0 + mood | id)", "Intercept sd cor sigma")
    rng = np.random.default_rng(7)
    moods = ["bad", "fair", "good"]
    dims = ("chain", "draw", "mood__expr_dim")
    posterior = made_up(()).assign(
        {
            "mood|id": ((*dims, "id__factor_dim"), rng.normal(size=(2, 400, 3, 12))),
            "mood|id_sigma": (dims, rng.uniform(size=(2, 400, 3))),
        }
    )
    posterior = posterior.assign_coords(mood__expr_dim=moods, id__factor_dim=IDS)
    at = points(spec, units, ["7", "92"], mood=["good", "bad"])
    effects = [posterior["mood|id"].sel(mood__expr_dim=m, id__factor_dim=i) for i, m in at.to_numpy()]
    expected = values_of(posterior, "Intercept") + np.stack(effects, axis=-1)
    np.testing.assert_allclose(run(posterior, spec, units, at)["expected"], expected, rtol=1e-12)


def test_unknown_level(group_posterior, grouped, units):
    at = points(grouped, units, ["3"], group=["PD", "ADHD"])
    with pytest.raises(StudyError, match=r"'at': group has no level ADHD\. Valid: CTRL, OTHER, PD"):
        run(group_posterior, grouped, units, at)


@pytest.mark.numbers
def test_predicted_adds_the_spread_of_one_measurement(group_posterior, grouped, units):
    at = points(grouped, units, ["3", "64"], x=[0, 2])
    result = run(group_posterior, grouped, units, at, quantities=["predicted", "expected"])
    assert list(result) == ["predicted", "expected"]
    sigma = values_of(group_posterior, "sigma")
    assert_standard_normal((result["predicted"] - result["expected"]) / sigma)
    # Var(predicted) = Var(expected) + E[sigma^2]; what remains has the variance of the terms left out.
    n, variance = 800, result["expected"].var(axis=(0, 1))
    difference = result["predicted"].var(axis=(0, 1)) - variance - np.mean(sigma**2)
    error = np.sqrt((3 * np.mean(sigma**4) - np.mean(sigma**2) ** 2 + 4 * variance * np.mean(sigma**2)) / n)
    assert (np.abs(difference) < 4 * error).all()


@pytest.mark.numbers
def test_another_family(make_spec, units):
    spec = make_spec("flag ~ x + (1 | id)", "Intercept b sd", family="bernoulli")
    posterior = made_up(["Intercept"], common=["x"])
    at = points(spec, units, ["3"], x=[-8, -9, -10, -11])
    result = run(posterior, spec, units, at, quantities=["expected", "predicted"])
    logit = values_of(posterior, "Intercept") + posterior["1|id"].to_numpy()[..., :1]
    p = expit(logit + values_of(posterior, "x") * at["x"].to_numpy())
    np.testing.assert_allclose(result["expected"], p, rtol=1e-9)
    assert set(np.unique(result["predicted"])) == {0, 1}
    # Sums of independent Bernoulli variables.
    z = (result["predicted"] - p).sum() / np.sqrt((p * (1 - p)).sum())
    assert abs(z) < 4


def test_draws_follow_the_seed(group_posterior, grouped, units):
    def both(new, seed):
        at = points(grouped, units, *((None, 2) if new else (["3"],)), x=[0, 1], group=["PD"])
        return run(group_posterior, grouped, units, at, seed=seed, quantities=["expected", "predicted"])

    for new in (False, True):
        one, same, other = both(new, 1), both(new, 1), both(new, 2)
        for quantity in one:
            np.testing.assert_array_equal(one[quantity], same[quantity])
        assert not np.isin(other["predicted"], one["predicted"]).any()
        assert np.isin(other["expected"], one["expected"]).any() != new


def test_an_outcome_with_levels_has_a_row_for_each(make_spec, units):
    """Probabilities are differences of the logistic function at the thresholds; so are shares of predictions."""
    spec = make_spec("count ~ 0 + x + (1 | id)", "b sd", priors={"threshold": "Normal(0, 1)"}, family="cumulative")
    levels = [str(count) for count in sorted(units["count"].unique())]
    rng = np.random.default_rng(1)
    thresholds = np.sort(rng.normal(10, 1, (2, 400, len(levels) - 1)), axis=-1)
    posterior = made_up(["Intercept"], common=["x"]).drop_vars(["Intercept", "sigma"])
    posterior["threshold"] = ("chain", "draw", "threshold_dim"), thresholds
    posterior.attrs["levels"] = json.dumps(levels)
    for ids, new in ((["3", "64"], None), (None, 2)):
        asked = Asked(units=ids, new_units=new, at={"x": [0, 2]}, quantities=["expected", "predicted"])
        of = predict(tree_of(posterior), spec, units, asked, model="m")
        assert of.at["count"].tolist() == levels * 4
        assert of.at["x"].tolist() == np.repeat([0, 2, 0, 2], len(levels)).tolist()
        by_level = {quantity: draws.reshape(2, 400, 4, -1) for quantity, draws in of.values.items()}
        np.testing.assert_allclose(by_level["expected"].sum(axis=-1), 1)
        np.testing.assert_array_equal(by_level["predicted"].sum(axis=-1), 1)
        error = np.sqrt((by_level["expected"] * (1 - by_level["expected"])).mean((0, 1)) / 800)
        assert (abs((by_level["predicted"] - by_level["expected"]).mean((0, 1))) < 5 * error).all()
        if new is None:
            eta = posterior["1|id"].sel(id__factor_dim="64").to_numpy() + 2 * posterior["x"].to_numpy()
            below = np.concatenate(
                [np.zeros((2, 400, 1)), expit(thresholds - eta[..., None]), np.ones((2, 400, 1))], -1
            )
            np.testing.assert_allclose(by_level["expected"][:, :, 3], np.diff(below), atol=1e-12)


def test_ordered_levels_without_a_predictor(make_spec, units):
    spec = make_spec("count ~ 0 + (1 | id)", "sd", priors={"threshold": "Normal(0, 1)"}, family="cumulative")
    n_levels = units["count"].nunique()
    posterior = made_up(["Intercept"]).drop_vars(["Intercept", "sigma"])
    shape = (posterior.sizes["chain"], posterior.sizes["draw"], n_levels - 1)
    posterior["threshold"] = ("chain", "draw", "threshold_dim"), np.broadcast_to(np.arange(n_levels - 1.0), shape)
    posterior.attrs["levels"] = json.dumps([str(count) for count in sorted(units["count"].unique())])
    of = predict(tree_of(posterior), spec, units, Asked(units=["64"], quantities=["expected"]), model="m")
    effects = posterior["1|id"].sel(id__factor_dim="64").to_numpy()
    np.testing.assert_allclose(of.values["expected"][..., 0], expit(-effects))


def test_contrasts_of_an_outcome_with_levels(make_spec, units):
    """Differences of probabilities, a row for each level; each averaged over units."""
    spec = make_spec("mood ~ 1 + x", "Intercept b", family="categorical")
    rng = np.random.default_rng(1)
    dims = ("chain", "draw", "mood_reduced_dim")
    variables = {name: (dims, rng.normal(size=(1, 5, 2))) for name in ("Intercept", "x")}
    posterior = xr.Dataset(variables, {"mood_reduced_dim": ["fair", "good"]}, {"levels": '["bad", "fair", "good"]'})
    asked = Asked(units="all", contrast={"x": [0, 2]}, average=True)
    of = predict(tree_of(posterior), spec, units, asked, model="m")
    assert of.at.to_numpy().tolist() == [["observed units", level] for level in ("bad", "fair", "good")]

    def probabilities(x):
        eta = np.pad((posterior["Intercept"] + x * posterior["x"]).to_numpy(), ((0, 0), (0, 0), (1, 0)))
        return np.exp(eta) / np.exp(eta).sum(-1, keepdims=True)

    np.testing.assert_allclose(of.values["expected"], probabilities(2) - probabilities(0))


def test_levels_of_a_categorical_outcome(make_spec, units):
    spec = make_spec("mood ~ 1 + x", "Intercept b", family="categorical")
    rng = np.random.default_rng(1)
    dims = ("chain", "draw", "mood_reduced_dim")
    posterior = xr.Dataset(
        {"Intercept": (dims, rng.normal(size=(1, 5, 2))), "x": (dims, rng.normal(size=(1, 5, 2)))},
        {"mood_reduced_dim": ["fair", "good"]},
    )
    result = run(posterior, spec, units, points(spec, units, ["3"], x=[2]))["expected"]
    eta = np.pad((posterior["Intercept"] + 2 * posterior["x"]).to_numpy(), ((0, 0), (0, 0), (1, 0)))
    np.testing.assert_allclose(result[:, :, 0], np.exp(eta) / np.exp(eta).sum(-1, keepdims=True))


# ---------------------------------------------------------------------------------------- new units


def all_new(posterior, unit, rng):
    """A posterior in which all units are new."""
    return with_new_units(posterior, unit, rng, n_units=posterior.sizes.get(f"{unit}__factor_dim", 1))


def whitened(posterior, drawn, terms, cor="cor_id", factor="id"):
    """Effects divided by the square root of each draw's own covariance: independent standard normal if they are right.

    Shape (chain, draw, unit, coefficient).
    """
    units = f"{factor}__factor_dim"
    effects = np.stack([drawn[name].transpose("chain", "draw", units).to_numpy() for name in terms], axis=-1)
    sd = np.stack([posterior[f"{name}_sigma"].to_numpy() for name in terms], axis=-1)
    covariance = sd[..., :, None] * sd[..., None, :] * np.eye(len(terms))
    if cor:
        for k, (i, j) in enumerate(combinations(range(len(terms)), 2)):
            covariance[..., i, j] = covariance[..., j, i] = posterior[cor].to_numpy()[..., k] * sd[..., i] * sd[..., j]
    inverse = np.linalg.inv(np.linalg.cholesky(covariance))
    return np.einsum("...ij,...pj->...pi", inverse, effects)


def assert_independent(values, axis):
    """Standard normal values are uncorrelated along an axis."""
    values = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    pairs = list(combinations(range(len(values)), 2))
    products = np.concatenate([values[i] * values[j] for i, j in pairs])
    assert abs(products.mean()) < 4 / np.sqrt(products.size)


@pytest.mark.numbers
@pytest.mark.parametrize(
    ("coefficients", "correlated"),
    [
        (["Intercept"], False),
        (["Intercept", "x"], True),
        (["Intercept", "x"], False),
        (["z", "x", "a", "Intercept"], True),
    ],
)
def test_new_units_are_drawn_from_the_population(coefficients, correlated):
    posterior = made_up(coefficients)
    if not correlated:
        posterior = posterior.drop_vars("cor_id", errors="ignore")
    terms = [f"{'1' if name == 'Intercept' else name}|id" for name in coefficients]
    # In any order of the variables.
    drawn = all_new(posterior[sorted(posterior.data_vars)], "id", np.random.default_rng(3))
    white = whitened(posterior, drawn, terms, "cor_id" if correlated else None)
    for k in range(len(terms)):
        assert_standard_normal(white[..., k])
    assert_independent(white, 2)
    if len(terms) > 1:
        assert_independent(white, 3)
    # Draws are drawn anew.
    assert abs((white[:, 1:] * white[:, :-1]).mean()) < 4 / np.sqrt(white[:, 1:].size)


@pytest.mark.numbers
def test_new_units_correlate_as_the_population_does():
    """With a population that is the same in each draw: plain moments, with their errors."""
    sd, rho = 2.0, 0.7
    posterior = made_up(sd=sd, cor=np.array([[1, rho], [rho, 1]]))
    drawn = all_new(posterior, "id", np.random.default_rng(3))
    one, other = (drawn[name].to_numpy().ravel() for name in ("1|id", "x|id"))
    n = one.size
    assert abs(np.corrcoef(one, other)[0, 1] - rho) < 4 * (1 - rho**2) / np.sqrt(n)
    for effects in (one, other):
        assert abs(effects.mean()) < 4 * sd / np.sqrt(n)
        assert abs(effects.var() - sd**2) < 4 * sd**2 * np.sqrt(2 / n)
    # Resampling the units observed would give 10.
    assert not np.isin(one, posterior["1|id"]).any()


def test_everything_else_stays(group_posterior):
    before = group_posterior.copy(deep=True)
    drawn = all_new(group_posterior, "id", np.random.default_rng(3))
    xr.testing.assert_identical(group_posterior, before)
    effects = ["1|id", "x|id"]
    xr.testing.assert_identical(drawn.drop_vars(effects), before.drop_vars(effects))
    for name in effects:
        assert drawn[name].dims == before[name].dims


def test_singular_correlations_are_no_obstacle():
    # Three coefficients in a plane: the smallest eigenvalue is zero, or rounds to less.
    angle = np.random.default_rng(4).uniform(0, 2 * np.pi, (2, 400, 3))
    cor = np.cos(angle[..., :, None] - angle[..., None, :])
    assert (np.linalg.eigvalsh(cor) < 0).any()
    drawn = all_new(made_up(["Intercept", "x", "z"], sd=1.0, cor=cor), "id", np.random.default_rng(3))
    effects = np.stack([drawn[name].to_numpy() for name in ("1|id", "x|id", "z|id")], axis=-1)
    # The effects are in the plane too: their product with its normal, the null vector, is zero.
    normal = np.linalg.eigh(cor)[1][..., 0]
    np.testing.assert_allclose(np.einsum("...pk,...k->...p", effects, normal), 0, atol=1e-6)  # root of the rounding


@pytest.mark.numbers
def test_two_blocks_of_effects():
    first, second = made_up(["Intercept", "x"]), made_up(["z", "v"], seed=2)
    second = second.drop_vars(["Intercept", "sigma"]).rename({"cor_id": "cor_id_", "cor_id_dim": "cor_id__dim"})
    posterior = xr.merge([first, second])
    drawn = all_new(posterior, "id", np.random.default_rng(3))
    white = np.concatenate(
        [whitened(posterior, drawn, ["1|id", "x|id"]), whitened(posterior, drawn, ["z|id", "v|id"], "cor_id_")], axis=-1
    )
    assert_standard_normal(white)
    assert_independent(white, 3)


@pytest.mark.numbers
def test_a_unit_whose_column_ends_on_an_underscore():
    posterior = made_up(factor="id_")
    drawn = all_new(posterior, "id_", np.random.default_rng(3))
    white = whitened(posterior, drawn, ["1|id_", "x|id_"], "cor_id_", "id_")
    assert_standard_normal(white)
    assert_independent(white, 3)


@pytest.mark.numbers
def test_effects_by_level():
    rng = np.random.default_rng(5)
    dims, levels = ("chain", "draw", "mood__expr_dim"), ["bad", "good"]
    plain = made_up(["mood[bad]", "mood[good]"])
    sd = np.stack([plain[f"mood[{level}]|id_sigma"] for level in levels], axis=-1)
    posterior = plain.drop_vars([name for name in plain.data_vars if "|" in name]).assign(
        {
            "mood|id_sigma": (dims, sd),
            "mood|id": ((*dims, "id__factor_dim"), rng.normal(10, 1, (2, 400, 2, 12))),
        }
    )
    posterior = posterior.assign_coords(mood__expr_dim=levels)
    drawn = all_new(posterior, "id", np.random.default_rng(3))
    assert drawn["mood|id"].dims == posterior["mood|id"].dims
    apart = drawn.assign({f"mood[{level}]|id": drawn["mood|id"].sel(mood__expr_dim=level) for level in levels})
    white = whitened(plain, apart, ["mood[bad]|id", "mood[good]|id"])
    assert_standard_normal(white)
    assert_independent(white, 3)


@pytest.mark.numbers
def test_each_level_of_an_outcome_has_a_population():
    one, other = made_up(["Intercept", "x"]), made_up(["Intercept", "x"], seed=2)
    posterior = xr.concat([one, other], dim="y_reduced_dim").transpose("chain", "draw", ..., "y_reduced_dim")
    drawn = all_new(posterior, "id", np.random.default_rng(3))
    assert drawn["x|id"].dims == posterior["x|id"].dims
    parts = [
        whitened(level, drawn.isel(y_reduced_dim=place), ["1|id", "x|id"], "cor_id")
        for place, level in enumerate((one, other))
    ]
    white = np.concatenate(parts, axis=-1)
    for k in range(white.shape[-1]):
        assert_standard_normal(white[..., k])
    assert_independent(white, 3)
    assert_independent(white, 2)


@pytest.mark.numbers
def test_expected_values_of_more_new_units_than_were_observed(grouped, group_posterior, units):
    at = points(grouped, units, None, 30, x=[0, 1, 3], group=["PD"])
    result = run(group_posterior, grouped, units, at)["expected"]
    assert result.shape == (2, 400, 90)
    common = values_of(group_posterior, "Intercept") + group_posterior["group"].to_numpy()[..., 1:]
    effects = (result - common - values_of(group_posterior, "x") * at["x"].to_numpy()).reshape(2, 400, 30, 3)
    # A unit is the same unit in all rows.
    slopes = effects[..., 1] - effects[..., 0]
    np.testing.assert_allclose(effects[..., 2] - effects[..., 0], 3 * slopes, atol=1e-9)
    # Var(u0 + u1 x) = s0^2 + 2 rho s0 s1 x + s1^2 x^2, in each draw.
    s0, s1, rho = (group_posterior[name].to_numpy() for name in ("1|id_sigma", "x|id_sigma", "cor_id"))
    for k, x in enumerate([0, 1, 3]):
        sd = np.sqrt(s0**2 + 2 * rho[..., 0] * s0 * s1 * x + s1**2 * x**2)
        standard = effects[..., k] / sd[..., None]
        assert_standard_normal(standard)
        assert_independent(standard, 2)
        # Units that take the same place, one after the other, are different units.
        assert_independent(standard[:, :, [0, 12, 24]], 2)


def test_rows_are_in_the_order_of_the_points(grouped, group_posterior, units):
    same = group_posterior.assign({f"{name}_sigma": 0 * group_posterior["sigma"] for name in ("1|id", "x|id")})
    at = points(grouped, units, None, 30, x=[0, 1, 3], group=["PD", "CTRL"])
    result = run(same, grouped, units, at)["expected"]
    group = np.where(at["group"] == "PD", same["group"].to_numpy()[..., 1:], 0)
    expected = values_of(same, "Intercept") + values_of(same, "x") * at["x"].to_numpy() + group
    np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-12)


def test_other_factors_keep_their_effects(make_spec, units):
    spec = make_spec("y ~ 1 + (1 | group) + (1 | id)", "Intercept sd sigma")
    rng = np.random.default_rng(2)
    posterior = made_up(["Intercept"], sd=0.0).assign(
        {
            "1|group": (("chain", "draw", "group__factor_dim"), rng.normal(size=(2, 400, 3))),
            "1|group_sigma": (("chain", "draw"), np.ones((2, 400))),
        }
    )
    posterior = posterior.assign_coords(group__factor_dim=["CTRL", "OTHER", "PD"])
    at = points(spec, units, None, 2, group=["PD"])
    expected = posterior["Intercept"] + posterior["1|group"].sel(group__factor_dim="PD")
    result = run(posterior, spec, units, at)["expected"]
    np.testing.assert_allclose(result, np.stack([expected, expected], axis=-1), rtol=1e-12)


@pytest.mark.numbers
@pytest.mark.parametrize("factor", ["id:plate", "plate:id"])
def test_new_units_have_new_parts(make_spec, units, factor):
    """A plate of a new unit is a new one, and the same in all rows of the unit that name it."""
    spec = make_spec(f"y ~ 1 + (1 | id) + (1 | {factor})", "Intercept sd sigma")
    data = units.assign(plate=pd.Categorical(np.where(units["row"] % 2, "a", "b")))
    levels = [f"{unit}:{plate}" if factor == "id:plate" else f"{plate}:{unit}" for unit in IDS for plate in "ab"]
    posterior = made_up(["Intercept"]).assign({f"1|{factor}_sigma": 3 * made_up(seed=5)["sigma"]})
    dims = ("chain", "draw", f"{factor}__factor_dim")
    posterior[f"1|{factor}"] = (dims, np.random.default_rng(6).normal(10, 0.1, (2, 400, len(levels))))
    posterior = posterior.assign_coords({f"{factor}__factor_dim": levels})
    # More new units than there are observed ones, whose places they take; the effects of these are about 10.
    at = points(spec, data, None, 15, plate=["a", "b", "a"])
    deviation = run(posterior, spec, data, at)["expected"] - values_of(posterior, "Intercept")
    deviation = deviation.reshape(2, 400, 15, 3)
    np.testing.assert_array_equal(deviation[..., 0], deviation[..., 2])
    first, second = (posterior[f"1|{name}_sigma"].to_numpy()[..., None] for name in ("id", factor))
    # Of two plates of a unit: their difference has what they do not share, and their sum all of it.
    apart = (deviation[..., 0] - deviation[..., 1]) / (np.sqrt(2) * second)
    together = (deviation[..., 0] + deviation[..., 1]) / np.sqrt(4 * first**2 + 2 * second**2)
    white = np.concatenate([apart, together], axis=-1)
    assert_standard_normal(white)
    assert_independent(white, 2)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"id": ["id_dim"], "sigma": []}, r"no population distribution of id .* a term such as \(1 \| id\)"),
        ({"id": ["id_dim"], "x|id": ["id__factor_dim"], "x|id_sigma": []}, "'id', which belongs to each id observed"),
        (
            {"x:id": ["x:id_dim"], "1|id": ["id__factor_dim"], "1|id_sigma": []},
            "'x:id', which belongs to each id observed",
        ),
    ],
)
def test_where_there_is_no_population(variables, message):
    posterior = xr.Dataset(
        {name: (["chain", "draw", *dims], np.ones((1, 1) + (2,) * len(dims))) for name, dims in variables.items()}
    )
    with pytest.raises(StudyError, match=message):
        all_new(posterior, "id", np.random.default_rng(1))


def test_similar_names_are_no_obstacle():
    posterior = made_up().assign(
        {name: xr.zeros_like(made_up()["sigma"]) for name in ("idea", "x:idea", "1|idea_sigma")}
    )
    drawn = all_new(posterior, "id", np.random.default_rng(1))
    assert abs(drawn["1|id"].mean()) < 1


# ---------------------------------------------------------------------------------------- tables


def tables_of(tree, spec, data, **asked):
    predictions = [predict(tree, spec, data, Asked(**asked), model="m1")]
    return tables_module.summarise(predictions), tables_module.draws(predictions)


@pytest.fixture(scope="module")
def tables(make_spec, units):
    """Tables of two units, and the posterior; no spread between units, and Intercepts that can be told apart."""
    spec = make_spec("y ~ x + (1 | id)", "Intercept b sd sigma")
    posterior = made_up(["Intercept"], common=["x"], chains=2, draws=500)
    posterior["Intercept"] = ("chain", "draw"), np.random.default_rng(1).permutation(np.arange(1000.0)).reshape(2, 500)
    posterior["1|id"] = posterior["1|id"] * 0
    posterior["x"] = posterior["x"] * 0 + 1000
    arguments = {"units": ["6", "29"], "at": {"x": [0, 2]}}
    return tables_of(tree_of(posterior), spec, units, **arguments, quantities=["expected", "predicted"]), posterior


def test_the_summary_is_the_contracts(tables):
    (summary, _), _ = tables
    assert summary.to_csv(index=False).splitlines()[0] == "model,quantity,id,mean,q2.5,q97.5,x"
    assert summary["model"].tolist() == ["m1"] * 8
    assert summary["quantity"].tolist() == ["expected"] * 4 + ["predicted"] * 4
    assert summary["id"].tolist() == ["6", "6", "29", "29"] * 2
    assert summary["x"].tolist() == [0, 2] * 4
    # The draws are 0 to 999, and 1000 more for each unit of x.
    expected = summary[:4]
    for column, value in {"mean": 499.5, "q2.5": 0.025 * 999, "q97.5": 0.975 * 999}.items():
        np.testing.assert_allclose(expected[column], value + 1000 * expected["x"], rtol=1e-12)


@pytest.mark.parametrize(
    ("x", "asked"),
    [(1e308, {}), (0, {"contrast": {"x": [0, 1]}, "ratio": True}), (1e306, {"quantities": ["predicted"]})],
)
def test_a_number_that_is_not_finite_is_an_error_that_says_where(make_spec, units, x, asked):
    spec = make_spec("y ~ x + (1 | id)", "Intercept b sd sigma")
    posterior = made_up(["Intercept"], common=["x"], chains=1, draws=4) * 0
    posterior["x"] += 1000.0
    at = {} if asked.get("contrast") else {"at": {"x": [1, x]}}
    with (
        np.errstate(all="ignore"),
        pytest.raises(StudyError, match=r"model 'm1': the .* is not a finite number at id 6"),
    ):
        tables_of(tree_of(posterior), spec, units, units=["6"], **at, **asked)


def test_draws_go_chain_by_chain(tables):
    (summary, draws), posterior = tables
    assert list(draws.columns) == ["model", "quantity", "id", "x", "chain", "draw", "value"]
    assert len(draws) == len(summary) * 1000
    for k in range(len(summary)):
        of = draws[1000 * k : 1000 * (k + 1)]
        for column in ("model", "quantity", "id", "x"):
            assert (of[column] == summary[column][k]).all()
        np.testing.assert_array_equal(of["chain"], np.repeat([0, 1], 500))
        np.testing.assert_array_equal(of["draw"], np.tile(np.arange(500), 2))
        np.testing.assert_allclose(of["value"].mean(), summary["mean"][k], rtol=1e-12)
        if summary["quantity"][k] == "expected":
            expected = posterior["Intercept"].to_numpy().ravel() + 1000 * summary["x"][k]
            np.testing.assert_array_equal(of["value"], expected)


def test_draws_survive_parquet(tables, tmp_path):
    (_, draws), _ = tables
    draws.to_parquet(tmp_path / "draws.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "draws.parquet"), draws)


def test_tables_of_new_units(make_spec, units):
    spec = make_spec("y ~ 1 + (1 | id)", "Intercept sd sigma")
    tree = tree_of(made_up(["Intercept"]))
    arguments = {"new_units": 2}
    summary, draws = tables_of(tree, spec, units, **arguments)
    assert list(summary.columns) == ["model", "quantity", "id", "mean", "q2.5", "q97.5"]
    assert summary["id"].tolist() == ["new 1", "new 2"]
    # Not units observed, whose effects are 10.
    assert (summary["q97.5"] < 10).all()
    pd.testing.assert_frame_equal(tables_of(tree, spec, units, **arguments)[1], draws)
    other = tables_of(tree, replace(spec, seed=4), units, **arguments)[1]
    assert not np.isin(other["value"], draws["value"]).any()
