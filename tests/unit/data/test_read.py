import gzip
import io
import lzma
import re
import zipfile

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from openpyxl import Workbook
from openpyxl.chart import BarChart, Reference
from partialpool.data import delimited, table, workbook
from partialpool.data import read as read_module
from partialpool.data.read import read
from partialpool.errors import StudyError


def test_read_keeps_text_and_counts_lines(write_csv):
    frame = read(write_csv('\ufeffid, a ,b\r\n06,"x, y",NA\r\n 7 , ,nan\r\n\r\n')).frame
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
        (b"a,b\n", ["line 1 has the names of 2 columns", "no data"]),
        (b"a,b\n1,2\n\n3,4\n", ["line 3", "empty"]),
        (b"a|b\n1|2\n", ["line 1", "only one column, 'a|b', separated by bars", "a semicolon or a tab"]),
        (b"a;b\n1,5;2\n3;4;5\n", ["line 3", "3 values", "2 columns", "separated by semicolons"]),
        (
            b"a;b\n1;0.5\n0,19;2\n",
            ["decimal commas and decimal points", "line 3, column a: '0,19'", "line 2, column b: '0.5'"],
        ),
        (b"hello\n", ["line 1", "only one column, 'hello'"]),
        (b"\n<!DOCTYPE html>\n<html>", ["web page", "<!DOCTYPE html>", "Raw"]),
        (b"a,b\n1,2\n1,2,3\n", ["line 3", "3 values", "2 columns"]),
        (b"a,b\n1\n", ["line 2", "1 values"]),
        (b"a,b,a\n1,2,3\n", ["line 1", "columns 1 and 3", "'a'"]),
        (b",b\n1,2\n1,3\n", ["line 1", "column 1 has no name", "Name it"]),
        (b",b\n1,2\n,3\n", ["line 1", "column 1 has no name"]),
        (b"A title,,\nid,x,y\n1,2,3\n", ["line 1: column 2 has no name", "Is this a title?"]),
        (b"# a title\nid,x\n1,2\n", ["line 1", "only one column, '# a title'", "Is this a title?"]),
        (b"a,b\n1,1,2\n2,3,4\n", ["line 2: 3 values", "2 columns", "the name of its row", "row.names = FALSE"]),
        (b"b,\n1,2\n", ["line 1", "column 2 has no name"]),
        (b",\n1,2\n", ["line 1", "column 2 has no name", "merged"]),
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


def test_names_of_rows_are_left_out(tmp_path):
    frame = pd.DataFrame({"id": ["a", "a", "b"], "x": [0.5, 1.0, 2.5]}, index=["1", "2", "11"])
    frame.to_csv(tmp_path / "raw.csv")
    frame.to_excel(tmp_path / "raw.xlsx", sheet_name="Data")
    for whole in (read(tmp_path / "raw.csv"), read(tmp_path / "raw.xlsx")):
        assert whole.frame.columns.tolist() == ["id", "x", "row"]
        assert whole.frame["x"].astype(float).tolist() == [0.5, 1.0, 2.5]
        assert whole.notes[-1] == "the first column left out, which has names of rows and none itself"
        assert whole.at(2).endswith(" 4")


def test_what_excel_leaves_behind_is_left_out(write_csv):
    plain = read(write_csv("id,x\n1,2\n1,\n2,3\n")).frame
    for content in ("id,x,,\n1,2,,\n1,,,\n2,3,,\n", "id,x\n1,2\n1,\n2,3\n,\n,\n", "id,x,\n1,2,\n1,,\n2,3,\n,,\n"):
        pd.testing.assert_frame_equal(read(write_csv(content)).frame, plain)
    # Between others they may be a mistake, and keep their place.
    assert len(read(write_csv("id,x\n1,2\n,\n2,3\n")).frame) == 3


def test_read_in_blocks_is_read_at_once(write_csv, monkeypatch):
    path = write_csv("a,b\n" + "".join(f'"{i}", {i % 3 or "NA"} \n' for i in range(7)))
    whole = read(path).frame
    for block in (1, 2, 7):
        monkeypatch.setattr(delimited, "BLOCK", block)
        pd.testing.assert_frame_equal(read(path).frame, whole)


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
    monkeypatch.setattr(delimited, "BLOCK", 2)
    with pytest.raises(StudyError, match=f"raw.csv, {says}"):
        read(write_csv("\n".join(["a,b", *lines])))


