"""What was reported: each item of the two lists has an answer that is true of the results, or is not addressed."""

import re
from collections import Counter
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup
from partialpool.report import guidelines, results, sections
from partialpool.report.reported import variables
from partialpool.study.config import load
from partialpool.study.guidelines import Guidelines

from report.made_up_study import study_values, write_results

BARG, WAMBS = guidelines.LISTS


@pytest.fixture
def made_of(tmp_path):
    """The results of the study that was made up, with more in its config."""

    def make(**more):
        values = study_values() | more
        write_results(tmp_path, values)
        return results.read(load(values), tmp_path / "results")

    return make


def answered(made) -> dict[str, guidelines.Answer]:
    """Answers by number, those of WAMBS as W3."""
    by_list = guidelines.answers(made)
    return {one.item.number: one for one in by_list[BARG]} | {f"W{one.item.number}": one for one in by_list[WAMBS]}


def test_the_lists_are_whole_and_every_key_of_the_config_answers_an_item():
    numbers = [item.number for item in guidelines.LISTS[BARG]]
    letters = {"P": "AB", "1": "ABCDE", "2": "ABCD", "3": "ABC", "4": "ABCDE", "5": "ABCDE", "6": "ABCDEF"}
    assert numbers == [f"{step}.{letter}" for step, own in letters.items() for letter in own]
    assert [item.number for item in guidelines.LISTS[WAMBS]] == [str(n) for n in range(1, 11)]
    keys = {item.key for items in guidelines.LISTS.values() for item in items} - {""}
    assert keys == set(Guidelines.model_fields)


def test_what_no_pipeline_knows_is_not_addressed_until_the_study_says_it(made_of):
    before = answered(made_of())
    by = Counter(one.by for one in before.values())
    assert by[guidelines.STUDY] == 0
    assert {number for number, one in before.items() if one.by == guidelines.NOBODY} == {
        "P.A",
        "P.B",
        "4.A",
        "4.B",
        "5.E",
        "W6",
    }
    # There are Bayes factors, of which only people can say what they are for.
    in_part = {"1.B", "1.C", "3.C", "4.D", "6.B", "W1"}
    assert {number for number, one in before.items() if one.by == guidelines.IN_PART} == in_part


def test_the_study_answers(made_of):
    keys = dict.fromkeys(Guidelines.model_fields, "Because <we> said so.")
    after = answered(made_of(guidelines=keys))
    assert {one.by for one in after.values()} == {guidelines.PIPELINE, guidelines.STUDY}
    assert sum(one.by == guidelines.STUDY for one in after.values()) == len(keys) + 1


def test_trials_are_no_predictor(made_of):
    made = made_of()
    formulas = ("p(milk, year) ~ 1 + (1 | farm)", "p(milk, year) ~ x + (1 | farm)")
    models = {
        name: model.model_copy(update={"formula": formula})
        for (name, model), formula in zip(made.study.models.items(), formulas, strict=True)
    }
    said = variables(replace(made, study=made.study.model_copy(update={"models": models}))).words
    assert said.startswith("Outcome: Yield, of trials: Year; predictors: x; ")


def test_numbers_are_those_of_the_results(made_of):
    said = {number: one.words for number, one in answered(made_of()).items()}
    assert "Outcome: Yield; predictors: Year; 4 measurements of 2 units." in said["1.A"]
    assert "Largest R-hat of any parameter: 1.0000" in said["2.B"]
    assert "Checks failed for Means" not in said["2.B"]
    assert "Checks failed for Growth." in said["2.B"]
    assert "Smallest bulk effective sample size of any parameter: 12 (r_farm[7,Intercept], Means)" in said["2.C"]
    assert "at least 80 % of whose proposals were accepted (largest Pareto k of their weights 0.10)" in said["2.D"]
    assert "Growth: all draws are by MCMC (NUTS)." in said["2.D"]
    assert "the posterior mean that moves most is sigma of Means, by 0.20 posterior sds" in said["5.A"]
    assert "changes most is sigma of Means, by 0.08 posterior sds (9.1 %; Monte Carlo error 0.01 sds)." in said["W8"]
    assert said["W8"].endswith("Not told of Growth, since draws of the refits failed their checks.")
    # Of 4000 draws, 900.
    assert "is 22 % of the draws" in said["W5"]


def test_what_was_not_run_is_not_said_to_be(made_of):
    switches = ("prior", "predictive", "sensitivity", "refits")
    off = answered(made_of(checks=dict.fromkeys(switches, False)))
    missing = {number for number, one in off.items() if one.by == guidelines.NOBODY}
    assert {"1.E", "3.A", "5.A", "5.B", "W3", "W7", "W8", "W9"} <= missing
    assert not any(off[number].words for number in ("1.E", "3.A", "5.A", "W8"))


def test_a_model_that_nuts_samples_is_said_to_have_no_refits(made_of):
    made = made_of()
    for name, tables in made.checked.items():
        tables["wambs"] = tables["wambs"].iloc[:0]
        made.trees[name].attrs["engine"] = "nuts"
    said = answered(made)
    for number in ("W3", "W7", "W8", "W9"):
        assert said[number].by == guidelines.NOBODY
        assert "Not run for Means, Growth, where NUTS would take as long again each time." in said[number].words


def test_a_refit_that_failed_is_not_counted(made_of):
    made = made_of()
    table = made.checked["a"]["wambs"]
    made.checked["a"]["wambs"] = table[table["point"] != 7]
    said = answered(made)
    assert said["W7"].by == guidelines.NOBODY
    assert "Not told of Means, Growth, since draws of the refits failed their checks." in said["W7"].words
    assert said["W8"].by == guidelines.PIPELINE


def test_what_is_in_a_hidden_section_is_not_reported(made_of):
    hidden = answered(made_of(report={"hide": ["models"]}))
    assert hidden["1.D"].by == guidelines.NOBODY
    assert hidden["1.A"].by == guidelines.PIPELINE


def test_links_lead_to_sections_and_words_of_the_study_are_text(page_of):
    page = BeautifulSoup(page_of(study_values() | {"guidelines": {"goals": "<b>to</b> *test*"}}), "html.parser")
    section = page.find(class_="reported")
    ids = {element["id"] for element in page.find_all(id=True)}
    links = {link["href"] for entry in page.find_all(class_="reported") for link in entry.find_all("a")}
    assert len(links) >= 4
    assert {link.removeprefix("#") for link in links} <= ids
    assert section.find(class_="own").get_text() == "<b>to</b> *test*"


def test_the_file_says_what_the_page_says(made_of):
    made = made_of(guidelines={"goals": "to *test*"})
    titles = sections.titles_shown(made)
    guidelines.write(made, titles)
    text = (made.folder / guidelines.FILE).read_text(encoding="utf-8")
    page = BeautifulSoup("".join(guidelines.parts(made, titles)), "html.parser").get_text()
    unescaped = re.sub(r"\\(.)", r"\1", text)
    assert r"to \*test\*" in text
    for answers in guidelines.answers(made).values():
        assert guidelines.counted(answers) in text
        assert guidelines.counted(answers) in page
        for answer in answers:
            for words in filter(None, (answer.item.asks, answer.words, answer.own)):
                assert " ".join(words.split()) in unescaped
                assert words in page


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("https://example.org/data/herds.csv", "Data: https://example.org/data/herds.csv"),
        ("/home/me/../data/herds.csv", "Data: herds.csv"),
    ],
)
def test_a_data_file_is_told_by_its_name_and_an_address_whole(made_of, source, told):
    made = made_of(data=study_values()["data"] | {"source": source})
    assert answered(made)["6.B"].words.startswith(told)
