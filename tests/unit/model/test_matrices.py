"""What is asked of formulae, and what is read from the data in its place."""

import re

import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.model.formula import complete_cases
from partialpool.model.matrices import GroupLevels, evaluate, folded


@pytest.mark.parametrize(
    ("formula", "one_level"),
    [
        ("y ~ x + (1 + z | id)", {"id"}),
        ("y ~ x + (1 | id) + (1 + x | count) + (0 + x | id)", {"id", "count"}),
        ("y ~ x + (1 | group / mood / id)", {"group", "mood", "id"}),
        ("y ~ x + (1 | mood:id) + (1 | group)", {"group", "mood", "id"}),
        ("y ~ 0 + group + (1 | group:id)", {"id"}),
        ("y ~ x + (1 + mood | id) + (1 | mood)", {"id"}),
        ("y ~ offset(count) + (1 | count) + (1 | id)", {"id"}),
        ("I(y + count) ~ x + (1 | count)", set()),
        ("y ~ x + (1 | C(count)) + (1 | count:mood)", {"mood"}),
        ("y ~ x + (1 | mood:np.sign(z))", {"mood"}),
        ("y ~ x", set()),
    ],
)
def test_columns_that_stand_behind_bars_only_have_one_level(make_spec, units, formula, one_level):
    shown = folded(formula, units)
    assert {name for name in units if not shown[name].equals(units[name])} == one_level
    assert all(shown[name].nunique() == 1 for name in one_level)


def levels_of(spec, rows):
    terms = evaluate(spec, rows).group.terms
    return {name.partition("|")[2]: GroupLevels.of(spec, term.factor, rows) for name, term in terms.items()}


def test_levels_of_other_rows_are_those_of_the_first(make_spec, units):
    spec = make_spec("y ~ 1 + (1 | mood / count) + (1 | id) + (1 | C(flag):mood)", "Intercept sd sigma")
    rows = complete_cases(spec, units)
    for levels in levels_of(spec, rows).values():
        np.testing.assert_array_equal(levels.codes(rows[::7]), levels.codes(rows)[::7])
        # Numbers are equal whatever their type, and categories whatever else is one.
        other = rows.astype({"count": float, "mood": object, "id": object})
        np.testing.assert_array_equal(levels.codes(other), levels.codes(rows))


def test_levels_that_the_data_lack_are_refused(make_spec, units):
    spec = make_spec("y ~ 1 + (1 | mood:count)", "Intercept sd sigma")
    rows = complete_cases(spec, units)
    (levels,) = levels_of(spec, rows).values()
    with pytest.raises(StudyError, match=r"count has no level 2\.5, 99\.0\. Valid: 0, 1, 2"):
        levels.codes(pd.DataFrame({"mood": ["bad", "good", "bad"], "count": [2.5, 99, 1]}))


def test_a_reference_level_is_written_as_its_column_has_it(make_spec, units):
    spec = make_spec("y ~ C(mood, Treatment(2)) + (1 | id)")
    with pytest.raises(StudyError, match=r"none of the levels\. Those of a category are text and stand in quotes"):
        evaluate(spec, complete_cases(spec, units))


def test_a_formula_that_does_not_fit_the_rows(make_spec, units):
    spec = make_spec("y ~ x:mood + log(group) + (1 | id)", "Intercept b sd sigma")
    with pytest.raises(StudyError, match=r"formula 'y ~ x:mood \+ log\(group\) .*', family 'gaussian': "):
        evaluate(spec, complete_cases(spec, units))


@pytest.mark.parametrize(
    "formula", ["y ~ only * mood + (1 | id)", "y ~ x + only:x + only:mood", "y ~ 1 + (1 + only | id)"]
)
def test_a_category_of_one_level_is_named(make_spec, units, formula):
    rows = units.assign(only=pd.Categorical(["yes"] * len(units)))
    with pytest.raises(StudyError, match="'only' has only 1 category, 'yes', in the rows of this model"):
        evaluate(make_spec(formula), rows)


@pytest.mark.parametrize(
    ("terms", "instead"),
    [
        ("mood / x", "mood + mood:x"),
        ("(mood + group) ** 2 - group", "mood + mood:group"),
        ("x * (mood / group)", "x + mood + mood:group + x:mood + x:mood:group"),
        ("mood:group + mood", "mood + mood:group"),
        ("mood / group + group", "mood + group + mood:group"),
        ("`a mood` / x", "`a mood` + `a mood`:x"),
    ],
)
def test_a_formula_whose_categories_would_have_two_codings(make_spec, units, terms, instead):
    rows = units.rename(columns={"mood": "a mood"}) if "`" in terms else units
    with pytest.raises(StudyError, match=f"one by one, interactions last: {re.escape(instead)}\\."):
        evaluate(make_spec(f"y ~ {terms} + (1 | id)", "Intercept b sd sigma"), rows)
    # What is to be written instead has the columns that R makes of the former.
    matrices = evaluate(make_spec(f"y ~ {instead} + (1 | id)", "Intercept b sd sigma"), rows)
    labels = {name: len(term.labels) for name, term in matrices.common.terms.items()}
    assert labels == {name: np.size(term.data) // len(rows) for name, term in matrices.common.terms.items()}


@pytest.fixture
def two_categories(units):
    return units.assign(flag=pd.Categorical(np.where(units["flag"], "yes", "no")))


# Columns of R's model.matrix(), of mood with 3 levels and flag with 2.
@pytest.mark.parametrize(
    ("before", "columns"),
    [
        ("0 + mood:x", 3),
        ("1 + x + mood:x", 4),
        ("1 + mood * x", 6),
        ("0 + mood + mood:x", 6),
        ("0 + mood:flag", 6),
        ("1 + mood * flag", 6),
    ],
)
def test_effects_before_a_bar_are_as_many_as_in_r(make_spec, two_categories, before, columns):
    matrices = evaluate(make_spec(f"y ~ 1 + ({before} | id)", "Intercept sd cor sigma"), two_categories)
    terms = matrices.group.terms.values()
    assert sum(np.size(term.expr.data) // len(two_categories) for term in terms) == columns


# formulae makes 3, 5, 3, 5 and 11, and R 4, 6, 7 (of which one follows from the others), 4 and 6.
@pytest.mark.parametrize(
    ("before", "told"),
    [
        ("1 + mood:x", "too few effects of 'mood:x'"),
        ("mood / x", "too few effects of 'mood:x'"),
        ("1 + mood:flag", "too few effects of 'mood:flag'"),
        ("0 + mood + flag", "too many effects of 'flag'"),
        ("0 + mood * flag", "too many effects of 'flag'"),
    ],
)
def test_other_effects_than_in_r_are_refused(make_spec, two_categories, before, told):
    spec = make_spec(f"y ~ 1 + (x | item) + ({before} | id)", "Intercept sd cor sigma")
    with pytest.raises(StudyError, match=rf"before the bar of '\({re.escape(before)} \| id\)' formulae makes {told}"):
        evaluate(spec, two_categories)


@pytest.mark.parametrize("term", ["log(mood)", "scale(mood)", "I(mood * 2)", "bs(mood, df=4)", "I(mood > 'bad')"])
def test_a_function_of_numbers_has_a_category(make_spec, units, term):
    spec = make_spec(f"y ~ {term} + (1 | id)", "Intercept b sd sigma")
    with pytest.raises(StudyError, match=r"take numbers, and not categories \(mood\).*as in I\(mood == 'bad'\)"):
        evaluate(spec, units)
