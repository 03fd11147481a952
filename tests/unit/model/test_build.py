import copy
from itertools import combinations

import bambi
import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
from partialpool.errors import StudyError
from partialpool.model import build as build_module
from partialpool.model.formula import bars, complete_cases, formula_variables
from scipy import stats
from scipy.special import expit

# ---------------------------------------------------------------------------------------- formulas


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("y ~ x", []),
        ("y ~ 1 + (1 + x | id)", [["1|id", "x|id"]]),
        ("y ~ x + (x | id)", [["1|id", "x|id"]]),
        ("y ~ (1 | id) + (0 + x | id)", [["1|id"], ["x|id"]]),
        ("y ~ (0 + z + x | id) + (1 | id)", [["z|id", "x|id"], ["1|id"]]),
        ("y ~ (x * z | a:b)", [["1|a:b", "x|a:b", "z|a:b", "x:z|a:b"]]),
        ("y ~ (1 | a / b)", [["1|a"], ["1|a:b"]]),
        ("y ~ (1 + x | a / b)", [["1|a", "x|a"], ["1|a:b", "x|a:b"]]),
        ("y ~ (x | id) + (x | a)", [["1|id", "x|id"], ["1|a", "x|a"]]),
        ("y ~ (0 + g | id)", [["g|id"]]),
        ("y ~ ((1 | id))", [["1|id"]]),
        ("log(y) ~ scale(x) + (scale(x) | id)", [["1|id", "scale(x)|id"]]),
    ],
)
def test_bars_are_told_apart(formula, expected):
    assert bars(formula) == expected


def test_the_terms_of_a_bar_stand_in_the_order_in_which_bambi_builds_them(units, make_spec):
    for formula in ("y ~ (x:z + x | id)", "y ~ (0 + z:x + v | id) + (1 | id)", "y ~ (z * x | id) + (v | group)"):
        model = bambi.Model(formula, complete_cases(make_spec(formula), units))
        terms = list(model.parameters["mu"].group_specific_terms)
        assert [name for names in bars(formula) for name in names] == terms


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("y ~ 0 + id", ["id", "y"]),
        ("y ~ x * z + (1 + x | id)", ["id", "x", "y", "z"]),
        ("log(y) ~ scale(x) + I(z**2) + offset(w) + (1 | a / b)", ["a", "b", "w", "x", "y", "z"]),
    ],
)
def test_variables_of_a_formula(formula, expected):
    assert formula_variables(formula) == expected


# ---------------------------------------------------------------------------------------- rows


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([101, 6, 29, 6], ["6", "29", "101"]),
        (["101", "6", "29", "6"], ["6", "29", "101"]),
        (["B-2", "A-10", "A-07", "B-2"], ["A-07", "A-10", "B-2"]),
        (["10", "9", "A", "9"], ["10", "9", "A"]),
    ],
)
def test_units_are_ordered_categories(make_spec, ids, expected):
    data = pd.DataFrame({"id": ids, "y": 1.0, "row": range(4)})
    rows = complete_cases(make_spec("y ~ 0 + id"), data)
    assert rows["id"].tolist() == [str(name) for name in ids]
    assert list(rows["id"].cat.categories) == expected
    assert rows["id"].cat.ordered


@pytest.fixture
def gaps():
    return pd.DataFrame(
        {
            "id": ["B", "A", "A", "C", "B"],
            "x": [0.0, 1.0, np.nan, 3.0, 4.0],
            "y": [1.0, 2.0, 3.0, np.nan, 5.0],
            "group": pd.Categorical(["u", "u", "u", "v", "u"]),
            "other": [np.nan] * 5,
            "row": range(5),
        }
    )


def test_complete_cases_are_those_of_the_formula(gaps, make_spec):
    rows = complete_cases(make_spec("y ~ x + group + (1 | id)"), gaps)
    assert sorted(rows.columns) == ["group", "id", "row", "x", "y"]
    assert rows["row"].tolist() == [0, 1, 4]
    assert rows.index.tolist() == [0, 1, 2]
    assert list(rows["id"].cat.categories) == ["A", "B"]
    assert list(rows["group"].cat.categories) == ["u"]


def test_rows_without_a_value_that_the_formula_does_not_use_stay(gaps, make_spec):
    rows = complete_cases(make_spec("y ~ 1"), gaps)
    assert rows["row"].tolist() == [0, 1, 2, 4]
    assert rows["id"].tolist() == ["B", "A", "A", "B"]


