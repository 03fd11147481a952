"""The archive of a run, and what `snakemake verify` says of it in another copy of the project."""

import re
import shutil
import warnings
import zipfile

import pytest
import yaml
from copies import Project, copy_project
from partialpool.audit.archive import METADATA, PROFILES, SUMS, write

PREDICTIONS = "results/predictions/known-people.csv"


@pytest.fixture(scope="module")
def zipped(demo):
    demo.snakemake("archive")
    return demo.directory / "results/archive.zip"


@pytest.fixture(scope="module")
def part(demo, zipped, tmp_path_factory):
    """An archive of two models of the demo, so that verifying it takes less time."""
    folder = tmp_path_factory.mktemp("part")
    with zipfile.ZipFile(zipped) as file:
        file.extractall(folder)
    study = yaml.safe_load((folder / "config/config.yaml").read_text())
    study["models"] = {name: study["models"][name] for name in ("m71.1", "m71.2")}
    study["comparisons"] = {"pooling": study["comparisons"]["pooling"]}
    study["predictions"] = {"known-people": study["predictions"]["known-people"]}
    study["figures"] = {}
    kept = re.compile(r"data/|models/m71.[12]|comparison/pooling|predictions/known-people.csv|report/")
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    results = [name for name in files if name.startswith("results/") and kept.match(name, len("results/"))]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        code = ["Snakefile", "requirements.lock"]
        write("part.zip", results=results, published=[], code=code, project=demo.root, study=study)
    return folder / "part.zip"


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A fresh copy of the project, in which nothing has run."""
    project = copy_project(tmp_path_factory.mktemp("clone") / "project")
    return Project(project.root, project.root)


@pytest.mark.slow
def test_all_results_are_in_it(demo, zipped):
    results = {path.relative_to(demo.directory).as_posix() for path in (demo.directory / "results").rglob("*.*")}
    left_out = re.compile(r"results/(logs|benchmarks|archive.zip|report/report.ipynb|.*draws.parquet)")
    with zipfile.ZipFile(zipped) as file:
        names = set(file.namelist())
        texts = {name: file.read(name) for name in names}
    assert {name for name in names if name.startswith("results/")} == {n for n in results if not left_out.match(n)}
    assert {
        "Snakefile",
        "requirements.lock",
        "scripts/partialpool/audit/archive.py",
        "workflow/rules/archive.smk",
    } < names
    assert b"fit_model --> summarise_models" in texts["workflow/rulegraph.mmd"]
    assert [name for name, text in texts.items() if str(demo.root).encode() in text] == []


@pytest.mark.slow
def test_the_same_results_give_the_same_bytes(demo, zipped):
    before = zipped.read_bytes()
    zipped.unlink()
    demo.snakemake("archive")
    assert zipped.read_bytes() == before


@pytest.mark.slow
def test_it_is_a_workflow_run_crate(zipped):
    # The library leaves it to the garbage collector to close files.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        from rocrate.rocrate import ROCrate

        crate = ROCrate(zipped)
    profiles = {profile.id for profile in crate.root_dataset["conformsTo"]}
    assert profiles == set(PROFILES)
    assert all(crate.get(profile)["version"] in profile for profile in profiles)
    for key in ("name", "description", "datePublished", "license"):
        assert crate.root_dataset[key], key
    workflow = crate.mainEntity
    assert workflow.type == ["File", "SoftwareSourceCode", "ComputationalWorkflow"]
    assert workflow["programmingLanguage"]["name"] == "Snakemake"
    (run,) = crate.get_by_type("CreateAction")
    assert crate.root_dataset["mentions"] == run
    assert run["instrument"] == workflow
    assert run["startTime"] < run["endTime"]
    assert {"results/report/report.html", "results/data/raw.csv"} < {entity.id for entity in run["result"]}
    assert crate.get("#data.simulate.seed")["value"] == 71
    with zipfile.ZipFile(zipped) as file:
        described = {entity.id for entity in crate.data_entities}
        assert described == set(file.namelist()) - {METADATA, SUMS}
    for entity in crate.data_entities:
        assert len(entity["sha256"]) == 64
        assert "/" in entity["encodingFormat"]


@pytest.mark.slow
def test_a_fresh_copy_verifies_it_and_names_a_file_with_one_byte_changed(part, clone):
    output = clone.snakemake("verify", "--config", f"archive={part}").stdout
    assert re.search(r"part.zip: \d+ files are whole; tables that follow from the fits: 12\.", output)
    log = (clone.directory / "results/logs/verify/verify.log").read_text()
    assert f"{PREDICTIONS}: ok, the same bytes made again from the fits" in log
    with zipfile.ZipFile(part) as file:
        place = file.getinfo(PREDICTIONS).header_offset + 100
    changed = bytearray(part.read_bytes())
    changed[place] ^= 1
    (clone.directory / "changed.zip").write_bytes(changed)
    done = clone.snakemake("verify", "--config", "archive=changed.zip", check=False)
    assert done.returncode == 1
    assert f"{PREDICTIONS}: changed: Bad CRC-32" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_a_table_forged_with_its_checksums_does_not_follow_from_the_fits(part, clone, tmp_path, monkeypatch):
    """As the one who archives could do it: the number is changed before the checksums are taken."""
    with zipfile.ZipFile(part) as file:
        file.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    study = yaml.safe_load((tmp_path / "config/config.yaml").read_text())
    study |= {"models": {"m71.2": study["models"]["m71.2"]}, "comparisons": {}, "predictions": {}}
    summary = tmp_path / "results/models/m71.2.summary.csv"
    text = summary.read_text()
    number = text.splitlines()[1].split(",")[1]
    summary.write_text(text.replace(number, f"{float(number) * 1.001:.12g}", 1))
    results = ["results/data/raw.csv", "results/models/m71.2.nc", "results/models/m71.2.summary.csv"]
    shutil.copy(clone.root / "requirements.lock", tmp_path)
    code = ["Snakefile", "requirements.lock"]
    write("forged.zip", results=results, published=[], code=code, project=clone.root, study=study)
    done = clone.snakemake("verify", "--config", f"archive={tmp_path / 'forged.zip'}", check=False)
    assert done.returncode == 1
    assert "m71.2.summary.csv: does not follow from the fits" in done.stdout


@pytest.mark.slow
def test_no_archive_to_verify(clone):
    done = clone.snakemake("verify", "--config", "archive=nowhere.zip", check=False)
    assert done.returncode == 1
    assert "There is no archive at 'nowhere.zip'" in done.stdout
    assert "Traceback" not in done.stdout
