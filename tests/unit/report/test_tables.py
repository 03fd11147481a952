import numpy as np
import pandas as pd
import pytest
import xarray as xr
from markupsafe import Markup
from partialpool.report import tables
from partialpool.report.meaning import Meaning
from partialpool.study.data import Data, Nouns

MCSE = ("mcse_mean", "mcse_sd", "mcse_q2.5", "mcse_q97.5")
HERDS = Nouns(unit=("herd", "herds"), measurement=("count", "counts"))


def data(**keys):
    return Data(source="a.csv", outcome="y", unit="id", nouns=HERDS, **keys)


@pytest.mark.parametrize(
    ("value", "sd", "shown"),
    [(0.191234, 0.0078, "0.1912"), (-0.00187, 0.0026, "−0.0019"), (12.345, 3.0, "12.3"), (1234.5, 250.0, "1230")],
)
def test_estimates_show_two_digits_of_their_uncertainty(value, sd, shown):
    row = {"parameter": "x", "mean": value, "sd": sd, "q2.5": value, "q97.5": value, "rhat": 1.0, "ess_bulk": 400.0}
    summary = pd.DataFrame([row | {"ess_tail": 400.0} | dict.fromkeys(MCSE, sd / 20)])
    assert tables.estimates(summary).loc[0, "mean"] == shown
    assert tables.estimates(summary, truth=pd.Series({"x": value})).loc[0, "truth"] == shown
    assert tables.estimates(summary, truth=pd.Series({"z": value})).loc[0, "truth"] == "–"


def test_the_meaning_of_a_parameter_stands_below_its_name():
    row = dict.fromkeys(("mean", "sd", "q2.5", "q97.5", "rhat", "ess_bulk", "ess_tail", *MCSE), 1.0)
    summary = pd.DataFrame([row | {"parameter": name} for name in ("Intercept", "x[<b>]", "nu")])
    meanings = {
        "Intercept": Meaning("common", "Intercept", Markup("<a>Intercept</a>"), Markup("kg"), Markup()),
        "x[<b>]": Meaning("common", "x", Markup("Dose &lt;b&gt;"), Markup(), Markup()),
    }
    assert tables.estimates(summary, meanings)["parameter"].tolist() == [
        'Intercept<br><span class="meaning">kg</span>',
        'x[&lt;b&gt;]<br><span class="meaning">Dose &lt;b&gt;</span>',
        "nu",
    ]


def test_variables_have_their_own_names_behind_their_labels():
    row = {"n": 3, "missing": 0, "mean": 1.25, "sd": 0.5, "q5.5": 1.0, "q94.5": 2.0, "histogram": np.nan}
    summary = pd.DataFrame([row | {"variable": name} for name in ("y", "x", "age", "wk")])
    words = data(labels={"y": "Yield", "wk": "Week"}, units_of_measurement={"y": "kg", "age": "years", "wk": "weeks"})
    shown = tables.described(summary, words)
    assert shown["variable"].tolist() == ["Yield (y), kg", "x", "age, years", "Week (wk)"]
    assert shown["mean"].tolist() == ["1.250"] * 4
    assert shown["histogram"].tolist() == [""] * 4


def test_a_name_that_says_what_is_measured_in_what_is_not_repeated():
    row = {"n": 3, "missing": 0, "mean": 1.25, "sd": 0.5, "q5.5": 1.0, "q94.5": 2.0, "histogram": ""}
    words = data(labels={"Time (ms)": "Time"}, units_of_measurement={"Time (ms)": "ms"})
    assert tables.described(pd.DataFrame([row | {"variable": "Time (ms)"}]), words)["variable"].tolist() == [
        "Time (ms)"
    ]


def test_levels_of_categories_are_counted_where_they_are_few():
    prepared = pd.DataFrame(
        {
            "id": pd.Categorical(["1", "1", "2"]),
            "y": [1.0, 2.0, 3.0],
            "breed": pd.Categorical(["b", None, "b"], categories=["b", "a"]),
            "one": pd.Categorical(["x"] * 3),
        }
    )
    words = data(labels={"breed": "Breed"})
    assert tables.levels(prepared, words).to_dict("records") == [
        {"category": "Breed (breed)", "levels (rows)": "b (2), a (0)"}
    ]
    names = pd.DataFrame({"note": pd.Categorical([f"n{i}" for i in range(tables.MOST_LEVELS + 1)])})
    assert tables.levels(names, words).empty


def test_ids_have_no_mean():
    row = {"n": 3, "missing": 0, "mean": 1.25, "sd": 0.5, "q5.5": 1.0, "q94.5": 2.0, "histogram": "▁█"}
    words = data()
    shown = tables.described(pd.DataFrame([row | {"variable": name} for name in (words.unit, "y")]), words)
    assert shown["mean"].tolist() == ["–", "1.250"]
    assert shown["histogram"].tolist() == ["", "▁█"]


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
    farms = (("statistic", "farm__factor_dim"), np.zeros((2, 3)))
    groups = {"posterior": posterior.drop_vars("1|farm"), "group_effects": xr.Dataset({"1|farm": farms})}
    groups["group_effects"] = groups["group_effects"].assign_coords(statistic=["mean", "sd"])
    summarised = xr.DataTree.from_dict(groups)
    assert tables.sizes({"a": summarised}, {"a": "Title"}).to_dict("records") == [counts]
    assert (tables.summarised_effects(tree), tables.summarised_effects(summarised)) == (0, 3)
