import pytest
from partialpool.study.grids import labels, measured_outcome, outcome_of

from study.editing import load


def grid_of(figure=(), more=None, **prediction):
    """The shipped study with one more prediction, and a grid of it; and ``more`` keys."""
    entry = {"models": ["m71.4"], "average_unit": True} | prediction
    words = {"title": "T", "caption": "C", "alt": "A", "kind": "grid", "predictions": "new", "x": "week"}
    return load({"predictions/new": entry, "figures/new": words | dict(figure)} | (more or {}))


@pytest.mark.parametrize(
    ("figure", "prediction", "expected"),
    [
        ({}, {}, {"x": "Week", "by": "", "value": "Expected Conscientiousness"}),
        ({"by": "group"}, {}, {"x": "Week", "by": "Group", "value": "Expected Conscientiousness"}),
        ({"by": "id"}, {"average_unit": False, "units": 2}, {"x": "Week", "by": "Person", "value": None}),
        ({}, {"contrast": {"group": ["A", "B"]}}, {"value": "Expected Conscientiousness: Group B \N{MINUS SIGN} A"}),
        ({}, {"contrast": {"group": ["A", "B"]}, "ratio": True}, {"value": "Expected Conscientiousness: Group B / A"}),
        ({}, {"slope": "week"}, {"value": "Expected Conscientiousness: change per unit of Week"}),
    ],
)
def test_what_the_axes_of_a_grid_say(figure, prediction, expected):
    said = labels(grid_of(figure, **prediction), "new")
    assert {key: said[key] for key, value in expected.items() if value} == {k: v for k, v in expected.items() if v}


def test_an_axis_of_units_without_a_label_has_their_noun():
    said = labels(grid_of({"x": "id"}, {"data/labels": {"con": "Score"}}, average_unit=False, units=2), "new")
    assert said["x"] == "Person"


def test_measurements_are_shown_on_their_own_scale_only():
    assert measured_outcome(grid_of(), "new") == "con"
    assert measured_outcome(grid_of({"measurements": False}), "new") is None
    assert measured_outcome(grid_of(slope="week"), "new") is None


@pytest.mark.parametrize(
    ("prediction", "shown"),
    [({}, None), ({"average_unit": False, "units": "all", "rows": "observed", "by": "week"}, "con")],
)
def test_measurements_of_other_offsets_are_not_shown_beside_values_at_one(prediction, shown):
    model = {"title": "T", "formula": "con ~ week + offset(log(days)) + (1 | id)", "family": "poisson"}
    assert measured_outcome(grid_of(models=["rates"], **prediction, more={"models/rates": model}), "new") == shown


@pytest.mark.parametrize(
    ("prediction", "value"),
    [
        ({}, "Probability"),
        ({"contrast": {"group": ["A", "B"]}}, "Probability: Group B \N{MINUS SIGN} A"),
        # Of ten trials it is a number of successes.
        ({"at": {"size": [10]}}, "Expected Conscientiousness"),
        ({"average_unit": False, "units": "all"}, "Expected Conscientiousness"),
    ],
)
def test_a_grid_of_successes_shows_probabilities_and_no_counts_behind(prediction, value):
    model = {"title": "T", "formula": "p(con, size) ~ week + group + (1 | id)", "family": "binomial"}
    study = grid_of(models=["trials"], **prediction, more={"models/trials": model})
    assert labels(study, "new")["value"] == value
    assert measured_outcome(study, "new") is None


def test_a_grid_of_a_yes_no_outcome_shows_probabilities():
    model = {"title": "T", "formula": "con ~ week + (1 | id)", "family": "bernoulli"}
    assert labels(grid_of(models=["yes_no"], more={"models/yes_no": model}), "new")["value"] == "Probability"
    both = grid_of(models=["yes_no", "m71.4"], more={"models/yes_no": model})
    assert labels(both, "new")["value"] == "Expected Conscientiousness"


@pytest.mark.parametrize(
    ("side", "shown"),
    [("con", "con"), ("`con`", "con"), ("con[yes]", None), ("p(con, n)", None), ("log(con)", None), ("lc", None)],
)
def test_measurements_are_not_shown_beside_a_function_of_the_outcome(side, shown):
    model = {"title": "T", "formula": f"{side} ~ 1 + week + (1 | id)"}
    study = grid_of(models=["other"], more={"models/other": model})
    assert measured_outcome(study, "new") == shown


def test_a_derived_outcome_has_measurements_behind():
    model = {"title": "T", "formula": "lc ~ 1 + week + (1 | id)"}
    more = {"models/other": model, "data/derive": {"lc": "log(con)"}}
    assert measured_outcome(grid_of(models=["other"], more=more), "new") == "lc"


def test_a_grid_of_several_outcomes_has_none_in_common():
    words = {"title": "T", "caption": "C", "alt": "A", "kind": "grid", "predictions": "new", "x": "week"}
    study = load(
        {
            "models/m71.5/formula": "log(con) ~ 1 + week + (1 + week | id)",
            "comparisons": {},
            "predictions": {"new": {"models": ["m71.3", "m71.5"], "average_unit": True}},
            "figures": {"new": words},
        }
    )
    assert outcome_of(study, "new") is None
    assert labels(study, "new")["value"] == "Expected value"
