"""How PyMC and PyTensor are run here: without fast math, without messages, and without files left behind."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def reproducible() -> Iterator[None]:
    """A context in which the same model and seed give the same draws, whatever was compiled before.

    Fast math lets the compiler reorder sums, and it does so differently where functions come from PyTensor's cache on
    disk instead of being compiled together. Warnings are not shown: PyMC's on the first import of its Numba backend,
    and on convergence, which ``fit.diagnostics`` checks.

    The code that PyTensor writes for Numba goes to its cache, where it removes what is old. By default each function
    gets a file in the system's temporary folder, which nobody removes: twenty or more a fit.
    """
    import pytensor

    logging.getLogger("pymc").setLevel(logging.WARNING)
    flags = {"numba__fastmath": False, "generated_src_dir": str(Path(pytensor.config.compiledir, "generated_src"))}
    with warnings.catch_warnings(), pytensor.config.change_flags(**flags):
        warnings.simplefilter("ignore")
        yield
