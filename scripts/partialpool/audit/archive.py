"""One zip that a reader can check without refitting: results, configuration, code and lock, and an RO-Crate about them.

The archive unzipped is the project itself with its results under ``results/``. Its description follows the profile
Workflow Run Crate 0.6 of RO-Crate 1.3, and ``SHA256SUMS`` has the checksum of every file in the form that
``sha256sum --check`` reads. The same results give the same bytes: names are sorted, nothing is compressed (draws hardly
shrink, and compressors differ between platforms), and times are those of the result files, not of the clock.
"""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit, urlunsplit

from partialpool import __version__
from partialpool.jobs.files import atomic, checksum
from partialpool.jobs.running import folder_for_a_while
from partialpool.jobs.written import require_as_written

METADATA = "ro-crate-metadata.json"
SUMS = "SHA256SUMS"
CONFIG = "config/config.yaml"
PUBLISHED = "config/published"
ROWS = "config/rows"
RAW = "results/data/raw."
GRAPH = "workflow/rulegraph.mmd"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.6": ("Process Run Crate", "0.6"),
    "https://w3id.org/ro/wfrun/workflow/0.6": ("Workflow Run Crate", "0.6"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.1": ("Workflow RO-Crate", "1.1"),
}
FORMATS = {
    ".csv": "text/csv",
    ".dta": "application/x-stata-dta",
    ".gz": "application/gzip",
    ".html": "text/html",
    ".ipynb": "application/x-ipynb+json",
    ".json": "application/json",
    ".md": "text/markdown",
    ".nc": "application/netcdf",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".py": "text/x-python",
    ".sav": "application/x-spss-sav",
    ".svg": "image/svg+xml",
    ".toml": "application/toml",
    ".tsv": "text/tab-separated-values",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".yaml": "application/yaml",
}
LICENCE = (
    "The code is under the MIT licence (file LICENSE). No licence is stated for the data and the results: whoever "
    "publishes this archive has to name one. The fits contain the data they were made from."
)


def write(
    target: str | Path,
    *,
    results: list[str],
    published: list[str],
    code: list[str],
    project: str | Path,
    study: dict,
) -> None:
    """Write the archive.

    Parameters
    ----------
    target
        The zip; replaced only when the new one is complete.
    results
        Paths of results, relative to the working directory, ``results/data/raw.*`` among them.
    published
        Paths of the tables of printed numbers.
    code
        Paths of the files of the workflow, relative to ``project``.
    project
        Folder of the Snakefile.
    study
        The checked configuration (``Study.model_dump(mode="json", exclude_none=True)``).

    Raises
    ------
    StudyError
        If a table of the results was edited.
    """
    import yaml

    for path in results:
        require_as_written(path)
    with folder_for_a_while() as made:
        (made / "config").mkdir()
        (made / "workflow").mkdir()
        members = {name: Path(path) for name, path in rows_files(study).values()}
        study = portable(study, checksum(raw_of(results)))
        text = yaml.safe_dump(study, sort_keys=False, allow_unicode=True, width=110)
        (made / CONFIG).write_text(text, encoding="utf-8")
        (made / GRAPH).write_text(rule_graph(Path(project, "Snakefile"), made), encoding="utf-8")
        members |= {name: Path(name) for name in results} | {name: Path(project, name) for name in code}
        members |= {f"{PUBLISHED}/{Path(path).name}": Path(path) for path in published}
        members |= {name: made / name for name in (CONFIG, GRAPH)}
        sums = {name: checksum(path) for name, path in members.items()}
        description = json.dumps(crate(members, sums, study), indent=2, ensure_ascii=False) + "\n"
        members |= {METADATA: made / METADATA, SUMS: made / SUMS}
        members[METADATA].write_text(description, encoding="utf-8")
        sums[METADATA] = checksum(members[METADATA])
        members[SUMS].write_text("".join(f"{sums[name]}  {name}\n" for name in sorted(sums)), encoding="utf-8")
        with atomic(target) as temporary:
            pack(members, temporary)


def raw_of(names: Iterable[str]) -> str:
    """The data file as it was fetched, among names of results."""
    return next(name for name in names if name.startswith(RAW))


def rows_files(study: dict) -> dict[str, tuple[str, str]]:
    """By prediction that has a file of rows its name in the archive and its path."""
    paths = {name: entry.get("rows", "observed") for name, entry in study.get("predictions", {}).items()}
    return {name: (f"{ROWS}/{name}/{Path(path).name}", path) for name, path in paths.items() if path != "observed"}


def pack(members: dict[str, Path], target: str | Path) -> None:
    """Zip files so that the bytes depend on their names and contents only.

    Parameters
    ----------
    members
        Files by their name in the zip.
    target
        The zip to write.
    """
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name)  # of 1980-01-01, the first day that a zip can name
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            entry.file_size = members[name].stat().st_size
            with members[name].open("rb") as source, archive.open(entry, "w") as file:
                shutil.copyfileobj(source, file, 2**20)


