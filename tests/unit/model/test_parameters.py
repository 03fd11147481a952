import numpy as np
import pytest
import xarray as xr
from partialpool.model import parameters

CHAINS, DRAWS = 2, 3
UNITS = {"id__factor_dim": ["6", "29"]}
SITES = {"site__factor_dim": ["N", "S", "W"]}


def posterior(variables, family="sigma"):
    """Made-up draws, all different, of variables given by their dimensions and levels."""
    numbers = iter(range(10**6))
    arrays = {}
    for name, levels in variables.items():
        shape = (CHAINS, DRAWS, *map(len, levels.values()))
        values = np.array([next(numbers) for _ in range(np.prod(shape))], dtype=float).reshape(shape)
        arrays[name] = xr.DataArray(values, dims=("chain", "draw", *levels), coords=levels)
    return xr.Dataset(arrays, attrs={"family_parameters": family})


def names(listed, kind=None):
    return [parameter.name for parameter in listed if kind in (None, parameter.kind)]


def test_a_mean_for_every_unit():
    listed = parameters.of(posterior({"id": {"id_dim": ["6", "29"]}, "sigma": {}}))
    assert [(parameter.name, parameter.kind) for parameter in listed] == [
        ("id[6]", "common"),
        ("id[29]", "common"),
        ("sigma", "family"),
    ]


def test_thresholds_are_counted_from_1():
    listed = parameters.of(posterior({"threshold": {"threshold_dim": [0, 1, 2]}}, family="threshold"))
    assert names(listed, "family") == ["threshold[1]", "threshold[2]", "threshold[3]"]


def test_a_column_may_be_called_threshold():
    listed = parameters.of(posterior({"threshold": {"threshold_dim": ["low", "high"]}}))
    assert names(listed, "common") == ["threshold[low]", "threshold[high]"]


def test_correlated_intercepts_and_slopes_in_the_order_of_the_contract():
    listed = parameters.of(
        posterior(
            {
                "week|id": UNITS,
                "cor_id": {"cor_id_dim": ["Intercept,week"]},
                "sigma": {},
                "week|id_sigma": {},
                "week": {},
                "1|id_sigma": {},
                "group": {"group_dim": ["PD"]},
                "1|id": UNITS,
                "Intercept": {},
            }
        )
    )
    assert names(listed, "common") == ["Intercept", "week", "group[PD]"]
    assert names(listed, "sd") == ["sd(week)", "sd(Intercept)"]
    assert names(listed, "cor") == ["cor(Intercept,week)"]
    assert names(listed, "family") == ["sigma"]
    assert names(listed, "group") == ["r_id[6,week]", "r_id[29,week]", "r_id[6,Intercept]", "r_id[29,Intercept]"]
    assert names(listed) == [
        name for kind in ("common", "sd", "cor", "family", "group") for name in names(listed, kind)
    ]


def test_slopes_of_a_category():
    levels = {"g__expr_dim": ["B", "C"]}
    pairs = ["Intercept,g[B]", "Intercept,g[C]", "g[B],g[C]"]
    listed = parameters.of(
        posterior(
            {"g|id_sigma": levels, "g|id": levels | UNITS, "cor_id": {"cor_id_dim": pairs}, "1|id_sigma": {}},
        )
    )
    assert names(listed, "sd") == ["sd(g[B])", "sd(g[C])", "sd(Intercept)"]
    assert names(listed, "cor") == ["cor(Intercept,g[B])", "cor(Intercept,g[C])", "cor(g[B],g[C])"]
    assert names(listed, "group") == ["r_id[6,g[B]]", "r_id[29,g[B]]", "r_id[6,g[C]]", "r_id[29,g[C]]"]


def test_several_grouping_factors_have_names_of_their_own():
    listed = parameters.of(
        posterior(
            {
                "1|id_sigma": {},
                "1|site_sigma": {},
                "week|id_sigma": {},
                "week|site_sigma": {},
                "1|id": UNITS,
                "1|site": SITES,
                "week|id": UNITS,
                "week|site": SITES,
                "cor_id": {"cor_id_dim": ["Intercept,week"]},
                "cor_site": {"cor_site_dim": ["Intercept,week"]},
            }
        )
    )
    assert names(listed, "sd") == ["sd(id:Intercept)", "sd(site:Intercept)", "sd(id:week)", "sd(site:week)"]
    assert names(listed, "cor") == ["cor(id:Intercept,week)", "cor(site:Intercept,week)"]
    assert names(listed, "group")[1:3] == ["r_id[29,Intercept]", "r_site[N,Intercept]"]
    assert len(set(names(listed))) == len(listed) == 6 + 2 * 2 + 2 * 3


