"""What the checks of a model say."""

import numpy as np
import pandas as pd
import pytest
from partialpool.report import model_checks
from partialpool.study.data import Nouns

HERDS = Nouns(unit=("herd", "herds"), measurement=("cow", "cows"))


def prior_tables(**changes):
    outcome = {"q2.5": -5.0, "q97.5": 5.2, "low": 0.01, "high": 0.489, "outside": 0.907, "impossible": np.nan}
    outcome |= {"lower": np.nan, "upper": np.nan} | changes
    both = {"parameter": ["(outcome)", "sigma", "cor"], "narrower": [30.0, 302.6, 1.06]}
    both |= {"prior_q2.5": [0.1, 0, 0], "prior_q97.5": [0.9, 1, 1], "q50": [0.19, 0, 0]}
    return {"prior_predictive": pd.DataFrame([outcome]), "prior_posterior": pd.DataFrame(both)}


def test_priors_beside_the_range_of_the_data():
    told = model_checks.prior(prior_tables(), HERDS, family="gaussian")
    assert told.startswith(
        "Under the priors 95 % of cows are between −5 and 5.2, and 91 % lie outside of the range of the data, 0.01 to "
        "0.489. Of the parameters, cor is narrowed least by the data: the 95 % interval of its prior is 1.06 times"
    )
    assert "impossible" not in told
    told = model_checks.prior(prior_tables(), HERDS, family="gaussian", function="log(y)")
    assert told.startswith("Under the priors 95 % of values of log(y) are between −5 and 5.2, and")


def test_a_parameter_that_the_data_say_nothing_of_is_not_called_narrowed():
    tables = prior_tables()
    tables["prior_posterior"]["narrower"] = tables["prior_posterior"]["narrower"] * 0.93
    assert "cor is not narrowed by the data: the 95 % interval of its prior is 0.986 times" in model_checks.prior(
        tables, HERDS, family="gaussian"
    )


def test_of_outcomes_with_levels_no_range_is_told():
    told = model_checks.prior(prior_tables(), HERDS, family="cumulative")
    assert told.startswith("Of the parameters, cor is narrowed least")


def test_data_that_hardly_vary_are_told_apart():
    tables = prior_tables()
    outcome = {"q2.5": 999.99912, "q97.5": 1000.00153, "low": 999.9995, "high": 1000.0012}
    tables["prior_predictive"] = tables["prior_predictive"].assign(**outcome)
    told = model_checks.prior(tables, HERDS, family="gaussian")
    assert "are between 999.9991 and 1000.002, and" in told
    assert "range of the data, 999.9995 to 1000.001." in told


@pytest.mark.parametrize(
    ("share", "lower", "upper", "words"),
    [
        (0.5, 0.0, np.nan, "50 % lie where none can: under 0."),
        (0.012, 0.0, 10.0, "1.2 % lie where none can: under 0 or over 10."),
        (0.0, np.nan, 10.0, "None lie where none can: over 10."),
    ],
)
def test_what_is_impossible(share, lower, upper, words):
    tables = prior_tables(impossible=share, lower=lower, upper=upper)
    assert words in model_checks.prior(tables, HERDS, family="gaussian")


def test_of_yes_no_outcomes_shares_are_told():
    told = model_checks.prior(prior_tables(), HERDS, family="bernoulli")
    assert told.startswith("Under the priors the share of successes in a data set is between 0.1 and 0.9 with")
    assert "in the data it is 0.19." in told


def test_of_many_sensitive_parameters_a_few_are_named():
    rows = [
        {"parameter": f"x{i}", "component": component, "psense": 0.2, "pareto_k": 0.1}
        | {"shift_weaker": 0.1, "shift_stronger": 0.1}
        for i in range(6)
        for component in ("prior", "likelihood")
    ]
    told = model_checks.sensitivity(pd.DataFrame(rows))
    assert told.endswith("may disagree, on x0, x1, x2, x3, and 2 more.")


def statistic(name, p, at_most):
    beside = {"observed": 0.0635, "mean": 0.078, "sd": 0.0047, "q2.5": 0.069, "q97.5": 0.0877}
    return {"statistic": name, "p": p, "p_at_most": at_most} | beside


def test_statistics_that_are_seldom_so_are_told():
    table = pd.DataFrame([statistic("mean", 0.5, 0.5), statistic("sd_between_units", 0.999, 0.001)])
    assert model_checks.predictive(table, HERDS) == (
        "The data differ from replicated data sets: the sd of the means of herds is 0.0635, and 0.0690 to 0.0877 in "
        "replicated ones (p = 0.999)."
    )
    assert model_checks.predictive(table[:1], HERDS).startswith("No statistic of the data, of 1, is among the 2.5 %")


