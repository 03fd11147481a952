"""Tables of comparisons."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.loo import compare as compare_module
from partialpool.loo.compare import compare_all
from partialpool.loo.pointwise import ModelLoo
from partialpool.loo.psis import psis

# As in design.md, the two standard errors that R prints and design.md does not name, and Monte Carlo errors.
CONTRACT = [
    "model",
    "rank",
    "elpd_loo",
    "se_elpd_loo",
    "p_loo",
    "looic",
    "elpd_diff",
    "se_diff",
    "estimand",
    "method",
    "max_pareto_k",
    "bad_pareto_k",
    "n",
    "se_p_loo",
    "se_looic",
    "mcse_elpd_loo",
    "mcse_se_elpd_loo",
    "mcse_p_loo",
    "mcse_se_p_loo",
    "mcse_elpd_diff",
    "mcse_se_diff",
]


# loo_compare(list(a = a, b = b))
R_COMPARISON = """
model,elpd_diff,se_diff,elpd_loo,se_elpd_loo,p_loo,se_p_loo,looic,se_looic
b,0,0,-15.19955063331654,3.467443272148056,1.185497550765776,0.4071746649549356,30.39910126663307,6.934886544296112
a,-2.548867217952887,2.452356836683582,-17.74841785126942,5.736013455609498,3.427164956689816,2.856842915748352,\
35.49683570253885,11.472026911219
"""


def compare(**models):
    return compare_module.compare(models, estimand="observation")


def test_comparison_is_that_of_the_r_package_loo(made_up):
    pointwise = {model: psis(values, np.arange(8)) for model, values in made_up.items()}
    ours = compare(**pointwise)
    expected = pd.read_csv(io.StringIO(R_COMPARISON)).astype({"elpd_diff": float, "se_diff": float})
    pd.testing.assert_frame_equal(ours[list(expected.columns)], expected, rtol=1e-10)


def test_columns_are_those_of_the_contract(make):
    assert list(compare(a=make([-1.0, -2.0]), b=make([-1.0, -3.0])).columns) == CONTRACT


def test_best_model_comes_first_and_differences_are_to_it(make):
    comparison = compare(
        bad=make([-3.0, -5.0, -4.0]),
        best=make([-1.0, -2.0, -3.0]),
        good=make([-2.0, -2.0, -2.5]),
    ).set_index("model")
    assert list(comparison.index) == ["best", "good", "bad"]
    assert list(comparison["rank"]) == [0, 1, 2]
    assert list(comparison["elpd_loo"]) == [-6, -6.5, -12]
    assert list(comparison["elpd_diff"]) == [0, -0.5, -6]
    assert list(comparison["looic"]) == [12, 13, 24]
    # sqrt(n var): differences -1, 0, 0.5 and -2, -3, -1 have variances 7/12 and 1.
    np.testing.assert_allclose(comparison["se_diff"], [0, np.sqrt(3 * 7 / 12), np.sqrt(3)], rtol=1e-12)
    np.testing.assert_allclose(comparison["se_elpd_loo"], np.sqrt([3, 3 / 12, 3]), rtol=1e-12)
    np.testing.assert_allclose(comparison["se_looic"], 2 * np.sqrt([3, 3 / 12, 3]), rtol=1e-12)
    assert list(comparison["n"]) == [3, 3, 3]


def test_p_loo_is_a_sum_with_the_standard_error_of_a_sum(make):
    comparison = compare(a=make([-1.0, -2.0, -3.0], p_loo=[0.1, 0.2, 0.6]), b=make([-9.0, -9.0, -9.0])).iloc[0]
    assert comparison["p_loo"] == pytest.approx(0.9, rel=1e-12)
    assert comparison["se_p_loo"] == pytest.approx(np.sqrt(3 * 0.07), rel=1e-12)


def test_what_was_left_out_and_how_is_said(make):
    left_out = make([-1.0, -2.0], labels=["a", "b"])
    comparison = compare_module.compare(
        {"a": replace(left_out, method=np.array(["x", "y"], dtype=object)), "b": left_out}, estimand="unit"
    )
    assert comparison[["estimand", "method"]].to_numpy().tolist() == [["unit", "x y"], ["unit", "psis"]]


def test_rows_are_matched_by_their_number(made_up):
    a, b = (psis(values, np.arange(8)) for values in made_up.values())
    shuffled = b.take(np.random.default_rng(1).permutation(8))
    assert list(shuffled.labels) != list(b.labels)
    pd.testing.assert_frame_equal(compare(a=a, b=shuffled), compare(a=a, b=b))


def test_a_pareto_k_that_is_not_at_most_the_limit_is_bad(make):
    k = [-0.2, 0.7, np.nextafter(0.7, 1), 3.0, 9.0, np.inf]
    comparison = compare(a=make(-np.arange(6.0), k), b=make(-np.arange(6.0) - 1, k[:2] * 3)).set_index("model")
    assert comparison["bad_pareto_k"].to_dict() == {"a": 4, "b": 0}
    assert comparison["max_pareto_k"].to_dict() == {"a": np.inf, "b": 0.7}


def test_models_on_different_rows_are_refused_and_the_rows_named(make):
    with pytest.raises(StudyError) as error:
        compare(
            a=make([-1.0] * 4, labels=[0, 1, 2, 5]),
            b=make([-1.0] * 3, labels=[0, 1, 2]),
            c=make([-1.0] * 20),
        )
    lines = str(error.value).splitlines()
    assert "same rows only" in lines[0]
    assert lines[1:4] == [
        "  a: 4 rows; not in every other model: rows 5",
        "  b: 3 rows",
        "  c: 20 rows; not in every other model: rows 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 and 5 more",
    ]
    assert "missing values" in lines[4]


def test_as_many_rows_are_not_the_same_rows(make):
    with pytest.raises(StudyError, match=r"a: 2 rows; not in every other model: rows 1\n  b: 2 rows.*rows 2\n"):
        compare(a=make([-1.0] * 2, labels=[0, 1]), b=make([-1.0] * 2, labels=[0, 2]))


def test_an_unknown_p_loo_is_not_zero(make):
    comparison = compare(a=make([-1.0, -2.0], p_loo=[0.5, np.nan]), b=make([-2.0, -2.5])).set_index("model")
    assert np.isnan(comparison.loc["a", ["p_loo", "se_p_loo"]].astype(float)).all()


@pytest.fixture
def make_loo(make):
    """Cross-validation of a model whose plain PSIS is higher by one a row."""

    def loo(elpd):
        integrated = make(elpd, method="integrated")
        units = replace(integrated, labels=np.array(["x", "y"], dtype=object))
        return ModelLoo(integrated, units, make([value + 1 for value in elpd]))

    return loo


def test_both_estimands_and_plain_psis_stand_side_by_side(make_loo):
    models = {"a": make_loo([-1.0, -2.0]), "b": make_loo([-1.5, -2.5])}
    comparison, pointwise, units = compare_all(models, {"a": {}, "b": {}})
    blocks = comparison[["model", "estimand", "method", "elpd_loo"]].to_numpy().tolist()
    assert blocks == [
        ["a", "observation", "integrated", -3.0],
        ["b", "observation", "integrated", -4.0],
        ["a", "unit", "integrated", -3.0],
        ["b", "unit", "integrated", -4.0],
        ["a", "observation", "psis", -1.0],
        ["b", "observation", "psis", -2.0],
    ]
    assert list(pointwise.columns) == ["model", "row", "elpd", "pareto_k", "method", "psis_elpd", "psis_pareto_k"]
    assert (pointwise["psis_elpd"] - pointwise["elpd"] == 1).all()
    assert units[["model", "unit"]].to_numpy().tolist() == [["a", "x"], ["a", "y"], ["b", "x"], ["b", "y"]]


def test_a_fit_that_keeps_some_draws_only_has_no_plain_psis(make_loo):
    models = {name: make_loo([-1.0, -2.0]) for name in "ab"}
    models["b"] = replace(models["b"], plain_psis=None)
    comparison, pointwise, _ = compare_all(models, {"a": {}, "b": {}})
    assert set(comparison["method"]) == {"integrated"}
    assert pointwise.loc[pointwise["model"] == "b", "psis_elpd"].isna().all()


def test_units_are_compared_if_all_models_have_them(make_loo):
    models = {name: make_loo([-1.0, -2.0]) for name in "ab"}
    models["b"] = replace(models["b"], unit=None)
    comparison, pointwise, units = compare_all(models, {"a": {}, "b": {}})
    assert set(comparison["estimand"]) == {"observation"}
    assert len(pointwise) == 4
    assert units.empty
    assert list(units.columns) == ["model", "unit", "elpd", "pareto_k", "method"]


def test_units_alone_can_be_compared(make_loo):
    models = {name: replace(make_loo([-1.0, -2.0]), observation=None) for name in "ab"}
    comparison, pointwise, units = compare_all(models, {"a": {}, "b": {}})
    assert comparison[["model", "estimand"]].to_numpy().tolist() == [["a", "unit"], ["b", "unit"]]
    assert pointwise.empty
    assert list(pointwise.columns) == ["model", "row", "elpd", "pareto_k", "method", "psis_elpd", "psis_pareto_k"]
    assert len(units) == 4


def test_the_evidence_of_a_model_is_in_all_of_its_rows(make_loo):
    models = {name: make_loo([-1.0, -2.0]) for name in "ab"}
    fits = {"a": {"engine": "marginal", "log_evidence": -7.5, "mcse_log_evidence": 0.01}, "b": {"engine": "nuts"}}
    comparison, *_ = compare_all(models, fits)
    assert list(comparison.columns) == [*CONTRACT, "log_evidence", "mcse_log_evidence"]
    of_model = comparison.set_index("model")[["log_evidence", "mcse_log_evidence"]]
    assert of_model.loc["a"].to_numpy().tolist() == [[-7.5, 0.01]] * 3
    assert of_model.loc["b"].isna().all(axis=None)
