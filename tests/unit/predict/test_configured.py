"""All predictions of a config, and all summaries of its models, from files."""

import json

import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.fit import store
from partialpool.fit.diagnostics import summarise as summary_of
from partialpool.predict import of_models
from partialpool.predict.asked import Asked
from partialpool.predict.configured import configured
from partialpool.predict.predict import predict
from partialpool.predict.tables import summarise


@pytest.fixture
def files(tmp_path, correlated, units, quick):
    """Paths of the data and of a fit to them."""
    prepared, path = tmp_path / "prepared.parquet", tmp_path / "a.nc"
    data = units.copy()
    data.attrs["sha256"] = "0" * 64
    data.to_parquet(prepared)
    store.save(quick, path, spec=correlated, data_sha256="0" * 64)
    return str(prepared), str(path)


def test_each_entry_has_the_tables_of_its_own_models(files, correlated, units, quick):
    prepared, path = files
    asked = {"new": {"new_units": 2, "at": {"x": [0.0, 1.0]}, "seed": 3}, "average": {"average_unit": True}}
    asked["average"] |= {"at": {"x": [0.5]}}
    entries = {
        "new": {"models": ["a", "b"], "asked": asked["new"]},
        "average": {"models": ["b"], "asked": asked["average"]},
    }
    specs = dict.fromkeys("ab", correlated.to_dict())
    made = list(configured(entries, specs, prepared=prepared, fits=dict.fromkeys("ab", path)))
    for (name, entry), (summary, draws) in zip(entries.items(), made, strict=True):
        alone = [predict(quick, correlated, units, Asked(**asked[name]), model=model) for model in entry["models"]]
        pd.testing.assert_frame_equal(summary, summarise(alone))
        assert set(draws["model"]) == set(entry["models"])


def test_an_error_names_the_entry_that_it_concerns(files, correlated):
    prepared, path = files
    entries = {
        "good": {"models": ["a"], "asked": {"units": 2}},
        "bad": {"models": ["a"], "asked": {"rows": "no/such/file.csv"}},
    }
    made = configured(entries, {"a": correlated.to_dict()}, prepared=prepared, fits={"a": path})
    next(made)
    with pytest.raises(StudyError, match=r"^predictions\.bad: 'rows': there is no file 'no/such/file\.csv'"):
        next(made)


@pytest.mark.parametrize("rhat", [2.0, 0.5])
def test_every_model_is_summarised_before_failed_checks_stop_a_run(files, correlated, quick, rhat):
    prepared, path = files
    limits = {"rhat": rhat, "ess_bulk": 1, "ess_tail": 1, "divergences": 1000, "ebfmi": 0}
    limits |= {"pareto_k": 1, "acceptance": 0}
    entry = {"spec": correlated.to_dict(), "at": {}}
    options = {"prepared": prepared, "fits": dict.fromkeys("ab", path), "thresholds": limits}
    made = of_models.summarise(dict.fromkeys("ab", entry), **options, on_failed_check="stop")
    for summary, sizes, checks in (next(made), next(made)):
        pd.testing.assert_frame_equal(summary, summary_of(quick["posterior"].to_dataset()))
        assert "R2(conditional)" in set(sizes["quantity"])
        assert json.loads(checks)["rhat"]["passed"] == (rhat > 1)
    if rhat > 1:
        assert list(made) == []
    else:
        with pytest.raises(StudyError, match=r"(?s)Model a failed 1 of .*Model b failed 1 of "):
            next(made)
