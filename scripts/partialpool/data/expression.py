"""The language of ``data.derive``: columns, numbers, arithmetic, and calls of the functions listed here.

Python's parser reads an expression, and everything in it that is not listed is refused. Nothing is ever evaluated by
Python: ``derive`` computes what the tree says.
"""

import ast
import keyword
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from partialpool.errors import StudyError, suggest

FUNCTIONS = {
    "within": "deviation from the mean of the unit",
    "between": "mean of the unit",
    "center": "deviation from the mean of all rows",
    "standardise": "the same in standard deviations",
    "log": "natural logarithm",
    "years": "a date as a number of years",
}
OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
MOST_CHARACTERS = 300
_VALID = (
    f"Valid: columns, numbers, {' '.join(OPERATORS.values())}, and {', '.join(f'{name}(x)' for name in FUNCTIONS)}."
)
# Names that stand for columns in backquotes, and for those called by a word of Python (`yield`, `class`), while Python
# reads them.
_QUOTED = "_in_backquotes_"
_NO_PYTHON_NAME = re.compile(rf"`([^`]+)`|\b({'|'.join(word for word in keyword.kwlist if word.islower())})\b")


@dataclass(frozen=True)
class Column:
    """A column of the data."""

    name: str

    def __str__(self) -> str:
        return self.name if self.name.isidentifier() else f"`{self.name}`"


@dataclass(frozen=True)
class Number:
    """A number."""

    value: float

    def __str__(self) -> str:
        return f"{self.value:g}"


@dataclass(frozen=True)
class Call:
    """A function of one argument, or an operator between two (a sign: before one).

    Attributes
    ----------
    name
        A key of `FUNCTIONS`, or one of ``+ - * / **``.
    arguments
        What it is applied to.
    """

    name: str
    arguments: tuple["Expression", ...]

    def __str__(self) -> str:
        if self.name in FUNCTIONS:
            return f"{self.name}({self.arguments[0]})"
        sides = [f"({side})" if _is_arithmetic(side) else str(side) for side in self.arguments]
        return f" {self.name} ".join(sides) if len(sides) > 1 else f"{self.name}{sides[0]}"


Expression = Column | Number | Call


def parse(text: str) -> Expression:
    """Read an expression.

    Parameters
    ----------
    text
        Such as ``log(dose + 1)``. A column whose name is no Python name stands in backquotes.

    Raises
    ------
    StudyError
        What is wrong in it, and what is valid.
    """
    if len(text) > MOST_CHARACTERS:
        raise StudyError(f"an expression has at most {MOST_CHARACTERS} characters; derive it in steps.")
    quoted: list[str] = []

    def placeholder(match: re.Match) -> str:
        quoted.append(match[1] or match[2])
        return f" {_QUOTED}{len(quoted) - 1} "

    try:
        tree = ast.parse(_NO_PYTHON_NAME.sub(placeholder, text).strip(), mode="eval")
        return _read(tree.body, {f"{_QUOTED}{i}": name for i, name in enumerate(quoted)})
    except SyntaxError as error:
        raise StudyError(f"'{text}' cannot be read: {error.msg}. {_VALID}") from None
    except (RecursionError, MemoryError, ValueError, OverflowError):
        raise StudyError(
            f"'{text}' cannot be read: it is nested too deeply, or has a number that is too large."
        ) from None


def _read(node: ast.expr, quoted: dict[str, str]) -> Expression:
    match node:
        case ast.Name(id=name):
            return Column(quoted.get(name, name))
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as value) if math.isfinite(float(value)):
            return Number(float(value))
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            return Call("-" if isinstance(sign, ast.USub) else "+", (_read(operand, quoted),))
        case ast.BinOp(op=operator, left=left, right=right) if type(operator) in OPERATORS:
            return Call(OPERATORS[type(operator)], (_read(left, quoted), _read(right, quoted)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name not in quoted:
            return _call(name, arguments, quoted)
    hint = " A column whose name has other characters stands in backquotes." if isinstance(node, ast.Attribute) else ""
    hint = " Write ** for a power." if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor) else hint
    written = re.sub(rf"{_QUOTED}\d+", lambda name: str(Column(quoted[name[0]])), ast.unparse(node))
    raise StudyError(f"'{written}' may not stand in an expression.{hint} {_VALID}")


def _call(name: str, arguments: list[ast.expr], quoted: dict[str, str]) -> Call:
    if name not in FUNCTIONS:
        raise StudyError(f"there is no function '{name}'.{suggest(name, FUNCTIONS)} {_VALID}")
    if len(arguments) != 1:
        raise StudyError(f"{name} takes one argument, not {len(arguments)}.")
    argument = _read(arguments[0], quoted)
    if name == "years" and not isinstance(argument, Column):
        raise StudyError(f"years takes a column of dates, not '{argument}'.")
    return Call(name, (argument,))


def columns(expression: Expression) -> Iterator[str]:
    """Names of the columns in an expression."""
    if isinstance(expression, Column):
        yield expression.name
    elif isinstance(expression, Call):
        for argument in expression.arguments:
            yield from columns(argument)


def columns_of_the_row(expression: Expression) -> Iterator[str]:
    """Names of the columns with whose value in a row the expression changes there: those outside of ``between``."""
    if isinstance(expression, Column):
        yield expression.name
    elif isinstance(expression, Call) and expression.name != "between":
        for argument in expression.arguments:
            yield from columns_of_the_row(argument)


def _is_arithmetic(expression: Expression) -> bool:
    return isinstance(expression, Call) and expression.name not in FUNCTIONS


def together(name: str) -> str:
    """What to do where a derived column changes with another one."""
    return f"Write one as a function in the formula, such as I({name} ** 2) or log({name}): then both change together."
