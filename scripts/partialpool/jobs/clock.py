"""Times of files after the clock of a machine was ahead."""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain
from pathlib import Path

# ASSUME: the clock of a disk elsewhere may differ by this, in seconds.
_SLACK = 1.0
# In nanoseconds: apart enough for every disk to keep the order of times.
_STEP = 1_000_000


def mend_times(folder: str | Path, *files: str | Path) -> str:
    """Give files from the future the time of now, in the order that they have.

    Snakemake takes all that is made from a file with a later time for out of date, and fails, until the clock has
    caught up with it.

    Parameters
    ----------
    folder
        Results.
    *files
        Others that results are made from.

    Returns
    -------
    str
        What is to be told; empty if no file was from the future.
    """
    now = time.time_ns()
    late = {path: when for path, when in _times(chain(Path(folder).rglob("*"), map(Path, files))) if when > now}
    if not late or max(late.values()) < now + _SLACK * 1e9:
        return ""
    steps = {when: step for step, when in enumerate(sorted(set(late.values()), reverse=True))}
    for path, when in late.items():
        # Of somebody else's files the owner only may do so.
        with suppress(OSError):
            os.utime(path, ns=(now - steps[when] * _STEP, now - steps[when] * _STEP))
    return (
        f"{len(late)} files of '{folder}' had times in the future, as after a clock that was ahead. They have the time "
        "of now, in the same order."
    )


def _times(paths: Iterable[Path]) -> Iterable[tuple[Path, int]]:
    for path in paths:
        try:
            if path.is_file():
                yield path, path.stat().st_mtime_ns
        # Removed in between, or a link to nowhere.
        except OSError:
            continue
