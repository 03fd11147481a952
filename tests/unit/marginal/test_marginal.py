"""The marginal engine against dense algebra, finite differences, quadrature, and NUTS over all parameters."""

import ctypes
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from partialpool.errors import StudyError
from partialpool.fit import fit as fit_module
from partialpool.fit.diagnostics import summarise
from partialpool.fit.store import GROUPS
from partialpool.marginal import native
from partialpool.marginal.coefficients import draw_effects
from partialpool.marginal.design import NoClosedForm, design
from partialpool.marginal.leave_out import leave_out, left_out
from partialpool.marginal.scales import Density
from partialpool.marginal.statistics import Statistics, gather, statistics
from partialpool.model import parameters
from partialpool.model.formula import complete_cases
from partialpool.model.priors import parse_priors
from scipy import stats

# ------------------------------------------------------------------------------------- against dense algebra


class Dense:
    """Units with rows of their own, and their likelihood as one multivariate normal distribution."""

    def __init__(self, units, sizes, q, p, seed=1):
        rng = np.random.default_rng(seed)
        counts = rng.integers(*sizes, units)
        self.n, self.q, self.p = counts.sum(), q, p
        self.codes = np.repeat(np.arange(units), counts)
        self.z = np.column_stack([np.ones(self.n), rng.normal(size=(self.n, 2))])[:, :q]
        # The common coefficients share columns with the effects, as they do in growth models.
        self.x = np.column_stack([np.ones(self.n), self.z[:, 1:], rng.normal(size=(self.n, 3))])[:, :p]
        self.y = rng.normal(size=self.n) + rng.normal(size=units)[self.codes]
        self.mean = rng.normal(size=p)
        xy = np.column_stack([self.x, self.y])
        self.gathered = Statistics(
            q, *gather(self.codes, units, self.z, xy), self.mean, self.n, np.zeros(p), np.eye(p), xy
        )

    def covariance(self, sigma, factor):
        effects = self.z @ factor @ factor.T @ self.z.T * (self.codes[:, None] == self.codes)
        return sigma**2 * np.eye(self.n) + effects + self.x @ self.x.T

    def log_likelihood(self, sigma, factor):
        return stats.multivariate_normal.logpdf(self.y, self.x @ self.mean, self.covariance(sigma, factor))

    def log_predictive(self, sigma, factor, inside):
        """Log density of the rows inside, given the others."""
        covariance, residual = self.covariance(sigma, factor), self.y - self.x @ self.mean
        inside = np.isin(np.arange(self.n), inside)
        gain = np.linalg.solve(covariance[np.ix_(~inside, ~inside)], covariance[np.ix_(~inside, inside)])
        left = covariance[np.ix_(inside, inside)] - gain.T @ covariance[np.ix_(~inside, inside)]
        return stats.multivariate_normal.logpdf(residual[inside], gain.T @ residual[~inside], left)


def factor_of(q, sd, correlation):
    matrix = np.full((q, q), correlation)
    np.fill_diagonal(matrix, 1)
    return sd * np.linalg.cholesky(matrix)


SCALES = [(0.7, 0.3), (1e-8, 0.9999), (0.7, 0.9999), (1e-8, 0.0), (30.0, 0.5)]
UNITS = {"several rows": (1, 6), "one row": (1, 2)}


@pytest.fixture(scope="module", params=[(q, p, name) for q in (1, 2, 3) for p in (1, 4) for name in UNITS], ids=str)
def dense(request):
    q, p, name = request.param
    return Dense(20, UNITS[name], q, p)


@pytest.mark.parametrize("scales", SCALES, ids=str)
def test_log_likelihood_is_that_of_the_multivariate_normal(dense, scales):
    factor = factor_of(dense.q, *scales)
    value, _, _ = dense.gathered.log_likelihood(0.5, factor)
    assert value == pytest.approx(dense.log_likelihood(0.5, factor), rel=1e-10)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_the_likelihood_of_many_units_is_the_sum_of_theirs(size):
    """Sixty times the same units, without common coefficients: determinants neither overflow nor vanish."""
    rng = np.random.default_rng(1)
    codes, factor = np.repeat(np.arange(128), 3), size * np.array([[0.5, 0.0], [0.1, 0.3]])
    z, y = np.column_stack([np.ones(384), rng.normal(size=384)]), size * rng.normal(size=(384, 1))

    def found(times):
        units = (codes + 128 * np.arange(times)[:, None]).ravel()
        gathered = gather(units, 128 * times, np.tile(z, (times, 1)), np.tile(y, (times, 1)))
        nothing = np.empty(0), 384 * times, np.empty(0), np.empty((0, 0)), y
        value, d_sigma, d_factor = Statistics(2, *gathered, *nothing).log_likelihood(0.5 * size, factor)
        return np.array([value, d_sigma, *d_factor.ravel()])

    np.testing.assert_allclose(found(60), 60 * found(1), rtol=1e-9)


