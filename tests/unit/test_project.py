"""The project's own files: what must agree agrees, and the style is kept."""

import json
import re
import subprocess
import sys
import sysconfig
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PYTHON = (ROOT / ".python-version").read_text().strip()
# Run by hand and not by a rule.
COMMANDS = {"new_study"}
SCRIPTS = sorted(path for path in (ROOT / "scripts").glob("*.py") if path.stem not in COMMANDS)
RULES = "\n".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))


def lock() -> dict[str, set[str]]:
    """Versions by package; a few packages have two, for different platforms."""
    versions: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9.-]+)==([^ ;\\]+)", (ROOT / "requirements.lock").read_text(), re.M):
        versions.setdefault(name, set()).add(version)
    return versions


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_lock_has_hashes_and_no_address():
    text = (ROOT / "requirements.lock").read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert len(entries) > 100
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text


def test_constraints_are_the_lock():
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]
    pinned: dict[str, set[str]] = {}
    for constraint in tool["constraint-dependencies"]:
        name, _, version = constraint.partition(" ;")[0].partition("==")
        pinned.setdefault(name, set()).add(version)
    assert pinned == lock()


def test_installed_versions_are_the_lock():
    locked = lock()
    # Only what is installed: setuptools brings copies of packages inside its own.
    packages = distributions(path=[sysconfig.get_path("purelib")])
    installed = {normalised(package.metadata["Name"]): package.version for package in packages}
    wrong = {name: version for name, version in installed.items() if version not in locked.get(name, set())}
    assert len(installed) > 100
    assert wrong == {}


@pytest.mark.parametrize("path", sorted((ROOT / "envs").glob("*.yaml")), ids=lambda path: path.stem)
def test_environments_have_the_versions_of_the_lock(path):
    python, *packages = yaml.safe_load(path.read_text())["dependencies"]
    assert python == f"python={PYTHON}"
    assert packages
    # Of packages that are not on conda-forge, in a list of their own, for the pip that stands before it.
    pins = [pin.replace("==", "=") for entry in packages if isinstance(entry, dict) for pin in entry.pop("pip")]
    assert bool(pins) == ("pip" in packages)
    for pin in pins + [entry for entry in packages if entry and entry != "pip"]:
        name, version = pin.split("=")
        assert lock()[name] == {version}, pin


def test_container_has_the_python_of_the_project_and_the_packages_of_the_lock():
    recipe = (ROOT / "envs/Containerfile").read_text()
    instructions = [line.split(maxsplit=1) for line in recipe.splitlines() if line and not line.startswith("#")]
    assert instructions[0] == ["FROM", f"python:{PYTHON}-slim"]
    installs = [words for instruction, words in instructions if re.search(r"\b(pip|uv|conda|apt-get)\b", words)]
    (install,) = installs
    assert "--require-hashes" in install
    assert install.endswith("--requirement /tmp/requirements.lock")
    assert ["COPY", "requirements.lock /tmp/requirements.lock"] in instructions
    users = [words for instruction, words in instructions if instruction == "USER"]
    assert users
    assert "root" not in users
    assert "==" not in recipe


def test_words_of_the_study_stay_in_the_config():
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    words = {config["data"]["outcome"], config["data"]["time"], Path(config["data"]["source"]).stem}
    words |= {name.partition(".")[0] for name in config["models"]}
    assert {"con", "week", "mlm", "m71"} == words
    of_whom = r"person\w*|people|weeks|conscientious\w*|lecture\w*"
    places = [ROOT / "Snakefile", *(ROOT / "scripts").rglob("*.py"), *(ROOT / "notebooks").iterdir()]
    places += [path for path in (ROOT / "workflow").rglob("*") if path.suffix in (".smk", ".rst", ".yaml")]
    pattern = re.compile(rf"\b({'|'.join(sorted(words))}|{of_whom})\b", re.IGNORECASE)
    found = {str(p.relative_to(ROOT)): set(pattern.findall(p.read_text())) for p in places if p.is_file()}
    # Keys of earlier releases, which are told by their new names; and units, and times, that any study may have.
    known = {
        "scripts/partialpool/study/base.py": {"person", "people", "person_effects"},
        "scripts/partialpool/start/words.py": {"weeks", "person", "people"},
        "scripts/partialpool/data/columnar.py": {"weeks"},
        "scripts/partialpool/study/data.py": {"week"},
    }
    assert {place: mentions for place, mentions in found.items() if mentions} == known


def test_every_script_is_a_thin_entry_of_the_rule_of_its_name():
    for script in SCRIPTS:
        assert len(script.read_text().splitlines()) <= 25, script.name
        assert f"rule {script.stem}:" in RULES
        assert f'"../../scripts/{script.name}"' in RULES
        assert f'code("{script.stem}"' in RULES
    assert len(re.findall(r"^\s*rule \w+:", RULES, re.M)) == len(SCRIPTS)


