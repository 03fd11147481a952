"""Batches of replicates: seeds by number, and the same bytes however large the batches are."""

import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.simulation import replicates
from partialpool.study.simulation import Replicates


def test_numbers_of_a_batch():
    assert list(replicates.numbers("4-6")) == [4, 5, 6]


def one(number):
    """Two rows of a replicate; every fifth cannot be fitted."""
    if number % 5 == 0:
        raise StudyError("no fit")
    values = np.random.default_rng(replicates.seed_of(3, number)).random(2)
    return pd.DataFrame({"quantity": ["a", "b"], "rank": [number, 2 * number], "value": values})


@pytest.fixture
def joined(tmp_path):
    """Bytes of the joined batches of some size, run in some order, of twelve replicates."""

    def join(batch, order=1):
        names = Replicates.model_construct(replicates=12, batch=batch).batches
        for name in names[::order]:
            replicates.run(name, one, name="m", say=lambda line: None).to_parquet(tmp_path / f"{name}.parquet")
        table = replicates.join(tmp_path / f"{name}.parquet" for name in names[::order])
        table.to_parquet(tmp_path / "joined.parquet")
        return (tmp_path / "joined.parquet").read_bytes(), table

    return join


@pytest.mark.parametrize(("batch", "order"), [(1, 1), (5, 1), (5, -1), (100, 1)])
def test_the_size_and_order_of_batches_change_no_byte(joined, batch, order):
    assert joined(batch, order)[0] == joined(4)[0]


def test_a_replicate_without_a_fit_has_a_row_that_says_why(joined):
    _, table = joined(4)
    assert table["replicate"].is_monotonic_increasing
    failed = table[table["problem"] != ""]
    assert failed["replicate"].tolist() == [5, 10]
    assert failed["problem"].tolist() == ["no fit", "no fit"]
    assert failed[["quantity", "rank"]].isna().to_numpy().all()
    assert (table["problem"] == "").sum() == 20


def test_seeds_differ_between_replicates_and_between_studies():
    drawn = {replicates.as_integer(replicates.seed_of(seed, number)) for seed in range(20) for number in range(50)}
    assert len(drawn) == 1000


def test_progress_ends_with_the_whole_batch():
    said = []
    replicates.run("11-13", one, name="growth", say=said.append)
    assert said == ["growth: 3 of 3 replicates of batch 11-13, about 0 s to go"]
