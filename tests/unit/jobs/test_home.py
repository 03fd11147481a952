"""A folder in the place of a home folder that cannot be written, and a number in that of a name."""

import getpass
import os
import pwd

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


def test_a_user_without_a_name_has_a_number(monkeypatch):
    def unknown(number):
        raise KeyError(number)

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    home.ensure_name()
    assert getpass.getuser() == str(os.getuid())


def test_a_name_stays(monkeypatch):
    monkeypatch.setenv("LOGNAME", "anna")
    home.ensure_name()
    assert getpass.getuser() == "anna"