def test_complete_cases_leave_the_data_alone(gaps, make_spec):
    before = gaps.copy(deep=True)
    complete_cases(make_spec("y ~ x + group + (1 | id)"), gaps)
    pd.testing.assert_frame_equal(gaps, before)


def test_unknown_variable(gaps, make_spec):
    with pytest.raises(
        StudyError, match=r"no column 'gruop'. Did you mean 'group'\? Columns: id, x, y, group, other\."
    ):
        complete_cases(make_spec("y ~ gruop + (1 | id)"), gaps)


def test_no_complete_row(gaps, make_spec):
    with pytest.raises(StudyError, match="no row has values in all of id, other, y"):
        complete_cases(make_spec("y ~ other + (1 | id)"), gaps)


# ---------------------------------------------------------------------------------------- structure


@pytest.fixture(scope="module")
def build(units, make_spec):
    """Bambi model of a formula; its PyMC model is made, nothing is compiled."""

    def build(formula, *arguments, data=units, **keywords):
        spec = make_spec(formula, *arguments, **keywords)
        model = build_module.build(spec, complete_cases(spec, data))
        model.build()
        return model

    return build


@pytest.mark.parametrize(
    ("formula", "changes", "message"),
    [
        (
            "y ~ 1 + x + (1 | id)",
            {"classes": "Intercept sd sigma"},
            r"class 'b' \(x\) without a prior.*b: Normal\(0, 1\)",
        ),
        ("y ~ 1 + x", {"classes": "b sigma"}, "class 'Intercept' without a prior"),
        ("y ~ 1 + x", {"classes": "Intercept b"}, r"class 'sigma' without a prior.*sigma: Exponential\(1\)"),
        ("y ~ 1 + (1 | id)", {"classes": "Intercept sigma"}, r"class 'sd' \(Intercept\) without a prior"),
        ("y ~ 1 + (x | id)", {"classes": "Intercept sd sigma"}, r"class 'cor' without a prior.*cor: LKJ\(1\)"),
        (
            "y ~ 1 + (x | id)",
            {"classes": "Intercept cor sigma", "priors": {"sd[Intercept]": "Exponential(1)"}},
            r"class 'sd' \(x\) without a prior",
        ),
        (
            "y ~ 1 + (1 | id)",
            {"classes": "Intercept b sd cor sigma"},
            r"no parameter for the prior of b, cor. Its classes: Intercept, sd, sd\[Intercept\], sigma\.",
        ),
        ("y ~ 0 + offset(x)", {"classes": "sigma"}, "it has no coefficients, and Bambi cannot predict without any"),
        ("y ~ 0 + x", {"classes": "Intercept b sigma"}, r"prior of Intercept. Its classes: b, b\[x\], sigma\."),
        ("y ~ x", {"classes": "Intercept b sigma", "priors": {"b[z]": "Normal(0, 2)"}}, r"prior of b\[z\]"),
        ("y ~ x + offset(z)", {"classes": "Intercept b sigma", "priors": {"b[z]": "Normal(0, 2)"}}, r"prior of b\[z\]"),
        ("y ~ 1", {"classes": "Intercept sigma", "family": "gausian"}, "family 'gausian'.*not a valid"),
        ("y ~ 1", {"classes": "Intercept sigma", "link": "logg"}, "'logg' cannot be used"),
        ("y ~ x + I(z / 2)", {"classes": "Intercept b sigma"}, r"slash, as in 'I\(z / 2\)'.*I\(0.5 \* x\)"),
        ("y ~ 1 + (0 + I(x / 2) | id)", {"classes": "Intercept sd sigma"}, "slash"),
        ("I(y / 2) ~ 1", {"classes": "Intercept sigma"}, r"slash, as in 'I\(y / 2\)'"),
        ("y ~ (1 + x | id) + (1 | id)", {}, r"'1\|id' stands in two terms.*\(0 \+ x \| unit\)"),
        ("y ~ (1 | id) + (x | id)", {}, r"'1\|id' stands in two terms"),
        # Bambi calls the scale of this family b: coefficients would have its prior, or it theirs.
        ("y ~ x", {"classes": "Intercept b", "family": "laplace"}, r"family 'laplace' b is the scale.*one by one"),
        (
            "y ~ x + z",
            {"classes": "Intercept", "family": "laplace", "priors": {"b": "Exponential(1)", "b[x]": "Normal(0, 1)"}},
            "b is the scale",
        ),
        (
            "mood ~ x + (0 + group | id)",
            {"family": "categorical", "classes": "Intercept b sd cor"},
            r"cannot give 'group\|id' several effects in the family 'categorical'",
        ),
    ],
)
def test_what_cannot_be_built(build, formula, changes, message):
    with pytest.raises(StudyError, match=message):
        build(formula, **changes)


