"""The package of sparse matrices, ``sparse``, stays out of a job until Bambi or Numba need it.

xarray imports it to know its arrays when it sees them, in every job, and Numba with it: half a CPU second and 60 MB, in
fifteen jobs of the study that ships. Only Bambi makes such arrays; Numba, before it compiles, imports what extends it.
A module that is ``None`` in ``sys.modules`` cannot be imported (Python's reference, 5.3.1), and xarray takes it for one
that is not installed.
"""

import os
import sys


def keep_out() -> None:
    """Let no one import it, if no one has yet."""
    sys.modules.setdefault("sparse", None)


def let_in() -> None:
    """Let Bambi or Numba import it.

    xarray may have asked by then, and takes it for not installed ever after: where it makes NumPy's arrays of all, it
    would fail with sparse ones. A setting of ``sparse`` lets NumPy do that by itself.
    """
    if sys.modules.get("sparse", "not asked for") is None:
        del sys.modules["sparse"]
        os.environ["SPARSE_AUTO_DENSIFY"] = "1"