@pytest.mark.parametrize("scales", SCALES, ids=str)
def test_gradient_is_that_of_finite_differences(dense, scales):
    factor = factor_of(dense.q, *scales)
    _, d_sigma, d_factor = dense.gathered.log_likelihood(0.5, factor)

    def slope(direction, entry=None):
        # Of the dense likelihood, by Richardson extrapolation of central differences.
        def central(step):
            up, down = factor.copy(), factor.copy()
            if entry is not None:
                up[entry], down[entry] = up[entry] + step, down[entry] - step
            s = step * direction
            return (dense.log_likelihood(0.5 + s, up) - dense.log_likelihood(0.5 - s, down)) / (2 * step)

        step = 1e-3 * max(abs(factor[entry]), 0.5) if entry is not None else 1e-3
        return (4 * central(step / 2) - central(step)) / 3

    assert d_sigma == pytest.approx(slope(1), rel=1e-6, abs=1e-6)
    for entry in zip(*np.tril_indices(dense.q), strict=True):
        assert d_factor[entry] == pytest.approx(slope(0, entry), rel=1e-6, abs=1e-6)
    assert (d_factor[np.triu_indices(dense.q, 1)] == 0).all()


@pytest.mark.parametrize("scales", SCALES, ids=str)
@pytest.mark.parametrize("estimand", ["observation", "unit", "half of a unit"])
def test_what_is_left_out_has_the_conditional_density_of_the_multivariate_normal(dense, scales, estimand):
    factor = factor_of(dense.q, *scales)
    subsets = {
        "observation": np.arange(dense.n),
        "unit": dense.codes,
        "half of a unit": np.unique(dense.codes * 2 + np.arange(dense.n) % 2, return_inverse=True)[1],
    }[estimand]
    given = np.array([0.5]), factor[None]
    (ours,) = left_out(dense.gathered, dense.z, dense.codes, *given, subsets)
    expected = [dense.log_predictive(0.5, factor, np.flatnonzero(subsets == s)) for s in range(subsets.max() + 1)]
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("scales", [(0.7, 0.3), (1e-8, 0.9), (30.0, 0.5)], ids=str)
def test_effects_are_drawn_from_their_conditional_distribution(scales):
    dense, draws = Dense(5, (1, 6), 2, 2), 40_000
    factor = factor_of(2, *scales)
    sigma, factors = np.full(draws, 0.5), np.tile(factor, (draws, 1, 1))
    b = np.tile([0.3, -0.2], (draws, 1))
    effects = draw_effects(dense.gathered, sigma, factors, b, slice(None), np.random.default_rng(1), 5)
    for unit in range(5):
        own = dense.codes == unit
        z, prior = dense.z[own], factor @ factor.T
        gain = prior @ z.T @ np.linalg.inv(0.25 * np.eye(own.sum()) + z @ prior @ z.T)
        mean, covariance = gain @ (dense.y[own] - dense.x[own] @ b[0]), prior - gain @ z @ prior
        found = effects[:, unit]
        spread = np.sqrt(np.diag(covariance))
        assert (np.abs(found.mean(axis=0) - mean) < 5 * spread / np.sqrt(draws)).all()
        # The largest of three relative errors of sample (co)variances, each sqrt(2 / draws) or less.
        error = np.cov(found.T) - covariance
        assert (np.abs(error) < 5 * np.sqrt(2 / draws) * np.outer(spread, spread)).all()


