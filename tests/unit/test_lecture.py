"""The shipped study on its real data: both engines agree, and leave-one-out is that of brute force."""

from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from partialpool.data.prepare import prepare
from partialpool.fit.diagnostics import summarise
from partialpool.fit.fit import fit
from partialpool.loo.integrated import integrated
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
def fit_of(prepared):
    return cache(lambda model: fit(STUDY.spec(model), prepared, cores=2))


@pytest.mark.parametrize("model", STUDY.models)
def test_marginal_draws_are_nearly_independent_and_never_diverge(fit_of, model):
    tree = fit_of(model)
    assert tree.attrs["engine"] == "marginal"
    assert tree["sample_stats"]["diverging"].sum() == 0
    summary = summarise(tree["posterior"].to_dataset()).set_index("parameter")
    assert summary["rhat"].max() < 1.01
    assert summary["ess_bulk"].min() > 0.25 * STUDY.draws_of(model)


@pytest.mark.parametrize("model", STUDY.models)
def test_no_pareto_k_is_bad(fit_of, prepared, model):
    for pointwise in integrated(fit_of(model), STUDY.spec(model), prepared):
        assert not pointwise.bad.any()


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
@pytest.mark.slow
def test_integrated_leave_one_out_is_that_of_fits_without_the_measurement(fit_of, prepared, model):
    """Log p(y_i | y_-i) = log p(y) - log p(y_-i), both by quadrature over the scales."""
    spec = STUDY.spec(model)
    rows = complete_cases(spec, prepared)
    matrices, points = design(spec, rows), list(scales(model))
    observations, units = integrated(fit_of(model), spec, prepared)
    whole = log_evidence(matrices, points)

    def exact(left_out):
        keep = ~left_out
        factors = [replace(factor, z=factor.z[keep], codes=factor.codes[keep]) for factor in matrices.factors]
        part = replace(matrices, y=matrices.y[keep], x=matrices.x[keep], factors=tuple(factors))
        return whole - log_evidence(part, points)

    unit = rows["id"].astype(str)
    times = unit.groupby(unit).transform("size")
    plain = of_fit(fit_of(model))
    chosen = [*rows["row"][times == 1], *plain.labels[np.argsort(-plain.pareto_k)[:6]], *rows["row"][::40]]
    chosen = list(dict.fromkeys(chosen))
    assert len(chosen) >= 12
    names = list(dict.fromkeys(unit[rows["row"].isin(chosen[:4])]))
    left_out = [(observations, row, rows["row"] == row) for row in chosen[:15]]
    left_out += [(units, name, unit == name) for name in names]
    records = []
    for pointwise, label, which in left_out:
        (i,) = np.flatnonzero(pointwise.labels == label)
        records.append((label, pointwise.elpd[i], exact(which.to_numpy()), pointwise.mcse[i]))
    shown = pd.DataFrame(records, columns=["left out", "integrated", "brute force", "mcse"])
    shown["z"] = (shown["integrated"] - shown["brute force"]) / shown["mcse"]
    print(shown.to_string())
    assert (shown["z"].abs() < 4).all(), shown.to_string()
