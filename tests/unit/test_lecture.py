"""The shipped study on its real data: both engines agree, and leave-one-out is that of brute force."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from partialpool.data.prepare import prepare
from partialpool.fit.diagnostics import summarise
from partialpool.loo.integrated import integrated
from partialpool.loo.pointwise import BAD_PARETO_K
from partialpool.loo.psis import of_fit
from partialpool.marginal.design import design
from partialpool.marginal.statistics import statistics
from partialpool.model.formula import complete_cases
from partialpool.study.config import load

ROOT = Path(__file__).parents[2]
CSV = ROOT.parent / "shared/data/mlm.csv"
STUDY = load(yaml.safe_load((ROOT / "config/config.yaml").read_text()))

pytestmark = [
    pytest.mark.numbers,
    pytest.mark.skipif(not CSV.is_file(), reason=f"the study's data are not at {CSV}"),
]


@pytest.fixture(scope="module")
def prepared():
    columns = {role: getattr(STUDY.data, role) for role in ("unit", "group", "time", "outcome")}
    return prepare(CSV, **columns)


@pytest.fixture(scope="module")
def fits(prepared):
    made = {}

    def fit(model):
        if model not in made:
            made[model] = fit(STUDY.fit_spec(model), prepared, cores=2)
        return made[model]

    return fit


@pytest.mark.parametrize("model", STUDY.models)
def test_marginal_draws_are_nearly_independent_and_never_diverge(fits, model):
    tree = fits(model)
    assert tree.attrs["engine"] == "marginal"
    assert tree["sample_stats"]["diverging"].sum() == 0
    summary = summarise(tree["posterior"].to_dataset()).set_index("parameter")
    assert summary["rhat"].max() < 1.01
    assert summary["ess_bulk"].min() > 0.25 * STUDY.draws_of(model)


@pytest.mark.parametrize("model", STUDY.models)
def test_no_pareto_k_is_bad(fits, prepared, model):
    for estimand, table in integrated(fits(model), STUDY.fit_spec(model), prepared).items():
        assert table["pareto_k"].max() < BAD_PARETO_K, estimand


def grid(low, high, nodes):
    """Nodes and logarithms of the weights of Gauss and Legendre."""
    x, weights = np.polynomial.legendre.leggauss(nodes)
    return (high + low + (high - low) * x) / 2, np.log(weights * (high - low) / 2)


def scales(model):
    """All combinations of scales of a quadrature: sigma, factor, log weight times prior density."""
    log_sigma = grid(-3.6, -2.5, 24)
    if model == "m71.1":
        for s, weight in zip(*log_sigma, strict=True):
            yield np.exp(s), np.zeros((0, 0)), weight + s - np.exp(s)
        return
    log_sd = grid(-3.5, -2.2, 24)
    if model == "m71.2":
        for (s, w1), (a, w2) in product(zip(*log_sigma, strict=True), zip(*log_sd, strict=True)):
            yield np.exp(s), np.array([[np.exp(a)]]), w1 + w2 + s + a - np.exp(s) - np.exp(a)
        return
    axes = [log_sigma, log_sd, grid(0, 0.04, 24), grid(-1, 1, 24)]
    for (s, w1), (a, w2), (b, w3), (r, w4) in product(*(zip(*axis, strict=True) for axis in axes)):
        factor = np.array([[np.exp(a), 0], [r * b, np.sqrt(1 - r**2) * b]])
        yield np.exp(s), factor, w1 + w2 + w3 + w4 + s + a - np.exp(s) - np.exp(a) - b


def log_evidence(matrices, points):
    gathered = statistics(matrices)
    return np.logaddexp.reduce([w + gathered.log_likelihood(s, f)[0] for s, f, w in points])


@pytest.mark.parametrize("model", ["m71.1", "m71.2", "m71.5"])
def test_integrated_leave_one_out_is_that_of_fits_without_the_measurement(fits, prepared, model):
    """Log p(y_i | y_-i) = log p(y) - log p(y_-i), both by quadrature over the scales."""
    spec = STUDY.fit_spec(model)
    rows = complete_cases(spec, prepared)
    matrices, points = design(spec, rows), list(scales(model))
    tables = integrated(fits(model), spec, prepared)
    whole = log_evidence(matrices, points)

    def exact(left_out):
        keep = ~left_out
        part = replace(matrices, y=matrices.y[keep], x=matrices.x[keep], z=matrices.z[keep], codes=matrices.codes[keep])
        return whole - log_evidence(part, points)

    unit = rows["id"].astype(str)
    times = unit.groupby(unit).transform("size")
    plain = of_fit(fits(model)).sort_values("pareto_k", ascending=False)["row"]
    chosen = [*rows["row"][times == 1], *plain[:6], *rows["row"][::40]]
    chosen = list(dict.fromkeys(chosen))
    assert len(chosen) >= 12
    table = tables["observation"].set_index("row")
    found = []
    for row in chosen[:15]:
        value = exact((rows["row"] == row).to_numpy())
        found.append((row, table["elpd"][row], value, table["mcse"][row]))
    table = tables["unit"].set_index("unit")
    for name in dict.fromkeys(unit[rows["row"].isin(chosen[:4])]):
        value = exact((unit == name).to_numpy())
        found.append((name, table["elpd"][name], value, table["mcse"][name]))
    shown = pd.DataFrame(found, columns=["left out", "integrated", "brute force", "mcse"])
    shown["z"] = (shown["integrated"] - shown["brute force"]) / shown["mcse"]
    print(shown.to_string())
    assert (shown["z"].abs() < 4).all(), shown.to_string()
