"""A study with nothing but units and their measurements, and one name for all that may share it, from end to end.

Priors are left out where they can be.
"""

import os
import random
import re
import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from copies import Project
from partialpool.jobs.files import checksum

# A whole run, twice.
pytestmark = pytest.mark.slow

CONFIG = """
title: Yield of fields
data:
  source: fields.csv
  outcome: yield
  unit: field
  nouns: {unit: [field, fields], measurement: [harvest, harvests]}
sampling: {draws: 60, group_effects: KEPT}
models:
  mean:
    title: No pooling
    formula: yield ~ 0 + field
  pooled:
    title: Pooling
    formula: yield ~ 1 + (1 | field)
    priors: {sd: Exponential(0.2)}
comparisons:
  pooled: {title: Which is better, models: [mean, pooled]}
predictions:
  pooled: {models: [mean, pooled], units: all}
figures:
  pooled:
    kind: shrinkage
    title: Shrinkage
    caption: Means.
    alt: Points.
    predictions: pooled
    section: comparisons.pooled
  eyes:
    kind: half-eyes
    title: Fields
    caption: Means.
    alt: Half-eyes.
    predictions: pooled
    models: [pooled]
    section: models.pooled
"""


@pytest.fixture(scope="module", params=["draws", "summary"])
def bare(request, project, tmp_path_factory) -> Project:
    """The project with this study of 40 fields, run; its fits keep draws of the fields' effects, or their summary."""
    directory = tmp_path_factory.mktemp("bare")
    (directory / "config").mkdir()
    (directory / "config/config.yaml").write_text(CONFIG.replace("KEPT", request.param))
    draw = random.Random(1)
    means = [draw.gauss(22, 3) for _ in range(40)]
    rows = [f"F{field},{draw.gauss(mean, 2):.2f}" for field, mean in enumerate(means) for _ in range(3)]
    (directory / "fields.csv").write_text("\n".join(["field,yield", *rows, ""]))
    bare = Project(project.root, directory)
    bare.snakemake()
    return bare


def test_the_report_has_no_empty_section_and_no_stray_word(bare):
    page = BeautifulSoup((bare.directory / "results/report/report.html").read_text(), "html.parser")
    figures = [(figure["id"], figure.find_previous(["h2", "h3"]).get_text()) for figure in page.find_all("figure")]
    mean, pooled, compared = "mean: No pooling", "pooled: Pooling", "Which is better"
    kinds = ("coefficients", "effects", "prior", "ppc", "pit", "sensitivity", "influence", "diagnostics")
    assert figures == [
        *((f"figure-{kind}-mean", mean) for kind in kinds),
        ("figure-eyes", pooled),
        *((f"figure-{kind}-pooled", pooled) for kind in kinds),
        ("figure-comparison-pooled", compared),
        ("figure-estimates-pooled", compared),
        ("figure-pooled", compared),
    ]
    # Their figures stand elsewhere, and there are too many for a table.
    assert "Predictions" not in [heading.get_text() for heading in page.find_all("h2")]
    words = r"\b(weeks?|months?|groups|person|people|units?|measurements?|None|nan)\b"
    assert re.findall(words, page.body.get_text(" "), re.IGNORECASE) == []


def test_the_report_has_the_priors_that_the_config_leaves_out(bare):
    page = BeautifulSoup((bare.directory / "results/report/report.html").read_text(), "html.parser")
    chosen = [line.get_text() for line in page.find_all("math") if "(automatic)" in line.get_text()]
    assert [re.search(r"Normal|HalfStudentT", line)[0] for line in chosen] == ["Normal", "HalfStudentT"] * 2
    log = (bare.directory / "results/logs/fit_model/pooled.log").read_text()
    assert re.search(r"Automatic prior: Intercept ~ Normal\([0-9.]+, [0-9.]+\)\n.*sigma ~ HalfStudentT\(4, ", log)


