import os
import re
import sys
import time
from contextlib import suppress
from importlib.metadata import version
from datetime import datetime
from pathlib import Path

SCRIPTS = Path(workflow.basedir, "scripts")
NOTEBOOKS = Path(workflow.basedir, "notebooks")
LOCK = Path(workflow.basedir, "requirements.lock")
BEGUN = time.time()
sys.path.insert(0, str(SCRIPTS))

from partialpool.data.fetch import basename
from partialpool.errors import StudyError
from partialpool.fit.store import PACKAGES
from partialpool.jobs import clock, home, inside, plan, running
from partialpool.jobs.files import checksum
from partialpool.jobs.fingerprint import fingerprint
from partialpool.jobs.resources import fit_memory, memory, minutes
from partialpool.jobs.written import require_as_written
from partialpool.report import captions, checks, sampling
from partialpool.study import config as study_config
from partialpool.study import grids, syntax

CONFIG = "config/config.yaml"
# As old as Snakemake's own records of what results were made from.
RECORD = Path(".snakemake/record")
# There since data were to be fetched and could not be: what is kept in their place may be of another source.
NOT_FETCHED = Path(".snakemake/not_fetched")


def read(function, *arguments):
    """What a function makes of the configuration; a mistake in it ends Snakemake.

    By `sys.exit`, because what Snakemake says of an exception is not shown if it is to be quiet (`--quiet all`).
    """
    try:
        return function(*arguments)
    except StudyError as error:
        sys.exit(str(error))


read(inside.require_cores, workflow)
read(running.require_paths_without_wildcards, Path.cwd(), workflow.basedir)
read(running.require_folders, "results")
by_the_user = inside.is_started_by_the_user(workflow)
if not by_the_user:
    running.forget()
else:
    running.end_at_once_when_asked()
    read(running.require_room, Path.cwd())
    for words in (read(running.begin, ".snakemake"), clock.mend_times("results", RECORD)):
        if words:
            print(words, file=sys.stderr)
home.ensure_name()
if home.ensure_writable(".snakemake/home") and by_the_user:
    print("The home folder cannot be written: packages keep their files in .snakemake/home.", file=sys.stderr)


# A study may also be given by `--configfile` alone.
if Path(CONFIG).exists() or not inside.config_files(workflow):
    read(syntax.check, CONFIG)


# Here and not in the Snakefile, because what is no YAML must be refused before.
configfile: CONFIG


# The archive that `verify` checks; all other keys describe the study.
archive_to_verify = config.pop("archive", "results/archive.zip")
for file in inside.config_files(workflow):
    read(syntax.check, file)
options = [key for key in inside.config_options(workflow) if key in config]
study = read(study_config.load, config, inside.config_files(workflow), options)

# For the templates in workflow/report: in the configuration, because a caption among a rule's parameters would draw the
# figures again whenever it changes.
config["words"] = captions.for_snakemake(study, captions.Known(read(sampling.of_models, study.models)))

# What a job asks for. Not `default-resources` in the profile: these would take the place of those of a user's own profile
# or command line, which may name the account on a cluster.
usual = {"mem_mb": memory, "runtime": minutes}


# For `--sdm apptainer`: the image of envs/Containerfile. Relative, since Snakemake takes no image under a path with spaces.
container: os.path.relpath(Path(workflow.basedir, "envs/partialpool.sif"))


wildcard_constraints:
    model="|".join(map(re.escape, study.models)),
    comparison="|".join(map(re.escape, study.comparisons)) or "(?!)",
    batch=r"\d+-\d+",


def data_checksum():
    """Checksum of the data where it is known before they are fetched: pinned in the config, or of a file; else None.

    By its bytes, and not by its time as an input: another file in its place may be older than the results.
    """
    source = study.data.source
    if study.data.sha256 or not source:
        return study.data.sha256
    file = Path("resources", basename(source)) if "://" in source else Path(source)
    return checksum_of(file) if file.is_file() else None


def checksum_of(file):
    """Checksum of a file; None if it cannot be read, which the job that reads it says in words."""
    with suppress(OSError):
        return checksum(file)


