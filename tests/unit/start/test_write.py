import re

import pytest
import yaml
from partialpool.errors import StudyError
from partialpool.start import ladder, priors, write
from partialpool.start.columns import look
from partialpool.start.family import propose
from partialpool.study import config

from start.conftest import made_up


@pytest.fixture
def text(facts, settle):
    """The config of a table."""

    def text(frame, *columns, levels=(), **kinds):
        settled, found = settle(frame, *columns, levels=levels), facts(frame, *columns, levels=levels)
        family = propose(found.frame[found.outcome], found.frame[found.unit])
        scale = priors.scale(family, found.measured[found.outcome])
        values = {"source": "herds.csv", "sha256": "0" * 64, "others": [], "schema": None} | kinds
        return write.text(found, settled, family, scale, ladder.build(found, family, scale), **values)

    return text


def test_the_config_is_right_and_says_why(text):
    written = text(made_up())
    write.check(written)
    study = config.load(yaml.safe_load(written))
    assert study.title == "Score by herd"
    assert study.data.nouns.unit == ("herd", "herds")
    assert study.models["time"].priors["sd"] == study.models["pooled"].priors["sd"]
    comments = " ".join(re.findall(r"# *(.*)", written))
    assert "Family: gaussian, since the outcome has numbers from" in comments
    assert "centre: mean, 5" in comments
    assert max(map(len, written.splitlines())) <= 120


def test_what_is_odd_in_the_data_is_said(text):
    frame = made_up().assign(herd=lambda frame: frame["herd"].str[1:].astype(int)).astype({"month": float})
    frame.loc[[1, 2], "score"] = None
    frame.loc[4, "month"] = None
    others = [column for column in look_at(frame) if column.name == "visitor"]
    written = text(frame, others=others)
    write.check(written)
    for words in (
        "2 of 60 rows have no value",
        "Its numbers are taken as names.",
        "1 measurements have none. All models leave them out",
        "may be codes: visitor (1, 2, 3, 4)",
        "can be added to formulas, as + visitor, or as + (1 | column) where",
    ):
        assert words in written, words


def test_examples_of_formulas_name_columns_that_look_like_it(text):
    frame = made_up()
    frame = frame.assign(row_id=range(100, 160), cow=[f"{h}{i % 2}" for i, h in enumerate(frame["herd"])])
    others = [column for column in look_at(frame) if column.name in ("row_id", "cow", "visitor")]
    assert "as + visitor, or as + (1 | cow) where" in " ".join(text(frame, others=others).split())


def look_at(frame):
    from partialpool.data.table import Table

    return look(Table(frame.astype("str").assign(row=range(len(frame)))))


@pytest.mark.parametrize(
    "ids", [["007", "no", "1_0", "1:30"], ["null", "~", "2024-01-01", "a, b"], ["#1", "'", '"', "x: y"]]
)
def test_ids_that_yaml_reads_as_something_else_stand_in_quotes(text, ids):
    frame = made_up(n_units=4)
    frame["herd"] = [ids[int(herd[1:])] for herd in frame["herd"]]
    write.check(text(frame))


@pytest.mark.parametrize("column", ["no", "my herd", "Größe", "2nd", "herd.id", "a: b", "100%"])
def test_odd_names_of_columns(text, column):
    written = text(made_up().rename(columns={"herd": column}), "score", column, "month", "region")
    write.check(written)
    assert config.load(yaml.safe_load(written)).data.unit == column


@pytest.mark.parametrize("values", [["no", "yes"], [1, 2], ["On", "Off"]])
def test_outcomes_with_levels(text, values):
    written = text(made_up().assign(score=values * 30))
    write.check(written)
    assert config.load(yaml.safe_load(written)).models["pooled"].family == "bernoulli"


def test_editors_find_the_schema(text):
    assert text(made_up(), schema="../x.yaml").startswith("# yaml-language-server: $schema=../x.yaml\n# Written by")


def test_a_defect_of_this_room_is_noticed():
    with pytest.raises(StudyError, match="this key is missing"):
        write.check("title: Herds\n")
