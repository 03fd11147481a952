"""Elements of the report's page, as HTML. Text is escaped: markup in a title is shown and never run.

All functions of this room that make HTML return ``markupsafe.Markup`` and escape every ``str`` they are given; what is
``Markup`` already is left as it is.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from partialpool.data.notation import exponents

if TYPE_CHECKING:
    # Not when it runs: Snakemake reads this file whenever it starts.
    import pandas as pd

KINDS = {
    ".bib": "application/x-bibtex",
    ".csv": "text/csv",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".tex": "application/x-tex",
    ".md": "text/markdown",
    ".txt": "text/plain",
}
# A cell of a column of numbers: a number, also with its standard error, or what stands for a missing one.
NUMBER = re.compile(r"[-−+]?[\d.,]*(e[-+]?\d+)?( \([\d.]+\))?|nan|–")
# A table with more rows than this is folded away under a line that can be clicked.
MOST_ROWS = 15
# A cell with more characters than this may be broken over lines.
LONG_CELL = 40


def heading(level: int, words: str) -> Markup:
    """A heading; ``level`` is 1 for the title of the report."""
    return Markup("<h{level}>{words}</h{level}>").format(level=int(level), words=words)


def paragraph(words: str) -> Markup:
    """A paragraph; empty if there is nothing to say."""
    return Markup("<p>{}</p>").format(words) if words else Markup()


def bullets(items: Iterable[str]) -> Markup:
    """A list, an item a line."""
    return Markup("<ul>{}</ul>").format(Markup().join(Markup("<li>{}</li>").format(item) for item in items))


def warning(words: str) -> Markup:
    """A paragraph in the colour of what failed."""
    return Markup('<div class="checks failed" role="note"><p>{}</p></div>').format(words)


def folded(summary: str, parts: Iterable[str], look: str = "") -> Markup:
    """Parts of the page under a line that can be clicked.

    ``look`` is a class of the page's style: what is ``long`` stays folded in print, and the line says so.
    """
    classes = Markup(' class="{}"').format(look) if look else ""
    return Markup("<details{}><summary>{}</summary>{}</details>").format(classes, summary, Markup().join(parts))


def downloads(paths: Iterable[Path]) -> Markup:
    """Links that save files which are inside the page; each is called by its name."""
    links = [
        Markup('<a download="{}" href="data:{};base64,{}">{}</a>').format(
            path.name, KINDS[path.suffix], base64.b64encode(path.read_bytes()).decode(), path.name
        )
        for path in paths
    ]
    return Markup('<p class="downloads">Save: {}</p>').format(Markup(", ").join(links))


def scrolled(name: str, inside: str, look: str = "scroll") -> Markup:
    """What may be wider than the screen, as a part of the page that the keyboard reaches and moves sideways.

    It is a group and no region: there are many, and regions are landmarks. ``name`` is what a screen reader calls it.
    """
    return Markup('<div class="{}" role="group" tabindex="0" aria-label="{}">{}</div>').format(look, name, inside)


def table(frame: "pd.DataFrame", caption: str) -> Markup:
    """A table; if it is long (``MOST_ROWS``), folded away under its caption and the number of its rows.

    Parameters
    ----------
    frame
        Cells are shown as they are: text, numbers formatted by the caller, and ``Markup``, of which pandas keeps the
        type in columns of dtype object only. Columns of numbers are aligned right. The first cell of a row is its
        heading.
    caption
        Above the table: what it shows.
    """
    numeric = [_is_numeric(column) for _, column in frame.items()]
    head = Markup().join(
        Markup('<th scope="col"{}>{}</th>').format(Markup(" class=num" if n else ""), name)
        # A column of row headings may have no name; no words are no heading.
        if name
        else Markup("<td></td>")
        for name, n in zip(map(str, frame.columns), numeric, strict=True)
    )
    body = Markup().join(
        Markup("<tr>{}</tr>").format(Markup().join(_row(map(_words, row), numeric)))
        for row in frame.itertuples(index=False)
    )
    whole = scrolled(
        f"Table: {caption}",
        Markup("<table><caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(
            caption, head, body
        ),
    )
    return folded(f"{caption} ({len(frame)} rows)", [whole], "long") if len(frame) > MOST_ROWS else whole


def _words(what: object) -> str:
    """What stands in a cell: HTML that is some already, and all else as text."""
    return what if isinstance(what, Markup) else str(what)


def _row(cells: Iterable[str], numeric: Iterable[bool]) -> Iterator[Markup]:
    """The cells of a row; the first is its heading."""
    for place, (words, is_number) in enumerate(zip(cells, numeric, strict=True)):
        look = Markup(" class=num" if is_number else " class=long" if len(words) > LONG_CELL else "")
        cell = '<th scope="row"{}>{}</th>' if place == 0 else "<td{}>{}</td>"
        yield Markup(cell).format(look, words)


def _is_numeric(column: "pd.Series") -> bool:
    return all(NUMBER.fullmatch(exponents(str(cell).strip())) for cell in column)
