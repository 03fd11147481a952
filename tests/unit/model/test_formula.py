from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.model.formula import complete_cases
from partialpool.model.matrices import evaluate
from partialpool.model.spec import ModelSpec
from partialpool.predict.values import with_categories

DATA = pd.DataFrame(
    {
        "row": range(5),
        "id": ["a", "a", "b", "b", "c"],
        "y": [1.0, 2.0, 3.0, np.nan, 5.0],
        "x": [1.0, np.nan, 3.0, 4.0, 5.0],
        "z": [1.0, 2.0, 3.0, 4.0, np.nan],
    }
)
SPEC = ModelSpec(
    formula="y ~ 1 + x + (1 | id)",
    family="gaussian",
    link=None,
    priors={},
    unit="id",
    engine="auto",
    group_effects="auto",
    sampler="nutpie",
    chains=4,
    warmup=1000,
    draws=1000,
    target_accept=None,
    seed=1,
)


def test_complete_cases_have_a_value_in_every_variable_of_the_formula():
    rows = complete_cases(SPEC, DATA)
    assert rows["row"].tolist() == [0, 2, 4]
    assert set(rows.columns) == {"y", "x", "id", "row"}
    assert rows["id"].cat.categories.tolist() == ["a", "b", "c"]


def test_rows_shared_with_other_models_have_a_value_in_their_columns_too():
    rows = complete_cases(replace(SPEC, complete=("z",)), DATA)
    assert rows["row"].tolist() == [0, 2]
    assert set(rows.columns) == {"y", "x", "id", "row"}
    assert rows["id"].cat.categories.tolist() == ["a", "b"]


def test_a_spec_without_such_columns_is_that_of_earlier_releases():
    assert "complete" not in SPEC.to_dict()
    shared = replace(SPEC, complete=("w", "z"))
    assert shared.to_dict()["complete"] == ["w", "z"]
    for spec in (SPEC, shared):
        assert ModelSpec.from_dict(spec.to_dict()) == spec


def test_columns_that_are_not_there_are_told_with_whose_they_are():
    with pytest.raises(StudyError, match=r"there is no column 'weak'\. .*Columns: id, y, x, z\."):
        complete_cases(replace(SPEC, formula="y ~ 1 + weak"), DATA)
    with pytest.raises(StudyError, match=r"no column 'v', which a model has with which it shares its rows\."):
        complete_cases(replace(SPEC, complete=("v",)), DATA)


def test_no_row_at_all_is_told_with_the_columns():
    with pytest.raises(StudyError, match=r"no row has values in all of id, x, y, z\."):
        complete_cases(replace(SPEC, complete=("z",)), DATA.assign(z=np.nan))


@pytest.mark.parametrize("formula", ["y ~ x:z + z:x", "y ~ x*z*x", "y ~ x + (x:z + z:x | id)", "y ~ (1 | id:z + z:id)"])
def test_an_interaction_in_another_order_is_the_same(formula):
    with pytest.raises(StudyError, match="are the same term"):
        complete_cases(replace(SPEC, formula=formula), DATA)


@pytest.mark.parametrize("terms", ["x - x", "y2 + x*z - x - z - x:z"])
def test_a_column_that_is_taken_away_again(terms):
    with pytest.raises(StudyError, match="'x' is added and taken away again, so that it has no term"):
        complete_cases(replace(SPEC, formula=f"y ~ 1 + {terms} + (1 | id)"), DATA)


def test_calls_that_formulae_cannot_tell_apart_are_told_with_a_way_out():
    with pytest.raises(StudyError, match=r"write the one with a column first, as in scale\(x\) \+ scale"):
        complete_cases(replace(SPEC, formula="y ~ scale(np.log(x)) + scale(x)"), DATA)
    assert len(complete_cases(replace(SPEC, formula="y ~ scale(x) + scale(np.log(x))"), DATA)) == 3


def test_products_of_large_whole_numbers_do_not_wrap():
    large = np.arange(1, 6) * 10**12
    data = DATA.assign(large=large, small=range(5), code=large)
    rows = complete_cases(replace(SPEC, formula="y ~ I(large**2) + small + (1 | code)"), data)
    design = evaluate(replace(SPEC, formula="y ~ 0 + I(large**2)"), rows).common
    np.testing.assert_allclose(np.ravel(np.asarray(design)), rows["large"].to_numpy() ** 2.0)
    # Others stay, since names of levels are made from them.
    assert rows[["small", "code"]].dtypes.tolist() == [np.int64, np.int64]
    at = with_categories(pd.DataFrame({"large": [10**12], "small": [3]}), rows)
    assert at.dtypes.tolist() == [np.float64, np.int64]
