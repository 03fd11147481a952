import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.jobs import written
from partialpool.jobs.tables import read_table, write_table

TABLE = pd.DataFrame({"label": ["a", "b"], "x": [0.5, 0.25]})


@pytest.fixture
def run_here(tmp_path, monkeypatch):
    """A folder in which Snakemake runs."""
    (tmp_path / written.FOLDER.parent).mkdir()
    monkeypatch.chdir(tmp_path)


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


@pytest.mark.parametrize(
    "edited",
    ["label,x\na,0.5\n", "label,x\n", "", "label\na\nb\n", "label;x\na;0,5\nb;0,25\n", "label,x\na,0.5\nb,0.26\n"],
    ids=["line deleted", "no lines", "empty", "column deleted", "saved by Excel", "number changed"],
)
@pytest.mark.usefixtures("run_here")
def test_a_table_that_was_edited_is_never_read(edited):
    write_table(TABLE, "results/models/a.csv")
    pd.testing.assert_frame_equal(read_table("results/models/a.csv"), TABLE)
    with open("results/models/a.csv", "w") as file:
        file.write(edited)
    with pytest.raises(StudyError, match=r"'results/models/a\.csv' is not as this study wrote it.* Delete it and run"):
        read_table("results/models/a.csv")
    write_table(TABLE, "results/models/a.csv")
    pd.testing.assert_frame_equal(read_table("results/models/a.csv"), TABLE)


def test_a_table_is_the_same_by_a_relative_and_an_absolute_path(run_here, tmp_path):
    write_table(TABLE, tmp_path / "results/a.csv")
    pd.testing.assert_frame_equal(read_table("results/a.csv"), TABLE)
    (tmp_path / "results/a.csv").write_text("label,x\na,1\n")
    with pytest.raises(StudyError, match="is not as this study wrote it"):
        read_table("results/a.csv")


def test_of_a_table_that_another_folder_wrote_nothing_is_known(run_here, tmp_path):
    (tmp_path / "results").mkdir()
    TABLE.to_csv(tmp_path / "results/a.csv", index=False)
    pd.testing.assert_frame_equal(read_table("results/a.csv"), TABLE)


@pytest.mark.usefixtures("run_here")
def test_a_run_that_was_killed_while_it_wrote_a_table_leaves_one_that_can_be_read(monkeypatch):
    write_table(TABLE, "results/a.csv")
    with monkeypatch.context() as killed:
        killed.setattr("partialpool.jobs.written.checksum", lambda path: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write_table(TABLE.head(1), "results/a.csv")
    assert len(read_table("results/a.csv")) == 1


@pytest.mark.usefixtures("run_here")
def test_data_that_were_replaced_by_those_of_another_study_are_known():
    write_table(TABLE, "results/data/prepared.parquet")
    written.require_as_written("results/data/prepared.parquet")
    TABLE.head(1).to_parquet("results/data/prepared.parquet")
    with pytest.raises(StudyError, match=r"prepared\.parquet' is not as this study wrote it"):
        written.require_as_written("results/data/prepared.parquet")