def test_the_data_file_is_known_by_its_bytes_and_not_by_its_time(bare):
    data = bare.directory / "fields.csv"
    content, times = data.read_bytes(), (data.stat().st_atime, data.stat().st_mtime)
    os.utime(data)
    assert bare.planned() == {}
    # As of a file that was unpacked, or copied with its time.
    data.write_bytes(content.replace(b"F0,", b"F1,", 1))
    os.utime(data, (1e9, 1e9))
    planned = bare.planned()
    data.write_bytes(content)
    os.utime(data, times)
    assert planned["fetch_data"] == 1
    assert planned["fit_model"] == 2


def test_to_pin_the_data_fits_nothing_again(bare):
    before = bare.edit(lambda config: config["data"].update(sha256=checksum(bare.directory / "fields.csv")))
    planned = bare.planned()
    bare.config.write_text(before)
    # Both say whether the data are pinned.
    assert planned == {"render_report": 1, "write_paper": 1}


def test_results_that_came_without_a_record_are_made_again(bare):
    """Unpacked, cloned or copied: else an edited config would be shown with the numbers of another one."""
    records, aside = bare.directory / ".snakemake", bare.directory / "aside"
    records.rename(aside)
    before = bare.edit(lambda config: config["models"]["pooled"].update(priors={"sd": "Exponential(0.1)"}))
    done = bare.snakemake("--dry-run").stdout
    planned = bare.planned()
    bare.config.write_text(before)
    shutil.rmtree(records)
    aside.rename(records)
    assert "Nothing says what the results here were made from" in done
    assert planned["fetch_data"] == 1
    assert planned["fit_model"] == 2
    assert bare.planned() == {}


def test_another_model_fits_and_predicts_by_no_other(bare):
    before = bare.edit(lambda config: config["models"].update(more={"title": "More", "formula": "yield ~ 1"}))
    planned = bare.planned()
    bare.config.write_text(before)
    assert planned["fit_model"] == 1
    assert "predict_values" not in planned


def test_an_archive_of_earlier_results_is_told(bare):
    earlier = "results/archive.zip is of earlier results"
    assert earlier not in bare.snakemake("--forcerun", "render_report").stdout
    archive = bare.directory / "results/archive.zip"
    archive.touch()
    assert earlier in bare.snakemake("--forcerun", "render_report").stdout
    archive.unlink()


def test_data_that_cannot_be_fetched_again_are_kept(project, tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text(CONFIG.replace("KEPT", "draws"))
    source, raw = tmp_path / "fields.csv", tmp_path / "results/data/raw.csv"
    source.write_text("field,yield\nF1,20\n")
    study = Project(project.root, tmp_path)
    assert "backup" not in study.snakemake(str(raw.relative_to(tmp_path))).stdout
    source.unlink()
    # The second time too, and not as if those that are kept were of the source that is missing.
    for _ in range(2):
        done = study.snakemake(str(raw.relative_to(tmp_path)), check=False)
        assert done.returncode == 1
        assert "Cannot copy fields.csv" in done.stdout
        assert raw.read_text() == "field,yield\nF1,20\n"
    source.write_text("field,yield\nF1,20\n")
    study.snakemake(str(raw.relative_to(tmp_path)))
    assert "Nothing to be done" in study.snakemake(str(raw.relative_to(tmp_path)), "--dry-run").stdout


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that nobody can read from its beginning")
def test_data_that_cannot_be_read_are_told_in_words(project, tmp_path):
    (tmp_path / "config").mkdir()
    config = CONFIG.replace("KEPT", "draws").replace("fields.csv", "/proc/self/mem")
    (tmp_path / "config/config.yaml").write_text(config)
    done = Project(project.root, tmp_path).snakemake("results/data/prepared.parquet", check=False)
    assert "Cannot copy /proc/self/mem" in done.stdout
    assert "Traceback" not in done.stdout
    assert "common.smk" not in done.stdout


def test_another_order_of_figures_draws_none(bare):
    before = bare.edit(lambda config: config.update(figures=dict(reversed(config["figures"].items()))))
    planned = bare.planned()
    bare.config.write_text(before)
    assert planned == {"render_report": 1}
