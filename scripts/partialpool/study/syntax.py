"""Mistakes in the YAML of a configuration file: where they are, the line itself, and how to mend it.

Snakemake says of such a file that it is not valid, and neither which file nor where. So it is read here before.
"""

import codecs
import json
import math
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import yaml

from partialpool.errors import StudyError

# Characters of a line that are shown before and after the place of a mistake.
SHOWN_AROUND = 60
# Snakemake runs the Python in a file that has this key.
_RUNS = "__use_yte__"
# ASSUME: no study has more keys and values than this. A short file may have any number of them: by references (`*name`)
# to what has references itself.
MOST_NODES = 100_000
MOST_DEEP = 40
# Pairs of quotation marks, as they begin and end a text.
_QUOTES = (
    ('"', '"'),
    ("'", "'"),
    (
        "\N{LEFT DOUBLE QUOTATION MARK}\N{DOUBLE LOW-9 QUOTATION MARK}",
        "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}",
    ),
    ("\N{LEFT SINGLE QUOTATION MARK}", "\N{RIGHT SINGLE QUOTATION MARK}"),
)
TAG = "tag:yaml.org,2002:"


def check(path: str | Path) -> None:
    """Refuse a file that is not YAML, without keys at its top level, that runs something, or is easily misread.

    Misread are a key that stands twice and a text that a comma cuts.

    Parameters
    ----------
    path
        YAML or JSON file.

    Raises
    ------
    StudyError
        With the first mistake: file, line and column (from 1), the line, and a likely way to mend it.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise StudyError(
            f"There is no file '{Path(path).absolute()}', which describes the study.\n"
            "Write it (config/README.md has its keys), or name the folder of a study:\n"
            "snakemake --cores 4 --directory mystudy"
        ) from None
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror}.") from None
    text = _decoded(path, content)
    _refuse_hidden_breaks(path, text)
    try:
        top = root(text)
    except yaml.MarkedYAMLError as error:
        if not _is_json(text):
            raise StudyError(_told(path, text, *_explained(error, text))) from None
        return
    except RecursionError:
        raise _too_deep(path) from None
    except yaml.reader.ReaderError as error:
        place = _place(text[: error.position])
        what = f"the character U+{ord(text[error.position]):04X} may not be in a YAML file."
        raise StudyError(_told(path, text, place, what, "Delete it.")) from None
    if top is None:
        raise StudyError(f"{path}, line 1, column 1: the file is empty. config/README.md describes its keys.")
    start = (top.start_mark.line, top.start_mark.column)
    if not isinstance(top, yaml.MappingNode):
        kind = "a list" if isinstance(top, yaml.SequenceNode) else "text"
        mend = "Write keys with a colon, without a dash before them, as in 'title: Reading over a year'."
        raise StudyError(_told(path, text, start, f"the file has {kind} where its keys should stand.", mend))
    size, depth = _measured(top, {})
    if size > MOST_NODES:
        raise StudyError(f"{path} has more than {MOST_NODES:,} keys and values, its references (*name) written out.")
    if depth > MOST_DEEP:
        raise _too_deep(path)
    _refuse_running(path, text, top)
    _refuse_invisible(path, text, top)
    if cut := [(node.start_mark.line, node.start_mark.column) for node in _cut(top)]:
        raise StudyError(_told(path, text, cut[0], "YAML ends this text at the comma.", _mend_of_cut(text, cut)))
    for key, first in _twice(top):
        place, mend = (key.start_mark.line, key.start_mark.column), "Delete one of them, or give it another name."
        what = f"the key '{key.value}' stands twice; first in line {first.start_mark.line + 1}."
        raise StudyError(_told(path, text, place, what, mend))


def items(node: yaml.Node | None) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Keys and values of a mapping, with those that it takes over by `<<`; nothing of any other node."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if key.tag == f"{TAG}merge":
            for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                yield from items(merged)
        else:
            yield key, value


def _too_deep(path: str | Path) -> StudyError:
    return StudyError(f"{path}: brackets, lists or keys stand in each other more than {MOST_DEEP} deep.")


def _refuse_hidden_breaks(path: str | Path, text: str) -> None:
    """Refuse characters at which a line ends for YAML and not in an editor: they come with words of web pages."""
    if hidden := re.search("[\x85\u2028\u2029]", text):
        what = f"here is the character U+{ord(hidden[0]):04X}, which ends a line for YAML, and few editors show it."
        raise StudyError(_told(path, text, _place(text[: hidden.start()]), what, "Delete it."))


def _refuse_running(path: str | Path, text: str, top: yaml.MappingNode) -> None:
    for key, _ in items(top):
        if key.value == _RUNS:
            place = (key.start_mark.line, key.start_mark.column)
            what = f"with '{_RUNS}' a configuration would run Python; a study only describes."
            raise StudyError(_told(path, text, place, what, "Delete this key, and write out what it would compute."))


def _refuse_invisible(path: str | Path, text: str, top: yaml.MappingNode) -> None:
    """Refuse characters that quotes with a backslash can write, and that neither a file nor a page can have."""
    for node in _scalars(top):
        if wrong := re.search(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", node.value):
            place = (node.start_mark.line, node.start_mark.column)
            what = f"this text has the character U+{ord(wrong[0]):04X}, which no file or page can show."
            raise StudyError(_told(path, text, place, what, "Delete it."))


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """All keys and values below a node that are not lists or mappings."""
    if isinstance(node, yaml.ScalarNode):
        yield node
        return
    for member in node.value:
        for part in member if isinstance(node, yaml.MappingNode) else [member]:
            yield from _scalars(part)


def _measured(node: yaml.Node, known: dict[int, tuple[float, float]]) -> tuple[float, float]:
    """How many nodes a node stands for, its references written out, and how deep they are; infinite in a circle."""
    if id(node) not in known:
        known[id(node)] = math.inf, math.inf
        parts = node.value if isinstance(node, yaml.CollectionNode) else []
        members = [part for pair in parts for part in pair] if isinstance(node, yaml.MappingNode) else parts
        sizes, depths = zip((0, 0), *(_measured(member, known) for member in members), strict=True)
        known[id(node)] = 1 + sum(sizes), 1 + max(depths)
    return known[id(node)]


def _decoded(path: str | Path, content: bytes) -> str:
    try:
        # As files are opened: lines may end as on Windows, or as on old Macs.
        return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        place = _place(content[: error.start].decode("utf-8"))
        what = f"the byte 0x{content[error.start]:02X} is not UTF-8, as it should be."
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        likely = "UTF-16, which Windows calls Unicode" if wide else "such as Latin-1 or Windows-1252"
        mend = f"The file has another encoding, {likely}: save it as UTF-8."
        raise StudyError(_told(path, content.decode("utf-8", "replace"), place, what, mend)) from None


class _Loader(yaml.SafeLoader):
    """Says where a value is that is none of its kind: a date that no calendar has, or `!!int many`."""

    def construct_object(self, node, deep=False):
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError, AttributeError) as error:
            problem = f"this is no {node.tag.removeprefix(TAG)} ({str(error)[:80]})"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None


@lru_cache(maxsize=1)
def root(text: str) -> yaml.Node | None:
    """The nodes of a YAML text, all of which have a value; None of an empty one.

    Raises
    ------
    yaml.YAMLError
        If it cannot be read.
    """
    # Raises on a tag that it does not know, `!important`. It writes keys that `<<` takes over into its nodes, in which
    # a key that replaces one of them would stand twice: so the nodes are read once more.
    _Loader(text).get_single_data()
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _is_json(text: str) -> bool:
    """Whether a text is JSON, which may have tabs that YAML refuses."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _place(before: str) -> tuple[int, int]:
    """Line and column, from 0, of what comes after a text."""
    return before.count("\n"), len(before) - (before.rfind("\n") + 1)