def test_without_effects_of_units(make_spec, units):
    """No pooling: a coefficient of each unit, and one scale."""
    spec = make_spec("y ~ 0 + id + x", "b sigma")
    rows = complete_cases(spec, units)
    matrices = design(spec, rows)
    gathered = statistics(matrices)
    covariance = matrices.x @ np.diag(matrices.prior_sd**2) @ matrices.x.T
    mean = matrices.x @ matrices.prior_mean

    def expected(sigma, keep=slice(None)):
        total = covariance + sigma**2 * np.eye(len(rows))
        return stats.multivariate_normal.logpdf(matrices.y[keep], mean[keep], total[keep, keep])

    for sigma in (0.05, 0.3, 20.0):
        value, slope, _ = gathered.log_likelihood(sigma, np.zeros((0, 0)))
        assert value == pytest.approx(expected(sigma), rel=1e-10)
        h = 1e-4 * sigma
        assert slope == pytest.approx((expected(sigma + h) - expected(sigma - h)) / (2 * h), rel=1e-5)


@pytest.mark.parametrize(
    ("formula", "priors"),
    [
        ("y ~ 1 + x + z + (1 + x + z | id)", {"sd": "HalfStudentT(3, 2.5)", "sigma": "Exponential(1)"}),
        ("y ~ 0 + group + (0 + mood | id)", {"sd": "HalfNormal(2)", "sigma": "Gamma(2, 1)"}),
    ],
)
def test_density_of_the_scales(make_spec, units, formula, priors):
    """The prior is PyMC's on the unconstrained space, and the gradient is that of finite differences."""
    spec = make_spec(formula, "b cor sd sigma" if "0 +" in formula else "Intercept b cor sd sigma")
    spec = replace(spec, priors=dict(spec.priors) | parse_priors(priors))
    matrices = design(spec, complete_cases(spec, units))
    density = Density(matrices, statistics(matrices))
    logp, names = density.model.compile_logp(), [v.name for v in density.model.value_vars]
    shapes = [density.shapes[v.name] for v in density.model.free_RVs]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    for x in np.random.default_rng(1).normal(size=(3, density.dimensions)):
        pieces = np.split(x, ends[:-1])
        point = {name: piece.reshape(shape) for name, piece, shape in zip(names, pieces, shapes, strict=True)}
        assert density(x)[0][0] == pytest.approx(float(logp(point)), rel=1e-10)
        steps = 1e-5 * np.eye(len(x))
        slopes = [(density.gradient(x + step)[0] - density.gradient(x - step)[0]) / 2e-5 for step in steps]
        np.testing.assert_allclose(density.gradient(x)[1], slopes, rtol=1e-5, atol=1e-5)
        value, gradient = called(density, x)
        np.testing.assert_allclose([value, *gradient], [density.gradient(x)[0], *density.gradient(x)[1]], rtol=1e-12)


def called(density, x):
    """The C function that nutpie calls, at x."""
    mode, root = density.frame
    z, gradient, value = np.linalg.solve(root, x - mode), np.zeros(len(x)), np.zeros(1)
    pointer = ctypes.POINTER(ctypes.c_double)
    arguments = [array.ctypes.data_as(pointer) for array in (z, gradient, value)]
    assert native.density.ctypes(len(x), *arguments, density.record.ctypes.data) == 0
    return value[0], np.linalg.solve(root.T, gradient)


# ------------------------------------------------------------------------------------- which models


@pytest.mark.parametrize(
    ("formula", "classes", "changes", "says"),
    [
        ("count ~ x + (1 | id)", "Intercept b sd", {"family": "poisson"}, "family is poisson"),
        ("y ~ x + (1 | id)", "Intercept b sd sigma", {"link": "log"}, "link is log"),
        ("y ~ x + (1 | id) + (1 | group)", "Intercept b sd sigma", {}, "several grouping factors: group, id"),
        ("y ~ x", "Intercept sigma", {"priors": {"b": "StudentT(3, 0, 1)"}}, "prior of x is StudentT"),
    ],
)
def test_a_model_that_cannot_be_marginal_says_why(make_spec, units, capsys, formula, classes, changes, says):
    spec = make_spec(formula, classes, **changes)
    rows = complete_cases(spec, units)
    with pytest.raises(NoClosedForm, match=says):
        design(spec, rows)
    with pytest.raises(StudyError, match=f"'engine: marginal' cannot fit this model: .*{says}"):
        fit_module.fit(replace(spec, engine="marginal"), units)


def test_auto_takes_nuts_where_it_must_and_the_log_says_why(make_spec, units, capsys):
    spec = make_spec("count ~ 1", "Intercept", family="poisson", engine="auto", draws=10, warmup=10)
    assert fit_module.fit(spec, units).attrs["engine"] == "nuts"
    assert "Engine: nuts, because the model cannot be marginal: its family is poisson" in capsys.readouterr().out


# ------------------------------------------------------------------------------------- the fit


