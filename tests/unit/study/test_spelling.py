import json

import pytest
import yaml
from partialpool.errors import StudyError
from partialpool.study import config, spelling

from study.editing import SHIPPED


def told(tmp_path, text):
    """Mistakes of a file, without its path."""
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return [str(mistake).replace(str(file), "FILE") for mistake in spelling.mistakes(file)]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("007", "7"),
        ("010", "8"),
        ("1_000", "1000"),
        ("0x1F", "31"),
        ("0b11", "3"),
        ("+7", "7"),
        ("-0", "0"),
        ("1:30", "90"),
        ("1.50", "1.5"),
        ("1.5e+3", "1500.0"),
        ("no", "False"),
        ("Yes", "True"),
        ("NULL", "None"),
        ("2026-11-24 10:00:00Z", "2026-11-24 10:00:00+00:00"),
    ],
)
def test_an_id_that_yaml_reads_as_something_else_is_refused(tmp_path, written, value):
    text = f"predictions:\n  some:\n    units: [a, {written}]\n"
    assert told(tmp_path, text) == [
        f"predictions.some.units: YAML reads {written} as {value} (FILE, line 3, column 16); write '{written}'."
    ]


@pytest.mark.parametrize(
    "written", ["7", "-7", "0", "'007'", '"no"', "!!str 007", "a07", "0o17", "1e3", "2026-11-24", "P-1", "1 000"]
)
def test_an_id_that_yaml_keeps_is_not(tmp_path, written):
    assert told(tmp_path, f"predictions:\n  some:\n    units: [{written}]\n") == []


def test_ids_of_figures_and_in_blocks_are_seen_too(tmp_path):
    text = "figures:\n  lines:\n    units:\n      - 7\n      - 08\n      - 07\n"
    assert told(tmp_path, text) == [
        "figures.lines.units: YAML reads 07 as 7 (FILE, line 6, column 9); write '07'.",
    ]


def test_ids_behind_an_anchor_and_a_merge_are_seen(tmp_path):
    text = "predictions:\n  a: &a {units: &ids [01]}\n  b: {<<: *a}\n  c: {units: *ids}\n  d: {<<: [*a]}\n"
    assert [line.partition(": ")[0] for line in told(tmp_path, text)] == [f"predictions.{n}.units" for n in "abcd"]
    assert all("line 2, column 23" in line for line in told(tmp_path, text))


def test_a_number_of_units_is_no_id(tmp_path):
    assert (
        told(tmp_path, "predictions: {a: {units: 1_000}}\nfigures: {b: {units: all}}\nmodels: {m: {units: [8]}}") == []
    )


@pytest.mark.parametrize("written", ["0", "0.50", "-1.5e+3", "PD", "'01'", ".inf"])
def test_a_covariate_may_be_any_number(tmp_path, written):
    assert told(tmp_path, f"predictions: {{a: {{at: {{week: [{written}]}}}}}}") == []


@pytest.mark.parametrize(("written", "value"), [("01", "1"), ("yes", "True"), ("1_0.5", "10.5"), ("1:30", "90")])
def test_a_covariate_that_yaml_reads_as_something_else_is_refused(tmp_path, written, value):
    assert told(tmp_path, f"predictions: {{a: {{at: {{school: [{written}]}}}}}}") == [
        f"predictions.a.at.school: YAML reads {written} as {value} (FILE, line 1, column 33); write '{written}', or "
        f"{value} if that is meant."
    ]


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "predictions: 5", "predictions: {a: 5}", "\t", "figures:\n"])
def test_a_file_of_another_form_has_no_such_mistakes(tmp_path, text):
    assert told(tmp_path, text) == []
    assert list(spelling.mistakes(tmp_path / "nowhere.yaml")) == []


def test_json_is_yaml(tmp_path):
    assert told(tmp_path, json.dumps({"predictions": {"a": {"units": [1, "07"], "at": {"week": [0.5]}}}})) == []


def test_a_configuration_tells_each_such_id_once_beside_other_mistakes(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(SHIPPED).replace("- 48\n", "- 047\n").replace("- 137\n", "- no\n"), encoding="utf-8")
    changed = yaml.safe_load(file.read_text(encoding="utf-8")) | {"titel": "x"}
    with pytest.raises(StudyError) as error:
        config.load(changed, [file])
    lines = str(error.value).splitlines()
    assert lines[0].startswith(f"The configuration ({file}) has ")
    known = [line for line in lines if line.startswith("  predictions.known-people")]
    assert [line.split(" (")[0] for line in known] == [
        "  predictions.known-people.units: YAML reads 047 as 39",
        "  predictions.known-people.units: YAML reads no as False",
    ]
    assert sum(line.startswith("  top level: unknown key 'titel'") for line in lines) == 1


def test_levels_of_categories_are_seen_too(tmp_path):
    assert told(tmp_path, "data:\n  types:\n    smokes: [no, 'yes']\n    stage: [1, 2]\n    x: number\n") == [
        "data.types.smokes: YAML reads no as False (FILE, line 3, column 14); write 'no'.",
    ]
