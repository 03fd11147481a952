"""Means of families beside those of their distributions, and means over normal effects beside closed forms."""

import numpy as np
import pytest
import xarray as xr
from partialpool.errors import StudyError
from partialpool.model.families import LINKS, ZERO_INFLATED
from partialpool.predict.means import INVERSE, Mean, Probabilities
from scipy import integrate, stats
from scipy.special import expit


def mean(make_spec, family="gaussian", formula="y ~ x", **changes):
    return Mean(make_spec(formula, "Intercept b", family=family, **changes))


def array(*values):
    """Draws of one chain and one point."""
    return np.array(values, dtype=float)[None, :, None]


def test_links_are_those_of_bambi():
    from bambi.defaults.families import BUILTIN_FAMILIES

    for family, link in (LINKS | ZERO_INFLATED).items():
        likelihood = BUILTIN_FAMILIES[family]["likelihood"]
        assert BUILTIN_FAMILIES[family]["link"][likelihood["parent"]] == link


def test_inverse_links_are_those_of_bambi():
    from bambi.families.link import LINKS as BAMBI_LINKS

    eta = np.linspace(0.1, 3, 7)
    for link, inverse in INVERSE.items():
        np.testing.assert_allclose(inverse(eta), BAMBI_LINKS[link].linkinv(eta), rtol=1e-12)


@pytest.mark.parametrize("eta", [-800.0, 800.0])
def test_linear_predictors_that_are_far_from_zero(make_spec, eta):
    for link in ("logit", "probit", "cloglog"):
        assert mean(make_spec, "bernoulli", link=link).of_unit(array(eta), None).item() == (eta > 0)


@pytest.mark.parametrize(
    ("family", "distribution"),
    [
        ("zero_inflated_poisson", lambda psi, eta: [psi * stats.poisson(np.exp(eta)).pmf(k) for k in range(60)]),
        ("zero_inflated_binomial", lambda psi, eta: [0, psi * expit(eta)]),
    ],
)
def test_means_with_excess_zeros(make_spec, family, distribution):
    psi, eta = 0.3, 0.8
    expected = np.dot(distribution(psi, eta), np.arange(len(distribution(psi, eta))))
    posterior = xr.Dataset({"psi": (("chain", "draw"), [[psi]])})
    np.testing.assert_allclose(mean(make_spec, family).of_unit(array(eta), posterior).item(), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("family", "formula", "message"),
    [
        (
            "cumulative",
            "y ~ x",
            "The family 'cumulative' has a probability for each level, which is known here of observed",
        ),
        (
            "hurdle_poisson",
            "y ~ x",
            "The mean of the family 'hurdle_poisson' is not known here: .* Families .* poisson",
        ),
        ("lognormal", "y ~ x", "The mean of the family 'lognormal' is not known"),
    ],
)
def test_means_that_are_not_known(make_spec, family, formula, message):
    with pytest.raises(StudyError, match=message):
        mean(make_spec, family, formula)


SDS = (0.0, 0.3, 1.0, 4.0, 15.0)


def over_population(make_spec, family, link, eta):
    """Means for each sd, and those of the coarser rule."""
    etas = array(*[eta] * len(SDS))
    return [np.squeeze(part) for part in mean(make_spec, family, link=link).of_population(etas, array(*SDS) ** 2, None)]


@pytest.mark.parametrize("eta", [-3.0, 0.0, 0.4])
def test_means_over_normal_effects_in_closed_form(make_spec, eta):
    sds = np.array(SDS)
    closed = {
        ("gaussian", "identity"): eta + 0 * sds,
        ("poisson", "log"): np.exp(eta + sds**2 / 2),
        ("bernoulli", "probit"): stats.norm.cdf(eta / np.sqrt(1 + sds**2)),
    }
    for (family, link), expected in closed.items():
        fine, coarse = over_population(make_spec, family, link, eta)
        np.testing.assert_allclose(fine, expected, rtol=1e-12, atol=1e-14)
        if link != "probit":
            np.testing.assert_array_equal(fine, coarse)


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
def test_the_coarser_rule_tells_an_error_that_is_too_large(make_spec, link):
    fine, coarse = over_population(make_spec, "bernoulli", link, 0.7)
    for place, sd in enumerate(SDS):

        def integrand(z, sd=sd):
            return stats.norm.pdf(z) * INVERSE[link](0.7 + sd * z)

        points = {"points": [-0.7 / sd]} if sd else {}
        exact, error = integrate.quad(integrand, -9, 9, epsabs=1e-13, epsrel=1e-13, limit=500, **points)
        assert abs(fine[place] - exact) <= abs(coarse[place] - fine[place]) + error + 1e-13
        assert abs(coarse[place] - fine[place]) < 1e-5


def test_a_link_without_a_mean_over_units(make_spec):
    with pytest.raises(
        StudyError, match="A mean over all units is not known for the link 'inverse'; it is for: identity"
    ):
        mean(make_spec, "gamma").of_population(array(1), array(1), None)


def test_probabilities_of_levels(make_spec):
    rng = np.random.default_rng(1)
    eta, thresholds = rng.normal(size=(2, 3, 5)), np.sort(rng.normal(size=(2, 3, 4)))
    spec = make_spec("y ~ x", "b", family="cumulative", link="probit")
    posterior = xr.Dataset({"threshold": (("chain", "draw", "threshold_dim"), thresholds)})
    probabilities = Probabilities(spec).of_unit(eta, posterior)
    assert probabilities.shape == (2, 3, 5, 5)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1)
    # The second level is what a normal variable around eta has between the first two thresholds.
    between = stats.norm(eta).cdf(thresholds[..., 1, None]) - stats.norm(eta).cdf(thresholds[..., 0, None])
    np.testing.assert_allclose(probabilities[..., 1], between)
