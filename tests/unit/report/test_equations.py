import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.model.families import ORDINAL
from partialpool.model.matrices import column_labels, evaluate
from partialpool.model.names import Term, common_dim
from partialpool.report import equations
from partialpool.study.data import Nouns
from partialpool.study.models import FAMILIES

# Twelve units measured four times: w, g, class and school are a unit's own; t, c, n and item vary within it.
ROWS = pd.DataFrame(
    {
        "id": np.repeat([f"p{i}" for i in range(12)], 4),
        "t": np.tile([0.0, 1, 2, 3], 12),
        "w": np.repeat(np.linspace(0, 1, 12) ** 2, 4),
        "g": np.repeat(["a", "b"] * 6, 4),
        "c": ["u", "v", "w"] * 16,
        "item": np.tile([f"i{k}" for k in range(6)], 8),
        "class": np.repeat(["k1", "k2"] * 3, 8),
        "school": np.repeat(["s1", "s2", "s3"], 16),
        "n": np.arange(1.0, 49),
        "c1": np.tile([0, 1], 24),
        "body mass": np.arange(48.0) % 7,
        "y": np.linspace(1, 2, 48) ** 2,
    }
)
PRIORS = {
    "Intercept": "Normal(0, 1)",
    "b": "Normal(0, 2)",
    "sd": "Exponential(1)",
    "sd[t]": "Exponential(5)",
    "cor": "LKJ(2)",
    "sigma": "Exponential(3)",
    "nu": "Gamma(2, 0.1)",
    "alpha": "Exponential(4)",
    "threshold": "Normal(0, 3)",
    "kappa": "Exponential(6)",
    "lam": "Exponential(7)",
    "psi": "Beta(2, 2)",
}


def posterior_of(spec, family="sigma", link="identity"):
    """A posterior with the variables, dimensions and labels that a fit of a spec has."""
    matrices = evaluate(spec, ROWS)
    coords, dims = {}, {}
    for name, term in matrices.common.terms.items() if matrices.common else ():
        # Thresholds take the place of an intercept.
        if term.kind != "offset" and (term.kind != "intercept" or spec.family not in ORDINAL):
            labels = column_labels(term, np.asarray(term.data).reshape(len(ROWS), -1))
            dims[name] = [] if labels is None else [common_dim(name)]
            coords |= {} if labels is None else {common_dim(name): labels}
    for name, term in matrices.group.terms.items() if matrices.group else ():
        own = Term.of_name(name, column_labels(term.expr, np.asarray(term.expr.data).reshape(len(ROWS), -1)))
        dims[own.sd_name] = list(own.level_coords)
        coords |= own.level_coords
    dims |= {name: [] for name in family.split()}
    variables = {
        name: (("chain", "draw", *of), np.zeros((1, 1, *(len(coords[dim]) for dim in of)))) for name, of in dims.items()
    }
    return xr.Dataset(variables, coords, attrs={"family_parameters": family, "link": link})


# Each formula, of other families than the Gaussian with family, link and parameters besides the mean, and under it the
# lines of each level under its number, name and letter.
CASES = dict(
    part.split("\n", 1) for part in Path(__file__).with_name("equations.txt").read_text(encoding="utf-8").split("\n\n")
)


def family_of(case):
    """Formula, family, link and parameters of a case."""
    formula, _, of = case.partition(" -- ")
    family, link, *parameters = of.split(", ") if of else ("gaussian", "identity", "sigma")
    return formula, family, link, parameters


@pytest.fixture
def lines(make_spec):
    """Equations of a formula as lines, with a line ``level name letter`` before those of each level."""

    def make(formula, family="gaussian", parameters="sigma", link="identity", levels=None):
        spec = make_spec(formula, "", priors=PRIORS, family=family)
        posterior = posterior_of(spec, parameters, link)
        posterior.attrs |= {"levels": json.dumps(levels)} if levels else {}
        made = equations.of_model(spec, posterior, ROWS)
        text = []
        for level in made.levels:
            text += [f"{level.number} {level.name} {level.letter}", *level.lines]
        return [*text, "priors", *made.priors]

    return make


