from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from partialpool.data.describe import describe, pretty_breaks
from partialpool.data.describe import histogram as histogram_of
from partialpool.data.prepare import prepare

SHARED = Path(__file__).parents[3].parent / "shared"
ROLES = {"unit": "id", "outcome": "con", "time": "week", "group": "group"}
needs_shared = pytest.mark.skipif(
    not (SHARED / "data/mlm.csv").exists(), reason="the study's data are not beside the checkout"
)


@needs_shared
def test_study_is_described_as_the_lecture_prints_it():
    summary = describe(prepare(SHARED / "data/mlm.csv", **ROLES)).set_index("variable")
    assert list(summary) == ["n", "missing", "mean", "sd", "q5.5", "q94.5", "histogram"]
    assert summary["histogram"].to_dict() == {
        "id": "▁▂▂▅▇▅▃▅▂▂▂▁",
        "group": "",
        "week": "▇▃▁▂▁▅▁▁▁▁▁▁",
        "wave": "▇▇▁▂▁▁",
        "con": "▁▂▃▇▅▃▁▁▁▁",
        "dan": "▁▁▅▇▇▃▁▁",
    }
    assert summary.loc["week", ["n", "missing"]].tolist() == [216, 3]
    assert summary.loc["group", ["mean", "sd", "q5.5", "q94.5"]].isna().all()
    printed = pd.read_csv(SHARED / "published/precis.csv", index_col="variable")
    np.testing.assert_allclose(summary.loc[printed.index, list(printed)].astype(float), printed, atol=5e-8, rtol=5e-8)


def test_describe_without_values():
    frame = pd.DataFrame({"a": [np.nan, np.nan], "b": [3, 3], "row": [0, 1]})
    summary = describe(frame).set_index("variable")
    assert summary.loc["a", "histogram"] == ""
    assert summary.loc["a", ["n", "missing"]].tolist() == [0, 2]
    assert summary.loc["b", ["mean", "sd"]].tolist() == [3, 0]
    assert summary.loc["b", "histogram"] == "▇"


@pytest.mark.parametrize(
    ("values", "histogram"),  # by R 4.2.2, hist(breaks = 10) cut into 5
    [
        ([1e10, 1e10 + 1], "▇▁▁▁▁▁▁▁▁▇"),
        ([0.1, 0.2, 0.30000000000000004, 0.3], "▃▁▁▁▃▁▁▁▁▇"),
        ([1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5], "▁▂▁▃▁▅▁▇"),
    ],
)
def test_histogram_bins_as_r_does(values, histogram):
    assert histogram_of(np.array(values, dtype=float)) == histogram


@pytest.mark.parametrize(
    ("low", "high", "first", "last", "length"),  # by R 4.2.2, pretty(n = 10, min.n = 1)
    [
        (0, 1, 0, 1, 11),
        (1, 4, 1, 4, 7),
        (0, 6, 0, 6, 13),
        (6, 229, 0, 240, 13),
        (-0.03, 0.43, -0.05, 0.45, 11),
        (3, 3, 2, 4, 2),
        (0, 0, -1, 0, 2),
        (-5, -5, -5, 0, 2),
        (1e-9, 2e-9, 1e-9, 2e-9, 11),
        (-1e6, 1e7, -1e6, 1e7, 12),
        (0.1, 0.3, 0.1, 0.3, 11),
        (99.9, 100.1, 99.9, 100.1, 11),
        (-1, 1, -1, 1, 11),
        (-7, 0, -7, 0, 15),
        (0, 7, 0, 7, 15),
        (1e10, 1e10 + 1, 1e10, 1e10 + 1, 11),
        (123456, 123457, 123456, 123457, 11),
        (0.0011, 0.0089, 0.001, 0.009, 9),
        (-2.5, 17.3, -4, 18, 12),
        (5, 6.2, 5, 6.2, 13),
        (0.5, 12.5, 0, 13, 14),
        (1000, 1000.0000001, 1000, 1000.0000001, 11),
        (0.7, 0.7, 0.5, 1, 2),
        (15, 15, 10, 20, 2),
        (1, 13, 1, 13, 13),
        (0, 1e-300, 0, 1e-300, 11),
        (1e15, 1e15 + 2, 9e14, 1e15 + 2, 2),
        (-3, 1000, -100, 1000, 12),
    ],
)
def test_pretty_is_that_of_r(low, high, first, last, length):
    np.testing.assert_allclose(
        pretty_breaks(low, high, 10), np.linspace(first, last, length), rtol=1e-14, atol=1e-14 * high
    )
