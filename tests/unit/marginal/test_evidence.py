"""Evidences against quadrature."""

import numpy as np
import pytest
from partialpool.marginal.design import design
from partialpool.marginal.evidence import log_evidence
from partialpool.model.formula import complete_cases
from quadrature import log_evidence_by_quadrature

FORMULAS = [
    ("y ~ 0 + id", "b sigma"),
    ("y ~ 1 + x", "Intercept b sigma"),
    ("y ~ 1 + (1 | id)", "Intercept sd sigma"),
    ("y ~ 1 + x + (1 | id) + (1 | item)", "Intercept b sd sigma"),
]


@pytest.mark.numbers
@pytest.mark.parametrize(("formula", "classes"), FORMULAS)
def test_evidence_is_that_of_quadrature(make_spec, units, formula, classes):
    spec = make_spec(formula, classes, chains=4, draws=1000, engine="auto")
    rows = complete_cases(spec, units)
    value, mcse = log_evidence(spec, rows, cores=2)
    assert mcse < 0.01
    assert value == pytest.approx(log_evidence_by_quadrature(design(spec, rows)), abs=4 * mcse)


def test_an_evidence_does_not_depend_on_the_cores(make_spec, units):
    spec = make_spec("y ~ 1 + x + (1 | id) + (1 | item)", "Intercept b sd sigma", draws=100, engine="auto")
    rows = complete_cases(spec, units)
    first, second = (log_evidence(spec, rows, cores=cores) for cores in (1, 2))
    assert first == second


@pytest.mark.numbers
def test_an_evidence_at_the_edge_of_a_prior_is_that_of_quadrature(make_spec, units):
    """The outcome wants a larger sigma than the prior allows."""
    spec = make_spec(
        "y ~ 1 + (1 | id)", "Intercept sd", priors={"sigma": "Uniform(0.5, 1.2)"}, chains=4, draws=1000, engine="auto"
    )
    rows = complete_cases(spec, units)
    value, mcse = log_evidence(spec, rows)
    grid = np.linspace(0.5, 1.2, 151)
    assert value == pytest.approx(log_evidence_by_quadrature(design(spec, rows), sigma=grid), abs=4 * mcse + 1e-3)
