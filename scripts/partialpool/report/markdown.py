"""Texts of the study, Markdown, as HTML that does nothing: no HTML of their own, no images, links to http(s) only."""

import re

from markupsafe import Markup

_ADDRESS = re.compile(r"https?://", re.IGNORECASE)


def as_html(text: str, *, below: int = 1) -> Markup:
    """Markdown (CommonMark, and tables) as HTML.

    Parameters
    ----------
    text
        Of the study. HTML in it is shown as text. A link to anything but an http(s) address stays as it is written, and
        an image is a link to it: a page that fetched one would tell others who reads it.
    below
        Level of the heading under which it stands: the text's own headings are parts of that, whatever their level.
    """
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    reader.validateLink = lambda address: _ADDRESS.match(address) is not None
    tokens = reader.parse(text)
    headings = [token for token in tokens if token.type in ("heading_open", "heading_close")]
    highest = min((int(token.tag[1]) for token in headings), default=1)
    for token in headings:
        token.tag = f"h{min(int(token.tag[1]) - highest + below + 1, 6)}"
    return Markup(reader.renderer.render(tokens, reader.options, {}))
