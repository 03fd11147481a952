"""Priors of a fit beside those of SciPy and PyMC, and draws from them beside their moments."""

import numpy as np
import pytest
import xarray as xr
from partialpool.checks.priors import PriorsOfFit, in_scipy
from partialpool.model.formula import complete_cases
from partialpool.model.priors import parse
from partialpool.predict.linear import LinearPredictor
from scipy import stats
from scipy.integrate import quad

PRIORS = [
    *("Normal(0.5, 2)", "StudentT(3, 0.5, 2)", "Cauchy(0.5, 2)", "Laplace(0.5, 2)", "Logistic(0.5, 2)"),
    *("Uniform(0.1, 2)", "Exponential(2)", "HalfNormal(2)", "HalfStudentT(4, 2)", "HalfCauchy(2)", "Gamma(2, 3)"),
    *("InverseGamma(3, 2)", "LogNormal(0.1, 0.5)", "Weibull(2, 3)", "Beta(2, 3)"),
]


@pytest.mark.parametrize("text", PRIORS)
def test_densities_are_those_of_pymc_and_quantiles_theirs(text):
    import pymc as pm

    prior = parse(text)
    ours = in_scipy(prior)
    theirs = getattr(pm, prior.name).dist(**dict(prior.args))
    x = np.array([0.15, 0.4, 0.9])
    np.testing.assert_allclose(ours.logpdf(x), pm.logp(theirs, x).eval(mode="FAST_COMPILE"), rtol=1e-6)
    low, middle, high = ours.ppf([0.1, 0.5, 0.9])
    between = [quad(lambda at: np.exp(ours.logpdf(at)), *ends)[0] for ends in ((low, middle), (middle, high))]
    assert between == pytest.approx([0.4, 0.4], rel=1e-7)


@pytest.fixture(scope="module")
def priors_of(units):
    """The priors of a model, beside a posterior of its shape."""

    def make(spec, posterior):
        rows = complete_cases(spec, units)
        return PriorsOfFit(posterior, spec, LinearPredictor(spec, rows), rows)

    return make


def test_log_density_is_the_sum_of_those_of_all_parameters(priors_of, quick, correlated):
    posterior = quick["posterior"].to_dataset()
    priors = priors_of(correlated, posterior)
    draws = {name: posterior[name].to_numpy() for name in ("Intercept", "x", "1|id_sigma", "x|id_sigma", "sigma")}
    correlation = posterior["cor_id"].to_numpy()[..., 0]
    expected = (
        # The prior of the intercept is that where x has its mean, 2.
        stats.norm.logpdf(draws["Intercept"] + 2 * draws["x"], 0, 1.5)
        + stats.norm.logpdf(draws["x"])
        + stats.expon.logpdf(draws["1|id_sigma"])
        + stats.expon.logpdf(draws["x|id_sigma"])
        + stats.expon.logpdf(draws["sigma"], scale=0.5)
        # LKJ(2) of two effects, up to its constant.
        + np.log(1 - correlation**2)
    )
    np.testing.assert_allclose(priors.log_density(), expected, rtol=1e-10)


def test_draws_have_the_moments_of_their_priors(priors_of, quick, correlated):
    """In Monte Carlo standard errors; the effects of a unit are those of its standard deviations."""
    n = 20_000
    drawn = priors_of(correlated, quick["posterior"].to_dataset()).draw(n, np.random.default_rng(1))
    assert set(quick["posterior"].to_dataset()) == set(drawn)
    at_mean = (drawn["Intercept"] + 2 * drawn["x"]).to_numpy()[0]
    assert abs(at_mean.mean()) < 4 * 1.5 / np.sqrt(n)
    assert at_mean.std() == pytest.approx(1.5, abs=4 * 1.5 / np.sqrt(2 * n))
    assert drawn["sigma"].to_numpy().mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(n))
    # LKJ(2) of two: (1 + cor) / 2 is Beta(2, 2).
    correlation = drawn["cor_id"].to_numpy()[0, :, 0]
    assert stats.kstest((1 + correlation) / 2, stats.beta(2, 2).cdf).pvalue > 1e-3
    standardised = (drawn["x|id"] / drawn["x|id_sigma"]).to_numpy()[0, :, 0]
    assert stats.kstest(standardised, stats.norm.cdf).pvalue > 1e-3
    both = standardised * (drawn["1|id"] / drawn["1|id_sigma"]).to_numpy()[0, :, 0]
    assert abs((both - correlation).mean()) < 4 * (both - correlation).std() / np.sqrt(n)