@pytest.mark.parametrize(("case", "expected"), CASES.items())
def test_each_formula_is_printed_as_a_paper_does(lines, case, expected):
    formula, family, link, parameters = family_of(case)
    assert lines(formula, family, " ".join(parameters), link) == expected.strip().splitlines()


def test_every_family_is_in_the_table():
    assert {family_of(case)[1] for case in CASES} == {*FAMILIES}


def test_levels_of_an_outcome_are_named(lines):
    success = [r"\text{Pr}(\text{g}_{ij} = \text{b}) = p_{ij}", r"\text{logit}(p_{ij}) = \alpha_j"]
    for outcome in ("g", "g[b]", "g['b']"):
        assert lines(f"{outcome} ~ 1 + (1 | id)", "bernoulli", "", "logit", ["a", "b"])[1:3] == success
    ordinal = lines("c ~ 0 + t + (1 | id)", "cumulative", "threshold", "logit", ["u", "v", "w"])[1]
    assert ordinal == (
        r"\text{logit}(\text{Pr}(\text{c}_{ij} \le c)) = \theta_{c} - \eta_{ij} \quad \text{for c = u, v}"
    )


def test_automatic_priors_are_said_to_be_so(make_spec):
    priors = {
        "Intercept": "Normal(1.5, 2.5)",
        "b[c]": "Normal(0, [1, 2])",
        "sd": "Exponential(1)",
        "sigma": "Exponential(2)",
    }
    spec = make_spec("y ~ c + (1 | id)", "", priors=priors)
    made = equations.of_model(spec, posterior_of(spec), ROWS, automatic=("Intercept", "b[c]"))
    automatic = r" \quad \text{(automatic)}"
    assert made.priors == [
        rf"\gamma_{{0}} \sim \text{{Normal(1.5, 2.5)}}{automatic} \quad \text{{(at the means of the predictors)}}",
        rf"\gamma_{{1[\text{{c}}]}} \sim \text{{Normal(0, [1, 2])}}{automatic} \quad \text{{for c = v, w; 0 for u}}",
        r"\tau_{0} \sim \text{Exponential(1)}",
        r"\sigma \sim \text{Exponential(2)}",
    ]
    sizes = {"Intercept": "Normal(5060000000, 9.9e8)", "sd": "Exponential(2.5e-9)", "sigma": "Exponential(0.001)"}
    intercepts = make_spec("y ~ 1 + (1 | id)", "", priors=sizes)
    made = equations.of_model(intercepts, posterior_of(intercepts), ROWS)
    assert made.priors == [
        r"\gamma_{0} \sim \text{Normal(5.06×10⁹, 9.9×10⁸)}",
        r"\tau_{0} \sim \text{Exponential(2.5×10⁻⁹)}",
        r"\sigma \sim \text{Exponential(0.001)}",
    ]
    many = equations.of_model(
        make_spec("y ~ 0 + id", "", priors={"b": f"Normal(0, {list(range(1, 13))})", "sigma": "Exponential(1)"}),
        posterior_of(make_spec("y ~ 0 + id")),
        ROWS,
    )
    assert r"\text{Normal(0, [1, 2, 3, ..., 12])}" in many.priors[0]


def test_the_page_calls_levels_by_the_nouns_and_labels(make_spec):
    spec = make_spec("y ~ 1 + (1 | id) + (1 | school / class)", "", priors=PRIORS)
    tree = xr.DataTree.from_dict({"posterior": posterior_of(spec), "constant_data": xr.Dataset.from_dataframe(ROWS)})
    nouns = Nouns(unit=("child", "children"), measurement=("test", "tests"))
    page = equations.formulas(spec, tree, nouns, {"school": "School", "y": "Score"})
    titles = [
        "Level 1: test i of child j",
        "Level 2: child j",
        "Level 3: School:class k",
        "Level 4: School l",
        "Priors",
    ]
    assert [title for title in titles if f"<h4>{title}</h4>" in page] == titles
    assert page.count("<h4>") == len(titles)
