import copy

import pandas as pd
import pytest
from partialpool.audit import suits
from partialpool.errors import StudyError

CONFIG = {
    "title": "Study",
    "data": {"source": "a.csv", "outcome": "y", "unit": "id", "time": "x"},
    "models": {
        "m": {"title": "M", "formula": "y ~ x + group + (1 | id)"},
        "n": {"title": "N", "formula": "y ~ 1 + (1 | id)"},
        "o": {"title": "O", "formula": "y ~ x"},
        "l": {"title": "L", "formula": "y ~ log(x + 1) + (1 | id)"},
    },
    "predictions": {"p": {"models": ["m"], "units": ["6"], "at": {"x": [1], "group": ["PD"]}}},
    "figures": {"f": {"kind": "trajectories", "title": "F", "caption": "C", "alt": "A", "units": ["6"]}},
    # Snakemake's configuration has this beside the study.
    "words": {"title": "Study"},
}


def told(units, *path_and_value) -> list[str]:
    """The lines about a study in which one value is another."""
    changed = copy.deepcopy(CONFIG)
    *parents, last, value = path_and_value
    node = changed
    for key in parents:
        node = node[key]
    node[last] = value
    with pytest.raises(StudyError) as error:
        suits.check(changed, units)
    head, *lines, tail = str(error.value).splitlines()
    assert head.startswith("The configuration (config and data) has ")
    assert tail == "Every key is described in config/README.md."
    return [line.strip() for line in lines]


def test_a_study_that_suits_its_data(units):
    assert suits.check(CONFIG, units) == []


@pytest.mark.parametrize(("outcome", "family"), [("y", "gaussian"), ("count", "negativebinomial")])
def test_a_model_without_coefficients_that_needs_none(units, outcome, family):
    model = {"title": "N", "formula": f"{outcome} ~ 0 + offset(x)", "family": family}
    study = {"title": "Study", "data": CONFIG["data"] | {"outcome": outcome}, "models": {"n": model}}
    assert suits.check(study, units.assign(count=range(len(units)))) == []


