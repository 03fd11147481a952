"""The documentation: every config in it is valid, and what it shows in Python and R runs on a small fit."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from partialpool.model import grammar, priors
from partialpool.study import config
from partialpool.study.models import FAMILIES
from partialpool.study.study import Study

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))
FROM_R = ("docs/from-brms.md", "docs/from-lme4.md")
R_PACKAGES = ("ncdf4", "posterior", "loo")
CHECKSUM = "0" * 64


def blocks(document: str, language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / document).read_text(), re.DOTALL | re.MULTILINE)


def ours(document: str, section: str) -> list[str]:
    """Code in the second columns of the tables of a section: what is written here instead of in R."""
    text = re.search(rf"^## {section}$(.*?)(^## |\Z)", (ROOT / document).read_text(), re.DOTALL | re.MULTILINE)[1]
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("| ")]
    return [code.replace("\\|", "|") for row in rows for code in re.findall(r"`([^`]+)`", row[1])]


def merged(fragments: list[dict]) -> dict:
    """One mapping of many: of keys that several have, mappings are put together and other values replaced."""
    study: dict = {}
    for fragment in fragments:
        for key, value in fragment.items():
            both = isinstance(value, dict) and isinstance(study.get(key), dict)
            study[key] = merged([study[key], value]) if both else value
    return study


@pytest.fixture(scope="module")
def reading() -> pd.DataFrame:
    """The data of the documentation: 24 children, each tested four times."""
    rng = np.random.default_rng(1)
    n = 24
    children = [f"c{number:02d}" for number in range(1, n + 1)]
    month = np.tile([0, 3, 6, 12], n)
    intercepts, slopes = (np.repeat(rng.normal(mean, sd, n), 4) for mean, sd in ((50, 5), (1.2, 0.3)))
    return pd.DataFrame(
        {
            "child": pd.Categorical(np.repeat(children, 4)),
            "month": month,
            "school": pd.Categorical(np.repeat(np.resize(["north", "south"], n), 4)),
            "score": (intercepts + slopes * month + rng.normal(0, 4, 4 * n)).round(1),
            "row": np.arange(4 * n),
        }
    )


@pytest.fixture(scope="module")
def folder(make_spec, reading, tmp_path_factory) -> Path:
    """A folder with the results that the documentation opens."""
    from partialpool.fit import diagnostics, store
    from partialpool.fit.fit import fit

    priors = {"Intercept": "Normal(50, 20)", "sd": "Exponential(0.2)", "sigma": "Exponential(0.2)"}
    formula = "score ~ 1 + month + (1 + month | child)"
    spec = make_spec(formula, unit="child", engine="marginal", chains=4, draws=250, priors=priors)
    tree = fit(spec, reading)
    models = tmp_path_factory.mktemp("docs") / "results/models"
    models.mkdir(parents=True)
    store.save(tree, models / "growth.nc", spec=spec, data_sha256=CHECKSUM)
    diagnostics.summarise(tree["posterior"].to_dataset()).to_csv(models / "growth.summary.csv", index=False)
    return models.parents[1]


def test_every_config_of_the_reference_is_valid():
    """Its fragments together are one study; names of entries that it leaves to the reader are not looked up."""
    fragments = []
    for block in blocks("config/README.md", "yaml"):
        # Keys of `data` are shown as they stand there, indented.
        inside = yaml.safe_load(block.replace("4f1c…", f"'{CHECKSUM}'"))
        fragments.append({"data": inside} if block.startswith(" ") else inside)
    assert len(fragments) >= 9
    Study.model_validate(merged([{"title": "Reading"}, *fragments]))


@pytest.mark.parametrize("document", ["README.md", *FROM_R])
def test_studies_of_the_documentation_are_valid(document, reading):
    from partialpool.model.automatic import automatic_priors
    from partialpool.model.build import build

    (block,) = blocks(document, "yaml")
    study = config.load(yaml.safe_load(block))
    for name in study.models:
        spec = study.spec(name)
        build(spec.with_priors(automatic_priors(spec, reading)), reading)


@pytest.mark.parametrize("document", FROM_R)
def test_formulas_of_the_documentation_are_read(document):
    formulas = [code for code in ours(document, "Formulas") if ": {" not in code and "{n:" not in code]
    assert len(formulas) >= 7
    for formula in formulas:
        grammar.check_formula(formula if "~" in formula else f"y ~ {formula}")


def test_families_and_priors_of_the_documentation_are_known():
    families = [code for code in ours("docs/from-brms.md", "Families") if code in FAMILIES]
    assert len(families) == 10
    distributions = [code for code in ours("docs/from-brms.md", "Priors") if "(" in code]
    assert len(distributions) == 8
    for distribution in distributions:
        priors.parse(distribution)


@pytest.mark.parametrize("document", ["README.md", "config/README.md", *DOCUMENTS])
def test_links_of_the_documentation_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)]+)\)", (ROOT / document).read_text()):
        path, _, heading = target.partition("#")
        if "://" in path:
            continue
        file = (ROOT / document).parent / path if path else ROOT / document
        assert file.exists(), target
        headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE) if heading else []
        anchors = [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in headings]
        assert heading in ["", *anchors], target


def test_what_the_page_about_changing_the_code_names_is_there():
    rows = re.findall(r"^\| .*", (ROOT / "docs/changing.md").read_text().partition("## What belongs")[2], re.MULTILINE)
    assert len(rows) > 9
    for row in rows:
        named = re.findall(r"`([A-Z_]{3,}|[\w/]+\.py)`", row)
        files = [ROOT / "scripts/partialpool" / name for name in named if name.endswith(".py")]
        code = "".join(file.read_text(encoding="utf-8") for file in files)
        assert [name for name in named if not name.endswith(".py") and f"\n{name}" not in code] == []


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_python_of_the_documentation_runs(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    code = blocks("docs/results.md", "python")
    assert len(code) >= 5
    names: dict = {}
    for block in code:
        exec(compile(block, "docs/results.md", "exec"), names)
    said = capsys.readouterr().out
    summary = pd.read_csv(folder / "results/models/growth.summary.csv", index_col="parameter")
    posterior = names["draws"]
    assert float(posterior["month"].mean()) == pytest.approx(summary.loc["month", "mean"], rel=1e-12)
    assert f"{float((posterior['month'] > 1).mean())}\n" in said
    assert "score ~ 1 + month + (1 + month | child)" in said
    assert said.endswith("48\n")


def test_r_of_the_documentation_runs(folder):
    rscript = shutil.which("Rscript")
    if not rscript:
        pytest.skip("R is not installed")
    available = ", ".join(f"'{package}'" for package in R_PACKAGES)
    asked = [rscript, "-e", f"stopifnot(all(sapply(c({available}), requireNamespace, quietly = TRUE)))"]
    if subprocess.run(asked, capture_output=True).returncode:
        pytest.skip(f"R lacks one of the packages {available}")
    script = folder / "docs.R"
    script.write_text("\n".join(blocks("docs/results.md", "r")))
    done = subprocess.run([rscript, script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary = pd.read_csv(folder / "results/models/growth.summary.csv", index_col="parameter")
    shown = {words[0]: words[1] for line in done.stdout.splitlines() if len(words := line.split()[1:]) >= 8}
    assert float(shown["month"]) == pytest.approx(summary.loc["month", "mean"], rel=0.01)
    assert float(shown["sd[2]"]) == pytest.approx(summary.loc["sd(month)", "mean"], rel=0.01)