def test_blanks_are_those_of_python(write_csv):
    blanks = [character for character in map(chr, range(0x110000)) if character.isspace() and character not in "\r\n"]
    frame = read(write_csv("a,b\n" + "".join(f"{blank}x{blank}y{blank},NA{blank}\n" for blank in blanks))).frame
    assert frame["a"].tolist() == [f"x{blank}y" for blank in blanks]
    assert frame["b"].isna().all()


@pytest.mark.parametrize(
    ("content", "notes"),
    [
        ("id,x\n1,0.5\n2,1\n", ("text separated by commas",)),
        ("id;x\n1;0.5\n2;1\n", ("text separated by semicolons",)),
        (
            "id\tx\n1\t1\n2\t0,5\n",
            ("text separated by tabs", "decimal commas in x (line 3: '0,5' is read as 0.5)"),
        ),
        (
            "id;x\n1;1,250\n",
            (
                "text separated by semicolons",
                "decimal commas in x (line 2: '1,250' is read as 1.250; if the comma stands between thousands, remove "
                "it from the file)",
            ),
        ),
        (
            "id;x\n1;1.250\n2;980\n",
            (
                "text separated by semicolons",
                "points before three digits in x (line 2: '1.250' is read as 1.25; if the point stands between "
                "thousands, remove it from the file)",
            ),
        ),
        ("id;x\n1;1.250\n2;0.980\n", ("text separated by semicolons",)),
        # Most lines decide, and text with a comma is no number.
        ("id, of whom;x\n1;a,b\n2;0.5\n", ("text separated by semicolons",)),
    ],
)
def test_separator_and_decimal_commas_are_found_out_and_said(write_csv, content, notes):
    path = write_csv(content)
    assert read(path).notes == notes
    packed = path.with_name("raw.csv.gz")
    packed.write_bytes(gzip.compress(content.encode()))
    assert read(packed).notes == ("unpacked by gzip", *notes)
    pd.testing.assert_frame_equal(read(packed).frame, read(path).frame)


TEXTS = pd.DataFrame(
    {
        "id": ["1", "2", "10"],
        "x": ["0.1", np.nan, "-123456789.25"],
        "day": ["2024-03-31", "2024-04-01", np.nan],
        "word": ["a, b", np.nan, "ö"],
        "row": [0, 1, 2],
    }
).astype(dict.fromkeys(("id", "x", "day", "word"), "str"))


def typed() -> pd.DataFrame:
    frame = TEXTS.drop(columns="row").astype({"id": "float64", "x": "float64"})
    return frame.assign(day=pd.to_datetime(frame["day"]).dt.date)


def write_workbook(path, rows, *more):
    book = Workbook()
    book.active.title = "Data"
    for row in rows:
        book.active.append(row)
    for title in more:
        book.create_sheet(title)
    book.save(path)
    return path


def test_every_kind_of_file_gives_the_same_text(tmp_path):
    parquet, spss, stata, excel = (tmp_path / f"raw.{suffix}" for suffix in ("parquet", "sav", "dta", "xlsx"))
    frame = typed()
    frame.to_parquet(parquet)
    plain = frame.assign(day=TEXTS["day"], word=TEXTS["word"].fillna(""))
    pyreadstat.write_sav(plain, spss)
    pyreadstat.write_dta(plain, stata)
    cells = frame.astype("object").where(frame.notna(), None)
    write_workbook(excel, [list(frame), *cells.itertuples(index=False, name=None)], "Codes")
    for path, where in ((parquet, "row 3"), (spss, "row 3"), (stata, "row 3"), (excel, "sheet 'Data', row 4")):
        read_again = read(path)
        pd.testing.assert_frame_equal(read_again.frame, TEXTS)
        assert read_again.at(2) == where
    assert read(excel).notes == ("Excel workbook, sheet 'Data', the first of 2; the others are not read",)
    assert read(parquet).notes == ("Parquet",)


def test_the_content_and_not_the_name_says_what_a_file_is(tmp_path):
    path = tmp_path / "raw.csv"
    typed().to_parquet(path)
    pd.testing.assert_frame_equal(read(path).frame, TEXTS)


@pytest.mark.parametrize("write", [pyreadstat.write_sav, pyreadstat.write_dta])
def test_labels_of_values_are_in_the_order_of_their_codes(tmp_path, write):
    path = tmp_path / "raw"
    frame = pd.DataFrame({"id": [1, 1, 2], "stage": [10, 2, 1], "x": [0.5, 1.0, 2.0]})
    write(frame, path, variable_value_labels={"stage": {10: "high", 1: "low", 2: "middle"}})
    assert list(read(path).labels["stage"].items()) == [("1", "low"), ("2", "middle"), ("10", "high")]
    assert read(path).notes[1] == "value labels of stage"
    assert read(path).titles == {}


