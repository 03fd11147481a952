import pytest
from partialpool.data.expression import FUNCTIONS, Call, Column, Number, columns, parse
from partialpool.errors import StudyError


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("x", Column("x")),
        ("2", Number(2.0)),
        (" log(x) ", Call("log", (Column("x"),))),
        ("-x", Call("-", (Column("x"),))),
        ("x - 1 / y", Call("-", (Column("x"), Call("/", (Number(1.0), Column("y")))))),
        ("x ** 2", Call("**", (Column("x"), Number(2.0)))),
        ("within(log(`herd size.1`))", Call("within", (Call("log", (Column("herd size.1"),)),))),
        ("years(größe)", Call("years", (Column("größe"),))),
        ("yield / 100", Call("/", (Column("yield"), Number(100.0)))),
        ("center(class)", Call("center", (Column("class"),))),
    ],
)
def test_expressions_that_are_read(text, tree):
    assert parse(text) == tree
    assert parse(str(tree)) == tree


def test_columns_of_an_expression():
    assert list(columns(parse("within(`a b`) + log(x * x) - 3"))) == ["a b", "x", "x"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read"),
        ("x +", "cannot be read"),
        ("x; y", "cannot be read"),
        ("x = 1", "cannot be read"),
        ("centre(x)", "there is no function 'centre'. Did you mean 'center'?"),
        ("log(x, 2)", "log takes one argument, not 2"),
        ("log()", "log takes one argument, not 0"),
        ("log(x=1)", "'log(x=1)' may not stand"),
        ("log(*x)", "'*x' may not stand"),
        ("years(x + 1)", "years takes a column of dates, not 'x + 1'"),
        ("x.y", "stands in backquotes"),
        ("x ^ 2", "Write ** for a power"),
        ("x % 2", "'x % 2' may not stand"),
        ("x > 1", "'x > 1' may not stand"),
        ("x if y else z", "cannot be read"),
        ("'x'", "may not stand"),
        ("True", "may not stand"),
        ("1j", "may not stand"),
        ("1e999", "may not stand"),
        ("x[0]", "may not stand"),
        ("[x for x in y]", "cannot be read"),
        ("(lambda: x)()", "cannot be read"),
        ("__import__('os')", "there is no function '__import__'"),
        ("x.__class__.__mro__", "may not stand"),
        ("np.log(x)", "may not stand"),
        ("f'{x}'", "may not stand"),
        ("(x := 1)", "may not stand"),
        ("await x", "cannot be read"),
        ("`log`(x)", "may not stand"),
        ("`herd size` > class", "'`herd size` > class' may not stand"),
        ("x\x00", "cannot be read"),
        ("(" * 250 + "x" + ")" * 49, "cannot be read"),
        ("1" * 301, "at most 300 characters"),
    ],
)
def test_whatever_is_not_listed_is_refused(text, says):
    with pytest.raises(StudyError) as error:
        parse(text)
    assert says in str(error.value)
    assert len(str(error.value)) < 800


def test_messages_name_all_functions():
    with pytest.raises(StudyError) as error:
        parse("f(x)")
    assert all(f"{name}(x)" in str(error.value) for name in FUNCTIONS)
