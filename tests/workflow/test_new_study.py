"""A stranger's file becomes a study by ``scripts/new_study.py``, which runs from end to end as it is."""

import random
import subprocess
import sys

import pytest
import yaml
from bs4 import BeautifulSoup
from copies import Project

# Two minutes; what is written is checked in tests/unit/start.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def started(project, tmp_path_factory) -> Project:
    """The study of a file with semicolons, decimal commas, dates, a row number and odd names, run and not edited."""
    folder = tmp_path_factory.mktemp("new")
    draw = random.Random(1)
    rows = ["id;Rinderherde Nr;Besuch;Gewicht (kg)"]
    for herd in range(6):
        level, slope = draw.gauss(300, 20), draw.gauss(15, 3)
        for year in range(2019, 2023):
            weight = f"{level + slope * (year - 2019) + draw.gauss(0, 5):.1f}".replace(".", ",")
            rows.append(f"{len(rows)};H{herd};{year}-07-01;{weight}")
    (folder / "Herden 2022.csv").write_text("\n".join([*rows, ""]))
    roles = ("--outcome", "Gewicht (kg)", "--unit", "Rinderherde Nr", "--time", "Besuch")
    command = [sys.executable, "scripts/new_study.py", folder / "study", folder / "Herden 2022.csv", *roles]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    started = Project(project.root, folder / "study", said=done.stdout)
    started.snakemake()
    return started


def test_every_figure_of_the_config_is_in_the_report(started):
    page = BeautifulSoup((started.directory / "results/report/report.html").read_text(), "html.parser")
    config = yaml.safe_load(started.config.read_text())
    assert set(config["models"]) == {"separate", "pooled", "time", "slopes"}
    assert {f"figure-{name}" for name in config["figures"]} <= {figure["id"] for figure in page.find_all("figure")}


def test_the_report_is_about_the_file(started):
    page = BeautifulSoup((started.directory / "results/report/report.html").read_text(), "html.parser")
    assert page.h1.get_text() == "Gewicht by rinderherde"
    text = page.body.get_text(" ")
    for words in ("rinderherdes", "kg per year", "Years since 2019-07-01", "decimal commas in Gewicht (kg)"):
        assert words in text, words
    assert "Convergence checks failed" not in text


def test_the_folder_can_be_moved(started):
    moved = started.directory.rename(started.directory.with_name("elsewhere"))
    output = Project(started.root, moved).snakemake("--dry-run").stdout
    assert "Nothing to be done" in output
