"""Which models have a closed form, and what is said of the others."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.fit import fit as fit_module
from partialpool.marginal.closed_form import design
from partialpool.model.design import NoClosedForm
from partialpool.model.formula import complete_cases


@pytest.mark.parametrize(
    ("formula", "classes", "changes", "says"),
    [
        ("count ~ x + (1 | id)", "Intercept b sd", {"family": "poisson"}, "family is poisson"),
        ("y ~ x + (1 | id)", "Intercept b sd sigma", {"link": "log"}, "link is log"),
        ("y ~ x", "Intercept sigma", {"priors": {"b": "StudentT(3, 0, 1)"}}, "prior of x is StudentT"),
        ("poly(y, 2) ~ x", "Intercept b sigma", {}, "outcome has several columns"),
    ],
)
def test_a_model_that_cannot_be_marginal_says_why(make_spec, units, capsys, formula, classes, changes, says):
    spec = make_spec(formula, classes, **changes)
    rows = complete_cases(spec, units)
    with pytest.raises(NoClosedForm, match=says):
        design(spec, rows)
    with pytest.raises(StudyError, match=f"'engine: marginal' cannot fit this model: .*{says}"):
        fit_module.fit(replace(spec, engine="marginal"), units)


def test_auto_takes_nuts_where_it_must_and_the_log_says_why(make_spec, units, capsys, monkeypatch):
    class NutsRuns(Exception):
        pass

    def nuts(*_, **__):
        raise NutsRuns

    monkeypatch.setattr("partialpool.fit.nuts.nuts", nuts)
    spec = make_spec("count ~ 1 + (1 | item)", "Intercept sd", family="poisson", engine="auto")
    with pytest.raises(NutsRuns):
        fit_module.fit(spec, units)
    why = "Engine: nuts, because quadrature cannot fit this model: it needs effects of id and of nothing else, or "
    assert why in capsys.readouterr().out
    with pytest.raises(NutsRuns):
        fit_module.fit(make_spec("y ~ 1", "Intercept sigma", link="log", engine="auto"), units)
    assert "Engine: nuts, because the marginal engine cannot fit this model: its link is log" in capsys.readouterr().out


@pytest.mark.parametrize(("sites", "fits"), [(999, True), (1000, False)])
def test_beside_one_grouping_factor_there_may_be_a_thousand_columns(make_spec, sites, fits):
    spec = make_spec("y ~ 1 + (1 | site) + (1 | id)", "Intercept sd sigma")
    n = np.arange(2000)
    rows = complete_cases(spec, pd.DataFrame({"id": n, "site": n % sites, "y": 0.0, "row": n}))
    if fits:
        assert [factor.name for factor in design(spec, rows).factors] == ["site", "id"]
        return
    with pytest.raises(NoClosedForm, match=r"effects of id, its other .* have 1001 columns together, and more"):
        design(spec, rows)
