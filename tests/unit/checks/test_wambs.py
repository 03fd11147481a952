"""Refits with twice the draws and with other priors, against fits that are made with these."""

from dataclasses import replace

import numpy as np
import pytest
from partialpool.checks.fitted import Fitted
from partialpool.checks.wambs import COLUMNS, _other, wambs
from partialpool.fit import fit
from partialpool.model.formula import complete_cases
from partialpool.model.priors import parse
from partialpool.sampling.priors import quantiles

FORMULA = "y ~ 1 + x + (1 + x | id)"


def fitted(spec, data):
    rows = complete_cases(spec, data)
    return Fitted(fit.fit(spec, data), spec, data, rows)


@pytest.fixture(scope="module")
def made(make_spec, units):
    rng = np.random.default_rng(5)
    of_unit = dict(zip(units["id"].unique(), rng.normal(0, 2, units["id"].nunique()), strict=True))
    data = units.assign(y=units["y"] + units["id"].map(of_unit), id=units["id"].astype("category"))
    spec = make_spec(FORMULA, engine="marginal", chains=4, draws=1000)
    return fitted(spec, data)


@pytest.fixture(scope="module")
def table(made):
    return wambs(made)


def test_each_point_has_each_parameter(made, table):
    assert list(table.columns) == COLUMNS
    changes = {
        (3, "twice the draws"),
        (7, "other priors of the scales"),
        (8, "nearly flat priors"),
        (9, "halved scales"),
        (9, "doubled scales"),
    }
    assert set(zip(table["point"], table["change"], strict=True)) == changes
    names = ["Intercept", "x", "sd(Intercept)", "sd(x)", "cor(Intercept,x)", "sigma"]
    assert table.groupby(["point", "change"])["parameter"].agg(list).map(lambda own: own == names).all()


@pytest.mark.numbers
@pytest.mark.parametrize(
    ("change", "by"), [("nearly flat priors", 1000.0), ("halved scales", 0.5), ("doubled scales", 2.0)]
)
def test_a_refit_is_a_fit_with_these_priors(made, table, change, by):
    spec = replace(made.spec, priors={name: prior.scaled(by) for name, prior in made.spec.priors.items()}, seed=11)
    other = fitted(spec, made.data)
    own = table[table["change"] == change].set_index("parameter")
    for parameter in other.parameters:
        draws = parameter.draws(other.posterior)
        ours = own.loc[parameter.name]
        # Of 2000 draws of the refit and 4000 of the fit.
        error = draws.std() * np.sqrt(1 / 2000 + 1 / 4000)
        assert ours["refit"] == pytest.approx(draws.mean(), abs=5 * error), parameter.name


def test_deviations_are_what_they_are_called(made, table):
    percent = 100 * (table["estimate"] - table["refit"]) / table["refit"].abs()
    np.testing.assert_allclose(table["deviation_percent"], percent)
    twice = table[table["point"] == 3].set_index("parameter")
    for parameter in made.parameters:
        draws, row = parameter.draws(made.posterior), twice.loc[parameter.name]
        assert row["estimate"] == pytest.approx(draws.mean())
        assert row["deviation_sd"] == pytest.approx((draws.mean() - row["refit"]) / draws.std(ddof=1))
        # Twice as many draws of the same posterior: both means within their errors.
        assert abs(row["deviation_sd"]) < 5 * row["mcse_sd"]


@pytest.mark.numbers
@pytest.mark.parametrize(
    "prior", ["Exponential(2)", "HalfNormal(3)", "HalfCauchy(0.5)", "Gamma(2, 0.1)", "HalfNormal([1, 4])"]
)
def test_another_prior_of_a_scale_has_the_same_median_and_another_shape(prior):
    before, after = parse(prior), _other("sd[x]", parse(prior))
    assert after.name == ("HalfNormal" if before.name == "HalfCauchy" else "HalfCauchy")
    n = 2 if "[" in prior else 1
    for one, other in zip(before.each(n), after.each(n), strict=True):
        assert quantiles(other, np.array([0.5])) == pytest.approx(quantiles(one, np.array([0.5])), rel=0.01)


def test_other_priors_leave_coefficients_and_change_correlations():
    assert _other("b[x]", parse("Normal(0, 1)")) == parse("Normal(0, 1)")
    assert [str(_other("cor", parse(f"LKJ({eta})"))) for eta in (1, 2, 4)] == ["LKJ(2)", "LKJ(1)", "LKJ(2)"]


def test_a_model_that_was_sampled_over_all_parameters_has_no_refits(made):
    tree = made.tree.copy()
    tree.attrs["engine"] = "nuts"
    none = wambs(replace(made, tree=tree))
    assert none.empty
    assert list(none.columns) == COLUMNS
