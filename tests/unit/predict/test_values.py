"""Of whom, where and what: against brute force, written out in numpy for a Gaussian, a binary and a count model."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.errors import StudyError
from partialpool.model.formula import complete_cases
from partialpool.predict.asked import Asked
from partialpool.predict.new_units import refuse_own_terms
from partialpool.predict.predict import predict
from scipy.special import expit

IDS = ["3", "5", "6", "7", "11", "18", "29", "40", "64", "92", "101", "250"]
SCHOOLS = ["north", "south", "west"]
CHAINS, DRAWS = 2, 3
OUTCOMES = {"gaussian": "y", "bernoulli": "flag", "poisson": "count"}
# Inverse links and their derivatives.
INVERSE = {"gaussian": lambda eta: eta, "bernoulli": expit, "poisson": np.exp}
DERIVATIVE = {
    "gaussian": np.ones_like,
    "bernoulli": lambda eta: expit(eta) * expit(-eta),
    "poisson": np.exp,
}


def made_up(draws=DRAWS, *, same=False):
    """A posterior of varying slopes by unit, and a second grouping factor; the same in all draws if asked for."""
    rng = np.random.default_rng(8)
    shape = (CHAINS, 1 if same else draws)

    def drawn(*inner, low=-0.5, high=0.5):
        values = rng.uniform(low, high, (*shape, *inner))
        return np.broadcast_to(values, (CHAINS, draws, *inner)).copy()

    here, of_units, of_schools = ("chain", "draw"), "id__factor_dim", "school__factor_dim"
    variables = {
        **{name: (here, drawn()) for name in ("Intercept", "x", "z")},
        "group": ((*here, "group_dim"), drawn(2)),
        **{f"{name}_sigma": (here, drawn(low=0.4, high=1)) for name in ("1|id", "x|id", "1|school")},
        "cor_id": ((*here, "cor_id_dim"), drawn(1)),
        **{name: ((*here, of_units), drawn(12)) for name in ("1|id", "x|id")},
        "1|school": ((*here, of_schools), drawn(3)),
        "sigma": (here, drawn(low=1, high=2)),
    }
    coords = {"group_dim": ["OTHER", "PD"], of_units: IDS, of_schools: SCHOOLS, "cor_id_dim": ["Intercept,x"]}
    return xr.Dataset(variables, coords)


@pytest.fixture(scope="module", params=list(OUTCOMES))
def model(request, make_spec):
    """Family and spec."""
    formula = f"{OUTCOMES[request.param]} ~ x + z + group + (1 + x | id) + (1 | school)"
    return request.param, make_spec(formula, family=request.param)


def predicted(model, data, posterior=None, **asked):
    """The table of points, and draws (chain, draw, points) of the expected values."""
    tree = xr.DataTree.from_dict({"posterior": made_up() if posterior is None else posterior})
    result = predict(tree, model[1], data, Asked(**asked), model="m")
    return result.at, result.values["expected"]


def common(posterior, at):
    """What common coefficients make of the linear predictor, (chain, draw, points)."""
    p = {name: posterior[name].to_numpy()[..., None] for name in ("Intercept", "x", "z")}
    groups = np.concatenate([np.zeros((*posterior["x"].shape, 1)), posterior["group"].to_numpy()], axis=-1)
    group = groups[..., [["CTRL", "OTHER", "PD"].index(level) for level in at["group"]]]
    return p["Intercept"] + p["x"] * at["x"].to_numpy() + p["z"] * at["z"].to_numpy() + group


def of_units(posterior, at, units="id"):
    """The same with the effects of units and schools."""
    effects = posterior.sel(id__factor_dim=at[units].to_list(), school__factor_dim=at["school"].to_list())
    return (
        common(posterior, at)
        + effects["1|id"].to_numpy()
        + effects["x|id"].to_numpy() * at["x"].to_numpy()
        + effects["1|school"].to_numpy()
    )


def over_effects(posterior, at, function):
    """Mean of ``function(eta, slope of the unit)`` over normal effects: a product rule over the three of them."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(30)
    z0, z1, zs = (axis.ravel()[:, None] for axis in np.meshgrid(nodes, nodes, nodes))
    weight = np.prod(np.meshgrid(weights, weights, weights), axis=0).ravel()[:, None]
    weight = weight / weight.sum()
    base, values = common(posterior, at), np.empty((CHAINS, posterior.sizes["draw"], len(at)))
    x = at["x"].to_numpy()
    for chain, draw in np.ndindex(*base.shape[:2]):
        p = posterior.isel(chain=chain, draw=draw)
        s0, s1, ss = (p[name].item() for name in ("1|id_sigma", "x|id_sigma", "1|school_sigma"))
        rho = p["cor_id"].item()
        u0, u1, v = s0 * z0, s1 * (rho * z0 + np.sqrt(1 - rho**2) * z1), ss * zs
        values[chain, draw] = (weight * function(base[chain, draw] + u0 + u1 * x + v, p["x"].item() + u1)).sum(axis=0)
    return values