def record():
    """The record as an input of the first rule: where it is missing, it is newer than the results, and all are made again.

    For nothing then says what they were made from: another config may have been. It is newer too where the data could
    not be fetched, since Snakemake then takes those that were kept for those of this config.
    """
    if inside.is_started_by_the_user(workflow) and (NOT_FETCHED.exists() or not RECORD.exists()):
        if not RECORD.exists() and Path("results/data/prepared.parquet").exists():
            print(
                "Nothing says what the results here were made from ('.snakemake/record' is missing, as in an archive, a "
                "clone or results of an earlier version), so all are made again. To keep them as those of this config: "
                "snakemake --cores 1 --touch",
                file=sys.stderr,
            )
        # A small file of a later time, but with the same bytes, is not newer to Snakemake. Else it is empty, since keys
        # of Snakemake's cache depend on it, and other folders are to find the fits of this one there.
        RECORD.write_text(datetime.now().isoformat() if NOT_FETCHED.exists() else "")
    return RECORD


def checksums(files):
    """Checksums of files that users keep, by path. As inputs they are known by their time, and other ones may be older."""
    return {file: checksum_of(file) for file in map(str, files)}


def files_read():
    """Files of the project and of the user that a run reads."""
    kept = [*inside.config_files(workflow), *rows_to_predict_at(), study.data.source or ""]
    return [*SCRIPTS.rglob("*.py"), *NOTEBOOKS.glob("*.*"), *kept]


def caching():
    """Whether fits may come from Snakemake's cache: if its key has the data themselves, not only their address."""
    return inside.uses_cache(workflow) and bool(data_checksum() or study.data.simulate)


def code(script, *notebooks):
    """Hash of what a script runs, without comments: a parameter of its rule, so that changed code is run again."""
    return fingerprint(SCRIPTS / f"{script}.py", *notebooks)


def pins():
    """Pinned versions of what fits run on: part of what they are made from, also when they come from a cache."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    return [line.split()[0] for line in lines if line.partition("==")[0] in PACKAGES]


def specs(models):
    """What the fits of these models must have been made from."""
    return {model: study.spec(model).to_dict() for model in models}


def fit_threads(wildcards):
    """Cores of a fit: those that the other fits by NUTS leave to it, for chains side by side; one on a cluster.

    Other fits take seconds. The draws do not depend on it.
    """
    by_nuts = [model for model in study.models if study.may_need_nuts(model)]
    planned_here = inside.is_started_by_the_user(workflow) and inside.runs_here(workflow)
    if wildcards.model not in by_nuts or not planned_here:
        return 1
    return max(1, min(study.sampling_of(wildcards.model).chains, inside.cores(workflow) // len(by_nuts)))


def fits(models):
    """Files of the fits of these models."""
    return expand("results/models/{model}.nc", model=models)


def table_of_model(model, name, *, what, caption):
    """A table that every model has; ``what`` it is and its caption are for Snakemake's report."""
    labels = {"model": model, "what": what}
    return report(
        f"results/models/{model}.{name}.csv", caption=caption, category="Models", subcategory=model, labels=labels
    )


def tables_of_checks():
    """Tables of the checks of each model, as pairs of model and table."""
    return [(model, table) for model in study.models for table in study.checks_of(model)]


def model_to_check(model):
    """What the checks of a model are made from."""
    return {
        "spec": study.spec(model).to_dict(),
        "tables": study.checks_of(model),
        "bounds": study.bounds_of(model),
    }


def drawn(name, **shown):
    """PNG and SVG of a figure; ``shown`` says where Snakemake's report has it."""
    return [report(f"results/figures/{name}.png", **shown), f"results/figures/{name}.svg"]


def drawn_of_model(kind, model):
    """PNG and SVG of a figure that every model has."""
    shown = {"caption": "../report/model-figures.rst", "category": "Models", "subcategory": model}
    return drawn(f"{kind}-{model}", labels={"model": model, "what": kind}, **shown)


