"""Sections of studies on made-up data."""

import pytest
from partialpool.study.simulation import Replicates


@pytest.mark.parametrize(
    ("wanted", "batch", "names"),
    [(60, 30, ["1-30", "31-60"]), (70, 30, ["1-30", "31-60", "61-70"]), (20, 100, ["1-20"])],
)
def test_batches_have_every_replicate_once(wanted, batch, names):
    assert Replicates(replicates=wanted, batch=batch).batches == names


def test_a_study_with_more_replicates_keeps_its_whole_batches():
    more, fewer = (Replicates(replicates=n, batch=100).batches for n in (250, 200))
    assert more[:2] == fewer
