import numpy as np
import pytest
from partialpool.report.numbers import decimals, limits, number, probability, trusted_decimals


@pytest.mark.parametrize(("value", "shown"), [(-0.04, "0.0"), (-0.06, "−0.1"), (np.nan, "–"), (0.04, "0.0")])
def test_a_number_has_its_sign_unless_it_rounds_to_nothing(value, shown):
    assert number(value, 1) == shown


@pytest.mark.parametrize(("sd", "places"), [(0.0078, 4), (3.0, 1), (250.0, -1), (0.0, 3), (np.nan, 3), (1e-12, 13)])
def test_two_digits_of_the_uncertainty_are_shown(sd, places):
    assert decimals(sd) == places


@pytest.mark.parametrize(
    ("sd", "mcse", "places"), [(0.05, 0.0001, 3), (0.05, 0.001, 3), (0.05, 0.0011, 2), (0.05, 0, 3), (5, 2, -1)]
)
def test_decimals_that_are_trusted(sd, mcse, places):
    assert trusted_decimals(sd, mcse) == places


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "under 0.001"), (0.0004, "under 0.001"), (0.9994, "0.999"), (0.9995, "over 0.999"), (1, "over 0.999")],
)
def test_no_probability_is_certain(share, words):
    assert probability(share) == words


@pytest.mark.parametrize(
    ("value", "sd", "shown"),
    [
        (5_055_375_949, 8e7, "5.055×10⁹"),
        (999_600_000, 1e7, "1.000×10⁹"),
        (-2.94e-9, 1e-9, "−2.9×10⁻⁹"),
        (1e-12, 1e-9, "0"),
        (1000.000043, 7.3e-5, "1000.000043"),
        (0.5, 1e-12, "0.50000000"),
        (35_412, 1234, "35400"),
        (-1_015_862, 349_000, "−1020000"),
        (35_412, 12.34, "35412"),
        (0.04, 120, "0"),
    ],
)
def test_very_large_and_very_small_numbers_have_a_power_of_ten(value, sd, shown):
    assert number(value, decimals(sd)) == shown


@pytest.mark.parametrize(
    ("low", "high", "mcse", "shown"),
    [
        # Rounded to its Monte Carlo error, the upper end would be 3, and the interval 0 to 3.
        (0.34, 2.92, 0.11, ("0.3", "2.9")),
        (0.341, 2.924, 0.011, ("0.3", "2.9")),
        (0.341, 2.924, 0.009, ("0.34", "2.92")),
        (-0.051, 0.049, 0.02, ("−0.05", "0.05")),
        (3.4e8, 2.92e9, 1.1e8, ("3×10⁸", "2.9×10⁹")),
    ],
)
def test_limits_have_what_their_errors_allow_but_are_not_rounded_away(low, high, mcse, shown):
    row = {"q2.5": low, "q97.5": high, "sd": (high - low) / 4, "mcse_q2.5": mcse / 5, "mcse_q97.5": mcse}
    assert limits(row) == shown


@pytest.mark.parametrize(
    ("low", "high", "mcse", "shown"),
    [
        # An odds ratio that may be under 1, and one of which the error allows no more.
        (0.943, 13.48, 0.026, ("0.9", "13")),
        (0.943, 13.48, 0.3, ("1", "13")),
        (2.52, 28.3, 0.04, ("2.5", "28")),
        (-13.48, -0.943, 0.026, ("−13", "−0.9")),
        (0.0027, 0.404, 0.0001, ("0.0027", "0.40")),
        (12.6, 28.3, 0.04, ("13", "28")),
    ],
)
def test_the_limit_next_to_0_is_rounded_by_a_sixth_of_itself_at_most(low, high, mcse, shown):
    near_is_low = low > 0
    far = 0.007 if high - low < 1 else 0.35
    errors = {"mcse_q2.5": mcse if near_is_low else far, "mcse_q97.5": far if near_is_low else mcse}
    assert limits({"q2.5": low, "q97.5": high, "sd": (high - low) / 4} | errors) == shown
