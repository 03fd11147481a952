"""What the jobs of a run load is in the environment that their rule declares, and nothing is declared for no rule."""

import re
import sys
from importlib.metadata import distribution, packages_distributions

import pytest
import yaml
from copies import ROOT
from packaging.requirements import Requirement

ENVIRONMENTS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "envs").glob("*.yaml")}
RULES = "\n".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
# Loaded where they are installed, by packages that do without them too.
OPTIONAL = {"arviz-base", "numba", "pyarrow", "scipy"}
# What need not be seen: the demo downloads nothing, reads plain text and has no design of a next study, the marginal
# engine fits all of its models, and the script of the archive runs Snakemake, which reads the configuration. It has too
# few rows for machine code to be worth its compilation.
UNSEEN = {
    "data": {"defusedxml", "httpx", "numba", "openpyxl", "pyreadstat", "scipy", "tenacity", "xarray"},
    "models": {
        *("arviz", "bambi", "numba", "nutpie", "pymc", "pytensor"),
        *("defusedxml", "openpyxl", "pyreadstat"),
    },
    "figures": {"numba"},
    "summaries": {"numba"},
    "archive": {"pydantic"},
}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(environment: str) -> set[str]:
    """Packages that an environment names."""
    lines = ENVIRONMENTS[environment]["dependencies"]
    flat = [line for entry in lines for line in (entry["pip"] if isinstance(entry, dict) else [entry])]
    return {line.partition("=")[0] for line in flat} - {"python", "pip"}


def with_dependencies(packages: set[str]) -> set[str]:
    """Packages and all that they require."""
    found, waiting = set(), list(packages)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        required = map(Requirement, distribution(name).requires or [])
        waiting += [normalised(r.name) for r in required if not r.marker or r.marker.evaluate({"extra": ""})]
    return found


@pytest.fixture(scope="module")
def loaded(demo) -> dict[str, set[str]]:
    """By environment the packages that jobs of its rules loaded, of those that any environment declares."""
    demo.snakemake("archive")
    known = set().union(*map(declared, ENVIRONMENTS))
    packages = packages_distributions()
    found = {name: set() for name in ENVIRONMENTS}
    for folder in (demo.root / "loaded").iterdir():
        block = re.search(rf"rule {folder.name}:\n(.*?)\n\s*script:", RULES, re.S)
        environment = block and re.search(r"envs/(\w+)\.yaml", block[1])
        for file in folder.iterdir() if environment else ():
            modules = set(file.read_text().split()) - set(sys.stdlib_module_names)
            found[environment[1]] |= {
                normalised(name) for module in modules for name in packages.get(module, [])
            } & known
    return found


@pytest.mark.slow
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_jobs_load_what_their_environment_has(loaded, environment):
    assert loaded[environment]
    # Snakemake brings itself into every script.
    provided = with_dependencies(declared(environment) | {"snakemake"})
    assert loaded[environment] - provided - OPTIONAL == set()


@pytest.mark.slow
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_declares_nothing_that_no_job_loads(loaded, environment):
    assert declared(environment) - loaded[environment] <= UNSEEN.get(environment, set())
