"""What is asked of formulae, and what is read from the data in its place."""

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
