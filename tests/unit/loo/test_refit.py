from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from partialpool.fit.fit import fit
from partialpool.loo.joint import Density, Unrecoverable
from partialpool.loo.kfold import units as units_by_folds
from partialpool.loo.psis import of_fit
from partialpool.loo.refit import bridge, mean_density, observations
from partialpool.weights.smoothing import relative_error
from scipy import stats
from scipy.special import logsumexp

# Each test compiles models for NUTS, or fits them many times.
pytestmark = pytest.mark.slow

# ---------------------------------------------------------------------------------------- Gaussian, by quadrature

FORMULA = "y ~ 1 + x + (1 | id)"
SETTINGS = {"warmup": 300, "draws": 1000, "engine": "nuts"}
N_UNITS = 10


@pytest.fixture(scope="module")
def measured():
    """Ten units, eight measured four times, two once; three measurements are far off."""
    rng = np.random.default_rng(5)
    unit = np.repeat(np.arange(N_UNITS), [4] * 8 + [1, 1])
    x = rng.normal(size=unit.size)
    y = 0.3 + 0.5 * x + rng.normal(0, 1.5, N_UNITS)[unit] + rng.normal(0, 0.5, unit.size)
    y[[3, -1]] += 2.5, 5
    return pd.DataFrame({"id": unit + 1, "x": x, "y": y, "row": np.arange(unit.size) + 100})


@pytest.fixture(scope="module")
def spec(make_spec):
    return make_spec(FORMULA, "Intercept b sd sigma", **SETTINGS)


@pytest.fixture(scope="module")
def tree(spec, measured):
    return fit(spec, measured)


@pytest.fixture(scope="module")
def evidence(measured):
    """Log marginal likelihood of rows, up to a constant: coefficients by algebra, both scales on a grid."""
    x = measured["x"].to_numpy()
    design = np.column_stack([np.ones(len(x)), x - x.mean()])
    common = design @ np.diag([1.5**2, 1]) @ design.T
    same = np.equal.outer(measured["id"].to_numpy(), measured["id"].to_numpy())
    log_sigma, log_sd = (grid.ravel() for grid in np.meshgrid(np.linspace(-3, 2.5, 60), np.linspace(-5, 3, 60)))
    sigma, sd = np.exp(log_sigma), np.exp(log_sd)
    log_prior = stats.expon.logpdf(sigma, scale=1 / 2) + stats.expon.logpdf(sd) + log_sigma + log_sd

    def evidence(keep):
        square = np.ix_(keep, keep)
        covariance = common[square] + sd[:, None, None] ** 2 * same[square]
        covariance = covariance + sigma[:, None, None] ** 2 * np.eye(len(keep))
        cholesky = np.linalg.cholesky(covariance)
        standard = np.linalg.solve(cholesky, measured["y"].to_numpy()[keep][:, None])[..., 0]
        log_determinant = np.log(np.diagonal(cholesky, axis1=1, axis2=2)).sum(axis=1)
        constant = len(keep) * np.log(2 * np.pi) / 2
        return logsumexp(log_prior - 0.5 * (standard**2).sum(axis=1) - log_determinant) - constant

    return evidence


def without(measured, rows):
    return np.setdiff1d(np.arange(len(measured)), rows)


def left_out(measured, evidence, row):
    return evidence(np.arange(len(measured))) - evidence(without(measured, [row - 100]))


@pytest.fixture(scope="module")
def pointwise(tree):
    return of_fit(tree)


@pytest.fixture(scope="module")
def ladder(tree, spec, measured, pointwise):
    return observations(tree, spec, measured, pointwise, cores=2)


def test_each_row_says_how(ladder, pointwise):
    good = ~pointwise.bad
    assert good.sum() in range(1, len(good))
    assert ((ladder.method == "psis") == good).all()
    for name, value in vars(pointwise.take(good)).items():
        np.testing.assert_array_equal(getattr(ladder.take(good), name), value)
    assert not ladder.bad.any()
    assert (ladder.pareto_k[ladder.method == "refit"] == 0).all()
    assert (ladder.pareto_k[ladder.method == "moment_matching"] <= 0.5).all()
    assert ladder.method[-1] == "refit", "the only row of a unit"
    np.testing.assert_allclose(ladder.elpd + ladder.p_loo, pointwise.elpd + pointwise.p_loo)
    # The errors of rows with draws of their own are their own; those of the density left in are as they were.
    assert not ladder.elpd_batches[~good].any()
    np.testing.assert_allclose(
        ladder.elpd_batches + ladder.p_loo_batches, pointwise.elpd_batches + pointwise.p_loo_batches
    )
    assert np.isfinite(ladder.mcse_of_total())
    assert (pointwise.method == "psis").all()