def test_three_effects_have_lkj_correlations(make_spec, units, priors_of):
    """Each correlation of LKJ(2) of three effects is 2 Beta(2.5, 2.5) - 1, whichever it is."""
    spec = make_spec("y ~ 1 + (1 + x + z | id)", "Intercept sd cor sigma")
    labels = np.array(["Intercept,x", "Intercept,z", "x,z"], dtype=object)
    posterior = xr.Dataset(
        {
            **{name: (("chain", "draw"), np.ones((1, 2))) for name in ("Intercept", "sigma")},
            **{f"{name}|id_sigma": (("chain", "draw"), np.ones((1, 2))) for name in ("1", "x", "z")},
            "cor_id": (("chain", "draw", "cor_id_dim"), np.zeros((1, 2, 3))),
        },
        {"cor_id_dim": labels},
        {"family_parameters": "sigma"},
    )
    drawn = priors_of(spec, posterior).draw(20_000, np.random.default_rng(2))["cor_id"].to_numpy()[0]
    for pair in range(3):
        assert stats.kstest((1 + drawn[:, pair]) / 2, stats.beta(2.5, 2.5).cdf).pvalue > 1e-3


def test_thresholds_are_drawn_given_their_order(make_spec, units, priors_of):
    """Beside draws of independent normal numbers, of which those are kept that rise."""
    priors = {"threshold": "Normal([-1, 0, 1], [1, 1, 1])"}
    spec = make_spec("mood ~ 1 + (1 | id)", "sd", family="cumulative", priors=priors)
    posterior = xr.Dataset(
        {
            "threshold": (("chain", "draw", "threshold_dim"), np.zeros((1, 2, 3))),
            "1|id_sigma": (("chain", "draw"), np.ones((1, 2))),
        },
        {"threshold_dim": range(3)},
        {"family_parameters": "threshold"},
    )
    rows = units.assign(mood=units["mood"].cat.as_ordered())
    made = PriorsOfFit(posterior, spec, LinearPredictor(spec, complete_cases(spec, rows)), rows)
    ours = made.draw(20_000, np.random.default_rng(3))["threshold"].to_numpy()[0]
    theirs = np.random.default_rng(4).normal([-1, 0, 1], 1, (60_000, 3))
    theirs = theirs[(np.diff(theirs, axis=1) > 0).all(axis=1)]
    assert (np.diff(ours, axis=1) > 0).all()
    for threshold in range(3):
        assert stats.ks_2samp(ours[:, threshold], theirs[:, threshold]).pvalue > 1e-3


