"""The package of sparse matrices is imported in jobs that build a model with Bambi or compile, and in no other."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"
NOTEBOOK = SCRIPTS.parent / "notebooks/report.ipynb"
XARRAY = """
import sys
from partialpool.jobs import without_sparse
without_sparse.keep_out()
import xarray
data = xarray.Dataset({"y": ("x", [1.0, 2.0])}, coords={"x": ["a", "b"]})
data["y"].to_numpy()
"""


@pytest.fixture
def run(tmp_path):
    """Run Python code in a process of its own; give what it prints."""

    def run(code):
        process = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
            capture_output=True,
            text=True,
        )
        assert process.returncode == 0, process.stderr
        return process.stdout

    return run


def test_without_it_xarray_imports_neither_it_nor_numba(run):
    imported = run(XARRAY + "print([name for name in ('sparse', 'numba') if sys.modules.get(name)])")
    assert imported == "[]\n"


def test_the_report_is_made_without_it(run):
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    begins = "".join(cells[1]["source"]).partition("made = ")[0]
    of_xarray = XARRAY.partition("without_sparse.keep_out()")[2]
    assert run(f"library = {str(SCRIPTS)!r}\n{begins}\n{of_xarray}print(sys.modules['sparse'])") == "None\n"


def test_by_default_xarray_imports_it(run):
    """A canary: once this fails, the module is no longer needed."""
    imported = run(XARRAY.replace("without_sparse.keep_out()", "") + "print('sparse' in sys.modules)")
    assert imported == "True\n"


def test_numba_gets_it_before_it_compiles(run):
    """Else it would warn that it cannot be loaded."""
    compiled = """
    import numpy as np, warnings
    from partialpool.marginal import lanes, machine_code

    warnings.simplefilter("error")
    machine_code.WORTH = 0
    a = np.full((1, 1, 3), 4.0)
    machine_code.run(lanes.cholesky_, 1, a)
    print(a.ravel(), bool(sys.modules["numba"]))
    """
    assert run(XARRAY + textwrap.dedent(compiled)) == "[0.5 0.5 0.5] True\n"


@pytest.mark.slow
def test_bambi_gets_it_though_xarray_has_asked(run):
    predict = """
    import numpy as np, pandas as pd
    from partialpool.model.build import build
    from partialpool.model.spec import ModelSpec
    from partialpool.predict import by_bambi

    priors = {"Intercept": "Normal(0, 1)", "sd": "HalfNormal(1)"}
    sampling = dict(sampler="nutpie", chains=1, warmup=10, draws=10, target_accept=0.9, seed=1, engine="nuts")
    model = dict(formula="y ~ 1 + (1 | id)", family="bernoulli", link=None, priors=priors, unit="id")
    spec = ModelSpec.from_dict(model | sampling | {"group_effects": "auto"})
    rows = pd.DataFrame({"y": [0, 1, 1, 0], "id": list("aabb"), "row": range(4)})
    posterior = xarray.Dataset(
        {
            "Intercept": (("chain", "draw"), [[0.5, 1.0]]),
            "1|id": (("chain", "draw", "id__factor_dim"), [[[1.0, -1.0], [2.0, 0.0]]]),
            "1|id_sigma": (("chain", "draw"), [[1.0, 1.0]]),
        },
        coords={"chain": [0], "draw": [0, 1], "id__factor_dim": ["a", "b"]},
    )
    drawn = by_bambi.draw(
        by_bambi.build_model(spec, rows), posterior, pd.DataFrame({"id": ["b", "a"]}), quantities=["expected"],
        rng=np.random.default_rng(1),
    )
    expected = 1 / (1 + np.exp(-np.array([[[-0.5, 1.5], [1.0, 3.0]]])))
    print(np.abs(drawn["expected"] - expected).max() < 1e-12, bool(sys.modules["sparse"]))
    """
    assert run(XARRAY + textwrap.dedent(predict)) == "True True\n"
