import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.errors import StudyError
from partialpool.fit import fit as fit_module
from partialpool.fit.store import GROUPS
from scipy import optimize, stats

# ---------------------------------------------------------------------------------------- structure

SHAPES = {
    "Intercept": (2, 40),
    "x": (2, 40),
    "sigma": (2, 40),
    "1|id_sigma": (2, 40),
    "x|id_sigma": (2, 40),
    "cor_id": (2, 40, 1),
    "1|id": (2, 40, 12),
    "x|id": (2, 40, 12),
}


@pytest.fixture(scope="session")
def fit_with_pymc(correlated, units):
    return fit_module.fit(replace(correlated, sampler="pymc"), units)


@pytest.fixture(params=["nutpie", pytest.param("pymc", marks=pytest.mark.slow)])
def tree(request, fit):
    return fit if request.param == "nutpie" else request.getfixturevalue("fit_with_pymc")


def test_groups_and_variables(tree):
    assert tuple(tree.children) == GROUPS
    posterior = tree["posterior"]
    assert {name: values.shape for name, values in posterior.data_vars.items()} == SHAPES
    assert posterior["1|id"].dims == ("chain", "draw", "id__factor_dim")
    assert posterior["cor_id"].dims == ("chain", "draw", "cor_id_dim")
    ids = ["3", "5", "6", "7", "11", "18", "29", "40", "64", "92", "101", "250"]
    assert posterior["id__factor_dim"].values.tolist() == ids
    assert posterior["cor_id_dim"].values.tolist() == ["Intercept,x"]
    assert posterior.attrs["family_parameters"] == "sigma"


def test_sample_stats_are_numbers_by_chain_and_draw(tree):
    sample_stats = tree["sample_stats"]
    assert {"diverging", "energy", "step_size"} <= set(sample_stats.data_vars)
    for values in sample_stats.data_vars.values():
        assert values.dtype.kind in "biuf"
        assert values.dims == ("chain", "draw")
        assert values.shape == (2, 40)


def test_nothing_tells_the_time(tree):
    text = repr([child.to_dataset().to_dict(data=False) for child in tree.children.values()])
    assert not [word for word in ("created_at", "sampling_time", "perf_counter", "process_time") if word in text]


@pytest.mark.parametrize("group", ["log_likelihood", "posterior_predictive"])
def test_a_value_for_each_row_and_draw(tree, group):
    assert list(tree[group].data_vars) == ["y"]
    assert tree[group]["y"].dims == ("chain", "draw", "__obs__")
    assert tree[group]["y"].shape == (2, 40, 60)
    np.testing.assert_array_equal(tree[group]["__obs__"], range(60))


def test_observed_and_constant_data(tree, units):
    np.testing.assert_array_equal(tree["observed_data"]["y"], units["y"])
    constant = tree["constant_data"].to_dataset()
    assert set(constant.data_vars) == {"id", "x", "y", "row"}
    assert constant["id"].values.tolist() == units["id"].astype(str).tolist()
    for name in ("x", "y", "row"):
        np.testing.assert_array_equal(constant[name], units[name])


def linear_predictor(posterior, units):
    """Shape (chain, draw, rows): the model's mean, from the draws."""
    at = xr.DataArray(units["id"].astype(str), dims="__obs__")
    x = xr.DataArray(units["x"], dims="__obs__")
    effects = posterior[["1|id", "x|id"]].sel(id__factor_dim=at)
    mean = posterior["Intercept"] + effects["1|id"] + (posterior["x"] + effects["x|id"]) * x
    return mean.transpose("chain", "draw", "__obs__").to_numpy()


def test_log_likelihood_is_that_of_the_draws(tree, units):
    posterior = tree["posterior"].to_dataset()
    mean, sigma = linear_predictor(posterior, units), posterior["sigma"].to_numpy()[..., None]
    expected = stats.norm(mean, sigma).logpdf(units["y"])
    np.testing.assert_allclose(tree["log_likelihood"]["y"], expected, rtol=1e-9)


def test_posterior_predictive_is_normal_around_the_mean(tree, units):
    posterior = tree["posterior"].to_dataset()
    residuals = tree["posterior_predictive"]["y"].to_numpy() - linear_predictor(posterior, units)
    standard = residuals / posterior["sigma"].to_numpy()[..., None]
    # Independent: one test that rejects with probability 0.0001.
    assert stats.kstest(standard.ravel(), stats.norm.cdf).pvalue > 1e-4


