import numpy as np
import pytest
import xarray as xr
from partialpool.report.meaning import of_model
from partialpool.study.data import Data

DATA = Data(
    source="a.csv",
    outcome="y",
    unit="id",
    nouns={"unit": ["herd", "herds"]},
    labels={"x": "Age", "g": "Breed <b>", "y": "Yield", "plate": "Plate"},
    units_of_measurement={"x": "years", "y": "kg", "d": "mg"},
)
ROWS = {
    "id": ["1", "1", "2", "2"],
    "x": [0.0, 1.0, 2.0, 3.0],
    "d": [1.0, 0.0, 3.0, 2.0],
    "z": [1.0, 0.0, 3.0, 2.0],
    "g": ["A", "B", "A", "C"],
    "plate": ["p", "q", "p", "q"],
    "y": [1.0, 2.0, 3.0, 4.0],
}


def tree(common=(), groups=(), link="identity", family="sigma"):
    """A fit with these variables: names of common ones, with their levels; terms ``x|id``."""
    variables, coords = {}, {}
    for name, *levels in common:
        dims = (f"{name}_dim",) if levels else ()
        coords |= {f"{name}_dim": levels} if levels else {}
        variables[name] = (("chain", "draw", *dims), np.zeros((1, 2, *([len(levels)] if levels else []))))
    for name in groups:
        factor = name.partition("|")[2]
        variables |= {f"{name}_sigma": (("chain", "draw"), np.zeros((1, 2)))}
        variables |= {name: (("chain", "draw", f"{factor}__factor_dim"), np.zeros((1, 2, 2)))}
        coords[f"{factor}__factor_dim"] = sorted(set(ROWS[factor]))
    if family:
        variables[family] = (("chain", "draw"), np.zeros((1, 2)))
    posterior = xr.Dataset(variables, coords, {"family_parameters": family, "link": link})
    rows = xr.Dataset({name: ("__obs__", values) for name, values in ROWS.items()})
    return xr.DataTree.from_dict({"posterior": posterior, "constant_data": rows})


def told(make_spec, formula, fit, **changes):
    """What each parameter is: words and unit, without links."""
    spec = make_spec(formula, "Intercept", **changes)
    meanings = of_model(DATA, spec, fit)
    return {
        name: (one.words.striptags(), " ".join(filter(None, (one.unit, one.scale.striptags()))))
        for name, one in meanings.items()
    }


def test_labels_levels_and_units_of_measurement(make_spec):
    fit = tree([("Intercept",), ("x",), ("g", "B", "C"), ("x:d",), ("z",)], ["1|id", "x|id"])
    assert told(make_spec, "y ~ 1 + x + g + x:d + z + (1 + x | id)", fit) == {
        "Intercept": ("Intercept", "kg"),
        "x": ("Age", "kg per year"),
        "g[B]": ("Breed <b> B against A", "kg"),
        "g[C]": ("Breed <b> C against A", "kg"),
        "x:d": ("Age × d", "kg per year and mg"),
        # In kg by one of z, whatever that is.
        "z": ("z", "kg"),
        "sd(Intercept)": ("sd of Intercept between herds", "kg"),
        "sd(x)": ("sd of the effect of Age between herds", "kg per year"),
        "sigma": ("residual sd", "kg"),
    }


@pytest.mark.parametrize(
    ("term", "levels", "words"),
    [
        ("C(g)", ["B", "C"], ["Breed <b> B against A", "Breed <b> C against A"]),
        (
            "S(g)",
            ["A", "B"],
            ["Breed <b> A against the mean of the levels", "Breed <b> B against the mean of the levels"],
        ),
        ("poly(x, 2)", ["0", "1"], ["Age, polynomial of degree 1", "Age, polynomial of degree 2"]),
        ("bs(x, df=4)", ["0", "3"], ["Age, spline 1", "Age, spline 4"]),
        ("bs(x, df=4):C(g)", ["0, A", "3, B"], ["Age, spline 1 × Breed <b> A", "Age, spline 4 × Breed <b> B"]),
        ("z:g", ["B", "C"], ["z × Breed <b> B against A", "z × Breed <b> C against A"]),
        ("S(g):x", ["A", "B"], [f"Breed <b> {level} against the mean of the levels × Age" for level in "AB"]),
        ("g:plate", ["B, q", "C, q"], ["Breed <b> B × Plate q", "Breed <b> C × Plate q"]),
        ("g:plate", ["B, or b, q"], ["Breed <b> × Plate B, or b, q"]),
    ],
)
def test_what_calls_make_of_a_column_is_called_by_its_label(make_spec, term, levels, words):
    fit = tree([("Intercept",), (term, *levels)])
    said = told(make_spec, f"y ~ 1 + {term}", fit)
    assert [said[f"{term}[{level}]"][0] for level in levels] == words


@pytest.mark.parametrize(
    ("term", "unit"),
    [
        ("I(x ** 2)", "kg per year²"),
        ("I(x ** 3)", "kg per year³"),
        ("center(x)", "kg per year"),
        ("I(x - 11)", "kg per year"),
        ("np.log(x)", "kg"),
        ("scale(x)", "kg"),
        # Of these it is not known: said is nothing, and not that they are kg.
        *(("I(x ** 4)", ""), ("np.sqrt(x)", ""), ("I(x * d)", ""), ("I(0.1 * x)", "")),
        # A column without a unit counts as a number.
        *(("I(z ** 2)", "kg"), ("x:z", "kg per year"), ("x:I(d ** 2)", "kg per year and mg²")),
    ],
)
def test_an_expression_of_columns_has_its_own_unit(make_spec, term, unit):
    fit = tree([("Intercept",), (term,)], ["1|id"])
    assert told(make_spec, f"y ~ 1 + {term} + (1 | id)", fit)[term][1] == unit