def test_the_scale_of_a_laplace_family_beside_coefficients(build):
    priors = {"b": "Exponential(2)", "b[x]": "Normal(0, 3)"}
    model = build("y ~ x", "Intercept", family="laplace", priors=priors).backend.model
    assert model["b"].owner.op.name == "exponential"
    assert model["x"].owner.op.name == "normal"


@pytest.mark.parametrize("column", ["mu", "sigma"])
def test_a_column_with_the_name_of_a_parameter_of_the_family(build, units, column):
    with pytest.raises(StudyError, match=f"'{column}' is also the name of a parameter of the family 'gaussian'"):
        build(f"y ~ {column}", "Intercept b sigma", data=units.rename(columns={"z": column}))


def test_every_prior_is_the_one_written(build):
    priors = {
        "Intercept": "Normal(1, 2)",
        "b": "Normal(3, 4)",
        "b[z]": "StudentT(5, 6, 7)",
        "sd": "Exponential(8)",
        "sd[v]": "Gamma(9, 10)",
        "cor": "LKJ(3)",
        "sigma": "HalfNormal(11)",
    }
    model = build("y ~ x + z + group + (x | id) + (0 + v | group)", "", priors=priors).backend.model
    half = np.full(1, 3.0)
    expected = {
        "Intercept": ("normal", 1, 2),
        "x": ("normal", 3, 4),
        "z": ("t", 5, 6, 7),
        "group": ("normal", 3, 4),
        "1|id_sigma": ("exponential", 1 / 8),
        "x|id_sigma": ("exponential", 1 / 8),
        "v|group_sigma": ("gamma", 9, 1 / 10),
        "sigma": ("halfnormal", 0, 11),
        "cor_id_offset": ("beta", half, half),
        "1|id_z_offset": ("normal", 0, 1),
        "x|id_z_offset": ("normal", 0, 1),
        "v|group_offset": ("normal", 0, 1),
    }
    assert {variable.name for variable in model.free_RVs} == expected.keys()
    for name, (distribution, *parameters) in expected.items():
        op, node = model[name].owner.op, model[name].owner
        assert op.name == distribution, name
        for found, wanted in zip(op.dist_params(node), parameters, strict=True):
            np.testing.assert_allclose(found.eval(mode="FAST_COMPILE"), wanted, rtol=1e-15, err_msg=name)


@pytest.mark.parametrize(
    ("formula", "classes"),
    [("y ~ 1 + (1 | id)", "Intercept sd sigma"), ("y ~ x + (1 | id) + (0 + x | id)", "Intercept b sd sigma")],
)
def test_independent_terms_are_bambis_own(build, formula, classes):
    model = build(formula, classes).backend.model
    assert not [name for name in model.named_vars if name.startswith("cor_")]
    for names in bars(formula):
        (name,) = names
        offset, sigma = np.arange(12.0), 0.5
        effects = evaluate(model, [name], {f"{name}_offset": offset, f"{name}_sigma": sigma})[name]
        np.testing.assert_array_equal(effects, offset * sigma)


def test_a_model_of_one_level_has_no_effects_of_units(build):
    model = build("y ~ x", "Intercept b sigma").backend.model
    assert {variable.name for variable in model.free_RVs} == {"Intercept", "x", "sigma"}


def test_correlated_terms_keep_bambis_names(build):
    model = build("y ~ 1 + x + (1 + x | id)").backend.model
    ids = ("3", "5", "6", "7", "11", "18", "29", "40", "64", "92", "101", "250")
    assert tuple(model.coords["id__factor_dim"]) == ids
    assert tuple(model.coords["cor_id_dim"]) == ("Intercept,x",)
    # What does not end on _offset is kept by Bambi.
    kept = {name: tuple(dims) for name, dims in model.named_vars_to_dims.items() if not name.endswith("_offset")}
    assert kept == {
        "cor_id": ("cor_id_dim",),
        "1|id_sigma": (),
        "1|id": ("id__factor_dim",),
        "x|id_sigma": (),
        "x|id": ("id__factor_dim",),
        "mu": ("__obs__",),
        "y": ("__obs__",),
    }


# ---------------------------------------------------------------------------------------- algebra


