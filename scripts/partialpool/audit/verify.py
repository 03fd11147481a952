"""Check an archive: every checksum, the zip itself, and every table, which is made again from the fits."""

import filecmp
import json
import math
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import unquote

from partialpool.audit.archive import METADATA, RAW, SUMS, pack
from partialpool.errors import StudyError
from partialpool.jobs.files import checksum
from partialpool.jobs.running import folder_for_a_while

# All tables follow from these files and the fits.
GIVEN = (RAW, "results/data/truth.csv")
CHUNK = 2**20
# Another platform adds in another order. Tables of another analysis differ by far more.
RELATIVE, ABSOLUTE = 1e-7, 1e-9
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.])")
OK = "ok"


def verify(
    archive: str | Path, *, snakefile: str | Path, rules: list[str], cores: int, options: list[str]
) -> dict[str, str]:
    """Check an archive.

    Parameters
    ----------
    archive
        The zip.
    snakefile
        The workflow that makes the tables again, with the code of this checkout.
    rules
        Its rules that make tables from data and fits.
    cores
        How many jobs run at a time.
    options
        More options for Snakemake: where its jobs find their software.

    Returns
    -------
    dict
        A verdict on each file: ``ok``, with what was checked besides its checksum, or what is wrong. Tables are made
        again only if all files are whole.

    Raises
    ------
    StudyError
        If there is no such file, if it cannot be read as a zip, or if its tables cannot be made again.
    """
    archive = Path(archive)
    if not archive.is_file():
        raise StudyError(
            f"There is no archive at '{archive}' (looked in {Path.cwd()}).\n"
            "Name one: snakemake --cores 4 verify --config archive=path/to/archive.zip\n"
            "A relative path begins at the working directory. To make one of these results: snakemake --cores 4 archive"
        )
    with folder_for_a_while() as folder:
        whole = folder / "archive"
        verdicts = unpack(archive, whole)
        if not verdicts:
            verdicts = check(whole)
            if not wrong(verdicts):
                verdicts |= check_zip(archive, whole, folder / "again.zip")
        if not wrong(verdicts):
            again = folder / "again"
            command = ["--snakefile", snakefile, "--cores", str(cores), *options, "--allowed-rules", *rules]
            made = make_tables(whole, again, command)
            verdicts |= {name: compare(whole / name, again / name) for name in made}
    return verdicts


def wrong(verdicts: dict[str, str]) -> dict[str, str]:
    """The verdicts that are not ``ok``."""
    return {name: verdict for name, verdict in verdicts.items() if not verdict.startswith(OK)}


def refuse(archive: str | Path, verdicts: dict[str, str]) -> None:
    """Raise StudyError, with the names of the files, if anything is wrong."""
    if bad := wrong(verdicts):
        lines = [f"  {name}: {verdict}" for name, verdict in list(bad.items())[:20]]
        lines += [f"  ... and {len(bad) - 20} more"] if len(bad) > 20 else []
        raise StudyError(
            f"The archive '{archive}' is not as it was made; wrong:\n" + "\n".join(lines) + "\n"
            "Get it again from where it came. If it is wrong there too, do not rely on its numbers."
        )


def summary(archive: str | Path, verdicts: dict[str, str]) -> str:
    """One line about an archive in which nothing is wrong."""
    made = sum(verdict != OK for verdict in verdicts.values())
    return f"{archive}: {len(verdicts)} files are whole; tables that follow from the fits: {made}."


def unpack(archive: Path, folder: Path) -> dict[str, str]:
    """Unzip into a folder; returns the entries that cannot be read, each with what is wrong."""
    damaged = {}
    try:
        with zipfile.ZipFile(archive) as file:
            size, free = sum(entry.file_size for entry in file.infolist()), shutil.disk_usage(folder.parent).free
            if size > free:
                raise StudyError(
                    f"'{archive}' unpacks to {size:,} bytes, and only {free:,} are free in {folder.parent}."
                )
            for name in file.namelist():
                if (folder / name).is_file():
                    damaged[name] = "stands twice in the zip"
                    continue
                try:
                    if Path(file.extract(name, folder)) != folder / name:
                        damaged[name] = "its name leads out of the archive"
                except Exception as error:  # zipfile, zlib and the system raise what they like on damaged entries
                    damaged[name] = f"changed: {error}"
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise StudyError(f"'{archive}' is no zip that can be read: {error}. Get it again from where it came.") from None
    return damaged


