"""Ids, levels, names and numbers that YAML reads as something else: 007 as 7, 1.10 as 1.1, 0100 as 64, no as false.

Snakemake passes on the values and not how they were written, so the files are read again.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from partialpool.study import syntax
from partialpool.study.messages import Mistake


def mistakes(path: str | Path) -> Iterator[Mistake]:
    """Ids, levels of categories, covariate values, keys and numbers in a file whose spelling YAML does not keep.

    Parameters
    ----------
    path
        YAML file. One that cannot be read has no mistakes here: they are reported before, see ``syntax``.
    """
    try:
        root = syntax.root(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError):
        return
    for place, scalar, is_id in _scalars(root):
        if not _is_kept(scalar, is_id):
            line, column = scalar.start_mark.line + 1, scalar.start_mark.column + 1
            written, value = scalar.value, yaml.safe_load(scalar.value)
            advice = f"write '{written}'" + ("" if is_id else f", or {value} if that is meant")
            where = f"{path}, line {line}, column {column}"
            read = f"as {value}" if str(value) != written else "as a number"
            yield Mistake(place, f"YAML reads {written} {read} ({where}); {advice}.")
    texts = {id(scalar) for _, scalar, _ in _scalars(root)}
    for place, scalar, is_key in _others(root):
        if id(scalar) not in texts and not (_is_same_key(scalar) if is_key else _is_decimal(scalar)):
            line, column = scalar.start_mark.line + 1, scalar.start_mark.column + 1
            told = f"YAML reads {scalar.value} as {yaml.safe_load(scalar.value)} ({path}, line {line}, column {column})"
            mend = (
                f"write '{scalar.value}'"
                if is_key
                else "if it is text, put it in quotes; a number has no zeros before it, and no colons"
            )
            yield Mistake(place, f"{told}; {mend}.")


def _is_kept(scalar: yaml.ScalarNode, is_id: bool) -> bool:
    """Whether the value that YAML makes of a scalar says how it was written."""
    written, tag = scalar.value, scalar.tag.removeprefix(syntax.TAG)
    if tag == "str" or not written:
        return True
    if tag == "float" and not is_id and not math.isfinite(yaml.safe_load(written)):
        # Refused as a number.
        return True
    if tag == "float" and not is_id:
        # 0.50 is a number; 1_0.5 and 1:30.5, which YAML takes for numbers too, are hardly meant as such.
        return re.fullmatch(r"[-+.0-9eE]+", written) is not None
    return tag in ("int", "timestamp") and str(yaml.safe_load(written)) == written


def _is_same_key(scalar: yaml.ScalarNode) -> bool:
    """Whether a key is what is written, and is no other key too: 1.0 and 1 are one."""
    written, tag = scalar.value, scalar.tag.removeprefix(syntax.TAG)
    kept = tag in ("int", "float", "timestamp") and str(yaml.safe_load(written)) == written
    return tag == "str" or (kept and not written.endswith(".0"))


def _is_decimal(scalar: yaml.ScalarNode) -> bool:
    """Whether a number is what it looks like: 0100 is 64 to YAML, and 1:30 is 90."""
    is_number = scalar.tag.removeprefix(syntax.TAG) in ("int", "float")
    return not is_number or re.search(r":|^[-+]?0[0-9_]+$", scalar.value) is None


def _others(node: yaml.Node | None, place: str = "") -> Iterator[tuple[str, yaml.ScalarNode, bool]]:
    """All keys and values that stand without quotes: their place, themselves, and whether they are keys."""
    if isinstance(node, yaml.ScalarNode) and node.style is None:
        yield place, node, False
    for member in node.value if isinstance(node, yaml.SequenceNode) else []:
        yield from _others(member, place)
    for key, value in syntax.items(node):
        here = f"{place}.{key.value}".removeprefix(".")
        if isinstance(key, yaml.ScalarNode) and key.style is None:
            yield here, key, True
        yield from _others(value, here)


def _scalars(root: yaml.Node | None) -> Iterator[tuple[str, yaml.ScalarNode, bool]]:
    """The scalars that are ids, levels or covariate values: their place, themselves, and whether they are text."""
    for section, entries in _items(root):
        if section == "data":
            for column, levels in (pair for key, types in _items(entries) if key == "types" for pair in _items(types)):
                yield from ((f"data.types.{column}", scalar, True) for scalar in _members(levels))
        if section not in ("predictions", "figures"):
            continue
        for name, entry in _items(entries):
            for key, value in _items(entry):
                place = f"{section}.{name}.{key}"
                if key == "units":
                    yield from ((place, scalar, True) for scalar in _members(value))
                elif key in ("at", "contrast") and section == "predictions":
                    for column, values in _items(value):
                        yield from ((f"{place}.{column}", scalar, False) for scalar in _members(values))


def _items(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    """Keys as text, and values, of a mapping; nothing of any other node."""
    return ((key.value, value) for key, value in syntax.items(node))


def _members(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """The scalars of a list; nothing of any other node: a number that is no list is a number of units."""
    if isinstance(node, yaml.SequenceNode):
        yield from (member for member in node.value if isinstance(member, yaml.ScalarNode))
