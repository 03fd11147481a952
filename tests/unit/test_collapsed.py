"""The collapsed engine against dense algebra, finite differences, quadrature, and NUTS over all parameters."""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from partialpool import collapsed, diagnostics, loo, models, parameters, sampling, store
from partialpool.errors import StudyError
from scipy import integrate, stats

# ------------------------------------------------------------------------------------- against dense algebra


class Dense:
    """People with rows of their own, and their likelihood as one multivariate normal distribution."""

    def __init__(self, people, sizes, q, p, seed=1):
        rng = np.random.default_rng(seed)
        counts = rng.integers(*sizes, people)
        self.n, self.q, self.p = counts.sum(), q, p
        self.codes = np.repeat(np.arange(people), counts)
        self.z = np.column_stack([np.ones(self.n), rng.normal(size=(self.n, 2))])[:, :q]
        # The common coefficients share columns with the effects, as they do in growth models.
        self.x = np.column_stack([np.ones(self.n), self.z[:, 1:], rng.normal(size=(self.n, 3))])[:, :p]
        self.y = rng.normal(size=self.n) + rng.normal(size=people)[self.codes]
        self.mean = rng.normal(size=p)
        xy = np.column_stack([self.x, self.y])
        self.gathered = collapsed.Statistics(
            q, *collapsed.gather(self.codes, people, self.z, xy), self.mean, self.n, np.zeros(p), np.eye(p), xy
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
PEOPLE = {"several rows": (1, 6), "one row": (1, 2)}


@pytest.fixture(scope="module", params=[(q, p, name) for q in (1, 2, 3) for p in (1, 4) for name in PEOPLE], ids=str)
def dense(request):
    q, p, name = request.param
    return Dense(20, PEOPLE[name], q, p)


@pytest.mark.parametrize("scales", SCALES, ids=str)
def test_log_likelihood_is_that_of_the_multivariate_normal(dense, scales):
    factor = factor_of(dense.q, *scales)
    value, _, _ = dense.gathered.log_likelihood(0.5, factor)
    assert value == pytest.approx(dense.log_likelihood(0.5, factor), rel=1e-10)


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_the_likelihood_of_many_people_is_the_sum_of_theirs(unit):
    """Sixty times the same people, without common coefficients: determinants neither overflow nor vanish."""
    rng = np.random.default_rng(1)
    codes, factor = np.repeat(np.arange(128), 3), unit * np.array([[0.5, 0.0], [0.1, 0.3]])
    z, y = np.column_stack([np.ones(384), rng.normal(size=384)]), unit * rng.normal(size=(384, 1))

    def found(times):
        people = (codes + 128 * np.arange(times)[:, None]).ravel()
        gathered = collapsed.gather(people, 128 * times, np.tile(z, (times, 1)), np.tile(y, (times, 1)))
        nothing = np.empty(0), 384 * times, np.empty(0), np.empty((0, 0)), y
        value, d_sigma, d_factor = collapsed.Statistics(2, *gathered, *nothing).log_likelihood(0.5 * unit, factor)
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
@pytest.mark.parametrize("unit", ["observation", "person", "half of a person"])
def test_what_is_left_out_has_the_conditional_density_of_the_multivariate_normal(dense, scales, unit):
    factor = factor_of(dense.q, *scales)
    subsets = {
        "observation": np.arange(dense.n),
        "person": dense.codes,
        "half of a person": np.unique(dense.codes * 2 + np.arange(dense.n) % 2, return_inverse=True)[1],
    }[unit]
    given = np.array([0.5]), factor[None]
    (ours,) = collapsed.left_out(dense.gathered, dense.z, dense.codes, *given, subsets)
    expected = [dense.log_predictive(0.5, factor, np.flatnonzero(subsets == s)) for s in range(subsets.max() + 1)]
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("scales", [(0.7, 0.3), (1e-8, 0.9), (30.0, 0.5)], ids=str)
def test_effects_are_drawn_from_their_conditional_distribution(scales):
    dense, draws = Dense(5, (1, 6), 2, 2), 40_000
    factor = factor_of(2, *scales)
    sigma, factors = np.full(draws, 0.5), np.tile(factor, (draws, 1, 1))
    b = np.tile([0.3, -0.2], (draws, 1))
    effects = collapsed.draw_effects(dense.gathered, sigma, factors, b, slice(None), np.random.default_rng(1), 5)
    for person in range(5):
        own = dense.codes == person
        z, prior = dense.z[own], factor @ factor.T
        gain = prior @ z.T @ np.linalg.inv(0.25 * np.eye(own.sum()) + z @ prior @ z.T)
        mean, covariance = gain @ (dense.y[own] - dense.x[own] @ b[0]), prior - gain @ z @ prior
        found = effects[:, person]
        spread = np.sqrt(np.diag(covariance))
        assert (np.abs(found.mean(axis=0) - mean) < 5 * spread / np.sqrt(draws)).all()
        # The largest of three relative errors of sample (co)variances, each sqrt(2 / draws) or less.
        error = np.cov(found.T) - covariance
        assert (np.abs(error) < 5 * np.sqrt(2 / draws) * np.outer(spread, spread)).all()


def test_without_effects_of_people(make_spec, people):
    """No pooling: a coefficient of each person, and one scale."""
    spec = make_spec("y ~ 0 + id + x", "b sigma")
    rows = models.complete_cases(spec, people)
    matrices = collapsed.design(spec, rows)
    gathered = collapsed.statistics(matrices)
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
def test_density_of_the_scales(make_spec, people, formula, priors):
    """The prior is PyMC's on the unconstrained space, and the gradient is that of finite differences."""
    spec = make_spec(formula, "b cor sd sigma" if "0 +" in formula else "Intercept b cor sd sigma")
    spec["priors"] |= priors
    matrices = collapsed.design(spec, models.complete_cases(spec, people))
    density = collapsed.Density(matrices, collapsed.statistics(matrices))
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
    assert collapsed.kernel.density.ctypes(len(x), *arguments, density.record.ctypes.data) == 0
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
def test_a_model_that_cannot_be_collapsed_says_why(make_spec, people, capsys, formula, classes, changes, says):
    spec = make_spec(formula, classes, **changes)
    rows = models.complete_cases(spec, people)
    with pytest.raises(collapsed.NotCollapsible, match=says):
        collapsed.design(spec, rows)
    with pytest.raises(StudyError, match=f"'engine: collapsed' cannot fit this model: .*{says}"):
        sampling.fit(spec | {"engine": "collapsed"}, people)


def test_auto_takes_nuts_where_it_must_and_the_log_says_why(make_spec, people, capsys):
    spec = make_spec("count ~ 1", "Intercept", family="poisson", engine="auto", draws=10, warmup=10)
    assert sampling.fit(spec, people).attrs["engine"] == "nuts"
    assert "Engine: nuts, because the model cannot be collapsed: its family is poisson" in capsys.readouterr().out


# ------------------------------------------------------------------------------------- the fit


@pytest.fixture(scope="module")
def quick(correlated, people):
    return sampling.fit(correlated | {"engine": "auto"}, people)


def test_nothing_downstream_knows_which_engine_ran(quick, fit):
    assert (quick.attrs["engine"], fit.attrs["engine"]) == ("collapsed", "nuts")
    for group in store.GROUPS:
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


def test_log_likelihood_is_that_of_the_draws(quick, people):
    posterior = quick["posterior"].to_dataset()
    ids = people["id"].astype(str).to_numpy()
    intercepts, slopes = (
        posterior[name].sel(id__factor_dim=ids).to_numpy() + posterior[common].to_numpy()[..., None]
        for name, common in (("1|id", "Intercept"), ("x|id", "x"))
    )
    expected = stats.norm.logpdf(
        people["y"].to_numpy(), intercepts + slopes * people["x"].to_numpy(), posterior["sigma"].to_numpy()[..., None]
    )
    np.testing.assert_allclose(quick["log_likelihood"]["y"], expected, rtol=1e-9, atol=1e-9)


def test_same_seed_same_draws_whatever_the_cores(quick, correlated, people):
    again = sampling.fit(correlated | {"engine": "auto"}, people, cores=2)
    for group in store.GROUPS:
        assert quick[group].to_dataset().identical(again[group].to_dataset())


IN_A_PROCESS = """
import json, sys
import partialpool.jobs
import pandas as pd
from partialpool import sampling, store
spec = json.loads(sys.argv[1])
store.save(sampling.fit(spec, pd.read_parquet(sys.argv[2])), sys.argv[3], spec=spec, data_sha256="0")
"""


def test_same_seed_same_draws_whatever_was_compiled_before(tmp_path, correlated, people):
    people.to_parquet(tmp_path / "people.parquet")
    environment = os.environ | {
        "PYTENSOR_FLAGS": f"base_compiledir={tmp_path}/compiled",
        "NUMBA_CACHE_DIR": f"{tmp_path}/numba",
        "PYTHONPATH": str(Path(sampling.__file__).parents[1]),
    }
    spec = correlated | {"engine": "collapsed", "draws": 300, "warmup": 300}
    for name in ("compiled.nc", "cached.nc"):
        arguments = [json.dumps(spec), tmp_path / "people.parquet", tmp_path / name]
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
def test_both_engines_agree(make_spec, people, formula, classes, sampler):
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
    for changes in ({"engine": "collapsed", "sampler": sampler}, {"engine": "nuts"}):
        posterior = sampling.fit(spec | changes, people)["posterior"].to_dataset()
        found.append({p.name: p.draws(posterior) for p in parameters.of(posterior)})
    ours, theirs = found
    assert list(ours) == list(theirs)
    for name, draws in ours.items():
        for quantity, (function, options) in quantities.items():
            error = np.hypot(array_stats.mcse(draws, **options), array_stats.mcse(theirs[name], **options))
            assert abs(function(draws) - function(theirs[name])) < 5 * error, (name, quantity)


# ------------------------------------------------------------------------------------- leave-one-out


@pytest.mark.numbers
def test_integrated_leave_one_out_is_that_of_quadrature(make_spec, people):
    """It is log p(y) - log p(y_-i), each an integral over the two scales by quadrature."""
    spec = make_spec("y ~ 1 + (1 | id)", "Intercept sd sigma", chains=4, warmup=500, draws=2000, engine="auto")
    # Two people measured once: there the model knows nothing of the person without the measurement.
    data = people[~people["id"].isin([6, 29]) | (people["x"] == 0)].reset_index(drop=True)
    data["row"] = np.arange(len(data))
    tree = sampling.fit(spec, data)
    tables = loo.integrated(tree, spec, data)
    y, ids = data["y"].to_numpy(), data["id"].to_numpy()
    same = ids[:, None] == ids
    # Priors: Intercept Normal(0, 1.5), sd Exponential(1), sigma Exponential(2), on a logarithmic grid.
    log_sigma, log_sd = np.linspace(-1, 2.2, 60), np.linspace(-9, 2.5, 120)

    def log_evidence(keep):
        values = np.empty((len(log_sigma), len(log_sd)))
        for (i, a), (j, b) in ((a, b) for a in enumerate(log_sigma) for b in enumerate(log_sd)):
            sigma, sd = np.exp(a), np.exp(b)
            covariance = sigma**2 * np.eye(keep.sum()) + sd**2 * same[np.ix_(keep, keep)] + 1.5**2
            cholesky = np.linalg.cholesky(covariance)
            whitened = np.linalg.solve(cholesky, y[keep])
            likelihood = (
                -0.5 * whitened @ whitened - np.log(np.diag(cholesky)).sum() - keep.sum() * np.log(2 * np.pi) / 2
            )
            values[i, j] = likelihood - 2 * sigma + np.log(2) - sd + a + b
        top = values.max()
        weights = np.exp(values - top)
        return top + np.log(integrate.simpson(integrate.simpson(weights, x=log_sd), x=log_sigma))

    whole = log_evidence(np.ones(len(y), dtype=bool))
    rows = [*np.flatnonzero(np.isin(ids, [6, 29])), 5, 17]
    table = tables["observation"].set_index("row")
    for row in rows:
        exact = whole - log_evidence(np.arange(len(y)) != row)
        assert abs(table["elpd"][row] - exact) < 4 * table["mcse"][row] + 1e-4, row
    table = tables["person"].set_index("person")
    for person in ("6", "101", "40"):
        exact = whole - log_evidence(ids.astype(str) != person)
        assert abs(table["elpd"][person] - exact) < 4 * table["mcse"][person] + 1e-4, person
    assert tables["observation"]["pareto_k"].max() < loo.BAD_PARETO_K
    assert tables["person"]["pareto_k"].max() < loo.BAD_PARETO_K


def test_rows_of_several_people_cannot_be_left_out_together(make_spec, people, quick, correlated):
    matrices = collapsed.design(correlated, models.complete_cases(correlated, people))
    with pytest.raises(collapsed.NotCollapsible, match="several members of id"):
        collapsed.leave_out(matrices, quick["posterior"].to_dataset(), np.arange(len(people)) // 20)


@pytest.mark.parametrize("correlation", [-1.0, -0.999999, 0.0, 0.3, 1.0])
def test_factor_from_standard_deviations_and_correlation(correlated, people, quick, correlation):
    matrices = collapsed.design(correlated, models.complete_cases(correlated, people))
    posterior = quick["posterior"].to_dataset().copy()
    posterior["cor_id"] = posterior["cor_id"] * 0 + correlation
    factor = collapsed.factors_of(posterior, matrices)
    sds = np.stack([posterior[f"{name}|id_sigma"].to_numpy().ravel() for name in ("1", "x")], axis=1)
    expected = sds[:, :, None] * sds[:, None] * np.array([[1, correlation], [correlation, 1]])
    np.testing.assert_allclose(factor @ factor.transpose(0, 2, 1), expected, rtol=1e-9)


def test_summaries_of_a_collapsed_fit_pass_through_diagnostics(quick):
    summary = diagnostics.summarise(quick["posterior"].to_dataset())
    assert summary["parameter"].tolist()[:6] == [
        "Intercept",
        "x",
        "sd(Intercept)",
        "sd(x)",
        "cor(Intercept,x)",
        "sigma",
    ]
    assert summary["mean"].notna().all()


def test_people_are_known_by_name_whatever_their_order(make_spec, people):
    """Effects belong to the person with that id, and not to one at that place."""
    spec = make_spec("y ~ 1 + (1 | id)", "Intercept sd sigma", engine="collapsed", chains=2, draws=500, warmup=300)
    shifted = people.assign(y=people["y"] + 50 * (people["id"] == 101))
    shuffled = shifted.sample(frac=1, random_state=2, ignore_index=True)
    effects = sampling.fit(spec, shuffled)["posterior"]["1|id"].mean(("chain", "draw")).to_series()
    assert effects.idxmax() == "101"
    assert effects.index.tolist() == models.complete_cases(spec, people)["id"].cat.categories.tolist()


@pytest.mark.numbers
def test_summaries_of_people_are_those_of_their_draws(correlated, people, make_spec):
    from arviz_stats.base import array_stats

    spec = correlated | {"engine": "collapsed", "chains": 4, "draws": 1000, "warmup": 500}
    summaries = sampling.fit(spec | {"person_effects": "summary"}, people, cores=2)
    draws = sampling.fit(spec | {"person_effects": "draws"}, people)
    assert not {"1|id", "x|id"} & set(summaries["posterior"].data_vars)
    for name in ("1|id", "x|id"):
        ours = summaries["person_effects"][name]
        assert ours.dims == ("statistic", "id__factor_dim")
        values = draws["posterior"][name].transpose("id__factor_dim", "chain", "draw").to_numpy()
        assert ours["id__factor_dim"].values.tolist() == draws["posterior"]["id__factor_dim"].values.tolist()
        for statistic, function, options in (
            ("mean", np.mean, {"method": "mean"}),
            ("sd", np.std, {"method": "sd"}),
            ("q2.5", lambda x: np.quantile(x, 0.025), {"method": "quantile", "prob": 0.025}),
            ("q97.5", lambda x: np.quantile(x, 0.975), {"method": "quantile", "prob": 0.975}),
        ):
            for person, own in zip(ours.sel(statistic=statistic).to_numpy(), values, strict=True):
                # From a quarter of as many draws: twice the error of the draws, and that of the draws.
                assert abs(person - function(own)) < 5 * np.sqrt(5) * array_stats.mcse(own, **options)


def test_a_summary_has_no_draws_for_what_needs_them(correlated, people):
    from partialpool import predict

    spec = correlated | {"engine": "collapsed", "person_effects": "summary"}
    tree = sampling.fit(spec, people)
    at = predict.points(spec, people, people=["6"], new_people=None, at={})
    with pytest.raises(StudyError, match=r"needs draws of the effects 1\|id, x\|id.*person_effects: draws"):
        predict.predict(tree, spec, people, at, quantities=["expected"], new=False, seed=1)


def test_a_summary_is_for_the_collapsed_engine(make_spec, people):
    spec = make_spec(
        "count ~ x + (1 | id)", "Intercept b sd", family="poisson", engine="auto", person_effects="summary"
    )
    with pytest.raises(StudyError, match="'person_effects: summary' needs the collapsed engine"):
        sampling.fit(spec, people)
