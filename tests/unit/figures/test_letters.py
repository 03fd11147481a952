"""Letters of other fonts."""

from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from partialpool.figures.letters import supply_letters

# A letter that DejaVu Sans lacks and a font that comes with Matplotlib has; and one that no font can have.
CIRCLED_A, NONE = "\u24b6", "\U0010fffd"


def families(*words, family="DejaVu Sans"):
    figure = Figure()
    texts = [figure.text(0, 0, word, family=family) for word in words]
    supply_letters(figure)
    return [text.get_fontfamily() for text in texts]


def test_letters_that_a_font_lacks_are_from_another_one():
    plain, circled = families("Score", f"Score {CIRCLED_A}")
    assert plain == ["DejaVu Sans"]
    first, second = circled
    assert first == "DejaVu Sans"
    assert ord(CIRCLED_A) not in get_font(findfont(first)).get_charmap()
    assert ord(CIRCLED_A) in get_font(findfont(second)).get_charmap()


def test_what_no_font_has_stays():
    assert families(NONE) == [["DejaVu Sans"]]


def test_a_name_that_is_no_font_stays():
    assert families(CIRCLED_A, family="sans-serif") == [["sans-serif"]]