GRID = pd.DataFrame({"x": [0.0, 0, 2, 2], "group": ["CTRL", "PD"] * 2})
AT = {"x": [0, 2], "group": ["CTRL", "PD"]}


@pytest.fixture(scope="module")
def grid(model, units):
    """The grid with the covariate that is not named at its mean."""
    return GRID.assign(z=complete_cases(model[1], units)["z"].mean())


# ------------------------------------------------------------------------------------------ whose


def test_the_average_unit_has_no_effects(model, units, grid):
    at, values = predicted(model, units, average_unit=True, at=AT)
    assert list(at.columns) == ["id", "group", "x", "z"]
    assert set(at["id"]) == {"average unit"}
    np.testing.assert_allclose(values, INVERSE[model[0]](common(made_up(), grid)), rtol=1e-12)


def test_the_population_has_all_effects_integrated_out(model, units, grid):
    at, values = predicted(model, units, population=True, at=AT)
    assert set(at["id"]) == {"population"}
    expected = over_effects(made_up(), grid, lambda eta, slope: INVERSE[model[0]](eta))
    np.testing.assert_allclose(values, expected, rtol=1e-8)
    # It is not the average unit, unless the link is the identity.
    assert np.allclose(values, INVERSE[model[0]](common(made_up(), grid)), rtol=1e-3) == (model[0] == "gaussian")


def test_observed_units_have_their_effects(model, units):
    at, values = predicted(model, units, units=["6", "250"], at={"x": [0, 2], "school": ["south"]})
    np.testing.assert_allclose(values, INVERSE[model[0]](of_units(made_up(), at)), rtol=1e-12)


@pytest.mark.numbers
def test_new_units_are_on_average_the_population(model, units):
    """With a posterior that is the same in all draws: what varies are new units only, and the school is one."""
    posterior = made_up(4000, same=True)
    posterior["1|school"] = posterior["1|school"] * 0
    where = {"x": [2], "group": ["PD"], "z": [0.3], "school": ["south"]}
    at, values = predicted(model, units, posterior, new_units=3, at=where)
    fixed = posterior.isel(draw=[0]).assign({"1|school_sigma": 0 * posterior["1|school_sigma"][:, :1]})
    mean = over_effects(fixed, at[:1], lambda eta, slope: INVERSE[model[0]](eta))[:, 0]
    square = over_effects(fixed, at[:1], lambda eta, slope: INVERSE[model[0]](eta) ** 2)[:, 0]
    error = np.sqrt((square - mean**2) / values.shape[1])
    assert (np.abs(values.mean(axis=1) - mean) < 4.5 * error).all()


@pytest.mark.numbers
def test_population_of_a_model_whose_units_have_several_effects_by_level(make_spec, units):
    spec = make_spec("flag ~ 1 + (0 + mood | id)", "Intercept sd cor", family="bernoulli")
    moods, here = ["bad", "fair", "good"], ("chain", "draw")
    sds = np.array([[[0.5, 1.0, 2.0]]])
    posterior = xr.Dataset(
        {
            "Intercept": (here, [[0.7]]),
            "mood|id": ((*here, "mood__expr_dim", "id__factor_dim"), np.zeros((1, 1, 3, 12))),
            "mood|id_sigma": ((*here, "mood__expr_dim"), sds),
            "cor_id": ((*here, "cor_id_dim"), [[[0.1, 0.2, 0.3]]]),
        },
        {
            "mood__expr_dim": moods,
            "id__factor_dim": IDS,
            "cor_id_dim": ["mood[bad],mood[fair]", "mood[bad],mood[good]", "mood[fair],mood[good]"],
        },
    )
    _, values = predicted(("bernoulli", spec), units, posterior, population=True, at={"mood": moods})
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    expected = [(weights * expit(0.7 + sd * nodes)).sum() / weights.sum() for sd in sds[0, 0]]
    np.testing.assert_allclose(values[0, 0], expected, rtol=1e-8)


