import numpy as np
import pandas as pd
import pytest
from partialpool.fit.fit import fit
from partialpool.loo.joint import Density, Unrecoverable
from partialpool.loo.kfold import units
from partialpool.loo.pointwise import monte_carlo_error
from partialpool.loo.psis import of_fit, relative_error
from partialpool.loo.refit import bridge, mean_density, observations
from scipy import stats
from scipy.special import logsumexp

# ---------------------------------------------------------------------------------------- Gaussian, by quadrature

FORMULA = "y ~ 1 + x + (1 | id)"
SETTINGS = {"warmup": 300, "draws": 1000, "engine": "nuts"}
EVERYONE = 10


@pytest.fixture(scope="module")
def measured():
    """Ten units, eight measured four times, two once; three measurements are far off."""
    rng = np.random.default_rng(5)
    unit = np.repeat(np.arange(EVERYONE), [4] * 8 + [1, 1])
    x = rng.normal(size=unit.size)
    y = 0.3 + 0.5 * x + rng.normal(0, 1.5, EVERYONE)[unit] + rng.normal(0, 0.5, unit.size)
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
    assert set(ladder.columns) == {
        "row",
        "elpd",
        "pareto_k",
        "p_loo",
        "mcse",
        "method",
        "elpd_batches",
        "p_loo_batches",
    }
    good = pointwise["pareto_k"] <= 0.7
    assert good.sum() in range(1, len(good))
    assert (ladder["method"] == "psis").equals(good)
    pd.testing.assert_frame_equal(ladder[good], pointwise[good])
    assert (ladder["pareto_k"] <= 0.7).all()
    assert (ladder.loc[ladder["method"] == "refit", "pareto_k"] == 0).all()
    assert (ladder.loc[ladder["method"] == "moment_matching", "pareto_k"] <= 0.5).all()
    assert ladder["method"].iloc[-1] == "refit", "the only row of a unit"
    np.testing.assert_allclose(ladder["elpd"] + ladder["p_loo"], pointwise["elpd"] + pointwise["p_loo"])
    # The errors of rows with draws of their own are their own; those of the density left in are as they were.
    assert not np.stack(ladder.loc[~good, "elpd_batches"]).any()
    left_in = [np.stack(table["elpd_batches"] + table["p_loo_batches"]) for table in (ladder, pointwise)]
    np.testing.assert_allclose(*left_in)
    assert np.isfinite(monte_carlo_error(ladder))
    assert (pointwise["method"] == "psis").all()


@pytest.mark.numbers
def test_better_rows_are_those_of_quadrature(ladder, measured, evidence):
    better = ladder[ladder["method"] != "psis"]
    exact = np.array([left_out(measured, evidence, row) for row in better["row"]])
    assert (np.abs(better["elpd"] - exact) < 4 * better["mcse"]).all(), better.assign(exact=exact)


@pytest.mark.numbers
def test_refits_are_those_of_quadrature(tree, spec, measured, evidence, pointwise, monkeypatch, capsys):
    def refuse(self, tree):
        raise Unrecoverable("it is a test")

    monkeypatch.setattr(Density, "recover", refuse)
    # The unit measured once and not far off has a good k; it is to be refitted too.
    rows = [3 + 100, len(measured) - 2 + 100, len(measured) - 1 + 100]
    pretended = pointwise.assign(pareto_k=np.where(pointwise["row"].isin(rows), 0.9, 0.1))
    table = observations(tree, spec, measured, pretended, cores=2).set_index("row").loc[rows]
    assert (table["method"] == "refit").all()
    assert "No moment matching: it is a test." in capsys.readouterr().out
    exact = np.array([left_out(measured, evidence, row) for row in rows])
    assert (np.abs(table["elpd"] - exact) < 4 * table["mcse"]).all(), table.assign(exact=exact)
    assert table["mcse"].max() < 0.2


def test_nothing_is_done_where_all_is_good(spec, measured, pointwise):
    good = pointwise.assign(pareto_k=0.5)
    assert observations(None, spec, measured, good, cores=1).equals(good)


@pytest.mark.numbers
def test_units_are_those_of_quadrature(spec, measured, evidence):
    table = units(spec, measured, folds=2, cores=2)
    assert list(table.columns) == ["unit", "elpd", "mcse"]
    assert table["unit"].tolist() == [str(i + 1) for i in range(EVERYONE)]
    shuffled = np.random.default_rng(spec.seed).permutation(EVERYONE)
    unit, exact = measured["id"].to_numpy() - 1, np.empty(EVERYONE)
    for fold in (shuffled[::2], shuffled[1::2]):
        kept = ~np.isin(unit, fold)
        for own in fold:
            exact[own] = evidence(np.flatnonzero(kept | (unit == own))) - evidence(np.flatnonzero(kept))
    assert (np.abs(table["elpd"] - exact) < 4 * table["mcse"]).all(), table.assign(exact=exact)
    assert table["mcse"].median() < 0.1


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

    table = units(spec, data, folds=10, cores=2)
    everyone = np.arange(8)
    exact = [evidence(everyone) - evidence(np.setdiff1d(everyone, [i, i + 1])) for i in range(0, 8, 2)]
    assert (np.abs(table["elpd"] - exact) < 4 * table["mcse"]).all(), table.assign(exact=exact)

    tree = fit(spec, data, cores=2)
    pointwise = of_fit(tree)
    table = observations(tree, spec, data, pointwise, cores=2)
    assert table["method"].iloc[-1] != "psis"
    exact = evidence(everyone) - evidence(everyone[:-1])
    assert abs(table["elpd"].iloc[-1] - exact) < 4 * table["mcse"].iloc[-1]


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
    found = bridge(*densities)
    assert abs(found.elpd - exact) < 4 * found.mcse
    assert found.mcse < 0.1
    assert found.pareto_k == 0


@pytest.mark.numbers
def test_mean_density_knows_when_it_is_none(densities):
    assert mean_density(densities[0]).pareto_k > 0.7
    near = stats.norm.logpdf(1.0, np.random.default_rng(9).normal(size=(2, 2000, 3)))
    found = mean_density(near)
    assert found.pareto_k < 0.7
    assert abs(found.elpd - stats.norm.logpdf(1.0, 0, np.sqrt(2))) < 4 * found.mcse
    assert found.mcse == pytest.approx(relative_error(logsumexp(near, axis=-1)))