def test_every_rule_has_a_log_of_its_name_and_says_what_it_needs():
    for block in re.split(r"\n\s*rule (?=\w+:)", f"\n{RULES}")[1:]:
        name = block.partition(":")[0]
        # The job keeps time and memory beside it: results/benchmarks/NAME/.
        assert f'"results/logs/{name}/' in block
        assert "**usual" in block, name


def test_snakefile_is_a_table_of_contents():
    assert len((ROOT / "Snakefile").read_text().splitlines()) <= 50


def test_rule_graph_of_the_readme():
    drawn = (ROOT / "README.md").read_text().partition("```mermaid")[2].partition("```")[0]
    mentioned = {name for edge in re.findall(r"(\w+) --> (\w+)", drawn) for name in edge}
    assert mentioned == {script.stem for script in SCRIPTS} - {"archive", "verify"}


def test_workflows_run_commands_of_the_readme_with_official_actions():
    readme = (ROOT / "README.md").read_text()
    workflows = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github/workflows").iterdir()}
    assert set(workflows) == {"test", "regenerate"}
    steps = [step for workflow in workflows.values() for job in workflow["jobs"].values() for step in job["steps"]]
    commands = {command for step in steps if "run" in step for command in step["run"].strip().split(" && ")}
    assert {"uv run pytest", "uv run snakemake --cores 4 regenerate"} < commands
    told = {part.strip() for line in readme.splitlines() for part in line.partition("  #")[0].split("&&")}
    assert commands <= told
    assert all(step["uses"].startswith("actions/") for step in steps if "uses" in step)
    # YAML reads the key `on` as true.
    assert set(workflows["regenerate"][True]) == {"schedule", "workflow_dispatch"}
    assert [step["if"] for step in steps if "upload" in step.get("uses", "")] == ["always()"]


def test_reference_is_small_text_without_a_path_of_any_machine():
    from partialpool.audit.reference import differences, read
    from partialpool.study.config import load

    made_from, tables = read(ROOT / "reference")
    study = load(yaml.safe_load((ROOT / "config/config.yaml").read_text()))
    ours = made_from | {
        "models": {model: study.spec(model).to_dict() for model in study.models},
        "comparisons": {name: comparison.models for name, comparison in study.comparisons.items()},
        "data_sha256": study.data.sha256,
    }
    assert differences(made_from, ours).posterior == {}
    assert made_from["comparisons"] == ours["comparisons"]
    files = [path for path in (ROOT / "reference").rglob("*") if path.is_file()]
    assert set(files) == {*tables, ROOT / "reference/manifest.json"}
    assert sum(path.stat().st_size for path in files) < 300_000
    assert not any(re.search(r"/(home|tmp|work|root|Users)\b", path.read_text()) for path in files)


def test_config_readme_has_every_key():
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    keys = set(schema["properties"]) | {k for d in schema["$defs"].values() for k in d.get("properties", {})}
    text = (ROOT / "config/README.md").read_text()
    missing = {key for key in keys - {"kind"} if f"`{key}`" not in text and f"{key}:" not in text}
    assert missing == set()


SAMPLERS = {"pymc", "pytensor", "bambi", "nutpie", "arviz", "arviz_stats", "numba"}


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        (["figures.units", "figures.draw"], SAMPLERS),
        (["data.prepare", "loo.psis", "report.tables"], SAMPLERS | {"plotnine"}),
        # What Snakemake reads whenever it starts.
        (
            ["study.config", "report.captions", "report.checks", "report.sampling"],
            SAMPLERS | {"plotnine", "pandas", "numpy", "formulae"},
        ),
    ],
)
def test_heavy_packages_stay_out(modules, heavy):
    names = [f"partialpool.{module}" for module in modules]
    program = f"import sys, {', '.join(names)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT / "scripts", capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert set(names) <= loaded
    assert loaded & heavy == set()


def test_notebook_names_its_kernel():
    notebook = json.loads((ROOT / "notebooks/report.ipynb").read_text())
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"


@pytest.mark.parametrize(
    "command",
    ["ruff check", "ruff format --check", "snakefmt --check Snakefile workflow", "snakemake --lint"],
)
def test_style(command):
    done = subprocess.run([sys.executable, "-m", *command.split()], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_captions_name_only_wildcards_that_the_outputs_of_their_rule_have():
    """Snakemake renders another one as nothing, without a word."""
    asked = set()
    for file in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for rule in re.split(r"^rule ", file.read_text(), flags=re.MULTILINE)[1:]:
            # As far as its log, whose wildcards are those of the outputs.
            known = set(re.findall(r"\{(\w+)\}", re.search(r'log:\s+"([^"]*)"', rule)[1])) if "log:" in rule else set()
            for caption in re.findall(r"report/([\w-]+\.rst)", rule):
                text = (ROOT / "workflow/report" / caption).read_text()
                asked |= {(caption, name, name in known) for name in re.findall(r"snakemake\.wildcards\.(\w+)", text)}
    assert {("comparison.rst", "comparison", True), ("bayes-factors.rst", "comparison", True)} == asked
