import json
import textwrap

import pytest
from partialpool.errors import StudyError
from partialpool.study import syntax

from study.editing import ROOT


@pytest.fixture
def said(tmp_path):
    """What is said of a file with a text or with bytes in it; nothing if it is right."""

    def of(content: str | bytes) -> str:
        file = tmp_path / "config.yaml"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        try:
            syntax.check(file)
        except StudyError as error:
            return str(error).replace(str(file), "FILE")
        return ""

    return of


@pytest.mark.parametrize("file", ["config/config.yaml", "demo/config/config.yaml", "benchmarks/scale.yaml"])
def test_the_files_of_the_project_are_right(file):
    syntax.check(ROOT / file)


@pytest.mark.parametrize("text", [json.dumps({"title": "x"}, indent="\t"), "\ufefftitle: x", "title: x\r\ntext: y\r\n"])
def test_what_snakemake_reads_is_right(said, text):
    assert said(text) == ""


def test_the_place_the_line_and_the_mend_are_told(said):
    assert said("title: Herds\ncomparisons:\n  two: {title: Does it?, models: [a, b]}\n") == textwrap.dedent("""\
        FILE, line 3, column 23: YAML does not read this as text.

              two: {title: Does it?, models: [a, b]}
                                  ^
        Put the text in quotes:

            two: {title: "Does it?", models: [a, b]}""")


@pytest.mark.parametrize(
    ("text", "place", "mended"),
    [
        ("title: Herds: a study", "line 1, column 13", 'title: "Herds: a study"'),
        ("a: 1\ntext: *All* herds", "line 2, column 11", 'text: "*All* herds"'),
        ("title: `size` of herds", "line 1, column 8", 'title: "`size` of herds"'),
        ("title: @home", "line 1, column 8", 'title: "@home"'),
        ("title: !important", "line 1, column 8", 'title: "!important"'),
        ("title: 2020-02-30", "line 1, column 8", 'title: "2020-02-30"'),
        ("title: > 5 herds", "line 1, column 10", 'title: "> 5 herds"'),
        ('title: "big" herds', "line 1, column 14", "title: '\"big\" herds'"),
        ("title: 'a herd's size'", "line 1, column 16", 'title: "a herd\'s size"'),
        ("labels: {y: Size: cm, x: Time}", "line 1, column 17", 'labels: {y: "Size: cm", x: Time}'),
        ("title: \u201cHerds: a study\u201d", "line 1, column 14", 'title: "Herds: a study"'),
        ("models:\n  - title: One: two", "line 2, column 15", '- title: "One: two"'),
        # Another mistake further down does not hide the mend of the first one.
        ("a: {b: Is it?, c: 1}\nd: {e: Is it?, f: 1}", "line 1, column 13", 'a: {b: "Is it?", c: 1}'),
    ],
)
def test_text_that_needs_quotes_is_shown_with_them(said, text, place, mended):
    first, *_, last = said(text).splitlines()
    assert first.startswith(f"FILE, {place}: ")
    assert last.strip() == mended


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        ("data:\n\tunit: id\n", "line 2, column 1", ["a tab", "→unit: id", "Indent with spaces."]),
        ("a:\n  models: [m1, m2\nb: 3\n", "line 2, column 11", ["the bracket '['", "not closed by ']'"]),
        ("a: {at: {x: [1]}\n", "line 1, column 4", ["the bracket '{'", "not closed by '}'"]),
        ("a: [1, 2]]\n", "line 1, column 10", ["this bracket closes nothing"]),
        ('title: "Herds\ntext: x\n', "line 1, column 8", ['the quotation mark " that opens here is not closed']),
        ("data:\n    unit: id\n  time: x\n", "line 3, column 3", ["not indented as those before it"]),
        ("title Herds\ndata: {}\n", "line 2, column 5", ["lacks a colon"]),
        ("a:\n  - b: 1\n  c: 2\n", "line 3, column 3", ["the column of a list", "Begin it with '-' in column 3"]),
        ("a:\n  b:\u00a0x\n  c: 2\n", "line 2, column 5", ["U+00A0, which only looks like one"]),
        ("p: {b: 1, sd[x]: 2}\n", "line 1, column 13", ["a key with brackets", 'p: {b: 1, "sd[x]": 2}']),
        ("title: x\n".encode("utf-16"), "line 1, column 1", ["UTF-16, which Windows calls Unicode"]),
        ("a: 1\n---\nb: 2\n", "line 2, column 1", ["a second document"]),
        ("a: x\ry: [1\r", "line 2, column 4", ["the bracket '['", "y: [1"]),
        # YAML counts more lines than an editor shows; the last of these cases was a stack.
        ("a: 1\n# x\u2028b: 2", "line 2, column 4", ["U+2028, which ends a line for YAML", "Delete it."]),
        ('a: "x\x85y"', "line 1, column 6", ["U+0085, which ends a line for YAML"]),
        ('a: "x\u2029y"\nb: {c: 1', "line 1, column 6", ["U+2029, which ends a line for YAML"]),
        ("a: {b: 1,, c: 2}", "line 1, column 10", ["YAML cannot read this: expected the node content"]),
        ("a: x\nb: \x01y", "line 2, column 4", ["the character U+0001"]),
        ("models:\n  m1: 1\n  m2: 2\n  m1: 3\n", "line 4, column 3", ["'m1' stands twice; first in line 2"]),
        ("a: [{b: 1, b: 2}]", "line 1, column 12", ["'b' stands twice"]),
        ("", "line 1, column 1", ["empty"]),
        ("# nothing\n", "line 1, column 1", ["empty"]),
        ("\n- title: x\n", "line 2, column 1", ["has a list where its keys", "- title: x", "without a dash"]),
        ("Herds\n", "line 1, column 1", ["has text where its keys"]),
        ("a: ü\ntitle: Kühe in Köln\n".encode("latin-1"), "line 1, column 4", ["0xFC is not UTF-8", "Latin-1"]),
        ("a: ü\n".encode() + b"title: K\xfche", "line 2, column 9", ["title: K\N{REPLACEMENT CHARACTER}he"]),
    ],
)
def test_other_mistakes_are_told_with_their_places(said, content, place, words):
    message = said(content)
    assert message.startswith(f"FILE, {place}: ")
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("text", "place", "mended"),
    [
        (
            "priors: {Intercept: Normal(0, 1), b: Normal(0, (2)), sd: Exponential(1)}",
            "line 1, column 21",
            'priors: {Intercept: "Normal(0, 1)", b: "Normal(0, (2))", sd: Exponential(1)}',
        ),
        (
            "m:\n  a: {formula: y ~ bs(x, df=4) + z, title: A}",
            "line 2, column 16",
            'a: {formula: "y ~ bs(x, df=4) + z", title: A}',
        ),
        ("a: [log(x, y), z]", "line 1, column 5", 'a: ["log(x, y)", z]'),
        # Not closed at all.
        ("a: {b: f(x, c: 1}", "line 1, column 8", "Close its parenthesis, and put it in quotes."),
    ],
)
def test_a_text_that_a_comma_cuts_is_shown_in_quotes(said, text, place, mended):
    first, *_, last = said(text).splitlines()
    assert first == f"FILE, {place}: YAML ends this text at the comma."
    assert last.strip() == mended


