import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.report.comparisons import (
    METHODS,
    bayes_factors,
    best,
    blocks,
    corrected,
    evidence,
    left_out,
    tabulated,
    unreliable,
    untrusted,
    verdict,
    weighed,
)
from partialpool.study.data import Nouns

HERDS = Nouns(unit=("herd", "herds"), measurement=("count", "counts"))
TITLES = {"a": "A", "b": "B"}


def block(difference, error, **columns):
    table = {"model": ["a", "b"], "elpd_diff": [0.0, difference], "se_diff": [0.0, error], "estimand": "unit"}
    return pd.DataFrame(table | {"bad_pareto_k": 0} | columns)


@pytest.mark.parametrize(
    ("difference", "error", "better"),
    [(-16.7, 5.7, True), (-3.9, 0.1, False), (-10.0, 5.1, False), (-10.0, 4.9, True)],
)
def test_a_difference_counts_from_4_and_2_standard_errors(difference, error, better):
    said = verdict(block(difference, error), TITLES, HERDS).striptags()
    assert ("A predicts new herds better than B" in said) == better
    assert ("cannot be told apart by how they predict new herds" in said) != better


def test_a_verdict_says_what_is_predicted():
    said = verdict(block(-16.7, 5.7, estimand="observation"), TITLES, HERDS).striptags()
    assert said == ("A predicts new counts of observed herds better than B (elpd differs by 16.7, standard error 5.7).")


def test_a_verdict_on_several_models_says_of_which_the_best_differs():
    differences = {"elpd_diff": [0.0, -1.0, -20.0, -2.0], "se_diff": [0.0, 1.0, 2.0, 1.0]}
    table = pd.DataFrame({"model": list("abcd"), "bad_pareto_k": 0} | differences)
    titles = {name: name.upper() for name in "abcd"} | {"d": "<D>"}
    said = verdict(table.assign(estimand="unit"), titles, HERDS).striptags()
    assert said == (
        "A predicts new herds better than C (elpd differs by 20.0, standard error 2.0). Neither B (elpd differs by "
        "1.0, standard error 1.0) nor <D> (elpd differs by 2.0, standard error 1.0) can be told apart from A by how "
        "they predict new herds."
    )
    better = verdict(table[table["model"] != "b"].assign(estimand="unit", elpd_diff=[0, -20, -30]), titles, HERDS)
    assert (
        "better than C (elpd differs by 20.0, standard error 2.0) and <D> (elpd differs by 30.0," in better.striptags()
    )


@pytest.mark.parametrize("bad", [[0, 3], [1, 0]])
def test_there_is_no_verdict_where_a_pareto_k_is_too_large(bad):
    said = verdict(block(-16.7, 5.7, bad_pareto_k=bad), TITLES, HERDS).striptags()
    assert said == "Which of A and B predicts new herds better is left open: Pareto k is too large."


def test_what_is_left_open_of_several_models_for_the_same_reason_is_said_once():
    table = pd.DataFrame({"model": list("abcd"), "elpd_diff": [0.0, -1, -2, -3], "se_diff": 1.0, "estimand": "unit"})
    titles = {name: name.upper() for name in "abcd"}
    said = verdict(table.assign(bad_pareto_k=[1, 0, 0, 0]), titles, HERDS, failed={"d"}).striptags()
    assert said == (
        "Whether A predicts new herds better than B or C is left open: Pareto k is too large. Which of A and D "
        "predicts new herds better is left open: Pareto k is too large, and convergence checks failed for d."
    )


def test_there_is_no_verdict_where_a_check_failed():
    said = verdict(block(-16.7, 5.7), TITLES, HERDS, failed={"b", "c"}).striptags()
    assert said == "Which of A and B predicts new herds better is left open: convergence checks failed for b."
    said = verdict(block(-16.7, 5.7, bad_pareto_k=[0, 3]), TITLES, HERDS, failed={"a", "b"}).striptags()
    assert said.endswith("left open: Pareto k is too large, and convergence checks failed for a and b.")


