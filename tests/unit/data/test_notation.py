import pytest
from partialpool.data.notation import exponents, in_digits, powers, told_apart


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Exponential(2.5e-09)", "Exponential(2.5×10⁻⁹)"),
        ("1e+20, 3", "1×10²⁰, 3"),
        ("-4.90e9", "-4.90×10⁹"),
        ("the 9", "the 9"),
    ],
)
def test_exponents_are_written_as_powers_of_ten(text, told):
    assert powers(text) == told


def test_powers_of_ten_are_read_back_from_what_was_written():
    values = [2.5e-9, -3.25e20, 7e-300]
    assert [float(exponents(powers(repr(value)))) for value in values] == values
    assert exponents("3.4 [1×10⁻⁹, 2×10⁻⁸]") == "3.4 [1e-9, 2e-8]"


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [(12346, 3, "12346"), (999.7, 3, "1000"), (0.12345, 3, "0.123"), (1.234e8, 3, "1.23×10⁸"), (2e-9, 3, "2×10⁻⁹")],
)
def test_a_number_has_so_many_digits(value, digits, shown):
    assert in_digits(value, digits) == shown


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([1, 2.5], ["1", "2.5"]),
        ([1000.0001, 1000.0003], ["1000.0001", "1000.0003"]),
        ([2.0, 2], ["2", "2"]),
        ([float("nan"), 0.1, float("nan")], ["nan", "0.1", "nan"]),
    ],
)
def test_different_numbers_look_different(values, told):
    assert told_apart(values, 3) == told
