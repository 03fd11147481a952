import pytest
from bambi.defaults import get_builtin_family
from bambi.defaults.families import BUILTIN_FAMILIES
from partialpool.model.grammar import FUNCTIONS
from partialpool.study.families import FAMILIES, NOT_HERE

from study.editing import load, mistakes

FORMULA = "models/m71.1/formula"
PRIOR = "models/m71.1/priors/b"


def test_priors_are_kept_in_one_spelling():
    assert load({PRIOR: "Normal( sigma=1.50, mu=0 )"}).models["m71.1"].priors["b"] == "Normal(0, 1.5)"


def test_families_are_those_of_bambi():
    assert {*FAMILIES, *NOT_HERE} == set(BUILTIN_FAMILIES)


@pytest.mark.parametrize("family", NOT_HERE)
def test_outcomes_of_several_columns_are_refused(family):
    assert mistakes({"models/m71.1/family": family}) == [
        f"models.m71.1.family: the family '{family}' has an outcome of several columns, which no model here can have."
    ]


@pytest.mark.parametrize("name", FAMILIES)
def test_links_and_parameters_of_a_family_are_those_of_bambi(name):
    family = get_builtin_family(name)
    mean = FAMILIES[name].mean
    assert mean == family.likelihood.parent
    assert set(FAMILIES[name].links) == set(family.SUPPORTED_LINKS[mean])
    assert {*FAMILIES[name].parameters, mean} == set(family.likelihood.params)


@pytest.mark.parametrize(("link", "hint"), [("lg", " Did you mean 'log'?"), ("logit", " Did you mean 'log'?")])
def test_a_link_that_a_family_has_not_is_refused_before_anything_runs(link, hint):
    assert mistakes({"models/m71.1/link": link}) == [
        f"models.m71.1: the family 'gaussian' has no link '{link}'.{hint} Valid: identity, log, inverse."
    ]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (
            "sd[week",
            "no parameters of class 'sd[week'. Did you mean 'sd[x]'? Valid: Intercept, b,",
        ),
        ("b[weak]", "'b[weak]' names 'weak', which is not in the formula. Did you mean 'week'?"),
        ("nu", "no parameters of class 'nu'."),
        ("Intercept[1]", "no parameters of class 'Intercept[1]'. Did you mean 'Intercept'?"),
    ],
)
def test_a_prior_of_no_parameter_is_refused_before_anything_runs(key, words):
    (line,) = mistakes({f"models/m71.5/priors/{key}": "Exponential(1)"})
    assert line.startswith("models.m71.5: 'priors': ")
    assert words in line


def test_a_class_of_priors_as_brms_calls_it():
    changes = {"models/m71.2/family": "beta", "models/m71.2/priors": {"phi": "Exponential(1)"}}
    (line,) = [line for line in mistakes(changes) if "'phi'" in line]
    assert "no parameters of class 'phi'. Write 'kappa'. Valid: " in line


def test_a_model_without_bars_has_no_scales_of_groups():
    (line,) = mistakes({"models/m71.1/priors/sd": "Exponential(1)"})
    assert line.endswith("no parameters of class 'sd'. Valid: Intercept, b, sigma, b[x].")


def test_priors_of_terms_and_levels_are_taken():
    keys = ("b[np.log(week)]", "b[week:group[B]]", "sd[C(group)]", "sd[Intercept]")
    formula = "con ~ np.log(week) + week:group + (1 + C(group) | id)"
    priors = dict.fromkeys(keys, "HalfNormal(1)")
    assert set(load({"models/m71.5/formula": formula, "models/m71.5/priors": priors}).models["m71.5"].priors) == {*keys}


def test_priors_of_columns_with_any_characters_are_taken():
    keys = ("b[rain (mm)]", "b[rain (mm):week]", "b[np.log(days at sea)]", "sd[rain (mm)]")
    formula = "con ~ `rain (mm)` * week + np.log(`days at sea`) + (1 + `rain (mm)` | id)"
    priors = dict.fromkeys(keys, "HalfNormal(1)")
    assert set(load({"models/m71.5/formula": formula, "models/m71.5/priors": priors}).models["m71.5"].priors) == {*keys}


@pytest.mark.parametrize(
    ("family", "hint"),
    [
        ("student", " Write 't'."),
        ("negbinomial", " Write 'negativebinomial'."),
        ("ordinal", " Write 'cumulative'."),
        ("gausian", " Did you mean 'gaussian'?"),
        ("xyz", ""),
    ],
)
def test_a_family_that_is_not_known_is_refused_before_anything_runs(family, hint):
    (line,) = mistakes({"models/m71.1/family": family})
    assert line.startswith(f"models.m71.1.family: there is no family '{family}'.{hint} Valid: gaussian, t, bernoulli,")


