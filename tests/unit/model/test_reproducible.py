"""How PyMC and PyTensor are run."""

import tempfile

import pytest
from partialpool.model.reproducible import reproducible


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """An empty folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def compiled():
    import pytensor

    x = pytensor.tensor.dscalar("x")
    return pytensor.function([x], x + 1, mode="NUMBA")


def test_compiling_leaves_no_temporary_files(temporary):
    with reproducible():
        assert compiled()(1.0) == 2.0
    assert not list(temporary.iterdir())


def test_by_default_pytensor_leaves_them(temporary):
    """A canary: once this fails, the flag is no longer needed."""
    compiled()
    assert list(temporary.iterdir())
