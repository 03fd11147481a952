import inspect
import re

import bambi
import numpy as np
import pandas as pd
import pytest
from bambi.transformations import transformations_namespace
from formulae import design_matrices, model_description
from formulae.categorical import ENCODINGS
from formulae.transforms import TRANSFORMS
from partialpool.errors import StudyError
from partialpool.model.grammar import FUNCTIONS, check_formula


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ 1",
        "con ~ 1 + week + (1 + week | id)",
        "p(incidence, size) ~ period + (1 | herd)",
        "np.log(con) ~ np.maximum(x, 0.5)",
        "y~np.log(x) -1",
        "y ~ (x+z)**2 - x:z",
        'y ~ I(x == 1) + T(g, ref="a") + poly(x, degree=2) + bs(x, 4, intercept=True)',
        "y ~ C(g, Treatment('a'))",
        "y ~ `a b` + my.col + größe",
        "`a~b` ~ 1",
        "answer['yes'] ~ x",
        "answer[yes] ~ x",
        "y ~ {(x + 1) * 2}",
        "y ~ (1 | a / b) + (0 + x | a:b)",
        "y ~ log + np.log",
        "y ~ x +\n  z",
        "y ~ I(z - x**2) + I(-(x**2)) + I((-x)**2) + I(z**-1)",
        "y ~ I((0 < x) * (x < 1)) + np.maximum(x < 1, z > 2)",
        "y ~ -1 + x + (-1 + x | id)",
        "binary(answer, success='yes') ~ x",
        "y ~ x - 1",
    ],
)
def test_formulas_that_are_read(formula):
    check_formula(formula)
    assert model_description(formula).var_names


@pytest.mark.parametrize(
    ("formula", "function"),
    [
        ('con ~ pd.io.common.os.system("touch x") + (1 | id)', "pd.io.common.os.system"),
        ('y ~ np.save("x", y)', "np.save"),
        ('y ~ np.savetxt("x", y)', "np.savetxt"),
        ('y ~ pd.read_csv("http://x")', "pd.read_csv"),
        ('y ~ pd.read_pickle("x")', "pd.read_pickle"),
        ('y ~ np.lib.format.open_memmap("x")', "np.lib.format.open_memmap"),
        ('np.load("x") ~ 1', "np.load"),
        ('y ~ I(np.save("x", y))', "np.save"),
        ('y ~ np.log(x + 2 * {np.save("x", y)})', "np.save"),
        ('y ~ poly(x, degree=np.save("x", y))', "np.save"),
        ('y ~ (1 | np.save("x", y))', "np.save"),
        ('y ~ (np.save ("x", y) | id)', "np.save"),
        ('y ~ __import__("os")', None),
        ('y ~ eval("1")', "eval"),
        ('y ~ np.log.__class__("1")', "np.log.__class__"),
        ("y ~ hsgp(x, m=5, c=2)", "hsgp"),
        ("y ~ sqrt(x)", "sqrt"),
    ],
)
def test_functions_that_are_not_listed_are_refused(formula, function):
    with pytest.raises(StudyError) as refused:
        check_formula(formula)
    if function:
        assert f"'{formula}' calls '{function}', which a formula may not." in str(refused.value)
        assert str(refused.value).endswith(f"Valid functions: {', '.join(FUNCTIONS)}.")


def test_a_spec_with_such_a_formula_cannot_be_made(make_spec):
    with pytest.raises(StudyError, match=r"calls 'os.system', which a formula may not"):
        make_spec('y ~ os.system("touch x")')


