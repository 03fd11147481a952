"""Simulation studies: killed jobs and other batches give the same bytes; a wrong engine is an error with tables."""

import shutil
import time

import psutil
import pytest
from copies import Project, copy_project

RESULTS = ("calibration/ranks.parquet", "calibration/calibration.csv", "recovery/recovery.csv")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """A copy of the project whose demo has one model."""
    project = copy_project(tmp_path_factory.mktemp("simulation") / "project")

    def one_model(config):
        config["models"] = {"m71.2": config["models"]["m71.2"] | {"draws": 60}}
        config["comparisons"] = config["predictions"] = config["figures"] = {}

    project.edit(one_model)
    return project


def study(project, folder, **batches) -> Project:
    """The demo in a working directory of its own."""
    (folder / "config").mkdir(parents=True)
    shutil.copy(project.config, folder / "config")
    own = Project(project.root, folder)
    own.edit(lambda config: config.update({key: {"replicates": 30, "batch": n} for key, n in batches.items()}))
    return own


def of(study) -> dict[str, bytes]:
    return {name: (study.directory / "results" / name).read_bytes() for name in RESULTS}


@pytest.fixture(scope="module")
def whole(project, tmp_path_factory) -> Project:
    """All replicates in one batch."""
    own = study(project, tmp_path_factory.mktemp("whole"), calibration=30, recovery=30)
    own.snakemake("calibrate", "recover")
    return own


def job_of(run, script) -> psutil.Process:
    """The process of a job, once there is one."""
    while run.poll() is None:
        for process in psutil.Process(run.pid).children(recursive=True):
            try:
                words = process.cmdline()
            except psutil.Error:
                continue
            if words and "python" in words[0] and any(word.endswith(script) for word in words):
                return process
        time.sleep(0.02)
    raise AssertionError("no job began")


@pytest.mark.slow
def test_other_batches_give_the_same_bytes(project, whole, tmp_path):
    other = study(project, tmp_path / "study", calibration=8, recovery=7)
    other.snakemake("calibrate", "recover")
    assert len(list((tmp_path / "study/results/calibration/batches/m71.2").iterdir())) == 4
    assert of(other) == of(whole)


@pytest.mark.slow
def test_a_killed_batch_is_the_only_one_that_is_made_again(project, whole, tmp_path):
    own = study(project, tmp_path / "study", calibration=10, recovery=30)
    own.snakemake("recover", "results/calibration/batches/m71.2/1-10.parquet")
    first = tmp_path / "study/results/calibration/batches/m71.2/1-10.parquet"
    made = first.stat().st_mtime_ns
    run = own.start(tmp_path / "terminal.txt", "calibrate")
    job_of(run, "simulate_calibration.py").kill()
    assert run.wait(timeout=300) == 1
    own.snakemake("calibrate")
    assert first.stat().st_mtime_ns == made
    assert of(own) == of(whole)


@pytest.mark.slow
def test_more_replicates_keep_the_batches_that_are_there(project, whole):
    before = whole.edit(lambda config: config["calibration"].update(replicates=60))
    planned = whole.snakemake("--dry-run", "calibrate").stdout
    whole.config.write_text(before)
    assert "replicates 31-60" in planned
    assert "replicates 1-30" not in planned


@pytest.mark.slow
def test_a_wrong_engine_is_an_error_and_leaves_table_and_figure(project, tmp_path):
    library = project.root / "scripts/partialpool/marginal/unit.py"
    right = library.read_text()
    # Effects of units without their data.
    wrong = right.replace("        add_products_(own, residual, f)\n", "")
    assert wrong != right
    library.write_text(wrong)
    try:
        own = study(project, tmp_path / "study", calibration=30)
        done = own.snakemake("calibrate", check=False)
    finally:
        library.write_text(right)
    assert done.returncode == 1
    assert "log likelihood: not calibrated" in done.stdout
    assert "Look at results/figures/calibration-m71.2.png" in done.stdout
    assert "Traceback" not in done.stdout
    assert (tmp_path / "study/results/calibration/calibration.csv").exists()
    assert (tmp_path / "study/results/figures/calibration-m71.2.png").exists()
