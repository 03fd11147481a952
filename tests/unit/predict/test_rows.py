import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.predict.rows import rows_of_file


@pytest.fixture
def read(units, tmp_path):
    """Read rows of text with the types of the data."""

    def rows(text, *, unit="id", columns=("x", "mood"), others=()):
        (tmp_path / "new.csv").write_text(text)
        return rows_of_file(str(tmp_path / "new.csv"), units, unit=unit, columns=[*columns], others=[*others])

    return rows


def test_rows_have_the_types_of_the_data(read):
    rows = read("mood;x;id;more\ngood;1,5;x 7;a\nbad;2;new;b\n", others=["more"])
    assert list(rows.columns) == ["id", "x", "mood", "more", "row"]
    assert rows["x"].tolist() == [1.5, 2]
    assert rows["id"].tolist() == ["x 7", "new"]
    assert rows["more"].tolist() == ["a", "b"]


def test_the_average_unit_needs_no_units(read):
    assert list(read("x,mood\n1,bad\n", unit=None).columns) == ["x", "mood", "row"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,x\n1,2\n", "new.csv has no column 'mood'. Columns: id, x"),
        ("id,x,mod\n1,2,bad\n", "no column 'mood'. Did you mean 'mod'"),
        ("id,x,mood\n1,2,bad\n1,two,bad\n", "new.csv, line 3, column x: 'two', and not a number"),
        ("id,x,mood\n1,,bad\n", "line 2, column x: missing, and not a number"),
        ("id,x,mood\n,1,bad\n", "line 2, column id: missing, and not a value"),
        ("id,x,mood\nnew,2,bad\n7.0,2,bad\n", "line 3: '7.0' is none of the units observed, but '7' is. Spell it as"),
        ("id,x,mood\n007,2,bad\n", "line 2: '007' is none of the units observed, but '7' is"),
        ("id,x,mood\n1,2,awful\n", "column mood: 'awful', and not one of "),
    ],
)
def test_rows_that_the_model_does_not_know(read, text, message):
    with pytest.raises(StudyError, match=message):
        read(text)


def test_labels_of_codes_are_levels(units, tmp_path):
    import pyreadstat

    frame = pd.DataFrame({"id": ["1", "2"], "mood": [1.0, 2.0]})
    pyreadstat.write_sav(frame, str(tmp_path / "new.sav"), variable_value_labels={"mood": {1.0: "bad", 2.0: "good"}})
    rows = rows_of_file(str(tmp_path / "new.sav"), units, unit="id", columns=["mood"], others=[])
    assert rows["mood"].tolist() == ["bad", "good"]
