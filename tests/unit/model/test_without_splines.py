"""SciPy's splines are imported once a formula has some, and not before."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"
AT_ITS_END = """
import sys
print(["scipy.interpolate" in sys.modules, "scipy.optimize" in sys.modules])
"""


@pytest.fixture
def imported(tmp_path):
    """Run Python code in a process of its own; whether SciPy's splines and optimisation are imported at its end."""

    def imported(code):
        process = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code) + AT_ITS_END],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
            capture_output=True,
            text=True,
        )
        assert process.returncode == 0, process.stderr
        return process.stdout.splitlines()

    return imported


SPLINES = """
import numpy as np, pandas as pd
x = pd.DataFrame({"y": np.arange(20.0), "x": np.linspace(0, 1, 20)})
print(design_matrices("y ~ bs(x, df=5)", x).common.design_matrix.tobytes().hex())
"""
OURS, THEIRS = "from partialpool.model.without_splines import design_matrices", "from formulae import design_matrices"


def test_without_splines_in_a_formula_they_are_not_imported(imported):
    code = f"{OURS}\nimport pandas as pd\ndesign_matrices('y ~ x', pd.DataFrame({{'x': [1, 2], 'y': [1, 2]}}))"
    assert imported(code) == ["[False, False]"]


def test_with_them_they_are_those_of_formulae(imported):
    ours, theirs = imported(OURS + SPLINES), imported(THEIRS + SPLINES)
    assert ours == theirs
    assert ours[1] == "[True, True]"


def test_by_default_formulae_imports_them(imported):
    """A canary: once this fails, the module is no longer needed."""
    assert imported(THEIRS) == ["[True, True]"]


def test_who_imports_formulae_first_is_not_disturbed(imported):
    code = f"{THEIRS} as theirs\n{OURS}\nassert theirs is design_matrices"
    assert imported(code) == ["[True, True]"]


def test_whatever_else_is_asked_of_the_stand_in_the_real_one_gives(imported):
    """As a later formulae may ask while it is imported."""
    code = """
    import sys
    from importlib.abc import Loader, MetaPathFinder
    from importlib.machinery import ModuleSpec

    class Later(Loader, MetaPathFinder):
        def find_spec(self, name, path, target=None):
            return ModuleSpec(name, self) if name == "formulae" else None

        def exec_module(self, module):
            from scipy.interpolate import BSpline, splev
            module.design_matrices, module.model_description = BSpline, splev

    sys.meta_path.insert(0, Later())
    from partialpool.model import without_splines
    from scipy import interpolate
    assert without_splines.design_matrices is interpolate.BSpline
    knots = [0, 0, 0, 0, 1, 1, 1, 1]
    assert without_splines.model_description(0.5, (knots, [1.0] * 4, 3)) == 1
    """
    assert imported(code) == ["[True, True]"]
