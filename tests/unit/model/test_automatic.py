"""Automatic priors beside those that Bambi chooses itself."""

import numpy as np
import pytest
from partialpool.errors import StudyError
from partialpool.model.automatic import FAMILY, automatic_priors
from partialpool.model.build import build
from partialpool.model.formula import complete_cases
from partialpool.model.priors import parse
from partialpool.study.families import NOT_HERE

from model.every_family import OUTCOMES, TERMS, measurements

# Numbers have four digits, and means as many decimals as their standard deviations.
TOLERANCE = 6e-4


@pytest.fixture(scope="module")
def measured():
    return measurements()


def of_bambi(spec, rows):
    """Bambi's own choice, under our names."""
    import bambi

    model = bambi.Model(spec.formula, rows, family=spec.family, link=spec.link, extra_namespace={"np": np})
    parent = model.parameters[model.family.likelihood.parent]
    chosen = {f"b[{name}]": term.prior for name, term in parent.common_terms.items()}
    chosen |= {"Intercept": parent.intercept_term.prior} if parent.intercept_term else {}
    for name, term in parent.group_specific_terms.items():
        expression = name.partition("|")[0]
        chosen[f"sd[{'Intercept' if expression == '1' else expression}]"] = term.prior.args["sigma"]
    return chosen | {name: model.parameters[name].prior for name in model.marginal_parameters}


def assert_alike(ours, theirs):
    assert ours.name == theirs.name
    numbers = dict(ours.args)
    assert numbers.keys() == theirs.args.keys() - {"transform"}
    for name, value in numbers.items():
        size = abs(theirs.args["sigma" if name == "mu" else name])
        assert (abs(np.array(value) - theirs.args[name]) <= TOLERANCE * size).all()


@pytest.mark.filterwarnings("ignore:The intercept is omitted")
@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("family", OUTCOMES)
def test_they_are_those_of_bambi(make_spec, measured, family, terms):
    spec = make_spec(f"{OUTCOMES[family]} ~ {terms}", "", family=family)
    rows = complete_cases(spec, measured)
    ours = automatic_priors(spec, rows)
    if family in ("bernoulli", "binomial") and ("poly" in terms or "bs" in terms):
        with pytest.raises(ValueError, match="array element with a sequence"):
            of_bambi(spec, rows)
        return
    theirs = of_bambi(spec, rows)
    assert ours.keys() - {"cor"} == theirs.keys()
    assert ("cor" in ours) == any(effects in terms for effects in ("(1 + x |", "(g |", "(0 + h |"))
    for name, prior in theirs.items():
        assert_alike(ours[name], prior)


def test_the_families_are_all_that_bambi_has():
    from bambi.defaults.families import BUILTIN_FAMILIES

    assert BUILTIN_FAMILIES.keys() - OUTCOMES.keys() == set(NOT_HERE)
    assert FAMILY.keys() <= OUTCOMES.keys()


@pytest.mark.parametrize("link", ["probit", "cloglog"])
def test_a_link_that_is_not_the_familys_own(make_spec, measured, link):
    spec = make_spec("answer ~ x * g + (1 + x | id)", "", family="bernoulli", link=link)
    rows = complete_cases(spec, measured)
    ours, theirs = automatic_priors(spec, rows), of_bambi(spec, rows)
    assert ours.keys() - {"cor"} == theirs.keys()
    for name, prior in theirs.items():
        assert_alike(ours[name], prior)


@pytest.mark.parametrize("formula", ["answer ~ poly(x, 2)", "p(hits, size) ~ bs(x, df=4)"])
def test_each_column_of_a_spline_has_its_scale_where_bambi_fails(make_spec, measured, formula):
    from partialpool.model.matrices import evaluate

    spec = make_spec(formula, "", family="binomial" if "hits" in formula else "bernoulli")
    rows = complete_cases(spec, measured)
    name = formula.partition("~ ")[2]
    columns = evaluate(spec, rows).common.terms[name].data
    prior = dict(automatic_priors(spec, rows)[f"b[{name}]"].args)
    np.testing.assert_allclose(
        np.broadcast_to(prior["sigma"], columns.shape[1]), 1 / columns.std(axis=0), rtol=TOLERANCE
    )


def test_only_what_is_left_out(make_spec, measured):
    formula = "y ~ x + g + (1 + x | id)"
    rows = complete_cases(make_spec(formula, ""), measured)

    def chosen(classes="", **priors):
        return automatic_priors(make_spec(formula, classes, priors=priors), rows)

    assert chosen("Intercept b sd cor sigma") == {}
    assert chosen("Intercept b sd sigma") == {"cor": parse("LKJ(1)")}
    assert list(chosen("Intercept sd cor sigma", **{"b[x]": "Normal(0, 1)"})) == ["b[g]"]
    assert list(chosen("Intercept b cor sigma", **{"sd[x]": "Exponential(1)"})) == ["sd[Intercept]"]
    # The prior of an intercept is wider only for predictors whose own prior is automatic, as in Bambi.
    width = dict(chosen("b sd cor sigma")["Intercept"].args)["sigma"]
    assert width == pytest.approx(2.5 * measured["y"].std(ddof=0), rel=TOLERANCE)
    assert dict(chosen("sd cor sigma")["Intercept"].args)["sigma"] > 1.1 * width


@pytest.mark.parametrize("terms", [*TERMS, "0 + id"])
def test_a_spec_with_automatic_priors_is_complete_and_the_same_again(make_spec, measured, terms):
    spec = make_spec(f"y ~ {terms}", "", priors={"sigma": "Exponential(1)"})
    rows = complete_cases(spec, measured)
    settled = spec.with_priors(automatic_priors(spec, rows))
    assert automatic_priors(settled, rows) == {}
    assert settled.from_dict(settled.to_dict()) == settled
    assert settled.with_priors({}) is settled
    build(settled, rows)


def test_combinations_of_categories_without_rows(make_spec, measured):
    data = measured[(measured["g"] != "c") | (measured["h"] != "v")]
    spec = make_spec("y ~ g:h", "")
    sigma = dict(automatic_priors(spec, complete_cases(spec, data))["b[g:h]"].args)["sigma"]
    assert max(sigma) < 100
    assert min(sigma) == pytest.approx(2.5 * data["y"].std(ddof=0), rel=TOLERANCE)


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("np.log(z) ~ x", r"'np.log\(z\)' is not a finite number in"),
        ("y ~ np.log(z)", r"'np.log\(z\)' is not a finite number in"),
        ("same ~ x", "the outcome is 3 in all rows"),
    ],
)
def test_what_has_none(make_spec, measured, formula, says):
    spec = make_spec(formula, "")
    with pytest.raises(StudyError, match=says):
        automatic_priors(spec, complete_cases(spec, measured.assign(same=3)))