@pytest.mark.parametrize(
    ("formula", "character"),
    [
        # Calls of something that is no name
        ('y ~ np . save("x")', 8),
        ('y ~ `np.save`("x")', 14),
        ('y ~ "np.save"("x")', 5),
        ("y ~ I(x)(y)", 9),
        ("y ~ (np.save)(y)", 14),
        # Other Python
        ("y ~ x[a]", 6),
        ("y ~ I(x[a])", 8),
        ("y ~ [x for x in y]", 5),
        ("y ~ I(lambda x: x)", 14),
        ("y ~ x; z", 6),
        ("y ~ f'abc'", 6),
        ('y ~ "x', 5),
        # What formulae would leave out without a word
        ("y ~ x z", 7),
        ("y ~ 1e3 * x", 6),
        ("y ~ I(1e3 * x)", 8),
        ("y ~ x % z", 7),
        ("y ~ x ^ 2", 7),
        ("y ~ x // 2", 8),
        ("y ~ x) + z", 6),
        ("y ~ x | id", 7),
        ("y ~ x == 1", 7),
        ("y ~ x ! z", 7),
        # What is no term
        ("y ~ True", 5),
        ('y ~ "abc" + x', 5),
        ("y ~ _x", 5),
        ("y ~ ²x", 5),
        ("y ~ log()", 9),
        ("y ~ poly(x,)", 12),
        ("y ~ (x, z)", 7),
        ("y ~ {x, z}", 7),
        ("y ~ I(x | z)", 9),
        ("y ~ (x | id | z)", 13),
        ("y ~ x\N{NO-BREAK SPACE}+ z", 6),
        # What formulae computes in another order than Python and R
        ("y ~ np.exp(-x**2)", 14),
        ("y ~ I(z * -x**2)", 13),
        ("y ~ {-(x + 1)**2}", 14),
        ("y ~ I(x - -np.log(z)**2)", 21),
        ("y ~ I(x**2**3)", 11),
        ("I(-y**2) ~ x", 5),
        ("y ~ I(0 < x < 1)", 13),
        # What codes rows of a prediction otherwise than those of the fit
        ("y ~ B(g) + (1 | id)", 5),
        ("y ~ x + binary(g, success='a')", 9),
        ("y ~ (0 + B(g) | id)", 10),
        # Intercepts: before a bar formulae hears of them only where they come first
        ("y ~ (x + z - 1 | id)", 14),
        ("y ~ (x + z + 0 | id)", 14),
        ("y ~ (x - 1 | id)", 10),
        ("y ~ (1 - 1 + x | id)", 10),
        ("y ~ (0 + x + 1 | id)", 14),
        ("y ~ (1 | 1)", 10),
        ("y ~ 0 + x + 1", 13),
        ("y ~ 1 + x - 1", 13),
        ("y ~ x - 0", 9),
        ("y ~ z * (1 + x)", 15),
        # Numbers that would be a term of their own
        ("y ~ 2 * x", 5),
        ("y ~ x / 2", 9),
        ("y ~ x + 0.0", 9),
        ("y ~ (x + z)**1.5", 14),
        ("y ~ (x + z)**x", 14),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_character(formula, character):
    with pytest.raises(StudyError) as refused:
        check_formula(formula)
    assert str(refused.value).startswith(f"'{formula}' cannot be read at character {character}, '")


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("con", "is no formula; write outcome ~ terms, as in y ~ 1 + (1 | unit)."),
        ("con ~ ", "is no formula"),
        ("~ 1 + id", "is no formula"),
        ("y ~ x ~ z", "is no formula"),
        ("", "is no formula"),
        ("y ~ (x || id)", "Write independent effects as separate terms: (1 | unit) + (0 + x | unit)."),
        ("y ~ (x + z", "is not complete: ')' is missing at its end."),
        ("y ~ {x", "is not complete: '}' is missing at its end."),
        ("y ~ x +", "is not complete: a term is missing at its end."),
        ("y ~ poly(x, deg=2)", "'deg =' is no argument of poly. Did you mean 'degree'? Valid: degree, raw."),
        ("y ~ np.log(out=z)", "'out =' is no argument of np.log. Valid: none by name."),
        ("y ~ np.log(x, out=z)", "np.log takes 1 argument, not more."),
        ("y ~ np.log(x, week)", "np.log takes 1 argument, not more."),
        ("y ~ log(x, week)", "log takes 1 argument, not more."),
        ("y ~ np.maximum(x, np.log(z), week)", "np.maximum takes 2 arguments, not more."),
        ("y ~ poly(x + degree=2)", "'degree =' is no argument of a function."),
        ("y ~ x = z", "'x =' is no argument of a function."),
        ("y ~ x ^ 2", "Write ** for a power."),
        ("y ~ (x |p| id)", "One bar is enough: effects in one pair of parentheses are correlated, (1 + x | unit)."),
        ("y ~ (1 | gr(id))", "calls 'gr', which a formula may not. Write the column alone: (1 | unit)."),
        ("y ~ x\u200b + z", "It is the invisible character U+200B; delete it."),
        ("y ~ x \u2212 1", "Write the minus of the keyboard, '-'."),
        ("y ~ x | id", "Write it in parentheses: (1 + x | unit)."),
        ("y ~ C(g, Sum)", "'Sum' alone is not understood. Write S(x) for sum contrasts of x."),
        ("y ~ sqrt(x)", "calls 'sqrt', which a formula may not. Write np.sqrt(x). Valid"),
        ("cbind(k, n - k) ~ x", "Write p(successes, trials) for successes and trials."),
        ("y | trials(n) ~ x + (1 | id)", "'| trials(...)' is not understood. Write p(y, n) ~ ... for y successes of n"),
        ("y | weights(w) ~ x + (1 | id)", "'| weights(...)' has no counterpart here; models have no weights"),
        ("y ~ relevel(g, x)", "which a formula may not. Write the levels in data.types, the reference level first."),
        ("y | resp_x(n) ~ x", "cannot be read at character 3, '|'"),
        ("y/10 ~ x", "cannot be read at character 2, '/': left of the tilde stands one column, or one function of it"),
        ("y + x ~ 1", "Compute another outcome as a new column (data.derive)."),
        ("-y ~ x", "cannot be read at character 1, '-': left of the tilde stands"),
        ("`a + b`:x ~ 1", "cannot be read at character 8, ':': left of the tilde stands"),
    ],
)
def test_what_is_wrong_is_told(formula, message):
    with pytest.raises(StudyError, match=re.escape(message)):
        check_formula(formula)


