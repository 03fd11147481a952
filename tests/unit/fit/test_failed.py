import json

import pytest
from partialpool.errors import StudyError
from partialpool.fit.failed import failed, marked, marked_titles, read_checks

PASSED = {"value": 1.001, "threshold": 1.01, "passed": True, "where": "x"}
FAILED = {"value": 120.0, "threshold": 400, "passed": False, "where": "sd(x)"}
CHECKS = {"a": {"rhat": PASSED}, "b.1": {"rhat": PASSED, "ess_bulk": FAILED}}


@pytest.fixture
def paths(tmp_path):
    for model, entries in CHECKS.items():
        evidence = {"log_evidence": {"value": 1.5, "mcse": 0.1}}
        (tmp_path / f"{model}.diagnostics.json").write_text(json.dumps(entries | evidence))
    return sorted(tmp_path.iterdir())


def test_the_evidence_is_no_check(paths):
    assert [read_checks(path) for path in paths] == list(CHECKS.values())


def test_a_model_fails_with_one_of_its_checks(paths):
    assert failed(paths) == {"b.1"}
    assert failed(paths[:1]) == set()


def test_models_that_failed_are_marked():
    assert marked("Growth", "b", {"b"}) == "Growth (✗ checks failed)"
    assert marked("Means", "a", {"b"}) == "Means"
    assert marked_titles({"a": "Means", "b": "Growth"}, {"b"}) == {"a": "Means", "b": "Growth (✗ checks failed)"}


@pytest.mark.parametrize("text", ["", "{}", "[]", "1", '{"rhat": {"threshold": 1.01}}', '{"rhat": 1}'])
def test_checks_that_were_edited_are_named(tmp_path, text):
    path = tmp_path / "a.diagnostics.json"
    path.write_text(text)
    with pytest.raises(StudyError, match=r"a\.diagnostics\.json' is damaged, or was edited\. Delete it and run again"):
        read_checks(path)
