import json

from partialpool.report.page import anchor, to_page, with_anchors


def test_anchors_are_unlike_each_other():
    taken: list[str] = []
    for words in ("The data", "The data!", "→"):
        taken.append(anchor(words, taken))
    assert taken == ["the-data", "the-data-2", "section"]


def test_headings_become_contents_as_text():
    body = "<h1>T</h1><h2 id='x'>A &amp; <em>b</em></h2><p>h2</p><h3>&lt;i&gt;</h3>\n<h3>1\n2</h3><hr/><h4>no</h4>"
    made, contents = with_anchors(body)
    assert contents == [
        {"level": 2, "id": "a-b", "words": "A & b"},
        {"level": 3, "id": "i", "words": "<i>"},
        {"level": 3, "id": "1-2", "words": "1 2"},
    ]
    assert made == (
        '<h1>T</h1><h2 id="a-b">A &amp; <em>b</em></h2><p>h2</p><h3 id="i">&lt;i&gt;</h3>\n'
        '<h3 id="1-2">1\n2</h3><hr/><h4>no</h4>'
    )


def test_a_page_has_contents_and_hides_code(tmp_path):
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# T\n\n## One <x>\n\n### Two", "id": "a"},
        {
            "cell_type": "code",
            "execution_count": 1,
            "metadata": {},
            "source": "secret = 1",
            "id": "b",
            "outputs": [{"output_type": "display_data", "data": {"text/html": "<p>shown</p>"}, "metadata": {}}],
        },
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "n.ipynb").write_text(json.dumps(notebook))
    (tmp_path / "p.j2").write_text("{{ title }}|{% for c in contents %}{{ c.level }}{{ c.id }},{% endfor %}|{{ body }}")
    made = to_page(tmp_path / "n.ipynb", tmp_path / "p.j2", "A & B")
    title, contents, body = made.split("|", 2)
    assert title == "A &amp; B"
    assert contents.endswith("3two,")
    assert "<p>shown</p>" in body
    assert "secret" not in body