def test_mistakes_come_before_sampling(units, make_spec):
    with pytest.raises(StudyError, match="no column 'w'"):
        fit_module.fit(make_spec("y ~ w"), units)
    with pytest.raises(StudyError, match="no parameter"):
        fit_module.fit(make_spec("y ~ x", "Intercept b sd sigma"), units)


# ---------------------------------------------------------------------------------------- repeatability


def assert_same(one, other):
    for name in GROUPS:
        xr.testing.assert_identical(one[name].to_dataset(), other[name].to_dataset())


@pytest.mark.slow
def test_same_seed_same_draws_whatever_the_cores(fit, correlated, units):
    assert_same(fit_module.fit(correlated, units, cores=2), fit)


@pytest.mark.slow
def test_same_seed_same_draws_whatever_the_cores_with_pymc(fit_with_pymc, correlated, units):
    assert_same(fit_module.fit(replace(correlated, sampler="pymc"), units, cores=2), fit_with_pymc)


IN_A_PROCESS = """
import json, sys
import partialpool.jobs.job
import pandas as pd
from partialpool.fit import fit, store
from partialpool.model.spec import ModelSpec
spec = ModelSpec.from_dict(json.loads(sys.argv[1]))
store.save(fit.fit(spec, pd.read_parquet(sys.argv[2])), sys.argv[3], spec=spec, data_sha256="0")
"""


@pytest.mark.slow
def test_same_seed_same_draws_whatever_was_compiled_before(tmp_path, correlated, units):
    """The first process compiles everything, the second finds it in PyTensor's cache on disk."""
    units.to_parquet(tmp_path / "units.parquet")
    scripts = Path(fit_module.__file__).parents[2]
    environment = os.environ | {"PYTENSOR_FLAGS": f"base_compiledir={tmp_path}/compiled", "PYTHONPATH": str(scripts)}
    spec = replace(correlated, draws=300, warmup=300)
    for name in ("compiled.nc", "cached.nc"):
        arguments = [json.dumps(spec.to_dict()), tmp_path / "units.parquet", tmp_path / name]
        subprocess.run([sys.executable, "-c", IN_A_PROCESS, *arguments], env=environment, check=True)
        assert list((tmp_path / "compiled").rglob("*.nbi"))
    with (
        xr.open_datatree(tmp_path / "compiled.nc", engine="h5netcdf") as compiled,
        xr.open_datatree(tmp_path / "cached.nc", engine="h5netcdf") as cached,
    ):
        assert_same(compiled, cached)


@pytest.mark.slow
def test_another_seed_other_draws(fit, correlated, units):
    # With the same seed, the draws of the chains that both have would be the same.
    other = fit_module.fit(replace(correlated, seed=4, chains=3, draws=30), units)
    slopes = other["posterior"]["x"]
    assert slopes.shape == (3, 30)
    assert not np.isin(slopes, fit["posterior"]["x"]).any()
    assert not np.isin(slopes[0], slopes[1:]).any()
    assert not np.isin(other["posterior_predictive"]["y"], fit["posterior_predictive"]["y"]).any()


def test_settings_of_the_sampler_are_used(fit, correlated):
    used = json.loads(fit["sample_stats"].attrs["inference_library_settings"])["settings"]
    assert used["num_tune"] == correlated.warmup
    assert used["num_draws"] == correlated.draws
    assert used["num_chains"] == correlated.chains
    assert used["adapt_options"]["step_size_settings"]["target_accept"] == correlated.target_accept


# ---------------------------------------------------------------------------------------- numbers


def assert_moments(draws, means, sds, error=0.0):
    """Means and standard deviations within 4 Monte Carlo standard errors.

    ``error`` is that of the reference, in units of the standard deviation.
    """
    for method, found, expected in (
        ("mean", draws.mean(("chain", "draw")), means),
        ("sd", draws.std(("chain", "draw")), sds),
    ):
        mcse = az.mcse(draws, method=method)
        for name, values in expected.items():
            z = (found[name] - values) / np.hypot(mcse[name], error * sds[name])
            assert (np.abs(z) < 4).all(), (method, name, z.values)


MU, TAU = 0.5, 0.8
COUNTS = np.array([1, 1, 2, 3, 5, 8])


