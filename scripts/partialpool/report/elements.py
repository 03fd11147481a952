"""Elements of the report's page, as HTML. Text is escaped: markup in a title is shown and never run.

All functions of this room that make HTML return ``markupsafe.Markup`` and escape every ``str`` they are given; what is
``Markup`` already is left as it is.
"""

from collections.abc import Iterable

import pandas as pd
from markupsafe import Markup

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


def folded(summary: str, parts: Iterable[str]) -> Markup:
    """Parts of the page under a line that can be clicked."""
    return Markup("<details><summary>{}</summary>{}</details>").format(summary, Markup().join(parts))


def table(frame: pd.DataFrame, caption: str = "", *, fold: str = "") -> Markup:
    """A table.

    Parameters
    ----------
    frame
        Cells are shown as they are: text, and numbers formatted by the caller. Columns of numbers are aligned right.
    caption
        Above the table.
    fold
        If given and the table is long (``MOST_ROWS``), the line under which it is folded away.
    """
    numeric = [_is_numeric(column) for _, column in frame.items()]
    head = Markup().join(
        Markup('<th scope="col"{}>{}</th>').format(Markup(" class=num" if n else ""), str(name))
        for name, n in zip(frame.columns, numeric, strict=True)
    )
    body = Markup().join(
        Markup("<tr>{}</tr>").format(Markup().join(_cell(str(cell), n) for cell, n in zip(row, numeric, strict=True)))
        for row in frame.itertuples(index=False)
    )
    title = Markup("<caption>{}</caption>").format(caption) if caption else Markup()
    whole = Markup('<div class="scroll"><table>{}<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>').format(
        title, head, body
    )
    return folded(f"{fold} ({len(frame)} rows)", [whole]) if fold and len(frame) > MOST_ROWS else whole


def _cell(words: str, numeric: bool) -> Markup:
    look = " class=num" if numeric else " class=long" if len(words) > LONG_CELL else ""
    return Markup("<td{}>{}</td>").format(Markup(look), words)


def _is_numeric(column: pd.Series) -> bool:
    cells = column.astype(str).str.strip()
    return bool(cells.str.fullmatch(r"[-−+]?[\d.,]*(e[-+]?\d+)?( \([\d.]+\))?|nan|–").all())