def test_a_comparison_has_standard_errors_in_parentheses():
    table = block(-16.66, 5.65, max_pareto_k=[0.5, np.inf], bad_pareto_k=[0, 3], n=9)
    for name in ("elpd_loo", "p_loo", "looic"):
        table = table.assign(**{name: [314.5, -1.25], f"se_{name}": [11.04, 2.0]})
    shown = tabulated(table, TITLES).loc[1]
    assert shown.tolist() == ["b B", "−16.7 (5.7)", "−1.2 (2.0)", "−1.2 (2.0)", "−1.2 (2.0)", "inf", 3]
    # One model without its number of parameters has a dash; where none has it there is no such column.
    assert tabulated(table.assign(p_loo=[3.0, np.nan]), TITLES).loc[1, "p_loo (se)"] == "–"
    assert "p_loo (se)" not in tabulated(table.assign(p_loo=np.nan, se_p_loo=np.nan), TITLES)


def test_blocks_are_named_by_estimand_and_method_and_plain_psis_is_no_second_verdict():
    parts = [
        {"estimand": "observation", "method": "integrated", "n": 235},
        {"estimand": "unit", "method": "kfold integrated", "n": 91},
        {"estimand": "observation", "method": "psis", "n": 235},
    ]
    table = pd.concat([block(-1.0, 1.0, rank=[0, 1]).assign(**part) for part in parts], ignore_index=True)
    made = blocks(table, HERDS)
    assert [one.title for one in made] == [
        f"New counts of observed herds: one left out at a time, 235 counts; {METHODS['integrated']}",
        "New herds: all counts of one herd left out at a time, 91 herds; "
        f"fits to all herds but those of one fold, {METHODS['integrated']}",
        "As other software reports it, by plain Pareto-smoothed importance sampling (PSIS)",
    ]
    assert [one.has_verdict for one in made] == [True, True, False]
    assert [len(one.table) for one in made] == [2, 2, 2]
    assert [one.has_verdict for one in blocks(table.iloc[4:], HERDS)] == [True]


@pytest.mark.parametrize(
    ("difference", "bad", "named"),
    [
        # b cannot be told apart from a by single counts, and is the best for new herds; then it is clearly worse.
        (-3.0, 0, "b"),
        (-30.0, 0, "a"),
        (-3.0, [0, 0, 1], "a"),
    ],
)
def test_of_models_alike_the_best_is_that_for_new_units(difference, bad, named):
    both = pd.DataFrame({"model": list("abc"), "elpd_diff": [0.0, difference, -40.0], "se_diff": [0.0, 2.0, 2.0]})
    of_counts = both.assign(estimand="observation", method="integrated", rank=range(3), n=20, bad_pareto_k=0)
    of_herds = of_counts.assign(model=["c", "b", "a"], estimand="unit", bad_pareto_k=bad)
    by_psis = of_counts.assign(model=["b", "a", "c"], method="psis")
    assert best(pd.concat([of_counts, of_herds, by_psis]), HERDS) == named
    assert best(pd.concat([of_counts, by_psis]), HERDS) == "a"


def test_what_is_left_out_is_said_unless_the_config_decided():
    table = block(-1.0, 1.0, estimand="observation")
    said = left_out(table, None, HERDS)
    assert said.startswith("New herds are not compared: ")
    assert "'estimands: [observation, unit]'" in said
    assert left_out(table, ["observation"], HERDS) == ""
    assert left_out(pd.concat([table, block(-1.0, 1.0)]), None, HERDS) == ""


def test_bad_pareto_k_are_counted():
    table = block(-1.0, 1.0, bad_pareto_k=[0, 3], n=9)
    assert unreliable(table) == (
        "Pareto k is over 0.7 for 3 of 9 in b: these values of elpd have no trustworthy Monte Carlo error."
    )
    assert unreliable(table.iloc[:1]) == ""


