import pandas as pd
import pytest
from partialpool.data import read as read_module
from partialpool.data.read import read
from partialpool.errors import StudyError


def test_read_keeps_text_and_counts_lines(write_csv):
    frame = read(write_csv('\ufeffid, a ,b\r\n06,"x, y",NA\r\n 7 , ,nan\r\n\r\n'))
    assert list(frame) == ["id", "a", "b", "row"]
    assert frame["id"].tolist() == ["06", "7"]
    assert frame["a"].tolist()[0] == "x, y"
    assert frame.isna().to_numpy().tolist() == [
        [False, False, True, False],
        [False, True, True, False],
    ]
    assert frame["row"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ["is empty"]),
        (b"\n\n", ["is empty"]),
        (b"a,b\n", ["header", "no data"]),
        (b"a,b\n1,2\n\n3,4\n", ["line 3", "empty"]),
        (b"a;b\n1;2\n", ["line 1", "semicolons", "comma"]),
        (b"a\tb\n1\t2\n", ["line 1", "tabs"]),
        (b"hello\n", ["line 1", "only one column, 'hello'"]),
        (b"\n<!DOCTYPE html>\n<html>", ["web page", "<!DOCTYPE html>", "Raw"]),
        (b"a,b\n1,2\n1,2,3\n", ["line 3", "3 values", "2 columns"]),
        (b"a,b\n1\n", ["line 2", "1 values"]),
        (b"a,b,a\n1,2,3\n", ["line 1", "columns 1 and 3", "'a'"]),
        (b",b\n1,2\n", ["line 1", "column 1 has no name", "row.names"]),
        (b"a,row\n1,2\n", ["line 1", "column 2", "'row'"]),
        (b"a,b\n1,caf\xe9\n", ["line 2", "0xe9", "number 10", "UTF-8"]),
        (b'a,b\n1,"x\ny"\n', ["line 2", "several lines"]),
        (b'a,b\n1,2\n1,"x\n3,4\n', ["line 3", "quote"]),
        (b'a,b\n1,"x"y\n', ["line 2", "quote"]),
    ],
)
def test_read_refuses_what_is_not_csv(write_csv, content, parts):
    with pytest.raises(StudyError) as error:
        read(write_csv(content))
    for part in ["raw.csv", *parts]:
        assert part in str(error.value)


def test_read_in_blocks_is_read_at_once(write_csv, monkeypatch):
    path = write_csv("a,b\n" + "".join(f'"{i}", {i % 3 or "NA"} \n' for i in range(7)))
    whole = read(path)
    for block in (1, 2, 7):
        monkeypatch.setattr(read_module, "BLOCK", block)
        pd.testing.assert_frame_equal(read(path), whole)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["1,2", "1,2", "1,2", "1"], "line 5: 1 values"),
        (["1,2,3", "1,2", "1,2", "1"], "line 2: 3 values"),
        (["1", "1,2", "1,2", "", "1,2"], "line 5: the line is empty"),
        (["1", "1,2", "1,2", '1,"x"y'], "line 5: .*expected after"),
    ],
)
def test_wrong_lines_are_named_in_every_block(write_csv, monkeypatch, lines, says):
    monkeypatch.setattr(read_module, "BLOCK", 2)
    with pytest.raises(StudyError, match=f"raw.csv, {says}"):
        read(write_csv("\n".join(["a,b", *lines])))


def test_blanks_are_those_of_python(write_csv):
    blanks = [character for character in map(chr, range(0x110000)) if character.isspace() and character not in "\r\n"]
    frame = read(write_csv("a,b\n" + "".join(f"{blank}x{blank}y{blank},NA{blank}\n" for blank in blanks)))
    assert frame["a"].tolist() == [f"x{blank}y" for blank in blanks]
    assert frame["b"].isna().all()
