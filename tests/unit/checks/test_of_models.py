"""All models of a study."""

import pytest
from partialpool.checks.of_models import MAKERS, Tables, check
from partialpool.fit import store
from partialpool.study.models import TABLES


def test_tables_of_each_model_come_in_their_order(tmp_path, intercepts):
    path, prepared = tmp_path / "a.nc", tmp_path / "prepared.parquet"
    store.save(intercepts.tree, path, spec=intercepts.spec, data_sha256=intercepts.data.attrs["sha256"])
    intercepts.data.to_parquet(prepared)
    spec, wanted = intercepts.spec.to_dict(), ["predictive", "loo_pit_curve", "prior_predictive"]
    models = {"a": {"spec": spec, "tables": wanted}, "b": {"spec": spec, "tables": []}}
    models = {name: model | {"bounds": None} for name, model in models.items()}
    made = check(models, prepared=str(prepared), fits={"a": str(path), "b": str(path)}, time=None)
    assert [(model, name) for model, name, _ in made] == [("a", name) for name in wanted]


def test_each_table_that_a_study_may_ask_for_can_be_made():
    assert set(MAKERS) == {"calibration", *(table for tables in TABLES.values() for table in tables)}


def test_a_model_of_units_alone_is_checked_by_their_coefficients(units_alone):
    names = {f"id[{unit}]" for unit in "abcde"}
    assert {one.name for one in units_alone.parameters} == names
    made = Tables(units_alone, None, None)
    tables = {name: MAKERS[name](made) for of in TABLES.values() for name in of}
    for name in ("sensitivity", "influence"):
        assert set(tables[name]["parameter"]) <= names
    assert names < set(tables["prior_posterior"]["parameter"])


# It compiles a model with two correlated effects for each of two levels.
@pytest.mark.slow
def test_a_categorical_outcome_with_correlated_slopes_has_all_tables(make_spec, units, fitted_to):
    spec = make_spec("mood ~ 1 + x + (1 + x | id)", "Intercept b sd cor", family="categorical")
    fitted = fitted_to(spec, units)
    made = Tables(fitted, None, None)
    tables = {name: MAKERS[name](made) for of in TABLES.values() for name in of}
    correlations = {"cor(Intercept,x)[fair]", "cor(Intercept,x)[good]"}
    assert correlations < set(tables["prior_posterior"]["parameter"])
    assert correlations < set(tables["sensitivity"]["parameter"])
