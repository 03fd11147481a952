"""One thread for linear algebra in every job; imported before NumPy.

Sums in BLAS depend on the number of threads in their last bits, and draws must not depend on ``--cores``.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"
