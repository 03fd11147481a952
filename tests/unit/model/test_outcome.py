"""Outcomes as families take them: two levels, levels in an order, and numbers of some kind."""

import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.model.build import build
from partialpool.model.formula import complete_cases
from partialpool.model.outcome import outcome_column, outcome_levels


@pytest.fixture
def data():
    """Six measurements of two units; the last one has no x."""
    return pd.DataFrame(
        {
            "id": [1, 1, 1, 2, 2, 2],
            "x": [0.5, 1.0, 2.0, 0.0, 3.0, np.nan],
            "answer": pd.Categorical(["no", "yes", "yes", "no", "yes", "no"]),
            "rating": pd.Categorical(
                ["low", "high", "middle", "low", "high", "top"], ["low", "middle", "high", "top"]
            ).as_ordered(),
            "mood": pd.Categorical(["bad", "good", "fair", "bad", "good", "fair"]),
            "code": [1.0, 5.0, 2.0, 1.0, 2.0, 5.0],
            "y": [-0.5, 0.0, 1.5, 2.0, 0.3, 1.0],
            "count": range(6),
            "row": range(6),
        }
    )


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("answer ~ x", ("answer", None)),
        ("answer[yes] ~ x", ("answer", "yes")),
        ("answer['not yet'] ~ x", ("answer", "not yet")),
        ("`my answer`[yes] ~ x", ("my answer", "yes")),
        ("p(hits, n) ~ x", (None, None)),
        ("np.log(y) ~ x", (None, None)),
    ],
)
def test_the_column_and_the_level_of_a_left_side(formula, expected):
    assert outcome_column(formula) == expected


@pytest.mark.parametrize(
    ("outcome", "success"),
    [("answer", "yes"), ("answer[yes]", "yes"), ("answer[no]", "no"), ("mood[fair]", "fair"), ("rating[low]", "low")],
)
def test_bambi_models_the_probability_of_the_level_that_is_meant(make_spec, data, outcome, success):
    spec = make_spec(f"{outcome} ~ x", "Intercept b", family="bernoulli")
    rows = complete_cases(spec, data)
    column = outcome.partition("[")[0]
    np.testing.assert_array_equal(build(spec, rows).response_term.data, data[column][:5] == success)
    assert outcome_levels(spec, rows)[1] == success


def test_of_two_levels_the_last_is_success_in_the_order_of_the_config(make_spec, data):
    spec = make_spec("answer ~ x", "Intercept b", family="bernoulli")
    data["answer"] = data["answer"].cat.set_categories(["yes", "no"], ordered=True)
    rows = complete_cases(spec, data)
    assert outcome_levels(spec, rows) == ["yes", "no"]
    np.testing.assert_array_equal(build(spec, rows).response_term.data, data["answer"][:5] == "no")


def test_names_of_levels(make_spec, data):
    def levels(formula, family):
        spec = make_spec(formula, family=family)
        return outcome_levels(spec, complete_cases(spec, data))

    # Of those that have rows.
    assert levels("rating ~ x", "cumulative") == ["low", "middle", "high"]
    assert levels("rating ~ 1", "cumulative") == ["low", "middle", "high", "top"]
    assert levels("code ~ 1", "sratio") == ["1", "2", "5"]
    assert levels("mood ~ 1", "categorical") == ["bad", "fair", "good"]
    assert levels("mood[fair] ~ 1", "bernoulli") == ["not fair", "fair"]
    assert levels("y ~ 1", "gaussian") is None
    assert levels("p(code, code) ~ 1", "binomial") is None


def test_whole_numbers_are_levels_of_an_ordinal_family(make_spec, data):
    spec = make_spec("code ~ 0 + x", "b", priors={"threshold": "Normal(0, 1)"}, family="cumulative")
    rows = complete_cases(spec, data)
    assert rows["code"].cat.ordered
    np.testing.assert_array_equal(build(spec, rows).response_term.data, [0, 2, 1, 0, 1])


@pytest.mark.parametrize(
    ("formula", "family", "says"),
    [
        ("answer ~ x", "cumulative", "'answer' has two levels, and the family 'cumulative' takes more"),
        ("count ~ x", "binomial", r"the families binomial, .* and the family is 'binomial'"),
        ("p(count, 5) ~ x", "poisson", r"the families binomial, .* and the family is 'poisson'"),
        ("p(count, 3) ~ x", "binomial", r"others stand in 1 of 5 rows \(line 6: 4 of 3\)"),
        ("p(count, code) ~ x", "beta_binomial", r"2 of 5 rows \(line 5: 3 of 1; line 6: 4 of 2\)"),
        ("prop(y, code) ~ x", "binomial", r"4 of 5 rows \(line 2: -0.5 of 1; line 4: 1.5 of 2; .*; and 1 more\)"),
        ("count ~ x", "vonmises", r"angles from -pi to pi, .* 1 of 5 rows \(line 6: 4\)"),
        ("answer ~ x", "gaussian", "has the levels no, yes, and the family 'gaussian' takes numbers"),
        (
            "rating ~ x",
            "poisson",
            "has the levels low, middle, high, and the family 'poisson' takes whole numbers from 0",
        ),
        ("rating ~ x", "bernoulli", r"takes two. Say which of them counts as success: rating\[high\]"),
        ("answer[yep] ~ x", "bernoulli", "has the levels no, yes, and not 'yep'. Did you mean 'yes'"),
        ("code[five] ~ x", "bernoulli", "is of numbers and has no level 'five'"),
        ("mood ~ x", "cumulative", r"the order of the levels of 'mood' \(bad, fair, good\). Write them in their order"),
        (
            "y ~ x",
            "cumulative",
            r"takes levels, or whole numbers .* in 3 of 5 rows \(line 2: -0.5; line 4: 1.5; line 6",
        ),
        ("code ~ x", "bernoulli", r"takes 0 and 1, or two levels, .* in 3 of 5 rows \(line 3: 5"),
        ("y ~ x", "poisson", r"takes whole numbers from 0, .* \(line 2: -0.5; line 4: 1.5; line 6: 0.3\)"),
        ("y ~ x", "gamma", r"takes numbers over 0, .* in 2 of 5 rows \(line 2: -0.5; line 3: 0\)"),
        ("y ~ x", "beta", r"takes numbers over 0 and under 1, .* in 4 of 5 rows \(.*; and 1 more\)"),
    ],
)
def test_an_outcome_that_the_family_does_not_take(make_spec, data, formula, family, says):
    with pytest.raises(StudyError, match=says):
        complete_cases(make_spec(formula, family=family), data)


def test_a_family_takes_the_numbers_that_it_is_for(make_spec, data):
    for formula, family in (
        ("code ~ x", "poisson"),
        ("code ~ x", "gamma"),
        ("y ~ x", "gaussian"),
        ("count ~ x", "zero_inflated_poisson"),
    ):
        assert len(complete_cases(make_spec(formula, family=family), data)) == 5
