import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.model.formula import complete_cases
from partialpool.model.identified import refuse_unidentified


def refused(spec, data) -> str:
    """What is said of a model; nothing if it is taken."""
    try:
        refuse_unidentified(spec, complete_cases(spec, data))
    except StudyError as error:
        return str(error)
    return ""


@pytest.fixture
def rows(units):
    return units.assign(
        one=1.0,
        same="a",
        copy=3 * units["x"] - 2,
        single=pd.Categorical(units.index.astype(str)),
        lone=pd.Categorical(["k"] * len(units)),
    ).astype({"same": "category"})


OWN = {"b": "Normal(0, 1)", "sd": "Exponential(1)"}


@pytest.mark.parametrize(
    ("formula", "words", "with_own_priors"),
    [
        ("y ~ one + (1 | id)", "'one' is 1 in all rows", False),
        ("y ~ same + (1 | id)", "has only 1", False),
        ("y ~ x + copy", "'copy' says nothing beyond 'Intercept', 'x'", True),
        ("y ~ x + z + I(x + 2 * z)", "'I(x + 2 * z)' says nothing beyond", True),
        ("y ~ 0 + id + school", "'school' says nothing beyond 'id'", True),
        ("y ~ 1 + (1 | lone)", "'lone' has only 1 level", True),
        ("y ~ 1 + (1 | single)", "'single' has a level of its own in each of 60 rows", True),
        ("y ~ single + x", "there are 61 common coefficients and only 60 rows", True),
        ("y ~ bs(x, df=9)", "'bs(x, df=9)' says nothing beyond 'Intercept'", True),
        ("y ~ poly(x, 5)", "'poly(x, 5)' has the degree 5, but of 5 different values", False),
        ("y ~ x + (poly(x, 6) | id)", "'poly(x, 6)' has the degree 6, but of 5 different values", False),
        ("y ~ np.log(z)", "'np.log(z)' is not a finite number", False),
    ],
)
def test_what_rows_do_not_determine_is_refused_without_priors_of_its_own(
    make_spec, rows, formula, words, with_own_priors
):
    assert words in refused(make_spec(formula, ""), rows)
    told = refused(make_spec(formula, "", priors=OWN), rows)
    assert (told == "") == with_own_priors


@pytest.mark.parametrize(
    ("formula", "family"),
    [
        ("y ~ x * group + (1 + x | id) + (1 | school)", "gaussian"),
        ("y ~ 0 + id", "gaussian"),
        ("y ~ 1 + offset(one) + x", "gaussian"),
        ("count ~ 1 + (1 | single)", "poisson"),
        ("y ~ bs(x, df=4) + poly(z, 2)", "gaussian"),
        ("y ~ poly(x, 4) + (poly(x, 2) | id)", "gaussian"),
        ("mood ~ x + (1 | id)", "categorical"),
        # Scales as they come: coefficients of 1e-9 and 1e9 are no dependence.
        ("y ~ I(x * 1000000000) + I(z / 1000000000)", "gaussian"),
    ],
)
def test_usual_models_are_taken(make_spec, rows, formula, family):
    assert refused(make_spec(formula, "", family=family), rows) == ""


def test_combinations_of_levels_without_rows_are_taken(make_spec, rows):
    fewer = rows[~((rows["group"] == "PD") & (rows["mood"] == "bad"))]
    assert refused(make_spec("y ~ group * mood", ""), fewer) == ""


def test_many_columns_are_not_searched_for_dependence(make_spec, rows, monkeypatch):
    monkeypatch.setattr("partialpool.model.identified._MOST_WORK", 10)
    assert refused(make_spec("y ~ x + copy", ""), rows.assign(y=np.arange(60.0))) == ""


@pytest.mark.parametrize(
    ("outcome", "family", "words"),
    [
        ("log(v)", "gamma", "the family 'gamma' takes numbers over 0, and the outcome 'log(v)' has others in "),
        ("log(v)", "poisson", "the family 'poisson' takes whole numbers from 0, and the outcome 'log(v)' has others"),
        ("np.abs(z)", "gamma", ""),
        ("log(v)", "gaussian", ""),
    ],
)
def test_a_function_of_the_outcome_is_what_the_family_takes(make_spec, units, outcome, family, words):
    spec = make_spec(f"{outcome} ~ x + (1 | id)", family=family)
    told = refused(spec, units.assign(v=np.exp(units["v"])))
    assert words in told
    assert bool(told) == bool(words)
