from functools import cache

import numpy as np
import pytensor
import pytest
import xarray as xr
from partialpool.loo.joint import Density, Unrecoverable
from partialpool.model.formula import complete_cases

# Models are compiled, which takes ten seconds or more each.
pytestmark = pytest.mark.slow

CASES = {
    "several factors": (
        "count ~ x + group + (1 + x + z | id) + (0 + mood | group)",
        "Intercept b sd cor",
        {"family": "poisson", "priors": {"sd[mood]": "HalfNormal(1)"}},
    ),
    "no intercept": ("y ~ 0 + group + (1 | id) + (0 + mood | id)", "b sd cor", {"priors": {"sigma": "Uniform(0, 5)"}}),
    "levels": ("mood ~ x + group + (1 + x | id)", "Intercept b sd cor", {"family": "categorical"}),
}


@pytest.fixture(scope="module")
def make(make_spec, units):
    """A model's density; a fit of it with draws from nowhere, all that Bambi keeps; and the points they come from."""

    @cache
    def make(case):
        formula, classes, changes = CASES[case]
        spec = make_spec(formula, classes, engine="nuts", **changes)
        with pytensor.config.change_flags(numba__fastmath=False):
            density = Density(spec, complete_cases(spec, units))
        model, points = density.model, np.random.default_rng(1).normal(0, 0.7, (2, 3, density.dimensions))
        dims = {v.name: tuple(model.named_vars_to_dims.get(v.name) or ()) for v in model.unobserved_RVs}
        kept = [v for v in model.unobserved_RVs if "__obs__" not in dims[v.name]]
        inputs = [model.rvs_to_values[v] for v in model.free_RVs]
        outputs = model.replace_rvs_by_values(kept)
        function = pytensor.function(inputs, outputs, mode="FAST_COMPILE", on_unused_input="ignore")
        found = [function(*named(density, x).values()) for x in points.reshape(-1, density.dimensions)]
        values = {v.name: np.array([one[i] for one in found]) for i, v in enumerate(kept)}
        variables = {k: (("chain", "draw", *dims[k]), v.reshape(2, 3, *v.shape[1:])) for k, v in values.items()}
        coords = {name: list(levels) for name, levels in model.coords.items() if name != "__obs__"}
        posterior = xr.Dataset(variables, coords | {"chain": range(2), "draw": range(3)})
        tree = xr.DataTree.from_dict({"posterior": posterior})
        tree = density.bambi.backend._clean_results(tree, omit_offsets=True, include_response_params=False)
        with pytensor.config.change_flags(mode="FAST_COMPILE"):
            density.bambi.compute_log_likelihood(tree)
        tree["posterior"] = xr.DataTree(tree["posterior"].to_dataset().drop_dims("__obs__", errors="ignore"))
        return density, tree, points

    return make


def named(density, x):
    """A point (d,) as PyMC has it."""
    values = (density.model.rvs_to_values[variable].name for variable in density.model.free_RVs)
    places = density.places.items()
    return {value: x[at].reshape(density.shapes[name]) for value, (name, at) in zip(values, places, strict=True)}


@pytest.fixture
def several(make):
    return make("several factors")


@pytest.mark.parametrize("case", CASES)
def test_draws_are_recovered(make, case):
    density, tree, points = make(case)
    draws, log_density, log_likelihood = density.recover(tree)
    np.testing.assert_allclose(draws, points, rtol=1e-8, atol=1e-8)
    function = density.model.compile_logp(mode="FAST_COMPILE")
    expected = [function(named(density, x)) for x in points.reshape(-1, density.dimensions)]
    np.testing.assert_allclose(log_density.ravel(), expected)
    np.testing.assert_allclose(log_likelihood, next(iter(tree["log_likelihood"].data_vars.values())))


def test_density_of_some_rows(several, units):
    density, tree, points = several
    kept = tree["log_likelihood"]["count"].to_numpy()
    some = np.array([3, 41])
    np.testing.assert_allclose(density(points[0], some)[1], kept[0][:, some])
    np.testing.assert_allclose(density(points[1], 5)[1], kept[1, :, 5])


def test_effects_of_levels_that_only_some_rows_have(several, units):
    density, *_ = several
    own = np.flatnonzero(units["id"] == 29)
    unseen = density.unseen(own)
    position = sorted(units["id"].unique()).index(29)
    names = {name: np.flatnonzero(unseen[place]) for name, place in density.places.items() if unseen[place].any()}
    assert names == {f"{effect}|id_z_offset": [position] for effect in ("1", "x", "z")}
    assert not density.unseen(own[1:]).any()
    group = np.flatnonzero(units["group"] == "PD")
    unseen = density.unseen(group)[density.places["mood|group_z_offset"]].reshape(3, 3)
    assert unseen.all(axis=1).tolist() == unseen.any(axis=1).tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("group", "name", "change", "reason"),
    [
        ("posterior", "x|id_sigma", lambda v: v * 0, "to the last digit"),
        ("posterior", "cor_id", lambda v: v * 0 + 1, "rounded to one"),
        ("posterior", "x", lambda v: v + 0.01, "not that of the fit"),
        ("log_likelihood", "count", lambda v: v[..., :-1], "not that of the fit"),
    ],
)
def test_what_cannot_be_recovered_is_no_number(several, group, name, change, reason):
    density, tree, _ = several
    values = tree[group][name]
    damaged = tree.copy()
    damaged[group] = xr.DataTree(tree[group].to_dataset().drop_vars(name).assign({name: change(values)}))
    with pytest.raises(Unrecoverable, match=reason):
        density.recover(damaged)


def test_variables_that_are_not_kept(several, monkeypatch):
    density, tree, _ = several
    monkeypatch.setattr(density, "_offsets", lambda posterior: {})
    with pytest.raises(Unrecoverable, match="'cor_id_offset' is not kept"):
        density.recover(tree)
