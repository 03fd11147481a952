import json
import os
import zipfile

import pandas as pd
import pytest
import yaml
from partialpool.audit import archive
from partialpool.audit.archive import portable
from partialpool.errors import StudyError
from partialpool.jobs import written
from partialpool.jobs.files import checksum
from partialpool.jobs.tables import write_table

STUDY = {
    "title": "Reading",
    "data": {"source": "https://jane:secret@example.org/files/reading.csv?token=abc#x", "outcome": "y", "unit": "id"},
    "sampling": {"seed": 3},
    "models": {"m1": {"title": "One"}, "m2": {"title": "Two", "seed": 4}},
    "published": {"folder": "/home/jane/printed", "source": "a book", "rename": {}},
}
RESULTS = {
    "results/data/raw.csv": "id,y\n1,0.5\n",
    "results/models/m1.summary.csv": "parameter,mean\nsigma,0.25\n",
    "results/report/report.html": "<p>\n",
}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write an archive of three results made at noon; returns its path."""
    for name, text in RESULTS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        os.utime(tmp_path / name, (1.8e9, 1.8e9))
    (tmp_path / "Snakefile").write_text("# rules\n")
    (tmp_path / "requirements.lock").write_text("numpy==2\n")
    (tmp_path / "loo.csv").write_text("model,elpd\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(archive, "rule_graph", lambda snakefile, directory: "flowchart LR\n")

    def write(target="archive.zip", **changed):
        arguments = {"results": list(RESULTS), "published": ["loo.csv"], "study": STUDY}
        code = ["Snakefile", "requirements.lock"]
        archive.write(target, code=code, project=tmp_path, **arguments | changed)
        return tmp_path / target

    return write


def test_the_archive_has_every_file_with_its_bytes(write):
    with zipfile.ZipFile(write()) as file:
        assert file.namelist() == sorted(
            {*RESULTS, "Snakefile", "requirements.lock", "config/config.yaml", "config/published/loo.csv"}
            | {"workflow/rulegraph.mmd", "ro-crate-metadata.json", "SHA256SUMS"}
        )
        for name, text in RESULTS.items():
            assert file.read(name).decode() == text
        sums = dict(reversed(line.split("  ")) for line in file.read("SHA256SUMS").decode().splitlines())
        assert set(sums) == set(file.namelist()) - {"SHA256SUMS"}
        file.extractall("out")
        assert all(checksum(f"out/{name}") == digest for name, digest in sums.items())


def test_same_results_same_bytes_whatever_the_clock_says(write):
    first = write().read_bytes()
    assert write("second.zip", results=list(reversed(RESULTS))).read_bytes() == first
    os.utime("Snakefile", (1.9e9, 1.9e9))
    assert write("third.zip").read_bytes() == first


def test_a_table_that_was_edited_gets_into_no_archive(write, tmp_path):
    (tmp_path / written.FOLDER.parent).mkdir()
    write_table(pd.DataFrame({"parameter": ["sigma"], "mean": [0.25]}), "results/models/m1.summary.csv")
    write()
    (tmp_path / "results/models/m1.summary.csv").write_text("parameter,mean\nsigma,0.75\n")
    with pytest.raises(StudyError, match=r"m1\.summary\.csv' is not as this study wrote it"):
        write("second.zip")
    assert not os.path.exists("second.zip")


def test_no_archive_is_left_by_a_failure(write):
    with pytest.raises(FileNotFoundError):
        write(results=[*RESULTS, "results/nowhere.csv"])
    assert not os.path.exists("archive.zip")


def test_the_configuration_has_no_secret_and_no_place_of_this_machine(write):
    with zipfile.ZipFile(write()) as file:
        config = yaml.safe_load(file.read("config/config.yaml"))
        for name in file.namelist():
            for word in (b"secret", b"token", b"/home/jane", os.getcwd().encode()):
                assert word not in file.read(name), (name, word)
    assert config["data"]["source"] == "https://example.org/files/reading.csv"
    assert config["data"]["sha256"] == checksum("results/data/raw.csv")
    assert config["published"]["folder"] == "config/published"
    assert STUDY["published"]["folder"] == "/home/jane/printed"


def test_files_of_rows_to_predict_at_are_in_it(write):
    with open("new.csv", "w") as file:
        file.write("id,x\n")
    predictions = {"new": {"rows": os.path.abspath("new.csv")}, "own": {"rows": "observed"}, "grid": {}}
    with zipfile.ZipFile(write(study=STUDY | {"predictions": predictions})) as file:
        assert file.read("config/rows/new/new.csv") == b"id,x\n"
        config = yaml.safe_load(file.read("config/config.yaml"))
        entities = {entity["@id"]: entity for entity in json.loads(file.read("ro-crate-metadata.json"))["@graph"]}
    rows = {name: entry.get("rows") for name, entry in config["predictions"].items()}
    assert rows == {"new": "config/rows/new/new.csv", "own": "observed", "grid": None}
    assert {"@id": "config/rows/new/new.csv"} in entities["#run"]["object"]


@pytest.mark.parametrize("source", ["/home/jane/reading.csv", "../reading.csv", "reading.csv"])
def test_of_a_path_only_the_name_is_kept(source):
    assert portable({"data": {"source": source}}, "0" * 64)["data"]["source"] == "reading.csv"


def test_simulated_data_have_no_checksum_to_hold_to():
    study = {"data": {"simulate": {"seed": 1}}}
    assert portable(study, "0" * 64) == study


def test_the_run_has_what_the_profile_asks_for(write):
    with zipfile.ZipFile(write()) as file:
        entities = {entity["@id"]: entity for entity in json.loads(file.read("ro-crate-metadata.json"))["@graph"]}
        names = set(file.namelist())
    root, run = entities["./"], entities["#run"]
    assert {"@id": "https://w3id.org/ro/wfrun/workflow/0.6"} in root["conformsTo"]
    assert {part["@id"] for part in root["hasPart"]} == names - {"ro-crate-metadata.json", "SHA256SUMS"}
    assert root["mainEntity"] == run["instrument"] == {"@id": "Snakefile"}
    assert root["mentions"] == {"@id": "#run"}
    assert run["startTime"] == run["endTime"] == root["datePublished"] == "2027-01-15T08:00:00+00:00"
    given = {"config/config.yaml", "config/published/loo.csv", "requirements.lock", "results/data/raw.csv"}
    assert {entity["@id"] for entity in run["object"]} == given | {"#models.m1.seed", "#models.m2.seed"}
    assert (entities["#models.m1.seed"]["value"], entities["#models.m2.seed"]["value"]) == (3, 4)
    assert {entity["@id"] for entity in run["result"]} == {name for name in RESULTS if "raw" not in name}
