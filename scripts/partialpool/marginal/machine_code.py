"""Functions that run as they stand, with NumPy, until machine code is worth its compilation.

Numba takes four CPU seconds to compile the functions of a fit, or a third of one to load them from its cache; without,
a fit of a hundred units takes NumPy less than a second. A fit of 10^5 units takes NumPy minutes, and machine code
seconds. So a function is compiled once NumPy has taken many steps of it; one that an earlier process has compiled is
loaded sooner. Both compute the same numbers, to the last digit.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Lock

from partialpool.jobs import without_sparse

# ASSUME: operations on arrays, which take NumPy as long as Numba takes to compile a function; and which share of them
# takes as long as loading it.
WORTH, TO_LOAD = 10**6, 0.2
# A division by zero is no error.
OPTIONS = {"error_model": "numpy"}
# What compiled functions call, and as what each is compiled (None: a loop over the lanes), until Numba has been told.
_parts: dict[Callable, Callable | None] = {}
# The files of all of these.
_files: set[str] = set()
_steps: Counter[Callable] = Counter()
_lock = Lock()


def part(function: Callable) -> Callable:
    """Decorator of a function that compiled functions call."""
    return compiled_as(function)(function)


def compiled_as(other: Callable | None) -> Callable:
    """Decorator of a function that compiled functions call, and that is compiled as another one (see ``_parts``)."""

    def register(function: Callable) -> Callable:
        _parts[function] = other
        _files.add(function.__code__.co_filename)
        return function

    return register


def each_lane(function: Callable) -> Callable:
    """Decorator of a part for one lane or, with NumPy, for all (``...``); it is compiled as a loop over the lanes."""
    return compiled_as(None)(function)


def run(function: Callable, steps: int, *arguments) -> None:
    """Call a function that takes about so many operations on arrays: with NumPy, or as machine code."""
    _steps[function] += steps
    if _steps[function] > WORTH * (TO_LOAD if _is_kept(function) else 1):
        with _lock:
            function = _machine_code(function)
    function(*arguments)


@cache
def _machine_code(function: Callable) -> Callable:
    without_sparse.let_in()
    from numba import config, njit
    from numba.extending import overload

    while _parts:
        own, other = _parts.popitem()
        # In the innermost loops a call would take longer than what it does.
        options = OPTIONS | {"forceinline": other is not own}
        other = other or _over_lanes(njit(**options)(own))
        overload(own, jit_options=options, strict=False)(lambda *_, other=other: other)
    # Here only: other packages keep their own elsewhere.
    asked, config.CACHE_DIR = config.CACHE_DIR, str(_folder())
    try:
        return njit(cache=True, nogil=True, no_cfunc_wrapper=True, **OPTIONS)(function)
    finally:
        config.CACHE_DIR = asked


def _over_lanes(one: Callable) -> Callable:
    """A loop of a compiled function of one lane."""

    def loop(out, *others):
        for lane in range(len(out)):
            one(out, *others, lane)

    return loop


@cache
def _is_kept(function: Callable) -> bool:
    """Whether a process before this one has compiled a function."""
    return any(_folder().rglob(f"*{function.__name__}*"))


def _folder() -> Path:
    """Where machine code is kept: a folder for this state of the files of its parts.

    Numba compiles a kept function again when the function's own file has changed, and not when that of a part has.
    """
    state = hashlib.sha256(b"".join(Path(file).read_bytes() for file in sorted(_files))).hexdigest()[:16]
    return Path(os.environ.get("NUMBA_CACHE_DIR") or Path(__file__).parent / "__pycache__", f"state-{state}")