def figure_entry(name):
    """What a figure of the config is drawn from: its entry without the words beside it, and titles of its models."""
    words, figure = {"title", "caption", "alt", "section"}, study.figures[name]
    titles = {model: study.models[model].title for model in study.figure_models(name)}
    entry = figure.model_dump(exclude=words) | {"titles": titles}
    if study.of_probabilities(name):
        entry["probabilities"] = True
    if figure.kind == "grid":
        entry |= {
            "labels": grids.labels(study, name),
            "outcome": grids.measured_outcome(study, name),
            "no_difference": float(study.predictions[figure.predictions].ratio),
            "same_scale": grids.outcome_of(study, name) is not None,
        }
    return entry


def rows_to_predict_at():
    """Files of rows of the predictions that have one and where it is there: else the job says what is wrong."""
    files = {prediction.rows for prediction in study.predictions.values()} - {None, "observed"}
    return sorted(file for file in files if Path(file).is_file())


def models_predicting():
    """Models of the predictions."""
    return sorted({model for prediction in study.predictions.values() for model in prediction.models})


def predicted(names):
    """CSV files and Parquet files of these predictions."""
    return {
        "summaries": expand("results/predictions/{name}.csv", name=names),
        "draws": expand("results/predictions/{name}.draws.parquet", name=names),
    }


def printed_files(wildcards):
    """Tables of printed numbers."""
    return sorted(map(str, Path(study.published.folder).glob("*.csv")))


def predictions_drawn():
    """Predictions that figures show."""
    return sorted({name for figure in study.figures.values() if (name := getattr(figure, "predictions", None))})


def models_drawn():
    """Models whose fits figures show, beside those of predictions."""
    return sorted({figure.model for figure in study.figures.values() if figure.kind == "intercepts-slopes"})


def models_compared():
    """Models of which the figures of comparisons have the titles."""
    return sorted({model for comparison in study.comparisons.values() for model in comparison.models})


def comparisons_with_bayes_factors():
    """Comparisons that ask for them."""
    return [name for name, comparison in study.comparisons.items() if comparison.bayes_factors]


def tables_for_a_paper():
    """Names of the tables: side by side, and one of each model."""
    return ["all-models", *(f"models/{model}" for model in study.models)]


def study_of_a_paper():
    """What tables and methods for a paper show of the configuration: without texts, figures and predictions."""
    others = ("calibration", "recovery", "design", "published", "guidelines", "report")
    whole = dict.fromkeys(("text", "figures", "predictions", *others), True)
    parts = {"models": {"__all__": {"text"}}, "comparisons": {"__all__": {"text", "bayes_factors"}}}
    return study.model_dump(mode="json", exclude=whole | parts)


def models_simulated(section):
    """Models of a study on made-up data: those that its section names, or all."""
    return section.models or list(study.models)


def batches_of(section, pattern):
    """Files of all batches of such a study, model by model."""
    return expand(pattern, model=models_simulated(section), batch=section.batches)


def design_simulated():
    """What simulated studies are made from: of the section `design` what changes them, and the seed.

    Of regions and goals that is what they are about, so that another limit does not simulate all again.
    """
    if study.design is None:
        return None
    design = study.design.model_dump(exclude={"replicates", "batch", "rope", "goals"})
    compared = study.comparisons[study.design.comparison].estimands if study.design.comparison else []
    return design | {
        "others": study.design.named_elsewhere,
        "estimands": ["observation", "unit"] if compared is None else compared,
        "seed": study.sampling.seed,
    }


def results_to_keep():
    """What a reference is made of, as inputs."""
    return {
        "fits": fits(study.models),
        "summaries": rules.summarise_models.output.summaries,
        "comparisons": expand(rules.compare_models.output.table, comparison=study.comparisons),
        "lock": str(LOCK),
    }


def made_by():
    """Fingerprints of the scripts that made the results of a reference."""
    return {script: code(script) for script in ("fit_model", "summarise_models", "compare_models")}


def reference_files(wildcards):
    """Files of the reference. No rule makes them, so that comparing can never replace them."""
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
