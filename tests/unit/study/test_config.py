import re

import pytest
import yaml
from partialpool.errors import StudyError
from partialpool.model.grammar import FUNCTIONS
from partialpool.study import config

from study.editing import ROOT, SHIPPED


def test_the_files_are_named(tmp_path):
    with pytest.raises(StudyError, match=r"^The configuration \(demo/config\.yaml, more\.yaml\) has 3 mistakes:"):
        config.load({}, ["demo/config.yaml", "more.yaml"])


def test_keys_of_the_command_line_are_named():
    with pytest.raises(StudyError, match=r"^The configuration \(a\.yaml, --config data\) has"):
        config.load({"data": {"source": ""}}, ["a.yaml"], ["data"])


@pytest.mark.parametrize("nothing", [None, [], "config.yaml"])
def test_a_file_that_is_no_mapping_is_a_mistake(nothing):
    with pytest.raises(StudyError, match=r"has 1 mistake:\n  top level: keys with values"):
        config.load(nothing)


def test_what_was_loaded_can_be_loaded_again():
    study = config.load(SHIPPED)
    assert config.load(study.model_dump(mode="json")) == study


# ------------------------------------------------------------------------------------- schema


def test_the_schema_is_the_one_that_editors_use():
    assert yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text()) == config.schema()


def test_every_section_and_every_key_is_described_and_no_other_is_allowed():
    schema = config.schema()
    sections = {"Study": schema} | schema["$defs"]
    assert len(sections) > 10
    for name, section in sections.items():
        assert section["description"], name
        assert section["additionalProperties"] is False, name
        for key, entry in section["properties"].items():
            assert entry.get("description"), f"{name}.{key}"


def test_every_key_is_in_the_readme():
    readme = (ROOT / "config/README.md").read_text(encoding="utf-8")
    schema = config.schema()
    for section in [schema, *schema["$defs"].values()]:
        for key in section["properties"]:
            assert re.search(rf"`{key}`|\b{key}:", readme), key


def test_every_function_that_a_formula_may_call_is_in_the_readme():
    readme = (ROOT / "config/README.md").read_text(encoding="utf-8")
    assert [function for function in FUNCTIONS if f"`{function}`" not in readme] == []