# ------------------------------------------------------------------------------------------ where


def test_the_models_own_rows(model, units):
    rows = complete_cases(model[1], units)
    at, values = predicted(model, units, units="all", rows="observed")
    np.testing.assert_allclose(values, INVERSE[model[0]](of_units(made_up(), rows.astype({"id": str}))), rtol=1e-12)
    assert at["row"].tolist() == rows["row"].tolist()
    _, values = predicted(model, units, average_unit=True, rows="observed")
    np.testing.assert_allclose(values, INVERSE[model[0]](common(made_up(), rows)), rtol=1e-12)
    at, _ = predicted(model, units, units=["7", "29"], rows="observed")
    assert at["id"].tolist() == [unit for unit in rows["id"] if unit in ("7", "29")]


def test_rows_of_a_file_with_observed_and_new_units(model, units, tmp_path):
    at = pd.DataFrame(
        {
            "id": ["29", "Z", "3", "Z"],
            "x": [0.5, 1, 2, 1],
            "z": [0.0, 1, -1, 1],
            "group": ["PD", "CTRL", "CTRL", "PD"],
            "school": ["north", "west", "west", "west"],
        }
    )
    at.to_csv(tmp_path / "new.csv", index=False)
    posterior = made_up()
    shown, values = predicted(model, units, posterior, units="all", rows=str(tmp_path / "new.csv"))
    assert shown["id"].tolist() == at["id"].tolist()
    known = at["id"] != "Z"
    np.testing.assert_allclose(
        values[..., known], INVERSE[model[0]](of_units(posterior, at[known])), rtol=1e-12, atol=1e-15
    )
    if model[0] == "gaussian":
        # The new unit is the same one in both of its rows, which differ by the group.
        difference = values[..., 3] - values[..., 1]
        np.testing.assert_allclose(difference, posterior["group"].to_numpy()[..., 1], rtol=1e-9)


# ------------------------------------------------------------------------------------------ what


def test_contrasts_of_the_average_unit_and_the_population(model, units, grid):
    inverse = INVERSE[model[0]]
    for whose, values_of in {
        "average_unit": lambda at: inverse(common(made_up(), at)),
        "population": lambda at: over_effects(made_up(), at, lambda eta, slope: inverse(eta)),
    }.items():
        first, second = (values_of(grid[::2].assign(group=level)) for level in ("CTRL", "PD"))
        contrast = {"group": ["CTRL", "PD"]}
        at, values = predicted(model, units, **{whose: True}, at={"x": [0, 2]}, contrast=contrast)
        assert list(at.columns) == ["id", "x", "z"]
        np.testing.assert_allclose(values, second - first, rtol=1e-7, atol=1e-12)
        _, values = predicted(model, units, **{whose: True}, at={"x": [0, 2]}, contrast=contrast, ratio=True)
        np.testing.assert_allclose(values, second / first, rtol=1e-7)


def test_contrasts_averaged_over_the_models_rows(model, units):
    """Standardisation: every row once with one level, and once with the other."""
    rows = complete_cases(model[1], units).astype({"id": str})
    first, second = (INVERSE[model[0]](of_units(made_up(), rows.assign(group=level))) for level in ("PD", "OTHER"))
    asked = {"units": "all", "rows": "observed", "contrast": {"group": ["PD", "OTHER"]}}
    at, values = predicted(model, units, **asked, average=True)
    assert at.to_numpy().tolist() == [["observed units"]]
    np.testing.assert_allclose(values[..., 0], (second - first).mean(axis=-1), rtol=1e-10, atol=1e-13)
    at, values = predicted(model, units, **asked, by="school", ratio=True)
    assert at["school"].tolist() == SCHOOLS
    for place, school in enumerate(SCHOOLS):
        of_school = (rows["school"] == school).to_numpy()
        ratio = second[..., of_school].mean(axis=-1) / first[..., of_school].mean(axis=-1)
        np.testing.assert_allclose(values[..., place], ratio, rtol=1e-10)
    at, values = predicted(model, units, **asked, by="id")
    assert at["id"].tolist() == list(dict.fromkeys(rows["id"]))
    of_unit = (rows["id"] == "29").to_numpy()
    difference = (second - first)[..., of_unit].mean(axis=-1)
    np.testing.assert_allclose(values[..., at["id"].tolist().index("29")], difference, rtol=1e-10, atol=1e-13)


