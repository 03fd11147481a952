import inspect

import numpy as np
import pytest
from partialpool.errors import StudyError
from partialpool.model.priors import DISTRIBUTIONS, POSITIVE, parse, parse_priors
from scipy import stats

# Numbers that are possible for every distribution, none of them twice.
NUMBERS = {"lower": 0.1, "upper": 2.3, "mu": -0.3, "sigma": 1.7, "alpha": 2.5, "beta": 0.7, "nu": 3.0, "lam": 4.0}
NUMBERS |= {"b": 0.9, "s": 0.6, "eta": 1.5}


def arguments(name):
    return [argument.lstrip("+") for argument in DISTRIBUTIONS[name]]


def positional(name):
    return f"{name}({', '.join(str(NUMBERS[argument]) for argument in arguments(name))})"


@pytest.mark.parametrize("name", [name for name in DISTRIBUTIONS if name != "LKJ"])
def test_arguments_are_in_the_order_of_pymc(name):
    import pymc as pm

    signature = list(inspect.signature(getattr(pm, name).dist).parameters)
    assert signature[: len(arguments(name))] == arguments(name)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_positional_named_and_mixed_numbers_are_the_same_prior(name):
    names = arguments(name)
    keywords = [f"{argument}={NUMBERS[argument]}" for argument in names]
    prior = parse(positional(name))
    assert prior.name == name
    assert dict(prior.args) == {argument: NUMBERS[argument] for argument in names}
    assert parse(f" {name}( {', '.join(reversed(keywords))} ) ") == prior
    assert parse(f"{name}({', '.join([str(NUMBERS[names[0]]), *keywords[1:]])})") == prior
    assert parse(str(prior)) == prior


@pytest.mark.parametrize("number", [0.1, 1e-8, 123456.789, 5e-324, 1.7976931348623157e308, 1e16, 0.1 + 0.2, 3.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_text_holds_every_digit(number, sign):
    prior = parse(f"Normal({sign * number!r}, {number!r})")
    assert dict(prior.args) == {"mu": sign * number, "sigma": number}
    assert parse(str(prior)) == prior


def test_text_is_as_a_unit_writes_it():
    assert str(parse("Normal(sigma=1.50, mu=0.0)")) == "Normal(0, 1.5)"


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch evaluated')",
        "Normal(__import__('os').getpid(), 1)",
        "Normal(0, sigma)",
        "Normal(0, 1 + 1)",
        "Normal(0, (1).real)",
        "Normal(0, --1)",
        "Normal(0, [1])",
        "Normal(0, '1')",
        "Normal(0, True)",
        "Normal(0, None)",
        "Normal(0, 1j)",
        "Normal(0, inf)",
        "Normal(0, nan)",
        "Normal(0, 1e999)",
        f"Normal(0, 1{'0' * 400})",
    ],
)
def test_nothing_is_evaluated(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError, match=r"is no prior|only numbers may stand"):
        parse(text)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Normal",
        "1",
        "pm.Normal(0, 1)",
        "Normal(0, 1",
        "Normal(0, 1); x",
        "x := 1",
        "\0",
        f"Normal({'-' * 200_000}1, 1)",
    ],
)
def test_what_is_no_call_is_refused_with_an_example(text):
    with pytest.raises(StudyError, match=r"is no prior; write a distribution with numbers, as in Normal\(0, 1\.5\)"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Normal(0, 1, 2)", "too many numbers"),
        ("Normal(0)", "lacks sigma"),
        ("Normal()", "lacks mu, sigma"),
        ("Normal(*[0, 1])", "lacks sigma"),
        ("Normal(0, mu=1)", "'mu' is unknown or given twice"),
        ("Normal(0, sd=1)", "'sd' is unknown or given twice"),
        ("Normal(0, **{'sigma': 1})", "'None' is unknown"),
    ],
)
def test_wrong_arguments_are_refused_with_the_signature(text, message):
    with pytest.raises(StudyError) as error:
        parse(text)
    assert message in str(error.value)
    assert "write Normal(mu, sigma)" in str(error.value)


def test_unknown_distribution_is_refused_with_a_suggestion_and_the_choices():
    with pytest.raises(StudyError) as error:
        parse("Norml(0, 1)")
    assert "Did you mean 'Normal'?" in str(error.value)
    assert str(error.value).endswith(f"Valid: {', '.join(DISTRIBUTIONS)}.")


