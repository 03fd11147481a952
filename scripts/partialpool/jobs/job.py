"""What every job does: its own log, one thread for linear algebra, errors without a traceback, time and memory."""

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
from partialpool.jobs import measure

# Packages that draw make many objects and little garbage: to collect less often saves a tenth of their time.
gc.set_threshold(100_000)


@contextmanager
def job(log: str | Path) -> Iterator[Callable[[str], None]]:
    """Send all output of the process to a log file; on an error tell the terminal what is wrong, without a traceback.

    Parameters
    ----------
    log
        File that takes standard output and standard error, those of compiled code included. Of a job that succeeds,
        time and memory are kept in the file that `measure.benchmark_of` names.

    Yields
    ------
    callable
        Writes a line to the log, and to the terminal if a person watches it (not where output is kept in a file).

    Raises
    ------
    SystemExit
        With status 1 after a StudyError, whose text goes to the log and to the terminal; and after any other
        exception, whose traceback goes to the log, and whose text goes to the terminal with the path of the log.
    """
    start = time.monotonic()
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
        yield say
        measure.write(measure.benchmark_of(log), time.monotonic() - start)
    except StudyError as error:
        _fail(str(error), terminal)
    except Exception as error:
        if isinstance(error, OSError) and is_full_disk(error):
            _fail(full_disk(error.filename or log), terminal)
        text = f"{type(error).__name__}: {error}"
        _fail(f"{text}\nThe traceback is in {log}", terminal, logged=traceback.format_exc())
    finally:
        # Nothing is collected any more: to look through all objects of large packages once more takes half a second.
        gc.freeze()
        _flush()
        os.dup2(terminal, 2)
        os.close(terminal)


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
            # Of a log on a full disk the rest is given up, or Python would try again and complain at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            stream.flush()