@pytest.fixture(scope="module")
def quick(correlated, units):
    return fit_module.fit(replace(correlated, engine="auto"), units)


def test_nothing_downstream_knows_which_engine_ran(quick, fit):
    assert (quick.attrs["engine"], fit.attrs["engine"]) == ("marginal", "nuts")
    for group in GROUPS:
        ours, theirs = quick[group].to_dataset(), fit[group].to_dataset()
        if group == "sample_stats":
            assert set(ours) == set(theirs)
            continue
        assert list(ours.data_vars) == list(theirs.data_vars)
        for name in theirs.variables:
            assert ours[name].dims == theirs[name].dims
            assert ours[name].dtype == theirs[name].dtype
            if name not in theirs.data_vars or group.endswith("_data"):
                assert (ours[name].values == theirs[name].values).all()
    family = ("family_parameters", "link")
    assert [quick["posterior"].attrs[a] for a in family] == [fit["posterior"].attrs[a] for a in family]


def test_log_likelihood_is_that_of_the_draws(quick, units):
    posterior = quick["posterior"].to_dataset()
    ids = units["id"].astype(str).to_numpy()
    intercepts, slopes = (
        posterior[name].sel(id__factor_dim=ids).to_numpy() + posterior[common].to_numpy()[..., None]
        for name, common in (("1|id", "Intercept"), ("x|id", "x"))
    )
    expected = stats.norm.logpdf(
        units["y"].to_numpy(), intercepts + slopes * units["x"].to_numpy(), posterior["sigma"].to_numpy()[..., None]
    )
    np.testing.assert_allclose(quick["log_likelihood"]["y"], expected, rtol=1e-9, atol=1e-9)


def test_same_seed_same_draws_whatever_the_cores(quick, correlated, units):
    again = fit_module.fit(replace(correlated, engine="auto"), units, cores=2)
    for group in GROUPS:
        assert quick[group].to_dataset().identical(again[group].to_dataset())


IN_A_PROCESS = """
import json, sys
import partialpool.jobs.job
import pandas as pd
from partialpool.fit import fit, store
from partialpool.model.spec import ModelSpec
spec = ModelSpec.from_dict(json.loads(sys.argv[1]))
store.save(fit.fit(spec, pd.read_parquet(sys.argv[2])), sys.argv[3], spec=spec, data_sha256="0")
"""


def test_same_seed_same_draws_whatever_was_compiled_before(tmp_path, correlated, units):
    units.to_parquet(tmp_path / "units.parquet")
    environment = os.environ | {
        "PYTENSOR_FLAGS": f"base_compiledir={tmp_path}/compiled",
        "NUMBA_CACHE_DIR": f"{tmp_path}/numba",
        "PYTHONPATH": str(Path(fit_module.__file__).parents[2]),
    }
    spec = replace(correlated, engine="marginal", draws=300, warmup=300)
    for name in ("compiled.nc", "cached.nc"):
        arguments = [json.dumps(spec.to_dict()), tmp_path / "units.parquet", tmp_path / name]
        subprocess.run([sys.executable, "-c", IN_A_PROCESS, *arguments], env=environment, check=True)
        assert list((tmp_path / "numba").rglob("*.nbi"))
    assert (tmp_path / "compiled.nc").read_bytes() == (tmp_path / "cached.nc").read_bytes()


FORMULAS = [
    ("y ~ 1 + x + (1 + x | id)", "Intercept b sd cor sigma"),
    ("y ~ 1 + x + z + (1 | id) + (0 + x | id)", "Intercept b sd sigma"),
    ("y ~ 0 + group + x + (0 + mood | id)", "b sd cor sigma"),
    ("y ~ 1 + x + offset(v) + (1 + x + z | id)", "Intercept b sd cor sigma"),
    ("y ~ 0 + id", "b sigma"),
]


