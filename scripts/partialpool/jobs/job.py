"""What every job does: its own log, one thread for linear algebra, errors without a traceback, time and memory.

It ends with the Snakemake that started it.
"""

import gc
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

# First, since it must come before NumPy.
import partialpool.jobs.threads  # noqa: F401
from partialpool.errors import StudyError, full_disk, is_full_disk
from partialpool.jobs import measure, running, without_sparse

# Drawing makes many objects and little garbage: collecting less often saves a tenth of the time.
gc.set_threshold(1_000_000)
# HDF5 locks what it reads, and fails where a disk knows no locks. No lock is needed, since fits are renamed into their
# place when they are whole. Before HDF5 is loaded, and for the report's notebook too.
os.environ["HDF5_USE_FILE_LOCKING"] = "FALSE"


@contextmanager
def job(log: str | Path) -> Iterator[Callable[[str], None]]:
    """Send all output of the process to a log file; on an error tell the terminal what is wrong, without a traceback.

    Parameters
    ----------
    log
        File for standard output and standard error, those of compiled code included. If the job succeeds, its time and
        memory are written to the file that `measure.benchmark_of` names.

    Yields
    ------
    callable
        Writes a line to the log, and to the terminal, unless that is a file or a pipe.

    Raises
    ------
    SystemExit
        With status 1 after a StudyError, whose text goes to the log and to the terminal; and after any other
        exception, whose traceback goes to the log, and whose text goes to the terminal with the path of the log.
    """
    start = time.monotonic()
    _open_streams()
    running.end_with_snakemake()
    without_sparse.keep_out()
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    terminal = os.dup(2)
    with open(log, "w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    # Line by line, so that the log is in order, and whole if the process is killed.
    sys.stdout.reconfigure(line_buffering=True)

    def say(line: str) -> None:
        print(line)
        if os.isatty(terminal):
            os.write(terminal, f"{line}\n".encode())

    try:
        with running.noted(log):
            yield say
        measure.write(measure.benchmark_of(log), time.monotonic() - start)
    except StudyError as error:
        _fail(str(error), terminal)
    except (KeyboardInterrupt, SystemExit):
        raise
    # Not only Exception: what compiled code raises when it gives up need not be one (nutpie's is not).
    except BaseException as error:
        if isinstance(error, OSError) and is_full_disk(error):
            _fail(full_disk(error.filename or log), terminal)
        if isinstance(error, PermissionError) and error.filename:
            _fail(f"'{error.filename}': {error.strerror}. Give yourself the right to it and run again.", terminal)
        text = f"{type(error).__name__}: {error}"
        # The second are the words of the loader, where a limit of addresses (ulimit -v) leaves no room for a library.
        if isinstance(error, MemoryError) or "failed to map segment" in text:
            reason = str(error) if isinstance(error, MemoryError) else text
            text = f"Memory ran out{f': {reason}' if reason else '.'}\n{running.LESS_MEMORY}"
        if (path := _file_read(error)) is not None:
            text = f"'{path}' cannot be read. Is it damaged, or was it edited? Delete it and run again.\n{text}"
        _fail(f"{text}\nThe traceback is in {log}", terminal, logged=traceback.format_exc())
    finally:
        # At its end Python would look for garbage among all objects; with large packages that takes half a second.
        gc.freeze()
        _flush()
        os.dup2(terminal, 2)
        os.close(terminal)


def _open_streams() -> None:
    """Open what the user closed (`>&-`): a file that is opened next would take the number of a closed stream."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _file_read(error: BaseException) -> Path | None:
    """The file of the results that another package was reading when it failed; None if there is none.

    Errors of readers say what is wrong in a file and not in which: their own variables do.
    """
    if not isinstance(error, (ValueError, OSError)):
        return None
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        if frame.f_globals["__name__"].partition(".")[0] in ("partialpool", "__main__"):
            return None
        for value in frame.f_locals.values():
            if isinstance(value, str | Path) and str(value).startswith("results/") and Path(value).is_file():
                return Path(value)
    return None


def _fail(text: str, terminal: int, *, logged: str | None = None) -> NoReturn:
    """End the process with status 1, after a text on the terminal and the same, or another, in the log."""
    # The log cannot be written if the disk is full; the terminal can.
    with suppress(OSError):
        print(logged or f"{text}\n", end="", file=sys.stderr)
    os.write(terminal, f"\n{text}\n\n".encode())
    sys.exit(1)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            # The disk is full: the rest of the log is lost. Else Python would try again at its end, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            stream.flush()