def _told(path: str | Path, text: str, place: tuple[int, int], what: str, mend: str) -> str:
    """A message with the line of a place and a mark below it."""
    line, column = place
    start = max(0, column - SHOWN_AROUND)
    # Tabs are as wide as the terminal likes, and so the mark would stand elsewhere.
    excerpt = text.split("\n")[line][start : column + SHOWN_AROUND].replace("\t", "→")
    mark = " " * (column - start) + "^"
    return f"{path}, line {line + 1}, column {column + 1}: {what}\n\n    {excerpt}\n    {mark}\n{mend}"


def _explained(error: yaml.MarkedYAMLError, text: str) -> tuple[tuple[int, int], str, str]:
    """Place of a mistake, what is wrong, and how to mend it."""
    place = (error.problem_mark.line, error.problem_mark.column)
    opened = error.context_mark and (error.context_mark.line, error.context_mark.column)
    context, problem = error.context or "", error.problem or ""
    lines = text.split("\n")
    if "'\\t'" in problem:
        return place, "YAML does not allow a tab here.", "Indent with spaces."
    if "found ']'" in problem or "found '}'" in problem:
        return place, "this bracket closes nothing.", "Delete it, or put the text that it belongs to in quotes."
    if twice := re.match("found duplicate anchor '(.+)'", context):
        return place, f"the anchor '&{twice[1]}' stands twice; first in line {opened[0] + 1}.", "Give it another name."
    if mended := _with_quotes(lines, place):
        shown = f":\n\n    {mended.strip()}" if len(mended) < 3 * SHOWN_AROUND else "."
        return place, "YAML does not read this as text.", f"Put the text in quotes{shown}"
    for number in (place[0], place[0] - 1):
        if 0 <= number < len(lines) and (blank := re.search(r"[^\S \t\r]", lines[number])):
            what = f"this blank is the character U+{ord(blank[0]):04X}, which only looks like one."
            return (number, blank.start()), what, "Delete it and press the space bar."
    if "quoted scalar" in context:
        mark = lines[opened[0]][opened[1]]
        return opened, f"the quotation mark {mark} that opens here is not closed.", "Close it."
    if "flow mapping" in context and (mended := _with_quoted_keys(lines, place[0])):
        return place, "a key with brackets needs quotes where it stands in braces.", f"Write:\n\n    {mended.strip()}"
    if "flow mapping" in context or "flow sequence" in context:
        bracket = lines[opened[0]][opened[1]]
        end = "}" if bracket == "{" else "]"
        mend = f"Close it with '{end}', put a comma between its entries, or put text with special characters in quotes."
        return opened, f"the bracket '{bracket}' that opens here is not closed by '{end}' where it should be.", mend
    if "found another document" in problem:
        return place, "a second document begins here.", "Delete the line '---'."
    if "block end" in problem and "block mapping start" in problem:
        mend = (
            f"Keys of one section begin in the same column; those of the section around it in column {opened[1] + 1}."
        )
        return place, "this line is not indented as those before it.", mend
    if "block end" in problem and "block collection" in context:
        mend = f"Begin it with '-' in column {opened[1] + 1}, or take away the dashes where keys are wanted."
        return place, "this line is in the column of a list, whose entries begin with '-'.", mend
    if "mapping values" in problem:
        mend = "Check its indentation, and whether the line before it lacks a colon or has text in more than one line."
        return place, "a key stands here, where YAML expects none.", mend
    return place, f"YAML cannot read this: {problem}.", "Text with any of : # [ ] { } , & * ! | > % @ ` ? needs quotes."


