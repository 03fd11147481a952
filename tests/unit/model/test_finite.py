import numpy as np
import pytest
from partialpool.errors import StudyError
from partialpool.fit.fit import fit


@pytest.fixture
def zeros(units):
    """Rows in another order than the file's, and three values of z that are no argument of a logarithm."""
    units = units.assign(z=np.abs(units["z"]) + 0.1).iloc[::-1].reset_index(drop=True)
    units.loc[units["row"].isin([3, 10]), "z"] = 0
    units.loc[units["row"] == 20, "z"] = -1.5
    return units


@pytest.mark.parametrize("engine", ["marginal", "nuts"])
@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("np.log(z) ~ 1 + x + (1 | id)", r"'np.log\(z\)' is not a finite number in 3 of 60 rows \(line 22: nan, "),
        ("y ~ 1 + np.log(z) + (1 | id)", r"'np.log\(z\)' is not .* line 12: -inf, where z is 0.0; line 5: -inf, "),
        ("y ~ 1 + x + (1 + log(z) | id)", r"'log\(z\)' is not a finite number in 3 of 60 rows"),
        (
            "y ~ 1 + x + I(1 / (z * x)) + (1 | id)",
            r"in 12 of 60 rows \(line 13: inf, where x is 0.0, z is 0.6",
        ),
        ("y ~ 1 + x + offset(log(z)) + (1 | id)", r"'offset\(log\(z\)\)' is not a finite number in 3 of 60"),
        (
            "y ~ 1 + x + (1 | mood) + (1 + log(z) | id)",
            r"'log\(z\)' is not a finite number in 3 of 60 rows \(line 22: nan",
        ),
        (
            "np.sqrt(z) ~ 1 + x + (1 | mood / id)",
            r"'np.sqrt\(z\)' is not .* in 1 of 60 .* \(line 22: nan, where z is -1.5",
        ),
        (
            "y ~ 1 + x + (1 | id) + (0 + I(x / z) | mood)",
            r"'I\(x / z\)' is not .* \(line 12: nan, where x is 0.0, z is 0.0",
        ),
        ("y ~ 1 + np.exp(I(1000 * z)) + (1 | id)", r"is not a finite number in \d+ of 60 rows \(.*and \d+ more\)"),
    ],
)
def test_a_term_that_is_not_finite_is_refused_before_anything_is_compiled(make_spec, zeros, engine, formula, says):
    spec = make_spec(formula, "Intercept b sd sigma", engine=engine)
    if "(1 + " in formula:
        spec = make_spec(formula, engine=engine)
    with pytest.raises(StudyError, match=says):
        fit(spec, zeros)


def test_columns_that_are_infinite(make_spec, units):
    spec = make_spec("y ~ 1 + x + (1 | id)", "Intercept b sd sigma", engine="auto")
    with pytest.raises(StudyError, match=r"'y' is not a finite number in 1 of .* \(line 9: inf, where y is inf\)\."):
        fit(spec, units.assign(y=units["y"].mask(units["row"] == 7, np.inf)))
    with pytest.raises(StudyError, match=r"'x' is not .* \(line 2: -inf, where x is -inf\)\. Leave these rows out"):
        fit(spec, units.assign(x=units["x"].mask(units["row"] == 0, -np.inf)))


def test_functions_of_a_formula_are_the_same_for_both_engines(make_spec, units):
    from partialpool.marginal.closed_form import design
    from partialpool.model.build import build
    from partialpool.model.formula import complete_cases

    spec = make_spec("np.exp(y) ~ log2(x + 1) + abs(z) + np.sqrt(x) + scale(z) + exp(v)", "Intercept b sigma")
    rows = complete_cases(spec, units)
    parent = build(spec, rows).parameters["mu"]
    for term in design(spec, rows).common[1:]:
        np.testing.assert_array_equal(term.values[:, 0], parent.common_terms[term.name].data)


@pytest.mark.parametrize(("formula", "column"), [("y ~ x + (1 | id)", "y"), ("y ~ z + (1 + z | id)", "z")])
def test_numbers_that_are_too_small_to_compute_with(make_spec, units, formula, column):
    spec = make_spec(formula, engine="auto")
    says = rf"'{column}' is below 1e-60, and too small to compute with, in all rows\. Measure it in a smaller unit"
    with pytest.raises(StudyError, match=says):
        fit(spec, units.assign(**{column: units[column] * 1e-80}))
