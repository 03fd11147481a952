"""Contents of the tables for a paper."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.report import paper
from partialpool.study.config import load

from report.for_paper_results import compared, study, two_models
from report.made_up_study import study_values


def rows_of(table):
    return {label: cells for label, *cells in table.rows}


def test_models_side_by_side():
    table = paper.side_by_side(study(), two_models(), {"both": compared()})
    assert table.headings == ("", "Means", "Growth*")
    rows = rows_of(table)
    assert list(rows) == [
        *("Intercept", "Year", "sd(Intercept)", "sigma", "number of measurements", "number of units"),
        *("R², conditional", "R², marginal", "icc(Farm)", "elpd, new measurements of observed units"),
    ]
    assert rows["Year"] == ["", "−0.500\n[−0.60, −0.40]"]
    assert rows["number of measurements"] == ["5", "4"]
    # Where slopes vary, the average over the rows.
    assert rows["icc(Farm)"] == ["0.500\n[0.40, 0.60]"] * 2
    # Of two ways to compute it, the one that models are judged by.
    assert rows["elpd, new measurements of observed units"] == ["−11.2†\n(2.0)", "−10.2\n(2.0)"]
    assert [len(block) for block in table.blocks] == [2, 2, 6]


def test_comparisons_are_rows_of_their_own():
    """Densities of different rows of the data do not compare."""
    values = study_values()
    values["comparisons"]["other"] = {"title": "And now?", "models": ["a", "b"]}
    table = paper.side_by_side(load(values), two_models(), {"both": compared(), "other": compared("unit")})
    assert [row[0] for row in table.blocks[-1][-2:]] == [
        "elpd, new measurements of observed units: Which?",
        "elpd, new units: And now?",
    ]


def test_digits_end_where_monte_carlo_error_begins():
    """Means with a Monte Carlo error of 0.001, and limits, both as the worse one: 0.004."""
    rows = rows_of(paper.side_by_side(study(), two_models(), {}))
    assert rows["Intercept"][0] == "1.235\n[1.13, 1.33]"


def test_the_note_says_draws_intervals_and_whose():
    note = paper.side_by_side(study(), two_models(), {"both": compared()}).note
    assert "95 % equal-tailed intervals in brackets; 4000 draws." in note
    assert "population of units" in note
    assert "conditional Bayesian R² is for the units observed, and the marginal one for new units" in note
    assert "compare it within a row only" in note
    assert "The coefficients of each unit are left out." in note
    assert "* Convergence checks failed, do not rely on these numbers: Growth." in note
    assert "† A Pareto k is over 0.7: this elpd has no trustworthy Monte Carlo error." in note
    trusted = compared().assign(bad_pareto_k=0)
    assert "†" not in paper.side_by_side(study(), two_models(), {"both": trusted}).note
    alone = paper.of_model(study(), "a", two_models()["a"]).note
    assert "elpd" not in alone
    assert "failed" not in alone


def test_one_model():
    table = paper.of_model(study(), "b", two_models()["b"])
    assert table.name == "models/b"
    assert table.caption == "Growth*: milk ~ 1 + year + (1 | farm)"
    rows = rows_of(table)
    assert rows["Year"] == ["−0.500", "0.051", "−0.60", "−0.40"]
    assert rows["icc(Farm), Year = 2"] == ["0.500", "0.051", "0.40", "0.60"]
    assert rows["number of units"] == ["2", "", "", ""]


def test_ratios_have_their_name():
    model = two_models()["a"]
    odds = model.variance.iloc[:1].assign(quantity="exp(year)", at=np.nan, meaning="odds ratio")
    rows = rows_of(paper.of_model(study(), "a", replace(model, variance=odds)))
    assert "exp(Year) (odds ratio)" in rows


@pytest.mark.parametrize(
    ("parameter", "shown"),
    [
        ("cor(Intercept,day.after.surgery)", "cor(Intercept,Day after surgery)"),
        ("day", "Weekday"),
        ("icc(Kuh-Nr.)", "icc(Cow)"),
        ("birthday", "birthday"),
        ("body mass", "Weight"),
    ],
)
def test_columns_of_any_name_are_labelled(parameter, shown):
    labels = {"day": "Weekday", "day.after.surgery": "Day after surgery", "Kuh-Nr.": "Cow", "body mass": "Weight"}
    assert paper._labelled(parameter, labels) == shown
    assert paper._labelled(parameter, {}) == parameter


def test_levels_are_no_columns():
    assert paper._labelled("x[x]:sd(x)", {"x": "Age", "sd": "no"}) == "Age[x]:sd(Age)"


def test_coefficients_of_units_and_their_effects_are_left_out():
    posterior = xr.Dataset(
        {
            "Intercept": (("chain", "draw"), np.zeros((1, 2))),
            "farm": (("chain", "draw", "farm_dim"), np.zeros((1, 2, 2))),
            "sigma": (("chain", "draw"), np.ones((1, 2))),
        },
        {"farm_dim": ["7", "9"]},
        {"family_parameters": "sigma"},
    )
    rows = xr.Dataset({"farm": ("__obs__", ["7", "7", "9"])})
    tree = xr.DataTree.from_dict({"posterior": posterior, "constant_data": rows})
    summary = pd.DataFrame({"parameter": ["Intercept", "farm[7]", "farm[9]", "sigma"], "mean": 0.0})
    model = paper.fitted_model(tree, summary, pd.DataFrame(), unit="farm", passed=True)
    assert model.estimates["kind"].to_dict() == {"Intercept": "common", "sigma": "family"}
    assert (model.measurements, model.units, model.left_out) == (3, 2, True)
