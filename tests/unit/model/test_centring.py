import numpy as np
import pandas as pd
import pymc as pm
import pytest
from partialpool.model import build as build_module
from partialpool.model.build import build, build_for_nuts
from partialpool.model.centring import Levels, common_columns
from partialpool.model.formula import bars, complete_cases
from partialpool.model.names import bambi_blocks

# With the classes of their priors, and the order in which the bars are sampled.
FORMULAS = {
    "y ~ 1 + z + (1 | id)": ("Intercept b sd sigma", [0]),
    "y ~ 1 + group + x + (1 + x | id)": ("Intercept b sd cor sigma", [0]),
    "y ~ 0 + group + (0 + x | id)": ("b sd sigma", [0]),
    "y ~ 0 + (1 | id)": ("sd sigma", [0]),
    "y ~ 1 + x + (1 + x + z | id) + (1 | item)": ("Intercept b sd cor sigma", [1, 0]),
    "y ~ 1 + v + offset(z) + (1 | item) + (1 + x | id)": ("Intercept b sd cor sigma", [0, 1]),
    "y ~ 1 + x + (1 | id) + (0 + x | id)": ("Intercept b sd sigma", [0, 1]),
    "y ~ 1 + smoker + (1 + smoker | id)": ("Intercept b sd cor sigma", [0]),
}


def points(model, rng) -> dict:
    """Values of the free variables of a non-centred model, on their own scales."""
    return {
        variable.name: rng.uniform(0.1, 0.9, size)
        if variable.name.startswith("cor_")
        else rng.gamma(3, 0.5, size)
        if "sigma" in variable.name
        else rng.normal(size=size)
        for variable in model.free_RVs
        for size in [tuple(variable.shape.eval())]
    }


def evaluate(model, variables, values: dict):
    inputs = model.free_RVs
    compiled = pm.compile(inputs, variables, mode="FAST_COMPILE", on_unused_input="ignore")
    return compiled(*(values[variable.name] for variable in inputs))


def log_density(model, values: dict) -> float:
    """Of the free variables, each on its own scale, and of the outcome."""
    densities = [pm.logp(variable, variable).sum() for variable in model.free_RVs]
    return float(sum(evaluate(model, densities, values)))


@pytest.mark.parametrize(("formula", "classes_order"), FORMULAS.items(), ids=FORMULAS)
def test_density_and_effects_are_those_of_the_non_centred_model(make_spec, units, monkeypatch, formula, classes_order):
    """At the same parameters: what is sampled differs by the means of the levels, made here by dense least squares."""
    classes, order = classes_order
    units = units.assign(smoker=pd.Categorical(np.where(units["flag"] == 1, "yes", "no")))
    spec = make_spec(formula, classes)
    rows = complete_cases(spec, units)
    monkeypatch.setattr(build_module, "well_informed", lambda model, blocks: [blocks[i] for i in order])
    bambis = [build(spec, rows), build_for_nuts(spec, rows)]
    bambis[0].build()
    plain, centred = (bambi.backend.model for bambi in bambis)
    assert {v.name for v in plain.free_RVs} == {v.name for v in centred.free_RVs}
    values = points(plain, np.random.default_rng(1))
    names = [name for bar in bars(formula) for name in bar]
    effects = dict(zip(names, evaluate(plain, [plain[name] for name in names], values), strict=True))

    parent = bambis[0].parameters["mu"]
    blocks = bambi_blocks(bars(formula), parent.group_specific_terms)
    common = [values[name] for name in (["Intercept"] if parent.intercept_term else []) + list(parent.common_terms)]
    eta = common_columns(parent, len(rows)) @ np.concatenate([np.zeros(0), *map(np.atleast_1d, common)])
    sums, log_scale = dict(values), 0.0
    for block in (blocks[i] for i in order):
        levels = Levels.of(parent, block)
        means = np.zeros((levels.n_levels, levels.z.shape[1]))
        for level in range(levels.n_levels):
            own = levels.level == level
            means[level] = np.linalg.lstsq(levels.z[own], eta[own])[0]
        for j, term in enumerate(block.terms):
            name = term.correlated_standard_normal_name if block.correlation else term.standard_normal_name
            sums[name] = effects[term.name] + means[:, j].reshape(effects[term.name].shape)
            eta = eta + levels.z[:, j] * effects[term.name].reshape(-1)[levels.level]
            log_scale += levels.n_levels * np.log(float(np.squeeze(values[term.sd_name])))
        if block.correlation:
            half = values[f"{block.correlation}_offset"]
            log_scale += levels.n_levels * _log_diagonal(half, len(block.terms))
    ours = evaluate(centred, [centred[name] for name in names], sums)
    for name, values_of_name in zip(names, ours, strict=True):
        np.testing.assert_allclose(values_of_name, effects[name], rtol=1e-9, atol=1e-9)
    assert log_density(centred, sums) == pytest.approx(log_density(plain, values) - log_scale, rel=1e-10)


def _log_diagonal(half: np.ndarray, q: int) -> float:
    """Sum of the logarithms of the diagonal of the Cholesky factor: each pair multiplies one entry by sqrt(1 - p^2)."""
    return float(np.log(1 - (2 * half - 1) ** 2).sum() / 2)
