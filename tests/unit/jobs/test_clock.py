import os
import time

import pytest
from partialpool.jobs.clock import mend_times

HOUR = 3600


@pytest.fixture
def made(tmp_path):
    """Make a file of the results with a time, in seconds from now."""
    now = time.time()

    def made(name, seconds):
        path = tmp_path / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (now + seconds, now + seconds))
        return path

    return made


def test_files_from_the_future_are_of_now_in_their_order(made, tmp_path):
    old = made("data/raw.csv", -HOUR)
    paths = [made("data/prepared.parquet", HOUR), made("models/a.nc", HOUR + 1), made("b.csv", 48 * HOUR)]
    twin = made("models/a.json", HOUR + 1)
    before = old.stat().st_mtime_ns
    assert "4 files of" in mend_times(tmp_path / "results")
    times = [path.stat().st_mtime_ns for path in paths]
    assert old.stat().st_mtime_ns == before < times[0] < times[1] < times[2] <= time.time_ns()
    assert twin.stat().st_mtime_ns == times[1]
    assert mend_times(tmp_path / "results") == ""


def test_clocks_that_hardly_differ_are_left_alone(made, tmp_path):
    path = made("a.csv", 0.9)
    before = path.stat().st_mtime_ns
    assert mend_times(tmp_path / "results") == ""
    assert path.stat().st_mtime_ns == before


def test_files_beside_the_results_are_looked_at_and_links_to_nowhere_are_no_error(made, tmp_path):
    record = made("../record", HOUR)
    (tmp_path / "results").mkdir(exist_ok=True)
    (tmp_path / "results/link").symlink_to("nowhere")
    assert mend_times(tmp_path / "results", record, tmp_path / "none")
    assert record.stat().st_mtime <= time.time()
