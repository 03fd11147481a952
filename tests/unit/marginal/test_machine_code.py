"""Machine code and NumPy compute the same numbers."""

import os
import sys
from pathlib import Path
from subprocess import run

import numpy as np
import pytest
from partialpool.loo.leave_out import left_out
from partialpool.marginal import machine_code

from marginal.dense import SCALES, grouping


def numbers(dense, scales):
    """All that functions with machine code compute of a model."""
    model, subsets = dense.model(), np.arange(dense.n)
    b = model.draw_dense(scales, np.random.default_rng(1))
    yield model.log_likelihood(scales, cores=2)
    yield b
    yield model.draw_effects(scales, b, np.random.default_rng(2))
    yield from left_out(model, scales, subsets, slice(0, dense.n))
    yield from left_out(model, scales, dense.factors[model.block].codes, slice(0, len(dense.factors[0].levels)))


@pytest.mark.parametrize("scales", SCALES, ids=str)
@pytest.mark.parametrize(("kind", "q", "p"), [("one factor", 1, 1), ("one factor", 3, 4), ("crossed", 2, 2)])
def test_machine_code_computes_what_numpy_does(monkeypatch, kind, q, p, scales):
    dense = grouping(kind, q, p)
    scales = dense.scales(0.5, *scales, draws=300)
    scales.sigma[:] = np.random.default_rng(3).uniform(0.1, 2, 300)
    by_numpy = list(numbers(dense, scales))
    monkeypatch.setattr(machine_code, "WORTH", 0)
    for ours, compiled in zip(by_numpy, numbers(dense, scales), strict=True):
        np.testing.assert_array_equal(ours, compiled)


@pytest.mark.parametrize("sd", [1e-8, 1.0])
def test_logarithms_of_determinants_outside_of_the_range_of_a_number_are_alike(monkeypatch, sd):
    """Sigmas at which those of twenty units are products far outside of it."""
    dense = grouping("one factor", 3, 0)
    scales = dense.scales(0.5, sd, 0.0, draws=600)
    scales.sigma[:] = np.geomspace(1e-12, 1e12, 600)
    by_numpy = dense.model().log_likelihood(scales)
    assert np.isfinite(by_numpy).all()
    monkeypatch.setattr(machine_code, "WORTH", 0)
    np.testing.assert_array_equal(by_numpy, dense.model().log_likelihood(scales))


def test_a_function_is_compiled_once_it_has_taken_as_many_steps_as_that_is_worth(monkeypatch):
    made = []

    def compiled(function):
        made.append(function)
        return lambda numbers: numbers.append("machine code")

    def function(numbers):
        numbers.append("NumPy")

    monkeypatch.setattr(machine_code, "_machine_code", compiled)
    monkeypatch.setattr(machine_code, "_is_kept", lambda function: False)
    said = []
    for steps in (machine_code.WORTH // 2, machine_code.WORTH // 2, 1, 1):
        machine_code.run(function, steps, said)
    assert said == ["NumPy", "NumPy", "machine code", "machine code"]
    assert made == [function] * 2


def test_what_is_kept_is_worth_loading_sooner(monkeypatch):
    monkeypatch.setattr(machine_code, "_machine_code", lambda function: lambda numbers: numbers.append("machine code"))
    monkeypatch.setattr(machine_code, "_is_kept", lambda function: True)

    def function(numbers):
        numbers.append("NumPy")

    said = []
    for steps in (machine_code.WORTH * machine_code.TO_LOAD, 1):
        machine_code.run(function, steps, said)
    assert said == ["NumPy", "machine code"]


SCRIPTS = Path(machine_code.__file__).parents[2]
CALL = """
import numpy as np
from partialpool.marginal import machine_code
from whole import whole

machine_code.WORTH, out = 0, np.zeros(1)
kept = machine_code._is_kept(whole)
machine_code.run(whole, 1, out)
print(int(kept), out[0], len(machine_code._machine_code(whole).stats.cache_hits))
"""
PART = "from partialpool.marginal.machine_code import part\n@part\ndef put(out):\n    out[0] = 1\n"
WHOLE = "from part import put\ndef whole(out):\n    put(out)\n"


def test_kept_machine_code_is_that_of_the_parts_as_they_are(tmp_path):
    (tmp_path / "part.py").write_text(PART)
    (tmp_path / "whole.py").write_text(WHOLE)

    def called():
        kept = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(SCRIPTS)]), "NUMBA_CACHE_DIR": str(tmp_path / "kept")}
        done = run([sys.executable, "-c", CALL], capture_output=True, check=True, env=os.environ | kept)
        return [float(word) for word in done.stdout.split()]

    assert called() == [0, 1, 0]
    assert called() == [1, 1, 1]
    (tmp_path / "part.py").write_text(PART.replace("= 1", "= 2"))
    assert called() == [0, 2, 0]
