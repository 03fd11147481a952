import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@pytest.fixture
def run(tmp_path):
    """Run a script as a job with the log `new/folder/job.log`; give the process, and the log."""

    def run(body, before="", read=True, shell=()):
        script = tmp_path / "script.py"
        # In the script's own folder stands the library, as in the pipeline.
        text = f"from partialpool.jobs.job import job\n{before}\nwith job('new/folder/job.log'):\n"
        script.write_text(text + textwrap.indent(textwrap.dedent(body), "    "))
        process = subprocess.run(
            [*shell, sys.executable, script],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(SCRIPTS), "PYTHONUNBUFFERED": ""} | dict.fromkeys(THREADS, "3"),
            capture_output=True,
            text=True,
        )
        return process, (tmp_path / "new/folder/job.log").read_text() if read else ""

    return run


def test_all_output_goes_to_the_log_in_its_order_and_none_to_the_terminal(run):
    process, log = run("""
        import os, subprocess, sys
        print("first")
        print("second", file=sys.stderr)
        os.write(1, b"third, from compiled code\\n")
        os.write(2, b"fourth\\n")
        subprocess.run(["echo", "fifth, from another program"])
    """)
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")
    assert log.splitlines() == ["first", "second", "third, from compiled code", "fourth", "fifth, from another program"]


