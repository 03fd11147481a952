import pandas as pd
import pytest
from partialpool.data.units import as_categories, choose, in_order
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
def test_units_are_in_order(ids, expected):
    series = pd.Series(ids, index=range(5, 5 + len(ids)))
    assert in_order(series) == expected
    categories = as_categories(series)
    assert categories.cat.ordered
    assert list(categories.cat.categories) == expected
    pd.testing.assert_series_equal(categories.astype(str), series.astype(str))


def test_a_missing_id_is_no_category():
    series = pd.Series(["B", None, "A", "B"], index=[3, 1, 4, 2])
    categories = as_categories(series)
    assert list(categories.cat.categories) == ["A", "B"]
    pd.testing.assert_series_equal(categories.astype(str), series)


def test_all_some_or_a_number_of_units():
    for everyone in (None, "all"):
        assert choose(OBSERVED, everyone, seed=1, where="the data") == OBSERVED
    assert choose(OBSERVED, ["101", "6"], seed=1, where="the data") == ["101", "6"]
    drawn = {tuple(choose(OBSERVED, 2, seed=seed, where="the data")) for seed in range(40)}
    # All six pairs, each in order.
    assert drawn == {(a, b) for i, a in enumerate(OBSERVED) for b in OBSERVED[i + 1 :]}
    assert choose(OBSERVED, 3, seed=7, where="") == choose(OBSERVED, 3, seed=7, where="")


def test_units_that_are_not_there():
    with pytest.raises(StudyError, match=r"102: not among the 4 units of the data\. Did you mean '101'\?"):
        choose(OBSERVED, ["102"], seed=1, where="the data")
    with pytest.raises(StudyError, match="5 units are asked for, but the data has only 4"):
        choose(OBSERVED, 5, seed=1, where="the data")