@pytest.fixture(scope="session")
def no_pooling(make_spec):
    """Data, some without an outcome, and the fit of a coefficient for every unit."""
    rng = np.random.default_rng(8)
    unit = np.repeat(np.arange(len(COUNTS)), COUNTS)
    y = rng.normal(rng.normal(0, 1, len(COUNTS))[unit], 0.7)
    data = pd.DataFrame({"id": unit, "y": y})
    data = pd.concat([data[:3], data[2:9].assign(y=np.nan), data[3:]], ignore_index=True)
    data["row"] = range(len(data))
    spec = make_spec("y ~ 0 + id", "", priors={"b": f"Normal({MU}, {TAU})", "sigma": "Exponential(1)"})
    spec = replace(spec, warmup=500, draws=1000, chains=4, target_accept=0.8)
    return data, fit_module.fit(spec, data, cores=2)


@pytest.mark.slow
def test_rows_that_are_not_complete_are_left_out(no_pooling):
    data, tree = no_pooling
    complete = data.dropna()
    assert len(complete) < len(data)
    for name in ("y", "row"):
        np.testing.assert_array_equal(tree["constant_data"][name], complete[name])
    np.testing.assert_array_equal(tree["observed_data"]["y"], complete["y"])
    assert tree["log_likelihood"]["y"].shape == (4, 1000, len(complete))


@pytest.mark.slow
@pytest.mark.numbers
def test_no_pooling_has_its_conjugate_posterior(no_pooling):
    """Given sigma, each unit's coefficient is normal; sigma itself has one dimension, integrated by quadrature."""
    data, tree = no_pooling
    unit, y = data.dropna()["id"].to_numpy(), data.dropna()["y"].to_numpy()
    n, mu, tau = COUNTS, MU, TAU

    # sigma on a grid of its logarithm; y_i ~ Normal(mu, sigma^2 I + tau^2 1 1').
    sigma = np.exp(np.linspace(np.log(0.05), np.log(20), 2001))[:, None]
    means = np.bincount(unit, y) / n
    within = np.bincount(unit, (y - means[unit]) ** 2)
    spread = sigma**2 + n * tau**2
    log_marginal = (
        -(n - 1) * np.log(sigma) - np.log(spread) / 2 - within / (2 * sigma**2) - n * (means - mu) ** 2 / (2 * spread)
    ).sum(axis=1, keepdims=True)
    weight = (
        np.exp(log_marginal - log_marginal.max() - sigma) * sigma
    )  # Exponential(1), and d sigma = sigma d log sigma
    weight /= weight.sum()
    assert weight[[0, -1]].max() < 1e-12 * weight.max()

    def expectation(values):
        return (weight * values).sum(axis=0)

    variance = 1 / (1 / tau**2 + n / sigma**2)
    mean = variance * (mu / tau**2 + n * means / sigma**2)
    coefficient = expectation(mean)
    total = expectation(variance) + expectation((mean - coefficient) ** 2)
    (sigma_mean,) = expectation(sigma)
    (sigma_variance,) = expectation((sigma - sigma_mean) ** 2)
    assert_moments(
        tree["posterior"].to_dataset()[["id", "sigma"]],
        {"id": coefficient, "sigma": sigma_mean},
        {"id": np.sqrt(total), "sigma": np.sqrt(sigma_variance)},
    )
    # Not only its moments: the distribution of sigma, at independent draws.
    thinned = tree["posterior"]["sigma"].to_numpy()[:, ::10].ravel()
    distribution = np.cumsum(weight)
    assert stats.kstest(thinned, lambda value: np.interp(value, sigma[:, 0], distribution)).pvalue > 1e-4


SLOPE, INTERCEPT, SD, COR, SIGMA = 0.2, 0.3, np.array([1.0, 0.5]), 0.6, 0.5
WAVES = 6


def growth(units, seed):
    """Everyone measured at times 0 to 5, with known correlated intercepts and slopes."""
    rng = np.random.default_rng(seed)
    covariance = np.outer(SD, SD) * np.array([[1, COR], [COR, 1]])
    effects = rng.multivariate_normal([INTERCEPT, SLOPE], covariance, units)
    data = pd.DataFrame({"id": np.repeat(np.arange(units), WAVES), "x": np.tile(np.arange(WAVES), units) * 1.0})
    mean = effects[data["id"], 0] + effects[data["id"], 1] * data["x"]
    return data.assign(y=rng.normal(mean, SIGMA), row=range(len(data))), effects


