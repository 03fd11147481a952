import shutil
import zipfile
from pathlib import Path

import pytest
from partialpool.audit import verify
from partialpool.audit.archive import pack
from partialpool.audit.verify import compare, make_tables, refuse, summary, wrong
from partialpool.errors import StudyError
from test_archive import write  # noqa: F401

TABLE = "results/models/m1.summary.csv"


@pytest.fixture
def zipped(write, monkeypatch):  # noqa: F811
    """An archive whose tables are as good as made again: they are copied."""

    def make_tables(folder, again, command):
        (again / TABLE).parent.mkdir(parents=True)
        shutil.copy(folder / TABLE, again / TABLE)
        return [TABLE]

    monkeypatch.setattr(verify, "make_tables", make_tables)
    return write()


def verified(path):
    return verify.verify(path, snakefile="Snakefile", rules=[], cores=1, options=[])


def files(path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def zip_again(contents: dict[str, bytes], path) -> Path:
    """A zip of other contents that is whole in itself."""
    folder = Path("other")
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    pack({name: folder / name for name in contents}, path)
    return Path(path)


def test_an_archive_as_it_was_made(zipped):
    verdicts = verified(zipped)
    assert set(verdicts) == set(files(zipped))
    assert wrong(verdicts) == {}
    assert verdicts[TABLE] == "ok, the same bytes made again from the fits"
    assert summary(zipped, verdicts).endswith("10 files are whole; tables that follow from the fits: 1.")


def test_any_byte_of_the_zip_changed_is_found_and_its_file_is_named(zipped):
    """A bit in headers and contents of the entries, and in the table of contents."""
    whole = zipped.read_bytes()
    with zipfile.ZipFile(zipped) as file:
        starts = {entry.header_offset: entry.filename for entry in file.infolist()}
        table = file.start_dir
    other, entry, unreadable = Path("other.zip"), None, set()
    for place in range(len(whole)):
        entry = starts.get(place, entry) if place < table else None
        # Enough places to have been in every field.
        if place % (61 if entry else 7):
            continue
        other.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            verdicts = wrong(verified(other))
        except StudyError:
            unreadable.add(entry)
            continue
        assert verdicts, place
        if entry:
            assert any(entry in name or entry in verdict for name, verdict in verdicts.items()), (
                place,
                entry,
                verdicts,
            )
    # Without its table of contents a zip cannot be read at all.
    assert unreadable == {None}


@pytest.mark.parametrize("length", [0, 10, 1000, -1])
def test_a_part_of_a_zip(zipped, length):
    zipped.write_bytes(zipped.read_bytes()[:length])
    with pytest.raises(StudyError, match=r"is no zip that can be read.*Get it again"):
        verified(zipped)


def test_something_behind_the_zip(zipped):
    zipped.write_bytes(zipped.read_bytes() + b"more")
    assert set(wrong(verified(zipped))) == {"archive.zip"}


@pytest.mark.parametrize("name", [TABLE, "Snakefile", "config/config.yaml", "ro-crate-metadata.json"])
def test_a_file_changed_in_a_zip_that_is_whole(zipped, name):
    contents = files(zipped)
    contents[name] = contents[name].replace(b"e", b"E", 1)
    verdicts = wrong(verified(zip_again(contents, "other.zip")))
    assert set(verdicts) == {name}
    assert verdicts[name].startswith("changed: its sha256 is ")


def test_a_checksum_changed(zipped):
    contents = files(zipped)
    contents["SHA256SUMS"] = contents["SHA256SUMS"].replace(b"  Snakefile", b"0  Snakefile")
    verdicts = wrong(verified(zip_again(contents, "other.zip")))
    assert verdicts == {"SHA256SUMS": "changed: it does not have the sha256 of Snakefile"}


def test_checksums_with_other_ends_of_lines(zipped):
    contents = files(zipped)
    contents["SHA256SUMS"] = contents["SHA256SUMS"].replace(b"\n", b"\r\n")
    verdicts = wrong(verified(zip_again(contents, "other.zip")))
    assert verdicts == {"SHA256SUMS": "changed: it is not in the form in which it was written"}


def test_a_file_added(zipped):
    verdicts = wrong(verified(zip_again(files(zipped) | {"results/new.csv": b"a\n"}, "other.zip")))
    assert verdicts == {"results/new.csv": "added: named by neither SHA256SUMS nor ro-crate-metadata.json"}


@pytest.mark.parametrize("name", [TABLE, "requirements.lock"])
def test_a_file_missing(zipped, name):
    contents = files(zipped)
    del contents[name]
    verdicts = wrong(verified(zip_again(contents, "other.zip")))
    assert verdicts == {name: "missing: named by SHA256SUMS and ro-crate-metadata.json"}


def test_a_zip_of_something_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    verdicts = wrong(verified(zip_again({"a.txt": b"a"}, "other.zip")))
    assert set(verdicts) == {"SHA256SUMS", "ro-crate-metadata.json"}
    with pytest.raises(StudyError, match=r"SHA256SUMS: missing: this is no archive of this pipeline"):
        refuse("other.zip", verdicts)


def test_no_archive(tmp_path):
    with pytest.raises(StudyError, match=r"There is no archive at '.*nowhere.zip'") as raised:
        verified(tmp_path / "nowhere.zip")
    assert "snakemake --cores 4 verify --config archive=path/to/archive.zip" in str(raised.value)
    assert "snakemake --cores 4 archive" in str(raised.value)


@pytest.mark.parametrize(
    ("again", "verdict"),
    [
        ("sigma,0.25,m71.2\n", "ok, the same bytes"),
        ("sigma,0.25000000001,m71.2\n", "ok, made again from the fits with numbers that differ by less than 1e-07"),
        ("sigma,2.5e-1,m71.2\n", "ok, made again"),
        ("sigma,0.25001,m71.2\n", "does not follow from the fits"),
        ("sigma,-0.25,m71.2\n", "does not follow from the fits"),
        ("sigma,0.25,m71.3\n", "does not follow from the fits"),
        ("sigma,nan,m71.2\n", "does not follow from the fits"),
        ("sigma,0.25\n", "does not follow from the fits"),
    ],
)
def test_tables_are_equal_up_to_the_rounding_of_another_platform(tmp_path, again, verdict):
    for name, text in {"a.csv": "sigma,0.25,m71.2\n", "b.csv": again}.items():
        (tmp_path / name).write_text(text)
    assert compare(tmp_path / "a.csv", tmp_path / "b.csv").startswith(verdict)


def test_tables_that_this_checkout_cannot_make(tmp_path):
    (tmp_path / "whole/results/models").mkdir(parents=True)
    (tmp_path / "whole" / TABLE).write_text("parameter,mean\n")
    command = ["--snakefile", tmp_path / "nowhere", "--cores", "1"]
    with pytest.raises(StudyError, match=r"(?s)cannot make its tables again.*Snakemake says:.*nowhere"):
        make_tables(tmp_path / "whole", tmp_path / "again", command)


def test_the_fetched_file_is_given_whatever_its_kind(tmp_path):
    for name in ("results/data/raw.parquet", "results/data/summary.csv"):
        (tmp_path / "whole" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "whole" / name).write_text("rows\n")
    (tmp_path / "Snakefile").write_text(
        "rule:\n  input: 'results/data/raw.parquet'\n  output: 'results/data/summary.csv'\n"
        "  shell: 'cp {input} {output}'\n"
    )
    command = ["--snakefile", str(tmp_path / "Snakefile"), "--cores", "1"]
    assert make_tables(tmp_path / "whole", tmp_path / "again", command) == ["results/data/summary.csv"]
