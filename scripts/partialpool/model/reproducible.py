"""How PyMC and PyTensor are run here: without fast math, and without messages."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reproducible() -> Iterator[None]:
    """A context in which the same model and seed give the same draws, whatever was compiled before.

    Fast math lets the compiler reorder sums, and it does so differently where functions come from PyTensor's cache on
    disk instead of being compiled together. Warnings are not shown: PyMC's on the first import of its Numba backend,
    and on convergence, which ``fit.diagnostics`` checks.
    """
    import pytensor

    logging.getLogger("pymc").setLevel(logging.WARNING)
    with warnings.catch_warnings(), pytensor.config.change_flags(numba__fastmath=False):
        warnings.simplefilter("ignore")
        yield
