"""Time and memory of a job, measured by the job itself."""

import re
import resource
import sys
from pathlib import Path

from partialpool.jobs.files import atomic


def benchmark_of(log: str | Path) -> Path:
    """File for time and memory of the job with this log: ``logs/RULE/NAME.log`` -> ``benchmarks/RULE/NAME.tsv``."""
    log = Path(log)
    return log.parents[2] / "benchmarks" / log.parent.name / f"{log.stem}.tsv"


def write(path: Path, seconds: float) -> None:
    """Write time and memory of this process, and of the processes that it has started and waited for.

    The job writes it and not Snakemake, which measures no rule whose results may come from its cache.

    Parameters
    ----------
    path
        Table with one row, its columns named as in Snakemake's benchmarks: ``s`` and ``h:m:s``, time by the clock;
        ``max_rss``, the largest memory of one process, in MB; ``cpu_time``, seconds of CPU since the process began.
    seconds
        Time by the clock.
    """
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    minutes, rest = divmod(round(seconds), 60)
    row = {
        "s": f"{seconds:.4f}",
        "h:m:s": f"{minutes // 60}:{minutes % 60:02}:{rest:02}",
        "max_rss": f"{max(_own_memory(usages[0]), _megabytes(usages[1].ru_maxrss)):.2f}",
        "cpu_time": f"{sum(usage.ru_utime + usage.ru_stime for usage in usages):.2f}",
    }
    with atomic(path) as temporary:
        temporary.write_text("\t".join(row) + "\n" + "\t".join(row.values()) + "\n")


def _own_memory(usage) -> float:
    """Largest memory of this process in MB."""
    status = Path("/proc/self/status")
    # Linux knows the peak of this process alone; `ru_maxrss` includes that of Snakemake, of which it was a copy.
    if status.exists() and (peak := re.search(r"VmHWM:\s*(\d+) kB", status.read_text())):
        return int(peak[1]) / 2**10
    return _megabytes(usage.ru_maxrss)


def _megabytes(ru_maxrss: int) -> float:
    # In bytes on macOS, in kibibytes elsewhere.
    return ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
