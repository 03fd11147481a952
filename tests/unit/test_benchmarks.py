"""The benchmarks: their tables, and what is measured of a process; without R and without a fit."""

import subprocess
import sys
from pathlib import Path

import cases
import numpy as np
import pandas as pd
import pytest
import show

README = Path(show.__file__).with_name("README.md")


def results(part, *rows):
    """Results as ``run.py`` writes them, from (tool, case, measure, value)."""
    table = pd.DataFrame(rows, columns=["tool", "case", "measure", "value"])
    return table.assign(part=part, note="", run="a machine")


STUDY = [
    ("brms", "a", "seconds", 30.0),
    ("brms", "b", "seconds", 50.0),
    ("brms", "LOO", "seconds", 20.0),
    ("brms", "all", "process", 110.0),
    ("brms", "all", "CPU s", 150.0),
    ("partialpool, cold", "all", "process", 40.0),
    ("partialpool, cold", "all", "CPU s", 70.0),
    ("partialpool, cold", "all", "jobs", 22.0),
    ("partialpool, cold", "a", "seconds", 12.0),
    ("partialpool, cold", "LOO", "seconds", 5.0),
    ("Bambi", "all", "process", 60.0),
]
SCALE = [
    row
    for units, each, seconds in ((1000, 10, 2.0), (10_000, 10, 20.0), (100_000, 10, 200.0), (10_000, 1000, 200.0))
    for row in (
        ("partialpool", f"{units} x {each}", "process", seconds),
        ("partialpool", f"{units} x {each}", "GiB", seconds**0.5),
    )
]
FITS = [
    ("brms", "all", "process", 110.0),
    ("brms", "all", "CPU s", 150.0),
    ("brms", "a", "seconds", 30.0),
    ("brms", "b", "seconds", 50.0),
    ("brms", "LOO", "seconds", 20.0),
    ("brms", "b", "sampling, CPU s", 30.0),
    ("brms", "b", "divergences", 100.0),
    ("brms", "b", show.SLOPE, 1500.0),
    ("stanli", "all", "process", 8.0),
    ("stanli", "all", "CPU s", 10.0),
    ("stanli", "a", "seconds", 2.0),
    ("stanli", "b", "seconds", 5.0),
    ("stanli", "a", "sampling, s", 1.5),
    ("stanli", "b", "sampling, s", 4.5),
    ("stanli", "b", "sampling, CPU s", 10.0),
    ("stanli", "b", "divergences", 200.0),
    ("stanli", "b", show.SLOPE, 1000.0),
    ("partialpool, warm", "all", "process", 4.0),
    ("partialpool, warm", "all", "CPU s", 6.0),
    ("partialpool, warm", "a", "seconds", 3.0),
    ("partialpool, warm", "b", "seconds", 3.5),
    ("partialpool", "b", "process", 5.0),
    ("partialpool", "b", "CPU s", 5.0),
    ("partialpool", "b", "sampling, CPU s", 2.0),
    ("partialpool", "b", "divergences", 0.0),
    ("partialpool", "b", show.SLOPE, 6000.0),
]
LME4 = [("lme4", "100000 x 10", measure, value) for measure, value in (("process", 15.0), ("fit", 13.0), ("GiB", 0.7))]


@pytest.mark.parametrize(
    ("value", "text"), [(0.12345, "0.123"), (12.345, "12.3"), (1234.5, "1,234"), (0.0, "0"), (np.nan, "–")]
)
def test_number(value, text):
    assert show.number(value) == text


def test_markdown_aligns_numbers():
    table = pd.DataFrame({"tool": ["x"], "seconds": [1.5]})
    assert show.markdown(table) == "| tool | seconds |\n| --- | ---: |\n| x | 1.5 |"


def test_exponent():
    sizes = np.array([10, 100, 1000])
    assert show.exponent(sizes, 3 * sizes**0.7) == pytest.approx(0.7)
    assert show.exponent(sizes, [1, np.nan, 10]) == pytest.approx(0.5)
    assert np.isnan(show.exponent(sizes, [1, np.nan, np.nan]))


def test_study_counts_of_brms_its_fits_and_loo_alone():
    table = show.study(results("study", *STUDY)).set_index("tool")
    assert list(table) == ["a", "b", "LOO", "all", "relative to brms", "CPU s", "jobs"]
    assert table["all"].to_dict() == {"brms": 100, "partialpool, cold": 40, "Bambi": 60}
    assert table["relative to brms"].to_dict() == {"brms": 1, "partialpool, cold": 0.4, "Bambi": 0.6}
    assert table.loc[["brms", "partialpool, cold"], "CPU s"].tolist() == [150, 70]
    assert table.loc["partialpool, cold", "jobs"] == 22
    assert table.loc[["brms", "Bambi"], "jobs"].isna().all()
    assert np.isnan(table.loc["partialpool, cold", "b"])


