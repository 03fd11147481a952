"""On clusters. Through Slurm: the same files as without, whatever happens to its jobs on the way."""

import re
import shutil
import subprocess
import time
from importlib.util import find_spec

import pytest
import yaml
from copies import Project

# `uv run --group slurm pytest` has it.
with_plugin = pytest.mark.skipif(find_spec("snakemake_executor_plugin_slurm") is None, reason="needs the group slurm")


def slurm(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()


def answers() -> bool:
    try:
        return bool(slurm("sinfo", "--noheader"))
    except (OSError, subprocess.SubprocessError):
        return False


def until(condition, seconds: float = 120):
    """Wait for something to be true; returns it."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)
    return found


@pytest.fixture
def study(project, tmp_path) -> Project:
    """Two models of the demo in a working directory of their own, nothing run."""

    def small(config):
        config["models"] = {name: config["models"][name] for name in ("m71.1", "m71.2")}
        config["comparisons"] = {"pooling": config["comparisons"]["pooling"]}
        config["predictions"] = config["figures"] = {}

    (tmp_path / "config").mkdir()
    shutil.copy(project.config, tmp_path / "config")
    study = Project(project.root, tmp_path)
    study.edit(small)
    return study


def made(study) -> dict[str, bytes]:
    """The results, each with its bytes."""
    folder = study.directory / "results"
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".log", ".tsv")
    }


@with_plugin
def test_snakemake_knows_all_that_the_profile_says(study):
    output = study.snakemake("--profile", "profiles/slurm", "--dry-run").stdout
    assert "render_report" in output


@pytest.mark.slow
def test_the_kubernetes_job_runs_the_container_where_it_expects_the_study(study):
    pod = yaml.safe_load((study.root / "profiles/kubernetes/job.yaml").read_text())["spec"]["template"]["spec"]
    container = pod["containers"][0]
    recipe = (study.root / "envs/Containerfile").read_text()
    assert f"--tag {container['image']} " in recipe
    assert [f"WORKDIR {mount['mountPath']}" in recipe for mount in container["volumeMounts"]] == [True]
    program, *arguments = container["args"]
    assert program == "snakemake"
    assert arguments[:2] == ["--cores", container["resources"]["requests"]["cpu"]]
    assert "render_report" in study.snakemake(*arguments, "--dry-run").stdout


@with_plugin
@pytest.mark.skipif(not answers(), reason="no Slurm answers here; .ci/slurm starts one")
@pytest.mark.slow
def test_whatever_happens_to_jobs_the_results_are_those_of_a_local_run(study, tmp_path_factory):
    """One fit is killed for its memory, another is cancelled, and its second try is on a node that is being drained."""
    targets = ("results/models/m71.1.summary.csv", "results/models/m71.2.summary.csv", "results/comparison/pooling.csv")
    alone = Project(study.root, tmp_path_factory.mktemp("alone"))
    shutil.copytree(study.directory / "config", alone.directory / "config")
    alone.snakemake(*targets)

    terminal = study.directory / "terminal.txt"
    options = {
        "--profile": "profiles/slurm",
        "--set-resources": "fit_model:mem_mb=100 if attempt == 1 and wildcards.model == 'm71.1' else 700 * attempt",
        # Draws must not depend on it.
        "--set-threads": "compare_models=2",
    }
    run = study.start(terminal, *targets, *(word for option in options.items() for word in option))

    def jobs(model: str) -> list[str]:
        """Slurm's numbers of the jobs that fitted a model."""
        return re.findall(rf"SLURM jobid (\d+) .*/rule_fit_model/{re.escape(model)}/", terminal.read_text())

    def state(job: str) -> str:
        return slurm("squeue", "--noheader", "--states=all", "--format=%T", "--jobs", job)

    node = slurm("sinfo", "--noheader", "--format=%N")
    fit = study.directory / "results/models/m71.2.nc"
    try:
        until(lambda: jobs("m71.2") and state(jobs("m71.2")[0]) == "RUNNING")
        until((study.directory / "results/logs/fit_model/m71.2.log").exists)
        slurm("scancel", jobs("m71.2")[0])
        until(lambda: len(jobs("m71.2")) == 2 and state(jobs("m71.2")[1]) == "RUNNING")
        slurm("scontrol", "update", f"nodename={node}", "state=drain", "reason=test")
        until(fit.exists)
        until(lambda: "PENDING" in slurm("squeue", "--noheader", "--format=%T"))
        slurm("scontrol", "update", f"nodename={node}", "state=resume")
        run.wait(timeout=300)
    finally:
        run.terminate()
        if "drain" in slurm("sinfo", "--noheader", "--format=%t"):
            slurm("scontrol", "update", f"nodename={node}", "state=resume")

    told = terminal.read_text()
    assert run.returncode == 0, told[-5000:]
    assert [state(job) for job in jobs("m71.2")] == ["CANCELLED", "COMPLETED"]
    assert [state(job) for job in jobs("m71.1")] == ["FAILED", "COMPLETED"]
    killed = next((study.directory / ".snakemake/slurm_logs").rglob(f"{jobs('m71.1')[0]}.log"))
    assert "exceeded memory limit" in killed.read_text()
    assert slurm("squeue", "--noheader", "--states=all", "--format=%m", "--jobs", jobs("m71.1")[1]) == "1400M"
    assert made(study) == made(alone)
