"""Measure this pipeline against Bambi, brms, stanli and lme4 on one machine: ``uv run python benchmarks/run.py``.

Every case is a process of its own (``cases.py``, ``brms.R``, ``lme4.R``, Snakemake). This process imports little,
because a new process begins as a copy of the one that starts it, and that copy counts in its peak memory.
"""

import argparse
import csv
import ctypes
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "scripts"))

from partialpool.model.spec import ModelSpec  # noqa: E402
from partialpool.study.config import load  # noqa: E402

COLUMNS = ("part", "tool", "case", "measure", "value", "note", "run")
OURS = "partialpool"
# The model with varying slopes, whose effective draws the part `fits` compares.
GROWTH = "m71.5"
# Linux's option of prctl() by which orphaned descendants become children of this process.
SUBREAPER = 36


def read(path: Path, quick: bool) -> dict:
    """A study's config; with few iterations if ``quick``."""
    config = yaml.safe_load(path.read_text())
    if quick:
        config["sampling"]["warmup"] = 200
        for model in config["models"].values():
            model["draws"] = 100
    return config


class Bench:
    """One run of the benchmarks: its folder, config, number of cores, and the measurements so far."""

    def __init__(self, folder: Path, data: Path | None, *, cores: int, quick: bool):
        self.folder, self.cores, self.quick = folder, cores, quick
        self.rows: list[dict] = []
        self.part = ""
        self.config = read(ROOT / ("config" if data else "demo/config") / "config.yaml", quick)
        if data:
            self.config["data"]["source"] = str(data.resolve())
        self.study = load(self.config)

    def specs(self) -> dict[str, ModelSpec]:
        """Specs of the study's models."""
        return {model: self.study.spec(model) for model in self.study.models}

    def keep(self, tool: str, case: str, measure: str, value: float | str, note: str = "") -> None:
        """Keep a measurement, and print it."""
        self.rows.append(
            {"part": self.part, "tool": tool, "case": case, "measure": measure, "value": value, "note": note}
        )
        print(f"{self.part:8} {tool:20} {case:14} {measure:20} {value}  {note}", flush=True)

    def measure(self, tool: str, case: str, command: list, *, caches: str = "compiled", keep: bool = True) -> bool:
        """Run a process; keep its time, CPU time and peak memory and, if it writes ``out.csv``, what is in there.

        Parameters
        ----------
        tool, case
            Names under which the measurements are kept.
        command
            Program and arguments.
        caches
            Name of the folder in which PyTensor and Numba keep what they compile; a new name means that nothing is
            compiled yet.
        keep
            False for a run that only fills the caches.

        Returns
        -------
        bool
            Whether it succeeded; if not, the last error in its output is kept as a note.
        """
        cache = self.folder / "caches" / caches
        flags = ",".join(filter(None, (os.environ.get("PYTENSOR_FLAGS"), f"base_compiledir={cache}/pytensor")))
        environment = os.environ | {"PYTENSOR_FLAGS": flags, "NUMBA_CACHE_DIR": f"{cache}/numba"}
        own, log = self.folder / "out.csv", self.folder / "log.txt"
        own.unlink(missing_ok=True)
        with open(log, "wb") as output:
            start = time.perf_counter()
            process = subprocess.Popen(
                list(map(str, command)), stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=ROOT
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime + orphans_cpu()
        if process.returncode:
            said = log.read_text(errors="replace").strip()
            print(said[-2000:], file=sys.stderr)
            errors = [line.strip() for line in said.splitlines() if "Error" in line]
            note = "killed, as when memory runs out" if process.returncode == -signal.SIGKILL else "see what it printed"
            note = errors[-1].replace(str(self.folder), "").replace(f"{ROOT}/", "")[:200] if errors else note
            self.keep(tool, case, "failed", process.returncode, note)
        elif keep:
            self.keep(tool, case, "process", seconds)
            self.keep(tool, case, "CPU s", cpu)
            self.keep(tool, case, "GiB", usage.ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20))
            for row in csv.DictReader(own.open()) if own.exists() else ():
                self.keep(tool, row["case"], row["measure"], float(row["value"]))
        return not process.returncode

    def python(self, case: str, **arguments) -> list:
        """Command of a case in ``cases.py``; specs go there as dicts, paths as text."""

        def plain(value):
            return value.to_dict() if isinstance(value, ModelSpec) else str(value)

        return [sys.executable, HERE / "cases.py", case, self.folder / "out.csv", json.dumps(arguments, default=plain)]

    def snakemake(self, folder: Path, *arguments: str) -> list:
        """Command of the pipeline in a folder, which is set up for it."""
        (folder / "config").mkdir(parents=True, exist_ok=True)
        (folder / "config/config.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False))
        if self.study.published:
            shutil.copytree(ROOT / self.study.published.folder, folder / "config/published", dirs_exist_ok=True)
        command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
        return [*command, "--cores", self.cores, *arguments]

    def data(self, name: str) -> Path:
        """The study's ``raw.csv`` or ``prepared.parquet``, made by the pipeline's own rules."""
        folder = self.folder / "data"
        if not (path := folder / "results/data" / name).exists():
            self.measure(OURS, "data", self.snakemake(folder, "results/data/prepared.parquet"), keep=False)
        return path

    def brms(self) -> bool:
        """Fit the study's models with brms, if it is installed; its programs are in the folder ``programs``."""
        if not self.has("brms"):
            return False
        (programs := self.folder / "programs").mkdir(exist_ok=True)
        table = self.folder / "models.csv"
        with table.open("w", newline="") as file:
            names = ("model", "formula", "class", "prior", "unit", "chains", "warmup", "draws", "seed")
            writer = csv.DictWriter(file, names, extrasaction="ignore")
            writer.writeheader()
            for model, spec in self.specs().items():
                spec = spec.to_dict()
                for kind, prior in spec["priors"].items():
                    writer.writerow(spec | {"model": model, "class": kind, "prior": prior.lower()})
        files = (self.data("raw.csv"), table, self.folder / "out.csv")
        return self.measure("brms", "all", ["Rscript", HERE / "brms.R", *files, self.cores, programs])

    def has(self, peer: str) -> bool:
        """Whether a peer is installed: stanli in Python, others in R; if not, that is kept as a note."""
        installed = bool(find_spec(peer) if peer == "stanli" else r_version(peer))
        if not installed:
            self.keep(peer, "all", "failed", 1, "not installed")
        return installed


def orphans_cpu() -> float:
    """CPU seconds of processes whose parents have ended, once they have ended too; 0 where Linux is not the system.

    A process that is measured reports only descendants for which it waited. R's workers, in which brms runs its
    chains, are not among them: they become children of this process (``adopt_orphans``).
    """
    seconds = 0.0
    while True:
        try:
            _, _, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return seconds
        seconds += usage.ru_utime + usage.ru_stime


def adopt_orphans() -> None:
    """Make descendants whose parents have ended children of this process, on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)


def r_version(package: str) -> str:
    """Version of an R package; empty if R or the package is not installed."""
    if not shutil.which("Rscript"):
        return ""
    command = ["Rscript", "-e", f"cat(as.character(packageVersion('{package}')))"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def machine(cores: int) -> str:
    """Date, machine and versions, in one line."""
    cpu = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).exists():
        named = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = named[0] if named else cpu
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = [name for name in ("bambi", "pymc", "nutpie", "numba", "stanli") if find_spec(name)]
    python = [f"{name} {version(name)}" for name in packages]
    r = [f"{name} {number}" for name in ("brms", "rstan", "lme4") if (number := r_version(name))]
    where = f"{cores} of {os.cpu_count()} cores ({cpu}), {memory:.0f} GiB, {platform.system()}"
    return f"{time.strftime('%Y-%m-%d')}; {where}; Python {platform.python_version()}, {', '.join(python + r)}"


def study(bench: Bench) -> None:
    """All five models: brms' fits and LOO, the whole pipeline, Bambi's fits and LOO."""
    bench.brms()
    folder = bench.folder / "study"
    for caches, arguments in (("cold", ()), ("warm", ("--forceall",))):
        tool = f"{OURS}, {caches}"
        # So that only the jobs of this run are counted.
        shutil.rmtree(folder / "results/benchmarks", ignore_errors=True)
        if bench.measure(tool, "all", bench.snakemake(folder, *arguments), caches="study"):
            for model in bench.study.models:
                bench.keep(tool, model, "seconds", job_seconds(folder, "fit_model", model))
            loo = [job_seconds(folder, "compare_models", comparison) for comparison in bench.study.comparisons]
            bench.keep(tool, "LOO", "seconds", sum(loo))
            bench.keep(tool, "all", "jobs", len(list(folder.glob("results/benchmarks/*/*.tsv"))))
    command = bench.python("bambi", specs=bench.specs(), data=bench.data("prepared.parquet"), cores=bench.cores)
    if bench.measure("Bambi", "all", command, caches="bambi", keep=False):
        bench.measure("Bambi", "all", command, caches="bambi")


def job_seconds(folder: Path, rule: str, name: str) -> float:
    """Seconds that a job has measured of itself."""
    with (folder / f"results/benchmarks/{rule}/{name}.tsv").open() as file:
        return float(next(csv.DictReader(file, delimiter="\t"))["s"])


def fits(bench: Bench) -> None:
    """The five fits alone: brms, its programs in stanli, ours; and effective draws of the model with varying slopes."""
    specs, data, cores = bench.specs(), bench.data("prepared.parquet"), bench.cores
    if bench.brms() and bench.has("stanli"):
        command = bench.python("stanli", specs=specs, programs=bench.folder / "programs", cores=cores)
        bench.measure("stanli", "all", command)
    for caches in ("cold", "warm"):
        command = bench.python("fits", specs=specs, data=data, cores=cores, folder=bench.folder)
        bench.measure(f"{OURS}, {caches}", "all", command, caches="fits")
    bench.measure(OURS, GROWTH, bench.python("sampling", model=GROWTH, spec=specs[GROWTH], data=data), caches="fits")


def scale(bench: Bench) -> None:
    """Time and memory of a growth model over units and over rows of a unit, and lme4's with the most units."""
    fewest = 10 if bench.quick else 1000
    spec = load(read(HERE / "scale.yaml", bench.quick)).spec("growth")
    data, doubles, output = (bench.folder / name for name in ("scale.parquet", "scale.bin", "scale.nc"))

    def fit(units: int, each: int, keep: bool = True, **changes) -> None:
        simulated = bench.python("simulate", units=units, rows_each=each, parquet=data, doubles=doubles)
        bench.measure(OURS, "data", simulated, keep=False)
        command = bench.python("fit", spec=replace(spec, **changes), data=data, cores=bench.cores, output=output)
        bench.measure(OURS, f"{units} x {each}", command, caches="scale", keep=keep)

    # Compile what small and large models need.
    for mode in ("draws", "summary"):
        fit(fewest, 2, keep=False, group_effects=mode)
    for several, each in ((1, 10), (10, 10), (10, 100), (10, 1000), (100, 10)):
        fit(several * fewest, each)
    if bench.has("lme4"):
        # The data of the last fit.
        case = f"{100 * fewest} x 10"
        command = ["Rscript", HERE / "lme4.R", doubles, 1000 * fewest, bench.folder / "out.csv", case]
        bench.measure("lme4", case, command)


def replace_part(path: Path, part: str, rows: list[dict]) -> None:
    """Write the rows of one part into a file of results, in place of the rows that it has of that part."""
    kept = []
    if path.exists():
        with path.open() as file:
            kept = [row for row in csv.DictReader(file) if row["part"] != part]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows([*kept, *rows])


PARTS = {part.__name__: part for part in (study, fits, scale)}


def main() -> None:
    """Run the parts asked for, and write the README and the figure from these and the earlier results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", help=f"{', '.join(PARTS)}; all by default")
    parser.add_argument("--data", type=Path, help="the study's CSV file; the demo's simulated data by default")
    parser.add_argument(
        "--cores", type=int, default=min(4, os.cpu_count() or 1), help="for every tool; at most 4 by default"
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, only to see that all of it runs; writes into benchmarks/quick"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; valid: {', '.join(PARTS)}")
    parts = arguments.parts or list(PARTS)

    output = HERE / "quick" if arguments.quick else HERE
    output.mkdir(exist_ok=True)
    adopt_orphans()
    run = machine(arguments.cores)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), arguments.data, cores=arguments.cores, quick=arguments.quick)
        for bench.part in parts:
            PARTS[bench.part](bench)
            measured = [row | {"run": run} for row in bench.rows if row["part"] == bench.part]
            replace_part(output / "results.csv", bench.part, measured)

    import show

    show.everything(output / "results.csv", template=HERE / "README.md", output=output)


if __name__ == "__main__":
    main()
