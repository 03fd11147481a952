import pytest
from partialpool.study.report import SECTIONS, Report

from study.editing import load, mistakes

KNOWN = "data, why, models, sizes, comparisons, predictions, paper, published, guidelines, provenance, glossary"


def why(**keys):
    return {"report": {"sections": {"why": {"title": "Why?", "text": "*Because.*"}}, **keys}}


def test_sections_of_the_study_follow_the_data_and_those_in_order_come_first():
    assert Report().shown == list(SECTIONS)
    assert load(why()).report.shown == ["data", "why", *SECTIONS[1:]]
    shown = load(why(order=["glossary", "why"], hide=["data", "sizes", "paper", "published"])).report.shown
    assert shown == ["glossary", "why", "models", "comparisons", "predictions", "guidelines", "provenance"]


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"order": ["modles"]}, f"report.order: there is no section 'modles'. Did you mean 'models'? Valid: {KNOWN}."),
        ({"hide": ["x"]}, f"report.hide: there is no section 'x'. Valid: {KNOWN}."),
        ({"order": ["why", "why"]}, "report.order: section 'why' stands twice."),
        (
            {"order": ["data"], "hide": ["data"]},
            "report.hide: section 'data' stands in 'order' too; take it out of one of the two.",
        ),
    ],
)
def test_a_wrong_section_is_told_with_the_valid_ones(keys, line):
    assert mistakes(why(**keys)) == [line]


def test_a_section_of_the_study_needs_a_title_and_one_of_the_report_does_not():
    assert load({"report": {"sections": {"data": {"text": "Words."}}}}).report.sections["data"].title is None
    (line,) = mistakes({"report": {"sections": {"why": {"text": "Words."}}}})
    assert line.startswith("report.sections.why.title: this key is missing: only sections of the report's own (data, ")
