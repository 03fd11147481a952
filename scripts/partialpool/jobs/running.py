"""One run of Snakemake in a folder: its jobs end with it, and what it leaves when it is killed stops no later run.

Snakemake locks its folder with files that do not say whose they are, so that those of a process that was killed look
like those of one that runs. Here the system says who runs: every Snakemake holds a lock of the system on one byte of a
file, the one whose number is its process id, and such locks vanish with their process, however it ends.
"""

import atexit
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from partialpool.errors import StudyError

# Tells the jobs of a run its file and the id of its process: those on the same machine, which inherit it.
VARIABLE = "PARTIALPOOL_RUN"
# Folder with a note for each job that runs: see `noted`.
NOTES = ".snakemake/unfinished"
LESS_MEMORY = (
    "The same command goes on; with fewer --cores less runs at a time, and results/benchmarks has the memory of jobs "
    "that have run (max_rss, MB)."
)
# Where nothing says whether the run that locked a folder goes on.
LOCKED = (
    "This folder is locked by a run that another machine began, or its disk knows no locks of the system: that run may "
    "still go on. Once none runs here: snakemake --unlock, then the same command."
)
# Whether this Snakemake was asked to end.
_asked = threading.Event()
# ASSUME: no study takes less. On a disk with less room Snakemake itself fails, without a word if it is to be quiet.
LEAST_ROOM = 1_000_000
# Names that a message shows.
_SHOWN = 3
# Of files of the results.
ENDINGS = (
    *(".nc", ".csv", ".parquet", ".json", ".png", ".svg", ".html", ".ipynb", ".md", ".txt", ".bib", ".tex", ".docx"),
    *(".zip", ".gz", ".xlsx", ".sav", ".dta", ".log", ".tsv"),
)


def begin(folder: str | Path) -> str:
    """Say that this Snakemake runs in the current folder, until its process ends; lift the lock of one that was killed.

    Parameters
    ----------
    folder
        Snakemake's own folder in it, for the file ``running``: a line for each run that has not ended by itself.

    Returns
    -------
    str
        What is to be told: that a lock was lifted, if a run of this machine was killed and none is left; that another
        run goes on, or may go on, since Snakemake does not say so with ``--quiet all``; else nothing. Where the disk
        knows no locks of the system, nothing is lifted.

    Raises
    ------
    StudyError
        If the folder cannot be written.
    """
    # One that a job has started, in another folder, ends with the run of that job.
    end_with_snakemake()
    me = f"{socket.gethostname()} {os.getpid()}\n".encode()
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        # Never closed: the locks of a process on a file end when it closes any descriptor of it.
        file = os.open(Path(folder, "running"), os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise StudyError(
            f"Nothing can be written in '{Path(folder).resolve()}' ({error.strerror}). Give yourself the right to "
            "write there, make room, or run in another folder: snakemake --directory FOLDER."
        ) from None
    try:
        with _one_at_a_time(file):
            others, lifted = _others(file), _lift(file, me)
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, os.getpid())
            os.pwrite(file, me, os.fstat(file).st_size)
    except OSError:
        return LOCKED if _is_locked(folder) else ""
    atexit.register(_end, file, me)
    os.environ[VARIABLE] = f"{Path(folder, 'running').resolve()}:{os.getpid()}"
    if others:
        return (
            f"Another Snakemake runs in this folder (process {', '.join(map(str, others))}). If the two are to make "
            "the same files, this one stops: then wait until the other has ended."
        )
    if lifted:
        return "The last run in this folder was killed: its lock is lifted."
    return LOCKED if _is_locked(folder) else ""


def _is_locked(folder: str | Path) -> bool:
    """Whether Snakemake has locked the folder that has this one for its own."""
    return any(Path(folder, "locks").glob("*"))


def require_paths_without_wildcards(*folders: str | Path) -> None:
    """Raise StudyError for a folder with curly brackets in its path: Snakemake reads wildcards there, and fails."""
    for folder in folders:
        if {"{", "}"} & {*str(folder)}:
            raise StudyError(
                f"The path '{folder}' has curly brackets, which Snakemake takes for wildcards. Rename the folder."
            )