@pytest.mark.numbers
@pytest.mark.parametrize("sampler", ["nutpie", "pymc"])
@pytest.mark.parametrize(("formula", "classes"), FORMULAS)
def test_both_engines_agree(make_spec, units, formula, classes, sampler):
    """Mean, sd and quantiles of every parameter within 5 combined Monte Carlo standard errors."""
    if sampler == "pymc" and formula != FORMULAS[0][0]:
        pytest.skip("PyMC's own NUTS: one model is enough")
    from arviz_stats.base import array_stats

    spec = make_spec(formula, classes, chains=4, warmup=800, draws=1000, target_accept=0.95)
    quantities = {
        "mean": (np.mean, {"method": "mean"}),
        "sd": (lambda draws: draws.std(ddof=1), {"method": "sd"}),
        "2.5 %": (lambda draws: np.quantile(draws, 0.025), {"method": "quantile", "prob": 0.025}),
        "97.5 %": (lambda draws: np.quantile(draws, 0.975), {"method": "quantile", "prob": 0.975}),
    }
    found = []
    for changes in ({"engine": "marginal", "sampler": sampler}, {"engine": "nuts"}):
        posterior = fit_module.fit(replace(spec, **changes), units)["posterior"].to_dataset()
        found.append({p.name: p.draws(posterior) for p in parameters.of(posterior)})
    ours, theirs = found
    assert list(ours) == list(theirs)
    for name, draws in ours.items():
        for quantity, (function, options) in quantities.items():
            error = np.hypot(array_stats.mcse(draws, **options), array_stats.mcse(theirs[name], **options))
            assert abs(function(draws) - function(theirs[name])) < 5 * error, (name, quantity)


# ------------------------------------------------------------------------------------- leave-one-out


def test_rows_of_several_units_cannot_be_left_out_together(make_spec, units, quick, correlated):
    matrices = design(correlated, complete_cases(correlated, units))
    with pytest.raises(NoClosedForm, match="several members of id"):
        leave_out(matrices, quick["posterior"].to_dataset(), np.arange(len(units)) // 20)


def test_summaries_of_a_marginal_fit_pass_through_diagnostics(quick):
    summary = summarise(quick["posterior"].to_dataset())
    assert summary["parameter"].tolist()[:6] == [
        "Intercept",
        "x",
        "sd(Intercept)",
        "sd(x)",
        "cor(Intercept,x)",
        "sigma",
    ]
    assert summary["mean"].notna().all()


def test_units_are_known_by_name_whatever_their_order(make_spec, units):
    """Effects belong to the unit with that id, and not to one at that place."""
    spec = make_spec("y ~ 1 + (1 | id)", "Intercept sd sigma", engine="marginal", chains=2, draws=500, warmup=300)
    shifted = units.assign(y=units["y"] + 50 * (units["id"] == 101))
    shuffled = shifted.sample(frac=1, random_state=2, ignore_index=True)
    effects = fit_module.fit(spec, shuffled)["posterior"]["1|id"].mean(("chain", "draw")).to_series()
    assert effects.idxmax() == "101"
    assert effects.index.tolist() == complete_cases(spec, units)["id"].cat.categories.tolist()


@pytest.mark.numbers
def test_summaries_of_units_are_those_of_their_draws(correlated, units, make_spec):
    from arviz_stats.base import array_stats

    spec = replace(correlated, engine="marginal", chains=4, draws=1000, warmup=500)
    summaries = fit_module.fit(replace(spec, group_effects="summary"), units, cores=2)
    draws = fit_module.fit(replace(spec, group_effects="draws"), units)
    assert not {"1|id", "x|id"} & set(summaries["posterior"].data_vars)
    for name in ("1|id", "x|id"):
        ours = summaries["group_effects"][name]
        assert ours.dims == ("statistic", "id__factor_dim")
        values = draws["posterior"][name].transpose("id__factor_dim", "chain", "draw").to_numpy()
        assert ours["id__factor_dim"].values.tolist() == draws["posterior"]["id__factor_dim"].values.tolist()
        for statistic, function, options in (
            ("mean", np.mean, {"method": "mean"}),
            ("sd", np.std, {"method": "sd"}),
            ("q2.5", lambda x: np.quantile(x, 0.025), {"method": "quantile", "prob": 0.025}),
            ("q97.5", lambda x: np.quantile(x, 0.975), {"method": "quantile", "prob": 0.975}),
        ):
            for unit, own in zip(ours.sel(statistic=statistic).to_numpy(), values, strict=True):
                # From a quarter of as many draws: twice the error of the draws, and that of the draws.
                assert abs(unit - function(own)) < 5 * np.sqrt(5) * array_stats.mcse(own, **options)


def test_a_summary_is_for_the_marginal_engine(make_spec, units):
    spec = make_spec("count ~ x + (1 | id)", "Intercept b sd", family="poisson", engine="auto", group_effects="summary")
    with pytest.raises(StudyError, match="'group_effects: summary' needs the marginal engine"):
        fit_module.fit(spec, units)
