import html
import xml.etree.ElementTree as ElementTree

import pytest
from partialpool.report import latex

COLUMNS = {"x": "ij", "w": "j"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("x", r"\text{x}_{ij}"),
        ("np.log(x)", r"\text{log}(\text{x}_{ij})"),
        ("log(1 + exp(x))", r"\text{log}(1 + \text{exp}(\text{x}_{ij}))"),
        ("I(x ** 2)", r"\text{x}_{ij}^{2}"),
        ("I(x - 2 * w)", r"(\text{x}_{ij} - 2 \, \text{w}_{j})"),
        ("I(0.1 * (x + w))", r"0.1 \, (\text{x}_{ij} + \text{w}_{j})"),
        ("I(x - (w - 1))", r"(\text{x}_{ij} - (\text{w}_{j} - 1))"),
        ("scale(x)", r"\text{scale(x)}_{ij}"),
        ("np.maximum(x, 0)", r"\text{max}(\text{x}_{ij}, 0)"),
        ("np.sqrt(x)", r"\sqrt{\text{x}_{ij}}"),
        ("abs(x - w)", r"|\text{x}_{ij} - \text{w}_{j}|"),
        ("np.square(x)", r"\text{np.square(x)}_{ij}"),
        ("I((x + 1) ** 2)", r"\text{I((x + 1) ** 2)}_{ij}"),
        ("other", r"\text{other}_{ij}"),
        ("a b", r"\text{a b}_{ij}"),
    ],
)
def test_an_expression_has_indices_at_its_columns(words, expected):
    assert latex.expression(words, COLUMNS, "ij") == expected


def test_a_long_list_is_shortened():
    assert latex.listed(list("abcdef")) == "a, b, c, d, e, f"
    assert latex.listed(list("abcdefg")) == r"a, b, c, \dots, g"


@pytest.mark.parametrize(
    "equation",
    [
        rf"{latex.text('a_b & {c} < d')}_{{ij}} \sim \text{{Normal}}(0, \tau_{{0}})",
        r"\gamma_{2[\text{g}_j]} + V^{\text{a:b}}_{1[\text{g}_{ij}]k[ij]}",
    ],
)
def test_mathml_is_well_formed_and_has_relations(equation):
    made = latex.mathml(equation)
    tree = ElementTree.fromstring(made)
    assert tree.get("alttext") == html.unescape(equation)
    assert tree.tag.endswith("math")
    assert tree.get("display") == "block"
    words = "".join(tree.itertext())
    assert "\\" not in words
    assert "a_b & (c) < d" in words.replace("\N{NO-BREAK SPACE}", " ") or "gamma" in equation
    assert ("\N{TILDE OPERATOR}" in words) == (r"\sim" in equation)


@pytest.mark.parametrize("words", ["%", "a\\", "$x$", r"\frac12", "<script>1</script>", '"&quot;', "a ~ b"])
def test_words_in_mathml_are_shown_as_they_are(words):
    tree = ElementTree.fromstring(latex.mathml(rf"{latex.text(words)}_{{ij}} \sim \mu"))
    assert "".join(tree.itertext()).replace("\N{NO-BREAK SPACE}", " ") == f"{words}ij\N{TILDE OPERATOR}μ"
    assert not [element for element in tree.iter() if element.tag.endswith("script")]