@pytest.mark.parametrize("write", [pyreadstat.write_sav, pyreadstat.write_dta])
def test_labels_of_variables_are_titles_of_columns(tmp_path, write):
    path = tmp_path / "raw"
    write(pd.DataFrame({"id": [1, 1, 2], "x": [0.5, 1.0, 2.0]}), path, column_labels=["", "Height of the child"])
    assert read(path).titles == {"x": "Height of the child"}


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([["id", "x"], [1, 2], [3, "#DIV/0!"]], "sheet 'Data', row 3, column x: the cell has the error #DIV/0!"),
        ([["id", "x"], [1, 2, 3]], "sheet 'Data', row 2, column 3: '3' stands in a column without a name"),
        ([[None, "x"], [1, 2], [1, 3]], "sheet 'Data', row 1: column 1 has no name"),
        ([["A title"], [], ["id", "x"], [1, 2]], "Row 1 has 'A title' alone. Is this a title? The names"),
        ([["id", None, "x"], [1, 2, 3]], "sheet 'Data', row 1: column 2 has no name"),
        ([["id", "id"], [1, 2]], "sheet 'Data', row 1: columns 1 and 2 are both called 'id'"),
        ([["id", "x"]], "sheet 'Data', row 1 has the names of 2 columns but no data"),
        ([[]], "sheet 'Data': row 1 is empty"),
    ],
)
def test_cells_that_are_wrong_have_a_sheet_and_a_row(tmp_path, rows, says):
    with pytest.raises(StudyError) as error:
        read(write_workbook(tmp_path / "raw.xlsx", rows))
    assert says in str(error.value)


def test_a_sheet_that_is_a_chart_is_passed_over(tmp_path):
    book = Workbook()
    book.active.title = "Data"
    for row in (["id", "x"], [1, 2.5]):
        book.active.append(row)
    chart = BarChart()
    chart.add_data(Reference(book.active, min_col=2, min_row=1, max_row=2))
    book.create_chartsheet("Chart", 0).add_chart(chart)
    book.save(tmp_path / "raw.xlsx")
    table = read(tmp_path / "raw.xlsx")
    assert table.frame.to_numpy().tolist() == [["1", "2.5", 0]]
    assert table.where == "sheet 'Data', row"
    del book["Data"]
    book.save(tmp_path / "raw.xlsx")
    with pytest.raises(StudyError, match=r"raw.xlsx has no sheet with cells\."):
        read(tmp_path / "raw.xlsx")


def test_blank_rows_count_and_those_at_the_end_are_left_out(tmp_path):
    path = write_workbook(tmp_path / "raw.xlsx", [["id", "x"], [1, True], [], [2, 3.5], [None, " "], []])
    assert read(path).frame.fillna("").drop(columns="row").to_numpy().tolist() == [
        ["1", "TRUE"],
        ["", ""],
        ["2", "3.5"],
    ]


@pytest.mark.parametrize(
    ("hidden", "says"),
    [
        ((), []),
        ((3,), ["row 3, which Excel hides, is read too: delete what a filter was to leave out"]),
        ((2, 4, 9), ["2 rows that Excel hides are read too: delete what a filter was to leave out"]),
    ],
)
def test_rows_that_a_filter_hides_are_told(tmp_path, monkeypatch, hidden, says):
    book = Workbook()
    sheet = book.active
    for row in [["id", "y"], *([i, i / 2] for i in range(4))]:
        sheet.append(row)
    # Columns and other sheets may be hidden too; row 9 is empty.
    sheet.column_dimensions["B"].hidden = True
    book.create_sheet("more").row_dimensions[3].hidden = True
    for row in hidden:
        sheet.row_dimensions[row].hidden = True
    book.save(tmp_path / "data.xlsx")
    table = read(tmp_path / "data.xlsx")
    assert (len(table.frame), list(table.notes[1:])) == (4, says)
    monkeypatch.setattr("partialpool.data.workbook.MOST_LOOKED_AT", 100)
    assert len(read(tmp_path / "data.xlsx").notes) == 1


