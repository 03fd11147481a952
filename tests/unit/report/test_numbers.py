import numpy as np
import pytest
from partialpool.report.numbers import decimals, number, probability, trusted_decimals


@pytest.mark.parametrize(("value", "shown"), [(-0.04, "0.0"), (-0.06, "−0.1"), (np.nan, "–"), (0.04, "0.0")])
def test_a_number_has_its_sign_unless_it_rounds_to_nothing(value, shown):
    assert number(value, 1) == shown


@pytest.mark.parametrize(("sd", "places"), [(0.0078, 4), (3.0, 1), (250.0, 0), (0.0, 3), (np.nan, 3), (1e-12, 8)])
def test_two_digits_of_the_uncertainty_are_shown(sd, places):
    assert decimals(sd) == places


@pytest.mark.parametrize(
    ("sd", "mcse", "places"), [(0.05, 0.0001, 3), (0.05, 0.001, 3), (0.05, 0.0011, 2), (0.05, 0, 3), (5, 2, 0)]
)
def test_decimals_that_are_trusted(sd, mcse, places):
    assert trusted_decimals(sd, mcse) == places


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "under 0.001"), (0.0004, "under 0.001"), (0.9994, "0.999"), (0.9995, "over 0.999"), (1, "over 0.999")],
)
def test_no_probability_is_certain(share, words):
    assert probability(share) == words