def test_whatever_is_accepted_calls_only_listed_functions_and_is_read_to_its_end():
    """Random formulas; formulae names each term as it has read it."""
    pieces = [*"xz1()()+-*:|~,={}[]./ ²_%'\"", "'a'", "`q`", "np.log(", "np.save(", "I(", "==", "**", "os.x", "True"]
    rng = np.random.default_rng(1)
    accepted = 0
    for _ in range(20_000):
        formula = "y ~ " + "".join(rng.choice(pieces, rng.integers(1, 8)))
        try:
            check_formula(formula)
        except StudyError:
            continue
        accepted += 1
        try:
            read = model_description(formula)
        except Exception:  # formulae refuses more
            continue
        calls = re.findall(r"([\w.`'\"]+)\(", " ".join(term.name for term in read.terms))
        assert set(calls) <= set(FUNCTIONS), formula
        names = {
            name for name in ("x", "z", "q", "os.x") if re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", formula)
        }
        if "-" not in formula and "'" not in formula and '"' not in formula:
            assert names <= set(read.var_names), formula
    assert accepted > 300


def test_listed_functions_are_those_of_formulae_bambi_and_numpy():
    """Fails if a release renames a function or an argument, or brings a name in the way of another's."""
    known = transformations_namespace | TRANSFORMS | ENCODINGS
    assert not set(transformations_namespace) & (set(TRANSFORMS) | set(ENCODINGS))
    for name, arguments in FUNCTIONS.items():
        function = getattr(np, name.removeprefix("np.")) if name.startswith("np.") else known[name]
        if isinstance(function, np.ufunc):
            assert function.nout == 1, name
            with pytest.raises(StudyError, match=f"takes {function.nin} argument"):
                check_formula(f"y ~ {name}({', '.join('x' * (function.nin + 1))})")
        else:
            called = function.__call__ if name in TRANSFORMS and inspect.isclass(function) else function
            assert set(arguments) <= set(inspect.signature(called).parameters), name
    # What is left out of the list on purpose.
    outcomes = {"censored", "constrained", "truncated", "weighted", "c", "counts"}
    assert set(known) - set(FUNCTIONS) == outcomes | ({"hsgp"} & set(known))


def test_functions_of_bambi_and_numpy_mean_what_they_say():
    """They are looked up where Bambi reads the formula."""
    rows = pd.DataFrame({"y": [1.0, 2.0, 4.0, 9.0], "x": [0.5, 1.0, 2.0, 8.0]})
    values = {
        "log(x)": np.log(rows["x"]),
        "exp2(x)": 2 ** rows["x"],
        "np.sqrt(x)": np.sqrt(rows["x"]),
        "np.maximum(x, 1)": np.maximum(rows["x"], 1),
    }
    model = bambi.Model(f"np.log1p(y) ~ 0 + {' + '.join(values)}", rows)
    for name, expected in values.items():
        np.testing.assert_allclose(np.ravel(model.parameters["mu"].common_terms[name].data), expected)
    np.testing.assert_allclose(np.ravel(model.response_term.data), np.log1p(rows["y"]))


def test_arithmetic_means_what_it_means_in_python():
    """Random arithmetic that is accepted, computed by formulae and by Python."""
    rng = np.random.default_rng(4)
    rows = pd.DataFrame({name: rng.uniform(0.5, 3, 6) for name in "yxz"})

    def made(depth):
        kind = rng.integers(8) if depth else 0
        if kind <= 1:
            return str(rng.choice(["x", "z", "2", "0.5"]))
        if kind <= 3:
            return f"{rng.choice(['-', '(', 'np.exp('])}{made(depth - 1)}"
        return f"{made(depth - 1)}{rng.choice(['+', '-', '*', '/', '**', ' < '])}{made(depth - 1)}"

    compared = 0
    for _ in range(1500):
        text = made(4)
        text += ")" * text.count("(")
        try:
            check_formula(f"y ~ 0 + I(x + {text})")
        except StudyError:
            continue
        with np.errstate(all="ignore"):
            ours = design_matrices(f"y ~ 0 + I(x + {text})", rows, extra_namespace={"np": np}).common
            theirs = eval(f"x + {text}", {"np": np, "x": rows["x"], "z": rows["z"]})
        np.testing.assert_allclose(np.ravel(np.asarray(ours)), theirs, err_msg=text)
        compared += 1
    assert compared > 700


