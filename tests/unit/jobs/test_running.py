"""Small workflows that begin as ours does: what a killed Snakemake leaves, and how jobs end with theirs."""

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from partialpool.errors import StudyError
from partialpool.jobs import running

SCRIPTS = Path(__file__).parents[3] / "scripts"
SNAKEFILE = """
from partialpool.jobs import inside, running

if inside.is_started_by_the_user(workflow):
    print(running.begin(".snakemake"))

rule all:
    input: ["a.txt", "b.txt"]

rule sleep:
    output: "{name}.txt"
    script: "sleep.py"

onstart:
    running.forget_notes()
    if inside.runs_here(workflow):
        running.end_jobs_when_asked()

onerror:
    print(running.ended_without_a_word())
"""
SCRIPT = """
from partialpool.jobs.running import end_with_snakemake, noted
import time
from pathlib import Path
end_with_snakemake()
with noted(f"logs/{snakemake.wildcards.name}.log"):
    Path(snakemake.wildcards.name).touch()
    for _ in range(6000):
        if Path("go").exists():
            break
        time.sleep(0.01)
    Path(snakemake.output[0]).touch()
"""
ENVIRONMENT = os.environ | {"PYTHONPATH": str(SCRIPTS)}


@pytest.fixture
def start(tmp_path):
    """Start the workflow; its output goes to `terminal`. What still runs at the end is killed."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "sleep.py").write_text(SCRIPT)
    started = []

    def start(*options):
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--rerun-incomplete", *options]
        with (tmp_path / "terminal").open("w") as file:
            options = {"cwd": tmp_path, "env": ENVIRONMENT, "stdout": file, "stderr": subprocess.STDOUT}
            started.append(subprocess.Popen(command, **options))
        return started[-1]

    yield start
    for run in started:
        run.kill()
        run.wait()


def sleeping(tmp_path, name, run) -> list[psutil.Process]:
    """The processes of a run, once its job does its work."""
    while not (tmp_path / name).exists():
        assert run.poll() is None, (tmp_path / "terminal").read_text()
        time.sleep(0.01)
    (tmp_path / name).unlink()
    return psutil.Process(run.pid).children(recursive=True)


def gone(processes: list[psutil.Process]) -> bool:
    """Whether all processes end."""
    return not psutil.wait_procs(processes, timeout=60)[1]


@pytest.mark.slow
def test_after_kill_9_its_job_is_gone_and_the_same_command_goes_on(start, tmp_path):
    run = start("a.txt")
    jobs = sleeping(tmp_path, "a", run)
    run.kill()
    run.wait()
    assert gone(jobs)
    (tmp_path / "go").touch()
    assert start("a.txt").wait() == 0
    assert "its lock is lifted" in (tmp_path / "terminal").read_text()
    # That one ended by itself.
    assert start("a.txt").wait() == 0
    assert "its lock is lifted" not in (tmp_path / "terminal").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ended_by", "quiet"),
    [(signal.SIGKILL, ["--quiet", "all"]), (signal.SIGSEGV, [])],
)
def test_a_job_that_is_killed_is_told(start, tmp_path, ended_by, quiet):
    run = start("a.txt", *quiet)
    for job in sleeping(tmp_path, "a", run):
        job.send_signal(ended_by)
    assert run.wait() == 1
    said = (tmp_path / "terminal").read_text()
    assert "A job ended without a word, most often because memory ran out and it was killed" in said
    assert "its log: logs/a.log." in said
    # The next run says nothing of it.
    (tmp_path / "go").touch()
    assert start("a.txt").wait() == 0
    assert "without a word" not in (tmp_path / "terminal").read_text()


def test_of_a_job_that_fails_in_words_nothing_more_is_told(tmp_path):
    (tmp_path / ".snakemake").mkdir()
    notes = tmp_path / ".snakemake/unfinished"

    def fail():
        with running.noted("results/logs/fit_model/a.log", notes):
            assert "its log: results/logs/fit_model/a.log." in running.ended_without_a_word(notes)
            raise StudyError("what is wrong")

    with pytest.raises(StudyError):
        fail()
    assert running.ended_without_a_word(notes) == ""


def test_a_run_that_failed_without_a_note_of_a_job_has_a_word(tmp_path):
    # Of a job that was killed before its note, or of Snakemake itself.
    assert running.ended_without_a_word(tmp_path / "unfinished").startswith("No job could say why this run failed")
    (tmp_path / ".snakemake").mkdir()
    with running.noted("results/logs/fit_model/a.log", tmp_path / ".snakemake/unfinished"):
        pass
    assert not list((tmp_path / ".snakemake/unfinished").iterdir())


@pytest.mark.slow
def test_the_lock_of_one_that_runs_stays(start, tmp_path):
    run = start("a.txt")
    sleeping(tmp_path, "a", run)
    assert start("a.txt").wait() == 1
    said = (tmp_path / "terminal").read_text()
    assert "its lock is lifted" not in said
    assert "Directory cannot be locked" in said
    # Snakemake itself says nothing then.
    assert start("a.txt", "--quiet", "all").wait() == 1
    assert f"Another Snakemake runs in this folder (process {run.pid})." in (tmp_path / "terminal").read_text()
    # Nor does a plan lift it, or end what runs.
    assert start("--dry-run").wait() == 0
    # Another job in the same folder may run, and outlive the first.
    other = start("b.txt")
    jobs = sleeping(tmp_path, "b", other)
    run.kill()
    run.wait()
    assert start("b.txt").wait() == 1
    assert all(job.is_running() for job in jobs)
    (tmp_path / "go").touch()
    assert other.wait() == 0
    # Of these only the first was killed.
    (tmp_path / "b.txt").unlink()
    assert start("b.txt").wait() == 0
    assert "its lock is lifted" in (tmp_path / "terminal").read_text()
    assert (tmp_path / ".snakemake/running").read_text() == ""


@pytest.mark.slow
def test_a_lock_of_another_machine_is_not_lifted(start, tmp_path):
    run = start("a.txt")
    sleeping(tmp_path, "a", run)
    run.kill()
    run.wait()
    running = tmp_path / ".snakemake/running"
    assert running.read_text() == f"{socket.gethostname()} {run.pid}\n"
    running.write_text(f"elsewhere {run.pid}\n")
    assert start("a.txt").wait() == 1
    assert "Directory cannot be locked" in (tmp_path / "terminal").read_text()
    # Snakemake itself says nothing then.
    assert start("a.txt", "--quiet", "all").wait() == 1
    assert "This folder is locked by a run that another machine began" in (tmp_path / "terminal").read_text()


def test_on_a_disk_without_locks_a_lock_is_told_and_stays(tmp_path, monkeypatch):
    def fails(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(running.fcntl, "lockf", fails)
    assert running.begin(tmp_path) == ""
    lock = tmp_path / "locks/0.input.lock"
    lock.parent.mkdir()
    lock.touch()
    assert running.begin(tmp_path).endswith("Once none runs here: snakemake --unlock, then the same command.")
    assert lock.exists()


@pytest.mark.slow
@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_end_it_ends_its_jobs_first(start, tmp_path, asked):
    run = start("a.txt")
    jobs = sleeping(tmp_path, "a", run)
    run.send_signal(asked)
    assert run.wait() == 1
    assert gone(jobs)
    assert "Traceback" not in (tmp_path / "terminal").read_text()
    assert "Terminating processes on user request" in (tmp_path / "terminal").read_text()
    assert "without a word" not in (tmp_path / "terminal").read_text()
    assert not (tmp_path / "a.txt").exists()
    (tmp_path / "go").touch()
    assert start("a.txt").wait() == 0
    assert "its lock is lifted" not in (tmp_path / "terminal").read_text()


def test_who_is_impatient_sees_no_traceback(start, tmp_path):
    run = start("a.txt")
    jobs = sleeping(tmp_path, "a", run)
    for _ in range(4):
        run.send_signal(signal.SIGINT)
        time.sleep(0.05)
    # The other: Ctrl-C after all is done, when Python is at its own end.
    assert run.wait() in (1, -signal.SIGINT)
    assert gone(jobs)
    assert "Traceback" not in (tmp_path / "terminal").read_text()
    assert not (tmp_path / "a.txt").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match=r"Nothing can be written in '.*file' \(.+\)\. Give yourself the right"):
        running.begin(tmp_path / "file")


@pytest.mark.parametrize("name", ["results", "results/models"])
def test_a_file_or_a_broken_link_is_no_folder_of_results(tmp_path, name):
    path = tmp_path / name
    running.require_folders(tmp_path / "results")
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    with pytest.raises(StudyError, match=f"'{path}' is no folder, and results are kept in it"):
        running.require_folders(tmp_path / "results")
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(StudyError, match="is no folder"):
        running.require_folders(tmp_path / "results")
    path.unlink()
    (tmp_path / "elsewhere").mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    running.require_folders(tmp_path / "results")


@pytest.mark.parametrize("name", ["models/a.nc", "report/report.html", "tables/models/a.tex", "logs/fit_model/a.log"])
def test_a_folder_is_no_file_of_the_results(tmp_path, name):
    results = tmp_path / "results"
    (results / "recovery/batches/of.csv").mkdir(parents=True)
    running.require_folders(results)
    (results / name).mkdir(parents=True)
    with pytest.raises(StudyError, match=f"'{results / name}' is a folder, where a file belongs. Move it away"):
        running.require_folders(results)


@pytest.mark.parametrize(
    "name",
    [
        *("results", "results/models", "results/models/a.nc", ".snakemake", ".snakemake/metadata"),
        *(".snakemake/written/results", ".snakemake/written/results/a.csv.sha256"),
    ],
)
def test_what_cannot_be_written_is_told_before_anything_runs(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    for file in ("results/models/a.nc", ".snakemake/metadata/a", ".snakemake/written/results/a.csv.sha256"):
        Path(file).parent.mkdir(parents=True)
        Path(file).touch()
    running.require_folders("results")
    # The rights of root, who may run the tests, are not those of the file.
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != Path(name) and access(path, mode))
    with pytest.raises(StudyError, match=rf"'{name}' cannot be read and written\. .* \(chmod -R u\+rwX \.?\w+\)"):
        running.require_folders("results")
    # Rights to what is another's are not the user's to give.
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    with pytest.raises(StudyError, match=rf"'{name}' cannot be read and written: it belongs to another user, as "):
        running.require_folders("results")


def test_a_full_disk_is_told_before_anything_runs(tmp_path, monkeypatch):
    running.require_room(tmp_path)
    assert running.without_room(tmp_path) == ""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=36_864))
    with pytest.raises(StudyError, match=r"The disk is full: 36 kB are left for '.*'\.\nMake room"):
        running.require_room(tmp_path)


def test_what_was_edited_during_a_run_is_named(tmp_path):
    files = [tmp_path / f"{name}.py" for name in "abcde"]
    for file in files:
        file.touch()
        os.utime(file, (100, 100))
    assert running.edited([*files, tmp_path / "none.csv", "https://a.b/c.csv", ""], 100) == ""
    os.utime(files[1], (101, 101))
    words = running.edited(files, 100)
    assert words.startswith(f"Edited while this ran: {files[1]}. Results may be of before or after. The same command ")
    assert " and 2 more. " in running.edited(files, 99)


def test_files_of_the_future_were_not_edited_during_a_run(tmp_path):
    file = tmp_path / "a.py"
    file.touch()
    # The clock was set back between the edit and the run.
    since = time.time() - 10
    os.utime(file, (since + 3600, since + 3600))
    assert running.edited([file], since) == ""


@pytest.mark.parametrize("asked", ["SIGINT", "SIGTERM"])
def test_a_folder_for_a_while_is_removed_when_the_job_is_asked_to_end(tmp_path, asked):
    code = f"""
import signal
from partialpool.jobs.running import folder_for_a_while
with folder_for_a_while() as folder:
    (folder / "data.csv").write_text("a")
    signal.raise_signal(signal.{asked})
    print("never")
"""
    environment = ENVIRONMENT | {"TMPDIR": str(tmp_path)}
    job = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (job.stdout, job.stderr, job.returncode) == ("", "", 128 + getattr(signal, asked))
    assert not list(tmp_path.iterdir())


def test_after_a_folder_for_a_while_signals_are_as_before():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with running.folder_for_a_while() as folder:
        assert folder.is_dir()
    assert not folder.exists()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