def test_formulas_are_kept_with_single_spaces():
    assert load({FORMULA: "con  ~ 1 + week\n  + (1 | id) "}).models["m71.1"].formula == "con ~ 1 + week + (1 | id)"


@pytest.mark.parametrize(
    ("formula", "function"),
    [
        ('con ~ pd.io.common.os.system("touch x") + (1 | id)', "pd.io.common.os.system"),
        ('con ~ np.save("x", con)', "np.save"),
        ('con ~ pd.read_pickle("https://example.org/x")', "pd.read_pickle"),
        ('np.lib.npyio.os.remove("x") ~ 1', "np.lib.npyio.os.remove"),
    ],
)
def test_a_formula_calls_listed_functions_only(formula, function):
    (line,) = mistakes({FORMULA: formula})
    start = f"models.m71.1.formula: '{formula}' calls '{function}', which a formula may not."
    assert line.startswith(start)
    assert line.endswith(f" Valid functions: {', '.join(FUNCTIONS)}.")


@pytest.mark.parametrize(
    ("formula", "line"),
    [
        ("con", "'con' is no formula; write outcome ~ terms, as in y ~ 1 + (1 | unit)."),
        ("con ~ ", "'con ~ ' is no formula; write outcome ~ terms, as in y ~ 1 + (1 | unit)."),
        ("~ 1 + id", "'~ 1 + id' is no formula; write outcome ~ terms, as in y ~ 1 + (1 | unit)."),
        (
            "con ~ week id",
            "'con ~ week id' cannot be read at character 12, 'id': an operator (+, :, *) is expected here.",
        ),
        (
            "con ~ (week || id)",
            "'con ~ (week || id)': '||' is not understood. Write independent effects as separate terms: (1 | unit) + "
            "(0 + x | unit).",
        ),
    ],
)
def test_a_formula_that_cannot_be_read_is_told(formula, line):
    assert mistakes({FORMULA: formula}) == [f"models.m71.1.formula: {line}"]


@pytest.mark.parametrize(
    ("prior", "words"),
    [
        ("Norml(0, 1)", ["b: 'Norml(0, 1)': there is no distribution 'Norml'. Did you mean 'Normal'? Valid: Normal,"]),
        ("Normal(0)", ["lacks sigma; write Normal(mu, sigma)"]),
        ('os.system("touch x")', ["is no prior; write a distribution with numbers"]),
        ('Normal(0, print("x"))', ["only numbers may stand inside the parentheses"]),
        ("Normal(0, [1][0])", ["only numbers may stand inside the parentheses"]),
    ],
)
def test_a_prior_that_cannot_be_read_is_told_and_runs_nothing(prior, words):
    (line,) = mistakes({PRIOR: prior})
    assert line.startswith("models.m71.1.priors: ")
    for word in words:
        assert word in line


def test_a_scale_is_not_negative():
    (line,) = mistakes({"models/m71.2/priors/sd": "Normal(0, 1)"})
    assert line.startswith("models.m71.2.priors: sd: a scale cannot be negative, and Normal(0, 1) allows it. Valid: ")


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("models/m71.1/draws", "many", ["a whole number belongs here, not 'many'"]),
        ("models/m71.1/draws", 1.5, ["a whole number belongs here, not 1.5"]),
        ("models/m71.1/draws", 3, ["4", "3"]),
        ("models/m71.1/priors", "Normal(0, 1)", ["keys with values"]),
        ("models/m71.1/priors/b", 1, ["text belongs here, not 1. Put it in quotes: '1'."]),
        ("sampling/chains", 1, ["greater than or equal to 2", "1"]),
        ("sampling/chains", 10**9, ["less than or equal to 100"]),
        ("sampling/draws", 10**9, ["less than or equal to 1000000"]),
        ("sampling/seed", 2**70, ["less than 4294967296"]),
        ("models/m71.1/seed", -1, ["greater than or equal to 0"]),
        ("sampling/target_accept", 1, ["less than 1", "1"]),
        ("sampling/sampler", "stan", ["'nutpie' or 'pymc'", "stan"]),
        ("sampling/engine", "stan", ["'auto', 'marginal' or 'nuts'", "stan"]),
        ("models/m71.1/group_effects", "all", ["'auto', 'draws' or 'summary'", "all"]),
        ("checks", {"rhat": 0.9}, ["greater than 1"]),
        ("checks", {"acceptance": 1}, ["less than 1"]),
    ],
)
def test_types_and_ranges(path, value, words):
    (line,) = mistakes({path: value})
    place = path.replace("/", ".") + (f".{next(iter(value))}" if path == "checks" else "")
    assert line.startswith(f"{place}: ")
    for word in words:
        assert word in line.removeprefix(f"{place}: ")