@pytest.mark.parametrize(
    "text", ['a: {b: "Normal(0, 1)"}', "a:\n  b: Normal(0, 1)", "a: {b: Exponential(1)}", "a: ('(' is fine"]
)
def test_texts_that_no_comma_cuts_are_right(said, text):
    assert said(text) == ""


def test_of_a_long_line_only_what_is_around_the_mistake_is_shown(said):
    _, _, line, mark, *_ = said(f"a: [{'word ' * 100}: {{ {'word ' * 100}").splitlines()
    assert len(line) < 140
    assert len(mark) <= len(line)


def test_a_file_that_is_not_there_is_named_with_its_folder(tmp_path):
    with pytest.raises(StudyError, match=rf"There is no file '{tmp_path}/config\.yaml'.*\n.*\n.*--directory mystudy"):
        syntax.check(tmp_path / "config.yaml")


def test_a_folder_in_place_of_the_file(tmp_path):
    with pytest.raises(StudyError, match=r"cannot be read: Is a directory\."):
        syntax.check(tmp_path)


def test_a_file_that_would_run_python_is_refused(said):
    message = said("title: x\n__use_yte__: true\n__definitions__:\n  - import os\n")
    assert message.startswith("FILE, line 2, column 1: with '__use_yte__' a configuration would run Python")
    assert "with '__use_yte__'" in said("a: &a {__use_yte__: true}\n<<: *a\n")
    assert "with '__use_yte__'" in said('"\\x5f_use_yte__": true')
    assert said("text: __use_yte__\n") == ""


@pytest.mark.parametrize("depth", [41, 1000])
def test_brackets_in_each_other_are_limited(said, depth):
    assert "more than 40 deep" in said(f"text: {'[' * depth}{']' * depth}\n")
    assert said(f"text: {'[' * 30}{']' * 30}\n") == ""


def test_references_that_grow_or_run_in_circles_are_refused(said):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    assert "more than 100,000 keys and values, its references" in said("\n".join(lines))
    assert "more than 100,000 keys and values, its references" in said("a: &a [x, *a]")
    assert said("a: &a [1, 2]\nb: *a\nc: *a\n") == ""


def test_a_key_may_replace_one_that_is_taken_over(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("a: &a {title: A, formula: y ~ 1}\nb:\n  <<: *a\n  title: B\nc:\n  <<: [{x: 1}, {x: 2}]\n")
    syntax.check(file)
