"""Intraclass correlations as correlations of measurements of the same unit, and where they are shown."""

import numpy as np
import pytest
from made_up_fits import posterior, rows
from partialpool.model.formula import complete_cases
from partialpool.predict import partition
from partialpool.predict.linear import LinearPredictor
from partialpool.predict.moments import measurements
from scipy import stats

SLOPES = {"intercept": 0.4, "x": 0.5, "sd": 0.8, "sd_x": 0.4, "cor": -0.5}


def shares(make_spec, formula, draws, *, asked=None, **changes):
    """Intraclass correlations of the first draw, by grouping factor and place."""
    spec = make_spec(formula, "Intercept b sd cor sigma", **changes)
    used = complete_cases(spec, rows(spec.family))
    predictor = LinearPredictor(spec, used)
    measured = measurements(draws, spec, predictor.matrices)
    residual = partition.residual_variance(draws, predictor, used, measured)
    return {
        (grouping, name): values[0, 0]
        for name, place in partition.places(predictor, used, asked or {})
        for grouping, values in partition.shares(draws, predictor, place, residual).items()
    }


def test_several_grouping_factors_share_the_variance(make_spec):
    draws = posterior("identity", intercept=0.0, x=0.5, sd=2.0, sd_item=1.0, sigma=0.5)
    found = shares(make_spec, "y ~ x + (1 | id) + (1 | item)", draws)
    assert found == {("id", ""): pytest.approx(4 / 5.25), ("item", ""): pytest.approx(1 / 5.25)}


@pytest.mark.numbers
@pytest.mark.parametrize(
    ("family", "link", "noise"),
    [
        ("gaussian", "identity", stats.norm(0, 1.1)),
        ("t", "identity", stats.t(6, 0, 1.1)),
        ("bernoulli", "logit", stats.logistic()),
        ("bernoulli", "probit", stats.norm()),
        ("bernoulli", "cloglog", stats.gumbel_l()),
    ],
)
def test_correlation_of_two_measurements_of_a_unit(make_spec, family, link, noise):
    """With varying slopes, at a value of the covariate; of binary outcomes, of the latent variables."""
    own = {"gaussian": {"sigma": 1.1}, "t": {"sigma": 1.1, "nu": 6.0}}.get(family, {})
    draws = posterior(link, **SLOPES, **own)
    found = shares(make_spec, "y ~ x + (1 + x | id)", draws, asked={"x": [3.0]}, family=family)
    rng, n = np.random.default_rng(3), 200_000
    intercepts, slopes = rng.multivariate_normal([0, 0], [[0.64, -0.16], [-0.16, 0.16]], n).T
    one, other = (intercepts + 3 * slopes + noise.rvs(n, random_state=rng) for _ in range(2))
    assert found["id", "x = 3"] == pytest.approx(np.corrcoef(one, other)[0, 1], abs=4.5 / np.sqrt(n))


@pytest.mark.numbers
@pytest.mark.parametrize(("family", "alpha"), [("poisson", None), ("negativebinomial", 3.0)])
def test_counts_by_the_lognormal_variance(make_spec, family, alpha):
    """Nakagawa, Johnson & Schielzeth (2017), table 1: ln(1 + 1 / lambda + 1 / theta), lambda = exp(b0 + var / 2)."""
    own = {} if alpha is None else {"alpha": alpha}
    draws = posterior("log", intercept=0.7, sd=0.5, **own)
    found = shares(make_spec, "y ~ 1 + (1 | id)", draws, family=family)
    expected = 0.25 / (0.25 + np.log(1 + np.exp(-0.7 - 0.125) + (1 / alpha if alpha else 0)))
    assert found["id", ""] == pytest.approx(expected, rel=1e-9)


def test_the_mean_of_a_centred_slope_is_zero_and_named_once(make_spec, units):
    sevenths = units["x"] / 7
    used = units.assign(x=sevenths - sevenths.mean())
    assert used["x"].mean() != 0
    predictor = LinearPredictor(make_spec("y ~ 1 + x + (1 + x | id)"), used)
    names = [name for name, _ in partition.places(predictor, used, {"x": [-1, 0]})]
    assert names == ["average over the rows", "x = 0 (mean)", "x = -1"]


def test_places_of_varying_slopes(make_spec):
    used = rows()
    draws = posterior("identity", **SLOPES, sigma=1.1)
    found = shares(make_spec, "y ~ x + (1 + x | id)", draws, asked={"x": [0, 2.5], "z": [1]})
    mean = used["x"].mean()
    assert [name for _, name in found] == ["average over the rows", f"x = {mean:.4g} (mean)", "x = 0", "x = 2.5"]

    def share(x, squared):
        between = 0.64 + 2 * x * -0.16 + squared * 0.16
        return between / (between + 1.21)

    assert found["id", "average over the rows"] == pytest.approx(share(mean, (used["x"] ** 2).mean()))
    for x, name in ((mean, f"x = {mean:.4g} (mean)"), (0, "x = 0"), (2.5, "x = 2.5")):
        assert found["id", name] == pytest.approx(share(x, x**2))


def test_categories_before_a_bar_are_shown_level_by_level(make_spec):
    spec = make_spec("y ~ x + (1 + x + x:g | id)")
    used = complete_cases(spec, rows(spec.family))
    names = [name for name, _ in partition.places(LinearPredictor(spec, used), used, {"x": [0]})]
    mean = f"{used['x'].mean():.4g} (mean)"
    levels = [f"g = {g}, x = {x}" for x in (mean, 0) for g in "abc"]
    assert names == ["average over the rows", *levels]


@pytest.mark.parametrize(
    ("family", "link", "shown"),
    [
        ("gaussian", "identity", "outcome"),
        ("binomial", "logit", "latent (logit)"),
        ("poisson", "log", "linear predictor (log)"),
    ],
)
def test_scales(family, link, shown):
    assert partition.scale(family, link) == shown


def test_no_residual_variance_where_there_is_no_definition(make_spec):
    spec = make_spec("y ~ x + (1 | id)", family="beta")
    draws = posterior("logit", intercept=0.4, x=0.5, sd=0.8, kappa=3.0)
    used = complete_cases(spec, rows(spec.family))
    predictor = LinearPredictor(spec, used)
    measured = measurements(draws, spec, predictor.matrices)
    assert partition.residual_variance(draws, predictor, used, measured) is None
