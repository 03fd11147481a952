"""Files that are whole or not there at all."""

import glob
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from partialpool.errors import StudyError, full_disk, is_full_disk


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Give a temporary path to write to, and rename it to ``path`` once the block has succeeded.

    Parameters
    ----------
    path
        The file to make or replace; its folder is made if need be.

    Yields
    ------
    Path
        A new name in the same folder, with the same suffix, since many writers go by the suffix.

    Raises
    ------
    StudyError
        If the disk is full.

    Notes
    -----
    If the block fails, even by Ctrl-C, ``path`` stays as it was and nothing else is left behind. A process that is
    killed leaves its temporary file; the next one that writes the same file removes it. The bytes are on the disk
    before the rename, so that a crash leaves the old file or the new.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for abandoned in path.parent.glob(f".{'[0-9a-f]' * 8}-{glob.escape(path.name)}"):
        abandoned.unlink(missing_ok=True)
    # Not `tempfile`: its files are readable by their owner only, and would stay so under `path`.
    temporary = path.with_name(f".{secrets.token_hex(4)}-{path.name}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if is_full_disk(error):
            raise StudyError(full_disk(path)) from None
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(text: str, path: str | Path) -> None:
    """Write a text in UTF-8, the whole file or none of it (``atomic``)."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def checksum(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 lower-case hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
