"""A folder in the place of a home folder that cannot be written."""

import os

import pytest
from partialpool.jobs import home


@pytest.fixture
def instead(tmp_path):
    return tmp_path / "kept" / "home"


def test_a_home_that_can_be_written_stays(tmp_path, instead, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not home.ensure_writable(instead)
    assert os.environ["HOME"] == str(tmp_path)
    assert not instead.exists()


@pytest.mark.parametrize("other", ["/dev/null", "/no/such/folder"])
def test_another_folder_stands_in(other, instead, monkeypatch):
    monkeypatch.setenv("HOME", other)
    assert home.ensure_writable(instead)
    assert os.environ["HOME"] == str(instead)
    (instead / "file").touch()
