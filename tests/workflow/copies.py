"""A copy of the project in which the tests run Snakemake."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
JOBS = Path(__file__).parent / "jobs"


@dataclass
class Project:
    """A copy of the project and a working directory in it."""

    root: Path
    directory: Path
    said: str = ""
    jobs: int = 0

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """Run snakemake in the copy; its output, standard output and error together."""
        done = subprocess.run(**self._command(*arguments), stdout=subprocess.PIPE, timeout=1800)
        assert done.returncode == 0 or not check, done.stdout[-5000:]
        return done

    def start(self, terminal: Path, *arguments: str) -> subprocess.Popen:
        """Start snakemake in the copy, and leave it running; its output goes to a file."""
        with terminal.open("w") as file:
            return subprocess.Popen(**self._command(*arguments), stdout=file)

    def _command(self, *arguments: str) -> dict:
        # A profile says itself how much runs at a time.
        cores = [] if "--profile" in arguments else ["--cores", "2"]
        return {
            "args": [sys.executable, "-m", "snakemake", *cores, "--directory", self.directory, *arguments],
            "cwd": self.root,
            "env": os.environ | {"PYTHONPATH": str(JOBS), "LOADED_MODULES": str(self.root / "loaded")},
            "stderr": subprocess.STDOUT,
            "text": True,
        }

    def planned(self) -> dict[str, int]:
        """Number of jobs by rule that a run would do."""
        output = self.snakemake("--dry-run").stdout
        if "Nothing to be done" in output:
            return {}
        table = output.partition("Job stats:")[2].partition("total")[0].splitlines()[3:]
        return {line.split()[0]: int(line.split()[1]) for line in table if line.split() and line.split()[0] != "all"}

    @property
    def config(self) -> Path:
        return self.directory / "config" / "config.yaml"

    def edit(self, change) -> str:
        """Change the configuration in place; returns what it was."""
        before = self.config.read_text()
        config = yaml.safe_load(before)
        change(config)
        self.config.write_text(yaml.safe_dump(config, sort_keys=False))
        return before


def copy_project(target: Path) -> Project:
    # With the bytecode, so that not each copy compiles all modules.
    ignored = shutil.ignore_patterns(".git", ".venv", ".snakemake", "results", "resources", ".*_cache")
    shutil.copytree(ROOT, target, ignore=ignored)
    return Project(target, target / "demo")