def assert_agree(pointwise, exact):
    """All values are within four Monte Carlo errors of exact ones."""
    z = (pointwise.elpd - exact) / pointwise.mcse
    assert (np.abs(z) < 4).all(), pd.DataFrame({"label": pointwise.labels, "z": z, "exact": exact}).to_string()


@pytest.mark.numbers
def test_better_rows_are_those_of_quadrature(ladder, measured, evidence):
    better = ladder.take(ladder.method != "psis")
    assert_agree(better, [left_out(measured, evidence, row) for row in better.labels])


@pytest.mark.numbers
def test_refits_are_those_of_quadrature(tree, spec, measured, evidence, pointwise, monkeypatch, capsys):
    def refuse(self, tree):
        raise Unrecoverable("it is a test")

    monkeypatch.setattr(Density, "recover", refuse)
    # The unit measured once and not far off has a good k; it is to be refitted too.
    rows = [3 + 100, len(measured) - 2 + 100, len(measured) - 1 + 100]
    pretended = replace(pointwise, pareto_k=np.where(np.isin(pointwise.labels, rows), 0.9, 0.1))
    better = observations(tree, spec, measured, pretended, cores=2)
    better = better.take(np.isin(better.labels, rows))
    assert (better.method == "refit").all()
    assert "No moment matching: it is a test." in capsys.readouterr().out
    assert_agree(better, [left_out(measured, evidence, row) for row in better.labels])
    assert better.mcse.max() < 0.2


def test_nothing_is_done_where_all_is_good(spec, measured, pointwise):
    good = replace(pointwise, pareto_k=np.full(len(pointwise), 0.5))
    assert observations(None, spec, measured, good, cores=1) is good


def test_more_refits_than_allowed_are_none(tree, spec, measured, pointwise, monkeypatch, capsys):
    def refuse(self, tree):
        raise Unrecoverable("it is a test")

    monkeypatch.setattr(Density, "recover", refuse)
    bad = replace(pointwise, pareto_k=np.where(np.arange(len(measured)) < 6, 0.9, 0.1))
    left = observations(tree, spec, measured, bad, most=5, cores=2)
    np.testing.assert_array_equal(left.elpd, bad.elpd)
    assert left.bad.sum() == 6
    assert "6 need refits.\nNo refits, because there are more than 5." in capsys.readouterr().out


@pytest.mark.numbers
def test_units_are_those_of_quadrature(spec, measured, evidence):
    pointwise = units_by_folds(spec, measured, folds=2, cores=2)
    assert pointwise.labels.tolist() == [str(i + 1) for i in range(N_UNITS)]
    assert (pointwise.method == "kfold").all()
    shuffled = np.random.default_rng(spec.seed).permutation(N_UNITS)
    unit, exact = measured["id"].to_numpy() - 1, np.empty(N_UNITS)
    for fold in (shuffled[::2], shuffled[1::2]):
        kept = ~np.isin(unit, fold)
        for own in fold:
            exact[own] = evidence(np.flatnonzero(kept | (unit == own))) - evidence(np.flatnonzero(kept))
    assert_agree(pointwise, exact)
    assert np.median(pointwise.mcse) < 0.1
    assert np.isfinite(pointwise.mcse_of_total())
    assert np.isnan(pointwise.mcse_of_total("p_loo"))


# ---------------------------------------------------------------------------------------- Poisson, by quadrature


