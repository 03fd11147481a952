"""What a script does, as a hash: of its own code and that of the library modules it uses, without comments.

Snakemake reruns a job when its parameters change. The fingerprint is one of them, so that editing the code that a fit
runs makes it again, and editing a comment, a docstring or a figure does not.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = "partialpool"
# No number depends on these: they only say something to a unit, or measure a job.
WORDING = (
    "partialpool/errors.py",
    "partialpool/model/grammar.py",
    "partialpool/jobs/progress.py",
    "partialpool/jobs/job.py",
)


def fingerprint(script: str | Path) -> str:
    """Hash of a script and of all modules of the library that it imports, directly or not.

    Parameters
    ----------
    script
        A Python file beside the folder of the library.

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name, code in reached(script).items():
        digest.update(name.encode() + code)
    return digest.hexdigest()[:16]


def reached(script: str | Path) -> dict[str, bytes]:
    """Code, without comments and docstrings, of a script and of all modules that it imports, by path.

    Modules of ``WORDING`` are left out; what they import is not.
    """
    script = Path(script)
    root = script.parent
    waiting, done, found = [script], set(), {}
    while waiting:
        path = waiting.pop(0)
        if path in done:
            continue
        done.add(path)
        code, imports = _read(path.read_text(encoding="utf-8"))
        waiting += [file for name in imports if (file := _file(root, name))]
        name = path.relative_to(root).as_posix()
        if name not in WORDING:
            found[name] = code
    return found


def _file(root: Path, name: str) -> Path | None:
    """File of a module of the library; None for a name inside of a module, or a package, which has no code."""
    path = root.joinpath(*name.split(".")).with_suffix(".py")
    return path if path.is_file() else None


@cache
def _read(text: str) -> tuple[bytes, list[str]]:
    """Code without comments and docstrings, and modules that it imports; most scripts share most modules."""
    tree = ast.parse(text)
    imports = sorted(_imports(tree))
    return ast.dump(_without_docstrings(tree)).encode(), imports


def _imports(tree: ast.AST) -> set[str]:
    """Dotted names that may be modules of the library; some are names inside of one."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name and name.split(".")[0] == PACKAGE}


def _without_docstrings(tree: ast.AST) -> ast.AST:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [
                statement
                for statement in body
                if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
            ]
    return tree