def test_by_a_column_that_the_model_does_not_use(model, units):
    at, values = predicted(model, units, average_unit=True, rows="observed", by="mood")
    rows = complete_cases(model[1], units)
    mood = units.set_index("row").loc[rows["row"], "mood"].to_numpy()
    expected = INVERSE[model[0]](common(made_up(), rows))
    for place, level in enumerate(at["mood"]):
        np.testing.assert_allclose(values[..., place], expected[..., mood == level].mean(axis=-1), rtol=1e-10)


@pytest.mark.parametrize("of", [dict.fromkeys(OUTCOMES, "row"), OUTCOMES], ids=["row", "outcome"])
def test_by_the_row_or_the_outcome(model, units, of):
    rows, by = complete_cases(model[1], units), of[model[0]]
    at, values = predicted(model, units, average_unit=True, rows="observed", by=by)
    assert at[by].tolist() == sorted(set(rows[by]))
    of_first = (rows[by] == at[by][0]).to_numpy()
    expected = INVERSE[model[0]](common(made_up(), rows))[..., of_first].mean(axis=-1)
    np.testing.assert_allclose(values[..., 0], expected, rtol=1e-10)


def test_slopes(model, units, grid):
    posterior, derivative = made_up(), DERIVATIVE[model[0]]
    slope = posterior["x"].to_numpy()[..., None]
    at, values = predicted(model, units, average_unit=True, at=AT, slope="x")
    assert at["x"].tolist() == [0, 0, 2, 2]
    np.testing.assert_allclose(values, derivative(common(posterior, grid)) * slope, rtol=1e-6, atol=1e-9)
    _, values = predicted(model, units, population=True, at=AT, slope="x")
    expected = over_effects(posterior, grid, lambda eta, slope: derivative(eta) * slope)
    np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-8)
    rows = complete_cases(model[1], units).astype({"id": str})
    at, values = predicted(model, units, units="all", rows="observed", slope="x", average=True)
    own = slope + posterior["x|id"].sel(id__factor_dim=rows["id"].to_list()).to_numpy()
    expected = (derivative(of_units(posterior, rows)) * own).mean(axis=-1)
    np.testing.assert_allclose(values[..., 0], expected, rtol=1e-6, atol=1e-9)


def test_contrasts_of_new_units_are_of_the_same_units(model, units):
    """More new units than observed ones, of which each has the same effects on both sides."""
    where = {"x": [0, 1], "z": [0], "school": ["west"]}
    at, values = predicted(model, units, new_units=30, at=where, contrast={"group": ["CTRL", "PD"]}, ratio=True)
    assert at["id"].tolist() == [f"new {i}" for i in range(1, 31) for _ in range(2)]
    if model[0] == "poisson":
        ratio = np.exp(made_up()["group"].to_numpy()[..., 1:])
        np.testing.assert_allclose(values, np.broadcast_to(ratio, values.shape), rtol=1e-9)


def test_successes_in_trials(make_spec, units):
    """The number of successes; the share where the trials are not named."""
    data = units.assign(size=units["count"] + 5)
    spec = make_spec("p(count, size) ~ x + z + group + (1 + x | id) + (1 | school)", family="binomial")
    z = data["z"].mean()
    for whose in ("average_unit", "population"):
        _, shares = predicted(("bernoulli", spec), data, **{whose: True}, at=AT)
        at, numbers = predicted(("bernoulli", spec), data, **{whose: True}, at=AT | {"size": [7]})
        np.testing.assert_allclose(numbers, 7 * shares, rtol=1e-12)
        assert at["size"].tolist() == [7] * 4
        np.testing.assert_allclose(at["z"], z)
    rows = complete_cases(spec, data).astype({"id": str})
    _, values = predicted(("bernoulli", spec), data, units="all", rows="observed")
    np.testing.assert_allclose(values, rows["size"].to_numpy() * expit(of_units(made_up(), rows)), rtol=1e-10)


