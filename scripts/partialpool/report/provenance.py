"""Where the numbers of a report come from: data, versions, samplers, time and memory."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from partialpool.errors import StudyError
from partialpool.report import sampling
from partialpool.report.numbers import number
from partialpool.study.study import Study

# Rules with a single job, whose results are in the report.
ONE_JOB = (
    *("fetch_data", "prepare_data", "summarise_models", "check_models", "write_paper"),
    *("draw_models", "draw_checks", "draw_figures"),
)


def origins(study: Study, trees: Mapping, notes: Sequence[str]) -> pd.DataFrame:
    """Where the data come from and how they were read, and what is behind the fits.

    Parameters
    ----------
    study
        The configuration.
    trees
        Fits by model; their attributes have the checksum of the data, versions, seeds and samplers.
    notes
        What was found out about the data file.
    """
    fits = {name: tree.attrs for name, tree in trees.items()}
    checksums = ", ".join(sorted({fit["data_sha256"] for fit in fits.values()}))
    if study.data.source:
        checksums += " (verified)" if study.data.sha256 else " (not pinned in the config)"
    versions = sorted({fit["versions"] for fit in fits.values()})
    rows = [
        ("Data", study.data.source or "simulated from known parameters"),
        ("Data read as", "; ".join(notes)),
        ("Data checksum (sha256)", checksums),
        *(("Versions", ", ".join(f"{name} {version}" for name, version in json.loads(v).items())) for v in versions),
        *((f"Sampling of {name}", sampling.settings(study.sampling_of(name), fit)) for name, fit in fits.items()),
    ]
    return pd.DataFrame(rows, columns=["what", "value"])


def run_times(study: Study, folder: str | Path = "results/benchmarks") -> pd.DataFrame:
    """Wall time and peak memory of every rule, from the benchmarks of those of its jobs that the report follows from.

    The folder may also have those of models that the study no longer has, and of the report before this one.

    Raises
    ------
    StudyError
        If one of the files is not what a job wrote.
    """
    asking = [name for name, comparison in study.comparisons.items() if comparison.bayes_factors]
    made = {"fit_model": study.models, "compare_models": study.comparisons, "compute_bayes_factors": asking}
    made |= {"predict_values": ["predictions"] if study.predictions else []}
    made |= {"check_published": ["published"] if study.published else []}
    rows = []
    for path in sorted(Path(folder).rglob("*.tsv")):
        rule = path.parent.name
        if rule not in ONE_JOB and path.stem not in made.get(rule, ()):
            continue
        record = pd.read_csv(path, sep="\t") if path.stat().st_size else pd.DataFrame()
        if record.empty or not {"s", "max_rss"} <= {*record}:
            raise StudyError(f"'{path}' is damaged, or was edited. Delete it and run again.")
        seconds, memory = (pd.to_numeric(record[name], errors="coerce")[0] for name in ("s", "max_rss"))
        rows.append({"rule": rule, "seconds": seconds, "MiB": memory})
    jobs = pd.DataFrame(rows, columns=["rule", "seconds", "MiB"]).groupby("rule", sort=False)
    return pd.DataFrame(
        {
            "rule": list(jobs.groups),
            "jobs": jobs.size().to_numpy(),
            "seconds (sum)": [number(value, 0) for value in jobs["seconds"].sum()],
            "peak memory, MiB": [number(value, 0) for value in jobs["MiB"].max()],
        }
    )