def portable(study: dict, data_sha256: str) -> dict:
    """The configuration without paths of this machine and without secrets, and with the checksum of the data.

    Parameters
    ----------
    study
        The checked configuration.
    data_sha256
        Checksum of the raw data.

    Returns
    -------
    dict
        A copy. A URL in ``data.source`` is kept without user, password, query and fragment, which may have tokens; of a
        path only the name of the file is kept. ``published.folder`` and files of ``rows`` are those in the archive.
    """
    study = json.loads(json.dumps(study))
    if source := study["data"].get("source"):
        url = urlsplit(source)
        bare = urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, "", ""))
        study["data"] |= {"source": bare if url.netloc else Path(source).name, "sha256": data_sha256}
    if "published" in study:
        study["published"]["folder"] = PUBLISHED
    for prediction, (name, _) in rows_files(study).items():
        study["predictions"][prediction]["rows"] = name
    return study


def rule_graph(snakefile: str | Path, directory: str | Path) -> str:
    """Snakemake's graph of the rules that make the report, as a Mermaid flowchart in a fixed order.

    Parameters
    ----------
    snakefile
        The workflow.
    directory
        Folder with ``config/config.yaml``.
    """
    command = [sys.executable, "-m", "snakemake", "--snakefile", snakefile, "--directory", directory]
    graph = subprocess.run(
        [*command, "--rulegraph", "mermaid-js"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    rules = dict(re.findall(r"^\s*(id\d+)\[(\w+)\]", graph, re.M))
    edges = {f"  {rules[a]} --> {rules[b]}\n" for a, b in re.findall(r"^\s*(id\d+) --> (id\d+)", graph, re.M)}
    return "flowchart LR\n" + "".join(sorted(edge for edge in edges if not edge.endswith(" all\n")))


def crate(members: dict[str, Path], sums: dict[str, str], study: dict) -> dict:
    """Description of the archive as a Workflow Run Crate.

    Parameters
    ----------
    members
        Files by name.
    sums
        Their SHA-256.
    study
        The configuration in the archive.

    Returns
    -------
    dict
        The content of ``ro-crate-metadata.json``. It names no agent, since the workflow does not know who ran it.

    References
    ----------
    Workflow Run Crate 0.6, https://w3id.org/ro/wfrun/workflow/0.6.
    """
    from rocrate.rocrate import ROCrate

    # Of the files that the run made: it began when the data were there, and ended with the report.
    times = [path.stat().st_mtime for name, path in members.items() if name.startswith("results/")]
    start, end = (datetime.fromtimestamp(int(time), UTC).isoformat() for time in (min(times), max(times)))
    made = ROCrate(version="1.3")
    made.metadata.extra_contexts.append("https://w3id.org/ro/terms/workflow-run/context")
    made.name = study["title"]
    made.description = study.get("text") or study["title"]
    made.license = LICENCE
    made.datePublished = end
    made.root_dataset["conformsTo"] = [
        _add(made, profile, ["CreativeWork", "Profile"], name=name, version=number)
        for profile, (name, number) in PROFILES.items()
    ]
    files = {name: _add_file(made, name, members[name], sums[name]) for name in sorted(members)}
    given = [CONFIG, "requirements.lock", *(name for name in files if name.startswith((f"{PUBLISHED}/", f"{ROWS}/")))]
    given += [raw_of(members)] if "source" in study["data"] else []
    seeds = [_add(made, f"#{name}", "PropertyValue", name=name, value=seed) for name, seed in _seeds(study).items()]
    made.root_dataset["mentions"] = _add(
        made,
        "#run",
        "CreateAction",
        name=f"Run of partialpool: {study['title']}",
        description="snakemake, with the configuration and the locked packages that are named here",
        instrument=files["Snakefile"],
        object=[files[name] for name in given] + seeds,
        result=[file for name, file in files.items() if name.startswith("results/") and name not in given],
        startTime=start,
        endTime=end,
        actionStatus="http://schema.org/CompletedActionStatus",
    )
    return made.metadata.generate()


def _add(made, identifier: str, kind: str | list[str], **properties):
    """Add something to a crate that is no file of it."""
    from rocrate.model import ContextEntity

    return made.add(ContextEntity(made, identifier, {"@type": kind} | properties))


def _add_file(made, name: str, path: Path, digest: str):
    """Add a file to a crate, the Snakefile as its workflow."""
    from importlib.metadata import version

    properties = {
        "name": name,
        "encodingFormat": FORMATS.get(PurePosixPath(name).suffix, "text/plain"),
        "contentSize": str(path.stat().st_size),
        "sha256": digest,
    }
    if name != "Snakefile":
        return made.add_file(path, quote(name), properties=properties)
    return made.add_workflow(
        path,
        name,
        main=True,
        lang="snakemake",
        lang_version=version("snakemake"),
        properties=properties | {"name": "partialpool", "version": __version__},
    )


def _seeds(study: dict) -> dict[str, int]:
    """Seeds of a configuration by their keys."""
    common = study["sampling"]["seed"]
    seeds = {f"models.{name}.seed": model.get("seed", common) for name, model in study["models"].items()}
    if "simulate" in study["data"]:
        seeds["data.simulate.seed"] = study["data"]["simulate"]["seed"]
    return seeds
