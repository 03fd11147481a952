import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

SCRIPTS = Path(workflow.basedir, "scripts")
NOTEBOOKS = Path(workflow.basedir, "notebooks")
LOCK = Path(workflow.basedir, "requirements.lock")
sys.path.insert(0, str(SCRIPTS))

from partialpool.errors import StudyError
from partialpool.fit.store import PACKAGES
from partialpool.jobs import plan
from partialpool.jobs.fingerprint import fingerprint
from partialpool.jobs.resources import fit_memory, memory, minutes
from partialpool.report import captions
from partialpool.study import config as study_config

try:
    study = study_config.load(config, workflow.configfiles)
except StudyError as error:
    raise WorkflowError(str(error))


# For `--sdm apptainer`: the image of envs/Containerfile. Relative, since Snakemake takes no image under a path with spaces.
container: os.path.relpath(Path(workflow.basedir, "envs/partialpool.sif"))


wildcard_constraints:
    model="|".join(map(re.escape, study.models)),
    comparison="|".join(map(re.escape, study.comparisons)) or "(?!)",
    prediction="|".join(map(re.escape, study.predictions)) or "(?!)",
    figure="|".join(map(re.escape, study.figures)) or "(?!)",


def watched_source():
    """The data file, if editing it should be noticed: a path without a checksum. With one, other data are an error."""
    source = study.data.source
    unpinned = source and not study.data.sha256 and "://" not in source
    return [source] if unpinned and Path(source).is_file() else []


def caching():
    """Whether fits may come from Snakemake's cache: if its key has the data, not only the address that they are at."""
    known = study.data.sha256 or study.data.simulate or watched_source()
    return workflow.enable_cache and bool(known)


def code(script, *notebooks):
    """Hash of what a script runs, without comments: a parameter of its rule, so that changed code is run again."""
    return fingerprint(SCRIPTS / f"{script}.py", *notebooks)


def pins():
    """Pinned versions of what fits run on: part of what they are made from, also when they come out of a cache."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    return [line.split()[0] for line in lines if line.partition("==")[0] in PACKAGES]


def specs(models):
    """What the fits of these models must have been made from."""
    return {model: study.spec(model).to_dict() for model in models}


def fits(models):
    """Files of the fits of these models."""
    return expand("results/models/{model}.nc", model=models)


def figure_files(figure):
    """PNG and SVG of a figure."""
    return multiext(f"results/figures/{figure}", ".png", ".svg")


def prediction_files(figure):
    """Files of the predictions that a figure shows, if it shows any."""
    name = getattr(study.figures[figure], "predictions", None)
    return multiext(f"results/predictions/{name}", ".csv", ".draws.parquet") if name else []


def results_to_keep():
    """What a reference is made of, as inputs."""
    return {
        "fits": fits(study.models),
        "summaries": expand(rules.summarise_model.output.summary, model=study.models),
        "comparisons": expand(rules.compare_models.output.table, comparison=study.comparisons),
        "lock": str(LOCK),
    }


def made_by():
    """Fingerprints of the scripts that made the results of a reference."""
    return {script: code(script) for script in ("fit_model", "summarise_model", "compare_models")}


def reference_files(wildcards):
    """Files of the reference. No job of the pipeline is said to make them: comparing must never make them anew."""
    return sorted(str(path) for path in Path("reference").rglob("*") if path.suffix in (".csv", ".json"))


# The project's files that are in the archive: unzipped, it is the project with its results.
PROJECT = [
    *("Snakefile", "pyproject.toml", "requirements.lock", ".python-version", "LICENSE", "CITATION.cff"),
    *("workflow/rules/*.smk", "workflow/schemas/*", "workflow/report/*", "profiles/default/*"),
    *("envs/*.yaml", "envs/Containerfile"),
    *("scripts/*.py", "scripts/partialpool/**/*.py", "notebooks/*.*"),
]


def project_files():
    """Files of the project that are in the archive, relative to its folder."""
    root = Path(workflow.basedir)
    return sorted(str(path.relative_to(root)) for pattern in PROJECT for path in root.glob(pattern))


def archive_to_verify():
    """What stands behind `verify` on the command line, else the archive of these results."""
    behind = sys.argv[sys.argv.index("verify") + 1 :][:1] if "verify" in sys.argv else []
    return next((word for word in behind if not word.startswith("-")), "results/archive.zip")


def software_options():
    """Options that tell Snakemake inside `verify` to find the software of its jobs where this one does."""
    if "conda" not in map(str, workflow.deployment_settings.deployment_method):
        return []
    return ["--sdm", "conda", "--conda-prefix", str(Path(workflow.persistence.conda_env_path).resolve())]
