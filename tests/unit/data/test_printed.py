"""Printed tables, as a study has them in a folder."""

import pytest
from partialpool.data.printed import read
from partialpool.errors import StudyError


def test_tables_are_read_as_text_and_any_of_them_will_do(tmp_path):
    (tmp_path / "sizes.csv").write_text(
        "model,observations,units,chains,draws_per_chain,warmup\n1,0219,91,4,1000,1e3\n"
    )
    (tmp_path / "notes.txt").write_text("not a table")
    tables = read(tmp_path)
    assert list(tables) == ["sizes"]
    assert tables["sizes"].to_numpy().tolist() == [["1", "0219", "91", "4", "1000", "1e3"]]


def test_a_folder_without_tables_is_an_error_that_lists_them(tmp_path):
    with pytest.raises(StudyError, match=r"has none of sizes\.csv, precis\.csv, posterior\.csv, predictions\.csv, loo"):
        read(tmp_path / "nowhere")


@pytest.mark.parametrize("cell", ["", "NA", "n/a", "1,2", "0.1 *", "inf"])
def test_a_cell_that_is_no_number_is_an_error_that_says_where(tmp_path, cell):
    (tmp_path / "precis.csv").write_text(f'variable,mean,sd,q5.5,q94.5\na,1,2,0,3\nb,1,"{cell}",0,3\n')
    with pytest.raises(StudyError, match=r"precis\.csv', line 3: sd is '.*', and no number"):
        read(tmp_path)


@pytest.mark.parametrize("columns", ["variable,mean,sd,q5.5", "variable,mean,sd,q5.5,q94.5,median"])
def test_other_columns_are_an_error_that_lists_them(tmp_path, columns):
    (tmp_path / "precis.csv").write_text(f"{columns}\n")
    with pytest.raises(StudyError, match=rf"needs the columns variable,mean,sd,q5\.5,q94\.5; it has {columns}\."):
        read(tmp_path)
