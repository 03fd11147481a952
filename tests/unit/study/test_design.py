"""The section `design`, and what it must have in common with others."""

import pytest

from study.editing import DROP, load, mistakes

MODELS = "Valid: m71.1, m71.2, m71.3, m71.4, m71.5."


def test_numbers_are_in_order():
    design = load({"design/units": [100, 50], "design/measurements": [3, 2]}).design
    assert (design.units, design.measurements) == ([50, 100], [2, 3])
    assert design.batches[:2] == ["1-25", "26-50"]


def test_a_study_needs_no_design():
    assert load({"design": DROP}).design is None


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("design/model", "m71", f"design.model: there is no model 'm71'. Did you mean 'm71.5'? {MODELS}"),
        (
            "design/comparison",
            "pooling",
            "design.comparison: 'pooling' compares m71.1, m71.2, and not 'm71.5', the model that the data are drawn "
            "from.",
        ),
        (
            "design/comparison",
            "grow",
            "design.comparison: there is no comparison 'grow'. Did you mean 'growth'? Valid: pooling, growth.",
        ),
        ("design/units", [50, 50], "design.units: 50 stands twice."),
        (
            "design/times",
            [0, 1],
            "design: 'times' has 2 values, and a design has 6 measurements.",
        ),
        ("design/span", [3, 3], "design: 'span' takes two numbers, the smaller first."),
        ("design/rope", {"week": [False, 1]}, 'design.rope: takes numbers, not {"week": [false, 1]}.'),
        ("design/rope", {"week": [1, 0]}, "design: 'rope' of 'week' takes two numbers, the smaller first."),
        (
            "design/goals/sign",
            {"parameter": "week", "width": 1, "sign": True},
            "design.goals.sign: give 'parameter' and one of 'width' (a number), 'sign: true' and 'rope: true'; or "
            "'comparison' alone (observation or unit).",
        ),
        (
            "design/goals/sign",
            {"parameter": "Intercept", "rope": True},
            "design: goal 'sign' needs 'rope: {Intercept: [low, high]}'.",
        ),
        (
            "design/goals/sign",
            {"comparison": "unit"},
            "design: goal 'sign' needs 'comparison', the name of one.",
        ),
    ],
)
def test_mistakes_are_told(path, value, line):
    assert line in mistakes({path: value})


def test_a_study_without_times_has_none_to_give():
    changes = {"data/time": DROP, "design/span": [0, 6], "figures": DROP}
    assert "design.span: needs 'data.time': without it measurements of a unit have no times." in mistakes(changes)


def test_regions_and_goals_name_parameters_too():
    goals = {
        "a": {"parameter": "sigma", "width": 1},
        "b": {"parameter": "week", "sign": True},
        "c": {"comparison": "unit"},
    }
    asked = load({"design/goals": goals, "design/rope": {"week": [-1, 1]}, "design/comparison": "growth"}).design
    assert asked.named_elsewhere == ["week", "sigma"]


def test_a_study_may_have_a_design_of_a_model_that_only_the_job_refuses():
    """Else nobody could sample the study by NUTS without taking its design away."""
    assert load({"sampling/engine": "nuts"}).design is not None
