"""NUTS on many outcomes of one compiled model, held against the numpy simulation of the same model."""

import numpy as np
import pytest
from partialpool.model import parameters
from partialpool.simulation.engine import engine_of
from partialpool.simulation.nuts import NutsEngine, halves_of_partial_correlations

# The model is compiled once for all tests here, which takes ten seconds.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engines(make_spec, units):
    """Both engines of one model."""
    spec = make_spec("y ~ 1 + x + group + (1 + x | id)")
    nuts, _ = engine_of(spec, units)
    marginal, _ = engine_of(make_spec("y ~ 1 + x + group + (1 + x | id)", engine="marginal"), units)
    assert isinstance(nuts, NutsEngine)
    return nuts, marginal


def draws_of(engine, n):
    return [engine.from_prior(seed) for seed in np.random.SeedSequence(1).spawn(n)]


def test_prior_and_outcome_are_those_of_the_marginal_engine(engines):
    from scipy import stats

    truths = [draws_of(engine, 400) for engine in engines]
    for name in ("Intercept", "x", "sigma", "1|id_sigma", "x|id_sigma", "cor_id"):
        nuts, marginal = ([float(np.ravel(t.parameters[name])[0]) for t in own] for own in truths)
        assert stats.ks_2samp(nuts, marginal).pvalue > 1e-4, name
    nuts, marginal = ([t.outcome.std() for t in own] for own in truths)
    assert stats.ks_2samp(nuts, marginal).pvalue > 1e-4


def test_log_likelihood_is_that_of_the_outcome(engines):
    """Both engines know the density of the same outcome at the same parameters."""
    nuts, marginal = engines
    [truth] = draws_of(nuts, 1)
    from partialpool.simulation.from_prior import expected
    from scipy import stats

    wanted = stats.norm(expected(marginal.matrices, truth.parameters), truth.parameters["sigma"]).logpdf(truth.outcome)
    assert truth.log_likelihood == pytest.approx(wanted)


def test_a_truth_depends_on_its_seed_only(engines):
    nuts, _ = engines
    first, second = draws_of(nuts, 2)
    again, _ = draws_of(nuts, 2)
    assert (again.outcome == first.outcome).all()
    assert (second.outcome != first.outcome).all()


def test_new_units_come_from_the_population_that_is_given(engines):
    nuts, _ = engines
    [truth] = draws_of(nuts, 1)
    kinds = ("Intercept", "x", "group", "sigma", "1|id_sigma", "x|id_sigma", "cor_id")
    given = {name: truth.parameters[name] for name in kinds}
    drawn = nuts.from_population(given, np.random.SeedSequence(5))
    for name in kinds:
        assert drawn.parameters[name] == pytest.approx(given[name]), name
    assert (drawn.parameters["1|id"] != truth.parameters["1|id"]).all()


def test_a_fit_has_the_parameters_of_the_model_and_finds_them(engines):
    nuts, marginal = engines
    [truth] = draws_of(marginal, 1)
    fitted, other = nuts.fit(truth.outcome, 1), marginal.fit(truth.outcome, 1)
    names = {one.name: one for one in parameters.of(fitted.posterior)}
    assert set(names) == {one.name for one in parameters.of(other.posterior)}
    assert fitted.log_likelihood.shape == other.log_likelihood.shape
    for one in parameters.of(other.posterior):
        if one.kind in ("common", "family"):
            here, there = names[one.name].draws(fitted.posterior), one.draws(other.posterior)
            # Means of a thousand draws of each, of which a hundred at least are worth as much as independent ones.
            assert here.mean() == pytest.approx(there.mean(), abs=5 * there.std() * np.sqrt(2 / 100)), one.name


def test_halves_of_partial_correlations_of_two_effects_are_those_of_the_correlation():
    assert halves_of_partial_correlations(np.array([0.4])) == pytest.approx([0.7])
    # Of three: (0.5 - 0.3 * 0.2) / sqrt((1 - 0.09)(1 - 0.04)).
    wanted = (0.5 - 0.06) / np.sqrt(0.91 * 0.96)
    assert halves_of_partial_correlations(np.array([0.3, 0.2, 0.5])) == pytest.approx([0.65, 0.6, (1 + wanted) / 2])
