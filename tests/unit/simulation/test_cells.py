"""Rows of studies that have not been made."""

import numpy as np
import pandas as pd
import pytest
from partialpool.simulation.cells import Cell, Template


@pytest.fixture
def study():
    """Ten units measured one to three times: seven in group A; age is a unit's, mood a measurement's."""
    counts = np.array([3, 1, 2, 3, 3, 1, 2, 3, 2, 3])
    ids = np.repeat(np.arange(11, 21), counts)
    n = len(ids)
    frame = pd.DataFrame({"id": ids, "week": np.concatenate([2.0 * np.arange(count) for count in counts])})
    frame["group"] = pd.Categorical(np.where(ids < 18, "A", "B"))
    frame["age"] = ids * 3.5
    frame["mood"] = np.arange(n) * 1.0
    frame["twice"] = 2 * frame["mood"]
    return frame.assign(y=np.arange(n) / 7, row=np.arange(n))


@pytest.mark.parametrize("units", [4, 10, 25, 40])
def test_groups_have_the_shares_of_the_study(study, units):
    made = Template(study, "id", "week").rows_of(Cell(units, 3), 1)
    assert len(made) == units * 3
    of_units = made.drop_duplicates("id")
    assert abs((of_units["group"] == "A").sum() - 0.7 * units) <= 1
    assert (made.groupby("id")["group"].nunique() == 1).all()
    # Traits of a unit stay together.
    assert (made["group"].astype(str) == np.where(made["age"] < 18 * 3.5, "A", "B")).all()


def test_times_are_evenly_spaced_over_those_of_the_study_or_as_given(study):
    by_default = Template(study, "id", "week").rows_of(Cell(5, 3), 1)
    assert by_default.groupby("id")["week"].apply(list).tolist() == [[0.0, 2.0, 4.0]] * 5
    spread = Template(study, "id", "week", span=(1, 10)).rows_of(Cell(5, 4), 1)
    assert spread["week"].tolist() == [1.0, 4.0, 7.0, 10.0] * 5
    listed = Template(study, "id", "week", times=[0, 1, 5, 9]).rows_of(Cell(2, 2), 1)
    assert listed["week"].tolist() == [0.0, 1.0] * 2


def test_what_changes_within_a_unit_is_from_rows_of_one_unit_and_derived_columns_are_computed_again(study):
    derived = {"twice": "2 * mood", "mean": "between(week)"}
    made = Template(study.assign(mean=0.0), "id", "week", derived=derived).rows_of(Cell(10, 4), 1)
    source = study.set_index("mood")["age"]
    assert (source[made["mood"]].to_numpy() == made["age"]).all()
    assert (made["twice"] == 2 * made["mood"]).all()
    assert (made["mean"] == 2.0).all()
    assert made.columns[-1] == "row"
    assert made["row"].tolist() == list(range(40))


def test_a_study_without_times_has_none(study):
    made = Template(study.drop(columns="week"), "id", None).rows_of(Cell(3, 2), 1)
    assert made["id"].tolist() == [1, 1, 2, 2, 3, 3]


def test_the_same_seed_gives_the_same_rows(study):
    first, again, other = (Template(study, "id", "week").rows_of(Cell(8, 3), seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert (first["mood"] != other["mood"]).any()