CALLS = {
    "C": "C(n)",
    "S": "S(g)",
    "T": "T(g, ref='b')",
    "Sum": "C(g, Sum('a'))",
    "Treatment": "C(n, Treatment(2))",
    "bs": "bs(x, df=4)",
    "poly": "poly(x, 2)",
    "np.maximum": "np.maximum(x, 2)",
    "np.minimum": "np.minimum(x, 2)",
}
OF_OUTCOMES = {"B", "binary", "p", "prop", "proportion"}


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in OF_OUTCOMES])
def test_functions_give_a_row_the_same_value_among_others(name):
    """Predictions are made for rows of which each is coded as in the fit, whatever other rows there are."""
    rng = np.random.default_rng(2)
    rows = pd.DataFrame({"y": rng.normal(size=20), "x": rng.uniform(1, 3, 20), "n": np.tile([1, 2, 3, 4], 5)})
    rows["g"] = pd.Categorical(np.tile(["a", "b", "c", "a"], 5))
    formula = f"y ~ {CALLS.get(name, f'{name}(x)')}"
    check_formula(formula)
    design = design_matrices(formula, rows, extra_namespace=transformations_namespace | {"np": np}).common
    few = design.evaluate_new_data(rows.iloc[[2, 6, 13]].reset_index(drop=True))
    np.testing.assert_array_equal(few.design_matrix, design.design_matrix[[2, 6, 13]])


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("y ~ x**2", "of one term it is no power. Write I(x**2) for it"),
        ("y ~ z + (x)**2", "of one term it is no power"),
        ("y ~ log(x)**3", "of one term it is no power"),
        ("y ~ y + (1 | id)", "the outcome 'y' stands on the right side too"),
        ("log(y) ~ x + y", "the outcome 'y' stands on the right side too"),
        ("p(y, n) ~ x:y", "the outcome 'y' stands on the right side too"),
        ("y ~ row + (1 | id)", "there is no column 'row'"),
        ("y ~ chain + (1 | id)", "results have the name 'chain' for something else"),
        ("log(draw) ~ x + (1 | id)", "results have the name 'draw' for something else"),
        ("y ~ x + (1 | `__obs__`)", "results have the name '__obs__' for something else"),
        ("y ~ Intercept + (1 | id)", "results have the name 'Intercept' for something else"),
        ("y ~ `1` + (1 | id)", "results have the name '1' for something else"),
        ("y ~ g_dim + g + (1 | id)", "results have the name 'g_dim' for something else"),
        ("y ~ id__factor_dim + (1 + x | id)", "results have the name 'id__factor_dim' for something else"),
        ("y ~ cor_id + (1 + x | id)", "results have the name 'cor_id' for something else"),
        ("y ~ x + (1 + `time | h` | id)", "results have the name 'time | h' for something else, or could not read it"),
        ("y ~ bs(x, df=1000000000)", "bs makes at most 1000 columns"),
        ("y ~ poly(x, 5000)", "poly makes at most 1000 columns"),
        (f"y ~ {'x + ' * 5000}x", "a formula has at most 10000 characters"),
        (f"y ~ {'(' * 500}x{')' * 500}", "brackets stand in each other more than 20 deep"),
    ],
)
def test_what_formulae_would_misread_is_refused(formula, words):
    with pytest.raises(StudyError) as error:
        check_formula(formula)
    assert words in str(error.value)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ bs(x, df=5, lower_bound=0, upper_bound=2024)",
        "y ~ (x + z)**2",
        "y ~ I(x**2) + {x**3}",
        "p(y, n) ~ n",
        "y ~ (a * b)**2 + (1 | id)",
    ],
)
def test_powers_of_sums_and_in_functions_are_read(formula):
    check_formula(formula)


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x:offset(z)",
        "y ~ offset(z) * x",
        "y ~ x + offset(z) / w",
        "y ~ x - offset(z)",
        "y ~ (x + offset(z))",
        "y ~ x + (offset(z) | id)",
        "y ~ offset(offset(z))",
        "y ~ I(offset(z))",
        "offset(y) ~ x",
    ],
)
def test_an_offset_has_no_coefficient(formula):
    with pytest.raises(
        StudyError, match="'offset': an offset has no coefficient, so it stands by itself behind a plus"
    ):
        check_formula(formula)


@pytest.mark.parametrize(
    "formula", ["y ~ offset(z)", "y ~ x + offset(2*z) - 1", "y ~ x - z + offset(log(w)) + (1 | id)"]
)
def test_an_offset_of_its_own(formula):
    check_formula(formula)
