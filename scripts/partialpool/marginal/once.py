"""Compiling the same code in one process at a time.

The fits of a study start together, and all need the same compiled code, which takes Numba about four seconds the first
time. Numba's cache does not keep two processes from compiling it at once. With a lock, one process compiles, and the
others wait and load what it has made: in a study of five models a tenth of the CPU seconds of the first run.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_process_at_a_time() -> Iterator[None]:
    """Hold a lock that is this user's on this machine; the system lifts it if the process ends, however it ends.

    Without file locks, as on Windows, each process compiles for itself.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    with Path(tempfile.gettempdir(), f"partialpool-{os.getuid()}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