def exact_posterior(data, rng, draws=20_000):
    """Posterior moments of the balanced growth model, by importance sampling of its marginal likelihood.

    Everyone has the same times, so the units's least-squares lines B ~ Normal(beta, V), V = S R S + sigma^2 (X'X)^-1,
    and the residual sum of squares are sufficient. beta, with a normal prior, is integrated in closed form.

    Returns
    -------
    means, sds, error
        By Bambi's names; ``error`` is the Monte Carlo standard error in units of the standard deviation.
    """
    outcomes = data["y"].to_numpy().reshape(-1, WAVES)
    units = len(outcomes)
    design = np.column_stack([np.ones(WAVES), np.arange(WAVES)])
    inverse = np.linalg.inv(design.T @ design)
    lines = outcomes @ design @ inverse
    rest = ((outcomes - lines @ design.T) ** 2).sum()
    centre = lines.mean(axis=0)
    scatter = (lines - centre).T @ (lines - centre)
    # Priors: intercept of the centred design Normal(0, 1.5), slope Normal(0, 1).
    shift = np.array([[1, -design[:, 1].mean()], [0, 1]])
    prior = shift @ np.diag([1.5**2, 1]) @ shift.T

    def parts(theta):
        sd, rho, sigma = np.exp(theta[..., :2]), np.tanh(theta[..., 2]), np.exp(theta[..., 3])
        v = sd[..., :, None] * sd[..., None, :] * np.where(np.eye(2) == 1, 1, rho[..., None, None])
        return sd, rho, sigma, v + sigma[..., None, None] ** 2 * inverse

    def log_density(theta):
        sd, rho, sigma, v = parts(theta)
        marginal = v / units + prior
        return (
            -(units - 1) / 2 * np.linalg.slogdet(v)[1]
            - np.trace(np.linalg.solve(v, scatter), axis1=-2, axis2=-1) / 2
            - np.linalg.slogdet(marginal)[1] / 2
            - (centre * np.linalg.solve(marginal, centre[:, None])[..., 0]).sum(-1) / 2
            - units * (WAVES - 2) * np.log(sigma)
            - rest / (2 * sigma**2)
            # Exponential(1) for the sds, Exponential(2) for sigma, LKJ(2), each with its Jacobian.
            - sd.sum(-1)
            + theta[..., :2].sum(-1)
            - 2 * sigma
            + theta[..., 3]
            + 2 * np.log1p(-(rho**2))
        )

    start = np.concatenate([np.log(SD), [np.arctanh(COR), np.log(SIGMA)]])
    mode = optimize.minimize(lambda theta: -log_density(theta), start, method="BFGS")
    proposal = stats.multivariate_t(mode.x, 1.3 * mode.hess_inv, df=6, seed=rng)
    theta = proposal.rvs(draws)
    weight = np.exp(log_density(theta) - proposal.logpdf(theta) + mode.fun)
    weight /= weight.sum()
    sd, rho, sigma, v = parts(theta)
    precision = np.linalg.inv(v / units) + np.linalg.inv(prior)
    covariance = np.linalg.inv(precision)
    beta = (covariance @ np.linalg.solve(v / units, centre[:, None]))[..., 0]
    values = np.column_stack([beta, sd, rho, sigma])
    within = np.column_stack([np.diagonal(covariance, axis1=1, axis2=2), np.zeros((draws, 4))])
    means = weight @ values
    sds = np.sqrt(weight @ (within + (values - means) ** 2))
    names = ["Intercept", "x", "1|id_sigma", "x|id_sigma", "cor_id", "sigma"]
    return dict(zip(names, means, strict=True)), dict(zip(names, sds, strict=True)), np.sqrt((weight**2).sum())