def require_folders(results: str | Path, own: str | Path = ".snakemake") -> None:
    """Raise StudyError if a file stands where a folder of results belongs, or the reverse, or one cannot be written.

    Snakemake would take the folder for the file, and find nothing to do; where it may not write it fails, without a
    word if it is to be quiet.

    Parameters
    ----------
    results
        Folder of the results.
    own
        Snakemake's own folder.
    """
    results, own = Path(results), Path(own)
    # Files of the results have names with an ending.
    for path in [results, *(inner for inner in results.glob("*") if not inner.suffix)]:
        if (path.exists() or path.is_symlink()) and not path.is_dir():
            raise StudyError(f"'{path}' is no folder, and results are kept in it. Move it away and run again.")
    for folder, names, files in results.walk():
        # What is linked, as fits of a cache are, may be another user's.
        for path in [folder, *(folder / file for file in files if not (folder / file).is_symlink())]:
            _require_writable(path)
        for name in names:
            # Batches of a model are in a folder of its name, which may have any ending.
            if folder.name != "batches" and Path(name).suffix in ENDINGS:
                raise StudyError(f"'{folder / name}' is a folder, where a file belongs. Move it away and run again.")
    # Of its own folders those in which ours are, and not the files of environments.
    for path in [own, *own.glob("*/"), *(own / "written").rglob("*")]:
        _require_writable(path)


def _require_writable(path: Path) -> None:
    """Raise StudyError for a folder or file that is not the user's to read and write."""
    if not path.exists() or os.access(path, os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0)):
        return
    if path.stat().st_uid != os.geteuid():
        raise StudyError(
            f"'{path}' cannot be read and written: it belongs to another user, as after a run with sudo or in a "
            f"container. Have it made yours (sudo chown -R $USER {path.parts[0]}), or run in another folder: "
            "snakemake --directory FOLDER."
        )
    raise StudyError(
        f"'{path}' cannot be read and written. Give yourself the right to (chmod -R u+rwX {path.parts[0]}), and run "
        "the same command again."
    )


def require_room(folder: str | Path) -> None:
    """Raise StudyError if the disk of a folder is full before anything runs."""
    if words := without_room(folder):
        raise StudyError(words)


def without_room(folder: str | Path) -> str:
    """What to say of the disk of a folder on which Snakemake can keep no records; nothing if there is room."""
    left = shutil.disk_usage(folder).free
    if left >= LEAST_ROOM:
        return ""
    return (
        f"The disk is full: {left // 1000} kB are left for '{Path(folder).resolve()}'.\n"
        "Make room and run the same command again: it goes on with what is left to do."
    )


@contextmanager
def _one_at_a_time(file: int) -> Iterator[None]:
    """Wait until no other process reads and writes the file; by its first byte, since no process has the id 0."""
    fcntl.lockf(file, fcntl.LOCK_EX, 1, 0)
    try:
        yield
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, 0)


def _others(file: int) -> list[int]:
    """Process ids of the runs of this machine that go on."""
    host = socket.gethostname().encode()
    ids = [int(line.split()[1]) for line in _lines(file) if line.split()[0] == host]
    going_on = []
    for process in ids:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, process)
        except OSError:
            going_on.append(process)
        else:
            fcntl.lockf(file, fcntl.LOCK_UN, 1, process)
    return going_on


def _lift(file: int, me: bytes) -> bool:
    """Lift Snakemake's lock if a run of this machine did not end by itself, and no run is left; returns whether."""
    before = _lines(file)
    # Of a process on another machine the system need not know that it runs.
    if not before or any(line.rpartition(b" ")[0] != me.rpartition(b" ")[0] for line in before):
        return False
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 0, 1)
    except OSError:
        return False
    fcntl.lockf(file, fcntl.LOCK_UN, 0, 1)
    lifted = _unlock()
    if lifted:
        os.ftruncate(file, 0)
    return lifted


def _lines(file: int) -> list[bytes]:
    return os.pread(file, os.fstat(file).st_size, 0).splitlines(keepends=True)


def _unlock() -> bool:
    """``snakemake --unlock`` in the current folder; without a workflow, since the locks are those of the folder."""
    options = ["--profile", "none", "--workflow-profile", "none", "--directory", ".", "--snakefile", os.devnull]
    command = [sys.executable, "-m", "snakemake", "--unlock", *options]
    return subprocess.run(command, capture_output=True).returncode == 0


def _end(file: int, me: bytes) -> None:
    with _one_at_a_time(file):
        others = b"".join(line for line in _lines(file) if line != me)
        os.ftruncate(file, 0)
        os.pwrite(file, others, 0)


def forget() -> None:
    """On a node of a cluster: the queue ends jobs, and locks of other machines may not be known there."""
    os.environ.pop(VARIABLE, None)


