"""Bayes factors, and what other priors do to them."""

import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.loo.bayes_factors import bayes_factors, log_evidence
from scipy import special, stats

FITS = {
    "a": {"engine": "marginal", "log_evidence": -12.0, "mcse_log_evidence": 0.03},
    "b": {"engine": "marginal", "log_evidence": -10.0, "mcse_log_evidence": 0.04},
}


@pytest.fixture
def specs(make_spec):
    return {"a": make_spec("y ~ 1", "Intercept sigma"), "b": make_spec("y ~ 1 + (1 | id)", "Intercept sd sigma")}


@pytest.fixture
def asked(monkeypatch):
    """What the engine was asked for; each evidence is that of the width of the prior of the intercept."""
    asked = []

    def log_evidence(spec, rows, *, engine, cores):
        asked.append((spec, len(rows), engine, cores))
        return -dict(spec.priors["Intercept"].args)["sigma"] * (1 + ("id" in spec.formula)), 0.05

    monkeypatch.setattr("partialpool.loo.bayes_factors.log_evidence", log_evidence)
    return asked


def test_priors_are_halved_and_doubled_for_all_models_alike(specs, units, asked):
    table = bayes_factors(specs, FITS, units, cores=2)
    assert table[["model", "priors", "log_evidence", "mcse_log_evidence"]].to_numpy().tolist() == [
        ["b", "halved", -1.5, 0.05],
        ["b", "as configured", -10.0, 0.04],
        ["b", "doubled", -6.0, 0.05],
        ["a", "halved", -0.75, 0.05],
        ["a", "as configured", -12.0, 0.03],
        ["a", "doubled", -3.0, 0.05],
    ]
    # Always against the model that is best as configured, whichever is best with other priors.
    assert table["log_bayes_factor"].tolist() == [0, 0, 0, 0.75, -2, 3]
    errors = [0, 0, 0, np.hypot(0.05, 0.05), 0.05, np.hypot(0.05, 0.05)]
    np.testing.assert_allclose(table["mcse_log_bayes_factor"], errors, rtol=1e-12)
    priors = [{name: str(prior) for name, prior in spec.priors.items()} for spec, *_ in asked]
    assert priors == [
        {"Intercept": "Normal(0, 0.75)", "sd": "Exponential(2)", "sigma": "Exponential(4)"},
        {"Intercept": "Normal(0, 3)", "sd": "Exponential(0.5)", "sigma": "Exponential(1)"},
        {"Intercept": "Normal(0, 0.75)", "sigma": "Exponential(4)"},
        {"Intercept": "Normal(0, 3)", "sigma": "Exponential(1)"},
    ]
    assert {tuple(others) for _, *others in asked} == {(len(units), "marginal", 2)}


def test_a_model_without_evidence_is_named_before_anything_is_computed(specs, units, asked):
    with pytest.raises(StudyError, match="Model b was fitted by the engine nuts, which knows no evidence"):
        bayes_factors(specs, FITS | {"b": {"engine": "nuts"}}, units)
    assert asked == []


def test_models_on_different_rows_have_no_bayes_factors(specs, units, asked, make_spec):
    other = make_spec("y ~ 1 + x", "Intercept b sigma")
    with pytest.raises(StudyError, match=r"same rows only(.|\n)*not in every other model: rows 0"):
        bayes_factors(specs | {"b": other}, FITS, units.assign(x=units["x"].where(units["row"] > 0)))
    assert asked == []


def evidence_on_a_grid(successes, trials, scale):
    """Log evidence of units with normal effects on the logit scale, by sums over even steps; of sds, their middles.

    The prior of the intercept is Normal(0, 1.5), and that of the sd Exponential(1), with their scales multiplied.
    """
    intercepts, v, sds = np.linspace(-8, 8, 161), np.linspace(-8, 8, 161), np.linspace(0, 15 * scale, 301)
    sds = (sds[1:] + sds[:-1]) / 2
    p = special.expit(intercepts[:, None, None] + sds[:, None] * v)
    by_unit = [special.xlogy(s, p) + special.xlog1py(n - s, -p) for s, n in zip(successes, trials, strict=True)]
    likelihood = np.prod([(np.exp(log) * stats.norm.pdf(v)).sum(axis=-1) * 0.1 for log in by_unit], axis=0)
    prior = stats.norm.pdf(intercepts, 0, 1.5 * scale)[:, None] * stats.expon.pdf(sds, scale=scale)
    return np.log((prior * likelihood).sum() * 0.1 * (sds[1] - sds[0]))


@pytest.mark.slow
@pytest.mark.numbers
def test_by_quadrature_they_are_those_of_a_grid(make_spec):
    successes, trials = np.array([0, 1, 4, 5, 2]), np.array([5, 4, 5, 5, 3])
    outcomes = [[1] * s + [0] * (n - s) for s, n in zip(successes, trials, strict=True)]
    data = pd.DataFrame({"id": np.repeat(np.arange(5), trials), "y": np.concatenate(outcomes)})
    data["row"] = np.arange(len(data))
    common = {"family": "bernoulli", "engine": "auto", "chains": 4, "draws": 2000}
    spec = make_spec("y ~ 1 + (1 | id)", "Intercept sd", **common)
    value, mcse = log_evidence(spec, data, engine="quadrature")
    fit = {"engine": "quadrature", "log_evidence": value, "mcse_log_evidence": mcse}
    table = bayes_factors({"a": spec}, {"a": fit}, data).set_index("priors")
    for priors, scale in {"halved": 0.5, "as configured": 1, "doubled": 2}.items():
        exact, own = evidence_on_a_grid(successes, trials, scale), table.loc[priors]
        assert own["log_evidence"] == pytest.approx(exact, abs=4 * own["mcse_log_evidence"] + 1e-3)
        assert 0 < own["mcse_log_evidence"] < 0.02


def test_an_evidence_that_quadrature_does_not_find_is_not_known(make_spec, units, monkeypatch, capfd):
    from partialpool.quadrature import model

    monkeypatch.setattr(model, "MOST_DIMENSIONS", 1)
    spec = make_spec("flag ~ 1 + (1 | id)", "Intercept sd", family="bernoulli")
    assert np.isnan(log_evidence(spec, units, engine="quadrature")).all()
    said = capfd.readouterr().out
    assert said.startswith(
        "The evidence of flag ~ 1 + (1 | id) with priors Intercept Normal(0, 1.5), sd Exponential(1)"
    )
