"""The methods of a study, and the works that they cite."""

import json
import re

import pytest
from partialpool.report import methods
from partialpool.report.references import WORKS, bibliography

from report.for_paper_results import compared, study, two_models

VERSIONS = {"partialpool": "0.1.0", "python": "3.13.0", "bambi": "0.21.0", "pymc": "6.4.0", "nutpie": "0.16.11"}
VERSIONS |= {"numba": "0.68.0", "numpy": "2.5.5"}
PASSED = {"threshold": 1.01, "passed": True, "value": 1.0}


def fit(*, nuts=False):
    how = {"sampling": "nuts", "engine": "nuts", "target_accept": 0.8} if nuts else {"sampling": "independent"}
    return {"engine": "marginal", "versions": json.dumps(VERSIONS)} | how


def described(*, nuts=False, passed=True, tables=None):
    checks = {"rhat": PASSED | {"passed": passed}, "ess_bulk": {"threshold": 400, "passed": True, "value": 900}}
    checks |= {"ebfmi": PASSED} if nuts else {"pareto_k": PASSED}
    return methods.of_study(
        study(),
        {"a": fit(), "b": fit(nuts=nuts)},
        {model: study().spec(model) for model in ("a", "b")},
        {"a": checks, "b": checks},
        {"both": compared()} if tables is None else tables,
        models=two_models(),
        snakemake="9.27.1",
    )


def test_facts_of_a_study():
    text = described().text
    assert text.startswith("Data. Yield. Means: 5 measurements of 2 units. Growth: 4 measurements of 2 units.\n")
    assert "Growth: milk ~ 1 + year + (1 | farm) (gaussian); priors: Intercept ~ Normal(0, 1), b ~ Normal(0, 1)" in text
    assert "Means, Growth: independent draws of the scales" in text
    assert "R-hat at most 1.01, bulk ESS at least 400" in text
    assert "All models met them." in text
    assert "Means, Growth: New measurements of observed units: one left out at a time, 5 measurements" in text
    assert "Snakemake 9.27.1 (Mölder et al. 2021)" in text
    assert "Each model was checked by the distribution of the outcome under its priors, posterior predictive" in text
    assert "PSIS" not in text
    assert not re.search(r"[<>`*_]|\.\.", text)


def test_packages_that_did_not_run_are_not_named():
    independent, nuts = described().text, described(nuts=True).text
    assert "Bambi" not in independent
    assert "nutpie" not in independent
    assert "Bambi 0.21.0 (Capretto et al. 2022)" in nuts
    assert "nutpie 0.16.11" in nuts
    assert "no-U-turn sampler (Hoffman & Gelman 2014)" in nuts


def test_a_failed_check_is_told():
    assert "Not all were met by Means, Growth." in described(passed=False).text


def test_nothing_of_comparisons_where_there_are_none():
    made = described(tables={})
    assert "leave-one-out cross-validation" not in made.text
    assert "loo" not in made.cited


@pytest.mark.parametrize("nuts", [False, True])
def test_what_is_cited_is_in_the_bibliography_and_nothing_else(nuts):
    made = described(nuts=nuts)
    entries = re.findall(r"^@\w+\{([^,]+),$", bibliography(made.cited), re.M)
    assert entries == sorted(made.cited)
    for key, work in WORKS.items():
        assert (work.cited in made.text) == (key in entries), key


@pytest.mark.parametrize("key", WORKS)
def test_works_are_cited_by_first_author_and_year(key):
    work = WORKS[key]
    first, *others = work.fields["author"].split(" and ")
    surnames = [name.partition(",")[0] for name in (first, *others)]
    *_, year = work.cited.split()
    names = work.cited.removesuffix(f" {year}")
    assert year == work.fields["year"]
    short = f"{surnames[0]} et al."
    full = " & ".join(filter(None, [", ".join(surnames[:-1]), surnames[-1]])) if len(surnames) > 1 else surnames[0]
    assert names in (short, full)
    assert work.fields.get("doi", "10.").startswith("10.")
