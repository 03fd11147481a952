import json

import pytest
from markupsafe import Markup
from partialpool.report import checks

PASSED = {"value": 1.001, "threshold": 1.01, "passed": True, "where": "x"}
FAILED = {"value": 120.0, "threshold": 400, "passed": False, "where": "sd(x)"}


@pytest.fixture
def spec(make_spec):
    return make_spec("y ~ x", draws=1000)


@pytest.fixture
def listed(spec):
    """The words of the list."""
    return lambda entries: Markup(checks.listed(entries, spec)).striptags()


def test_a_failed_check_is_not_folded_and_names_itself(listed, spec):
    assert "<details" in checks.listed({"rhat": PASSED}, spec)
    assert "1.001 (x), should be at most 1.01" in listed({"rhat": PASSED})
    assert "What helps" not in listed({"rhat": PASSED})
    assert "<details" not in checks.listed({"rhat": PASSED, "ess_bulk": FAILED}, spec)
    shown = listed({"rhat": PASSED, "ess_bulk": FAILED})
    assert "Failed: bulk ESS." in shown
    assert "120 (sd(x)), should be at least 400" in shown
    assert "What helps:R-hat and ESS: 'draws: 5000' in the model's entry" in shown
    assert "bulk ESS: 12947 (sd(x))" in listed({"rhat": PASSED, "ess_bulk": FAILED | {"value": 12947.4}})
    assert "1.0104 (x), should be at most 1.01" in listed({"rhat": PASSED | {"value": 1.0104, "passed": False}})
    assert "not computable" in listed({"rhat": PASSED | {"value": None, "passed": False}})


def test_a_check_of_independent_draws_is_of_the_whole_fit(listed):
    entries = {
        "pareto_k": {"value": -0.1234, "threshold": 0.5, "passed": True, "where": None},
        "acceptance": {"value": 0.2, "threshold": 0.3, "passed": False, "where": None},
    }
    shown = listed(entries)
    assert "Pareto k of the importance weights: −0.1234, should be at most 0.5" in shown
    assert "share of proposals accepted: 0.2, should be at least 0.3" in shown


def test_checks_that_failed_are_told_with_their_thresholds():
    (failed,) = checks.failed({"rhat": PASSED, "ess_bulk": FAILED})
    assert failed.striptags() == "bulk ESS: 120 (sd(x)), should be at least 400"
    assert checks.failed({"rhat": PASSED}) == []


def test_the_terminal_names_models_whose_checks_failed_and_what_helps(tmp_path, spec):
    assert checks.closing(tmp_path, {"a": spec, "b": spec}) == ""
    for model, entries in {"a": {"rhat": PASSED}, "b": {"rhat": PASSED, "ess_bulk": FAILED}}.items():
        (tmp_path / f"{model}.diagnostics.json").write_text(json.dumps(entries | {"log_evidence": {"value": 1}}))
    assert checks.closing(tmp_path, {"a": spec}) == ""
    assert checks.closing(tmp_path, {"a": spec, "b": spec, "c": spec}) == (
        "Checks failed for b (bulk ESS: 120 (sd(x)), should be at least 400). Do not rely on these estimates; the "
        "report shows them.\n  b: R-hat and ESS: 'draws: 5000' in the model's entry should be enough."
    )
