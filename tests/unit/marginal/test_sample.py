"""Posteriors of scales that are hard: a right answer or a clear word."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.marginal.closed_form import design
from partialpool.marginal.sample import Posterior, sample_scales
from partialpool.marginal.scales import Scales
from partialpool.model.formula import complete_cases
from partialpool.sampling import independent
from scipy import stats

from marginal.by_grid import log_evidence_by_quadrature


@pytest.fixture
def posterior(make_spec, units):
    """The posterior of a model with some of the columns and priors replaced."""

    def make(formula="y ~ 1 + (1 | id)", priors=None, **columns):
        bars = formula.partition("(")[2]
        classes = ["Intercept"] + ["b"] * (" x " in formula.partition("(")[0]) + ["sd"] * bool(bars)
        classes += ["cor"] * (" x " in bars) + ["sigma"]
        spec = make_spec(formula, " ".join(classes), priors=priors, chains=4, draws=500, warmup=300, engine="auto")
        return Posterior(design(spec, complete_cases(spec, units.assign(**columns))))

    return make


def drawn(posterior):
    """Scales, statistics and attributes."""
    x, stats, attributes = sample_scales(posterior, posterior.matrices.spec)
    scales = Scales.at(posterior.space, x.reshape(-1, posterior.space.dimensions))
    return SimpleNamespace(shape=x.shape[:2], scales=scales, stats=stats, attributes=attributes)


PERFECT = [
    ("y ~ 1", {"y": 0.0}),
    ("y ~ 1 + (1 | id)", {"y": 0.0}),
    ("y ~ 1 + (1 | id)", {"y": 0.3}),
    ("y ~ 1 + x + z", {"y": np.repeat(np.arange(5.0), 12)}),
    ("y ~ 1 + x + (1 + x | id)", {"y": np.repeat(np.arange(5.0), 12)}),
    ("y ~ 1 + (1 | id)", {"y": np.tile(np.arange(12.0), 5)}),
    ("y ~ 1 + x + (1 | id) + (1 | item)", {"y": np.repeat(np.arange(5.0), 12) + np.tile(np.arange(12.0), 5)}),
]


@pytest.mark.parametrize(("formula", "columns"), PERFECT)
def test_a_perfect_fit_is_a_mistake_that_is_named(posterior, formula, columns):
    with pytest.raises(StudyError, match="fits the outcome 'y' perfectly"):
        drawn(posterior(formula, **columns))


def test_priors_that_no_number_can_bring_together_with_the_data_are_named(posterior):
    with pytest.raises(StudyError, match=r"'Intercept' .* standard deviations of its prior away"):
        drawn(posterior(y=1e8 + np.arange(60.0)))


# What the data want of sigma is about 2, of the sd of units less than 1.
EDGES = [
    {"sigma": "Uniform(10, 20)"},
    {"sigma": "Uniform(1000, 2000)"},
    {"sigma": "Uniform(0, 0.1)"},
    {"sigma": "Uniform(0.10, 0.11)"},
    {"sigma": "LogNormal(10, 0.01)"},
    {"sigma": "InverseGamma(2, 1)"},
    {"sd": "Uniform(3, 4)"},
    {"sd": "Gamma(1e6, 1e2)"},
    {"sd": "HalfCauchy(25)", "sigma": "HalfCauchy(25)"},
    {"Intercept": "Normal(0, 1e-6)"},
    {"Intercept": "Normal(0, 1e6)"},
]


@pytest.mark.parametrize("priors", EDGES, ids=str)
def test_priors_that_exclude_what_the_data_want_are_sampled_independently(posterior, priors):
    draws = drawn(posterior(priors=priors))
    assert draws.attributes["sampling"] == "independent"
    assert np.isfinite(draws.attributes["mcse_log_evidence"])
    for name, values in (("sigma", draws.scales.sigma), ("sd", draws.scales.sd[0])):
        assert np.isfinite(values).all()
        prior = priors.get(name, "")
        if prior.startswith("Uniform"):
            low, high = (float(limit) for limit in prior[8:-1].split(","))
            assert ((low <= values) & (values <= high)).all()


@pytest.mark.parametrize("size", [1e-8, 1e8])
def test_the_unit_of_the_outcome_does_not_matter(posterior, units, size):
    """Where priors know it, the density of the outcome is lower by as much."""
    priors = {
        "Intercept": f"Normal(0, {1.5 * size})",
        "sd": f"Exponential({1 / size})",
        "sigma": f"Exponential({2 / size})",
    }
    ours, same = (drawn(own).attributes for own in (posterior(priors=priors, y=size * units["y"]), posterior()))
    error = np.hypot(ours["mcse_log_evidence"], same["mcse_log_evidence"])
    assert ours["log_evidence"] + len(units) * np.log(size) == pytest.approx(same["log_evidence"], abs=4 * error)


SHAPES = {
    "one unit": ("y ~ 1 + (1 | id)", {"id": np.full(60, 7)}),
    "two units": ("y ~ 1 + x + (1 + x | id)", {"id": np.arange(60) % 2}),
    "each unit one row": ("y ~ 1 + (1 | id)", {"id": np.arange(60)}),
    "collinear": ("y ~ 1 + x + q + (1 | id)", {"q": np.repeat(2 * np.arange(5.0), 12)}),
    "collinear effects": ("y ~ 1 + x + (1 + x + q | id)", {"q": np.repeat(2 * np.arange(5.0), 12)}),
    "an effect without rows in some units": ("y ~ 1 + x + (1 + x | id)", {"x": np.tile([0.0, 1.0], 30)}),
    "a level without rows": (
        "y ~ 1 + (1 | id) + (1 | item)",
        {"item": pd.Categorical(["a", "b"] * 30, categories=["a", "b", "c"])},
    ),
    "whole numbers": ("y ~ 1 + (1 | id)", {"y": np.arange(60) % 7}),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_unusual_data_are_sampled_independently(posterior, shape):
    formula, columns = SHAPES[shape]
    draws = drawn(posterior(formula, **columns))
    assert draws.attributes["sampling"] == "independent"
    assert np.isfinite(draws.scales.sigma).all()


@pytest.mark.numbers
@pytest.mark.parametrize("shape", ["one unit", "each unit one row", "whole numbers"])
def test_their_evidence_is_that_of_quadrature(posterior, shape):
    formula, columns = SHAPES[shape]
    own = posterior(formula, **columns)
    attributes = drawn(own).attributes
    expected = log_evidence_by_quadrature(own.matrices, sigma=np.geomspace(1e-3, 8, 120), points=60)
    assert attributes["log_evidence"] == pytest.approx(expected, abs=4 * attributes["mcse_log_evidence"] + 1e-3)


def test_ten_thousand_rows_of_one_unit_beside_fifty_of_others(make_spec):
    """Held to the density of the units' means and of what lies within them."""
    rng, counts = np.random.default_rng(5), np.r_[10_000, np.ones(50, int)]
    ids = np.repeat(np.arange(51), counts)
    frame = pd.DataFrame({"id": ids, "y": rng.normal(size=len(ids)) + rng.normal(size=51)[ids]})
    spec = make_spec("y ~ 1 + (1 | id)", "Intercept sd sigma", chains=4, draws=500)
    own = Posterior(design(spec, complete_cases(spec, frame.assign(row=np.arange(len(ids))))))
    draws = drawn(own)
    assert draws.attributes["sampling"] == "independent"
    some = draws.scales.take(slice(0, 20))
    means = frame.groupby("id")["y"].mean()
    within = ((frame["y"] - means.loc[ids].to_numpy()) ** 2).sum()
    expected = [
        stats.multivariate_normal.logpdf(means, np.zeros(51), np.diag(sd**2 + sigma**2 / counts) + 1.5**2)
        - 0.5 * ((counts - 1).sum() * np.log(2 * np.pi * sigma**2) + np.log(counts).sum() + within / sigma**2)
        for sigma, (sd,) in zip(some.sigma, some.sd[0], strict=True)
    ]
    np.testing.assert_allclose(own.model.log_likelihood(some), expected, rtol=1e-10)


