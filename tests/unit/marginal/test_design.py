"""Which models have a closed form, and their matrices."""

from dataclasses import replace

import pytest
from partialpool.errors import StudyError
from partialpool.fit import fit as fit_module
from partialpool.marginal.design import NoClosedForm, design
from partialpool.model.formula import complete_cases


@pytest.mark.parametrize(
    ("formula", "classes", "changes", "says"),
    [
        ("count ~ x + (1 | id)", "Intercept b sd", {"family": "poisson"}, "family is poisson"),
        ("y ~ x + (1 | id)", "Intercept b sd sigma", {"link": "log"}, "link is log"),
        ("y ~ x", "Intercept sigma", {"priors": {"b": "StudentT(3, 0, 1)"}}, "prior of x is StudentT"),
    ],
)
def test_a_model_that_cannot_be_marginal_says_why(make_spec, units, capsys, formula, classes, changes, says):
    spec = make_spec(formula, classes, **changes)
    rows = complete_cases(spec, units)
    with pytest.raises(NoClosedForm, match=says):
        design(spec, rows)
    with pytest.raises(StudyError, match=f"'engine: marginal' cannot fit this model: .*{says}"):
        fit_module.fit(replace(spec, engine="marginal"), units)


def test_auto_takes_nuts_where_it_must_and_the_log_says_why(make_spec, units, capsys):
    spec = make_spec("count ~ 1", "Intercept", family="poisson", engine="auto", draws=10, warmup=10)
    assert fit_module.fit(spec, units).attrs["engine"] == "nuts"
    said = capsys.readouterr().out
    assert "Engine: nuts, because the marginal engine cannot fit this model: its family is poisson" in said
