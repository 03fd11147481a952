import pytest
from partialpool.model.formula import formula_variables
from partialpool.model.grammar import check_formula
from partialpool.model.parts import (
    behind_bars,
    columns,
    common_predictors,
    covariates,
    has_intercept,
    has_offset,
    left_side,
    numeric_predictors,
    predictors,
    slopes,
)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("con ~ 1", "con  ~ x", True),
        ("p( n,size)~ 1", "p(n, size) ~ x", True),
        ("con ~ 1", "np.log(con) ~ 1", False),
        ("con ~ 1", "week ~ 1", False),
        ("`a~b` ~ 1", "`a~c` ~ 1", False),
    ],
)
def test_left_sides_are_equal_whatever_their_spaces(one, other, equal):
    assert (left_side(one) == left_side(other)) == equal


@pytest.mark.parametrize(
    ("formula", "columns"),
    [
        ("y ~ 1", []),
        ("y ~ x + x:g + (1 + x | a / b)", ["x", "g", "a", "b"]),
        ("np.log(y) ~ np.log(x) + bs(t, df=4) + `a b` + C(w, levels=['u'])", ["x", "t", "a b", "w"]),
        ("answer[yes] ~ 0 + {2 * x}", ["x"]),
    ],
)
def test_predictors_are_the_columns_right_of_the_tilde(formula, columns):
    assert predictors(formula) == columns


@pytest.mark.parametrize(
    ("formula", "columns"),
    [
        ("y ~ 1 + x + (1 + z | id)", ["x", "z"]),
        ("y ~ x * log(z) + (1 | a / b) + w", ["x", "z", "w"]),
        ("y ~ C(x) + S(z, omit='a') + C(w) : v + `a column`", ["v", "a column"]),
        ("y ~ I(x - 1) + (0 + x | period)", ["x"]),
        ("y ~ C(x) + x", ["x"]),
        ("y ~ 1", []),
    ],
)
def test_numeric_predictors_are_neither_grouping_factors_nor_made_categories(formula, columns):
    check_formula(formula)
    assert numeric_predictors(formula) == columns


@pytest.mark.parametrize(
    ("formula", "named"),
    [
        ("y ~ 1 + x + (1 + x | id)", ["y", "x", "id"]),
        ("answer[yes] ~ x", ["answer", "x"]),
        ("answer['yes'] ~ x", ["answer", "x"]),
        ("p(k, n) ~ bs(`my x`, df=4) + offset(np.log(time))", ["k", "n", "my x", "time"]),
    ],
)
def test_the_columns_of_a_formula_are_those_that_formulae_reads(formula, named):
    assert columns(formula) == named
    assert sorted(named) == formula_variables(formula)


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        ("y ~ x + np.log(z) + (1 + x | id) + (1 | plate)", ["plate", "x", "z"]),
        ("p(ill, size) ~ x + (1 | id)", ["size", "x"]),
        ("prop(ill, 10) ~ 1 + (1 | id)", []),
        ("p ~ x + (1 | id)", ["x"]),
    ],
)
def test_what_a_value_depends_on(formula, names):
    assert covariates(formula, "id") == names


@pytest.mark.parametrize(
    ("formula", "common", "behind"),
    [
        ("y ~ 1 + x + (1 + z | id)", ["x"], ["id"]),
        ("y ~ 0 + id", ["id"], []),
        ("y ~ np.log(x) * C(g) + (1 | a / b) + (0 + x | c:d)", ["x", "g"], ["a/b", "c:d"]),
        ("y ~ x + offset(log(size)) + bs(z, df=4) + (1 | `my id`)", ["x", "z"], ["`my id`"]),
        ("y ~ {x + z} + ((1 | id)) + scale(v)", ["x", "z", "v"], ["id"]),
        ("y ~ offset(x) + x", ["x"], []),
    ],
)
def test_what_has_common_coefficients_and_what_stands_behind_bars(formula, common, behind):
    assert common_predictors(formula) == common
    assert behind_bars(formula) == behind


@pytest.mark.parametrize(
    ("formula", "has"),
    [
        ("y ~ x", True),
        ("y ~ 0 + x", False),
        ("y ~ x - 1", False),
        ("y ~ x + (0 + x | id)", True),
        ("y ~ bs(x, 0)", True),
    ],
)
def test_intercepts_are_seen(formula, has):
    assert has_intercept(formula) == has


def test_offsets_are_seen():
    assert has_offset("y ~ x + offset(log(n)) + (1 | id)")
    assert not has_offset("y ~ offset + (1 | id)")


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        ("y ~ x + (1 + x + `a b` | id)", ["x", "a b"]),
        ("y ~ (x | a) + (1 + z | b / c)", ["x", "z"]),
        ("y ~ (0 + x | id) + (1 | id) + (x - 1 | k)", []),
        ("y ~ (1 + log(x) + z | id)", ["z"]),
    ],
)
def test_slopes_are_columns_beside_an_intercept_before_a_bar(formula, names):
    assert slopes(formula) == names
