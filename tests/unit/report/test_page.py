import json
import re
from pathlib import Path

import nbformat
import pytest
from partialpool.errors import StudyError
from partialpool.report.page import anchor, render, to_page, with_anchors

PAGE = Path(__file__).parents[3] / "notebooks/page.html.j2"
COLOUR = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")


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


def test_a_page_has_contents_and_hides_code_and_warnings(tmp_path, capsys):
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# T\n\n## One <x>\n\n### Two", "id": "a"},
        {
            "cell_type": "code",
            "execution_count": 1,
            "metadata": {},
            "source": "secret = 1",
            "id": "b",
            "outputs": [
                {"output_type": "stream", "name": "stderr", "text": "SomeWarning: of a package"},
                {"output_type": "display_data", "data": {"text/html": "<p title='x'>shown</p>"}, "metadata": {}},
            ],
        },
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "n.ipynb").write_text(json.dumps(notebook))
    (tmp_path / "p.j2").write_text("{{ title }}|{% for c in contents %}{{ c.level }}{{ c.id }},{% endfor %}|{{ body }}")
    made = to_page(tmp_path / "n.ipynb", tmp_path / "p.j2", "A & B")
    title, contents, body = made.split("|", 2)
    # The notebook's own title stands in the page's header.
    assert "<h1" not in body
    assert title == "A &amp; B"
    assert contents.endswith("3two,")
    # As it is: to parse pictures takes longer than to make the page.
    assert "<p title='x'>shown</p>" in body
    assert "secret" not in body
    assert "SomeWarning" not in body
    assert "SomeWarning" in capsys.readouterr().out


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb`` as WCAG 2.2 defines it."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.2."""
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_contrast_is_that_of_the_guidelines():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    # The grey that the guidelines' tools give as the lightest with 4.5 on white.
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


def test_words_can_be_read_on_all_papers_of_both_schemes():
    light, dark = re.findall(r":root \{(.*?)\}", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for scheme in (light, dark):
        colours = dict(COLOUR.findall(scheme))
        papers = [colours[name] for name in ("paper", "faint", "alarm-paper")]
        for name in ("ink", "quiet", "accent", "alarm"):
            assert min(contrast(colours[name], paper) for paper in papers) >= 4.5, (name, colours[name])
    assert COLOUR.findall(light) != COLOUR.findall(dark)
    assert len(dict(COLOUR.findall(light))) == len(dict(COLOUR.findall(dark)))


def test_every_colour_is_one_of_the_scheme():
    style = re.sub(r":root \{.*?\}", "", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    colours = re.findall(r"(?:color|background|border[\w-]*|outline):[^;]*;", style)
    assert len(colours) > 20
    # The exception is the white paper of figures.
    assert [c for c in colours if re.search(r"#[0-9a-f]{3,}|\brgb|\bwhite\b|\bblack\b", c)] == ["background: #ffffff;"]


@pytest.fixture
def run_cell(tmp_path):
    """Render a notebook with one cell of such code."""

    def run(code):
        cells = [nbformat.v4.new_code_cell(code)]
        kernel = {"name": "python3", "display_name": "P"}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        notebook.metadata["language_info"] = {"name": "python"}
        nbformat.write(notebook, tmp_path / "source.ipynb")
        targets = {"notebook": tmp_path / "a.ipynb", "html": tmp_path / "a.html", "failed": tmp_path / "failed.ipynb"}
        render(tmp_path / "source.ipynb", page=PAGE, parameters={}, **targets)

    return run


def test_a_kernel_that_is_killed_is_told_and_leaves_nothing(run_cell, tmp_path):
    with pytest.raises(StudyError, match=r"notebook runs was killed, most often because memory ran out\."):
        run_cell("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert [path.name for path in tmp_path.iterdir()] == ["source.ipynb"]


def test_a_mistake_that_the_notebook_comes_upon_is_told_as_elsewhere(run_cell, tmp_path):
    with pytest.raises(StudyError) as error:
        run_cell("class StudyError(Exception): pass\nraise StudyError('Delete it.')")
    assert str(error.value).startswith("Delete it.\nThe notebook with the traceback is kept at ")
    with pytest.raises(StudyError, match="The report failed in cell 1: ZeroDivisionError: division by zero"):
        run_cell("1 / 0")
