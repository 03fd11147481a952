import pytest
from markupsafe import Markup
from partialpool.report.words import ended, listed, of_level


@pytest.mark.parametrize(("title", "shown"), [("Which?", "Which?"), ("Lines", "Lines."), ("Lines:", "Lines:")])
def test_a_title_ends_once(title, shown):
    assert ended(title) == shown


@pytest.mark.parametrize(
    ("items", "shown"),
    [(["a"], "a"), (["a", "b"], "a nor b"), (["a", Markup("<em>b</em>"), "<c>"], "a, <em>b</em> nor &lt;c&gt;")],
)
def test_items_have_commas_and_a_word_before_the_last(items, shown):
    assert listed(items, "nor") == Markup(shown)


@pytest.mark.parametrize(
    ("label", "level", "shown"),
    [
        ("Ill", "yes", "Ill yes"),
        ("Ill", None, "Ill"),
        # As new_study.py writes it.
        ("Ill = yes", "yes", "Ill = yes"),
        ("Ill = eyes", "yes", "Ill = eyes yes"),
    ],
)
def test_a_level_is_told_once(label, level, shown):
    assert of_level(label, level) == shown