def evaluate(model, wanted, values):
    """Values of some of a PyMC model's variables, given values of others."""
    # FAST_COMPILE: compiling takes longer than all the computing here.
    function = pytensor.function(
        [model[name] for name in values],
        [model[name] for name in wanted],
        mode="FAST_COMPILE",
        on_unused_input="ignore",
    )
    return dict(zip(wanted, function(*values.values()), strict=True))


def correlation_matrices(correlations):
    """Symmetric matrices of shape (..., q, q) from their upper triangles, shape (..., pairs), row by row."""
    q = round((1 + np.sqrt(1 + 8 * correlations.shape[-1])) / 2)
    matrices = np.zeros((*correlations.shape[:-1], q, q)) + np.eye(q)
    for k, (i, j) in enumerate(combinations(range(q), 2)):
        matrices[..., i, j] = matrices[..., j, i] = correlations[..., k]
    return matrices


def assert_effects_have_the_covariance_of_the_model(model, terms, cor="cor_id", seed=1):
    """The effects are z L' with L the Cholesky factor, which is unique, of S R S."""
    rng = np.random.default_rng(seed)
    shapes = dict(zip(terms, pm.draw([model[name] for name in terms], mode="FAST_COMPILE"), strict=True))
    values = {f"{name}_z_offset": rng.normal(size=effects.shape) for name, effects in shapes.items()}
    values |= {f"{name}_sigma": rng.uniform(0.1, 3, effects.shape[1:]) for name, effects in shapes.items()}
    values[f"{cor}_offset"] = rng.uniform(size=pm.draw(model[cor], mode="FAST_COMPILE").shape)
    found = evaluate(model, [*terms, cor], values)

    def columns(arrays):
        return np.concatenate([a.reshape(a.shape[0], -1) for a in arrays], axis=1)

    z = columns([values[f"{name}_z_offset"] for name in terms])
    sd = np.concatenate([np.atleast_1d(values[f"{name}_sigma"]) for name in terms])
    cholesky = np.linalg.cholesky(np.outer(sd, sd) * correlation_matrices(found[cor]))
    assert z.shape[1] == len(sd) == len(cholesky) > 1
    np.testing.assert_allclose(columns([found[name] for name in terms]), z @ cholesky.T, rtol=1e-9, atol=1e-12)


BLOCKS = {
    "y ~ 1 + (1 + x | id)": ["Intercept,x"],
    "y ~ 1 + (0 + z + x | id)": ["z,x"],
    "y ~ 1 + (z + x | id)": ["Intercept,z", "Intercept,x", "z,x"],
    "y ~ 1 + (x * z | id)": ["Intercept,x", "Intercept,z", "Intercept,x:z", "x,z", "x,x:z", "z,x:z"],
    "y ~ 1 + (0 + mood | id)": ["mood[bad],mood[fair]", "mood[bad],mood[good]", "mood[fair],mood[good]"],
    "y ~ 1 + (x + mood | id)": [
        "Intercept,x",
        "Intercept,mood[fair]",
        "Intercept,mood[good]",
        "x,mood[fair]",
        "x,mood[good]",
        "mood[fair],mood[good]",
    ],
    "y ~ 1 + (0 + mood + x | id)": [
        "mood[bad],mood[fair]",
        "mood[bad],mood[good]",
        "mood[bad],x",
        "mood[fair],mood[good]",
        "mood[fair],x",
        "mood[good],x",
    ],
}


@pytest.mark.parametrize(("formula", "pairs"), BLOCKS.items())
def test_blocks_of_any_size(build, formula, pairs):
    model = build(formula, "Intercept sd cor sigma").backend.model
    assert list(model.coords["cor_id_dim"]) == pairs
    assert_effects_have_the_covariance_of_the_model(model, bars(formula)[0])


def test_two_blocks_of_one_factor(build):
    model = build("y ~ 1 + (x | id) + (0 + z + v | id)", "Intercept sd cor sigma").backend.model
    assert list(model.coords["cor_id__dim"]) == ["z,v"]
    assert_effects_have_the_covariance_of_the_model(model, ["1|id", "x|id"], "cor_id")
    assert_effects_have_the_covariance_of_the_model(model, ["z|id", "v|id"], "cor_id_")


def test_blocks_of_nested_factors(build):
    model = build("y ~ 1 + (x | group / id)", "Intercept sd cor sigma").backend.model
    assert_effects_have_the_covariance_of_the_model(model, ["1|group", "x|group"], "cor_group")
    assert_effects_have_the_covariance_of_the_model(model, ["1|group:id", "x|group:id"], "cor_group:id")


