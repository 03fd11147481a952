"""Letters that the font of the figures lacks, such as Chinese ones, from another font that is installed."""

from functools import cache

from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager, get_font
from matplotlib.text import Text

# Has a box in the place of every letter.
_BOXES = "Last Resort"


def supply_letters(figure: Figure) -> None:
    """Give each text a second font for the letters that its own lacks; what no font has is drawn as a box."""
    for text in figure.findobj(Text):
        family = text.get_fontfamily()[0]
        lacking = {ord(letter) for letter in text.get_text() if not letter.isspace()} - _letters(family)
        # Of a name such as sans-serif, which is that of no font, nothing is known.
        if lacking and _letters(family) and (font := _font_with(frozenset(lacking))):
            text.set_fontfamily([family, font])


@cache
def _letters(family: str) -> frozenset[int]:
    """Code points of a font; none of one that cannot be scaled, as colored ones."""
    paths = [entry.fname for entry in fontManager.ttflist if entry.name == family]
    font = get_font(paths[0]) if paths else None
    return frozenset(font.get_charmap()) if font and font.scalable else frozenset()


@cache
def _font_with(letters: frozenset[int]) -> str | None:
    """The first font, in the order of their names, that has most of some letters; None if no font has any."""
    best, most = None, 0
    for name in sorted({entry.name for entry in fontManager.ttflist if not entry.name.startswith(_BOXES)}):
        if (has := len(letters & _letters(name))) > most:
            best, most = name, has
    return best
