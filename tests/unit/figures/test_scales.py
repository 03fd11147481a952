"""Axes and colors."""

import pytest
from partialpool.figures.scales import few_breaks, repeated


@pytest.mark.parametrize("limits", [(0.0766, 0.1043), (-0.35, 0.83), (-5.0, 80.0), (0.0, 1.0), (3.1, 3.2)])
def test_few_breaks_are_more_than_one_and_within_the_limits(limits):
    breaks = few_breaks(limits)
    assert 2 <= len(breaks) <= 5
    assert limits[0] <= min(breaks) < max(breaks) <= limits[1]


def test_values_begin_again_where_they_are_fewer():
    assert repeated("ab", 5) == ["a", "b", "a", "b", "a"]
