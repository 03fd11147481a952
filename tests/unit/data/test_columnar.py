"""Columns of files that keep types, as text."""

from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyreadstat
import pytest
from partialpool.data.columnar import as_text, labelled

MISSING = None


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pa.array(["a", None, "b"]).dictionary_encode(), ["a", MISSING, "b"]),
        (pa.array([0.1, np.nan, None, 3.0]), ["0.1", MISSING, MISSING, "3"]),
        (pa.array([7, None]), ["7", MISSING]),
        (pa.array([True, False, None]), ["TRUE", "FALSE", MISSING]),
        (pa.array([datetime(2026, 5, 1), None]), ["2026-05-01", MISSING]),
        (pa.array([datetime(2026, 5, 1), datetime(2026, 5, 1, 9, 30)]), ["2026-05-01T00:00:00", "2026-05-01T09:30:00"]),
        (pa.array([datetime(2026, 5, 1, 9, 30, 0, 250000)], pa.timestamp("ms")), ["2026-05-01T09:30:00.250"]),
        (pa.array([None, None], pa.timestamp("ms")), [MISSING, MISSING]),
        # 15:00 in Greenwich is the next day in Tokyo.
        (pa.array([datetime(2026, 4, 30, 15)], pa.timestamp("ns", tz="Asia/Tokyo")), ["2026-05-01"]),
        (pa.array([datetime(2026, 4, 30, 14)], pa.timestamp("ns", tz="Asia/Tokyo")), ["2026-04-30T23:00:00"]),
        (pa.array(["Größe".encode(), None]), ["Größe", MISSING]),
    ],
    ids=[
        "levels",
        "numbers",
        "whole numbers",
        "yes and no",
        "dates",
        "times",
        "parts of a second",
        "no dates",
        "days of a zone",
        "times of a zone",
        "bytes",
    ],
)
def test_columns_as_text(column, texts):
    made = as_text(column)
    assert made.astype(object).where(made.notna(), MISSING).tolist() == texts
    assert isinstance(made, pd.Series)


def test_what_stata_counts_its_periods_from_is_told(tmp_path):
    data = pd.DataFrame({"id": [1.0, 2.0], "month": [720.0, 721.0], "week": [3120.0, 3121.0], "year": [2020.0, 2021.0]})
    formats = {"month": "%tmCCYY-NN", "week": "%tw", "year": "%ty"}
    pyreadstat.write_dta(data, tmp_path / "a.dta", variable_format=formats)
    read = labelled(tmp_path / "a.dta", "Stata")
    assert read.frame["month"].tolist() == ["720", "721"]
    assert read.notes == (
        "Stata",
        "month as Stata counts: months since January 1960",
        "week as Stata counts: weeks since the first of 1960, 52 a year",
    )