# Numba says that it will compile code around arrays this large again next time.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Cannot cache compiled function")
@pytest.mark.numbers
def test_correlated_effects_have_their_exact_posterior_and_find_the_truth(make_spec):
    data, effects = growth(300, seed=9)
    spec = make_spec("y ~ 1 + x + (1 + x | id)", warmup=400, draws=750, target_accept=0.8)
    posterior = fit_module.fit(spec, data, cores=2)["posterior"].to_dataset()
    population = posterior[["Intercept", "x", "1|id_sigma", "x|id_sigma", "cor_id", "sigma"]].squeeze("cor_id_dim")
    means, sds, error = exact_posterior(data, np.random.default_rng(10))
    assert error < 0.01
    assert_moments(population, means, sds, error)

    truth = dict(zip(means, [INTERCEPT, SLOPE, *SD, COR, SIGMA], strict=True))
    for name, value in truth.items():
        assert abs(means[name] - value) < 4 * sds[name], name
    # The effects of units: standardised distances from the truth are nearly standard normal.
    ids = data["id"].unique().astype(str)
    for k, (common, own) in enumerate({"Intercept": "1|id", "x": "x|id"}.items()):
        lines = (posterior[common] + posterior[own]).sel(id__factor_dim=ids)
        z = (effects[:, k] - lines.mean(("chain", "draw"))) / lines.std(("chain", "draw"))
        assert abs(z.mean()) < 4 / np.sqrt(300)
        assert abs((z**2).mean() - 1) < 4 * np.sqrt(2 / 300)


# ---------------------------------------------------------------------------------------- which engine


YES_NO = ("flag ~ 1 + x + (1 | id)", "Intercept b sd")


def test_small_models_of_other_families_are_fitted_by_quadrature(make_spec, units):
    tree = fit_module.fit(make_spec(*YES_NO, family="bernoulli", engine="auto", draws=300), units)
    assert tuple(tree.children) == GROUPS
    assert {"engine": "quadrature", "sampling": "independent"}.items() <= tree.attrs.items()
    assert {"pareto_k", "acceptance", "log_evidence", "mcse_log_evidence"} <= tree.attrs.keys()
    assert tree["posterior"].attrs == {"family_parameters": "", "link": "logit"}
    assert tree["posterior"]["1|id"].dims == ("chain", "draw", "id__factor_dim")
    assert tree["posterior_predictive"]["flag"].dtype == tree["observed_data"]["flag"].dtype == "int64"


def test_models_of_these_families_without_effects_are_drawn_independently(make_spec, units, capsys):
    spec = make_spec("count ~ 1 + x + offset(z)", "Intercept b", family="poisson", engine="auto", draws=300)
    tree = fit_module.fit(spec, units)
    assert tuple(tree.children) == GROUPS
    assert {"engine": "independent", "sampling": "independent"}.items() <= tree.attrs.items()
    assert set(tree["posterior"].data_vars) == {"Intercept", "x"}
    said = capsys.readouterr().out
    assert "Independent draws of all parameters: acceptance 0." in said
    assert "nodes" not in said


def test_of_families_with_parameters_of_their_own_their_names_are_kept(make_spec, units):
    alpha = {"alpha": "Exponential(1)"}
    spec = make_spec("count ~ 1 + (1 | id)", "Intercept sd", priors=alpha, family="negativebinomial", engine="auto")
    tree = fit_module.fit(replace(spec, draws=300), units)
    assert tree.attrs["engine"] == "quadrature"
    assert tree["posterior"].attrs == {"family_parameters": "alpha", "link": "log"}
    assert tree["posterior"]["alpha"].shape == (2, 300)


@pytest.mark.slow
def test_where_independent_draws_fail_nuts_samples_all_parameters_and_it_is_said_why(
    make_spec, units, monkeypatch, capsys
):
    monkeypatch.setattr("partialpool.sampling.independent.LOWEST_ACCEPTANCE", 1.1)
    tree = fit_module.fit(make_spec(*YES_NO, family="bernoulli", engine="auto"), units)
    assert {"engine": "nuts", "sampling": "nuts", "target_accept": 0.9}.items() <= tree.attrs.items()
    assert "log_evidence" not in tree.attrs
    said = capsys.readouterr().out
    assert tree.attrs["why_nuts"].startswith("quadrature cannot fit this model: independent draws fail, with accepta")
    assert f"Engine: nuts, because {tree.attrs['why_nuts']}." in said


@pytest.mark.slow
def test_nuts_runs_where_it_is_asked_for(make_spec, units):
    tree = fit_module.fit(make_spec(*YES_NO, family="bernoulli", engine="nuts"), units)
    assert tree.attrs["engine"] == "nuts"
    assert "why_nuts" not in tree.attrs