def test_misfit_is_told_of_the_checks_that_were_made():
    usual, seldom = (pd.DataFrame([statistic("mean", p, 1 - p)]) for p in (0.99, 0.999))
    curve = pd.DataFrame({"x": [0.0, 1.0], "difference": [0.0, 0.2], "lower": -0.1, "upper": 0.1})
    assert model_checks.misfit({"predictive": usual, "loo_pit_curve": curve.assign(upper=0.3)}, HERDS) == ""
    assert model_checks.misfit({}, HERDS) == ""
    assert model_checks.misfit({"predictive": seldom}, HERDS) == model_checks.predictive(seldom, HERDS)
    assert model_checks.misfit({"loo_pit_curve": curve}, HERDS) == (
        f"The {HERDS.measurement[1]} do not lie where the model expects them (LOO-PIT)."
    )


def test_no_share_of_replicated_data_sets_is_told_as_certain():
    table = pd.DataFrame([statistic("mean", 0.0, 1.0)])
    assert "(p under 0.001)" in model_checks.predictive(table, HERDS)
    assert model_checks.statistics(table, HERDS)["p"].tolist() == ["under 0.001"]


def test_what_nearly_all_replicated_data_sets_have_is_not_extreme():
    table = pd.DataFrame([statistic("minimum", 1.0, 0.97)])
    assert model_checks.predictive(table, HERDS).startswith("No statistic of the data, of 1, is among the 2.5 %")


def moved(of, label, method, pareto_k):
    beside = {"elpd": -54.9, "parameter": "x", "mean": 0.16, "mean_without": 0.141, "sd": 0.0157, "shift": -1.207}
    return {"of": of, "label": label, "method": method, "pareto_k": pareto_k} | beside


def test_weights_that_cannot_be_relied_on_are_marked_beside_the_number():
    rows = [moved("unit", "5", "importance weights", 1.137), moved("row", 22, "importance weights", 0.3)]
    told = model_checks.influence(pd.DataFrame(rows), HERDS)
    assert "sds (by importance weights, whose Pareto k of 1.14 is over 0.7)." in told
    assert "Without the cow in row 22, x would be 0.141 instead of 0.160, a change of 1.21 posterior sds (by" in told
    assert told.count("is over 0.7") == 2
    again = pd.DataFrame([moved("unit", "5", "refit", 1.137)])
    assert model_checks.influence(again, HERDS).endswith("(fitted again).")
    assert model_checks.influential(pd.DataFrame(rows), HERDS)["Pareto k"].tolist() == ["1.14", "0.30"]


def test_that_a_unit_tells_most_of_its_own_coefficient_is_not_said():
    rows = [moved("unit", "5", "refit", 0.1) | {"parameter": "herd[5]"}, moved("row", 22, "refit", 0.1)]
    told = model_checks.influence(pd.DataFrame(rows), HERDS)
    assert told.startswith("Without the cow in row 22, x would be")


def test_a_curve_inside_of_its_envelope_is_good():
    curve = pd.DataFrame({"x": [0.0, 1.0], "difference": 0.0, "lower": -0.1, "upper": 0.1})
    tables = {"loo_pit_curve": curve, "loo_pit": pd.DataFrame({"pareto_k": [0.1, 0.2]})}
    told = model_checks.loo_pit(tables, HERDS)
    assert told == "The cows lie where the model expects them: the curve stays in its envelope."


@pytest.mark.parametrize(("outside", "where"), [([0.04], "at 0.04."), ([0.041, 0.5], "between 0.04 and 0.50.")])
def test_where_a_curve_leaves_its_envelope(outside, where):
    x = [*outside, 0.9]
    curve = pd.DataFrame({"x": x, "difference": [*[0.2] * len(outside), 0.0], "lower": -0.1, "upper": 0.1})
    tables = {"loo_pit_curve": curve, "loo_pit": pd.DataFrame({"pareto_k": [0.1, 0.2]})}
    assert model_checks.loo_pit(tables, HERDS).endswith(f"the curve leaves its envelope {where}")


def sensitivities(prior, likelihood):
    rows = [
        {"parameter": "sigma", "component": component, "shift_weaker": 0.001, "shift_stronger": shift, "psense": psense}
        | {"mcse_shift": 0.002, "method": "independent draws", "pareto_k": np.nan}
        for component, shift, psense in (("prior", -0.002, prior), ("likelihood", -1.2, likelihood))
    ]
    return pd.DataFrame(rows)


def test_how_far_estimates_move():
    told = model_checks.sensitivity(sensitivities(0.01, 0.9))
    assert "sigma would move most: by less than 0.01 of its posterior sd." in told
    assert "sigma would move most: by at most 1.20 of its posterior sd." in told
    assert told.endswith("By ArviZ's measure no estimate is sensitive to the priors (psense under 0.05).")


def test_what_sensitivity_may_mean():
    assert "priors and data both count, and may disagree, on sigma." in model_checks.sensitivity(
        sensitivities(0.1, 0.9)
    )
    assert "priors count more than data for sigma." in model_checks.sensitivity(sensitivities(0.1, 0.01))
