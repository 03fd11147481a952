import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.jobs.tables import read_table, write_table


def test_names_ids_and_levels_stay_what_they_are(tmp_path):
    table = pd.DataFrame({"label": ["007", "7", "None", "NA"], "x": [0.5, np.nan, 1.0, np.inf]})
    table.to_csv(tmp_path / "a.csv", index=False)
    pd.testing.assert_frame_equal(read_table(tmp_path / "a.csv", ("label", "unit")), table)


@pytest.mark.parametrize(("name", "read"), [("a.csv", pd.read_csv), ("a.parquet", pd.read_parquet)])
def test_the_name_of_a_table_says_how_it_is_written(name, read, tmp_path):
    table = pd.DataFrame({"label": ["a", "b"], "x": [0.5, 1 / 3]})
    write_table(table, tmp_path / name)
    pd.testing.assert_frame_equal(read(tmp_path / name), table)


def test_a_table_that_is_cut_within_a_line_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("label,x\na,0.5\nb,0.25")
    with pytest.raises(StudyError, match="is cut short: it ends within a line"):
        read_table(path)
    path.write_text("label,x\na,0.5\n")
    assert read_table(path)["x"].tolist() == [0.5]
