"""Bayes factors, and what other priors do to them."""

import numpy as np
import pytest
from partialpool.errors import StudyError
from partialpool.loo.bayes_factors import bayes_factors

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

    def log_evidence(spec, rows, *, cores):
        asked.append((spec, len(rows), cores))
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
    assert {(rows, cores) for _, rows, cores in asked} == {(len(units), 2)}


def test_a_model_without_evidence_is_named_before_anything_is_computed(specs, units, asked):
    with pytest.raises(StudyError, match="Model b was fitted by the engine nuts, which knows no evidence"):
        bayes_factors(specs, FITS | {"b": {"engine": "nuts"}}, units)
    assert asked == []


def test_models_on_different_rows_have_no_bayes_factors(specs, units, asked, make_spec):
    other = make_spec("y ~ 1 + x", "Intercept b sigma")
    with pytest.raises(StudyError, match=r"same rows only(.|\n)*not in every other model: rows 0"):
        bayes_factors(specs | {"b": other}, FITS, units.assign(x=units["x"].where(units["row"] > 0)))
    assert asked == []
