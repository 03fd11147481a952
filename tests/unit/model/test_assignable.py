"""What is told before a fit is what the fit would say: both engines give their model the same parameters."""

import pytest
from partialpool.errors import StudyError
from partialpool.model import assignable, build
from partialpool.model.automatic import automatic_priors
from partialpool.model.formula import complete_cases
from partialpool.study.families import FAMILIES

from model.every_family import OUTCOMES, TERMS, measurements


@pytest.fixture(scope="module")
def measured():
    return measurements()


def asked_of(module, monkeypatch, call) -> dict:
    """What a module gives to `assign`."""
    asked = {}
    given = module.assign

    def listening(spec, **arguments):
        asked.update(arguments, common=list(arguments["common"]), offsets=list(arguments["offsets"]))
        return given(spec, **arguments)

    monkeypatch.setattr(module, "assign", listening)
    call()
    return asked | {"parameters": sorted(asked["parameters"])}


@pytest.mark.filterwarnings("ignore:The intercept is omitted")
@pytest.mark.parametrize("terms", [TERMS[0], TERMS[2], TERMS[3]])
@pytest.mark.parametrize("family", OUTCOMES)
def test_a_model_has_the_parameters_that_bambi_gives_it(make_spec, measured, monkeypatch, family, terms):
    # Bambi cannot give an outcome of levels several effects of a category, which both say.
    terms = terms.replace("(g | id)", "(x | id)")
    spec = make_spec(f"{OUTCOMES[family]} ~ {terms}", "", family=family)
    rows = complete_cases(spec, measured)
    known = FAMILIES[family]
    ours = asked_of(
        assignable,
        monkeypatch,
        lambda: assignable.refuse_unassignable(spec, rows, known.parameters, known.mean),
    )
    settled = spec.with_priors(automatic_priors(spec, rows))
    assert ours == asked_of(build, monkeypatch, lambda: build.build(settled, rows))


@pytest.mark.parametrize(
    ("formula", "family", "priors", "says"),
    [
        ("y ~ x + (1 | id)", "gaussian", {"cor": "LKJ(2)"}, "has no parameter for the prior of cor"),
        ("count ~ x + (1 | id)", "poisson", {"b[x:g]": "Normal(0, 1)"}, r"has no parameter for the prior of b\[x:g\]"),
        ("answer ~ p + (1 | id)", "bernoulli", {}, "'p' is also the name of a parameter of the family 'bernoulli'"),
        ("mood ~ x + (g | id)", "categorical", {}, r"Bambi cannot give 'g\|id' several effects"),
        ("y ~ I(x / 2) + (1 | id)", "t", {}, "PyMC has no names with a slash"),
        ("count ~ 0 + offset(x)", "poisson", {}, "the model has no parameters. Write 1 for an intercept"),
        ("y ~ (g | id) + (0 + g | item)", "gaussian", {}, "because only one of the grouping factors has an intercept"),
    ],
)
def test_what_a_fit_would_refuse(make_spec, measured, formula, family, priors, says):
    spec = make_spec(formula, "", family=family, priors=priors)
    rows = complete_cases(spec, measured.assign(p=measured["x"]))
    known = FAMILIES[family]
    with pytest.raises(StudyError, match=says):
        assignable.refuse_unassignable(spec, rows, known.parameters, known.mean)