@pytest.mark.parametrize("closed", [">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_streams_that_the_user_closed_take_nothing_from_the_log(run, closed):
    body = """
        import os, subprocess, sys
        print("first")
        os.write(2, b"second\\n")
        subprocess.run(["echo", "third"])
        raise ValueError("fourth")
    """
    process, log = run(body, shell=["sh", "-c", f'exec "$@" {closed}', "sh"])
    assert process.returncode == 1
    assert log.startswith("first\nsecond\nthird\nTraceback (most recent call last):\n")
    assert ("ValueError: fourth" in process.stderr) == ("2>" not in closed)


def test_results_are_read_where_a_disk_knows_no_locks(run):
    process, log = run("""
        import fcntl, h5py
        h5py.File("fit.nc", "w").close()
        with open("fit.nc") as file:
            # As hard as no locks at all: somebody else holds this one.
            fcntl.flock(file, fcntl.LOCK_EX)
            import netCDF4
            netCDF4.Dataset("fit.nc").close()
            print("read")
    """)
    assert (process.returncode, log) == (0, "read\n")


@pytest.mark.parametrize(
    ("name", "content", "read"),
    [
        ("empty.csv", "", "import pandas as pd\npd.read_csv(path)"),
        ("cut.parquet", "PAR1", "import pandas as pd\npd.read_parquet(path)"),
        ("uneven.csv", "a,b\n1,2\n1,2,3\n", "import pandas as pd\npd.read_csv(path)"),
    ],
)
def test_a_damaged_result_is_named(run, tmp_path, name, content, read):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / name).write_text(content)
    process, log = run(f"path = 'results/{name}'\n{read}")
    assert process.returncode == 1
    damaged = f"\n'results/{name}' cannot be read. Is it damaged, or was it edited? Delete it and run again.\n"
    assert process.stderr.startswith(damaged)
    assert process.stderr.endswith("\nThe traceback is in new/folder/job.log\n\n")
    assert "Traceback" in log


def test_a_result_is_not_blamed_for_another_error(run, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results/a.csv").write_text("")
    process, _ = run("path = 'results/a.csv'\nimport json\njson.loads('{')")
    assert process.stderr.startswith("\nJSONDecodeError: ")


def test_memory_that_is_not_there_is_told(run):
    process, _ = run("import numpy as np\nnp.empty(2**50)")
    assert process.returncode == 1
    assert "\nMemory ran out: Unable to allocate 8.00 PiB" in process.stderr
    assert "with fewer --cores less runs at a time" in process.stderr


def test_addresses_that_are_not_there_are_told(run):
    """The words of the loader under ``ulimit -v``."""
    process, _ = run("raise ImportError('libgfortran.so: failed to map segment from shared object')")
    assert process.returncode == 1
    assert "\nMemory ran out: ImportError: libgfortran.so" in process.stderr


def test_what_was_printed_before_a_kill_is_in_the_log(run):
    process, log = run("print('Reading.')\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert process.returncode == -9
    assert log == "Reading.\n"


def test_a_new_run_replaces_the_log(run):
    run("print('old')")
    assert run("print('new')")[1] == "new\n"


def test_a_users_mistake_is_told_in_words_on_the_terminal_and_in_the_log(run):
    process, log = run(
        """
        print("Reading.")
        raise StudyError("The file has no column 'wek'.\\nDid you mean 'week'? é")
        """,
        before="from partialpool.errors import StudyError",
    )
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr == "\nThe file has no column 'wek'.\nDid you mean 'week'? é\n\n"
    assert log == "Reading.\nThe file has no column 'wek'.\nDid you mean 'week'? é\n"


def test_a_users_mistake_found_while_handling_another_error_has_no_traceback(run):
    process, log = run(
        """
        try:
            {}["week"]
        except KeyError:
            raise StudyError("There is no week.")
        """,
        before="from partialpool.errors import StudyError",
    )
    assert process.returncode == 1
    assert process.stderr == "\nThere is no week.\n\n"
    assert log == "There is no week.\n"


@pytest.mark.parametrize(
    ("raised", "line"), [("1 / 0", "ZeroDivisionError: division by zero"), ("{}['week']", "KeyError: 'week'")]
)
def test_any_other_error_has_its_traceback_in_the_log_and_the_terminal_says_where(run, raised, line):
    process, log = run(f"""
        print("Reading.")
        def deep():
            {raised}
        deep()
    """)
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr == f"\n{line}\nThe traceback is in new/folder/job.log\n\n"
    assert log.startswith("Reading.\nTraceback (most recent call last):\n")
    assert "in deep\n" in log
    assert log.endswith(f"{line}\n")


def test_compiled_code_that_gives_up_is_no_traceback_on_the_terminal(run):
    process, log = run("raise Panic('no space left')", before="class Panic(BaseException):\n    pass\n")
    assert process.returncode == 1
    assert process.stderr == "\nPanic: no space left\nThe traceback is in new/folder/job.log\n\n"
    assert log.startswith("Traceback (most recent call last):\n")


def test_a_full_disk_is_said_in_words(run, tmp_path):
    process, log = run("raise OSError(28, 'No space left on device', 'results/a.csv')")
    assert process.returncode == 1
    assert process.stderr.startswith(
        "\nNo space left on the disk for 'results/a.csv' (the disk or your quota is full, or files may not be so "
    )
    assert "Traceback" not in process.stderr + log


def test_a_file_that_is_another_users_is_said_in_words(run):
    process, log = run("raise PermissionError(13, 'Permission denied', 'config/published/loo.csv')")
    assert process.returncode == 1
    assert process.stderr.startswith("\n'config/published/loo.csv': Permission denied. Give yourself the right to it")
    assert "Traceback" not in process.stderr + log


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_log_that_cannot_be_written_is_no_traceback(run, tmp_path):
    (tmp_path / "new/folder").mkdir(parents=True)
    (tmp_path / "new/folder/job.log").symlink_to("/dev/full")
    process, _ = run("print('Reading.')", read=False)
    assert process.returncode == 1
    assert process.stderr.startswith("\nNo space left on the disk for 'new/folder/job.log'")
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize(("statement", "code"), [("import sys; sys.exit(3)", 3), ("raise KeyboardInterrupt", -2)])
def test_a_job_that_is_ended_ends(run, statement, code):
    process, log = run(f"print('Reading.')\n{statement}\nprint('Never.')")
    assert process.returncode == code
    assert log == "Reading.\n"


def test_the_terminal_is_back_after_the_job(run, tmp_path):
    process, _ = run("pass")
    script = tmp_path / "script.py"
    script.write_text(script.read_text() + "\nimport sys\nprint('after', file=sys.stderr)\n")
    process = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(SCRIPTS)}, capture_output=True
    )
    assert process.stderr == b"after\n"


def test_blas_has_one_thread_whatever_the_environment_says(run):
    process, log = run(
        f"""
        import json, os
        print(json.dumps([os.environ[name] for name in {THREADS}]))
        import numpy, threadpoolctl
        print(json.dumps([pool["num_threads"] for pool in threadpoolctl.threadpool_info()]))
        """,
        before="import sys\nassert 'numpy' not in sys.modules",
    )
    assert process.returncode == 0, log
    environment, pools = map(json.loads, log.splitlines())
    assert environment == ["1"] * len(THREADS)
    assert set(pools) == {1}


def test_many_objects_are_made_without_looking_for_garbage(run):
    process, log = run(
        """
        import gc
        before = [generation["collections"] for generation in gc.get_stats()]
        kept = [[] for _ in range(500_000)]
        print([generation["collections"] for generation in gc.get_stats()] == before)
        """
    )
    assert process.returncode == 0, log
    assert log == "True\n"


def measured(tmp_path):
    header, row = (tmp_path / "benchmarks/folder/job.tsv").read_text().splitlines()
    return dict(zip(header.split("\t"), row.split("\t"), strict=True))


def test_time_and_memory_are_measured_with_those_of_processes_that_were_started(run, tmp_path):
    run("pass")
    little = measured(tmp_path)
    run("""
        import subprocess, sys, time
        time.sleep(1.5)
        program = "import time; memory = b'x' * 300_000_000\\nwhile time.process_time() < 0.5: pass"
        subprocess.run([sys.executable, "-c", program], check=True)
    """)
    much = measured(tmp_path)
    assert list(much) == ["s", "h:m:s", "max_rss", "cpu_time"]
    assert float(much["s"]) > 2
    assert re.fullmatch(r"0:00:0\d", much["h:m:s"])
    assert float(little["max_rss"]) < 100 < 286 < float(much["max_rss"])
    assert float(much["cpu_time"]) > 0.5


@pytest.mark.parametrize("body", ["1 / 0", "import sys; sys.exit(1)"])
def test_a_job_that_fails_is_not_measured(run, tmp_path, body):
    run(body)
    assert not (tmp_path / "benchmarks").exists()


def test_snakemake_imports_no_numpy_before_the_script_does():
    # Snakemake runs its own preamble before a script; were NumPy in it, BLAS would have its threads already.
    code = "import sys, snakemake.script; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_every_script_of_a_rule_imports_the_job_first():
    for script in {*SCRIPTS.glob("*.py")} - {SCRIPTS / "new_study.py"}:
        imports = [line for line in script.read_text().splitlines() if "import" in line.split("#")[0].split()]
        assert imports[0] == "from partialpool.jobs.job import job", script
