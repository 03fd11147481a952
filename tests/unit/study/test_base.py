import re

import pytest

from study.editing import DROP, SIMULATE, SMALL, load, mistakes


@pytest.mark.parametrize(
    ("key", "near", "where"),
    [
        ("modells", "models", "top level"),
        ("data/outcom", "outcome", "data"),
        ("sampling/chain", "chains", "sampling"),
        ("models/m71.1/formla", "formula", "models.m71.1"),
        ("comparisons/pooling/model", "models", "comparisons.pooling"),
        ("predictions/new-people/new_unit", "new_units", "predictions.new-people"),
        ("figures/trajectories/unts", "units", "figures.trajectories"),
        ("figures/shrinkage/secton", "section", "figures.shrinkage"),
        ("figures/intercepts-slopes/models", "model", "figures.intercepts-slopes"),
        ("published/foldr", "folder", "published"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_and_all_valid_keys(key, near, where):
    word = key.split("/")[-1]
    (line,) = mistakes({key: "x"})
    assert line.startswith(f"{where}: unknown key '{word}'. Did you mean '{near}'? Valid keys: ")
    assert re.search(rf"[ ,]{near}[,.]", line.partition("Valid keys:")[2])


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"checks": {"rhatt": 1.1}}, "checks: unknown key 'rhatt'. Did you mean 'rhat'?"),
        ({"data/nouns": {"units": ["herd", "herds"]}}, "data.nouns: unknown key 'units'. Did you mean 'unit'?"),
        (
            {"data/simulate": SIMULATE | {"seeds": 1}, "data/source": DROP, "data/sha256": DROP},
            "data.simulate: unknown key 'seeds'. Did you mean 'seed'?",
        ),
    ],
)
def test_unknown_keys_of_sections_that_the_shipped_study_does_not_have(changes, line):
    assert [told.partition(" Valid keys:")[0] for told in mistakes(changes)] == [line]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"data/unit": DROP, "data/person": "id"}, "data: the key 'person' is called 'unit' now."),
        ({"data/person": "id"}, "data: the key 'person' is called 'unit' now."),
        (
            {"predictions/known-people/units": DROP, "predictions/known-people/people": [48, 137, 146]},
            "predictions.known-people: the key 'people' is called 'units' now.",
        ),
        (
            {"predictions/new-people/new_units": DROP, "predictions/new-people/new_people": 3},
            "predictions.new-people: the key 'new_people' is called 'new_units' now.",
        ),
        (
            {"figures/trajectories/units": DROP, "figures/trajectories/people": 20},
            "figures.trajectories: the key 'people' is called 'units' now.",
        ),
        (
            {"figures/person-means/units": DROP, "figures/person-means/people": 20},
            "figures.person-means: the key 'people' is called 'units' now.",
        ),
        (
            {"sampling/person_effects": "draws"},
            "sampling: the key 'person_effects' is called 'group_effects' now.",
        ),
        (
            {"models/m71.5/person_effects": "summary"},
            "models.m71.5: the key 'person_effects' is called 'group_effects' now.",
        ),
        (
            {
                "data/simulate": {key: value for key, value in SIMULATE.items() if key != "units"} | {"people": 10},
                "data/source": DROP,
                "data/sha256": DROP,
            },
            "data.simulate: the key 'people' is called 'units' now.",
        ),
        ({"sampling/engine": "collapsed"}, "sampling.engine: the engine 'collapsed' is called 'marginal' now."),
        (
            {"models/m71.5/engine": "collapsed"},
            "models.m71.5.engine: the engine 'collapsed' is called 'marginal' now.",
        ),
    ],
)
def test_an_old_key_or_value_is_told_once_with_its_new_name(changes, line):
    assert mistakes(changes) == [line]


def test_what_stands_under_an_old_key_is_checked_too():
    changes = {"predictions/new-people/new_units": DROP, "predictions/new-people/new_people": 0}
    assert mistakes(changes) == [
        "predictions.new-people: the key 'new_people' is called 'new_units' now.",
        "predictions.new-people.new_units: Input should be greater than or equal to 1 (it is 0).",
    ]


def test_an_unknown_key_hides_no_other_mistake_beside_it():
    lines = mistakes({"sampling/chain": 4, "sampling/drawz": 10, "sampling/warmup": 0})
    assert sorted(line.partition(": ")[0] for line in lines) == ["sampling", "sampling", "sampling.warmup"]


def test_ids_are_text_however_they_are_written(study):
    assert study.predictions["known-people"].units == ["48", "137", "146"]
    written = {"predictions/known-people/units": ["48", 137, "p-3"], "figures/expected-predicted/units": [137, "p-3"]}
    assert load(written).figures["expected-predicted"].units == ["137", "p-3"]


@pytest.mark.parametrize("value", ["some", [1.5], [True], [None], 0, -1, True, {"a": 1}, [[1]]])
def test_units_are_all_a_number_or_ids(value):
    assert mistakes({"figures/trajectories/units": value}) == [
        f"figures.trajectories.units: takes 'all', a number of units, or a list of ids, not {value!r}."
    ]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x" * 260, "String should have at most 100 characters"),
        ("ab" * 20, f"the name '{'ab' * 20}' repeats itself"),
        ("../m", "a name becomes the name of files"),
        ("", "a name becomes the name of files"),
        (".hidden", "a name becomes the name of files"),
    ],
)
def test_names_that_cannot_be_those_of_files_are_refused(name, words):
    (line,) = mistakes({"models": {name: SMALL["models"]["m1"]}}, SMALL)
    assert words in line
