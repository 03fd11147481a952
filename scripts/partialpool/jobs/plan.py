"""What a run will do, in one sentence before it begins."""

import csv
from collections.abc import Collection, Iterable
from pathlib import Path

# ASSUME: seconds of a job of a small study on a laptop, for rules that have not run here yet: the least that they take.
# How much longer is not known before the data are read: crossed factors with slopes took minutes with 2400 rows, and a
# million rows of one factor seconds. Then ``long_fit`` is told.
TYPICAL = {
    "fit_model": 6,
    "summarise_models": 7,
    "compare_models": 6,
    "check_models": 5,
    "compute_bayes_factors": 6,
    "predict_values": 5,
    "draw_models": 8,
    "draw_checks": 6,
    "draw_figures": 9,
    "check_published": 4,
    "write_paper": 3,
    "render_report": 5,
}
OTHER = 2
# ASSUME: so many times as long with models whose coefficients have no closed form.
SLOWER = {"fit_model": 3, "compare_models": 5, "check_models": 5}
# ASSUME: seconds a measurement of a fit without a closed form, of families that quadrature knows and of others: NUTS
# took 20 ms with 2000 to 12 000 yes-no answers and counts, and 110 ms with 20 000 ordered levels.
OF_QUADRATURE, OF_OTHERS = 0.02, 0.11
# Minutes that nobody has to be told.
FEW_MINUTES = 5


def text(
    jobs: Iterable[tuple[str, str]],
    fits: Iterable[str],
    *,
    slower: Collection[str],
    cores: int,
    cache: bool,
    benchmarks: str | Path,
) -> str:
    """Which fits a run makes and which it keeps, how many jobs it has, and how long they take, or at least take.

    Parameters
    ----------
    jobs
        Of each job that will run its rule, and the name of what it makes (``growth``; may be empty).
    fits
        Models whose fits exist.
    slower
        Models that the marginal engine is not to fit.
    cores
        How many cores the jobs share.
    cache
        Whether fits may come from Snakemake's cache. Which ones is not known before their data are.
    benchmarks
        Folder with what earlier jobs measured: ``{rule}/{name}.tsv``.
    """
    jobs = list(jobs)
    made = sorted(name for rule, name in jobs if rule == "fit_model")
    kept = [name for name in fits if name not in made]
    # The report comes last and runs alone; the other jobs share all cores, and each takes one of them.
    shared, last, guessed = [0.0], 0.0, 0
    for rule, name in jobs:
        measured = _measured(Path(benchmarks, rule), name)
        seconds = _typical(rule, name, slower) if measured is None else measured
        guessed += measured is None
        if rule == "render_report":
            last += seconds
        else:
            shared.append(seconds)
    about = last + max(sum(shared) / max(cores, 1), max(shared))
    how_long = f"about {_duration(about)} (by what was measured here before)"
    if guessed:
        how_long = f"at least about {_duration(about)} (with small data; not all of it has run here before)"
    how = "to make, or to take from the cache" if cache else "to make"
    words = [f"{_count(made, 'fit')} {how} ({', '.join(made)})" if made else "no fit to make"]
    words += [f"{len(kept)} kept ({', '.join(kept)})"] if kept else []
    return f"{', '.join(words)}; {_count(jobs, 'job')}, {how_long}."


def long_fit(rows: int, family: str, *, by_quadrature: bool) -> str:
    """What to say of a fit without a closed form that takes many minutes; empty if it does not.

    Parameters
    ----------
    rows
        Measurements.
    family
        Of the model.
    by_quadrature
        Whether quadrature knows the family.
    """
    minutes = rows * (OF_QUADRATURE if by_quadrature else OF_OTHERS) / 60
    if minutes <= FEW_MINUTES:
        return ""
    return f"{rows} measurements of the family {family} may take {minutes:.0f} minutes"


def _typical(rule: str, name: str, slower: Collection[str]) -> float:
    is_slower = name in slower if rule == "fit_model" else bool(slower)
    return TYPICAL.get(rule, OTHER) * (SLOWER.get(rule, 1) if is_slower else 1)


def _count(things: list, name: str) -> str:
    return f"{len(things)} {name}" if len(things) == 1 else f"{len(things)} {name}s"


def _duration(seconds: float) -> str:
    if seconds < 89.5:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _measured(folder: Path, name: str) -> float | None:
    """Seconds that a job took when it last ran; if it never did, the mean over the jobs of its rule that did."""
    files = [folder / f"{name}.tsv"] if (folder / f"{name}.tsv").exists() else sorted(folder.glob("*.tsv"))
    seconds = []
    for file in files:
        with file.open() as lines:
            seconds += [float(row["s"]) for row in csv.DictReader(lines, delimiter="\t")]
    return sum(seconds) / len(seconds) if seconds else None
