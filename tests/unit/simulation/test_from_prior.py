"""Draws from priors against SciPy's distributions; populations, and outcomes from them."""

import numpy as np
import pytest
from partialpool.marginal.closed_form import design
from partialpool.model.formula import complete_cases
from partialpool.model.priors import parse
from partialpool.simulation import from_prior

# One test in ten thousand of a draw that is right fails with another seed.
RARE = 1e-4


def distributions():
    from scipy import stats

    return {
        "Normal(1, 2)": stats.norm(1, 2),
        "Uniform(0.5, 3)": stats.uniform(0.5, 2.5),
        "Exponential(4)": stats.expon(scale=1 / 4),
        "HalfNormal(2)": stats.halfnorm(scale=2),
        "HalfStudentT(3, 2)": stats.gamma(1),
        "HalfCauchy(3)": stats.halfcauchy(scale=3),
        "Gamma(2, 4)": stats.gamma(2, scale=1 / 4),
        "InverseGamma(2, 4)": stats.invgamma(2, scale=4),
        "LogNormal(1, 0.5)": stats.lognorm(0.5, scale=np.exp(1)),
        "Weibull(2, 4)": stats.weibull_min(2, scale=4),
        "Beta(2, 4)": stats.beta(2, 4),
    }


@pytest.mark.parametrize(
    "text",
    [
        *("Normal(1, 2)", "Uniform(0.5, 3)", "Exponential(4)", "HalfNormal(2)", "HalfStudentT(3, 2)", "HalfCauchy(3)"),
        *("Gamma(2, 4)", "InverseGamma(2, 4)", "LogNormal(1, 0.5)", "Weibull(2, 4)", "Beta(2, 4)"),
    ],
)
def test_draws_have_the_distribution_of_scipy(text):
    from scipy import stats

    values = from_prior.draw(parse(text), (2000,), np.random.default_rng(1))
    if text.startswith("HalfStudentT"):
        # Folded, as SciPy has no such distribution.
        expected = lambda x: 2 * stats.t(3, scale=2).cdf(x) - 1  # noqa: E731
    else:
        expected = distributions()[text].cdf
    assert stats.kstest(values, expected).pvalue > RARE


def test_every_prior_that_the_marginal_engine_takes_can_be_drawn_from():
    from partialpool.sampling.priors import DENSITIES

    assert set(from_prior.DRAW) == {*DENSITIES, "Normal"}


def test_a_prior_with_several_numbers_has_one_for_each_coefficient():
    values = [from_prior.draw(parse("Normal([0, 100], [1, 2])"), (2,), np.random.default_rng(i)) for i in range(2000)]
    assert np.mean(values, axis=0) == pytest.approx([0, 100], abs=5 * 2 / np.sqrt(2000))
    assert np.std(values, axis=0) == pytest.approx([1, 2], rel=5 / np.sqrt(2 * 2000))


@pytest.mark.parametrize(("q", "eta"), [(2, 1.0), (2, 3.0), (3, 1.0), (4, 2.0)])
def test_correlations_have_the_margins_of_lkj(q, eta):
    """Each is 2 Beta(b, b) - 1 with b = eta - 1 + q / 2."""
    from scipy import stats

    rng = np.random.default_rng(q)
    cholesky = np.array([from_prior.correlation(q, eta, rng) for _ in range(1500)])
    matrices = cholesky @ np.swapaxes(cholesky, 1, 2)
    assert matrices[:, range(q), range(q)] == pytest.approx(1)
    b = eta - 1 + q / 2
    for i, j in [(0, 1), (0, q - 1), (q - 2, q - 1)]:
        assert stats.kstest((matrices[:, i, j] + 1) / 2, stats.beta(b, b).cdf).pvalue > RARE


@pytest.fixture(scope="module")
def matrices(make_spec, units):
    """A design with categories, several grouping factors, correlations and an offset."""
    spec = make_spec("y ~ 1 + z + group + offset(v) + (1 + mood | id) + (1 | school)", engine="marginal")
    return design(spec, complete_cases(spec, units)), spec, complete_cases(spec, units)


@pytest.fixture(scope="module")
def fitted(matrices):
    """The posterior of a fit of it."""
    from partialpool.marginal import posterior

    return posterior.fit(matrices[0], cores=1)[0]["posterior"].assign_attrs(family_parameters="sigma")


def test_a_population_has_every_parameter_of_a_fit_and_effects_have_the_others(matrices, fitted):
    from partialpool.model import parameters

    built, *_ = matrices
    truth = from_prior.population(built, np.random.default_rng(1))
    assert not any(name.startswith("1|") and "sigma" not in name for name in truth)
    truth |= from_prior.effects(built, truth, np.random.default_rng(2))
    assert set(truth) == set(fitted.data_vars)
    for name, value in truth.items():
        assert value.shape == fitted[name].shape[2:], name
    for parameter in parameters.of(fitted):
        assert np.isfinite(truth[parameter.variable][parameter.index])


def test_expected_values_are_the_linear_predictor(matrices, fitted):
    """The same as ``predict.linear`` makes of the formula, less the offset."""
    import xarray as xr
    from partialpool.predict.linear import LinearPredictor

    built, spec, rows = matrices
    template = fitted.isel(chain=[0], draw=[0])
    truth = from_prior.population(built, np.random.default_rng(1))
    truth |= from_prior.effects(built, truth, np.random.default_rng(2))
    values = xr.Dataset(
        {name: (template[name].dims, truth[name][None, None]) for name in template.data_vars}, template.coords
    )
    wanted = LinearPredictor(spec, rows)(values, rows)[0, 0] - rows["v"].to_numpy()
    assert from_prior.expected(built, truth) == pytest.approx(wanted)


def test_the_prior_of_the_intercept_is_that_at_the_means_of_predictors(matrices):
    built, *_ = matrices
    drawn = [from_prior.population(built, np.random.default_rng(i)) for i in range(2000)]
    x = np.column_stack([term.values for term in built.common[1:]]).mean(axis=0)
    slopes = np.array([np.concatenate([np.atleast_1d(d[term.name]) for term in built.common[1:]]) for d in drawn])
    centred = np.array([d["Intercept"] for d in drawn]) + slopes @ x
    # Normal(0, 1.5), whatever the slopes.
    assert centred.mean() == pytest.approx(0, abs=5 * 1.5 / np.sqrt(2000))
    assert centred.std() == pytest.approx(1.5, rel=5 / np.sqrt(2 * 2000))


def test_effects_have_the_standard_deviations_and_correlations_of_their_population(matrices):
    built, *_ = matrices
    population = from_prior.population(built, np.random.default_rng(5))
    drawn = [from_prior.effects(built, population, np.random.default_rng(i)) for i in range(600)]
    intercepts = np.concatenate([d["1|id"] for d in drawn])
    slopes = np.concatenate([d["mood|id"][1] for d in drawn])
    n = len(intercepts)
    assert intercepts.std() == pytest.approx(population["1|id_sigma"], rel=5 / np.sqrt(2 * n))
    assert slopes.std() == pytest.approx(population["mood|id_sigma"][1], rel=5 / np.sqrt(2 * n))
    assert np.corrcoef(intercepts, slopes)[0, 1] == pytest.approx(population["cor_id"][1], abs=5 / np.sqrt(n))
