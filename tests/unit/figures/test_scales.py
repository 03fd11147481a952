"""Axes and colors."""

import numpy as np
import pytest
from partialpool.figures.scales import few_breaks, few_x_numbers, names_below, names_height, numbers, repeated, wrapped


@pytest.mark.parametrize("limits", [(0.0766, 0.1043), (-0.35, 0.83), (-5.0, 80.0), (0.0, 1.0), (3.1, 3.2)])
def test_few_breaks_are_more_than_one_and_within_the_limits(limits):
    breaks = few_breaks(limits)
    assert 2 <= len(breaks) <= 5
    assert limits[0] <= min(breaks) < max(breaks) <= limits[1]


@pytest.mark.parametrize(
    ("breaks", "labels"),
    [
        ([0, 0.25, 0.5], ["0.00", "0.25", "0.50"]),
        # Plotnine's own are 0, 0 and 0.
        ([0, 1e-9, 2e-9], ["0", "1×10⁻⁹", "2×10⁻⁹"]),
        ([4.9e9, 5e9], ["4.9×10⁹", "5×10⁹"]),
        ([1e9 + 1, 1e9 + 2], ["1000000001", "1000000002"]),
        ([], []),
    ],
)
def test_labels_of_very_large_and_very_small_breaks_have_a_power_of_ten(breaks, labels):
    assert numbers(np.array(breaks)) == labels


def test_few_breaks_of_data_that_hardly_vary_are_told_apart():
    assert few_x_numbers().labels([999.99995, 1000.0, 1000.00005]) == ["999.99995", "1000", "1000.00005"]


def test_values_begin_again_where_they_are_fewer():
    assert repeated("ab", 5) == ["a", "b", "a", "b", "a"]


LONG = [f"Agricultural holding number {number} of the valley" for number in range(40)]


@pytest.mark.parametrize(
    ("names", "upright", "lines"),
    [
        (["a", "b", "c"], False, 1),
        # An inch and a quarter each: 17 letters a line.
        (LONG[:5], False, 3),
        # A quarter of an inch each, for lines of 24 letters beside each other.
        (LONG[:20], True, 2),
        (LONG, True, 1),
    ],
)
def test_long_names_stand_in_lines_or_upright_and_no_letter_is_lost(names, upright, lines):
    parts, _ = names_below(names, 7.0)
    shown = parts[0].labels(names)
    assert max(name.count("\n") + 1 for name in shown) == lines
    assert [name.replace("\n", " ") for name in shown] == names
    assert (len(parts) > 1) == upright


@pytest.mark.parametrize(("n", "lines"), [(3, 6), (8, 6), (12, 4), (30, 1)])
def test_names_without_end_take_no_more_room_than_there_is(n, lines):
    names = [f"{i} " + "pseudopneumonoultramicroscopicsilicovolcanoconiosis" * 9 for i in range(n)]
    parts, height = names_below(names, 7.0)
    shown = parts[0].labels(names)
    assert height < 5
    assert max(name.count("\n") + 1 for name in shown) <= lines
    assert all(name.endswith("…") for name in shown)
    assert len(set(shown)) == n


def test_names_take_the_height_that_they_need():
    # 50 letters upright are as long as about ten lines.
    short, in_lines, upright = (names_height(names, 7.0) for names in (["a"] * 5, LONG[:5], LONG))
    assert short == 0
    assert 0 < in_lines < upright < 5
    assert names_height([*LONG, "one more than have names"], 7.0) == 0


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("cor(Intercept,week)", ["cor(Intercept,week)"]),
        ("cor(Intercept,trimester)", ["cor(Intercept,", "trimester)"]),
        ("days since the start, of all", ["days since the start,", "of all"]),
        ("sd(field:recipe:Intercept)", ["sd(field:recipe:", "Intercept)"]),
        ("cor(field:recipe:Intercept,week)", ["cor(field:recipe:", "Intercept, week)"]),
    ],
)
def test_long_names_are_cut_at_blanks_behind_commas_and_behind_colons(text, lines):
    assert wrapped(text, 21).split("\n") == lines