def test_sigma_is_a_standard_deviation_in_gaussian_models_only(make_spec):
    fit = tree([("Intercept",)], ["1|id"])
    assert told(make_spec, "y ~ 1 + (1 | id)", fit, family="t")["sigma"] == ("residual scale", "kg")


@pytest.mark.parametrize(
    ("family", "parameter", "words"),
    [
        ("negativebinomial", "alpha", "variance = mean + mean² / alpha"),
        ("gamma", "alpha", "sd = mean / √alpha"),
        ("beta", "kappa", "variance = mean (1 − mean) / (1 + kappa)"),
        ("t", "nu", "degrees of freedom: the fewer, the longer the tails"),
        ("poisson", "alpha", None),
    ],
)
def test_the_parameter_of_how_much_measurements_vary_says_how(make_spec, family, parameter, words):
    fit = tree([("Intercept",)], ["1|id"], link="log", family=parameter)
    assert told(make_spec, "y ~ 1 + (1 | id)", fit, family=family).get(parameter, (None,))[0] == words


@pytest.mark.parametrize(
    ("family", "words"),
    [
        ("zero_inflated_poisson", "probability of no excess zero"),
        ("hurdle_poisson", "probability of a value over 0"),
    ],
)
def test_psi_is_the_probability_of_what_is_no_excess_zero(make_spec, family, words):
    fit = tree([("Intercept",)], ["1|id"], link="log", family="psi")
    assert told(make_spec, "y ~ 1 + (1 | id)", fit, family=family)["psi"] == (words, "")


def test_other_grouping_factors_by_their_labels(make_spec):
    fit = tree([("Intercept",)], ["1|id", "1|plate"])
    meanings = told(make_spec, "y ~ 1 + (1 | id) + (1 | plate)", fit)
    assert meanings["sd(plate:Intercept)"][0] == "sd of Intercept between levels of Plate"


@pytest.mark.parametrize(
    ("formula", "changes", "link", "intercept", "slope"),
    [
        ("np.log(y) ~ 1 + x", {}, "identity", "on the scale of np.log(y)", "per year on the scale of np.log(y)"),
        ("y ~ 1 + x", {"family": "bernoulli"}, "logit", "on the logit scale", "per year on the logit scale"),
        ("y ~ 1 + x", {"family": "poisson"}, "log", "on the log scale", "per year on the log scale"),
    ],
)
def test_the_unit_of_the_outcome_is_of_the_outcome_itself_only(make_spec, formula, changes, link, intercept, slope):
    meanings = told(make_spec, formula, tree([("Intercept",), ("x",)], link=link, family=""), **changes)
    assert meanings == {"Intercept": ("Intercept", intercept), "x": ("Age", slope)}


def test_words_of_the_study_are_escaped(make_spec):
    meanings = of_model(DATA, make_spec("y ~ 0 + g", "Intercept"), tree([("g", "A", "B", "C")]))
    assert str(meanings["g[A]"].words) == "Breed &lt;b&gt; A"


def test_an_outcome_in_backquotes_has_its_unit(make_spec):
    fit = tree([("Intercept",), ("x",)], [])
    assert told(make_spec, "`y` ~ 1 + x", fit)["x"] == ("Age", "kg per year")


def test_the_level_of_a_coefficient_on_a_level_of_the_outcome_is_its_own(make_spec):
    fit = tree([("Intercept",), ("g", "B", "C")])
    posterior = fit["posterior"].to_dataset()
    posterior["g"] = posterior["g"].expand_dims({"y_reduced_dim": ["middle", "high"]}, 2)
    fit["posterior"] = xr.DataTree(posterior)
    meanings = told(make_spec, "y ~ 1 + g", fit, family="categorical")
    assert meanings["g[middle,C]"][0] == "Breed <b> C against A, middle"
    assert meanings["g[high,B]"][0] == "Breed <b> B against A, high"
    fit["posterior"].attrs["levels"] = '["low", "middle", "high"]'
    meanings = told(make_spec, "y ~ 1 + g", fit, family="categorical")
    assert meanings["g[middle,C]"][0] == "Breed <b> C against A, middle against low"


def test_thresholds_lie_between_levels(make_spec):
    fit = tree([("x",), ("threshold", 0, 1)], family="")
    fit["posterior"].attrs["family_parameters"] = "threshold"
    assert "threshold[1]" not in told(make_spec, "y ~ 0 + x", fit, family="cumulative")
    fit["posterior"].attrs["levels"] = '["low", "<middle>", "high"]'
    said = told(make_spec, "y ~ 0 + x", fit, family="cumulative")
    assert [said[f"threshold[{place}]"][0] for place in (1, 2)] == [
        "between low and <middle>",
        "between <middle> and high",
    ]


@pytest.mark.parametrize(
    ("formula", "changes", "scale"),
    [
        ("y ~ 1 + (1 | id)", {}, "kg"),
        ("log(y) ~ 1 + (1 | id)", {}, "on the scale of log(y)"),
        ("`y` ~ 1 + (1 | id)", {}, "kg"),
        ("p(y, d) ~ 1 + (1 | id)", {"family": "binomial", "link": "identity"}, ""),
    ],
)
def test_a_function_of_the_outcome_is_told_and_has_no_unit(make_spec, formula, changes, scale):
    fit = tree([("Intercept",)], ["1|id"])
    said = told(make_spec, formula, fit, **changes)
    assert {unit for _, unit in said.values()} == {scale}