def end_at_once_when_asked() -> None:
    """Until `end_jobs_when_asked`: end at Ctrl-C, since nothing runs yet. Python would show a traceback of screens."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, lambda number, frame: sys.exit(128 + number))


def end_jobs_when_asked() -> None:
    """From now on end the jobs of this Snakemake, and then it, at Ctrl-C or SIGTERM; by itself it waits for them."""

    def end(number, frame):
        _asked.set()
        # Ctrl-C again: the jobs are ending, and Snakemake would show a traceback of screens.
        signal.signal(signal.SIGINT, lambda number, frame: None)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        threading.Thread(target=_end_children, daemon=True).start()
        # What Snakemake takes for Ctrl-C.
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)


def _end_children() -> None:
    import psutil

    # Again and again, because another thread may just be starting a job.
    while True:
        for process in psutil.Process().children(recursive=True):
            try:
                process.terminate()
            except psutil.Error:
                # It has ended meanwhile.
                continue
        time.sleep(0.2)


def end_with_snakemake() -> None:
    """In a job: end this process as soon as the Snakemake that started it is gone, even by ``kill -9``.

    Else it would go on beside the job that the next run starts in its place.
    """
    path, _, process = os.environ.get(VARIABLE, "").rpartition(":")
    if path:
        threading.Thread(target=_wait_and_end, args=(path, int(process)), daemon=True).start()


def _wait_and_end(path: str, process: int) -> None:
    try:
        file = os.open(path, os.O_RDWR)
        # Waits until that Snakemake holds its byte no more.
        fcntl.lockf(file, fcntl.LOCK_EX, 1, process)
    except OSError:
        return
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def folder_for_a_while() -> Iterator[Path]:
    """In a job: give a folder that is removed at its end, and at Ctrl-C or SIGTERM, at which Python would just end."""

    def end(number, frame):
        # Not again while the folder is being removed.
        for asked in before:
            signal.signal(asked, signal.SIG_IGN)
        sys.exit(128 + number)

    before = {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            before |= {asked: signal.signal(asked, end) for asked in (signal.SIGINT, signal.SIGTERM)}
            yield Path(folder)
    finally:
        for asked, handler in before.items():
            signal.signal(asked, handler)


@contextmanager
def noted(log: str | Path, notes: str | Path = NOTES) -> Iterator[None]:
    """In a job: keep a note with the name of its log until it ends by itself, so that others know if it does not.

    Of a job that fails, and says why, an empty note stays.
    """
    note = Path(notes, str(log).replace(os.sep, "-"))
    # A job that runs by itself has no folder of Snakemake's; and on a full disk the log is what matters.
    with suppress(OSError):
        if note.parent.parent.is_dir():
            note.parent.mkdir(exist_ok=True)
            note.write_text(str(log), encoding="utf-8")
    try:
        yield
    except BaseException:
        with suppress(OSError):
            note.write_text("")
        raise
    note.unlink(missing_ok=True)


def forget_notes(notes: str | Path = NOTES) -> None:
    """Before the first job of a run: drop the notes of jobs that ended with an earlier run."""
    shutil.rmtree(notes, ignore_errors=True)


def ended_without_a_word(notes: str | Path = NOTES) -> str:
    """What to say after a run that failed if a job could not say why; nothing if one did, or all were asked to end.

    It was killed, or compiled code ended it.
    """
    # At Ctrl-C or SIGTERM they were asked to end.
    if _asked.is_set():
        return ""
    logs = sorted(note.read_text(encoding="utf-8") for note in Path(notes).glob("*"))
    if not logs:
        return (
            "No job could say why this run failed: one may have been killed as it began. The same command goes on; if "
            "it fails again, Snakemake shows more without --quiet."
        )
    if not (logs := [log for log in logs if log]):
        return ""
    return (
        f"A job ended without a word, most often because memory ran out and it was killed; its log: {', '.join(logs)}. "
        f"{LESS_MEMORY}"
    )


def edited(files: Iterable[str | Path], since: float) -> str:
    """What to say after a run of files that it reads and that were edited after it began; nothing if there are none.

    Its results are of the config and the data as they were when it began, but each job runs the code that it finds.

    Parameters
    ----------
    files
        Code, config and data.
    since
        When the run began, in seconds since 1970.
    """
    # What has a time in the future was so before: the clock was set back.
    now = time.time()
    late = sorted({str(path) for path in files if Path(path).is_file() and since < Path(path).stat().st_mtime <= now})
    if not late:
        return ""
    more = f" and {len(late) - _SHOWN} more" if len(late) > _SHOWN else ""
    return (
        f"Edited while this ran: {', '.join(late[:_SHOWN])}{more}. Results may be of before or after. The same command "
        "makes again what is not of what is there now; if an edit of code was taken back, add --forceall."
    )
