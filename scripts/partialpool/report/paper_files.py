"""Files of a table for a paper: .csv, .tex with booktabs, .docx. Text is text: nothing in it is a command."""

import csv
import io
import re
import textwrap
import zipfile
from pathlib import Path

from partialpool.data.notation import exponents
from partialpool.jobs.written import written
from partialpool.report.paper import Table

# Characters that LaTeX reads as commands, joins, or lacks in its plain fonts.
IN_LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "{''}",
    "`": "{`}",
    "'": "{'}",
    # After the end of a line these two would belong to it.
    "[": "{[}",
    "*": "{*}",
    "−": "$-$",
    "–": r"\textendash{}",
    "×": r"$\times$",
    "⁻": "$^-$",
    **{above: f"$^{digit}$" for digit, above in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    "†": r"\textdagger{}",
}
HEADING_WIDTH, LABEL_WIDTH = 18, 36
# The time of every entry in a .docx, the earliest that a zip can tell: the same table gives the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)
SIZE, NOTE_SIZE = 9, 8
# With more columns the page is wider than high. Inches: of its margins, and of the column of the rows' names.
MOST_COLUMNS = 5
MARGIN, LABELS = 0.8, 2.3


def write(table: Table, folder: str | Path) -> None:
    """Write the three files of a table, each whole or not at all."""
    contents = {"csv": to_csv(table).encode(), "tex": to_latex(table).encode(), "docx": to_docx(table)}
    for kind, content in contents.items():
        with written(Path(folder, f"{table.name}.{kind}")) as temporary:
            temporary.write_bytes(content)


def to_csv(table: Table) -> str:
    """The table as comma-separated values: its cells as they are shown, on one line and with ASCII signs."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in (table.headings, *table.rows):
        writer.writerow([exponents(cell).replace("\n", " ").replace("−", "-").replace("–", "") for cell in row])
    return text.getvalue()


def in_latex(words: str) -> str:
    """Text for LaTeX, every character of which stands for itself."""
    joined = "".join(IN_LATEX.get(character, character) for character in words)
    return joined.replace("--", "-{}-")


def to_latex(table: Table) -> str:
    """The table as a float of LaTeX with booktabs' rules."""
    columns = len(table.headings)
    heading = tuple("\n".join(textwrap.wrap(words, HEADING_WIDTH)) for words in table.headings)
    blocks = [_latex_rows([heading]), *(_latex_rows(block) for block in table.blocks)]
    label = re.sub(r"[^A-Za-z0-9.-]", "-", table.name)
    return "\n".join(
        [
            r"% \usepackage{booktabs}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{in_latex(table.caption)}}}",
            rf"\label{{tab:{label}}}",
            r"\footnotesize",
            r"\setlength{\tabcolsep}{4pt}",
            rf"\begin{{tabular}}{{@{{}}l{'c' * (columns - 1)}@{{}}}}",
            r"\toprule",
            "\n\\midrule\n".join(blocks),
            r"\bottomrule",
            r"\end{tabular}",
            "",
            r"\smallskip",
            rf"\parbox{{\linewidth}}{{\footnotesize {in_latex(table.note)}}}",
            r"\end{table}",
            "",
        ]
    )


def _latex_rows(rows) -> str:
    """Rows of LaTeX; a row whose cells have two lines becomes two."""
    made = []
    for row in rows:
        label = "\n".join(textwrap.wrap(row[0], LABEL_WIDTH))
        lines = [[in_latex(line) for line in cell.split("\n")] for cell in (label, *row[1:])]
        height = max(map(len, lines))
        for place in range(height):
            made.append(" & ".join(cell[place] if place < len(cell) else "" for cell in lines) + r" \\")
        if height > 1:
            made.append(r"\addlinespace")
    return "\n".join(made[:-1] if made[-1] == r"\addlinespace" else made)


def to_docx(table: Table) -> bytes:
    """The table as a document of Word: caption, table with three rules, note."""
    import docx
    from docx.shared import Inches, Pt

    document = docx.Document()
    width = _page(document.sections[0], on_its_side=len(table.headings) > MOST_COLUMNS)
    widths = [Inches(LABELS), *[(width - Inches(LABELS)) // (len(table.headings) - 1)] * (len(table.headings) - 1)]
    properties = document.core_properties
    properties.title, properties.author, properties.comments = table.caption[:255], "", ""
    caption = document.add_paragraph().add_run(table.caption)
    caption.bold = True
    rows = [table.headings, *table.rows]
    made = document.add_table(len(rows), len(table.headings))
    made.autofit = False
    for column, width in zip(made.columns, widths, strict=True):
        column.width = width
    ends = {0}
    for block in table.blocks:
        ends.add(max(ends) + len(block))
    for place, (row, cells) in enumerate(zip(made.rows, rows, strict=True)):
        _keep_whole(row, heading=place == 0)
        for column, (cell, words) in enumerate(zip(row.cells, cells, strict=True)):
            cell.width = widths[column]
            _fill(cell, words, bold=place == 0, centred=column > 0)
            last = place == len(rows) - 1
            _rules(cell, top=12 if place == 0 else 0, bottom=12 if last else 4 if place in ends else 0)
    note = document.add_paragraph()
    note.paragraph_format.space_before = Pt(6)
    note.add_run(table.note).font.size = Pt(NOTE_SIZE)
    written = io.BytesIO()
    document.save(written)
    return _without_times(written)


def _page(section, *, on_its_side: bool) -> int:
    """Lay out a page of Word; returns the width between its margins."""
    from docx.enum.section import WD_ORIENT
    from docx.shared import Inches

    if on_its_side:
        section.orientation = WD_ORIENT.LANDSCAPE
        section.page_width, section.page_height = section.page_height, section.page_width
    section.left_margin = section.right_margin = Inches(MARGIN)
    return section.page_width - 2 * Inches(MARGIN)


def _fill(cell, words: str, *, bold: bool, centred: bool) -> None:
    """Write into a cell of a table of Word."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    paragraph = cell.paragraphs[0]
    # An interval stays on one line.
    run = paragraph.add_run(words.replace(", ", ",\N{NO-BREAK SPACE}") if centred else words)
    run.bold, run.font.size = bold, Pt(SIZE)
    paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(1)
    if centred:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER


def _rules(cell, *, top: int, bottom: int) -> None:
    """Rules above and below a cell, in eighths of a point; python-docx has no method for them."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    borders = OxmlElement("w:tcBorders")
    for side, width in (("top", top), ("bottom", bottom)):
        if width:
            rule = OxmlElement(f"w:{side}")
            rule.set(qn("w:val"), "single")
            rule.set(qn("w:sz"), str(width))
            borders.append(rule)
    cell._tc.get_or_add_tcPr().append(borders)


def _keep_whole(row, *, heading: bool) -> None:
    """Let no row be broken over pages, and have the heading on each of them."""
    from docx.oxml import OxmlElement

    properties = row._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:cantSplit"))
    if heading:
        properties.append(OxmlElement("w:tblHeader"))


def _without_times(written: io.BytesIO) -> bytes:
    """The same zip with all of its entries at one time."""
    again = io.BytesIO()
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name, EPOCH), old.read(name), zipfile.ZIP_DEFLATED)
    return again.getvalue()
