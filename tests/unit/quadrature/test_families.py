"""Log densities beside those of SciPy, and beside Bambi's at draws of the prior of whole models."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.loo.by_quadrature import Conditional
from partialpool.model.build import build
from partialpool.model.formula import complete_cases
from partialpool.quadrature.families import FAMILIES, LOG_PROBABILITIES
from scipy import stats

DISTRIBUTIONS = {"logit": stats.logistic, "probit": stats.norm, "cloglog": stats.gumbel_l}
ETA = np.linspace(-4, 4, 9)


def log_density(family, y, link, eta=ETA, **parameters):
    known = FAMILIES[family]
    return known.kernel(y=y, eta=eta, link=link, **parameters) + known.constant(y=y, **parameters)


@pytest.mark.parametrize("link", LOG_PROBABILITIES)
def test_probabilities_are_those_of_scipy(link):
    known = DISTRIBUTIONS[link]
    np.testing.assert_allclose(log_density("bernoulli", 1.0, link, n=1.0), known.logcdf(ETA), rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(log_density("bernoulli", 0.0, link, n=1.0), known.logsf(ETA), rtol=1e-10, atol=1e-15)
    eta = ETA / 2
    np.testing.assert_allclose(
        log_density("binomial", 3.0, link, eta, n=7.0), stats.binom.logpmf(3, 7, known.cdf(eta)), rtol=1e-10
    )


@pytest.mark.parametrize("link", LOG_PROBABILITIES)
@pytest.mark.parametrize(("lower", "upper"), [(-np.inf, -1.0), (-1.0, -0.9), (0.5, 2.0), (2.0, np.inf)])
def test_levels_are_those_of_scipy(link, lower, upper):
    # From the nearer tail, which is what SciPy's distribution functions can say with all digits.
    known = DISTRIBUTIONS[link]
    difference = np.where(
        lower - ETA > 0,
        known.sf(lower - ETA) - known.sf(upper - ETA),
        known.cdf(upper - ETA) - known.cdf(lower - ETA),
    )
    ours = log_density("cumulative", np.zeros(1), link, lower=lower, upper=upper)
    np.testing.assert_allclose(ours, np.log(difference), rtol=1e-9)


def test_levels_far_in_a_tail_keep_their_digits():
    for lower, upper in ((30.0, 31.0), (-31.0, -30.0)):
        ours = log_density("cumulative", np.zeros(1), "probit", np.zeros(1), lower=lower, upper=upper)
        assert ours[0] == pytest.approx(stats.norm.logsf(30.0), abs=1e-8)


def test_counts_and_numbers_are_those_of_scipy():
    mean = np.exp(ETA)
    alpha, sigma, nu = 1.7, 0.6, 3.5
    expected = {
        "poisson": (stats.poisson.logpmf(3, mean), 3.0, "log", {}),
        "negativebinomial": (stats.nbinom.logpmf(3, alpha, alpha / (alpha + mean)), 3.0, "log", {"alpha": alpha}),
        "gamma": (stats.gamma.logpdf(0.4, alpha, scale=mean / alpha), 0.4, "log", {"alpha": alpha}),
        "t": (stats.t.logpdf(0.4, nu, ETA, sigma), 0.4, "identity", {"sigma": sigma, "nu": nu}),
        "gaussian": (stats.norm.logpdf(0.4, ETA, sigma), 0.4, "identity", {"sigma": sigma}),
    }
    for family, (values, y, link, parameters) in expected.items():
        np.testing.assert_allclose(log_density(family, y, link, **parameters), values, rtol=1e-10, err_msg=family)


@pytest.mark.parametrize("large", [1e10, 1e17, 1e61])
def test_large_parameters_give_the_poisson_and_the_normal_distribution(large):
    """A half-Cauchy prior allows an alpha of any size, and counts that vary less than Poisson counts ask for it."""
    for y in (0.0, 3.0, 25.0, 200.0):
        mean = np.exp(ETA)
        ours = log_density("negativebinomial", y, "log", alpha=large)
        np.testing.assert_allclose(ours, stats.poisson.logpmf(y, mean), rtol=1e-9, atol=1e-5)
        less, at_most = FAMILIES["negativebinomial"].below(y=y, eta=ETA, link="log", alpha=large)
        np.testing.assert_allclose(less, stats.poisson.cdf(y - 1, mean), atol=1e-9)
        np.testing.assert_allclose(at_most, stats.poisson.cdf(y, mean), atol=1e-9)
    ours = log_density("t", 0.4, "identity", sigma=0.6, nu=large)
    np.testing.assert_allclose(ours, stats.norm.logpdf(0.4, ETA, 0.6), rtol=1e-6)


@pytest.mark.parametrize("alpha", [1e5, 1e10, 1e15])
def test_a_gamma_distribution_with_a_large_shape_is_a_normal_one(alpha):
    """Of the outcome's logarithm, with the standard deviation 1 / sqrt(alpha)."""
    away, eta = np.array([-1.5, 0.0, 0.3, 2.0]), np.log(2.0)
    y = 2.0 * np.exp(away / np.sqrt(alpha))
    expected = stats.norm.logpdf(away) + np.log(alpha) / 2 - np.log(y)
    np.testing.assert_allclose(log_density("gamma", y, "log", eta, alpha=alpha), expected, atol=2 / np.sqrt(alpha))
    _, at_most = FAMILIES["gamma"].below(y=y, eta=eta, link="log", alpha=alpha)
    np.testing.assert_allclose(at_most, stats.norm.cdf(away), atol=2 / np.sqrt(alpha))


