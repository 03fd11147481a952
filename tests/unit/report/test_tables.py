import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.report import tables
from partialpool.study.data import Nouns

HERDS = Nouns(unit=("herd", "herds"), measurement=("count", "counts"))


@pytest.mark.parametrize(
    ("value", "sd", "shown"),
    [(0.191234, 0.0078, "0.1912"), (-0.00187, 0.0026, "−0.0019"), (12.345, 3.0, "12.3"), (1234.5, 250.0, "1234")],
)
def test_estimates_show_two_digits_of_their_uncertainty(value, sd, shown):
    row = {"parameter": "x", "mean": value, "sd": sd, "q2.5": value, "q97.5": value, "rhat": 1.0, "ess_bulk": 400.0}
    summary = pd.DataFrame([row | {"ess_tail": 400.0, "mcse_mean": sd / 20, "mcse_sd": sd / 20}])
    assert tables.estimates(summary).loc[0, "mean"] == shown
    assert tables.estimates(summary, pd.Series({"x": value})).loc[0, "truth"] == shown
    assert tables.estimates(summary, pd.Series({"z": value})).loc[0, "truth"] == "–"


def test_variables_have_their_own_names_behind_their_labels():
    row = {"n": 3, "missing": 0, "mean": 1.25, "sd": 0.5, "q5.5": 1.0, "q94.5": 2.0, "histogram": np.nan}
    shown = tables.described(pd.DataFrame([row | {"variable": "y"}, row | {"variable": "x"}]), {"y": "Yield"})
    assert shown["variable"].tolist() == ["Yield (y)", "x"]
    assert shown["mean"].tolist() == ["1.250", "1.250"]
    assert shown["histogram"].tolist() == ["", ""]


def test_predictions_name_the_unit_by_its_noun_whatever_labels_say():
    values = pd.DataFrame({"model": ["a"], "id": ["6"], "x": [1.0], "mean": [0.1234], "q2.5": [0.0], "q97.5": [0.4]})
    shown = tables.predicted(values, {"id": "Id", "x": "Exposure"}, HERDS)
    assert shown.columns.tolist() == ["model", "herd", "Exposure", "mean", "q2.5", "q97.5"]
    assert shown.loc[0, "mean"] == "0.12"


def test_rows_used_are_counted_under_the_nouns():
    rows = xr.Dataset({"farm": ("__obs__", ["1", "1", "2"])})
    trees = {"a": xr.DataTree.from_dict({"constant_data": rows})}
    used = tables.rows_used(trees, {"a": "Title"}, unit="farm", nouns=HERDS)
    assert used.to_dict("records") == [{"model": "a Title", "counts": 3, "herds": 2}]


def test_parameters_are_counted_by_kind():
    one = (("chain", "draw"), np.zeros((1, 2)))
    effects = (("chain", "draw", "farm__factor_dim"), np.zeros((1, 2, 3)))
    posterior = xr.Dataset(
        {"Intercept": one, "sigma": one, "1|farm_sigma": one, "1|farm": effects},
        {"farm__factor_dim": ["1", "2", "3"]},
        {"family_parameters": "sigma"},
    )
    tree = xr.DataTree.from_dict({"posterior": posterior})
    (counts,) = tables.sizes({"a": tree}, {"a": "Title"}).to_dict("records")
    assert list(counts.values()) == ["a Title", 1, 3, 1, 1, 6]
    assert tables.population_parameters(tree) == {"Intercept", "sd(Intercept)", "sigma"}
    farms = (("statistic", "farm__factor_dim"), np.zeros((2, 3)))
    groups = {"posterior": posterior.drop_vars("1|farm"), "group_effects": xr.Dataset({"1|farm": farms})}
    groups["group_effects"] = groups["group_effects"].assign_coords(statistic=["mean", "sd"])
    summarised = xr.DataTree.from_dict(groups)
    assert tables.sizes({"a": summarised}, {"a": "Title"}).to_dict("records") == [counts]
    assert (tables.summarised_effects(tree), tables.summarised_effects(summarised)) == (0, 3)
