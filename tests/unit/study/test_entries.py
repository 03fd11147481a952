import re

import pytest

from study.editing import DROP, load, mistakes

EITHER = (
    "give one of 'units' (all, a number, or a list of ids), 'new_units' (a number), 'average_unit: true' and "
    "'population: true'."
)


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("predictions/new-people/units", "all", f"predictions.new-people: {EITHER}"),
        ("predictions/new-people/new_units", DROP, f"predictions.new-people: {EITHER}"),
        ("predictions/known-people/units", [48, 48], "predictions.known-people.units: a unit stands twice in 'units'."),
        (
            "predictions/known-people/quantities",
            ["mean"],
            "predictions.known-people.quantities[0]: Input should be 'expected' or 'predicted' (it is 'mean').",
        ),
    ],
)
def test_what_is_wrong_with_predictions_is_told(path, value, line):
    assert mistakes({path: value}) == [line]


BASE = "predictions/group-trajectories"


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"units": DROP}, EITHER),
        ({"average_unit": True}, EITHER),
        ({"units": DROP, "average_unit": True, "population": True}, EITHER),
        ({"rows": "observed", "at": {"week": [0]}}, "'rows' have values of all covariates: leave 'at' out, or give it"),
        ({"units": DROP, "new_units": 2, "rows": "observed"}, "'rows' name their units: leave 'new_units' out"),
        ({"rows": "new.csv"}, "the units of a file of rows are those of the file: write 'units: all'."),
        ({"contrast": {"week": [0, 1]}, "slope": "week"}, "give either 'contrast' or 'slope'"),
        (
            {"contrast": {"week": [0, 0]}},
            "'contrast' takes one covariate and two values of it: {treatment: [control, drug]}",
        ),
        ({"contrast": {"week": [0, 1, 2]}}, "'contrast' takes one covariate and two values"),
        ({"contrast": {"week": [0, 1], "group": ["PD", "CTRL"]}}, "'contrast' takes one covariate and two values"),
        ({"ratio": True}, "'ratio' needs 'contrast'."),
        ({"slope": "week", "ratio": True}, "'ratio' needs 'contrast'."),
        ({"rope": [-1, 1]}, "'rope' needs 'contrast' or 'slope'."),
        ({"slope": "week", "rope": [1, -1]}, "'rope' takes two numbers, the smaller first."),
        (
            {"slope": "week", "quantities": ["predicted"]},
            "contrasts, slopes, the average unit and the population have exp",
        ),
        (
            {"units": DROP, "population": True, "quantities": ["predicted"]},
            "contrasts, slopes, the average unit and the",
        ),
        ({"average": True, "by": "week"}, "'by' averages: leave 'average' out."),
        ({"slope": "week", "by": "week"}, "'by' cannot be 'week', which is what changes."),
        ({"contrast": {"week": [0, 1]}, "at": {"week": [1]}}, "'week' stands in 'at' and in 'contrast'."),
    ],
)
def test_what_does_not_go_together_is_told(entry, why):
    (line,) = mistakes({f"{BASE}/{key}": value for key, value in entry.items()})
    assert line.startswith(f"predictions.group-trajectories: {why}")


def test_covariate_values_are_values_and_never_run():
    at = {"week": [0, 0.5], "group": ["PD", '__import__("os").system("touch x")']}
    assert load({"predictions/group-trajectories/at": at}).predictions["group-trajectories"].at == at


@pytest.mark.parametrize("models", [[], ["m71.1"]])
def test_two_models_or_more_are_compared(models):
    (line,) = mistakes({"comparisons/pooling/models": models})
    assert line.startswith("comparisons.pooling.models: List should have at least 2 items")


@pytest.mark.parametrize(
    ("rename", "words"),
    [
        ({"a_id(": "x"}, r"'a_id\(: x' is no substitution: .*unterminated"),
        ({"a_id": r"\1"}, r"'a_id: \\1' is no substitution: invalid group reference 1"),
    ],
)
def test_what_renames_printed_parameters_is_a_regular_expression(rename, words):
    (line,) = mistakes({"published/rename": rename})
    assert re.match(f"published.rename: {words}", line)
