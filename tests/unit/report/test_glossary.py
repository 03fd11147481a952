import re

import pytest
from markupsafe import Markup
from partialpool.report import texts
from partialpool.report.glossary import TERMS, explained, first_links, in_nouns, link, without_links
from partialpool.study.data import Nouns

HERDS = Nouns(unit=("herd", "herds"), measurement=("count", "counts"))
HOSTILE = Nouns(unit=("<b>", "{}"), measurement=("&", "\\"))


def test_a_text_is_in_the_nouns_of_the_study_and_links_its_terms():
    made = in_nouns("{units} have [p_loo](ploo), {measurements} <em>too</em>.", HERDS)
    assert made == 'herds have <a class="term" href="#term-ploo">p_loo</a>, counts <em>too</em>.'
    assert in_nouns("{unit} {units} {measurement} {measurements}", HOSTILE) == "&lt;b&gt; {} &amp; \\"
    assert link("ploo", "<p>") == '<a class="term" href="#term-ploo">&lt;p&gt;</a>'


def test_only_the_first_link_to_a_term_stays():
    parts = [link("ess", "ESS") + link("rhat", "R-hat"), link("ess", "<ESS>")]
    linked = set()
    shown = first_links(parts, linked)
    assert shown == [parts[0], "&lt;ESS&gt;"]
    assert [type(part) for part in shown] == [Markup, Markup]
    assert linked == {"ess", "rhat"}
    assert first_links([link("rhat", "R-hat")], linked) == ["R-hat"]
    assert [without_links(part) for part in parts] == ["ESSR-hat", "&lt;ESS&gt;"]


def test_the_glossary_has_what_is_linked_and_what_its_explanations_link():
    made = explained({"predicted"}, HERDS)
    assert re.findall(r'<dt id="term-(\w+)">', made) == ["expected", "predicted"]
    assert "One count: its interval" in made
    assert explained(set(), HERDS) == '<dl class="glossary"></dl>'


@pytest.mark.parametrize("nouns", [HERDS, HOSTILE])
def test_every_link_of_every_term_leads_to_a_term(nouns):
    made = explained(TERMS, nouns)
    assert set(re.findall(r'href="#term-(\w+)"', made)) <= set(re.findall(r'<dt id="term-(\w+)"', made)) == set(TERMS)
    assert "](" not in made


def test_every_text_of_the_report_links_known_terms():
    for text in (texts.DATA, texts.MODELS, texts.COMPARING, texts.EVIDENCE, *texts.PREDICTIONS.values()):
        assert set(re.findall(r'href="#term-(\w+)"', in_nouns(text, HERDS))) <= set(TERMS)