def zipped(**files) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (zipped(a="x"), "is a zip and no Excel workbook"),
        (zipped(**{"[Content_Types].xml": "<a/>", "xl/workbook.xml": "<"}), "cannot be read as an Excel workbook"),
        (b"PK\x03\x04 cut short", "cannot be read as an Excel workbook"),
        (b"PAR1 cut short", "cannot be read as a Parquet file"),
        (b"$FL2 cut short", "cannot be read as a file of SPSS"),
        (b"<stata_dta> cut short", "cannot be read as a file of Stata"),
        (b"\x1f\x8b\x08 cut short", "damaged or cut short"),
        (gzip.compress(b"a,b\n1,2\n")[:-4], "damaged or cut short"),
        (b"\xd0\xcf\x11\xe0", "an old Excel file"),
        (lzma.compress(b"a,b\n1,2\n"), "is packed by xz: unpack it"),
        (
            zipped(**{"mimetype": "", "content.xml": "<a/>"}),
            "is an OpenDocument file, as of LibreOffice (.ods): save it",
        ),
        (gzip.compress(b"X\n\0\0\0\3\0\4"), "is an R data file: in R, write.csv"),
        (gzip.compress(b"RDX3\nX\n"), "is an R data file: in R, write.csv"),
        (b"HEADER RECORD*******LIBRARY HEADER", "is a transport file of SAS (.xpt): export it as CSV"),
        (b"ASCII SPSS PORT FILE", "is a portable file of SPSS (.por): save it as .sav"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file: write the table as CSV or Parquet"),
        (b"ARROW1\0\0\xff\xff", "is an Arrow (Feather) file: write it as Parquet"),
        (bytes(12) + b"\xc2\xea\x81\x60", "is a file of SAS: export it as CSV"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS and not the file itself"),
        (b'[{"a": 1, "b": 2}]', "is JSON: write it as CSV"),
        ("a,b\n1,2\n".encode("utf-16-le"), "is no text: save it as CSV"),
    ],
    # A packed file holds the time; a worker of pytest-xdist must find the same names as the next.
    ids=[
        "a zip",
        "a damaged workbook",
        "a cut workbook",
        "a cut Parquet file",
        "a cut SPSS file",
        "a cut Stata file",
        "a cut header of gzip",
        "a cut gzip",
        "an old Excel file",
        "packed by xz",
        "OpenDocument",
        "R's rds",
        "R's RData",
        "SAS transport",
        "SPSS portable",
        "HDF5",
        "Feather",
        "SAS",
        "Git LFS",
        "JSON",
        "UTF-16 without a mark",
    ],
)
def test_damaged_and_other_files_are_refused(write_csv, content, says):
    with pytest.raises(StudyError) as error:
        read(write_csv(content))
    assert says in str(error.value)
    assert len(str(error.value).splitlines()) <= 4


def test_bytes_that_libraries_do_not_expect_are_refused(write_csv, tmp_path):
    future = bytearray(zipped(**{"[Content_Types].xml": "", "xl/workbook.xml": ""}))
    future[future.index(b"PK\x01\x02") + 6] = 173
    with pytest.raises(StudyError, match="cannot be read as an Excel workbook"):
        read(write_csv(bytes(future)))
    pd.DataFrame({"café": [1, 2]}).to_parquet(tmp_path / "a.parquet")
    unreadable = (tmp_path / "a.parquet").read_bytes().replace("café".encode(), b"caf\xc3(")
    with pytest.raises(StudyError, match="cannot be read as a Parquet file"):
        read(write_csv(unreadable))


