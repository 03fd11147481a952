import numpy as np
import pandas as pd
import pytest

from start.conftest import made_up


def test_counts_are_those_of_measurements(facts):
    frame = made_up()
    frame.loc[[0, 1], "score"] = np.nan
    frame.loc[[2, 7], "month"] = np.nan
    found = facts(frame)
    assert len(found.measured) == 58
    assert found.n_units == 12
    assert found.rows_of_units["H00"] == 3
    assert found.rows_without(found.time) == 2
    assert found.times_of_units["H00"] == 2
    assert found.n_groups == 2
    assert found.time_sd == pytest.approx(frame.loc[frame["score"].notna(), "month"].std())


def test_notable_units_are_typical_lowest_highest_and_rarely_measured(facts):
    frame = made_up().drop(index=[10, 11])
    means = frame.groupby("herd")["score"].mean()
    found = facts(frame).notable_units()
    assert found[means.idxmin()].startswith("lowest mean")
    assert found[means.idxmax()].startswith("highest mean")
    assert "fewest rows" in found["H02"]
    assert list(found) == sorted(found)


def test_of_levels_means_are_those_of_their_places(facts):
    frame = made_up(n_units=3).assign(score=["low"] * 5 + ["high"] * 5 + ["middle"] * 5)
    found = facts(frame, levels=["low", "middle", "high"])
    assert not found.has_numbers
    assert found.notable_units() == {"H00": "lowest mean", "H01": "highest mean", "H02": "typical"}


def test_measurements_of_a_unit_at_one_time_are_told_apart_by_the_column_with_fewest_levels(facts):
    frame = pd.concat([made_up(n_units=4), made_up(n_units=4)], ignore_index=True)
    assert facts(made_up()).units_twice_at_a_time == 0
    assert facts(frame).units_twice_at_a_time == 4
    assert facts(frame).tells_apart(["visitor"]) is None
    frame["side"] = np.repeat(["left", "right"], 20)
    # As many different values as rows tell nothing of units.
    frame["running"] = range(40)
    frame["day"] = frame["month"] + 5 * (frame["side"] == "right")
    assert facts(frame).tells_apart(["running", "day", "side"]) == "side"
    assert facts(frame).tells_apart(["running"]) is None


def test_times_are_round_and_over_the_whole_range(facts):
    assert facts(made_up()).times(5) == [0, 1, 2, 3, 4]
    assert facts(made_up()).times(9) == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]


@pytest.mark.parametrize(
    ("cow", "are_parts"),
    [
        # Two of each herd, with names of their own.
        (lambda i, herd: f"{herd}{i % 2}", True),
        (lambda i, herd: 100 * int(herd[1:]) + i % 2, True),
        # Counted anew in each herd; one of each herd; another one in each row; of few herds; and with a stranger.
        (lambda i, herd: i % 5, False),
        (lambda i, herd: f"cow {herd}", False),
        (lambda i, herd: i, False),
        (lambda i, herd: f"{herd}{i % 2 if herd < 'H04' else 0}", False),
        (lambda i, herd: f"{herd if i else 'H11'}{i % 2}", False),
    ],
)
def test_parts_of_units_are_each_of_one_unit(facts, cow, are_parts):
    frame = made_up().sample(frac=1, random_state=1).sort_values("herd")
    frame["cow"] = [cow(i, herd) for i, herd in enumerate(frame["herd"])]
    assert facts(frame).names_parts("cow") == are_parts
