"""What is kept of the library's code from one process to the next."""

import json
import os
import subprocess
import sys

import pytest
from partialpool.jobs import code

TEXT = '"""Words."""\nfrom partialpool.a import b  # More words.\n\nprint(b)\n'
PROGRAM = f"""
import ast, sys
from partialpool.jobs import code
parsed = []
parse, ast.parse = ast.parse, lambda text: parsed.append(text) or parse(text)
digest, imports = code.read({TEXT!r})
print(digest, *imports, len(parsed))
"""


@pytest.fixture
def library(tmp_path):
    """A copy of the module, and of what it needs, that keeps files of its own."""
    for module in ("__init__", "errors", "jobs/__init__", "jobs/code", "jobs/files"):
        file = tmp_path / f"partialpool/{module}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text((code.Path(code.__file__).parents[1] / f"{module}.py").read_text())
    return tmp_path


def read(library, **environment) -> list[str]:
    """Hash, imports, and how many texts were parsed, in a process of its own."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    variables |= {"PYTHONPATH": str(library)} | environment
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=variables, capture_output=True, text=True, check=True)
    return done.stdout.split()


def kept(library):
    return list(library.rglob("code-*.json"))


def test_what_was_parsed_once_is_not_parsed_again(library):
    digest, imports = code.read(TEXT)
    assert imports == ["partialpool.a", "partialpool.a.b"]
    assert read(library) == [digest, *imports, "1"]
    assert read(library) == [digest, *imports, "0"]


def test_another_state_of_the_module_parses_again(library):
    read(library)
    module = library / "partialpool/jobs/code.py"
    # Longer, since bytecode is known by the second and the size of its file.
    module.write_text(module.read_text().replace('words.append("[")', 'words.append("list")'))
    digest, *_, parsed = read(library)
    assert parsed == "1"
    assert digest != code.read(TEXT)[0]
    assert len(kept(library)) == 2


@pytest.mark.parametrize("broken", ["", '{"a": ', "\x00"])
def test_a_broken_file_is_as_none(library, broken):
    read(library)
    (file,) = kept(library)
    file.write_text(broken)
    assert read(library)[-1] == "1"
    assert len(json.loads(file.read_text())) == 1


def test_who_keeps_no_bytecode_keeps_nothing(library):
    assert read(library, PYTHONDONTWRITEBYTECODE="1")[-1] == "1"
    assert kept(library) == []


def test_where_nothing_can_be_written_it_is_parsed_each_time(library):
    (library / "partialpool/jobs/__pycache__").write_text("not a folder")
    assert [read(library)[-1], read(library)[-1]] == ["1", "1"]