@pytest.mark.parametrize(
    ("name", "argument"),
    [(name, argument[1:]) for name in DISTRIBUTIONS for argument in DISTRIBUTIONS[name] if argument.startswith("+")],
)
@pytest.mark.parametrize("number", ["0", "-0.0", "-1"])
def test_scales_rates_and_shapes_are_positive(name, argument, number):
    numbers = {other: NUMBERS[other] for other in arguments(name)} | {argument: number}
    with pytest.raises(StudyError, match=f": {argument} must be positive"):
        parse(f"{name}({', '.join(f'{key}={value}' for key, value in numbers.items())})")


@pytest.mark.parametrize("bounds", ["1, 1", "2, 1"])
def test_uniform_needs_two_bounds_in_order(bounds):
    with pytest.raises(StudyError, match="lower must be smaller than upper"):
        parse(f"Uniform({bounds})")


REFERENCE = {
    "Normal(-0.3, 1.7)": stats.norm(-0.3, 1.7),
    "StudentT(3, -0.3, 1.7)": stats.t(3, -0.3, 1.7),
    "Cauchy(2.5, 0.7)": stats.cauchy(2.5, 0.7),
    "Laplace(-0.3, 0.9)": stats.laplace(-0.3, 0.9),
    "Logistic(-0.3, 0.6)": stats.logistic(-0.3, 0.6),
    "Uniform(0.1, 2.3)": stats.uniform(0.1, 2.2),
    "Exponential(4)": stats.expon(scale=1 / 4),
    "HalfNormal(1.7)": stats.halfnorm(scale=1.7),
    "HalfCauchy(0.7)": stats.halfcauchy(scale=0.7),
    "Gamma(2.5, 0.7)": stats.gamma(2.5, scale=1 / 0.7),
    "InverseGamma(2.5, 0.7)": stats.invgamma(2.5, scale=0.7),
    "LogNormal(-0.3, 1.7)": stats.lognorm(1.7, scale=np.exp(-0.3)),
    "Weibull(2.5, 0.7)": stats.weibull_min(2.5, scale=0.7),
    "Beta(2.5, 0.7)": stats.beta(2.5, 0.7),
}


@pytest.mark.parametrize("text", REFERENCE)
def test_bambi_has_the_density_that_is_written(text):
    import pymc as pm

    prior = parse(text).to_bambi()
    assert not prior.auto_scale
    distribution = getattr(pm, prior.name).dist(**prior.args)
    points = np.array([0.2, 0.5, 0.95])
    # PyMC has the log 2 of HalfCauchy in single precision.
    single = float(np.spacing(np.float32(np.log(2)))) if prior.name == "HalfCauchy" else 0
    ours = pm.logp(distribution, points).eval(mode="FAST_COMPILE")
    np.testing.assert_allclose(ours, REFERENCE[text].logpdf(points), rtol=1e-12, atol=single)


# Where a stretched variable stays; zero for those that are not here.
FIXED_POINTS = {"Normal": "mu", "StudentT": "mu", "Cauchy": "alpha", "Laplace": "mu", "Logistic": "mu"}
FIXED_POINTS |= {"Uniform": "lower"}


@pytest.mark.parametrize("by", [0.5, 2.0])
@pytest.mark.parametrize("name", [name for name in DISTRIBUTIONS if name not in ("Beta", "LKJ")])
def test_a_stretched_prior_has_the_density_of_the_stretched_variable(name, by):
    """With y = c + (x - c) by, the density of y is that of x divided by ``by`` (change of variables)."""
    import pymc as pm

    def log_density(distribution, points):
        return pm.logp(getattr(pm, distribution.name).dist(**dict(distribution.args)), points).eval(mode="FAST_COMPILE")

    prior = parse(positional(name))
    centre = NUMBERS[FIXED_POINTS[name]] if name in FIXED_POINTS else 0.0
    points = np.array([0.2, 0.5, 0.95, 1.8])
    stretched = log_density(prior.scaled(by), centre + (points - centre) * by)
    # PyMC takes the logarithm of the rate of an Exponential in single precision.
    atol = 1e-8 if name == "Exponential" else 1e-12
    np.testing.assert_allclose(stretched, log_density(prior, points) - np.log(by), rtol=1e-12, atol=atol)
    assert np.isfinite(stretched).all()
    assert parse(str(prior.scaled(by))) == prior.scaled(by)


