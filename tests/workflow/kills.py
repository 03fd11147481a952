"""Kill runs of a small study at random moments; the same command again must end as if nothing had happened.

    uv run python tests/workflow/kills.py --tries 100

Each try starts from nothing, kills (`kill -9`) one process of the run, or Snakemake alone, or all of them, and runs the
same command again at once. All files must then be those of an undisturbed run, byte for byte; those that show times are
left out. Nothing may be left over, and nothing left to do.
"""

import argparse
import hashlib
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import psutil
from copies import Project, copy_project

# They show when and how long.
TIMES = ("logs", "benchmarks", "report")
WHOM = ("one process", "Snakemake alone", "all")


def small_study(project: Project) -> None:
    """Make the demo of a copy small: a model by each engine, and one of everything else that a study has."""

    def change(config):
        models = {name: config["models"][name] for name in ("m71.2", "m71.5")}
        models["m71.2"] |= {"draws": 100}
        models["m71.5"] |= {"draws": 400, "engine": "nuts"}
        config["sampling"] |= {"warmup": 200}
        config["models"], config["comparisons"] = (
            models,
            {"both": {"title": "Both", "models": list(models), "rows": "common"}},
        )
        config["predictions"] = {"known": {"models": ["m71.2"], "units": 3}}
        config["figures"] = {name: config["figures"][name] for name in ("trajectories",)}

    project.edit(change)


def files(project: Project) -> dict[str, str]:
    """Checksum of every file of the results, but for those that show times."""
    results = project.directory / "results"
    paths = (path.relative_to(results) for path in sorted(results.rglob("*")) if path.is_file())
    return {
        str(path): hashlib.sha256((results / path).read_bytes()).hexdigest()
        for path in paths
        if path.parts[0] not in TIMES
    }


def forget(project: Project) -> None:
    """Remove all that runs have made."""
    for folder in ("results", ".snakemake"):
        shutil.rmtree(project.directory / folder, ignore_errors=True)


def kill(run, whom: str, chance: random.Random) -> int:
    """Kill processes of a run that goes on; returns how many."""
    snakemake = psutil.Process(run.pid)
    jobs = snakemake.children(recursive=True)
    if whom == "all":
        killed = [snakemake, *jobs]
    elif whom == "Snakemake alone" or not jobs:
        killed = [snakemake]
    else:
        killed = [chance.choice(jobs)]
    for process in killed:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    run.wait(timeout=600)
    return len(killed)


def disturb(project: Project, chance: random.Random, seconds: float) -> str:
    """Start a run and kill within its usual time; returns whom, and when."""
    whom, moment = chance.choice(WHOM), chance.uniform(0, seconds)
    run = project.start(project.directory / "terminal.txt")
    time.sleep(moment)
    if run.poll() is not None:
        return f"the run had ended before {moment:.1f} s"
    made = len(files(project))
    return f"{whom} ({kill(run, whom, chance)} killed) at {moment:.1f} s, {made} files there"


def wrong(project: Project, right: dict[str, str]) -> str:
    """What is wrong after the same command has run again; empty if nothing."""
    again = project.snakemake(check=False)
    if again.returncode:
        return f"exit code {again.returncode}: {again.stdout[-2000:]}"
    made = files(project)
    others = sorted(name for name in {*right, *made} if right.get(name) != made.get(name))
    if others:
        return f"not as undisturbed: {', '.join(others)}"
    left = [str(path) for path in (project.directory / "results").rglob(".*")]
    if left:
        return f"left over: {', '.join(left)}"
    return f"left to do: {project.planned()}" if project.planned() else ""


def undisturbed(project: Project) -> tuple[dict[str, str], float]:
    """Files of a run that nothing disturbs, and its seconds."""
    forget(project)
    began = time.monotonic()
    project.snakemake()
    return files(project), time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tries", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = copy_project(Path(folder, "project"))
        small_study(project)
        right, seconds = undisturbed(project)
        print(f"undisturbed: {seconds:.1f} s, {len(right)} files", flush=True)
        bad = 0
        for number in range(options.tries):
            forget(project)
            what = disturb(project, random.Random(f"{options.seed} {number}"), seconds)
            problem = wrong(project, right)
            bad += bool(problem)
            print(f"{number + 1}: {what}; again: {problem or 'right'}", flush=True)
    print(f"{options.tries - bad} of {options.tries} runs ended right")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
