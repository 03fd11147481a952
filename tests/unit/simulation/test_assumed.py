"""Assumed parameters, and outcomes from them."""

import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.marginal.closed_form import design
from partialpool.model.formula import complete_cases
from partialpool.simulation.assumed import Assumed, Outcomes
from partialpool.simulation.cells import Cell, Template


@pytest.fixture
def posterior(known_posterior):
    common = {"Intercept": [[1.0, 2.0]], "x": 0.5}
    return known_posterior(common, {"1": 0.8, "x": 0.3}, 0.4, correlation=0.5)


def test_what_is_given_is_the_same_in_each_study_and_the_rest_is_from_one_draw(posterior):
    truth, rng = {"x": 0.1, "cor(Intercept,x)": -0.2, "sd(x)": 0.0}, np.random.default_rng(1)
    assumed = Assumed(posterior, truth, "id")
    drawn = [assumed.draw(rng) for _ in range(20)]
    assert {one["x"].item() for one in drawn} == {0.1}
    assert {one["cor_id"].item() for one in drawn} == {-0.2}
    assert {one["x|id_sigma"].item() for one in drawn} == {0.0}
    assert {one["Intercept"].item() for one in drawn} == {1.0, 2.0}
    assert posterior["x"].to_numpy().tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        (
            {"intercept": 1},
            "design.truth: there is no parameter 'intercept'. Did you mean 'Intercept'? Valid: Intercept, x, "
            "sd(Intercept), sd(x), cor(Intercept,x), sigma.",
        ),
        ({"sd(x)": -1}, "design.truth: 'sd(x)' is -1, and it must be a number from 0."),
        ({"sigma": 0}, "design.truth: 'sigma' is 0, and it must be a number over 0."),
        ({"cor(Intercept,x)": 2}, "design.truth: 'cor(Intercept,x)' is 2, and it must be a number from -1 to 1."),
        ({"x": float("nan")}, "design.truth: 'x' is nan, and it must be a number."),
    ],
)
def test_truths_that_cannot_be_are_refused(posterior, truth, message):
    with pytest.raises(StudyError) as error:
        Assumed(posterior, truth, "id")
    assert str(error.value) == message


def test_correlations_that_contradict_each_other_are_refused(known_posterior):
    posterior = known_posterior({"Intercept": 0.0}, {"1": 1.0, "x": 1.0, "z": 1.0}, 1.0, correlation=[0.9, 0.9, 0.9])
    with pytest.raises(StudyError, match="contradict each other"):
        Assumed(posterior, {"cor(x,z)": -0.9}, "id").draw(np.random.default_rng(1))


def test_units_with_coefficients_of_their_own_have_none_in_another_study(known_posterior):
    with pytest.raises(StudyError, match="Data of other units cannot be drawn from 'id'"):
        Assumed(known_posterior({"id": 1.0}, {}, 1.0), {}, "id")


def outcomes_of(spec, units, cell):
    made = Template(units, "id", "x").rows_of(cell, 1)
    return Outcomes(spec, complete_cases(spec, units), made, design(spec, complete_cases(spec, made))), made


def test_outcomes_have_the_mean_and_covariance_of_the_model(posterior, make_spec, units):
    """Of a unit: X b, and Z S Z' + sigma^2 I; estimated from 4000 units, in standard errors."""
    outcomes, made = outcomes_of(make_spec("y ~ x + (1 + x | id)"), units, Cell(4000, 3))
    one = posterior.isel(chain=[0], draw=[0])
    drawn = outcomes.draw(one, np.random.default_rng(2)).reshape(4000, 3)
    x = made["x"].to_numpy()[:3]
    z = np.column_stack([np.ones(3), x])
    covariance = z @ np.array([[0.64, 0.12], [0.12, 0.09]]) @ z.T + 0.16 * np.eye(3)
    errors = np.sqrt(np.diag(covariance) / 4000)
    assert (abs(drawn.mean(axis=0) - (1 + 0.5 * x)) < 4 * errors).all()
    variances = np.diag(covariance)
    errors = np.sqrt((np.outer(variances, variances) + covariance**2) / 4000)
    assert (abs(np.cov(drawn.T) - covariance) < 4 * errors).all()


def test_coefficients_belong_to_the_coding_of_the_study(known_posterior, make_spec, units):
    """That of ``scale(x)`` is a step of one standard deviation of this study, whatever the times of the next."""
    posterior = known_posterior({"Intercept": 0.0, "scale(x)": 1.0}, {"1": 0.0}, 1e-9)
    outcomes, made = outcomes_of(make_spec("y ~ scale(x) + (1 | id)", "Intercept b sd sigma"), units, Cell(6, 2))
    value = outcomes.draw(posterior.isel(draw=[0]), np.random.default_rng(1))
    expected = (made["x"] - units["x"].mean()) / units["x"].std(ddof=0)
    np.testing.assert_allclose(value, expected, atol=1e-6)


def test_other_grouping_factors_keep_their_levels_and_offsets_are_added(known_posterior, make_spec, units):
    posterior = known_posterior({"Intercept": 0.0}, {"1": 0.0}, 1e-9)
    posterior["1|school_sigma"] = posterior["sigma"] * 0 + 2.0
    spec = make_spec("y ~ 1 + offset(x) + (1 | id) + (1 | school)", "Intercept sd sigma")
    outcomes, made = outcomes_of(spec, units, Cell(30, 2))
    value = outcomes.draw(posterior.isel(draw=[0]), np.random.default_rng(1)) - made["x"]
    by_school = pd.Series(value).groupby(made["school"].astype(str).to_numpy())
    assert by_school.ngroups == 3
    assert by_school.std().max() < 1e-6
    assert by_school.mean().std() > 0.1