def test_what_plain_psis_gets_wrong_is_told_by_how_often_units_were_measured():
    units = ["A", "B", "B", "C", "C", "C"]
    rows = xr.Dataset({"row": ("__obs__", np.arange(6)), "id": ("__obs__", units)})
    excess = [2.0, 0.5, -0.1, -0.25, 0.0, 0.125]
    pointwise = pd.DataFrame({"model": "a", "row": range(6), "elpd": -1.0, "method": "integrated"})
    pointwise["psis_elpd"] = pointwise["elpd"] + excess
    pointwise["psis_pareto_k"] = [0.9, 0.1, 0.71, 0.1, 0.1, np.nan]
    trees = {"a": xr.DataTree.from_dict({"constant_data": rows})}
    told = corrected(pointwise, trees, unit="id", nouns=HERDS)
    assert "<strong>a</strong>: elpd is −6.0, by plain PSIS −3.7, a difference of 2.3." in told
    assert "The difference by counts per herd: one 2.0 (rows: 1), two 0.4 (rows: 2), more −0.1 (rows: 3)." in told
    assert "Where Pareto k of plain PSIS is over 0.7: 2.0 (rows: 3)." in told
    assert "Largest: herd A, row 0 (2.00), herd B, row 1 (0.50), herd C, row 3 (−0.25)." in told
    assert corrected(pointwise.assign(method="psis"), {}, unit="id", nouns=HERDS) == ""
    alike = corrected(pointwise.iloc[3:], trees, unit="id", nouns=HERDS)
    assert "a difference of −0.1. Where Pareto k" in alike


def test_evidence_is_of_the_models_that_have_it_once_each():
    table = pd.DataFrame(
        {
            "model": ["a", "b", "c", "b", "a", "c"],
            "log_evidence": [-9.127, -1.5, np.nan, -1.5, -9.127, np.nan],
            "mcse_log_evidence": [0.012, 0.2, np.nan, 0.2, 0.012, np.nan],
        }
    )
    shown = evidence(table, TITLES | {"c": "C"})
    assert shown.to_numpy().tolist() == [["b B", "−1.50 (0.20)"], ["a A", "−9.127 (0.012)"]]
    assert evidence(table[table["model"] == "c"], TITLES).empty


def factors(*of_b):
    """Bayes factors of b against a with the scales of priors halved, as configured, and doubled."""
    rows = [("a", 0.0, 0.0)] * 3 + [("b", factor, 0.02) for factor in of_b]
    table = pd.DataFrame(rows, columns=["model", "log_bayes_factor", "mcse_log_bayes_factor"])
    return table.assign(priors=["halved", "as configured", "doubled"] * 2)


def test_bayes_factors_have_the_priors_side_by_side():
    shown = bayes_factors(factors(-1.0, -2.0, -3.0), TITLES)
    assert list(shown.columns) == ["model", "halved (MCSE)", "as configured (MCSE)", "doubled (MCSE)"]
    assert shown.to_numpy().tolist() == [
        ["a A", "0", "0", "0"],
        ["b B", "−1.000 (0.020)", "−2.000 (0.020)", "−3.000 (0.020)"],
    ]


def test_bayes_factors_in_words_say_what_the_priors_do_to_them():
    told = weighed(factors(-1.0, -2.0, -9.21), TITLES, HERDS)
    assert told == (
        "<p>The counts are 7.4 times as probable under A as under B; 2.7 times with the scales of all priors halved, "
        "about 10<sup>4</sup> times with them doubled.</p>"
    )
    assert "Which of the two is ahead depends on the priors." in weighed(factors(0.5, -2.0, -3.0), TITLES, HERDS)


def test_bayes_factors_with_priors_that_give_no_evidence_are_not_known():
    table = factors(-1.0, -2.0, np.nan)
    assert bayes_factors(table, TITLES).to_numpy().tolist()[1] == ["b B", "−1.000 (0.020)", "−2.000 (0.020)", "–"]
    told = weighed(table, TITLES, HERDS)
    assert "2.7 times with the scales of all priors halved, an unknown number of times with them doubled." in told
    assert "ahead" not in told
    assert "ahead" in weighed(factors(0.5, -2.0, np.nan), TITLES, HERDS)


def test_an_evidence_without_a_monte_carlo_error_is_not_relied_on():
    table = pd.DataFrame({"model": ["a", "b", "c", "b"], "log_evidence": [-9.1, -1.5, np.nan, -1.5]})
    told = untrusted(table.assign(mcse_log_evidence=[0.01, np.nan, np.nan, np.nan]))
    assert told.startswith("The evidence of b has no trustworthy Monte Carlo error")
    assert untrusted(table.assign(mcse_log_evidence=0.01)) == ""
