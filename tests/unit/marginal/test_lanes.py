"""How many draws are worked on together."""

import pytest
from partialpool.marginal.lanes import LANES, TOGETHER, lanes_for


@pytest.mark.parametrize("draws", [1, 300, 4000, 10**5])
@pytest.mark.parametrize("columns", [1, 3, 10, 19, 20, 100, 1000])
def test_no_part_that_results_depend_on_is_cut_by_the_number_of_cores(columns, draws):
    lanes = [lanes_for(columns, draws, cores) for cores in (1, 2, 3, 8, 64)]
    assert min(lanes) > 0
    assert max(lanes) <= LANES
    if max(lanes) < TOGETHER:
        assert len(set(lanes)) == 1
    else:
        assert [own % TOGETHER for own in lanes] == [0] * 5


def test_each_core_has_its_share():
    assert [lanes_for(3, 4000, cores) for cores in (1, 2, 4)] == [4096, 2048, 1024]


@pytest.mark.parametrize("columns", [3, 10, 50, 100])
def test_matrices_of_all_lanes_stay_in_a_processors_cache(columns):
    assert lanes_for(columns, 10**5, 1) * columns**2 <= 4 * 10**5