@pytest.mark.parametrize(
    ("family", "link", "y", "parameters"),
    [
        ("bernoulli", "logit", np.array([[0.0], [1.0]]), {"n": np.ones(1)}),
        ("binomial", "logit", np.array([[0.0], [3.0], [7.0]]), {"n": np.full(1, 7.0)}),
        ("poisson", "log", np.array([[0.0], [2.0], [40.0]]), {}),
        ("negativebinomial", "log", np.array([[0.0], [2.0], [40.0]]), {"alpha": np.full(1, 1.7)}),
        ("gamma", "log", np.array([[1e-3], [2.0], [40.0]]), {"alpha": np.full(1, 1.7)}),
    ],
)
def test_derivatives_are_those_of_scipys_distribution(family, link, y, parameters):
    """By differences of five points of a density that we did not write."""
    step, n, alpha = 1e-2, parameters.get("n"), parameters.get("alpha")

    def density(eta):
        if family in ("bernoulli", "binomial"):
            return stats.binom.logpmf(y, n, stats.logistic.cdf(eta))
        if family == "poisson":
            return stats.poisson.logpmf(y, np.exp(eta))
        if family == "gamma":
            return stats.gamma.logpdf(y, alpha, scale=np.exp(eta) / alpha)
        return stats.nbinom.logpmf(y, alpha, alpha / (alpha + np.exp(eta)))

    eta = np.linspace(-4, 4, 17)
    value, first, second = FAMILIES[family].derivatives(y=y, eta=eta, link=link, **parameters)
    two_below, below, here, above, two_above = (density(eta + k * step) for k in (-2, -1, 0, 1, 2))
    np.testing.assert_allclose(value + FAMILIES[family].constant(y=y, **parameters), here, rtol=1e-10, atol=1e-12)
    slope = (two_below - 8 * below + 8 * above - two_above) / (12 * step)
    np.testing.assert_allclose(first, slope, rtol=1e-6, atol=1e-6)
    bend = (-two_below + 16 * below - 30 * here + 16 * above - two_above) / (12 * step**2)
    np.testing.assert_allclose(np.broadcast_to(second, bend.shape), bend, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("link", ["probit", "cloglog"])
def test_derivatives_of_other_links_come_from_differences(link):
    y, n, eta = np.array([[0.0], [3.0]]), np.full(1, 4.0), np.linspace(-2, 1.5, 8)
    probability = {"probit": stats.norm.cdf, "cloglog": lambda eta: -np.expm1(-np.exp(eta))}[link]
    value, first, second = FAMILIES["binomial"].derivatives(y=y, eta=eta, link=link, n=n)
    below, here, above = (stats.binom.logpmf(y, n, probability(eta + move)) for move in (-1e-3, 0.0, 1e-3))
    np.testing.assert_allclose(value + FAMILIES["binomial"].constant(y=y, n=n), here, rtol=1e-10)
    np.testing.assert_allclose(first, (above - below) / 2e-3, atol=1e-6)
    np.testing.assert_allclose(second, (above - 2 * here + below) / 1e-6, atol=1e-6)


@np.errstate(over="ignore")
def test_far_from_what_is_measured_derivatives_are_numbers():
    eta = np.array([-800.0, -40.0, 40.0, 690.0])
    for family, link, smallest, parameters in (
        ("binomial", "logit", 0.0, {"n": np.full(1, 2.0)}),
        ("poisson", "log", 0.0, {}),
        ("negativebinomial", "log", 0.0, {"alpha": np.full(1, 0.5)}),
        ("gamma", "log", 1e-300, {"alpha": np.full(1, 0.5)}),
    ):
        y = np.array([[smallest], [2.0]])
        for values in FAMILIES[family].derivatives(y=y, eta=eta, link=link, **parameters):
            assert np.isfinite(values).all(), family


@pytest.mark.parametrize(("family", "parameters"), [("poisson", {}), ("negativebinomial", {"alpha": np.full(1, 0.5)})])
def test_counts_never_become_likelier_the_further_their_mean_is_away(family, parameters):
    eta, y = np.array([40.0, 650.0, 720.0, 2000.0, 1e5]), np.array([[0.0], [2.0], [1e6]])
    values = FAMILIES[family].kernel(y=y, eta=eta, link="log", **parameters)
    assert not np.isnan(values).any()
    assert (values[:, 1:] <= values[:, :-1]).all()


# ---------------------------------------------------------------------------------------- beside Bambi

# Narrow, because Bambi's own densities lose their digits in the tails.
PRIORS = {"Intercept": "Normal(0, 0.3)", "b": "Normal(0, 0.3)", "sd": "Exponential(10)", "cor": "LKJ(2)"}
SLOPES = "x + (1 + x | id)"
MODELS = {
    "bernoulli": ("flag ~ x + (1 | id)", None, ""),
    "yes or no": ("answer[yes] ~ x + (1 | id) + (0 + x | id)", "probit", ""),
    "binomial": (f"p(hits, size) ~ {SLOPES}", "cloglog", "cor"),
    "proportion": ("proportion(hits, 9) ~ 0 + x + (1 | id)", None, ""),
    "poisson": ("count ~ grade + offset(log(size)) + (1 | id)", None, ""),
    "negativebinomial": (f"count ~ {SLOPES}", None, "cor alpha"),
    "gamma": (f"weight ~ {SLOPES}", "log", "cor alpha"),
    "t": (f"y ~ scale(x) + {SLOPES}", None, "cor sigma nu"),
    "gaussian": ("y ~ x + (0 + x | id)", None, "sigma"),
    "cumulative": ("grade ~ x + (1 | id)", None, "threshold"),
    "levels": ("grade ~ 0 + x + (0 + x | id)", "cloglog", "threshold"),
}
FAMILY = {"yes or no": "bernoulli", "proportion": "binomial", "levels": "cumulative"}


@pytest.fixture(scope="module")
def measured():
    rng = np.random.default_rng(1)
    n = 40
    size = rng.integers(4, 9, n)
    return pd.DataFrame(
        {
            "id": np.repeat(np.arange(8), 5),
            "x": rng.normal(size=n),
            "y": rng.normal(size=n),
            "size": size,
            "hits": rng.binomial(size, 0.4),
            "count": rng.poisson(3, n),
            "flag": rng.integers(0, 2, n),
            "answer": pd.Categorical(rng.choice(["no", "yes"], n)),
            "grade": pd.Categorical(rng.choice(["a", "b", "c", "d"], n), ordered=True),
            "row": np.arange(n),
            "weight": rng.gamma(2, size=n),
        }
    )


# Bambi leaves the intercept out whatever the formula says, and PyMC cannot name all levels of a deterministic variable.
@pytest.mark.filterwarnings("ignore:The intercept is omitted", "ignore:Incompatible coordinate length")
@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("name", MODELS)
def test_densities_are_those_of_bambi(make_spec, measured, name):
    formula, link, classes = MODELS[name]
    family = FAMILY.get(name, name)
    own = {"sigma": "Exponential(1)", "nu": "Gamma(2, 0.1)", "alpha": "Exponential(1)", "threshold": "Normal(0, 1)"}
    common = [] if "~ 0 +" in formula or family == "cumulative" else ["Intercept"]
    priors = {name: (PRIORS | own)[name] for name in [*common, "sd", *classes.split()]}
    spec = make_spec(formula, "", priors=priors | {"b": PRIORS["b"]}, family=family, link=link)
    rows = complete_cases(spec, measured)
    model = build(spec, rows)
    model.build()
    drawn = model.prior_predictive(draws=10, random_seed=1)
    parent = model.family.likelihood.parent
    prior = drawn["prior"].to_dataset()
    # Bambi computes it again.
    prior = prior.drop_dims([dim for dim in prior[parent].dims if dim not in ("chain", "draw")])
    if "threshold" in prior:
        prior["threshold"].to_numpy()[:] = np.sort(prior["threshold"], axis=-1)
    prior.attrs["link"] = model.family.link[parent].name
    tree = xr.DataTree.from_dict({"posterior": prior})
    model.compute_log_likelihood(tree)
    tree["observed_data"] = drawn["observed_data"]

    conditional = Conditional(tree, spec, rows)
    given = conditional.given(tree["posterior"].to_dataset())
    eta = conditional.predictor(tree["posterior"].to_dataset(), rows).reshape(10, 1, len(rows))
    known = given.at(np.arange(len(rows))[None])
    ours = given.family.kernel(eta=eta, link=given.link, **known) + given.family.constant(**known)
    (theirs,) = tree["log_likelihood"].data_vars.values()
    np.testing.assert_allclose(ours[:, 0], theirs.to_numpy()[0], rtol=1e-8, atol=1e-8)


@pytest.mark.numbers
@pytest.mark.parametrize(
    ("family", "link", "parameters"),
    [
        ("bernoulli", "probit", {"n": 1.0}),
        ("binomial", "logit", {"n": np.array([1.0, 7.0, 30.0])}),
        ("negativebinomial", "log", {"alpha": 0.7}),
        ("negativebinomial", "log", {"alpha": 1e6}),
        ("gamma", "log", {"alpha": 0.7}),
        ("gamma", "log", {"alpha": 1e5}),
        ("poisson", "log", {}),
        ("t", "identity", {"sigma": 0.6, "nu": 3.5}),
    ],
    ids=lambda value: str(value),
)
def test_draws_have_the_distribution_of_the_density(family, link, parameters):
    """Between the probabilities of being smaller and at most as large a uniform number is uniform."""
    rng, known = np.random.default_rng(6), FAMILIES[family]
    eta = np.broadcast_to([-1.5, 0.2, 2.0], (20_000, 3))
    drawn = known.draw(rng, eta, link, **parameters)
    assert drawn.shape == eta.shape
    smaller, at_most = known.below(y=drawn, eta=eta, link=link, **parameters)
    uniform = smaller + rng.random(eta.shape) * (at_most - smaller)
    for column in uniform.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3


@pytest.mark.parametrize(("alpha", "eta"), [(1e-4, 0.0), (2.0, 1e5), (2.0, -1e5)])
def test_draws_of_a_gamma_distribution_are_positive_numbers(alpha, eta):
    drawn = FAMILIES["gamma"].draw(np.random.default_rng(1), np.full(1000, eta), "log", alpha=alpha)
    assert (drawn > 0).all()
    assert np.isfinite(drawn).all()


@pytest.mark.parametrize("family", ["poisson", "negativebinomial"])
def test_counts_that_no_computer_holds_are_drawn_large_and_end_nothing(family):
    parameters = {"alpha": 2.0} if family == "negativebinomial" else {}
    drawn = FAMILIES[family].draw(np.random.default_rng(1), np.array([100.0, 1e5]), "log", **parameters)
    assert (drawn > 1e15).all()
