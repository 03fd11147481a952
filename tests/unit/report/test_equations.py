import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.report import equations

ROWS = pd.DataFrame(
    {"id": ["1", "1", "2", "2"], "x": [0.0, 1.0, 0.0, 2.0], "g": ["a", "a", "b", "b"], "y": [1.0, 2.0, 3.0, 4.0]}
)


def posterior(*scalars, link="identity", family="sigma", **levels):
    variables = {name: (("chain", "draw"), np.zeros((1, 2))) for name in (*scalars, *family.split())}
    coords = {}
    for name, values in levels.items():
        dim = name.partition("|")[2] + "__factor_dim" if "|" in name else f"{name}_dim"
        variables[name] = (("chain", "draw", dim), np.zeros((1, 2, len(values))))
        coords[dim] = values
    return xr.Dataset(variables, coords, attrs={"family_parameters": family, "link": link})


@pytest.fixture
def spec(make_spec):
    """A spec with these priors and no others."""

    def make(formula, family="gaussian", **priors):
        return make_spec(formula, "", priors=priors, family=family)

    return make


def test_no_pooling(spec):
    made = equations.of_model(
        spec("y ~ 0 + id", b="Normal(0, 1.5)", sigma="Exponential(1)"), posterior(id=["1", "2"]), ROWS
    )
    assert made.level1 == [r"\text{y}_{ij} \sim \text{Normal}(\mu_{ij}, \sigma)", r"\mu_{ij} = \alpha_j"]
    assert made.level2 == []
    assert made.priors == [
        r"\alpha_j \sim \text{Normal(0, 1.5)} \quad \text{for j = 1, ..., 2}",
        r"\sigma \sim \text{Exponential(1)}",
    ]


def test_a_covariate_of_the_unit_is_at_level_2(spec):
    made = equations.of_model(
        spec("y ~ 0 + x + g + (1 | id)", b="Normal(0, 1)", sd="Exponential(2)", sigma="Exponential(1)"),
        posterior("x", "1|id_sigma", g=["a", "b"], **{"1|id": ["1", "2"]}),
        ROWS,
    )
    assert made.level1[1] == r"\mu_{ij} = \alpha_j + \beta_{1j} \, \text{x}_{ij}"
    assert made.level2 == [
        r"\alpha_j = \gamma_{2[\text{g}_j]} + U_{0j}",
        r"\beta_{1j} = \gamma_{1}",
        r"U_{0j} \sim \text{Normal}(0, \tau_0)",
    ]
    assert r"\tau_0 \sim \text{Exponential(2)}" in made.priors


def test_correlated_and_independent_effects(spec):
    effects = {"1|id": ["1", "2"], "x|id": ["1", "2"]}
    priors = {"Intercept": "Normal(0, 1)", "b": "Normal(0, 1)", "b[x]": "Normal(0, 3)", "sd": "Exponential(1)"}
    independent = equations.of_model(
        spec("y ~ x + (1 | id) + (0 + x | id)", sigma="Exponential(1)", **priors),
        posterior("Intercept", "x", "1|id_sigma", "x|id_sigma", **effects),
        ROWS,
    )
    assert independent.level2[1:] == [
        r"\beta_{1j} = \gamma_{1} + U_{1j}",
        r"U_{0j} \sim \text{Normal}(0, \tau_0)",
        r"U_{1j} \sim \text{Normal}(0, \tau_1)",
    ]
    assert r"\gamma_{1} \sim \text{Normal(0, 3)}" in independent.priors
    assert independent.priors[0].endswith(r"\text{(at the means of the predictors)}")
    correlated = equations.of_model(
        spec("y ~ x + (x | id)", sigma="Exponential(1)", cor="LKJ(2)", **priors),
        posterior("Intercept", "x", "1|id_sigma", "x|id_sigma", cor_id=["Intercept,x"], **effects),
        ROWS,
    )
    assert correlated.level2[-1].startswith(r"(U_{0j}, U_{1j}) \sim \text{MultivariateNormal}(\mathbf{0}")
    assert r"\mathbf{R} \sim \text{LKJ(2)}" in correlated.priors


