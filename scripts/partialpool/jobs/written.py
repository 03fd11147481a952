"""Whether tables and figures are still what was written: one that was edited or replaced would be shown as ours.

The checksum of each is kept in Snakemake's own folder, beside its records of what the results were made from.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from partialpool.errors import StudyError
from partialpool.jobs.files import atomic, checksum

# A file of this folder for each table and figure, under its path.
FOLDER = Path(".snakemake/written")


@contextmanager
def written(path: str | Path) -> Iterator[Path]:
    """Give a temporary path to write to, as `files.atomic` does, and keep the checksum of what is written."""
    kept = _kept(path)
    # If the process is killed between the two files, nothing is known of the file, instead of something wrong.
    if kept:
        kept.unlink(missing_ok=True)
    with atomic(path) as temporary:
        yield temporary
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(checksum(path))


def require_as_written(path: str | Path) -> None:
    """Raise StudyError if a file is not the one that was written here.

    Nothing is known of files from elsewhere, as of results from an archive.
    """
    kept = _kept(path)
    if kept and kept.is_file() and Path(path).is_file() and kept.read_text() not in ("", checksum(path)):
        raise StudyError(
            f"'{path}' is not as this study wrote it: it was edited, saved by another program, or replaced. Delete it "
            "and run again; to change a copy of it, keep that elsewhere."
        )


def _kept(path: str | Path) -> Path | None:
    """Where the checksum of a file is kept; None of one outside of the folder in which Snakemake runs."""
    path = Path(path).absolute()
    if not FOLDER.parent.is_dir() or not path.is_relative_to(Path.cwd()):
        return None
    return FOLDER / f"{path.relative_to(Path.cwd())}.sha256"
