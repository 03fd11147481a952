"""What may stand in a formula: columns, numbers, operators, and calls of functions that are listed here.

formulae looks for a function in every Python module that it can reach, so that a formula could read, write and run
anything; and it drops what follows the first thing it does not understand, so that ``y ~ x z`` would be fitted without
``z``. Therefore a formula is read to its end here before formulae sees it. Nothing is evaluated.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from itertools import pairwise, takewhile

from partialpool.errors import StudyError, suggest
from partialpool.model.names import taken
from partialpool.model.parts import CLOSING, Token, behind_bars, columns, left_side, predictors, tokens_of

# Functions that a formula may call, and the names of the arguments that it may give by name.
FUNCTIONS: dict[str, tuple[str, ...]] = {
    # formulae
    "I": (),
    "C": ("contrast", "levels"),
    "S": ("omit", "levels"),
    "T": ("ref", "levels"),
    "Sum": ("omit",),
    "Treatment": ("reference",),
    "B": ("success",),
    "binary": ("success",),
    "bs": ("df", "degree", "intercept", "lower_bound", "upper_bound"),
    "center": (),
    "offset": (),
    "p": (),
    "poly": ("degree", "raw"),
    "prop": (),
    "proportion": (),
    "scale": (),
    "standardize": (),
    # Bambi
    "abs": (),
    "exp": (),
    "exp2": (),
    "log": (),
    "log10": (),
    "log2": (),
    # NumPy
    "np.abs": (),
    "np.cbrt": (),
    "np.cos": (),
    "np.exp": (),
    "np.expm1": (),
    "np.log": (),
    "np.log10": (),
    "np.log1p": (),
    "np.log2": (),
    "np.maximum": (),
    "np.minimum": (),
    "np.sign": (),
    "np.sin": (),
    "np.sqrt": (),
    "np.square": (),
    "np.tanh": (),
}
# What is written for contrasts without arguments.
_SHORT = {"Sum": "S(x) for sum contrasts of x", "Treatment": "T(x) for treatment contrasts of x"}
# Functions of NumPy would write their result into a further argument. Some take two, the others one.
_TWO_ARGUMENTS = ("np.maximum", "np.minimum")
_OF_NUMPY = {"abs", "exp", "exp2", "log", "log10", "log2", *(name for name in FUNCTIONS if name[:3] == "np.")}
# Without a level these take the first of the rows that they are given, which in a prediction may be another one than in
# the fit, and with a level that none of them has they fail.
_OF_OUTCOME = ("B", "binary")
HINTS = {
    "^": " Write ** for a power.",
    "%": " Write a : b for an interaction and a / b for nesting.",
    "|": " Write it in parentheses: (1 + x | unit).",
    ".": " A name begins with a letter; put any other in backquotes.",
    "_": " A name begins with a letter; put any other in backquotes.",
    "\N{LEFT DOUBLE QUOTATION MARK}": " Write straight quotation marks.",
    "\N{LEFT SINGLE QUOTATION MARK}": " Write straight quotation marks.",
    "\N{MINUS SIGN}": " Write the minus of the keyboard, '-'.",
    "\N{EN DASH}": " Write the minus of the keyboard, '-'.",
}
# What lme4 and brms call, and how it is written here.
_IN_R = {
    "cbind": "p(successes, trials) for successes and trials",
    "c": "p(successes, trials) for successes and trials",
    "trials": "p(y, n) ~ ... for y successes of n trials",
    "rate": "offset(log(n)) among the terms on the right",
    "factor": "C(x), or name the column in data.types",
    "as.factor": "C(x), or name the column in data.types",
    "relevel": "the levels in data.types, the reference level first",
    "ns": "bs(x, df)",
    "s": "bs(x, df)",
    "sqrt": "np.sqrt(x)",
    "log1p": "np.log1p(x)",
    "gr": "the column alone: (1 | unit)",
    "mo": "x for one slope, or name the column in data.types for a coefficient of each level",
    "ifelse": "a column of the file for it, or I(x > 2)",
}
# What brms can add to an outcome, and no model here.
_NOT_HERE = ("weights", "se", "cens", "trunc", "mi", "subset")
_WITHOUT = "no weights, no measurement errors, and no censored, truncated or imputed values"
# ASSUME: no formula that is written by hand is longer, or has more brackets in each other.
MOST_CHARACTERS, MOST_DEEP = 10_000, 20
# ASSUME: nobody asks for a basis of more columns.
MOST_COLUMNS = 1000
_MAKE_COLUMNS = ("bs", "poly")
_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
# What a sign comes behind; behind anything else it is an operator between two values.
_BEFORE_SIGNS = {"(", "{", ",", "=", "~", "+", "-", "*", "/", "**", ":", *_COMPARISONS}


@dataclass
class _Open:
    """A bracket that is not closed yet, the function whose arguments stand in it, if any, and what was read in it."""

    bracket: str
    function: str | None
    # Number of the token that it begins with, the name of its function included.
    start: int = 0
    has_bar: bool = False
    has_operator: bool = False
    has_comparison: bool = False
    # Of the terms in it: whether one is 1 (has an intercept), and whether one is 0 or -1 (has none).
    intercepts: set[bool] = field(default_factory=set)
    arguments: int = 1


def check_formula(formula: str) -> None:
    """Refuse a formula that is incomplete, or in which something stands that is not known to be harmless.

    Parameters
    ----------
    formula
        ``outcome ~ terms``. A name is a column, unless it is called; in backquotes it may have any characters.

    Raises
    ------
    StudyError
        What is wrong, at which character, and what is valid.
    """
    _Reader(formula).read()


class _Reader:
    """Reads a formula from left to right: a term, the brackets that close after it, an operator, a term, and so on."""

    def __init__(self, formula: str):
        self.formula = formula
        end = Token("end", "", len(formula) + 1)
        self.tokens = [*tokens_of(formula), end, end]
        self.position = 0
        self.open: list[_Open] = []
        self.outside = _Open("", None)
        # The bracket that closed last, and where it did.
        self.closed: tuple[_Open | None, int] = None, 0

    def read(self) -> None:
        if len(self.formula) > MOST_CHARACTERS:
            raise StudyError(f"'{self.formula[:60]}...': a formula has at most {MOST_CHARACTERS} characters.")
        _require_both_sides(self.formula, [token.text for token in self.tokens])
        _require_no_addition(self.formula, self.tokens)
        _require_one_outcome(self.formula, self.tokens)
        _require_no_bare_contrasts(self.formula, self.tokens)
        _require_offsets_alone(self.formula, self.tokens)
        self.term()
        while self.token.kind != "end" or self.open:
            self.operator()
            self.term()
        _require_other_columns(self.formula)

    @property
    def token(self) -> Token:
        """The token that is read next."""
        return self.tokens[self.position]

    @property
    def function(self) -> str | None:
        """The innermost function whose arguments are being read."""
        return next((bracket.function for bracket in reversed(self.open) if bracket.function), None)

    def take(self) -> Token:
        self.position += 1
        return self.tokens[self.position - 1]

    def term(self) -> None:
        """One column or value, with the brackets around it."""
        while self.prefix():
            pass
        token = self.take()
        value = token.kind in ("string", "literal") and self.function is not None
        if not value and token.kind not in ("name", "quoted", "number"):
            self.refuse(token, "a column, a number or a bracket is expected here")
        if token.kind == "name" and self.token.text == "[":
            self.level()
        if token.kind == "number" and self.function in _MAKE_COLUMNS:
            self.size(token)
        elif token.kind == "number" and self.function is None:
            self.number(token)
        while self.open and self.token.text == CLOSING[self.open[-1].bracket]:
            bracket = self.open.pop()
            if bracket.intercepts and not bracket.has_bar:
                self.refuse(self.token, "a 0 or 1 stands outside of brackets, or before a bar, as in (0 + x | unit)")
            self.take()
            self.closed = bracket, self.position

    def prefix(self) -> bool:
        """Read a sign, an opening bracket, or the name of a function or of an argument, if one of them comes next."""
        token, following = self.tokens[self.position : self.position + 2]
        if len(self.open) > MOST_DEEP:
            raise StudyError(f"'{self.formula[:60]}...': brackets stand in each other more than {MOST_DEEP} deep.")
        if token.text in CLOSING:
            self.open.append(_Open(token.text, "I" if token.text == "{" else None, self.position))
        elif token.kind == "name" and following.text == "(":
            _require_listed(self.formula, token.text)
            if token.text in _OF_OUTCOME and "~" in [before.text for before in self.tokens[: self.position]]:
                self.refuse(token, "of a predictor write I(x == 'level'), which codes other rows alike")
            self.open.append(_Open("(", token.text, self.position))
            self.take()
        elif token.kind == "name" and following.text == "=":
            after = self.tokens[self.position - 1].text in ("(", ",") and self.open
            _require_argument(self.formula, self.open[-1].function if after else None, token.text)
            self.take()
        elif token.text not in ("+", "-"):
            return False
        self.take()
        return True

    def size(self, number: Token) -> None:
        """Refuse a basis of so many columns that no memory holds them; bounds of a basis may be large."""
        before, equals = self.tokens[self.position - 3 : self.position - 1]
        is_size = equals.text == "," or (equals.text == "=" and before.text in ("df", "degree"))
        if is_size and float(number.text) > MOST_COLUMNS:
            self.refuse(number, f"{self.function} makes at most {MOST_COLUMNS} columns")

    def number(self, number: Token) -> None:
        """Refuse numbers among terms but powers, and 1 and 0, which say whether there is an intercept.

        Before a bar these come first: to formulae ``(x + z - 1 | id)`` has an intercept.
        """
        before, following = self.tokens[self.position - 2], self.token
        # Of what is no operator behind it, `1x`, is told next.
        if before.text == "**" or following.kind not in ("operator", "bracket", "end"):
            return
        alone = before.text in ("~", "(", "+", "-") and following.text in ("", "+", "-", "|", ")")
        if number.text not in ("0", "1") or (before.text, number.text) == ("-", "0") or not alone:
            self.refuse(number, "of numbers only 1 (an intercept) and 0 (none) are terms. Write I(2*x) for a product")
        around = self.open[-1] if self.open else self.outside
        if self.open and self.position - 2 - (before.text in ("+", "-")) != around.start:
            self.refuse(number, "before a bar a 0 or 1 comes first, as in (0 + x | unit)")
        around.intercepts.add(number.text == "1" and before.text != "-")
        if len(around.intercepts) > 1:
            self.refuse(number, "a term before it says the opposite: 1 is an intercept, 0 or -1 is none")

    def level(self) -> None:
        """The level of the outcome that counts as success, as in ``answer[yes] ~ x``."""
        bracket, level, end = self.take(), self.take(), self.take()
        left = "~" not in [token.text for token in self.tokens[: self.position]]
        if self.open or not left or level.kind not in ("name", "string") or end.text != "]":
            self.refuse(bracket, "only the outcome has a level in brackets, as in answer[yes] ~ x")

    def operator(self) -> None:
        token = self.take()
        around = self.open[-1] if self.open else None
        if token.text == ",":
            allowed = around is not None and around.bracket == "(" and around.function is not None
        elif token.text == "|":
            allowed = around is not None and self.function is None and not around.has_bar
        elif token.text == "~":
            allowed = around is None
        elif token.text in _COMPARISONS:
            allowed = self.function is not None
        else:
            allowed = token.kind == "operator" and token.text != "="
        if not allowed:
            self.refuse(token, "an operator (+, :, *) is expected here")
        if token.text in _COMPARISONS:
            if around.has_comparison:
                self.refuse(token, "comparisons stand one by one, as in I((0 < x) * (x < 1))")
            around.has_comparison = True
        elif token.text == ",":
            around.has_comparison = False
            around.arguments += 1
            _require_room(self.formula, around)
        elif token.text == "|":
            around.has_bar = True
        elif token.text == "**":
            self.power(token)
        elif around:
            around.has_operator = True

    def power(self, token: Token) -> None:
        """Refuse powers that formulae reads otherwise than Python and R do.

        Outside of functions ``**`` crosses the terms of a sum, and one term stays. In functions ``-x**2`` would be the
        square of ``-x``, and ``x**2**3`` that of ``x**2``.
        """
        closed, place = self.closed
        in_brackets = closed is not None and place == self.position - 1
        base, start = self.tokens[self.position - 2].text, closed.start if in_brackets else self.position - 2
        if self.function is None:
            shown = base if base not in CLOSING.values() else "x"
            if not in_brackets or not closed.has_operator or closed.function:
                self.refuse(token, f"of one term it is no power. Write I({shown}**{self.token.text or 2}) for it")
            if not re.fullmatch("[1-9][0-9]*", self.token.text):
                self.refuse(self.token, "terms are crossed a whole number of times, as in (x + z)**2")
        before, operator = ["(", "(", *(each.text for each in self.tokens[:start])][-2:]
        if operator == "**" or (operator in ("+", "-") and before in _BEFORE_SIGNS):
            self.refuse(token, "put brackets around this power, or around what comes before '**'")

    def refuse(self, token: Token, why: str) -> None:
        if token.kind == "end":
            missing = f"'{CLOSING[self.open[-1].bracket]}' is missing" if self.open else "a term is missing"
            raise StudyError(f"'{self.formula}' is not complete: {missing} at its end.")
        raise StudyError(
            f"'{self.formula}' cannot be read at character {token.column}, '{token.text}': {why}.{self.hint(token)}"
        )

    def hint(self, token: Token) -> str:
        """How to mend a mistake; nothing where that is not known."""
        if token.text == "|" and self.open and self.open[-1].has_bar:
            return " One bar is enough: effects in one pair of parentheses are correlated, (1 + x | unit)."
        if unicodedata.category(token.text[:1] or " ").startswith("C"):
            return f" It is the invisible character U+{ord(token.text[0]):04X}; delete it."
        return HINTS.get(token.text, "")


def _require_both_sides(formula: str, words: list[str]) -> None:
    # Two empty words stand for the end.
    if words.count("~") != 1 or words.index("~") in (0, len(words) - 3):
        raise StudyError(f"'{formula}' is no formula; write outcome ~ terms, as in y ~ 1 + (1 | unit).")
    if ("|", "|") in pairwise(words):
        raise StudyError(
            f"'{formula}': '||' is not understood. Write independent effects as separate terms: "
            "(1 | unit) + (0 + x | unit)."
        )


def _require_other_columns(formula: str) -> None:
    """Refuse an outcome that predicts itself, and names that results use for something else."""
    outcome = columns(left_side(formula))[:1]
    for name in outcome:
        if name in predictors(formula):
            raise StudyError(
                f"'{formula}': the outcome '{name}' stands on the right side too, and would predict itself."
            )
    if "row" in columns(formula):
        raise StudyError(f"'{formula}': there is no column 'row'; results call the number of a data row so.")
    names = columns(formula)
    groupings = [name.strip("`") for name in behind_bars(formula)]
    for name in names:
        # A bar in the name of a variable says that it is of group-level effects.
        if name in taken(names, groupings) or "|" in name:
            raise StudyError(
                f"'{formula}': results have the name '{name}' for something else, or could not read it. "
                "Rename the column in the file."
            )


def _require_no_addition(formula: str, tokens: list[Token]) -> None:
    """Refuse what brms puts behind a bar on the left side: ``y | trials(n) ~ x``."""
    left = [token.text for token in takewhile(lambda token: token.text != "~", tokens)]
    for bar, function in pairwise(left):
        if bar == "|" and function in _IN_R:
            raise StudyError(f"'{formula}': '| {function}(...)' is not understood. Write {_IN_R[function]}.")
        if bar == "|" and function in _NOT_HERE:
            raise StudyError(f"'{formula}': '| {function}(...)' has no counterpart here; models have {_WITHOUT}.")


def _require_one_outcome(formula: str, tokens: list[Token]) -> None:
    """Refuse arithmetic on the left side: ``y / 10 ~ x``."""
    depth = 0
    for token in takewhile(lambda token: token.text != "~", tokens):
        depth += (token.text in "([{") - (token.text in ")]}")
        if depth == 0 and token.text in ("+", "-", "*", "/", ":", "**", "%", "//"):
            raise StudyError(
                f"'{formula}' cannot be read at character {token.column}, '{token.text}': left of the tilde stands one "
                "column, or one function of it such as log(y). Compute another outcome as a new column (data.derive)."
            )


def _require_no_bare_contrasts(formula: str, tokens: list[Token]) -> None:
    """Refuse contrasts as in ``C(x, Sum)``, which would be read as a column."""
    words = [token.text for token in tokens]
    for before, name, after in zip(words, words[1:], words[2:], strict=False):
        if name in _SHORT and before in (",", "=") and after in (",", ")"):
            raise StudyError(f"'{formula}': '{name}' alone is not understood. Write {_SHORT[name]}.")


def _require_offsets_alone(formula: str, tokens: list[Token]) -> None:
    """Refuse an offset that is no term of its own: in an interaction or before a bar it would have a coefficient."""
    opened: list[Token] = []
    for before, token, after in zip([tokens[-1], *tokens], tokens, [*tokens[1:], tokens[-1]], strict=False):
        if token.text in CLOSING:
            opened.append(before)
            if before.text == "offset":
                around = tokens[tokens.index(before) - 1]
                if len(opened) > 1 or around.text not in ("~", "+"):
                    raise _not_alone(formula, before)
        elif token.text in CLOSING.values() and opened:
            offset = opened.pop()
            if offset.text == "offset" and after.text not in ("+", "-", ""):
                raise _not_alone(formula, offset)


def _not_alone(formula: str, offset: Token) -> StudyError:
    return StudyError(
        f"'{formula}' cannot be read at character {offset.column}, 'offset': an offset has no coefficient, so it "
        "stands by itself behind a plus, as in x + offset(log(n)), and in no interaction, bar or bracket."
    )


def _require_listed(formula: str, function: str) -> None:
    if function not in FUNCTIONS:
        hint = f" Write {_IN_R[function]}." if function in _IN_R else suggest(function, FUNCTIONS)
        raise StudyError(
            f"'{formula}' calls '{function}', which a formula may not.{hint} Valid functions: {', '.join(FUNCTIONS)}."
        )


def _require_argument(formula: str, function: str | None, name: str) -> None:
    valid = FUNCTIONS[function] if function else ()
    if name not in valid:
        raise StudyError(
            f"'{formula}': '{name} =' is no argument of {function or 'a function'}.{suggest(name, valid)} "
            f"Valid: {', '.join(valid) or 'none by name'}."
        )


def _require_room(formula: str, call: _Open) -> None:
    most = 2 if call.function in _TWO_ARGUMENTS else 1
    if call.function in _OF_NUMPY and call.arguments > most:
        raise StudyError(f"'{formula}': {call.function} takes {most} argument{'s' * (most > 1)}, not more.")
