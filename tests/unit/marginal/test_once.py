import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[3] / "scripts"
# Writes when it has the lock, and when it gives it back.
HOLDER = """
import sys, time
from partialpool.marginal.once import one_process_at_a_time
with one_process_at_a_time():
    with open(sys.argv[1], "a") as file:
        file.write("in ")
    time.sleep(0.2)
    with open(sys.argv[1], "a") as file:
        file.write("out ")
"""


def test_processes_wait_for_each_other(tmp_path):
    environment = {"PYTHONPATH": str(SCRIPTS), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", HOLDER, tmp_path / "said"]
    processes = [subprocess.Popen(command, env=environment) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert (tmp_path / "said").read_text().split() == ["in", "out"] * 3


def test_a_process_that_is_killed_leaves_no_lock(tmp_path):
    environment = {"PYTHONPATH": str(SCRIPTS), "TMPDIR": str(tmp_path)}
    killed = HOLDER.replace("time.sleep(0.2)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert subprocess.run([sys.executable, "-c", killed, tmp_path / "said"], env=environment).returncode != 0
    subprocess.run([sys.executable, "-c", HOLDER, tmp_path / "said"], env=environment, check=True)
    assert (tmp_path / "said").read_text().split() == ["in", "in", "out"]