def test_a_categorical_outcome_has_a_prior_for_each_of_its_levels(make_spec, units, priors_of):
    """Of the coefficients of a group each has its own sd, which all levels of the outcome share."""
    own = {"b[x]": "Normal(0, 0.3)", "b[group]": "Normal(0, [0.5, 2])"}
    spec = make_spec("mood ~ 1 + x + group + (1 | id)", "Intercept sd", priors=own, family="categorical")
    rng, levels = np.random.default_rng(6), ["fair", "good"]
    shapes = {"Intercept": (2,), "x": (2,), "group": (2, 2), "1|id_sigma": (2,), "1|id": (2, 12)}
    dims = {"group": ("group_dim",), "1|id": ("id__factor_dim",)}
    variables = {
        name: (("chain", "draw", "mood_reduced_dim", *dims.get(name, ())), np.abs(rng.normal(size=(1, 3, *shape))))
        for name, shape in shapes.items()
    }
    coords = {"mood_reduced_dim": levels, "group_dim": ["OTHER", "PD"]}
    coords["id__factor_dim"] = sorted(units["id"].astype(str).unique(), key=int)
    priors = priors_of(spec, xr.Dataset(variables, coords, {"family_parameters": ""}))
    values = {name: variable[1] for name, variable in variables.items()}
    # Means of x, and of the two columns of the group.
    centred = values["Intercept"] + 2 * values["x"] + values["group"].sum(axis=-1) / 3
    expected = stats.norm.logpdf(centred, 0, 1.5).sum(axis=-1) + stats.norm.logpdf(values["x"], 0, 0.3).sum(axis=-1)
    expected += stats.norm.logpdf(values["group"], 0, [0.5, 2]).sum(axis=(-2, -1))
    expected += stats.expon.logpdf(values["1|id_sigma"]).sum(axis=-1)
    np.testing.assert_allclose(priors.log_density(), expected, rtol=1e-10)
    drawn = priors.draw(20_000, np.random.default_rng(7))
    sds = drawn["group"].transpose("group_dim", "mood_reduced_dim", ...).std(("chain", "draw")).to_numpy()
    np.testing.assert_allclose(sds, [[0.5, 0.5], [2, 2]], rtol=4.5 / np.sqrt(2 * 20_000))
    effects = drawn["1|id"].transpose("mood_reduced_dim", "id__factor_dim", ...)
    # The variance of an sd ~ Exponential(1) of effects: 2, with the error of such a mixture.
    np.testing.assert_allclose(effects.var(("id__factor_dim", "chain", "draw")), 2, rtol=0.15)


def test_each_level_of_a_categorical_outcome_has_correlations(make_spec, units, priors_of):
    spec = make_spec("mood ~ 1 + x + (1 + x | id)", "Intercept b sd cor", family="categorical")
    rng, terms = np.random.default_rng(6), ("1|id", "x|id")
    dims = {"cor_id": ("cor_id_dim",)} | dict.fromkeys(terms, ("id__factor_dim",))
    shapes = {"Intercept": (2,), "x": (2,), "cor_id": (2, 1)} | {f"{term}_sigma": (2,) for term in terms}
    shapes |= dict.fromkeys(terms, (2, 12))
    variables = {
        name: (("chain", "draw", "mood_reduced_dim", *dims.get(name, ())), rng.uniform(0.1, 0.9, (1, 3, *shape)))
        for name, shape in shapes.items()
    }
    coords = {"mood_reduced_dim": ["fair", "good"], "cor_id_dim": ["Intercept,x"]}
    coords["id__factor_dim"] = sorted(units["id"].astype(str).unique(), key=int)
    priors = priors_of(spec, xr.Dataset(variables, coords, {"family_parameters": ""}))
    eta = dict(spec.priors["cor"].args)["eta"]
    # Of two effects the density of LKJ(eta) is (1 - cor^2)^(eta - 1).
    rest = priors.log_density() - (eta - 1) * np.log1p(-(variables["cor_id"][1] ** 2)).sum(axis=(-2, -1))
    without = priors_of(spec, priors.posterior.assign(cor_id=0 * priors.posterior["cor_id"]))
    np.testing.assert_allclose(rest, without.log_density(), rtol=1e-10)
    drawn = priors.draw(20_000, np.random.default_rng(7))
    correlation = drawn["cor_id"].transpose("mood_reduced_dim", ...).to_numpy().reshape(2, -1)
    # A correlation of two effects is 2 Beta(eta, eta) - 1.
    sd = 1 / np.sqrt(2 * eta + 1)
    np.testing.assert_allclose(correlation.std(axis=1), sd, rtol=0.03)
    assert abs(np.corrcoef(correlation)[0, 1]) < 4 / np.sqrt(20_000)
    one, other = (drawn[term].transpose("mood_reduced_dim", "id__factor_dim", "chain", "draw") for term in terms)
    standard = [effects / drawn[f"{term}_sigma"] for effects, term in ((one, terms[0]), (other, terms[1]))]
    products = (standard[0] * standard[1]).transpose("mood_reduced_dim", "draw", ...).to_numpy()
    # In each level the product of two effects is expected to be the correlation of that draw.
    product = products.reshape(2, 20_000, -1).mean(axis=-1)
    slope = (product * correlation).mean(axis=1) / (correlation**2).mean(axis=1)
    np.testing.assert_allclose(slope, 1, atol=0.03)
