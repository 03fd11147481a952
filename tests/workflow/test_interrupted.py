"""After a job or Snakemake itself was stopped half-way, the same command goes on."""

import os
import random
import shutil
import signal
import time

import kills
import psutil
import pytest
from copies import Project, copy_project

FIT = "results/models/m71.2.nc"


@pytest.fixture
def study(project, tmp_path) -> Project:
    """One model of the demo in a working directory of its own, so slow that it can be interrupted; nothing run."""

    def small(config):
        config["models"] = {"m71.2": config["models"]["m71.2"] | {"engine": "nuts", "draws": 1000}}
        config["comparisons"] = config["predictions"] = config["figures"] = {}

    (tmp_path / "config").mkdir()
    shutil.copy(project.config, tmp_path / "config")
    study = Project(project.root, tmp_path)
    study.edit(small)
    return study


def fitting(run) -> psutil.Process:
    """The process that fits, once it does."""
    while run.poll() is None:
        for process in psutil.Process(run.pid).children(recursive=True):
            try:
                words = process.cmdline()
            except psutil.Error:
                continue
            # Of the shell and the Python in it, the latter.
            if words and "python" in words[0] and any(word.endswith("fit_model.py") for word in words):
                return process
        time.sleep(0.02)
    raise AssertionError("nothing was fitted")


@pytest.mark.slow
def test_a_killed_fit_and_an_interrupted_run_go_on_with_the_same_command(study):
    terminal = study.directory / "terminal.txt"

    run, log = study.start(terminal, FIT), study.directory / "results/logs/fit_model/m71.2.log"
    fit = fitting(run)
    while not (log.exists() and log.read_text()):
        time.sleep(0.02)
    fit.kill()
    assert run.wait(timeout=60) == 1
    assert "A job ended without a word, most often because memory ran out and it was killed" in terminal.read_text()

    run = study.start(terminal, FIT)
    fitting(run)
    # To Snakemake alone, not as Ctrl-C on a terminal, which reaches its jobs too.
    os.kill(run.pid, signal.SIGINT)
    assert run.wait(timeout=60) == 1
    assert not (study.directory / FIT).exists()

    # Of all processes nothing is left but a lock, which is lifted since its process is dead.
    run = study.start(terminal, FIT)
    fit = fitting(run)
    run.kill()
    fit.kill()
    run.wait(timeout=60)
    assert "its lock is lifted" in study.snakemake(FIT).stdout
    assert sorted(path.name for path in (study.directory / "results/models").iterdir()) == ["m71.2.nc"]
    # The only model sampled by NUTS has all cores of the run.
    assert "4 chains, 2 at a time." in log.read_text()


# Starts the whole pipeline again and again; tests/workflow/kills.py does it a hundred times.
@pytest.mark.slow
def test_runs_killed_at_random_moments_end_right_when_started_again(tmp_path):
    project = copy_project(tmp_path / "project")
    kills.small_study(project)
    right, seconds = kills.undisturbed(project)
    chance = random.Random(14)
    for _ in range(3):
        kills.forget(project)
        what = kills.disturb(project, chance, seconds)
        assert (what, kills.wrong(project, right)) == (what, "")
