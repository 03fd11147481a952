"""What a script does, as a hash: of its own code and that of the library modules it uses, without comments.

Snakemake reruns a job when its parameters change. The fingerprint is one of them, so that editing the code that a fit
runs makes it again, and editing a comment, a docstring or a figure does not.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = "partialpool"


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
    script = Path(script)
    library = script.parent / PACKAGE
    digest, waiting, done = hashlib.sha256(), [script], set()
    while waiting:
        path = waiting.pop(0)
        if path in done:
            continue
        done.add(path)
        code, imports = _read(path.read_text(encoding="utf-8"))
        waiting += [library / f"{name}.py" for name in imports]
        digest.update(path.name.encode() + code)
    return digest.hexdigest()[:16]


@cache
def _read(text: str) -> tuple[bytes, list[str]]:
    """Code without comments and docstrings, and modules that it imports; most scripts share most modules."""
    tree = ast.parse(text)
    imports = sorted(_imports(tree))
    return ast.dump(_without_docstrings(tree)).encode(), imports


def _imports(tree: ast.AST) -> set[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = f"{PACKAGE}.{node.module or ''}".rstrip(".") if node.level else node.module
            names += [f"{module}.{alias.name}" for alias in node.names]
    modules = {name.split(".")[1] for name in names if name.startswith(f"{PACKAGE}.")}
    return {name for name in modules if not name.startswith("_")}


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
