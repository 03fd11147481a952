import errno
import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from partialpool.errors import StudyError
from partialpool.jobs.files import atomic, checksum

SCRIPTS = Path(__file__).parents[3] / "scripts"


def test_atomic_writes_the_file_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "new" / "folder" / "a.csv"
    with atomic(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == target.suffix
        temporary.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_atomic_keeps_the_old_file_when_the_block_fails(tmp_path, failure):
    target = tmp_path / "a.csv"
    target.write_text("old")
    with pytest.raises(failure), atomic(target) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise failure
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_atomic_fails_when_nothing_was_written(tmp_path):
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "a.csv"):
        pass
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_is_removed_when_the_same_file_is_written_again(tmp_path):
    program = f"""
import os, signal
from partialpool.jobs.files import atomic
with atomic({str(tmp_path / "a.csv")!r}) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": str(SCRIPTS)})
    (abandoned,) = tmp_path.iterdir()
    others = {tmp_path / ".0123abcd-b.csv", tmp_path / ".hidden-a.csv"}
    for other in others:
        other.touch()
    with atomic(tmp_path / "a.csv") as temporary:
        assert not abandoned.exists()
        temporary.write_text("whole")
    assert set(tmp_path.iterdir()) == {tmp_path / "a.csv", *others}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_said_in_words_and_leaves_nothing(tmp_path, code):
    words = r"No space left on the disk for '.*a\.csv'.*\n.*run the same command again"
    with pytest.raises(StudyError, match=words), atomic(tmp_path / "a.csv") as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise OSError(code, os.strerror(code))
    assert not list(tmp_path.iterdir())


def test_any_other_error_of_the_system_stays_what_it_is(tmp_path):
    with pytest.raises(PermissionError), atomic(tmp_path / "a.csv"):
        raise PermissionError(errno.EACCES, "no")


def test_atomic_gives_ordinary_permissions(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    with atomic(tmp_path / "a.csv") as temporary:
        temporary.write_text("whole")
    written = (tmp_path / "a.csv").stat()
    assert stat.S_IMODE(written.st_mode) == stat.S_IMODE(ordinary.stat().st_mode)


def test_checksum_is_the_sha256_of_the_bytes(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"a,b\r\n1,2\r\n")
    assert checksum(tmp_path / "a.csv") == hashlib.sha256(b"a,b\r\n1,2\r\n").hexdigest()
