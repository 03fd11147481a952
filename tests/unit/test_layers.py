"""The rooms of the library: each imports only from those below it, and no modules import each other in a circle."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "scripts/partialpool"
# From the ground up, as the page about changing the code has them.
ROOMS = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/changing.md").read_text(encoding="utf-8"), re.MULTILINE)
MODULES = {
    ".".join(path.relative_to(LIBRARY).with_suffix("").parts): path
    for path in LIBRARY.rglob("*.py")
    if path.name != "__init__.py"
}


def imported(module: str) -> set[str]:
    """Modules of the library that a module imports, also those that only a function of it imports."""
    names = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative imports are not followed by fingerprints"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name.removeprefix("partialpool.") for name in names} & set(MODULES)


def room(module: str) -> str:
    return module.partition(".")[0]


def test_every_room_is_known_and_has_something_in_it():
    assert sorted({room(module) for module in MODULES}) == sorted(ROOMS)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_room_imports_only_from_those_below_it(module):
    below = ROOMS[: ROOMS.index(room(module)) + 1]
    assert [other for other in imported(module) if room(other) not in below] == []


def test_no_modules_import_each_other_in_a_circle():
    order = TopologicalSorter({module: imported(module) for module in MODULES}).static_order()
    assert set(order) == set(MODULES)


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*/__init__.py")), ids=lambda path: path.parent.name)
def test_a_room_that_shows_the_way_names_all_of_its_modules(path):
    names = re.findall(r"``(\w+)``", path.read_text(encoding="utf-8"))
    modules = {module.stem for module in path.parent.glob("*.py")} - {"__init__"}
    assert sorted(names) == sorted(modules if names else ())