def edit_sheet(path, old, new):
    """Write another text into the first sheet of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert old in parts[sheet]
    path.write_bytes(zipped(**parts | {sheet: parts[sheet].replace(old, new)}))


def test_a_sheet_that_says_it_is_larger_than_it_is_is_read_as_it_is(tmp_path):
    path = write_workbook(tmp_path / "raw.xlsx", [["id", "x"], [1, 2]])
    edit_sheet(path, b'ref="A1:B2"', b'ref="A1:XFD1048576"')
    assert read(path).frame.shape == (1, 3)


def test_a_row_beyond_the_last_of_excel_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_ROWS", 100)
    path = write_workbook(tmp_path / "raw.xlsx", [["id", "x"], [1, 2]])
    edit_sheet(path, b'<row r="2"', b'<row r="999999999"')
    with pytest.raises(StudyError, match="a row has a number above 100"):
        read(path)


def test_files_that_unpack_to_too_much_are_refused(write_csv, tmp_path, monkeypatch):
    for module in (read_module, workbook):
        monkeypatch.setattr(module, "MOST_BYTES", 10_000)
    monkeypatch.setattr(table, "MOST_CELLS", 1000)
    bombs = [gzip.compress(bytes(100_000)), zipped(**{"[Content_Types].xml": "", "xl/a.xml": bytes(100_000)})]
    for bomb in bombs:
        with pytest.raises(StudyError, match=r"unpacks to .*more than 10,000"):
            read(write_csv(bomb))
    frame = pd.DataFrame({"id": np.zeros(2000)})
    frame.to_parquet(tmp_path / "raw.parquet")
    pyreadstat.write_sav(frame, tmp_path / "raw.sav")
    for name in ("raw.parquet", "raw.sav"):
        with pytest.raises(StudyError, match=r"more than\n1,000 values"):
            read(tmp_path / name)


EXCEL = "Käse;Größe;wann\r\na;1,5;31.03.2024\r\nß;2;1.4.2024\r\n"


def test_what_german_excel_saves_is_read_where_its_encoding_is_said(write_csv):
    found = read(write_csv(EXCEL.encode("cp1252")), "cp1252")
    assert found.frame["Käse"].tolist() == ["a", "ß"]
    assert found.frame["Größe"].tolist() == ["1.5", "2"]
    assert found.frame["wann"].tolist() == ["2024-03-31", "2024-04-01"]
    assert found.notes[0] == "text in the encoding cp1252, separated by semicolons"
    assert "line 2: '31.03.2024' is read as 2024-03-31" in found.notes[2]


def test_encoding_is_never_guessed_but_its_words_are_shown(write_csv):
    with pytest.raises(StudyError) as error:
        read(write_csv(EXCEL.encode("cp1252")))
    told = str(error.value).splitlines()
    assert "line 1: byte 0xe4 (number 2 of the file) is not UTF-8." in told[0]
    assert "  cp1252 or cp1250 or cp1254  Käse, Größe" in told
    assert any(line.startswith("  mac-roman ") and "Käse" not in line for line in told)
    assert "  in the config data: {encoding: cp1252}, or to new_study.py --encoding cp1252," in told


def test_words_of_polish_tell_two_encodings_of_windows_apart(write_csv):
    with pytest.raises(StudyError) as error:
        read(write_csv("miasto,y\nŁódź,1\nGdańsk,2\n".encode("cp1250")))
    assert "  cp1250                      Łódź, Gdańsk" in str(error.value).splitlines()


@pytest.mark.parametrize(
    ("content", "encoding", "told"),
    [
        ("a,b\nä,1\n".encode(), "cp1252", "is UTF-8 and not cp1252: leave the encoding out"),
        ("\ufeffa,b\n1,1\n".encode(), "cp1252", "is UTF-8 and not cp1252"),
        (b"a,b\n\x81,1\n", "cp1252", "is not text in the encoding cp1252 (Windows, western Europe)"),
        (b"PAR1", "cp1252", "is no text file, so it has no encoding"),
    ],
    ids=["utf-8", "its mark", "a byte of none", "parquet"],
)
def test_an_encoding_that_is_wrong_is_told(write_csv, content, encoding, told):
    with pytest.raises(StudyError, match=re.escape(told)):
        read(write_csv(content), encoding)


def test_text_of_two_bytes_a_letter_is_read_where_that_is_said(write_csv):
    assert read(write_csv("a\tb\nä\t1\n".encode("utf-16")), "utf-16").frame["a"].tolist() == ["ä"]


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\n', "\ufeffSEP=;\n", "sep=;;;\n"])
def test_instruction_to_excel_is_obeyed_and_lines_are_counted_with_it(write_csv, first):
    found = read(write_csv(f"{first}a;b,c\n1;2\n3;4\n"))
    assert found.frame["b,c"].tolist() == ["2", "4"]
    assert found.at(1) == "line 4"
    with pytest.raises(StudyError, match="line 4: 3 values"):
        read(write_csv(f"{first}a;b\n1;2\n3;4;5\n"))
    with pytest.raises(StudyError, match=r"line 4: .*several lines"):
        read(write_csv(f'{first}a;b\n1;2\n3;"x\ny"\n'))


def test_dates_stay_text_where_one_is_none(write_csv):
    assert read(write_csv("a;wann\n1;31.03.2024\n2;32.03.2024\n")).frame["wann"].tolist()[0] == "31.03.2024"


def test_all_that_is_blank_in_a_name_is_one_blank(write_csv, tmp_path):
    names = ["unit", "herd\u00a0size", "weight\n(kg)", "a  b"]
    frame = pd.DataFrame([["a", 1, 2, 3], ["b", 4, 5, 6]], columns=names)
    frame.to_parquet(tmp_path / "data.parquet")
    frame.to_excel(tmp_path / "data.xlsx", index=False)
    # In a text file no name has a line break.
    text = frame.to_csv(index=False).replace("\n(kg)", " (kg)")
    for path in (write_csv(text), tmp_path / "data.parquet", tmp_path / "data.xlsx"):
        assert read(path).frame.columns.tolist() == ["unit", "herd size", "weight (kg)", "a b", "row"]
