"""The whole page, from results that were made up: the words it uses, and what markup in the words of a study does."""

import re

import pytest
from bs4 import BeautifulSoup

from report.made_up_study import ROOT, study_values

HOSTILE = (
    '<img src=x onerror=alert(1)><script>alert(2)</script>{} < 5 & "6" *x* _y_ `z` '
    "[l](javascript:alert(3)) $t$ \\{{}}\\"
)
TEMPLATE = (ROOT / "notebooks/page.html.j2").read_text(encoding="utf-8")
HERDS = {"unit": ["herd", "herds"], "measurement": ["weighing", "weighings"]}


def visible(page: str) -> str:
    """Text of a page as readers and their screen readers meet it."""
    soup = BeautifulSoup(page, "html.parser")
    alts = " ".join(image["alt"] for image in soup.find_all("img"))
    return f"{soup.body.get_text(' ')} {soup.title.get_text()} {alts}"


def words_of(page: str) -> str:
    """Text of a page without the spaces that elements inside of a sentence make."""
    return re.sub(r" (?=[.,:;)])|(?<=\() ", "", re.sub(r"\s+", " ", visible(page)))


def test_the_page_has_everything(page_of):
    page = page_of(study_values())
    text = words_of(page)
    for words in (
        "Convergence checks failed for b (Growth): bulk ESS: 12 (r_farm[7,Intercept]), should be at least 400. Do not "
        "rely on its estimates.",
        "New measurements of observed units: one left out at a time, 3 measurements; effects integrated out",
        "New units: all measurements of one unit left out at a time, 3 units; fits to all units but those of one fold",
        "Which of Means and Growth predicts new measurements of observed units better is left open: convergence checks "
        "failed for b. Which of Means and Growth predicts new units better is left open: Pareto k is too large, and",
        "As other software reports it, by plain Pareto-smoothed importance sampling (PSIS)",
        "Yield: observed units; draws: 4000 of a",
        "Yield: new units; draws: 4000 of b",
        "Measurements only: no model, no draws.",
        "Level 1: measurement i of unit j",
        "1 number differs by more than that.",
        "4 chains of 1000 draws without warmup",
        "has 3 different values (1, 2, 3) and is a number in b: each step of one counts the same.",
        "column milk: -99 stands in 1 row, far from all other values",
        "NUTS (nutpie) over the scales, all coefficients integrated out",
        "50 % lie where none can: under 0.",
        "the sd of the means of units is 1.00, and −1.00 to 0.90 in replicated ones (p = 0.010)",
        "the curve leaves its envelope between 0.25 and 0.50. Pareto k is over 0.7 for 3 of 3 measurements.",
        "If the data counted a quarter more or a fifth less, sigma would move most: by at most 0.20 of its",
        "priors and data both count, and may disagree, on sigma.",
        "What moves an estimate most; rows of the data file are counted from 0",
        "By how much, with rows of the data file counted from 0:",
        "Without unit 7, sigma would be 1.10 instead of 1.00, a change of 0.50 posterior sds (by importance weights, "
        "whose Pareto k of 0.90 is over 0.7).",
        # Wherever there are numbers of the model of which a check failed.
        "a Means 12.500 (0.010)",
        "b Growth (✗ checks failed) 12.500 (0.010)",
        "b Growth (✗ checks failed) −10.0 (1.0)",
        "b (✗ checks failed) predicted",
        "Means Growth*",
        "Log Bayes factors against Means",
        "b Growth (✗ checks failed) −1.000 (0.010) −3.000 (0.010) 0.500 (0.010)",
        "The measurements are 20 times as probable under Means as under Growth (✗ checks failed); 2.7 times with the "
        "scales of all priors halved, 0.61 times with them doubled. Which of the two is ahead depends on the priors.",
    ):
        assert words in text, words
    headings = [heading.get_text() for heading in BeautifulSoup(page, "html.parser").find_all("h2")]
    assert headings == [
        "In short",
        "The data",
        "The models",
        "Number of parameters",
        "Comparing the models",
        "Predictions",
        "For a paper",
        "Our numbers and the printed ones",
        "What was reported",
        "How this was made",
        "Glossary",
    ]


def test_a_study_of_herds_has_no_people_in_it(page_of):
    text = visible(page_of(study_values(nouns=HERDS)))
    for word in ("herd", "herds", "weighing", "weighings", "Weighings"):
        assert re.search(rf"\b{word}\b", text), word
    people = (
        r"person|people|week|weeks|conscientious|conscientiousness|lecture|subject|individual|someone|everybody|everyone|"
        r"anybody|who|whom|units?|measurements?"
    )
    assert re.findall(rf"\b({people})\b.{{0,40}}", text, re.IGNORECASE) == []


def test_a_study_of_nothing_but_units_and_their_measurements_has_no_empty_section(page_of):
    values = study_values(nouns=HERDS)
    values = {key: values[key] for key in ("title", "data", "models")}
    values["data"] = {key: values["data"][key] for key in ("source", "outcome", "unit", "nouns")}
    values["models"] = {"a": values["models"]["a"]}
    soup = BeautifulSoup(page_of(values), "html.parser")
    headings = [heading.get_text() for heading in soup.find_all("h2")]
    assert headings == [
        *("In short", "The data", "The models", "Number of parameters", "For a paper"),
        *("What was reported", "How this was made", "Glossary"),
    ]
    own = ["coefficients", "effects", "prior", "ppc", "pit", "sensitivity", "influence", "diagnostics"]
    assert [figure["id"] for figure in soup.find_all("figure")] == [f"figure-{kind}-a" for kind in own]
    text = soup.body.get_text(" ")
    for word in ("p_loo", "None", "nan", "predicted value"):
        assert not re.search(rf"\b{word}\b", text), word