def test_nested_factors_have_names_of_their_own():
    rooms = {"site:room__factor_dim": ["N:1", "N:2", "S:1"]}
    pair = ["Intercept,week"]
    listed = parameters.of(
        posterior(
            {"1|site_sigma": {}, "1|site": SITES, "week|site_sigma": {}, "week|site": SITES}
            | {"1|site:room_sigma": {}, "1|site:room": rooms, "week|site:room_sigma": {}, "week|site:room": rooms}
            | {"cor_site": {"cor_site_dim": pair}, "cor_site:room": {"cor_site:room_dim": pair}}
        )
    )
    assert names(listed, "sd")[::2] == ["sd(site:Intercept)", "sd(site:room:Intercept)"]
    assert names(listed, "cor") == ["cor(site:Intercept,week)", "cor(site:room:Intercept,week)"]
    assert names(listed, "group")[6:8] == ["r_site:room[N:1,Intercept]", "r_site:room[N:2,Intercept]"]
    assert len(set(names(listed))) == len(listed)


def test_two_bars_of_one_factor_have_two_correlations():
    blocks = {"cor_id": {"cor_id_dim": ["Intercept,x"]}, "cor_id_": {"cor_id__dim": ["g[A],g[B]"]}}
    listed = parameters.of(posterior({"1|id_sigma": {}, "1|id": UNITS} | blocks))
    assert names(listed, "cor") == ["cor(Intercept,x)", "cor(g[A],g[B])"]


def test_a_factor_called_like_a_standard_deviation_is_still_a_factor():
    units = {"id_sigma__factor_dim": ["6", "29"]}
    listed = parameters.of(posterior({"1|id_sigma_sigma": {}, "1|id_sigma": units}))
    assert names(listed) == ["sd(Intercept)", "r_id_sigma[6,Intercept]", "r_id_sigma[29,Intercept]"]


def test_a_predictor_called_like_a_correlation_is_still_a_predictor():
    listed = parameters.of(posterior({"cor_id": {}, "1|id_sigma": {}, "1|id": UNITS}))
    assert names(listed, "common") == ["cor_id"]


def test_parameters_of_a_categorical_outcome_name_the_response():
    response = {"y_reduced_dim": ["b", "c"]}
    listed = parameters.of(
        posterior(
            {
                "Intercept": response,
                "x": response,
                "1|id_sigma": response,
                "1|id": UNITS | response,
                "cor_id": {"cor_id_dim": ["Intercept,x"]} | response,
            },
            family="",
        )
    )
    assert names(listed, "common") == ["Intercept[b]", "Intercept[c]", "x[b]", "x[c]"]
    assert names(listed, "sd") == ["sd(Intercept)[b]", "sd(Intercept)[c]"]
    assert names(listed, "cor") == ["cor(Intercept,x)[b]", "cor(Intercept,x)[c]"]
    assert names(listed, "group")[:2] == ["r_id[6,Intercept][b]", "r_id[6,Intercept][c]"]


def test_family_parameters_are_those_that_the_fit_names():
    assert [p.kind for p in parameters.of(posterior({"alpha": {}, "x": {}}, family="alpha"))] == ["common", "family"]
    assert [p.name for p in parameters.of(posterior({"alpha": {}, "x": {}}, family="alpha"))] == ["x", "alpha"]


@pytest.mark.parametrize(
    "dims", [("chain", "draw", "a", "b"), ("a", "draw", "b", "chain"), ("b", "a", "draw", "chain")]
)
def test_draws_are_those_of_the_parameter_whatever_the_order_of_dimensions(dims):
    dataset = posterior({"x": {"a": ["A", "B"], "b": ["1", "2", "3"]}})
    listed = parameters.of(dataset.transpose(*dims))
    assert len(listed) == 6
    for parameter in listed:
        labels = parameter.name.removeprefix("x[").removesuffix("]").split(",")
        coordinates = {dim: label for label, dim in zip(labels, [d for d in dims if d in "ab"], strict=True)}
        expected = dataset["x"].sel(coordinates).transpose("chain", "draw").to_numpy()
        draws = parameter.draws(dataset.transpose(*dims))
        assert draws.shape == (CHAINS, DRAWS)
        np.testing.assert_array_equal(draws, expected)


def test_levels_may_be_numbers():
    dataset = posterior({"1|id": {"id__factor_dim": [6, 29]}})
    assert names(parameters.of(dataset)) == ["r_id[6,Intercept]", "r_id[29,Intercept]"]