def test_thresholds_are_no_coefficients(units):
    """Bambi's prediction of ``rating ~ 1`` is an error of Python, after the draws."""
    rated = units.assign(
        rating=pd.Categorical(["low", "mid", "high"] * (len(units) // 3), ["low", "mid", "high"], ordered=True)
    )
    model = {"title": "N", "formula": "rating ~ 1", "family": "cumulative"}
    study = {"title": "Study", "data": CONFIG["data"] | {"outcome": "rating"}, "models": {"n": model}}
    with pytest.raises(StudyError, match=r"it has no coefficients(?s:.*)Thresholds are none: add a predictor or group"):
        suits.check(study, rated)
    assert suits.check(study | {"models": {"n": model | {"formula": "rating ~ x"}}}, rated) == []


@pytest.mark.parametrize(
    ("formula", "family", "rows", "minutes"),
    [
        ("passed ~ x + (1 | id)", "bernoulli", 20_040, 7),
        ("passed ~ x + (1 | id)", "bernoulli", 12_000, None),
        ("passed ~ x", "bernoulli", 20_040, None),
        ("rating ~ x + (1 | id)", "cumulative", 20_040, 37),
        ("y ~ x + (1 | id)", "gaussian", 20_040, None),
    ],
)
def test_which_fits_take_long_is_told_once_the_rows_are_known(units, formula, family, rows, minutes):
    many = pd.concat([units] * (rows // len(units)), ignore_index=True)
    many["passed"] = many.index % 2
    levels = ["low", "mid", "high"]
    many["rating"] = pd.Categorical([levels[i % 3] for i in many.index], levels, ordered=True)
    outcome = formula.partition(" ")[0]
    model = {"title": "M", "formula": formula, "family": family}
    study = {"title": "Study", "data": CONFIG["data"] | {"outcome": outcome}, "models": {"m": model}}
    told = [f"model m: {len(many)} measurements of the family {family} may take {minutes} minutes."] if minutes else []
    assert suits.check(study, many) == told


def test_what_is_doubtful_is_told_and_not_refused(units):
    changed = copy.deepcopy(CONFIG)
    changed["models"]["n"]["priors"] = {"Intercept": "Normal(1000, 1)"}
    (doubt,) = suits.check(changed, units)
    assert doubt.startswith("model n: the prior of the intercept, Normal(1000, 1), is far from the data")


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (
            ("models", "n", "formula", "y ~ 1 + w + (1 | id)"),
            ["models.n: formula 'y ~ 1 + w + (1 | id)': there is no column 'w'"],
        ),
        (("models", "m", "formula", "y ~ x + group + w"), ["models.m: formula"]),
        *(
            (
                ("models", "n", {"title": "N", "formula": "y ~ 0 + offset(x)"} | settings),
                [f"models.n: formula 'y ~ 0 + offset(x)', family '{family}': it has no coefficients, and Bambi cannot"],
            )
            for family, settings in (("t", {"family": "t"}), ("gaussian", {"engine": "nuts"}))
        ),
        (
            ("models", "n", "family", "poisson"),
            ["models.n: formula 'y ~ 1 + (1 | id)': the family 'poisson' takes whole numbers"],
        ),
        (
            ("models", "m", "formula", "y ~ log(x) + group + (1 | id)"),
            ["models.m: formula 'y ~ log(x) + group + (1 | id)': 'log(x)' is not a finite number in 12 of 60 rows"],
        ),
        (
            ("predictions", "p", {"models": ["l"], "units": ["6"], "at": {"x": [-1]}}),
            ["predictions.p: 'log(x + 1)' is no finite number where x is -1.0. Predict at other values."],
        ),
        (
            ("predictions", "p", {"models": ["l"], "average_unit": True, "contrast": {"x": [0, -2]}}),
            ["predictions.p: 'log(x + 1)' is no finite number where x is -2.0. Predict at other values."],
        ),
        (("predictions", "p", "units", ["nobody"]), ["predictions.p: nobody: not among the 12 units"]),
        (("predictions", "p", "units", 13), ["predictions.p: 13 units are asked for, but the data of the model"]),
        (("predictions", "p", "at", {"x": ["soon"]}), ["predictions.p: 'at': x takes numbers, not 'soon'."]),
        (
            ("predictions", "p", "at", {"group": ["XX"]}),
            ["predictions.p: 'at': group has no level XX. Valid: CTRL, OTHER, PD."],
        ),
        (
            ("predictions", "p", {"models": ["m"], "units": "all", "rows": "nowhere.csv"}),
            ["predictions.p: 'rows': there is no file 'nowhere.csv'"],
        ),
        (
            ("predictions", "p", {"models": ["m"], "average_unit": True, "contrast": {"group": ["PD", "XX"]}}),
            ["predictions.p: 'at': group has no level XX."],
        ),
        (
            ("predictions", "p", {"models": ["m"], "units": "all", "slope": "group"}),
            ["predictions.p: 'slope': group is no number"],
        ),
        (
            ("predictions", "p", {"models": ["m"], "units": "all", "rows": "observed", "by": "w"}),
            ["predictions.p: 'by' names 'w', which is no column"],
        ),
        (
            ("predictions", "p", {"models": ["o"], "new_units": 2, "at": {"x": [1]}}),
            ["predictions.p: This model has no population distribution of id"],
        ),
        (("figures", "f", "units", ["nobody"]), ["figures.f: nobody: not among the 12 units of the data."]),
        (("data", "labels", {"yy": "Y"}), ["data.labels.yy: there is no such column. Did you mean 'y'?"]),
        (
            ("data", "units_of_measurement", {"z1": "cm"}),
            ["data.units_of_measurement.z1: there is no such column. Did you mean 'z'?"],
        ),
    ],
)
def test_what_does_not_suit_the_data_is_told_with_its_place(units, change, lines):
    found = told(units, *change)
    assert len(found) == len(lines)
    for line, start in zip(found, lines, strict=True):
        assert line.startswith(start), line


def test_units_with_one_row_each_are_for_families_that_can_tell_them_from_measurements(units):
    once = units.drop_duplicates("id").assign(seeds=20, grown=lambda rows: range(len(rows)))
    study = {"title": "Study", "data": CONFIG["data"] | {"outcome": "grown"}}
    model = {"title": "M", "formula": "p(grown, seeds) ~ 1 + (1 | id)", "family": "binomial"}
    assert suits.check(study | {"models": {"m": model}}, once) == []
    with pytest.raises(StudyError, match=r"data\.unit: .* no unit has 2 values of grown.* binomial and poisson"):
        suits.check(study | {"models": {"m": {"title": "M", "formula": "grown ~ 1"}}}, once)


def test_all_mistakes_are_told_at_once(units):
    changed = copy.deepcopy(CONFIG)
    changed["models"]["n"]["formula"] = "y ~ w"
    changed["predictions"]["p"]["units"] = ["nobody"]
    changed["data"]["labels"] = {"q": "Q"}
    with pytest.raises(StudyError, match=r"has 3 mistakes"):
        suits.check(changed, units)