def test_an_independent_term_beside_a_block_stays_out_of_it(build):
    model = build("y ~ 1 + (1 | id) + (0 + z + x | id)", "Intercept sd cor sigma").backend.model
    assert "1|id_offset" in model.named_vars
    assert_effects_have_the_covariance_of_the_model(model, ["z|id", "x|id"])


def test_a_model_can_be_built_again_with_copies_of_its_priors(build):
    model = build("y ~ 1 + x + (1 + x | id)")
    built = [model.backend.model]
    model.build()
    built.append(model.backend.model)
    # As Bambi's own set_priors does, for each prior by itself.
    for name in ("1|id", "x|id"):
        term = model.parameters["mu"].terms[name]
        term.prior = copy.deepcopy(term.prior)
    model.build()
    built.append(model.backend.model)
    for each in built:
        assert list(each.named_vars) == list(built[0].named_vars)
        assert_effects_have_the_covariance_of_the_model(each, ["1|id", "x|id"])


def test_effects_are_finite_where_correlations_round_to_one(build):
    model = build("y ~ 1 + (x + z | id)", "Intercept sd cor sigma").backend.model
    terms = ["1|id", "x|id", "z|id"]
    z = {f"{name}_z_offset": np.linspace(-2, 2, 12) for name in terms}
    for half in (0.0, 1e-300, 1 - 2**-53, 1.0):
        values = z | {f"{name}_sigma": 1.0 for name in terms} | {"cor_id_offset": np.full(3, half)}
        found = evaluate(model, [*terms, "cor_id"], values)
        assert np.isfinite([found[name] for name in terms]).all()
        np.testing.assert_allclose(np.abs(found["cor_id"]), 1, rtol=1e-7)


@pytest.mark.parametrize(
    ("outcome", "family", "classes", "priors"),
    [
        ("flag", "bernoulli", "Intercept b sd cor", {}),
        ("count", "poisson", "Intercept b sd cor", {}),
        ("count", "negativebinomial", "Intercept b sd cor", {"alpha": "Exponential(1)"}),
        ("y", "t", "Intercept b sd cor sigma", {"nu": "Gamma(2, 0.1)"}),
    ],
)
def test_families(build, outcome, family, classes, priors):
    model = build(f"{outcome} ~ x + (1 + x | id)", classes, priors=priors, family=family).backend.model
    assert [variable.name for variable in model.observed_RVs] == [outcome]
    assert priors.keys() <= {variable.name for variable in model.free_RVs}
    assert_effects_have_the_covariance_of_the_model(model, ["1|id", "x|id"])


def test_parameters_of_a_family_are_in_one_order(make_spec, units):
    """Whatever order Bambi's set of them has in this process."""
    priors = {"sigma": "Exponential(1)", "nu": "Gamma(2, 0.1)"}
    spec = make_spec("y ~ x", "Intercept b", priors=priors, family="t")
    model = build_module.build(spec, complete_cases(spec, units))
    model.build()
    assert [v.name for v in model.backend.model.free_RVs] == ["nu", "sigma", "Intercept", "x"]


def test_outcomes_with_levels_have_a_block_for_each(build):
    model = build("mood ~ x + (1 + x | id)", "Intercept b sd cor", family="categorical").backend.model
    assert model.named_vars_to_dims["cor_id"] == ("cor_id_dim", "mood_reduced_dim")
    assert model.named_vars_to_dims["x|id"] == ["id__factor_dim", "mood_reduced_dim"]
    rng = np.random.default_rng(1)
    terms, z = ["1|id", "x|id"], rng.normal(size=(2, 12, 2))
    sd, half = rng.uniform(0.1, 3, (2, 2)), rng.uniform(size=(1, 2))
    values = {f"{name}_z_offset": z[k] for k, name in enumerate(terms)}
    values |= {f"{name}_sigma": sd[k] for k, name in enumerate(terms)} | {"cor_id_offset": half}
    found = evaluate(model, [*terms, "cor_id"], values)
    for level in range(2):
        covariance = np.outer(sd[:, level], sd[:, level]) * correlation_matrices(found["cor_id"][:, level])
        effects = np.stack([found[name][:, level] for name in terms])
        np.testing.assert_allclose(effects, np.linalg.cholesky(covariance) @ z[..., level], rtol=1e-9)


# ---------------------------------------------------------------------------------------- the prior


