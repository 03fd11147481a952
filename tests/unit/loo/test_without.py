"""What is left out, against fits without it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from marginal.by_grid import log_evidence_by_quadrature
from partialpool.fit.fit import fit
from partialpool.loo.integrated import integrated
from partialpool.loo.without import Without
from partialpool.marginal.closed_form import design
from partialpool.marginal.sample import Posterior
from partialpool.marginal.scales import Scales
from partialpool.model.formula import complete_cases

MOST_PARETO_K = 0.7


@pytest.fixture(scope="module")
def small():
    """Eighteen units with ten rows each, that differ in level and slope, and items that all of them meet."""
    rng = np.random.default_rng(5)
    ids, x = np.repeat(np.arange(18), 10), np.tile(np.linspace(-1, 1, 10), 18)
    level, slope, item = rng.normal(0, 1, 18), rng.normal(0, 0.7, 18), rng.integers(0, 6, 180)
    y = 0.5 + level[ids] + (0.3 + slope[ids]) * x + rng.normal(0, 0.5, 6)[item] + rng.normal(0, 0.6, 180)
    # One unit is far from all others.
    y[ids == 3] += 4
    items = pd.Categorical([f"item {own}" for own in item])
    return pd.DataFrame({"id": ids, "x": x, "item": items, "y": y, "row": np.arange(180)})


def some_rows(matrices, kept):
    factors = tuple(replace(own, z=own.z[kept], codes=own.codes[kept]) for own in matrices.factors)
    return replace(matrices, x=matrices.x[kept], y=matrices.y[kept], factors=factors)


def log_predictive(matrices, inside):
    """Log density of some rows given the others, and its Monte Carlo error.

    It is the mean of their conditional densities over draws of the scales from a posterior without them.
    """
    others = Posterior(some_rows(matrices, ~inside))
    drawn = others.draw(chains=4, draws=100, seed=11)
    scales, n = Scales.at(others.space, drawn.x.reshape(-1, others.space.dimensions)), len(matrices.y)
    covariance = scales.sigma[:, None, None] ** 2 * np.eye(n) + (matrices.x * matrices.prior_sd**2) @ matrices.x.T
    for factor, cholesky in zip(matrices.factors, scales.cholesky, strict=True):
        half = factor.z @ cholesky
        covariance += half @ np.swapaxes(half, 1, 2) * (factor.codes[:, None] == factor.codes)
    order = np.concatenate([np.flatnonzero(~inside), np.flatnonzero(inside)])
    cholesky = np.linalg.cholesky(covariance[:, order][:, :, order])
    residual = (matrices.y - matrices.x @ matrices.prior_mean)[order]
    whitened = np.linalg.solve(cholesky, np.broadcast_to(residual[:, None], (len(cholesky), n, 1)))[..., 0]
    left = slice(n - inside.sum(), n)
    diagonal = np.diagonal(cholesky, axis1=1, axis2=2)[:, left]
    values = -0.5 * ((whitened[:, left] ** 2).sum(axis=1) + inside.sum() * np.log(2 * np.pi))
    densities = np.exp(values - np.log(diagonal).sum(axis=1))
    return np.log(densities.mean()), densities.std() / densities.mean() / np.sqrt(len(densities))


@pytest.mark.numbers
@pytest.mark.parametrize(
    ("formula", "classes"),
    [
        ("y ~ 1 + x + (1 + x | id)", "Intercept b sd cor sigma"),
        ("y ~ 1 + x + (1 | id) + (1 | item)", "Intercept b sd sigma"),
    ],
)
@pytest.mark.slow
def test_both_estimands_are_those_of_fits_without_each(make_spec, small, formula, classes):
    spec = make_spec(formula, classes, chains=4, draws=1000, engine="auto")
    observations, of_units = integrated(fit(spec, small), spec, small, cores=2)
    rows = complete_cases(spec, small)
    matrices = design(spec, rows)
    largest = max(observations.pareto_k.max(), of_units.pareto_k.max())
    print(f"{formula}: largest Pareto k {largest:.2f}")
    assert largest < MOST_PARETO_K
    # The unit that is far from all others has weights that vary too much.
    assert set(of_units.method) == {"integrated", "integrated_refit"}
    unit, outlier = rows["id"].astype(str).to_numpy(), observations.elpd.argmin()
    left_out = [(observations, i, rows["row"].to_numpy() == i) for i in (0, 77, outlier)]
    left_out += [(of_units, list(of_units.labels).index(own), unit == own) for own in ("3", "0")]
    for pointwise, place, inside in left_out:
        expected, error = log_predictive(matrices, inside)
        assert abs(pointwise.elpd[place] - expected) < 4 * np.hypot(error, pointwise.mcse[place])


@pytest.mark.numbers
def test_a_difference_of_evidences_is_that_of_quadrature(make_spec, units):
    """Also where a unit keeps no row."""
    spec = make_spec("y ~ 1 + (1 | id)", "Intercept sd sigma", engine="auto")
    rows = complete_cases(spec, units)
    matrices, whole = design(spec, rows), log_evidence_by_quadrature(design(spec, rows))
    for kept in (rows["row"] != 7, rows["id"] != 29):
        kept = kept.to_numpy()
        value, mcse, trusted = Without(matrices).difference_of_evidences(kept)
        assert trusted
        assert value == pytest.approx(whole - log_evidence_by_quadrature(some_rows(matrices, kept)), abs=4 * mcse)


def test_rows_that_leave_too_little_have_no_difference_of_evidences(make_spec, units):
    """All others are the same, and the model fits them perfectly."""
    spec = make_spec("y ~ 1 + (1 | id)", "Intercept sd sigma", engine="auto")
    same = units.assign(y=np.where(units["row"] == 7, 3.0, 1.0))
    matrices = design(spec, complete_cases(spec, same))
    _, _, trusted = Without(matrices).difference_of_evidences(same["row"].to_numpy() != 7)
    assert not trusted


def test_multiplications_are_those_of_the_columns_that_a_unit_meets(make_spec, small):
    spec = make_spec("y ~ 1 + x + (1 | id) + (1 | item)", classes="Intercept b sd sigma")
    rows = complete_cases(spec, small)
    without, ids = Without(design(spec, rows)), rows["id"].cat.codes.to_numpy().astype(int)
    # Intercept, slope, items, outcome.
    widths = 3 + rows.groupby("id", observed=True)["item"].nunique().to_numpy()
    assert without.multiplications(np.arange(180)) == (10 * 10 * widths).sum()
    assert without.multiplications(ids) == (10 * widths * (widths + np.minimum(10, widths))).sum()
