"""A user's mistakes end in words: what is wrong, where, what to do; never in a traceback."""

import gzip
import os
import pty
import re
import shutil
import socket
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from copies import Project


@pytest.fixture
def study(project, tmp_path) -> Project:
    """The project with a working directory of its own, nothing run."""
    (tmp_path / "config").mkdir()
    shutil.copy(project.config, tmp_path / "config")
    return Project(project.root, tmp_path)


def of_few_rows(config) -> None:
    """Leave nothing in a config that needs more than a few rows of its data."""
    config["models"] = {"m": {"title": "Means", "formula": "con ~ 1 + (1 | id)"}}
    for section in ("comparisons", "predictions", "figures", "published"):
        config.pop(section, None)


def fails(study, *arguments) -> str:
    done = study.snakemake(*arguments, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout
    return done.stdout


def test_a_misspelt_key(study):
    study.edit(lambda config: config["models"]["m71.2"].update(drawz=10))
    output = fails(study, "--dry-run")
    assert "models.m71.2: unknown key 'drawz'. Did you mean 'draws'?" in output
    assert len(output.splitlines()) < 15


@pytest.mark.parametrize(
    "quiet",
    [[], *(pytest.param(quiet, marks=pytest.mark.slow) for quiet in (["--quiet"], ["--quiet", "all"]))],
)
def test_mistakes_are_told_however_quiet_snakemake_is(study, quiet):
    study.edit(lambda config: config["models"]["m71.2"].update(drawz=10))
    assert "models.m71.2: unknown key 'drawz'. Did you mean 'draws'?" in fails(study, *quiet)
    study.config.write_text("title: {title: Does it?, models: [a]}\n")
    output = fails(study, *quiet)
    assert "config/config.yaml, line 1, column 23: " in output
    assert 'title: {title: "Does it?", models: [a]}' in output


@pytest.mark.parametrize("cores", ["0", pytest.param("-1", marks=pytest.mark.slow)])
def test_no_cores_are_refused_and_not_waited_for(study, cores):
    assert f"'--cores {cores}': no job can run on it." in fails(study, "--cores", cores, "--quiet", "all")


@pytest.mark.parametrize(
    "name", ["{x}", pytest.param("{0}", marks=pytest.mark.slow), pytest.param("a}", marks=pytest.mark.slow)]
)
def test_a_folder_with_curly_brackets(project, study, tmp_path, name):
    folder = tmp_path / name
    shutil.copytree(tmp_path / "config", folder / "config")
    assert f"'{folder}' has curly brackets" in fails(Project(project.root, folder), "--quiet", "all")


def test_a_folder_without_a_study(study):
    study.config.unlink()
    assert f"There is no file '{study.config}'" in fails(study, "--quiet", "all")


def test_a_formula_that_runs_something(study):
    touched = study.directory / "touched"
    formula = f"con ~ pd.io.common.os.system('touch {touched}') + (1 | id)"
    study.edit(lambda config: config["models"]["m71.2"].update(formula=formula))
    output = fails(study, "results/models/m71.2.nc")
    assert "calls 'pd.io.common.os.system', which a formula may not. Valid functions: I, C," in output
    assert not touched.exists()
    assert len(output.splitlines()) < 15


def test_a_config_that_runs_something(study):
    touched = study.directory / "touched"
    text = study.config.read_text(encoding="utf-8")
    runs = f"__use_yte__: true\n__definitions__:\n  - import os; os.system('touch {touched}')\n"
    study.config.write_text(text + runs, encoding="utf-8")
    assert "with '__use_yte__' a configuration would run Python" in fails(study, "--dry-run")
    assert not touched.exists()


@pytest.mark.slow
def test_what_the_data_do_not_have_is_told_before_the_first_fit(study):
    study.edit(lambda config: config["predictions"]["known-people"].update(units=["nobody"]))
    output = fails(study, "--quiet", "all", "--", "results/models/m71.1.nc")
    assert "predictions.known-people: nobody: not among the 91 units" in output
    assert len(output.splitlines()) < 15
    assert not (study.directory / "results/models").exists()


def test_an_id_that_yaml_changes(study):
    text = study.config.read_text(encoding="utf-8")
    study.config.write_text(text.replace("units: 3\n", "units: [7, 007]\n", 1), encoding="utf-8")
    output = fails(study, "--dry-run")
    assert "YAML reads 007 as 7" in output
    assert "write '007'" in output
    assert re.search(r"config\.yaml, line \d+, column \d+\)", output)


@pytest.mark.slow
def test_a_source_without_network(study):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/mine.csv"
        study.edit(lambda config: config["data"].update(source=url, simulate=None))
        output = fails(study, "results/data/raw.csv")
    assert url in output
    assert "resources/mine.csv" in output
    assert "--directory demo" in output
    assert not (study.directory / "results/data/raw.csv").exists()


@pytest.mark.slow
def test_a_file_already_there_is_used_without_network(study):
    def offline(config):
        config["data"].update(source="https://nowhere.invalid/mine.csv", simulate=None)

    study.edit(offline)
    (study.directory / "resources").mkdir()
    (study.directory / "resources/mine.csv").write_text("id,group,week,con\n1,A,0,0.5\n1,A,1,0.6\n2,B,0,0.7\n")
    study.snakemake("results/data/raw.csv")


@pytest.mark.slow
def test_an_edited_file_without_a_checksum_is_noticed(study):
    study.edit(lambda config: config["data"].update(source="mine.csv", simulate=None))
    mine = study.directory / "mine.csv"
    mine.write_text("id,group,week,con\n1,A,0,0.5\n1,A,1,0.6\n2,B,0,0.7\n")
    study.snakemake("results/data/raw.csv")
    mine.write_text("id,group,week,con\n1,A,0,0.5\n1,A,1,0.6\n2,B,0,0.9\n")
    study.snakemake("results/data/raw.csv")
    assert "0.9" in (study.directory / "results/data/raw.csv").read_text()


@pytest.mark.slow
def test_a_packed_file_with_decimal_commas(study):
    study.edit(of_few_rows)
    study.edit(lambda config: config["data"].update(source="mine.csv.gz", simulate=None))
    rows = "id;group;week;con\n1;A;0;0,5\n1;A;1;0,6\n2;B;0;0,7\n"
    (study.directory / "mine.csv.gz").write_bytes(gzip.compress(rows.encode()))
    study.snakemake("results/data/prepared.parquet")
    assert (study.directory / "results/data/raw.csv.gz").exists()
    log = (study.directory / "results/logs/prepare_data/prepared.log").read_text()
    assert "decimal commas in con (line 2: '0,5' is read as 0.5)" in log


@pytest.mark.slow
def test_what_is_doubtful_is_told_on_a_terminal_before_the_fit(study):
    study.edit(of_few_rows)
    study.edit(lambda config: config["models"]["m"].update(priors={"Intercept": "Normal(100, 1)"}))
    ours, theirs = pty.openpty()
    started = study.start(Path(os.ttyname(theirs)), "results/data/prepared.parquet", "--quiet", "all")
    assert started.wait() == 0
    os.close(theirs)
    said = b""
    # A terminal that nobody writes to any more ends with an error.
    with suppress(OSError):
        while part := os.read(ours, 4096):
            said += part
    os.close(ours)
    assert "model m: the prior of the intercept, Normal(100, 1), is far from the data" in said.decode()


@pytest.mark.slow
def test_types_and_derived_columns_reach_the_prepared_data(study):
    study.edit(of_few_rows)
    study.edit(
        lambda config: config["data"].update(
            source="mine.csv",
            simulate=None,
            types={"group": ["B", "A"]},
            derive={"within_week": "within(week)", "square": "within_week ** 2"},
        )
    )
    (study.directory / "mine.csv").write_text("id,group,week,con\n1,A,0,0.5\n1,A,1,0.6\n2,B,0,0.7\n")
    study.snakemake("results/data/prepared.parquet")
    prepared = pd.read_parquet(study.directory / "results/data/prepared.parquet")
    assert list(prepared["group"].cat.categories) == ["B", "A"]
    assert prepared["square"].tolist() == [0.25, 0.25, 0]
    study.edit(lambda config: config["data"]["derive"].update(square="log(week)"))
    assert "data.derive.square: log(week) is not finite in 2 of 3 rows" in fails(study, "results/data/prepared.parquet")


@pytest.mark.slow
def test_a_file_that_is_not_there(study):
    study.edit(lambda config: config["data"].update(source="nowhere.csv", simulate=None))
    assert "nowhere.csv" in fails(study, "results/data/raw.csv")


@pytest.mark.slow
def test_a_home_folder_that_cannot_be_written(study, monkeypatch):
    """Snakemake and PyTensor would stop there."""
    monkeypatch.setenv("HOME", "/dev/null")
    # Who has a folder for what PyTensor compiles keeps it.
    monkeypatch.delenv("PYTENSOR_FLAGS", raising=False)
    study.edit(of_few_rows)
    study.edit(lambda config: config["models"]["m"].update(engine="nuts", draws=20, warmup=20))
    assert "packages keep their files in .snakemake/home" in study.snakemake("results/models/m.nc").stdout
    assert (study.directory / ".snakemake/home/.pytensor").is_dir()


@pytest.mark.slow
def test_data_that_do_not_fit(study):
    study.edit(lambda config: config["data"].update(source="mine.csv", simulate=None))
    (study.directory / "mine.csv").write_text('id,group,week,con\n1,A,0,0.5\n1,B,1,"0,6"\n2,B,soon,0.7\n')
    output = fails(study, "results/data/prepared.parquet")
    for words in ("line 3, column con: '0,6'", "line 3, column group", "line 4, column week: 'soon'"):
        assert words in output, words


@pytest.mark.slow
def test_a_formula_with_an_unknown_column(study):
    study.edit(lambda config: config["models"]["m71.3"].update(formula="con ~ 1 + weak + (1 | id)"))
    # When the data are read, and not by the fit of this model, whichever fits come before it.
    output = fails(study, "results/models/m71.1.nc")
    assert (
        "models.m71.3: formula 'con ~ 1 + weak + (1 | id)': there is no column 'weak'. Did you mean 'week'?" in output
    )
    assert not (study.directory / "results/models").exists()


@pytest.mark.slow
def test_a_later_edit_is_held_to_the_data_before_the_first_fit(demo):
    def mistaken(config):
        config["models"]["m71.2"]["draws"] = 61
        config["models"]["m71.3"]["formula"] = "con ~ 1 + weak + (1 | id)"

    before, fit = demo.edit(mistaken), demo.directory / "results/models/m71.2.nc"
    made = fit.stat().st_mtime_ns
    output = fails(demo, "--quiet", "all", "--", "results/models/m71.2.nc")
    assert "models.m71.3: formula 'con ~ 1 + weak + (1 | id)': there is no column 'weak'. Did you mean" in output
    assert len(output.splitlines()) < 15
    assert fit.stat().st_mtime_ns == made
    demo.config.write_text(before)
    # No lock is left.
    demo.snakemake("results/models/m71.2.nc")


@pytest.mark.slow
def test_models_on_different_rows(demo):
    before = demo.edit(
        lambda config: config["comparisons"].update(unequal={"title": "Unequal", "models": ["m71.2", "m71.3"]})
    )
    output = fails(demo, "results/comparison/unequal.csv")
    assert "Models are compared on the same rows only" in output
    assert "m71.2: 2" in output
    assert "not in every other model: rows " in output
    # As it advises: only the model that loses rows is fitted again.
    demo.edit(
        lambda config: config["comparisons"].update(
            unequal={"title": "Equal", "models": ["m71.2", "m71.3"], "rows": "common"}
        )
    )
    planned = demo.planned()
    demo.config.write_text(before)
    assert planned["fit_model"] == 1


@pytest.mark.slow
def test_a_failed_check_stops_a_run_that_asks_for_it(demo, tmp_path):
    # A copy, because what the job would make again is deleted when it fails.
    study = Project(demo.root, tmp_path / "study")
    shutil.copytree(demo.directory, study.directory)

    def strict(config):
        config["on_failed_check"] = "stop"
        config["checks"] = {"ess_bulk": 1e6}

    study.edit(strict)
    output = fails(study, "results/models/m71.2.summary.csv")
    assert re.search(r"failed \d of 5 checks, and .on_failed_check: stop. is set", output)
    assert "ess_bulk" in output
