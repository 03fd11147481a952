"""Fits of the marginal engine against those of NUTS over all parameters."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from partialpool.errors import StudyError
from partialpool.fit import fit as fit_module
from partialpool.fit.diagnostics import summarise
from partialpool.fit.store import GROUPS
from partialpool.model import parameters
from partialpool.model.formula import complete_cases
from partialpool.model.priors import parse_priors
from scipy import stats


@pytest.mark.slow
def test_nothing_downstream_knows_which_engine_ran(quick, fit):
    assert (quick.attrs["engine"], fit.attrs["engine"]) == ("marginal", "nuts")
    for group in GROUPS:
        ours, theirs = quick[group].to_dataset(), fit[group].to_dataset()
        if group == "sample_stats":
            assert {name: values.dims for name, values in ours.items()} == dict.fromkeys(
                ["lp", "log_weight", "accepted"], ("chain", "draw")
            )
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
from partialpool.marginal import machine_code
from partialpool.model.spec import ModelSpec
machine_code.WORTH = float(sys.argv[4])
spec = ModelSpec.from_dict(json.loads(sys.argv[1]))
store.save(fit.fit(spec, pd.read_parquet(sys.argv[2])), sys.argv[3], spec=spec, data_sha256="0")
"""


@pytest.mark.slow
def test_same_seed_same_draws_whatever_was_compiled_before(tmp_path, correlated, units):
    units.to_parquet(tmp_path / "units.parquet")
    environment = os.environ | {
        "NUMBA_CACHE_DIR": f"{tmp_path}/numba",
        "PYTHONPATH": str(Path(fit_module.__file__).parents[2]),
    }
    spec = replace(correlated, engine="marginal", draws=300)
    for name, worth in (("interpreted.nc", "inf"), ("compiled.nc", "0"), ("cached.nc", "0")):
        arguments = [json.dumps(spec.to_dict()), tmp_path / "units.parquet", tmp_path / name, worth]
        subprocess.run([sys.executable, "-c", IN_A_PROCESS, *arguments], env=environment, check=True)
        assert bool(list((tmp_path / "numba").rglob("*.nbi"))) == (worth == "0")
    assert len({(tmp_path / name).read_bytes() for name in ("interpreted.nc", "compiled.nc", "cached.nc")}) == 1


IMPORTED = """
import json, sys
import partialpool.jobs.job
import pandas as pd
from partialpool.fit import fit
from partialpool.model.spec import ModelSpec
fit.fit(ModelSpec.from_dict(json.loads(sys.argv[1])), pd.read_parquet(sys.argv[2]))
print(*{name.partition(".")[0] for name in sys.modules})
"""


def test_a_marginal_fit_imports_neither_bambi_nor_pymc(tmp_path, correlated, units):
    """They would take longer than the fit."""
    units.to_parquet(tmp_path / "units.parquet")
    spec = json.dumps(replace(correlated, engine="marginal").to_dict())
    environment = os.environ | {"PYTHONPATH": str(Path(fit_module.__file__).parents[2])}
    command = [sys.executable, "-c", IMPORTED, spec, tmp_path / "units.parquet"]
    imported = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()
    assert "formulae" in imported
    heavy = {"bambi", "pymc", "pytensor", "nutpie", "arviz_stats", "arviz", "plotnine", "papermill", "snakemake"}
    assert not heavy & set(imported)


# The lecture's five models, independent and three effects of a unit, an offset, crossed and nested grouping factors.
FORMULAS = [
    ("y ~ 0 + id", "b sigma"),
    ("y ~ 1 + (1 | id)", "Intercept sd sigma"),
    ("y ~ 1 + x + (1 | id)", "Intercept b sd sigma"),
    ("y ~ 0 + x + group + (1 | id)", "b sd sigma"),
    ("y ~ 1 + x + (1 + x | id)", "Intercept b sd cor sigma"),
    ("y ~ 1 + x + z + (1 | id) + (0 + x | id)", "Intercept b sd sigma"),
    ("y ~ 0 + group + x + (0 + mood | id)", "b sd cor sigma"),
    ("y ~ 1 + x + offset(v) + (1 + x + z | id)", "Intercept b sd cor sigma"),
    ("y ~ 1 + x + (1 + x | id) + (1 | item)", "Intercept b sd cor sigma"),
    ("y ~ 1 + (1 | school / item)", "Intercept sd sigma"),
]


@pytest.mark.slow
@pytest.mark.numbers
@pytest.mark.parametrize(("formula", "classes"), FORMULAS)
def test_both_engines_agree(make_spec, units, formula, classes):
    """Mean, sd and quantiles of every parameter within 5 combined Monte Carlo standard errors."""
    from arviz_stats.base import array_stats

    spec = make_spec(formula, classes, chains=4, warmup=800, draws=1000, target_accept=0.95)
    quantities = {
        "mean": (np.mean, {"method": "mean"}),
        "sd": (lambda draws: draws.std(ddof=1), {"method": "sd"}),
        "2.5 %": (lambda draws: np.quantile(draws, 0.025), {"method": "quantile", "prob": 0.025}),
        "97.5 %": (lambda draws: np.quantile(draws, 0.975), {"method": "quantile", "prob": 0.975}),
    }
    by_engine = []
    for engine in ("marginal", "nuts"):
        posterior = fit_module.fit(replace(spec, engine=engine), units)["posterior"].to_dataset()
        by_engine.append({p.name: p.draws(posterior) for p in parameters.of(posterior)})
    ours, theirs = by_engine
    assert list(ours) == list(theirs)
    deviations = {
        (name, quantity): abs(function(draws) - function(theirs[name]))
        / np.hypot(array_stats.mcse(draws, **options), array_stats.mcse(theirs[name], **options))
        for name, draws in ours.items()
        for quantity, (function, options) in quantities.items()
    }
    largest = max(deviations, key=deviations.get)
    print(f"{formula}: largest of {len(deviations)} deviations {deviations[largest]:.1f} errors, of {largest}")
    assert deviations[largest] < 5


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


def test_automatic_priors_are_chosen_once_and_count_as_if_written_out(make_spec, units, monkeypatch):
    """Draws, cross-validation and evidence are those of the same numbers in a config."""
    from partialpool.loo.estimate import of_model

    changes = {"engine": "marginal", "draws": 100, "chains": 2}
    bare = make_spec("y ~ 1 + x + group + (1 + x | id)", "", **changes)
    tree = fit_module.fit(bare, units)
    chosen = parse_priors(json.loads(tree.attrs["automatic_priors"]))
    assert list(chosen) == ["b[x]", "b[group]", "Intercept", "sd[Intercept]", "sd[x]", "cor", "sigma"]
    written = bare.with_priors(chosen)
    same = fit_module.fit(written, units)
    assert "automatic_priors" not in same.attrs
    xr.testing.assert_equal(tree["posterior"].to_dataset(), same["posterior"].to_dataset())
    assert tree.attrs["log_evidence"] == same.attrs["log_evidence"]

    def not_again(spec, rows):
        raise AssertionError("priors are chosen when a model is fitted, and never again")

    monkeypatch.setattr("partialpool.fit.fit.automatic_priors", not_again)
    one, other = (of_model(each, written, units) for each in (tree, same))
    np.testing.assert_array_equal(one.observation.elpd, other.observation.elpd)
    np.testing.assert_array_equal(one.unit.elpd, other.unit.elpd)
