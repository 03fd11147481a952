"""LaTeX of words and of expressions of a formula; and MathML, which browsers lay out by themselves."""

import ast
import html
from collections.abc import Mapping

from markupsafe import Markup

IN_TEXT = str.maketrans({"{": "(", "}": ")", "%": "&#37;"})
# Functions whose value in a row depends on that row alone. Others, such as scale, are shown as they are written.
BY_ROW = ("cbrt", "cos", "exp", "exp2", "expm1", "log", "log1p", "sign", "sin", "tanh")
# How others are printed that have a notation of their own.
NOTATIONS = {
    "abs": "|{}|",
    "sqrt": r"\sqrt{{{}}}",
    "log2": r"\text{{log}}_{{2}}({})",
    "log10": r"\text{{log}}_{{10}}({})",
}
OF_TWO = {"maximum": "max", "minimum": "min"}
# Of a longer list, the first three and the last are shown.
MOST_ITEMS = 6


class _AsWritten(Exception):
    """An expression that is better shown as it is written."""


def text(words: str) -> str:
    """Words as they are."""
    # The converter to MathML copies what stands in \text as it is, so markup is escaped and LaTeX is not. But a brace
    # would end the text, and a percent sign begins a comment.
    return rf"\text{{{html.escape(words, quote=False).translate(IN_TEXT)}}}"


def listed(items: list[str], dots: str = r"\dots") -> str:
    """Items with commas between them."""
    return ", ".join(items if len(items) <= MOST_ITEMS else [*items[:3], dots, items[-1]])


def expression(words: str, columns: Mapping[str, str], index: str) -> str:
    """A column of the data, or an expression of columns, with an index at each: ``log(y_ij)``.

    Parameters
    ----------
    words
        As it stands in a formula: ``np.log(y)``, ``I(x ** 2)``.
    columns
        The index of each column in it.
    index
        That of the whole, for an expression that is shown as it is written: ``scale(x)_ij``.
    """
    try:
        return _latex(ast.parse(words, mode="eval").body, columns)
    except (SyntaxError, _AsWritten):
        return f"{text(words)}_{{{index}}}"


def _latex(node: ast.expr, columns: Mapping[str, str]) -> str:
    match node:
        case ast.Name(id=name) if name in columns:
            return f"{text(name)}_{{{columns[name]}}}"
        case ast.Constant(value=int() | float() as number):
            return str(number)
        case ast.Call(func=ast.Name(id="I"), args=[inside]):
            return _in_parentheses(inside, columns)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[inside], keywords=[]) if name in BY_ROW:
            return f"{text(name)}({_latex(inside, columns)})"
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[inside]) if name in NOTATIONS:
            return NOTATIONS[name].format(_latex(inside, columns))
        case ast.Call(func=ast.Attribute(attr=name), args=[one, other]) if name in OF_TWO:
            return f"{text(OF_TWO[name])}({_latex(one, columns)}, {_latex(other, columns)})"
        case ast.BinOp(left=ast.Name() as base, op=ast.Pow(), right=ast.Constant(value=power)):
            return f"{_latex(base, columns)}^{{{power}}}"
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return f"{_latex(left, columns)} + {_latex(right, columns)}"
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return f"{_latex(left, columns)} - {_in_parentheses(right, columns)}"
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return rf"{_in_parentheses(left, columns)} \, {_in_parentheses(right, columns)}"
    raise _AsWritten


def _in_parentheses(node: ast.expr, columns: Mapping[str, str]) -> str:
    """An operand, in parentheses if it is a sum."""
    latex = _latex(node, columns)
    return f"({latex})" if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub) else latex


def mathml(latex: str) -> Markup:
    """One equation as MathML; what cannot read that has the LaTeX."""
    from latex2mathml.converter import convert

    # The converter has an ASCII tilde for \sim, which browsers set without the spaces of a relation.
    made = convert(latex, display="block").replace("<mi>&#x0007E;</mi>", "<mo>&#x223C;</mo>")
    # Words in the LaTeX are escaped; quotation marks are not, which end an attribute.
    alternative = Markup(latex.replace('"', "&quot;"))
    return Markup(made.replace("<math ", f'<math alttext="{alternative}" ', 1))
