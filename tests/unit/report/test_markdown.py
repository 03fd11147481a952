import re

import pytest
from markupsafe import Markup, escape
from partialpool.report.markdown import as_html


def test_markdown_becomes_html():
    made = as_html(
        "## Why?\n\n*Herds* **differ**, see [here](https://example.org/a?b=1&c).\n\n| a | b |\n| - | - |\n| 1 | 2 |\n"
    )
    assert isinstance(made, Markup)
    for part in (
        "<h2>Why?</h2>",
        "<em>Herds</em> <strong>differ</strong>",
        '<a href="https://example.org/a?b=1&amp;c">here</a>',
        "<td>2</td>",
    ):
        assert part in made, part
    assert as_html("") == ""


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <b onclick=x()>b</b>",
        "<style>* { display: none }</style>",
        "<iframe src=https://example.org></iframe>",
        "<!-- a -->",
        "</p></main>",
        "<svg/onload=alert(1)>",
    ],
)
def test_html_is_text(text):
    made = as_html(text)
    assert made == f"<p>{escape(text)}</p>\n"


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "&#106;avascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "//example.org",
        "mailto:a@example.org",
        "x.html",
    ],
)
def test_links_lead_to_http_only(address):
    for text in (f"[a]({address})", f"[a]: {address}\n\n[a]", f"<{address}>"):
        assert "<a" not in as_html(text), text


@pytest.mark.parametrize("address", ["https://example.org/x.png", "data:image/png;base64,AAAA", "x.png"])
def test_there_are_no_images(address):
    for text in (f"![a]({address})", f"![a][b]\n\n[b]: {address}"):
        assert "<img" not in as_html(text), text


def test_headings_of_a_text_are_parts_of_what_it_stands_under():
    text = "# A\n\n### B\n\n# C"
    assert re.findall("<(h.)>", as_html(text)) == ["h2", "h4", "h2"]
    assert re.findall("<(h.)>", as_html(text, below=3)) == ["h4", "h6", "h4"]
    assert re.findall("</(h.)>", as_html("###### A", below=2)) == ["h3"]
