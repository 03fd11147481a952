"""The code of a Python file: a hash of it without comments and docstrings, and what it imports of the library.

Both are kept from run to run, beside the bytecode: Snakemake asks for them whenever it starts, and to parse the whole
library takes a second, which was a quarter of that start.
"""

import ast
import atexit
import hashlib
import json
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from partialpool.errors import StudyError
from partialpool.jobs.files import write_text

PACKAGE = "partialpool"


def read(text: str) -> tuple[str, list[str]]:
    """Hash of the code of a text in Python, and names of the library that it imports: modules, or names inside of one.

    Raises
    ------
    SyntaxError
        If it is no Python.
    """
    known, key = _known(), hashlib.sha256(text.encode()).hexdigest()
    if key not in known:
        words, imports = [], set()
        _collect(ast.parse(text), words, imports)
        known[key] = [hashlib.sha256("\0".join(words).encode()).hexdigest(), sorted(imports)]
    digest, names = known[key]
    return digest, names


@cache
def _known() -> dict[str, list]:
    """What ``read`` returned in earlier runs, by the hash of the text; new entries are kept when the process ends."""
    # Another Python may have another syntax tree, and another state of this file may read it otherwise.
    state = hashlib.sha256(Path(__file__).read_bytes() + sys.version.encode()).hexdigest()[:16]
    file = Path(__file__).with_name("__pycache__") / f"code-{state}.json"
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    if not sys.dont_write_bytecode:
        atexit.register(_keep, file, known, len(known))
    return known


def _keep(file: Path, known: dict, before: int) -> None:
    """Write what is known, if it is more than before; where nothing can be written, the next run parses again."""
    if len(known) > before:
        with suppress(OSError, StudyError):
            write_text(json.dumps(known), file)


def _collect(node, words: list[str], imports: set[str]) -> None:
    """Append what a syntax tree consists of, in its order, and add the names of the library that it imports."""
    if isinstance(node, list):
        words.append("[")
        for item in node:
            # A docstring, or another value that stands alone and does nothing.
            if not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)):
                _collect(item, words, imports)
        words.append("]")
    elif isinstance(node, ast.AST):
        words.append(type(node).__name__)
        for field in node._fields:
            _collect(getattr(node, field), words, imports)
        words.append(".")
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imports.update(name for name in _names(node) if name.split(".")[0] == PACKAGE)
    else:
        words.append(repr(node))


def _names(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Dotted names that a statement imports: modules, or names inside of one."""
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.Import):
        return names
    return [node.module, *(f"{node.module}.{name}" for name in names)] if node.module else []