def test_study_without_brms():
    table = show.study(results("study", *(row for row in STUDY if row[0] != "brms")))
    assert table["relative to partialpool, cold"].tolist() == [1, 1.5]


def test_fits():
    table = show.fits(results("fits", *FITS)).set_index("tool")
    assert list(table) == ["a", "b", "all", "sampling of all", "CPU s"]
    assert table["all"].to_dict() == {"brms": 80, "stanli": 7, "partialpool, warm": 4}
    assert table.loc["stanli", "sampling of all"] == 6
    assert table["CPU s"].tolist() == [150, 10, 6]


def test_growth():
    table = show.growth(results("fits", *FITS)).set_index("tool")
    assert table["divergences"].to_dict() == {"brms": 100, "stanli": 200, "partialpool": 0}
    assert table["ESS/CPU s"].to_dict() == {"brms": 50, "stanli": 100, "partialpool": 3000}
    assert table["relative to brms"].to_dict() == {"brms": 1, "stanli": 2, "partialpool": 60}


def test_fits_without_r():
    table = results("fits", *(row for row in FITS if row[0].startswith("partialpool")))
    assert show.fits(table)["all"].tolist() == [4]
    assert show.growth(table)["relative to brms"].isna().all()


def test_new_arrays():
    old = "data {\n  int<lower=1> J_1[N];  // levels\n  vector[N] y;\n}\nparameters {\n  vector[N_1] z_1[M_1];\n}"
    new = old.replace("int<lower=1> J_1[N];", "array[N] int<lower=1> J_1;")
    new = new.replace("vector[N_1] z_1[M_1];", "array[M_1] vector[N_1] z_1;")
    assert cases.with_new_arrays(old) == new
    statement = "  target += std_normal_lpdf(z_1[1]);\n  return z_1[1];\n"
    assert cases.with_new_arrays(statement + new) == statement + new


def test_scale_and_its_exponents():
    table = show.scale(results("scale", *SCALE, *LME4))
    assert table.loc[table["tool"] == "lme4", ["rows", "seconds", "GiB"]].to_numpy().tolist() == [[1_000_000, 13, 0.7]]
    ours = table[table["rows"] == 1_000_000].set_index("tool")["relative to lme4"]
    assert ours.to_dict() == {"lme4": 1, "partialpool": pytest.approx(200 / 13)}
    exponents = show.exponents(table)
    assert exponents["with"].tolist() == ["10 rows a unit", "10,000 units"]
    assert exponents["rows"].tolist() == ["10,000 to 1,000,000", "100,000 to 10,000,000"]
    assert exponents["exponent of seconds"].tolist() == ["1.00", "0.50"]


def test_what_failed_is_told():
    table = results("fits", ("brms", "all", "failed", 1.0)).assign(note="not installed")
    assert show.shown("fits", table) == "brms, all: failed (not installed).\n\n*a machine*"


def test_fill_replaces_what_stands_between_markers():
    text = "before\n<!-- a -->\nold\n<!-- /a -->\nafter"
    once = show.fill(text, "a", r"new \1")
    assert once == "before\n<!-- a -->\n\nnew \\1\n\n<!-- /a -->\nafter"
    assert show.fill(once, "a", r"new \1") == once
    with pytest.raises(ValueError, match="no <!-- b -->"):
        show.fill(text, "b", "new")


@pytest.mark.parametrize("parts", [["study", "fits", "scale"], ["fits"]])
def test_readme_and_figure(tmp_path, parts):
    rows = {"study": STUDY, "fits": FITS, "scale": [*SCALE, *LME4]}
    table = pd.concat([results(part, *rows[part]) for part in parts])
    table.to_csv(tmp_path / "results.csv", index=False)
    show.everything(tmp_path / "results.csv", template=README, output=tmp_path)
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert (tmp_path / "README.md").read_text().count("*a machine*") == len(parts)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell the CPU seconds of orphans")
def test_cpu_seconds_of_processes_whose_parents_have_ended():
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    # A process of its own, because it adopts orphans and waits for all its children.
    script = (
        "import run, subprocess\n"
        "run.adopt_orphans()\n"
        f"subprocess.run(['sh', '-c', '\"$0\" -c \"$1\" &', {sys.executable!r}, {busy!r}])\n"
        "print(run.orphans_cpu())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=README.parent, check=True, stdout=subprocess.PIPE, text=True
    )
    assert float(done.stdout) >= 0.3