def test_levels_in_an_order(make_spec, units):
    """A row for the probability of each level: of the average unit, of the population, and of their contrasts."""
    formula = "mood ~ 0 + x + z + group + (1 + x | id) + (1 | school)"
    spec = make_spec(formula, "b sd cor", family="cumulative", priors={"threshold": "Normal(0, 1)"})
    units = units.assign(mood=units["mood"].cat.as_ordered())
    ends, grid = [-np.inf, -0.5, 0.7, np.inf], GRID.assign(z=complete_cases(spec, units)["z"].mean())
    flat = made_up().assign(Intercept=0 * made_up()["x"])
    thresholds = np.broadcast_to(ends[1:3], (CHAINS, DRAWS, 2))
    posterior = flat.drop_vars("Intercept").assign(threshold=(("chain", "draw", "threshold_dim"), thresholds))
    posterior.attrs["levels"] = '["bad", "fair", "good"]'

    def by_level(of):
        """(chain, draw, points, levels) from a function of the probability of a level given the linear predictor."""
        levels = [lambda eta, _=None, k=k: expit(ends[k + 1] - eta) - expit(ends[k] - eta) for k in range(3)]
        return np.stack([of(level) for level in levels], axis=-1)

    for whose, expected in {
        "average_unit": by_level(lambda level: level(common(flat, grid))),
        "population": by_level(lambda level: over_effects(flat, grid, level)),
    }.items():
        at, values = predicted(("cumulative", spec), units, posterior, **{whose: True}, at=AT)
        assert at["mood"].tolist() == ["bad", "fair", "good"] * 4
        np.testing.assert_allclose(values, expected.reshape(CHAINS, DRAWS, -1), rtol=1e-8)
        contrast = {"contrast": {"group": ["CTRL", "PD"]}, "at": {"x": [0, 2]}}
        _, values = predicted(("cumulative", spec), units, posterior, **{whose: True}, **contrast)
        difference = expected[:, :, 1::2] - expected[:, :, ::2]
        np.testing.assert_allclose(values, difference.reshape(CHAINS, DRAWS, -1), atol=1e-9)


# ------------------------------------------------------------------------------------------ what cannot be


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"average_unit": True, "at": {"school": ["north"]}},
            "'at' names 'school', a grouping factor, whose effects are",
        ),
        ({"population": True, "contrast": {"school": SCHOOLS[:2]}}, "'contrast' names 'school', a grouping factor"),
        ({"units": "all", "slope": "group"}, "'slope': group is no number in the model"),
        ({"units": "all", "contrast": {"x": [0, "b"]}}, "'contrast': x takes numbers, not 'b'"),
        ({"average_unit": True, "contrast": {"group": ["PD", "X"]}}, "group has no level X. Valid: CTRL, OTHER, PD"),
        ({"units": "all", "by": "mood"}, "'by' names 'mood', and these points have id, group, school, x, z only"),
        ({"units": "all", "rows": "observed", "by": "moods"}, "'by' names 'moods', which is no column .* mean 'mood'"),
        ({"units": "all", "rows": "no.csv"}, "'rows': there is no file 'no.csv'"),
    ],
)
def test_what_cannot_be_predicted(make_spec, units, asked, message):
    spec = make_spec("y ~ x + z + group + (1 + x | id) + (1 | school)")
    with pytest.raises(StudyError, match=message):
        predicted(("gaussian", spec), units, **asked)


def test_units_that_have_coefficients_of_their_own(make_spec, units):
    spec = make_spec("y ~ 0 + id", "b sigma")
    posterior = xr.Dataset({"id": (("chain", "draw", "id_dim"), np.zeros((1, 1, 12)))}, {"id_dim": IDS})
    with pytest.raises(StudyError, match="The average unit has no 'id', which belongs to each id observed"):
        predicted(("gaussian", spec), units, posterior, average_unit=True)


@pytest.mark.parametrize(
    ("unit", "name", "is_own"),
    [
        ("id", "x:id", True),
        ("id", "C(id)", True),
        ("id", "I(x * id)", True),
        # Other columns, functions and parameters with letters of the unit's name.
        ("id", "id.x", False),
        ("id", "grade (id)", False),
        ("I", "I(x ** 2)", False),
        ("log", "log(x)", False),
        ("sigma", "sigma", False),
    ],
)
def test_coefficients_of_a_unit_are_told_from_others(unit, name, is_own):
    posterior = xr.Dataset({name: (("chain", "draw"), np.zeros((1, 1)))}, attrs={"family_parameters": "sigma"})
    with pytest.raises(StudyError) if is_own else nullcontext():
        refuse_own_terms(posterior, unit, "There is no {}")
