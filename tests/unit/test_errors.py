"""Choices that are suggested for a word that is none of them."""

import pytest
from partialpool.errors import suggest


@pytest.mark.parametrize(
    ("word", "choice", "told"),
    [
        ("scor", "score", " Did you mean 'score'?"),
        ("Score", "score", " Did you mean 'score'?"),
        ("q", "score", ""),
        ("gr\u00f6\u00dfe", "gro\u0308\u00dfe", "it has U+0308 (combining diaeresis)"),
        ("gro\u0308\u00dfe", "gr\u00f6\u00dfe", "it has U+00F6 (latin small letter o with diaeresis)"),
        ("herd size", "herd\u00a0size", "it has U+00A0 (no-break space)"),
        ("score\u00a0", "score", "it has no U+00A0 (no-break space)"),
        ("score", "score\u200b", "it has U+200B (zero width space)"),
        ("herd size", "herd  size", "it has more blanks, or fewer"),
    ],
)
def test_what_is_suggested(word, choice, told):
    assert told in suggest(word, ["month", choice])
    assert ("looks alike" in suggest(word, ["month", choice])) == told.startswith("it has")
