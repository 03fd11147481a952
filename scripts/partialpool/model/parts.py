"""What stands where in a formula: its outcome, columns, predictors, grouping factors and offsets, read from its words.

Without formulae, which takes long to be imported, and for formulas that ``grammar`` has not refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import dropwhile, pairwise, takewhile

# As formulae reads them: a name has dots, a string ends at any quotation mark.
_TOKEN = re.compile(
    r"""
      (?P<name>      [^\W\d_][\w.]* )
    | (?P<number>    [0-9]+(\.[0-9]+)? | \.[0-9]+ )
    | (?P<string>    '[^'"]*' | "[^'"]*" )
    | (?P<quoted>    `[^`]+` )
    | (?P<operator>  \*\* | == | != | <= | >= | [-+*/:|<>=~] )
    | (?P<bracket>   [()\[\]{},] )
    | (?P<other>     [^ \n\t\r] )
    """,
    re.VERBOSE,
)
CLOSING = {"(": ")", "{": "}"}
# Functions that make a category of a column.
MAKE_CATEGORIES = ("C", "S", "T", "B", "binary")


@dataclass(frozen=True)
class Token:
    """A word of a formula: what it is, its text, and at which character it begins, from 1."""

    kind: str
    text: str
    column: int


def left_side(formula: str) -> str:
    """What stands left of the tilde, without spaces: the same for two formulas if they model the same numbers."""
    return "".join(token.text for token in takewhile(lambda token: token.text != "~", tokens_of(formula)))


def columns(formula: str) -> list[str]:
    """All columns of a formula, as they are first named."""
    return _columns(list(tokens_of(formula)))


def predictors(formula: str) -> list[str]:
    """Columns that stand right of the tilde, grouping factors among them, as they are first named."""
    return _columns(list(dropwhile(lambda token: token.text != "~", tokens_of(formula))))


def common_predictors(formula: str) -> list[str]:
    """Columns with common coefficients, as they are first named: right of the tilde, neither in bars nor in offsets."""
    tokens = list(dropwhile(lambda token: token.text != "~", tokens_of(formula)))
    opened, outside = [], [True] * len(tokens)
    for place, token in enumerate(tokens):
        if token.text in CLOSING:
            opened.append([place - 1, True] if tokens[place - 1].text == "offset" else [place, False])
        elif token.text == "|":
            opened[-1][1] = True
        elif token.text in CLOSING.values():
            start, left_out = opened.pop()
            if left_out:
                outside[start : place + 1] = [False] * (place + 1 - start)
    return _columns([token for token, stays in zip(tokens, outside, strict=True) if stays])


def behind_bars(formula: str) -> list[str]:
    """What stands behind each bar, without spaces: ``id``, ``a:b``, ``a/b``."""
    texts, tokens = [], list(tokens_of(formula))
    for place, token in enumerate(tokens):
        if token.text == "|":
            behind = takewhile(lambda token: token.text not in CLOSING.values(), tokens[place + 1 :])
            texts.append("".join(token.text for token in behind))
    return texts


def bar_texts(formula: str) -> list[str]:
    """The brackets with a bar in them, ``(1 + x | id)``, from left to right."""
    texts, opened = [], []
    # Brackets and bars, but not those of a string or a name in backquotes.
    for match in re.finditer(r"""'[^'"]*'|"[^'"]*"|`[^`]*`|[(){}|]""", formula):
        if match.group() in "({":
            opened.append([match.start(), False])
        elif match.group() == "|" and opened:
            opened[-1][1] = True
        elif match.group() in ")}" and opened:
            start, has_bar = opened.pop()
            texts += [formula[start : match.end()]] if has_bar else []
    return texts


def before_bar(text: str) -> str:
    """What stands before the bar of such brackets: ``1 + x``."""
    return text[1:-1].rpartition("|")[0].strip()


def behind_bar(text: str) -> str:
    """What stands behind it: ``id``."""
    return text[1:-1].rpartition("|")[2].strip()


def slopes(formula: str) -> list[str]:
    """Columns that stand by themselves, beside an intercept, before a bar: ``x`` of ``(1 + x | id)``."""
    columns_alone, opened = [], [[]]
    for token in tokens_of(formula):
        if token.text in CLOSING:
            opened[-1].append(token)
            opened.append([])
        elif token.text in CLOSING.values():
            opened.pop()
        elif token.text == "|" and not {one.text for one in opened[-1]} & {"0", "-"}:
            following = [*(one.kind for one in opened[-1][1:]), "end"]
            pairs = zip(opened[-1], following, strict=True)
            columns_alone += [
                one.text.strip("`") for one, after in pairs if one.kind in ("name", "quoted") and after != "bracket"
            ]
        else:
            opened[-1].append(token)
    return list(dict.fromkeys(columns_alone))


def has_intercept(formula: str) -> bool:
    """Whether the common terms of a formula have an intercept: none of them is ``0``, and ``1`` is not taken away."""
    depth, outside = 0, []
    for token in dropwhile(lambda token: token.text != "~", tokens_of(formula)):
        depth -= token.text in CLOSING.values()
        outside += [token.text] if depth == 0 else []
        depth += token.text in CLOSING
    return "0" not in outside and ("-", "1") not in pairwise(outside)


def has_offset(formula: str) -> bool:
    """Whether a formula has a term ``offset(x)``."""
    return any((one.text, other.text) == ("offset", "(") for one, other in pairwise(tokens_of(formula)))


def trials(formula: str) -> list[str]:
    """Columns of the trials of ``p(successes, trials) ~ ...``, also called ``prop``; none of any other outcome."""
    left = list(takewhile(lambda token: token.text != "~", tokens_of(formula)))
    if left[0].text not in ("p", "prop", "proportion") or left[1:2] == []:
        return []
    return _columns(list(dropwhile(lambda token: token.text != ",", left)))


def covariates(formula: str, unit: str) -> list[str]:
    """Columns on which a value depends beside the unit: those right of the tilde, and the trials of a binomial one."""
    return sorted({*predictors(formula), *trials(formula)} - {unit})


def _columns(tokens: list[Token]) -> list[str]:
    end = Token("end", "", 0)
    around = zip([end, *tokens][:-1], tokens, [*tokens[1:], end], strict=True)
    names = [
        token.text.strip("`")
        for before, token, after in around
        # Neither a function, nor the name of an argument, nor the level of an outcome.
        if token.kind == "quoted" or (token.kind == "name" and after.text not in ("(", "=") and before.text != "[")
    ]
    return list(dict.fromkeys(names))


def numeric_predictors(formula: str) -> list[str]:
    """Columns right of the tilde that are not grouping factors and not made categories, by ``C(x)`` for example."""
    tokens = [*dropwhile(lambda token: token.text != "~", tokens_of(formula)), Token("end", "", 0)]
    columns, within = [], []
    for before, token, following in zip([tokens[0], *tokens], tokens, tokens[1:], strict=False):
        if token.text in CLOSING:
            within.append(before.text if before.kind == "name" else "")
        elif token.text == "|":
            within[-1] = "|"
        elif token.text in CLOSING.values():
            within.pop()
        elif token.kind == "quoted" or (token.kind == "name" and following.text not in ("(", "=")):
            columns += [token.text.strip("`")] if not {*within} & {"|", *MAKE_CATEGORIES} else []
    return list(dict.fromkeys(columns))


def tokens_of(formula: str) -> Iterator[Token]:
    """Words of a formula; their kinds are those of the pattern, ``literal`` and ``other``."""
    for match in _TOKEN.finditer(formula):
        kind, text = match.lastgroup, match.group()
        if kind == "name" and not text.replace(".", "_").isidentifier():
            kind = "other"
        elif kind == "name" and text in ("True", "False", "None"):
            kind = "literal"
        yield Token(kind, text, match.start() + 1)
