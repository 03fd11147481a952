"""What every job does: its own log, one thread for BLAS, and mistakes told in words."""

import gc
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from partialpool.errors import StudyError

# Sums in BLAS depend on the number of threads in their last bits, and draws must not depend on --cores.
# Here, because this module is imported before NumPy.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"
gc.set_threshold(100_000)


@contextmanager
def job(log: str | Path) -> Iterator[Callable[[str], None]]:
    """Send all output of the process to a log file; on a failure tell the terminal what is wrong, without a traceback.

    Parameters
    ----------
    log
        File that takes standard output and standard error, those of compiled code included.

    Yields
    ------
    callable
        Says a line in the log, and to somebody who looks: on a terminal, and not where output is kept in a file.

    Raises
    ------
    SystemExit
        With status 1 after a StudyError, whose text goes to the log and to the terminal; and after any other
        exception, whose traceback goes to the log, and whose text to the terminal with the place of the log.
    """
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
    except StudyError as error:
        print(error, file=sys.stderr)
        os.write(terminal, f"\n{error}\n\n".encode())
        sys.exit(1)
    except Exception as error:
        traceback.print_exc()
        os.write(terminal, f"\n{type(error).__name__}: {error}\nThe traceback is in {log}\n\n".encode())
        sys.exit(1)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(terminal, 2)
        os.close(terminal)
