"""What a run says that it will do."""

import pytest
from partialpool.jobs import plan


@pytest.fixture
def measured(tmp_path):
    """Folder of measurements of earlier jobs, and a function that adds one."""

    def add(rule, name, seconds):
        (tmp_path / rule).mkdir(exist_ok=True)
        (tmp_path / rule / f"{name}.tsv").write_text(f"s\tmax_rss\n{seconds}\t1\n")

    return tmp_path, add


def test_what_was_measured_is_what_it_will_take(measured):
    folder, add = measured
    add("fit_model", "m1", 100)
    add("fit_model", "m2", 60)
    add("render_report", "report", 10)
    jobs = [("fit_model", "m1"), ("fit_model", "m2"), ("render_report", "")]
    text = plan.text(jobs, ["m1", "m3"], slower=[], cores=2, cache=False, benchmarks=folder)
    assert text == ("2 fits to make (m1, m2), 1 kept (m3); 3 jobs, about 2 min (by what was measured here before).")


@pytest.mark.parametrize(("cores", "words"), [(1, "about 80 s"), (2, "about 50 s"), (4, "about 50 s")])
def test_more_cores_make_no_single_job_shorter(measured, cores, words):
    folder, add = measured
    for name, seconds in ("m1", 10), ("m2", 20), ("m3", 40):
        add("draw_models", name, seconds)
    add("render_report", "report", 10)
    jobs = [("draw_models", "m1"), ("draw_models", "m2"), ("draw_models", "m3"), ("render_report", "report")]
    assert f", {words} (by" in plan.text(jobs, [], slower=[], cores=cores, cache=False, benchmarks=folder)


def test_what_never_ran_is_guessed_from_others_of_its_rule(measured):
    folder, add = measured
    add("fit_model", "m1", 600)
    text = plan.text([("fit_model", "m2")], ["m1"], slower=[], cores=1, cache=False, benchmarks=folder)
    assert text.startswith("1 fit to make (m2), 1 kept (m1); 1 job, about 10 min (by")
    text = plan.text([("render_report", "")], ["m1"], slower=[], cores=1, cache=False, benchmarks=folder)
    assert text == (
        "no fit to make, 1 kept (m1); 1 job, at least about 5 s (with small data; not all of it has run here before)."
    )


def test_models_without_a_closed_form_take_longer(tmp_path):
    jobs = [("fit_model", "m1"), ("fit_model", "m2"), ("compare_models", "all"), ("write_paper", "paper")]
    for slower, seconds in ([], 21), (["m2"], 57):
        text = plan.text(jobs, [], slower=slower, cores=1, cache=False, benchmarks=tmp_path)
        assert f"at least about {seconds} s (with small data" in text


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "1 s"), (89, "89 s"), (200, "3 min"), (9000, "2.5 h")])
def test_durations(measured, seconds, words):
    folder, add = measured
    add("fit_model", "m", seconds)
    assert f"about {words} (" in plan.text([("fit_model", "m")], [], slower=[], cores=1, cache=False, benchmarks=folder)
    words = plan.text([("fit_model", "m")], [], slower=[], cores=1, cache=True, benchmarks=folder)
    assert words.startswith("1 fit to make, or to take from the cache (m); 1 job")