def check(folder: Path) -> dict[str, str]:
    """Hold every file of an unpacked archive to its two checksums, in ``SHA256SUMS`` and in the description.

    Returns
    -------
    dict
        A verdict for every file that is there or should be.
    """
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if missing := {SUMS, METADATA} - names:
        return dict.fromkeys(sorted(missing), "missing: this is no archive of this pipeline, or not all of it")
    # Its bytes: a text that is read has other ends of lines.
    text = (folder / SUMS).read_bytes().decode("utf-8", errors="replace")
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in text.splitlines())}
    claims = {SUMS: sums, METADATA: _described(folder / METADATA)}
    verdicts = dict.fromkeys(sorted(names), OK)
    if text != "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)):
        verdicts[SUMS] = "changed: it is not in the form in which it was written"
    for name in sorted({*names, *sums, *claims[METADATA]} - {SUMS}):
        # The description has no checksum of itself.
        said = {file: known.get(name) for file, known in claims.items() if file != name}
        actual = checksum(folder / name) if name in names else None
        naming = " and ".join(file for file, digest in said.items() if digest)
        if actual is None:
            verdicts[name] = f"missing: named by {naming}"
        elif not naming:
            verdicts[name] = f"added: named by neither {SUMS} nor {METADATA}"
        elif actual not in said.values():
            verdicts[name] = f"changed: its sha256 is {actual[:12]}..., and not that in {naming}"
        else:
            # Two of three agree.
            verdicts |= {
                file: f"changed: it does not have the sha256 of {name}"
                for file, digest in said.items()
                if digest != actual
            }
    return verdicts


def _described(metadata: Path) -> dict[str, str]:
    """Checksums in the description; none if it cannot be read: its own checksum is wrong then."""
    try:
        entities = json.loads(metadata.read_text(encoding="utf-8"))["@graph"]
        return {unquote(entity["@id"]): entity["sha256"] for entity in entities if "sha256" in entity}
    except (ValueError, TypeError, KeyError):
        return {}


def check_zip(archive: Path, folder: Path, again: Path) -> dict[str, str]:
    """Hold the zip to the one that its files give: names, times and places of the entries are fixed too.

    Parameters
    ----------
    archive
        The zip.
    folder
        Its files.
    again
        Where to write the other.

    Returns
    -------
    dict
        The first difference under the name of the archive; empty if there is none.
    """
    pack({path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}, again)
    with archive.open("rb") as ours, again.open("rb") as other:
        offset = 0
        while (one := ours.read(CHUNK)) == (two := other.read(CHUNK)):
            if not one:
                return {}
            offset += len(one)
    offset += next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    with zipfile.ZipFile(archive) as file:
        before = [entry.filename for entry in file.infolist() if entry.header_offset <= offset < file.start_dir]
    where = f"in the entry of {before[-1]}" if before else "in the table of contents"
    return {archive.name: f"changed: not the zip that its files give, at byte {offset}, {where}"}


def make_tables(folder: Path, again: Path, command: list) -> list[str]:
    """Make every table of an unpacked archive again from its data, fits and configuration.

    Parameters
    ----------
    folder
        The unpacked archive; its data, fits and configuration are moved out of it.
    again
        Folder to make the tables in.
    command
        Arguments of Snakemake, without targets.

    Returns
    -------
    list
        Names of the tables.

    Raises
    ------
    StudyError
        If Snakemake fails, with the end of what it says.
    """
    tables = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name.startswith("results/") and not name.startswith(GIVEN) and path.suffix in (".csv", ".json", ".parquet"):
            tables.append(name)
        elif name.startswith(GIVEN) or path.suffix == ".nc" or name.startswith("config/"):
            (again / name).parent.mkdir(parents=True, exist_ok=True)
            path.rename(again / name)
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--directory", again, *command, "--", *tables],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(done.stdout)
    if done.returncode:
        tail = "\n".join(done.stdout.strip().splitlines()[-25:])
        raise StudyError(
            "Every file of the archive is whole, but this checkout cannot make its tables again. If it is of another "
            f"version, unzip the archive and verify with the code that is in it. Snakemake says:\n{tail}"
        )
    return tables


def compare(ours: Path, again: Path) -> str:
    """Verdict on a table and the same made again."""
    if filecmp.cmp(ours, again, shallow=False):
        return f"{OK}, the same bytes made again from the fits"
    if ours.suffix != ".parquet":
        old, new = (path.read_text(encoding="utf-8") for path in (ours, again))
        numbers = [list(map(float, NUMBER.findall(text))) for text in (old, new)]
        if NUMBER.sub("#", old) == NUMBER.sub("#", new) and all(
            math.isclose(one, two, rel_tol=RELATIVE, abs_tol=ABSOLUTE) for one, two in zip(*numbers, strict=True)
        ):
            return (
                f"{OK}, made again from the fits with numbers that differ by less than {RELATIVE:g} of their size (or "
                f"{ABSOLUTE:g}), as those of another platform or other versions do"
            )
    return "does not follow from the fits: made again, it is another table"