def lkj_by_rejection(q, eta, n, rng):
    """LKJ(eta) from its definition: uniform over [-1, 1] in every correlation, kept where the matrix is
    positive definite, with probability det(R)**(eta - 1).
    """
    kept, found = [], 0
    while found < n:
        matrices = correlation_matrices(rng.uniform(-1, 1, (50_000, q * (q - 1) // 2)))
        # Positive definite: every leading minor is positive.
        minors = np.stack([np.linalg.det(matrices[:, :k, :k]) for k in range(2, q + 1)])
        keep = (minors > 0).all(axis=0) & (rng.uniform(size=len(matrices)) < np.abs(minors[-1]) ** (eta - 1))
        kept.append(matrices[keep])
        found += keep.sum()
    return np.concatenate(kept)[:n]


@pytest.mark.numbers
@pytest.mark.parametrize("eta", [1, 3])
@pytest.mark.parametrize("q", [2, 3, 4])
def test_the_prior_of_the_correlations_is_lkj(build, q, eta):
    slopes = " + ".join(["x", "z", "v"][: q - 1])
    model = build(f"y ~ 1 + ({slopes} | id)", "Intercept sd sigma", priors={"cor": f"LKJ({eta})"}).backend.model
    draws = pm.draw(model["cor_id"], draws=5000, random_seed=11, mode="FAST_COMPILE")
    matrices = correlation_matrices(draws)
    assert (np.linalg.eigvalsh(matrices) > 0).all()
    # Every correlation is 2 Beta(b, b) - 1 with b = eta - 1 + q / 2 (Lewandowski et al. 2009). Threshold: 10 tests of
    # each q reject with probability 0.001 in all. A wrong b, such as eta for q = 4, has p < 1e-20.
    b = eta - 1 + q / 2
    for k in range(draws.shape[1]):
        assert stats.kstest(draws[:, k], stats.beta(b, b, loc=-1, scale=2).cdf).pvalue > 1e-4
    # That they belong together shows in the determinant.
    definition = lkj_by_rejection(q, eta, 5000, np.random.default_rng(12))
    assert stats.ks_2samp(np.linalg.det(matrices), np.linalg.det(definition)).pvalue > 1e-4


@pytest.mark.numbers
def test_the_log_density_is_the_textbooks(build, units):
    """Normal measurements, multivariate normal effects, LKJ(2) correlation: evaluated without PyMC."""
    model = build("y ~ 1 + x + (1 + x | id)").backend.model
    log_density = model.compile_logp(jacobian=False, mode="FAST_COMPILE")
    ids = units["id"].to_numpy()
    unit = np.searchsorted(np.unique(ids), ids)
    x, y = units["x"].to_numpy(), units["y"].to_numpy()
    rng = np.random.default_rng(5)
    for _ in range(4):
        intercept, slope = rng.normal(size=2)
        log_sd, log_sigma, logit_half, z = rng.normal(size=2), rng.normal(), rng.normal(), rng.normal(size=(12, 2))
        point = {
            "Intercept": intercept,
            "x": slope,
            "sigma_log__": log_sigma,
            "1|id_sigma_log__": log_sd[0],
            "x|id_sigma_log__": log_sd[1],
            "cor_id_offset_logodds__": np.array([logit_half]),
            "1|id_z_offset": z[:, 0],
            "x|id_z_offset": z[:, 1],
        }
        assert point.keys() == model.initial_point().keys()
        sd, sigma, rho = np.exp(log_sd), np.exp(log_sigma), 2 * expit(logit_half) - 1
        covariance = np.outer(sd, sd) * np.array([[1, rho], [rho, 1]])
        effects = z @ np.linalg.cholesky(covariance).T
        # The Intercept is that of the centred design.
        mean = intercept + slope * (x - x.mean()) + effects[unit, 0] + effects[unit, 1] * x
        expected = (
            stats.norm(0, 1.5).logpdf(intercept)
            + stats.norm(0, 1).logpdf(slope)
            + stats.expon().logpdf(sd).sum()
            + stats.expon(scale=1 / 2).logpdf(sigma)
            # LKJ(2) of two: 3/4 (1 - rho^2); times d rho / d half = 2.
            + np.log(3 / 4 * (1 - rho**2) * 2)
            # Density of the effects, times |d effects / d z|.
            + stats.multivariate_normal([0, 0], covariance).logpdf(effects).sum()
            + 12 * np.log(np.linalg.det(covariance)) / 2
            + stats.norm(mean, sigma).logpdf(y).sum()
        )
        np.testing.assert_allclose(log_density(point), expected, rtol=1e-11)