def test_each_bar_has_correlations_of_its_own(spec):
    effects = {f"{name}|id": ["1", "2"] for name in ("1", "x", "z", "w")}
    made = equations.of_model(
        spec("y ~ 1 + (1 + x | id) + (0 + z + w | id)", Intercept="Normal(0, 1)", sd="Exponential(1)", cor="LKJ(2)"),
        posterior(
            *("Intercept", "1|id_sigma", "x|id_sigma", "z|id_sigma", "w|id_sigma"),
            family="",
            cor_id=["Intercept,x"],
            cor_id_=["z,w"],
            **effects,
        ),
        ROWS.assign(z=0.0, w=0.0),
    )
    first, second = made.level2[-2:]
    assert first.startswith(
        r"(U_{0j}, U_{1j}) \sim \text{MultivariateNormal}(\mathbf{0}, \mathbf{S}_{1} \mathbf{R}_{1}"
    )
    assert second.startswith(r"(U_{2j}, U_{3j}) \sim")
    assert second.endswith(r"\mathbf{S}_{2} = \text{diag}(\tau_2, \tau_3)")
    assert made.priors[-2:] == [rf"\mathbf{{R}}_{{{k}}} \sim \text{{LKJ(2)}}" for k in (1, 2)]


def test_other_grouping_factors_have_deviations_of_their_own(spec):
    made = equations.of_model(
        spec("y ~ 1 + (1 | id) + (1 | g)", Intercept="Normal(0, 1)", sd="Exponential(1)"),
        posterior("Intercept", "1|id_sigma", "1|g_sigma", family="", **{"1|id": ["1", "2"], "1|g": ["a", "b"]}),
        ROWS,
    )
    assert made.level1[1] == r"\mu_{ij} = \alpha_j + V_{1, ij}"
    assert made.level2[-1] == r"V_{1} \sim \text{Normal}(0, \omega_1) \quad \text{for 1|g}"
    assert made.priors[-1] == r"\omega_1 \sim \text{Exponential(1)}"


def test_another_family_has_its_link_and_parameters(spec):
    made = equations.of_model(
        spec("y ~ 1 + (1 | id)", "poisson", Intercept="Normal(0, 1)", sd="Exponential(1)"),
        posterior("Intercept", "1|id_sigma", link="log", family="", **{"1|id": ["1", "2"]}),
        ROWS,
    )
    assert made.level1 == [r"\text{y}_{ij} \sim \text{poisson}(\mu_{ij})", r"\text{log}(\mu_{ij}) = \alpha_j"]


@pytest.mark.parametrize(
    "latex", [rf"{equations._text('a_b & {c} < d')}_{{ij}} \sim \text{{Normal}}(0, \tau_0)", r"\gamma_{2[\text{g}_j]}"]
)
def test_mathml_is_well_formed_and_has_relations(latex):
    import xml.etree.ElementTree as ElementTree

    made = equations.mathml(latex)
    tree = ElementTree.fromstring(made)
    assert tree.tag.endswith("math")
    assert tree.get("display") == "block"
    text = "".join(tree.itertext())
    assert "\\" not in text
    assert "a_b & (c) < d" in text.replace("\N{NO-BREAK SPACE}", " ") or "gamma" in latex
    assert ("\N{TILDE OPERATOR}" in text) == (r"\sim" in latex)


@pytest.mark.parametrize("words", ["%", "a\\", "$x$", r"\frac12", "<script>1</script>", '"&quot;', "a ~ b"])
def test_words_in_mathml_are_shown_as_they_are(words):
    import xml.etree.ElementTree as ElementTree

    tree = ElementTree.fromstring(equations.mathml(rf"{equations._text(words)}_{{ij}} \sim \mu"))
    assert "".join(tree.itertext()).replace("\N{NO-BREAK SPACE}", " ") == f"{words}ij\N{TILDE OPERATOR}μ"
    assert not [element for element in tree.iter() if element.tag.endswith("script")]
