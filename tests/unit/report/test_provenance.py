import json

import pytest
import xarray as xr
from partialpool.errors import StudyError
from partialpool.report import provenance
from partialpool.study.config import load

from report.made_up_study import study_values


def test_run_times_sum_jobs_and_keep_the_peak(tmp_path):
    study = load(study_values())
    jobs = [("fit_model/a", 10.0, "100.5"), ("fit_model/b", 20.4, "300.1"), ("draw_models/models", 0.4, "NA")]
    # Of a model that was removed, of the report before this one, and of what no report has.
    others = [(name, 99.0, "999") for name in ("fit_model/old", "render_report/report", "simulate_recovery/a-0-99")]
    for name, seconds, memory in jobs + others:
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"s\tmax_rss\n{seconds}\t{memory}\n")
    times = provenance.run_times(study, tmp_path).set_index("rule")
    assert times.loc["fit_model"].tolist() == [2, "30", "300"]
    assert times.loc["draw_models"].tolist() == [1, "0", "–"]
    assert len(times) == 2
    assert provenance.run_times(study, tmp_path / "none").empty


@pytest.mark.parametrize("text", ["", "s\tmax_rss\n", "s;max_rss\n1;2\n"])
def test_a_file_of_times_that_was_edited_is_named(tmp_path, text):
    path = tmp_path / "fit_model/a.tsv"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(StudyError, match=r"fit_model/a\.tsv' is damaged, or was edited\. Delete it and run again"):
        provenance.run_times(load(study_values()), tmp_path)


def test_origins_say_what_was_sampled_and_whether_the_data_are_pinned():
    values = study_values()
    attributes = {"data_sha256": "abc", "versions": json.dumps({"python": "3.13"}), "target_accept": 0.8}
    trees = {name: xr.DataTree() for name in ("a", "b")}
    for tree, engine in zip(trees.values(), ("marginal", "nuts"), strict=True):
        tree.attrs = attributes | {"engine": engine, "sampling": "nuts"}
    rows = provenance.origins(load(values), trees, ["CSV", "decimal commas"]).set_index("what")["value"]
    assert rows["Data checksum (sha256)"] == "abc (not pinned in the config)"
    assert rows["Data read as"] == "CSV; decimal commas"
    assert rows["Versions"] == "python 3.13"
    assert "over the scales, all coefficients integrated out; 4 chains" in rows["Sampling of a"]
    assert "over all parameters" in rows["Sampling of b"]
    values["data"]["sha256"] = "a" * 64
    rows = provenance.origins(load(values), trees, ["CSV", "decimal commas"]).set_index("what")["value"]
    assert rows["Data checksum (sha256)"] == "abc (verified)"
