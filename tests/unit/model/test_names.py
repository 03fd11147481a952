import ast
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from partialpool.model import names
from partialpool.model.build import build
from partialpool.model.formula import bars, complete_cases
from partialpool.model.names import Term


def test_the_spellings_are_bambis(make_spec, units):
    """A canary: what a release of Bambi spells another way fails here, with the name."""
    spec = make_spec("y ~ x + group + (1 + x | id) + (0 + mood | id) + (1 | group)")
    model = build(spec, complete_cases(spec, units))
    model.build()
    variables = model.backend.model.named_vars
    dims = model.backend.model.named_vars_to_dims
    first, second, third = names.bambi_blocks(bars(spec.formula), model.parameters["mu"].group_specific_terms)
    assert (first.correlation, second.correlation, third.correlation) == ("cor_id", "cor_id_", None)
    assert first.coefficients == ["Intercept", "x"]
    assert second.coefficients == ["mood[fair]", "mood[good]"]
    for term in (*first.terms, *second.terms, *third.terms):
        assert {term.name, term.sd_name} <= set(variables)
        assert term.grouping_dim in dims[term.name]
        assert tuple(dims.get(term.sd_name) or ()) == tuple(term.level_coords)
    for block in (first, second):
        assert names.partial_correlations_name(block.correlation) in variables
        assert all(term.correlated_standard_normal_name in variables for term in block.terms)
    assert third.terms[0].standard_normal_name in variables
    assert dims["group"] == (names.common_dim("group"),)
    assert dims["y"] == (names.ROW_DIM,)


def test_a_term_has_a_name_and_back():
    term = Term("x:z", "site:plate")
    assert Term.of_name(term.name) == term
    assert (term.coefficient, term.coefficients, term.level_coords) == ("x:z", ["x:z"], {})
    assert Term("1", "id").coefficients == ["Intercept"]
    assert Term("g", "id", ("B", "C")).coefficients == ["g[B]", "g[C]"]


@pytest.mark.parametrize(
    ("name", "dims", "kind", "what"),
    [
        ("x|id", ["id__factor_dim"], "group", Term("x", "id")),
        ("x|id_sigma", [], "sd", Term("x", "id")),
        ("g|id_sigma", ["g__expr_dim"], "sd", Term("g", "id")),
        ("cor_id", ["cor_id_dim"], "cor", "id"),
        ("cor_id_", ["cor_id__dim"], "cor", "id"),
        ("cor_tex", [], "common", None),
        ("group", ["group_dim"], "common", None),
    ],
)
def test_a_variable_is_classified(name, dims, kind, what):
    assert names.classify(name, dims) == (kind, what)


def test_terms_of_a_posterior_have_their_levels():
    posterior = xr.Dataset(
        {"1|id_sigma": ((), 1.0), "g|id_sigma": ("g__expr_dim", np.ones(2)), "1|site_sigma": ((), 1.0)},
        {"g__expr_dim": ["B", "C"]},
    )
    assert names.effect_terms(posterior, "id") == [Term("1", "id"), Term("g", "id", ("B", "C"))]
    assert [term.grouping for term in names.effect_terms(posterior)] == ["id", "id", "site"]


LIBRARY = Path(names.__file__).parents[1]
# A formula, a file with other separators than commas, a text that LaTeX is to print, and patterns have bars, too.
OTHER_BARS = (
    *("model/formula.py", "model/grammar.py", "data/delimited.py", "report/paper_files.py"),
    *("model/parts.py", "data/expression.py", "report/paper.py", "start/words.py"),
)


def texts(path):
    """Strings in the code of a module, without docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in statements
    ]


def test_no_other_module_spells_bambis_names():
    spelled = re.compile(r"__factor_dim|__expr_dim|__obs__|\w*_sigma$|_offset$|^cor_$")
    for path in sorted(LIBRARY.rglob("*.py")):
        name = path.relative_to(LIBRARY).as_posix()
        if name == "model/names.py":
            continue
        spellings = [text for text in texts(path) if spelled.search(text)]
        if name not in OTHER_BARS:
            spellings += [text for text in texts(path) if text in ("|", "1|") or text.startswith("1|")]
        assert not spellings, f"{name} spells {spellings}; model/names.py has functions for it"
