import base64

import pandas as pd
import pytest
from markupsafe import Markup
from partialpool.report.elements import (
    MOST_ROWS,
    bullets,
    downloads,
    folded,
    heading,
    paragraph,
    scrolled,
    table,
    warning,
)


@pytest.mark.parametrize(
    "make",
    [
        lambda words: heading(2, words),
        paragraph,
        warning,
        lambda words: bullets([words]),
        lambda words: folded(words, [words]),
        lambda words: table(pd.DataFrame({words: [words]}), words),
        lambda words: table(pd.DataFrame({words: [words] * (MOST_ROWS + 1)}), words),
        lambda words: scrolled(words, words),
    ],
)
def test_text_is_escaped_and_markup_is_left(make):
    assert "&lt;b&gt; &amp; {}" in make("<b> & {}")
    assert "<b>" not in make("<b> & {}")
    assert isinstance(make("words"), Markup)


def test_markup_is_left_as_it_is():
    assert paragraph(Markup("<em>{}</em>").format("<b>")) == "<p><em>&lt;b&gt;</em></p>"
    assert paragraph("") == ""


def test_columns_of_numbers_are_aligned_right():
    frame = pd.DataFrame(
        {"name": ["a"], "value": ["−0.5"], "both": ["−16.7 (5.7)"], "none": ["–"], "small": ["−2.5×10⁻⁹"]}
    )
    made = table(frame, "Numbers")
    assert '<th scope="row">a</th>' in made
    for cell in ("−0.5", "−16.7 (5.7)", "–", "−2.5×10⁻⁹"):
        assert f"<td class=num>{cell}</td>" in made


def test_a_missing_cell_is_no_mistake():
    made = table(pd.DataFrame({"a": ["x", "y"], "b": pd.array(["1.5", None], dtype="str")}), "Missing")
    assert "<td class=num>1.5</td>" in made


def test_a_cell_may_be_markup():
    cells = pd.Series([Markup("<em>a</em>"), "<b>"], dtype=object)
    made = table(pd.DataFrame({"name": cells}), "Names")
    assert '<th scope="row"><em>a</em></th>' in made
    assert '<th scope="row">&lt;b&gt;</th>' in made


def test_two_columns_may_have_one_name():
    made = table(pd.DataFrame([["x", "1"]], columns=["a", "a"]), "Twice")
    assert '<th scope="row">x</th><td class=num>1</td>' in made


def test_a_table_has_a_name_and_the_keyboard_reaches_it():
    made = table(pd.DataFrame({"n": [1]}), 'All "n"')
    assert '<div class="scroll" role="group" tabindex="0" aria-label="Table: All &#34;n&#34;"><table><caption>' in made
    assert '<th scope="col" class=num>n</th>' in made


def test_a_column_without_a_name_has_no_heading():
    made = table(pd.DataFrame({"": ["a"], "m": ["1"]}), "Models side by side")
    assert '<thead><tr><td></td><th scope="col" class=num>m</th></tr></thead>' in made


def test_only_long_tables_are_folded():
    frame = pd.DataFrame({"n": range(MOST_ROWS + 1)})
    folds = f'<details class="long"><summary>Effects ({MOST_ROWS + 1} rows)</summary>'
    assert table(frame, "Effects").startswith(folds)
    assert table(frame.iloc[1:], "Effects").startswith("<div")


def test_files_are_saved_from_the_page(tmp_path):
    (tmp_path / "a&b.csv").write_bytes(b"x,y\n1,2\n")
    content = base64.b64encode(b"x,y\n1,2\n").decode()
    link = f'<a download="a&amp;b.csv" href="data:text/csv;base64,{content}">a&amp;b.csv</a>'
    assert downloads([tmp_path / "a&b.csv"]) == f'<p class="downloads">Save: {link}</p>'