@pytest.mark.parametrize(
    ("section", "after"), [("a", "a: Means"), ("comparisons.both", "Which?"), (None, "Predictions")]
)
def test_a_figure_stands_in_its_section(page_of, section, after):
    values = study_values()
    values["figures"]["eyes"]["section"] = section
    figure = BeautifulSoup(page_of(values), "html.parser").find(id="figure-eyes")
    assert figure.find_previous(["h2", "h3"]).get_text() == after


def test_predictions_that_are_all_shown_elsewhere_have_no_section_of_their_own(page_of, monkeypatch):
    monkeypatch.setattr("partialpool.report.sections.MOST_ROWS", 0)
    values = study_values()
    values["figures"]["newcomers"]["section"] = "b"
    assert ">Predictions</h2>" not in page_of(values)


def test_long_tables_of_predictions_that_no_figure_shows_are_named(page_of, monkeypatch):
    monkeypatch.setattr("partialpool.report.sections.MOST_ROWS", 0)
    values = study_values()
    del values["figures"]["newcomers"]
    text = BeautifulSoup(page_of(values), "html.parser").get_text()
    assert re.search(r"new units.*\. These \d+ rows are in results/predictions/new\.csv\.", text)
    assert "results/predictions/some.csv" not in text


def headings(page: str) -> list[str]:
    """Headings of sections; nothing is between the opening and the first."""
    return [heading.get_text() for heading in BeautifulSoup(page, "html.parser").find_all("h2")]


def test_sections_have_the_order_the_headings_and_the_texts_of_the_config(page_of):
    sections = {
        "why": {"title": "Why <b>?", "text": "Since *some* do."},
        "data": {"text": "Weighed by hand."},
        "sizes": {"title": "How many?"},
    }
    report = {
        "sections": sections,
        "order": ["comparisons", "sizes"],
        "hide": ["models", "paper", "published", "guidelines", "provenance"],
    }
    page = page_of(study_values() | {"report": report})
    shown = ["In short", "Comparing the models", "How many?", "The data", "Why <b>?", "Predictions", "Glossary"]
    assert headings(page) == shown
    assert "Since <em>some</em> do." in page
    assert page.index("The data</h2>") < page.index("Weighed by hand.") < page.index("Every variable")


def test_terms_are_linked_once_and_explained_if_they_are_linked(page_of):
    soup = BeautifulSoup(page_of(study_values()), "html.parser")
    glossary = soup.find("dl", class_="glossary").extract()
    linked = [link["href"] for link in soup.find_all("a", class_="term")]
    explained = [f"#{term['id']}" for term in glossary.find_all("dt")]
    within = {link["href"] for link in glossary.find_all("a")}
    assert len(set(linked)) == len(linked) > 10
    assert set(linked) | within == set(explained)
    # Links first stand where the report begins.
    assert linked[:2] == ["#term-ess", "#term-pareto"]


def test_a_report_without_a_glossary_links_no_terms(page_of):
    soup = BeautifulSoup(page_of(study_values() | {"report": {"hide": ["glossary"]}}), "html.parser")
    assert soup.find_all("a", class_="term") == []
    assert "better is left open: Pareto k is too large" in soup.get_text()


def elements(page: str) -> list[tuple[str, tuple[str, ...]]]:
    """Every element of the body with the names of its attributes but ``class``, which tells long words from short."""
    soup = BeautifulSoup(page, "html.parser")
    return [(element.name, tuple(sorted({*element.attrs} - {"class"}))) for element in soup.body.find_all(True)]


def test_markup_in_the_words_of_a_study_is_shown_and_makes_no_element(page_of):
    def say(words):
        return HOSTILE.format(words)

    hostile_nouns = {"unit": [say("herd"), say("herds")], "measurement": [say("weighing"), say("weighings")]}
    hostile = page_of(study_values(nouns=hostile_nouns, say=say), units=(say("unit 1"), say("unit 2")), say=say)
    text = visible(hostile)
    titles = ("Study", "Yield", "Means", "Growth", "Which?", "Lines", "Eyes", "Newcomers", "Caption of a figure")
    for words in (*titles, "Text instead of the image", "A book", "column", "herd", "herds", "weighing", "unit 1"):
        assert say(words) in text, words
    # Element by element it is the page of a study whose words have no markup.
    assert elements(hostile) == elements(page_of(study_values(nouns=HERDS)))
    soup = BeautifulSoup(hostile, "html.parser")
    # The template's own, which gives the links that save figures their address.
    assert [str(script) for script in soup.find_all("script")] == re.findall("<script>.*?</script>", TEMPLATE, re.S)
    assert all(image["src"].startswith("data:image/") for image in soup.find_all("img"))
    links = [link for link in soup.find_all("a") if not link.has_attr("download")]
    assert all(link["href"].startswith("#") for link in links)
    saved = [link for link in soup.find_all("a", href=True) if link.has_attr("download")]
    # Three tables, the methods, and what was reported.
    assert [link["href"].partition(":")[0] for link in saved] == ["data"] * 12
