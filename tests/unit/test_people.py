import pandas as pd
import pytest
from partialpool import people
from partialpool.errors import StudyError

OBSERVED = ["6", "29", "101", "205"]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([101, 6, 29, 6], ["6", "29", "101"]),
        (["101", "6", "29"], ["6", "29", "101"]),
        (["B-2", "A-10", "A-07"], ["A-07", "A-10", "B-2"]),
        (["10", "9", "A"], ["10", "9", "A"]),
        (["7", "007", "1"], ["1", "7", "007"]),
    ],
)
def test_people_are_in_order(ids, expected):
    series = pd.Series(ids, index=range(5, 5 + len(ids)))
    assert people.in_order(series) == expected
    categories = people.as_categories(series)
    assert categories.cat.ordered
    assert list(categories.cat.categories) == expected
    pd.testing.assert_series_equal(categories.astype(str), series.astype(str))


def test_nobody_is_no_category():
    series = pd.Series(["B", None, "A", "B"], index=[3, 1, 4, 2])
    categories = people.as_categories(series)
    assert list(categories.cat.categories) == ["A", "B"]
    pd.testing.assert_series_equal(categories.astype(str), series)


def test_all_some_or_a_number_of_people():
    for everyone in (None, "all"):
        assert people.choose(OBSERVED, everyone, seed=1, where="the data") == OBSERVED
    assert people.choose(OBSERVED, ["101", "6"], seed=1, where="the data") == ["101", "6"]
    drawn = {tuple(people.choose(OBSERVED, 2, seed=seed, where="the data")) for seed in range(40)}
    # All six pairs, each in order.
    assert drawn == {(a, b) for i, a in enumerate(OBSERVED) for b in OBSERVED[i + 1 :]}
    assert people.choose(OBSERVED, 3, seed=7, where="") == people.choose(OBSERVED, 3, seed=7, where="")


def test_people_who_are_not_there():
    with pytest.raises(StudyError, match=r"102: not among the 4 people of the data\. Did you mean '101'\?"):
        people.choose(OBSERVED, ["102"], seed=1, where="the data")
    with pytest.raises(StudyError, match="5 people are asked for, the data has 4"):
        people.choose(OBSERVED, 5, seed=1, where="the data")
