from types import SimpleNamespace

import pytest
from partialpool.jobs.resources import fit_memory, memory, minutes
from partialpool.marginal.posterior import LARGE

# Peak of a fit of 12 000 yes or no, `y ~ x + (1 + x | unit)`, by NUTS with as many draws.
MEASURED_BY_NUTS = (0.195, 2301)
# Peaks of fits of `y ~ 1 + week + (1 + week | id)` with 4 chains of 1000 draws, measured by benchmarks/cases.py: MB of
# prepared data, MB of memory.
MEASURED = [(0.0104, 479), (0.109, 884), (0.277, 1562)]
# Of the two Snakemakes that stand around a job on a cluster.
SNAKEMAKES = 400


@pytest.mark.parametrize("ask", [memory, minutes])
def test_a_job_asks_for_more_with_more_data_and_for_twice_of_it_after_each_failure(ask):
    small, large = SimpleNamespace(size_mb=0), SimpleNamespace(size_mb=100)
    assert ask({}, large, 1) > ask({}, small, 1) > 0
    assert [ask({}, large, attempt) for attempt in (2, 3)] == [2 * ask({}, large, 1), 4 * ask({}, large, 1)]


@pytest.mark.parametrize(("size_mb", "peak"), MEASURED)
def test_a_fit_asks_for_enough_and_not_for_much_too_much(size_mb, peak):
    assert peak + SNAKEMAKES < fit_memory(4000, size_mb, 1, by_nuts=False) < 2 * (peak + SNAKEMAKES)


def test_a_fit_by_nuts_asks_for_enough_and_not_for_much_too_much():
    size_mb, peak = MEASURED_BY_NUTS
    assert peak + SNAKEMAKES < fit_memory(4000, size_mb, 1, by_nuts=True) < 2 * (peak + SNAKEMAKES)


@pytest.mark.parametrize("by_nuts", [True, False])
def test_a_fit_asks_for_more_with_more_data_draws_and_failures(by_nuts):
    def asked(*numbers):
        return fit_memory(*numbers, by_nuts=by_nuts)

    assert asked(4000, 0.01, 1) < asked(16000, 0.01, 1) < asked(16000, 0.1, 1) < asked(16000, 30, 1)
    assert asked(4000, 0.01, 2) == pytest.approx(2 * asked(4000, 0.01, 1), abs=1)


def test_what_a_fit_asks_for_its_draws_is_enough_for_all_that_the_marginal_engine_keeps():
    # 1.4 bytes of memory for each byte of the file, in all that was measured.
    kept = fit_memory(10**9, 1, 1, by_nuts=False) - fit_memory(0, 1, 1, by_nuts=False)
    assert kept > 1.4 * 8e-6 * LARGE