def _with_quotes(lines: list[str], place: tuple[int, int]) -> str | None:
    """The line of a mistake with its text in quotes, if that mends it."""
    number, column = place
    if number >= len(lines):
        return None
    for start, end in _texts(lines[number], column):
        line = lines[number]
        mended = line[:start] + _quoted(line[start:end]) + line[end:]
        try:
            root("\n".join([*lines[:number], mended, *lines[number + 1 :]]))
        except yaml.MarkedYAMLError as error:
            # Another mistake may be further down.
            if (error.context_mark or error.problem_mark).line <= number:
                continue
        except yaml.YAMLError:
            continue
        return mended
    return None


def _with_quoted_keys(lines: list[str], number: int) -> str | None:
    """A line with its keys such as b[x] in quotes, if that mends it."""
    mended = re.sub(r"(?<=[{,\s])(\w+\[[^\]\"'{}]*\])(?=\s*:)", r'"\1"', lines[number])
    if mended == lines[number]:
        return None
    try:
        root("\n".join([*lines[:number], mended, *lines[number + 1 :]]))
    except yaml.YAMLError:
        return None
    return mended


def _texts(line: str, column: int) -> Iterator[tuple[int, int]]:
    """Where text that should be quoted may begin and end in a line: between commas and brackets, or after the key."""
    before = line[:column]
    starts = [before.rfind(mark) + len(mark) for mark in ("{", "[", ",", ": ", "- ") if mark in before]
    ends = [end for mark in ",]}" if (end := line.find(mark, column)) >= 0]
    spans = [(max(starts), min(ends, default=len(line)))] if starts else []
    if (colon := line.find(": ")) >= 0 and not line[colon + 2 :].lstrip().startswith(("[", "{")):
        spans.append((colon + 2, len(line)))
    for start, end in spans:
        text = line[start:end]
        if text.strip():
            yield start + len(text) - len(text.lstrip()), start + len(text.rstrip())