@pytest.mark.slow
def test_where_independent_draws_fail_nuts_runs_and_the_log_says_so(posterior, capsys, monkeypatch):
    from arviz_stats.base import array_stats

    own = posterior("y ~ 1 + x + (1 + x | id)")
    independent_draws = drawn(own)
    monkeypatch.setattr(independent, "LARGEST_PARETO_K", -10.0)
    draws = drawn(own)
    assert draws.attributes["sampling"] == "nuts"
    assert "NUTS over the scales, because independent draws fail: acceptance" in capsys.readouterr().out
    assert draws.stats["diverging"].shape == draws.shape == (4, 500)
    assert np.isnan(draws.attributes["mcse_log_evidence"])
    for scale in (lambda scales: scales.sigma, lambda scales: scales.sd[0][:, 0], lambda scales: scales.sd[0][:, 1]):
        first, second = (scale(own.scales).reshape(4, -1) for own in (independent_draws, draws))
        error = np.hypot(array_stats.mcse(first, method="mean"), array_stats.mcse(second, method="mean"))
        assert abs(first.mean() - second.mean()) < 5 * error


FORMULAS = [
    ("y ~ 0 + id", "b sigma"),
    ("y ~ 1 + x", "Intercept b sigma"),
    ("y ~ 1 + (1 | id)", "Intercept sd sigma"),
    ("y ~ 1 + x + (1 | id) + (1 | item)", "Intercept b sd sigma"),
]


def evidence_of(spec, rows, cores=1):
    """Log evidence and its Monte Carlo error."""
    draws = Posterior(design(spec, rows), cores=cores).draw(chains=spec.chains, draws=spec.draws, seed=spec.seed)
    return draws.log_evidence, draws.mcse


@pytest.mark.numbers
@pytest.mark.parametrize(("formula", "classes"), FORMULAS)
def test_evidence_is_that_of_quadrature(make_spec, units, formula, classes):
    spec = make_spec(formula, classes, chains=4, draws=1000, engine="auto")
    rows = complete_cases(spec, units)
    value, mcse = evidence_of(spec, rows, cores=2)
    assert mcse < 0.01
    assert value == pytest.approx(log_evidence_by_quadrature(design(spec, rows)), abs=4 * mcse)


def test_an_evidence_does_not_depend_on_the_cores(make_spec, units):
    spec = make_spec("y ~ 1 + x + (1 | id) + (1 | item)", "Intercept b sd sigma", draws=100, engine="auto")
    rows = complete_cases(spec, units)
    first, second = (evidence_of(spec, rows, cores=cores) for cores in (1, 2))
    assert first == second


@pytest.mark.numbers
def test_an_evidence_at_the_edge_of_a_prior_is_that_of_quadrature(make_spec, units):
    """The outcome wants a larger sigma than the prior allows."""
    spec = make_spec(
        "y ~ 1 + (1 | id)", "Intercept sd", priors={"sigma": "Uniform(0.5, 1.2)"}, chains=4, draws=1000, engine="auto"
    )
    rows = complete_cases(spec, units)
    value, mcse = evidence_of(spec, rows)
    grid = np.linspace(0.5, 1.2, 151)
    assert value == pytest.approx(log_evidence_by_quadrature(design(spec, rows), sigma=grid), abs=4 * mcse + 1e-3)
