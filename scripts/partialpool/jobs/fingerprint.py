"""The code that a job runs, as a hash: of its script and of the library modules that it uses, without comments.

Snakemake reruns a job when its parameters change. The fingerprint is one of them: editing the code that a fit runs
makes the fit again, and editing a comment, a docstring or a figure does not.
"""

import hashlib
import json
from functools import cache
from pathlib import Path

from partialpool.jobs import code

# No result depends on these: they refuse mistakes, show progress, measure a job, end it, or keep a package out.
WORDING = (
    "partialpool/errors.py",
    "partialpool/model/grammar.py",
    "partialpool/jobs/progress.py",
    "partialpool/jobs/job.py",
    "partialpool/jobs/measure.py",
    "partialpool/jobs/running.py",
    "partialpool/jobs/without_sparse.py",
    "partialpool/model/without_splines.py",
)
# Nor on this one, nor on what it imports: it only refuses mistakes. It is not followed.
REFUSING = ("partialpool/audit/suits.py",)


def fingerprint(script: str | Path, *notebooks: str | Path) -> str:
    """Hash of a script, of the notebooks that it executes, and of all modules of the library that these import.

    Parameters
    ----------
    script
        A Python file beside the folder of the library.
    notebooks
        Jupyter notebooks with code in Python.

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name, own in reached(script, *notebooks).items():
        digest.update(f"{name}{own}".encode())
    return digest.hexdigest()[:16]


def reached(script: str | Path, *notebooks: str | Path) -> dict[str, str]:
    """Hashes of the code of a script, of notebooks, and of all modules that they import (``code``), by path.

    Modules of ``WORDING`` are left out; what they import is not. Those of ``REFUSING`` are left out with it. Paths are
    relative to the script's folder; a notebook has its name only.
    """
    root = Path(script).parent
    waiting, codes = [Path(script), *map(Path, notebooks)], {}
    done = set()
    while waiting:
        path = waiting.pop(0)
        if path in done:
            continue
        done.add(path)
        name = path.name if path.suffix == ".ipynb" else path.relative_to(root).as_posix()
        if name in REFUSING:
            continue
        own, imports = code.read(_source(path))
        waiting += [file for name in imports if (file := _file(root, name))]
        if name not in WORDING:
            codes[name] = own
    return codes


def _source(path: Path) -> str:
    """Text of a Python file, or of the code cells of a notebook."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    return "\n".join("".join(cell["source"]) for cell in cells)


@cache
def _file(root: Path, name: str) -> Path | None:
    """File of a module of the library; None for a name inside of a module, or a package, which has no code."""
    path = root.joinpath(*name.split(".")).with_suffix(".py")
    return path if path.is_file() else None
