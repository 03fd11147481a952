import re

import pytest

from study.editing import DROP, load, mistakes

EITHER = "give either 'units' (all, a number, or a list of ids) or 'new_units' (a number)."


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("predictions/new-people/units", "all", f"predictions.new-people: {EITHER}"),
        ("predictions/new-people/new_units", DROP, f"predictions.new-people: {EITHER}"),
        ("predictions/known-people/units", [48, 48], "predictions.known-people: a unit stands twice in 'units'."),
        (
            "predictions/known-people/quantities",
            ["mean"],
            "predictions.known-people.quantities[0]: Input should be 'expected' or 'predicted' (it is 'mean').",
        ),
    ],
)
def test_what_is_wrong_with_predictions_is_told(path, value, line):
    assert mistakes({path: value}) == [line]


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
