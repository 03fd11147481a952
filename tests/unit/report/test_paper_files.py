"""Files of a table for a paper: what stands in them is text."""

import csv
import io
import shutil
import subprocess

import pytest
from partialpool.errors import StudyError
from partialpool.jobs import written
from partialpool.report import paper
from partialpool.report.paper_files import in_latex, to_csv, to_docx, to_latex, write

from report.for_paper_results import compared, study, two_models

# What LaTeX, Word and HTML could read as commands.
NASTY = r"\input{x} & 50% of $a_1^2$ #~ {<w:b/>} [*] -- `` '' |\\"


@pytest.fixture
def table():
    return paper.side_by_side(study(), two_models(), {"both": compared()})


@pytest.fixture
def nasty():
    return paper.side_by_side(study(lambda what: f"{what} {NASTY}"), two_models(), {"both": compared()})


def test_csv_has_the_cells_on_one_line(table):
    rows = list(csv.reader(io.StringIO(to_csv(table))))
    assert rows[0] == ["", "Means", "Growth*"]
    assert rows[2] == ["Year", "", "-0.500 [-0.60, -0.40]"]


def test_latex_has_the_rules_of_booktabs(table):
    text = to_latex(table)
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 3, 1]
    assert r"Year &  & $-$0.500 \\" in text
    assert r" &  & {[}$-$0.60, $-$0.40] \\" in text
    assert r"\label{tab:all-models}" in text


@pytest.mark.parametrize(
    ("words", "latex"),
    [
        (r"\a{b}", r"\textbackslash{}a\{b\}"),
        ("50 % & $x_1^2$ #~", r"50 \% \& \$x\_1\textasciicircum{}2\$ \#\textasciitilde{}"),
        ("[*]", "{[}{*}]"),
        ("a -- b − c", "a -{}- b $-$ c"),
        ("2.5×10⁻⁹", r"2.5$\times$10$^-$$^9$"),
    ],
)
def test_characters_of_latex_stand_for_themselves(words, latex):
    assert in_latex(words) == latex


def test_no_command_of_the_study_is_one_of_latex(nasty):
    text = to_latex(nasty)
    assert r"\input{" not in text
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    for line in body.splitlines():
        if line.endswith(r"\\"):
            assert line.replace(r"\&", "").count("&") == len(nasty.headings) - 1


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs LaTeX")
def test_latex_compiles(nasty, tmp_path):
    write(nasty, tmp_path)
    document = r"\documentclass{article}\usepackage{booktabs}\begin{document}\input{all-models}\end{document}"
    (tmp_path / "paper.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("which", ["table", "nasty"])
def test_word_has_the_cells(which, request):
    import docx

    table = request.getfixturevalue(which)
    document = docx.Document(io.BytesIO(to_docx(table)))
    assert document.paragraphs[0].text == table.caption
    assert document.paragraphs[-1].text == table.note
    [made] = document.tables
    cells = [[cell.text.replace("\N{NO-BREAK SPACE}", " ") for cell in row.cells] for row in made.rows]
    assert cells == [list(table.headings), *map(list, table.rows)]
    assert document.core_properties.author == ""


def test_wide_tables_lie_on_their_side(table):
    from dataclasses import replace

    import docx

    wide = replace(table, headings=tuple("abcdefgh"), blocks=((tuple("12345678"),),))
    [section] = docx.Document(io.BytesIO(to_docx(wide))).sections
    assert section.page_width > section.page_height


def test_the_same_table_gives_the_same_bytes(table, monkeypatch):
    import time

    first = to_docx(table)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    assert to_docx(table) == first


def test_three_files(table, tmp_path):
    write(table, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"all-models.{kind}" for kind in ("csv", "tex", "docx")}


@pytest.mark.parametrize("kind", ["csv", "tex", "docx"])
def test_a_file_that_was_edited_is_known(kind, table, tmp_path, monkeypatch):
    """So that no archive has it as ours."""
    (tmp_path / written.FOLDER.parent).mkdir()
    monkeypatch.chdir(tmp_path)
    write(table, ".")
    written.require_as_written(f"all-models.{kind}")
    (tmp_path / f"all-models.{kind}").write_bytes(b"edited")
    with pytest.raises(StudyError, match="is not as this study wrote it"):
        written.require_as_written(f"all-models.{kind}")