@pytest.mark.numbers
def test_counts_without_effects_of_units(make_spec):
    x = np.array([-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0])
    counts = np.array([0, 1, 1, 2, 1, 3, 4, 25])
    data = pd.DataFrame({"id": [1, 1, 2, 2, 3, 3, 4, 4], "x": x, "count": counts, "row": np.arange(8)})
    spec = make_spec("count ~ 1 + x", "Intercept b", family="poisson", **SETTINGS)
    grid = np.meshgrid(np.linspace(-4, 4, 400), np.linspace(-2, 4, 400))
    log_prior = stats.norm.logpdf(grid[0], 0, 1.5) + stats.norm.logpdf(grid[1], 0, 1)
    by_row = stats.poisson.logpmf(counts[:, None, None], np.exp(grid[0] + grid[1] * (x - x.mean())[:, None, None]))

    def evidence(rows):
        return logsumexp(log_prior + by_row[rows].sum(axis=0))

    all_rows = np.arange(8)
    exact = [evidence(all_rows) - evidence(np.setdiff1d(all_rows, [i, i + 1])) for i in range(0, 8, 2)]
    assert_agree(units_by_folds(spec, data, folds=10, cores=2), exact)

    tree = fit(spec, data, cores=2)
    pointwise = observations(tree, spec, data, of_fit(tree), cores=2)
    assert pointwise.method[-1] != "psis"
    assert_agree(pointwise.take([-1]), [evidence(all_rows) - evidence(all_rows[:-1])])


@pytest.mark.numbers
def test_a_row_far_from_all_others_takes_several_bridges(make_spec, monkeypatch, capsys):
    def refuse(self, tree):
        raise Unrecoverable("it is a test")

    monkeypatch.setattr(Density, "recover", refuse)
    counts = np.array([400, 410, 390, 405, 395, 400, 380, 900])
    data = pd.DataFrame({"id": [1, 1, 2, 2, 3, 3, 4, 4], "count": counts, "row": np.arange(8)})
    spec = make_spec("count ~ 1", "Intercept", family="poisson", **SETTINGS)
    tree = fit(spec, data)
    pretended = replace(of_fit(tree), pareto_k=np.where(np.arange(8) == 7, 0.9, 0.1))
    better = observations(tree, spec, data, pretended, cores=2)
    assert "the posterior is far away: a fit with their power 0.5" in capsys.readouterr().out
    log_mean = np.linspace(5.5, 6.5, 20_001)
    by_row = stats.poisson.logpmf(counts[:, None], np.exp(log_mean))
    together = stats.norm.logpdf(log_mean, 0, 1.5) + by_row.sum(axis=0)
    assert_agree(better.take([7]), [logsumexp(together) - logsumexp(together - by_row[7])])
    assert better.mcse[7] < 0.5
    assert better.pareto_k[7] == 0


# ---------------------------------------------------------------------------------------- estimates from draws

# A coefficient N(0, 1) without, N(m / 2, 1 / 2) with an observation m of it, whose sd is 1.
OBSERVED = 7.0


@pytest.fixture(scope="module")
def densities():
    rng = np.random.default_rng(8)
    outside, inside = rng.normal(size=(2, 2000, 3)), rng.normal(OBSERVED / 2, np.sqrt(0.5), (2, 2000))
    return stats.norm.logpdf(OBSERVED, outside), stats.norm.logpdf(OBSERVED, inside)


@pytest.mark.numbers
def test_bridge_over_a_gap(densities):
    exact = stats.norm.logpdf(OBSERVED, 0, np.sqrt(2))
    estimate = bridge(*densities)
    assert abs(estimate.elpd - exact) < 4 * estimate.mcse
    assert estimate.mcse < 0.1
    assert estimate.pareto_k == 0


@pytest.mark.numbers
def test_a_bridge_over_a_gap_that_is_too_wide_says_so():
    rng, far = np.random.default_rng(8), 14.0
    outside, inside = rng.normal(size=(2, 2000, 1)), rng.normal(far / 2, np.sqrt(0.5), (2, 2000))
    assert bridge(stats.norm.logpdf(far, outside), stats.norm.logpdf(far, inside)).pareto_k == np.inf


@pytest.mark.numbers
def test_mean_density_knows_when_it_is_none(densities):
    assert mean_density(densities[0]).pareto_k > 0.7
    near = stats.norm.logpdf(1.0, np.random.default_rng(9).normal(size=(2, 2000, 3)))
    estimate = mean_density(near)
    assert estimate.pareto_k < 0.7
    assert abs(estimate.elpd - stats.norm.logpdf(1.0, 0, np.sqrt(2))) < 4 * estimate.mcse
    assert estimate.mcse == pytest.approx(relative_error(logsumexp(near, axis=-1)))
