"""What formulae reads formulas with; SciPy's splines stay out of a job until a formula has some.

formulae imports them for its ``bs``, and with them SciPy's optimisation: a third of a CPU second and 16 MB, in eleven
jobs of the study that ships. While formulae is imported, a module stands in for ``scipy.interpolate`` whose ``splev``
imports the real one when it is called. Whatever else is asked of it, the real one gives at once.
"""

import sys
from types import ModuleType

SPLINES = "scipy.interpolate"


def _splev(*arguments, **keywords):
    from scipy.interpolate import splev

    return splev(*arguments, **keywords)


def _of_the_real_one(name: str):
    del sys.modules[SPLINES]
    import scipy.interpolate

    return getattr(scipy.interpolate, name)


_stands_in = ModuleType(SPLINES)
_stands_in.splev, _stands_in.__getattr__ = _splev, _of_the_real_one
# Or Python's import would ask for it.
_stands_in.__path__ = []

sys.modules.setdefault(SPLINES, _stands_in)
try:
    from formulae import design_matrices, model_description
finally:
    if sys.modules.get(SPLINES) is _stands_in:
        del sys.modules[SPLINES]

__all__ = ["design_matrices", "model_description"]