def test_priors_between_fixed_limits_are_not_stretched():
    for text in ("LKJ(2)", "Beta(2.5, 0.7)"):
        assert parse(text).scaled(2.0) == parse(text)


def test_every_class_keeps_its_prior():
    written = {"Intercept": "Normal(0, 1)", "b[x]": "Cauchy(0, 2)", "sd": "Exponential(1)", "cor": "LKJ(2)"}
    assert {key: str(prior) for key, prior in parse_priors(written).items()} == written


@pytest.mark.parametrize("klass", ["sd", "sd[x]", "sigma", "nu", "alpha", "kappa", "phi", "lam"])
def test_a_scale_takes_no_prior_that_allows_negative_values(klass):
    for name in DISTRIBUTIONS.keys() - {*POSITIVE, "Uniform", "Beta", "LKJ"}:
        with pytest.raises(StudyError) as error:
            parse_priors({klass: positional(name)})
        assert str(error.value).startswith(f"{klass}: a scale cannot be negative, and {positional(name)} allows it.")
        assert str(error.value).endswith(f"Valid: {', '.join(POSITIVE)}.")
    with pytest.raises(StudyError, match="cannot be negative"):
        parse_priors({klass: "Uniform(-0.1, 1)"})


@pytest.mark.parametrize("name", [*POSITIVE, "Uniform", "Beta"])
def test_a_scale_takes_priors_of_positive_values(name):
    assert parse_priors({"sd": positional(name)})["sd"] == parse(positional(name))


def test_distributions_said_to_be_positive_are_so():
    import pymc as pm

    for name in POSITIVE:
        distribution = getattr(pm, name).dist(**dict(parse(positional(name)).args))
        assert pm.logp(distribution, -0.5).eval(mode="FAST_COMPILE") == -np.inf, name


@pytest.mark.parametrize(("klass", "text"), [("sd", "LKJ(1)"), ("b", "LKJ(1)"), ("cor", "Normal(0, 1)")])
def test_lkj_is_for_correlations_only(klass, text):
    with pytest.raises(StudyError, match=f"^{klass}: LKJ"):
        parse_priors({klass: text})


def test_mistakes_in_a_prior_name_its_class():
    with pytest.raises(StudyError, match=r"^b\[x\]: 'Normal\(0\)' lacks sigma"):
        parse_priors({"Intercept": "Normal(0, 1)", "b[x]": "Normal(0)"})


def test_all_mistakes_of_the_priors_of_a_model_are_told_at_once():
    with pytest.raises(StudyError) as refused:
        parse_priors({"Intercept": "normal(0, 1)", "b": "Normal(0, 1)", "cor": "lkj(1)"})
    first, second = str(refused.value).splitlines()
    assert first.startswith("Intercept: 'normal(0, 1)': there is no distribution 'normal'. Did you mean 'Normal'?")
    assert second.startswith("    cor: 'lkj(1)': there is no distribution 'lkj'. Did you mean 'LKJ'?")


def test_a_list_has_a_number_for_each_coefficient_of_a_term():
    prior = parse("Normal(0, [1.5, 2])")
    assert str(prior) == "Normal(0, [1.5, 2])"
    assert parse(str(prior)) == prior
    assert [str(one) for one in prior.each(2)] == ["Normal(0, 1.5)", "Normal(0, 2)"]
    assert [str(one) for one in parse("Normal(0, 1)").each(2)] == ["Normal(0, 1)"] * 2
    assert str(prior.scaled(2.0)) == "Normal(0, [3, 4])"
    assert str(parse("Uniform(1, [2, 3])").scaled(2.0)) == "Uniform(1, [3, 5])"
    np.testing.assert_array_equal(prior.to_bambi(2).args["sigma"], [1.5, 2])
    for make in (prior.each, prior.to_bambi):
        with pytest.raises(StudyError, match=r"the prior Normal\(0, \[1.5, 2\]\) has 2 numbers in brackets for 3"):
            make(3)
    for text in ("Normal(0, [1, -1])", "Normal(0, [])", "Normal(0, [1, x])", "Uniform(0, [1, 0])"):
        with pytest.raises(StudyError):
            parse(text)
    with pytest.raises(StudyError, match="all correlations have one prior"):
        parse_priors({"cor": "LKJ([1, 2])"})