def _quoted(text: str) -> str:
    """A text as YAML in quotes, without those at its ends if they are a pair, as those of word processors are too."""
    if len(text) > 1 and any(text[0] in first and text[-1] in last for first, last in _QUOTES):
        text = text[1:-1]
    return f'"{text}"' if '"' not in text and "\\" not in text else "'" + text.replace("'", "''") + "'"


def _cut(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Texts without quotes that a comma ends inside of their parentheses: ``Normal(0`` of ``{sd: Normal(0, 1)}``."""
    members = getattr(node, "value", None)
    if isinstance(node, yaml.MappingNode):
        members = [member for pair in members for member in pair]
    elif not isinstance(node, yaml.SequenceNode):
        return
    for member in members:
        plain = isinstance(member, yaml.ScalarNode) and member.style is None
        if node.flow_style and plain and member.value.count("(") > member.value.count(")"):
            yield member
        yield from _cut(member)


def _mend_of_cut(text: str, cut: list[tuple[int, int]]) -> str:
    number = cut[0][0]
    mended = _whole(text.split("\n")[number], [column for line, column in cut if line == number])
    return (
        f"Put the text in quotes:\n\n    {mended.strip()}" if mended else "Close its parenthesis, and put it in quotes."
    )


def _whole(line: str, starts: list[int]) -> str | None:
    """A line with the texts in quotes that begin at some columns, up to their ends; None if one has none."""
    for start in sorted(starts, reverse=True):
        depths = accumulate((char == "(") - (char == ")") for char in line[start:])
        outside = (start + i for i, depth in enumerate(depths) if depth == 0 and line[start + i] in ",]}")
        end = next(outside, None)
        if end is None:
            return None
        line = line[:start] + _quoted(line[start:end].rstrip()) + line[end:]
    return line


def _twice(node: yaml.Node) -> Iterator[tuple[yaml.ScalarNode, yaml.ScalarNode]]:
    """Keys that stand in a mapping for the second time, of which YAML keeps the last, with the first ones."""
    if isinstance(node, yaml.SequenceNode):
        for member in node.value:
            yield from _twice(member)
    if not isinstance(node, yaml.MappingNode):
        return
    first: dict[str, yaml.ScalarNode] = {}
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode) and first.setdefault(key.value, key) is not key:
            yield key, first[key.value]
        yield from _twice(value)
