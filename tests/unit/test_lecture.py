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
from partialpool.fit.diagnostics import check, summarise
from partialpool.fit.fit import fit
from partialpool.loo.integrated import integrated
from partialpool.loo.psis import of_fit
from partialpool.marginal.closed_form import design
from partialpool.marginal.sample import Posterior
from partialpool.marginal.scales import Scales
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
def test_draws_are_independent_and_worth_nearly_as_many(fit_of, model):
    tree = fit_of(model)
    assert (tree.attrs["engine"], tree.attrs["sampling"]) == ("marginal", "independent")
    assert "diverging" not in tree["sample_stats"]
    summary = summarise(tree["posterior"].to_dataset())
    assert all(entry["passed"] for entry in check(summary, tree, STUDY.checks.model_dump()).values())
    scales = summary[summary["parameter"].str.match(r"sd\(|cor\(|sigma")]
    assert scales["rhat"].max() < 1.003
    assert scales["ess_bulk"].min() > 0.7 * STUDY.draws_of(model)


@pytest.mark.parametrize("model", STUDY.models)
def test_no_pareto_k_is_bad(fit_of, prepared, model):
    for pointwise in integrated(fit_of(model), STUDY.spec(model), prepared):
        assert not pointwise.bad.any()


def grid(low, high, nodes):
    """Nodes and logarithms of the weights of Gauss and Legendre."""
    x, weights = np.polynomial.legendre.leggauss(nodes)
    return (high + low + (high - low) * x) / 2, np.log(weights * (high - low) / 2)


@cache
def quadrature(model):
    """Scales of a quadrature over all of them, and logarithms of their weights times their prior density."""
    axes = [grid(-3.6, -2.5, 24)]
    if model != "m71.1":
        axes.append(grid(-3.5, -2.2, 24))
    if model == "m71.5":
        axes += [grid(0, 0.04, 24), grid(-1, 1, 24)]
    points = np.array(list(product(*(nodes for nodes, _ in axes)))).T
    weights = np.array(list(product(*(weights for _, weights in axes)))).sum(axis=1)
    # Exponential(1), of the logarithms of the first two.
    logarithms, sds = points[:2], [*np.exp(points[:2]), *points[2:3]]
    weights += logarithms.sum(axis=0) - sum(sds)
    if model != "m71.5":
        return Scales(
            sds[0], tuple(sd[:, None] for sd in sds[1:]), (np.ones((len(weights), 1, 1)),) * len(sds[1:])
        ), weights
    correlation = np.zeros((len(weights), 2, 2))
    correlation[:, 0, 0], correlation[:, 1, 0], correlation[:, 1, 1] = 1, points[3], np.sqrt(1 - points[3] ** 2)
    # LKJ(1) is uniform from -1 to 1.
    return Scales(sds[0], (np.stack(sds[1:], axis=1),), (correlation,)), weights - np.log(2)


def log_evidence(matrices, model):
    points, weights = quadrature(model)
    return np.logaddexp.reduce(weights + Posterior(matrices, cores=2).model.log_likelihood(points, 2))


@pytest.mark.parametrize("model", ["m71.1", "m71.2", "m71.5"])
def test_the_evidence_is_that_of_quadrature(fit_of, prepared, model):
    spec, fitted = STUDY.spec(model), fit_of(model).attrs
    expected = log_evidence(design(spec, complete_cases(spec, prepared)), model)
    assert fitted["mcse_log_evidence"] < 0.01
    assert fitted["log_evidence"] == pytest.approx(expected, abs=4 * fitted["mcse_log_evidence"])


@pytest.mark.parametrize("model", ["m71.1", "m71.2", "m71.5"])
@pytest.mark.slow
def test_integrated_leave_one_out_is_that_of_fits_without_the_measurement(fit_of, prepared, model):
    """Log p(y_i | y_-i) = log p(y) - log p(y_-i), both by quadrature over the scales."""
    spec = STUDY.spec(model)
    rows = complete_cases(spec, prepared)
    matrices = design(spec, rows)
    observations, units = integrated(fit_of(model), spec, prepared)
    whole = log_evidence(matrices, model)

    def exact(left_out):
        keep = ~left_out
        factors = [replace(factor, z=factor.z[keep], codes=factor.codes[keep]) for factor in matrices.factors]
        part = replace(matrices, y=matrices.y[keep], x=matrices.x[keep], factors=tuple(factors))
        return whole - log_evidence(part, model)

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
