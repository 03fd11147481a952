import pytest
from partialpool.errors import StudyError
from partialpool.study.messages import Mistake, told

from study.editing import DROP, SHIPPED, TRAJECTORIES, edited, load, mistakes


def test_mistakes_are_told_with_their_places_and_files():
    one, other = Mistake("models.m1.formula", "is wrong."), Mistake("", "is missing.")
    assert told([one], ["config/config.yaml"]).splitlines() == [
        "The configuration (config/config.yaml) has 1 mistake:",
        "  models.m1.formula: is wrong.",
        "Every key is described in config/README.md.",
    ]
    assert told([one, other], []).splitlines()[:1] == ["The configuration has 2 mistakes:"]
    assert told([one, other], ["a.yaml", "b.yaml"]).splitlines()[0].endswith("(a.yaml, b.yaml) has 2 mistakes:")
    assert "  top level: is missing." in told([other], [])


def test_very_many_mistakes_are_counted_and_not_all_shown():
    broken = edited({f"models/m{i}": {} for i in range(11)})
    with pytest.raises(StudyError) as error:
        load(study=broken)
    head, *lines, _ = str(error.value).splitlines()
    assert head.endswith("has 22 mistakes:")
    assert len(lines) == 16
    assert lines[-1] == "  ... and 7 more"


@pytest.mark.parametrize(
    ("key", "where"),
    [
        ("title", "title"),
        ("data", "data"),
        ("data/outcome", "data.outcome"),
        ("data/unit", "data.unit"),
        ("models", "models"),
        ("models/m71.5/title", "models.m71.5.title"),
        ("models/m71.5/formula", "models.m71.5.formula"),
        ("comparisons/growth/title", "comparisons.growth.title"),
        ("comparisons/growth/models", "comparisons.growth.models"),
        ("predictions/new-people/models", "predictions.new-people.models"),
        ("figures/trajectories/alt", "figures.trajectories.alt"),
        ("figures/shrinkage/predictions", "figures.shrinkage.predictions"),
        ("figures/intercepts-slopes/model", "figures.intercepts-slopes.model"),
        ("published/folder", "published.folder"),
    ],
)
def test_a_missing_key_is_named(key, where):
    assert mistakes({key: DROP}) == [f"{where}: this key is missing."]


@pytest.mark.parametrize(
    ("path", "value", "where", "words"),
    [
        ("title", 5, "title", ["text belongs here, not 5. Put it in quotes: '5'."]),
        ("data", "mlm.csv", "data", ["keys with values, as in 'key: value', belong here, not 'mlm.csv'."]),
        ("models", {}, "models", ["at least 1"]),
        ("models", ["m1"], "models", ["keys with values"]),
        ("models/m71.1", None, "models.m71.1", ["keys with values", "nothing stands here"]),
        ("title", None, "title", ["text belongs here, and nothing stands here.", "a comment"]),
        ("title", True, "title", ["Put the word in quotes."]),
        ("data/source", "", "data.source", ["text belongs here, and nothing stands here."]),
        ("data/bounds", [0.5], "data.bounds[1]", ["one more value belongs here."]),
        ("comparisons/growth/models", "m71.3", "comparisons.growth.models", ["a list belongs here", "Write [m71.3]."]),
        (
            "sampling",
            {"iter": 2000},
            "sampling",
            ["unknown key 'iter'. Write 'draws', those kept of each chain. Valid"],
        ),
        ("checks", {"rhat": "low"}, "checks.rhat", ["number", "low"]),
        ("on_failed_check", "halt", "on_failed_check", ["'report' or 'stop'", "halt"]),
        (
            "models/two words",
            SHIPPED["models"]["m71.1"],
            "models.two words",
            ["unaccented letters", "two words", "Write two-words."],
        ),
        ("figures/a\N{FRACTION SLASH}b", TRAJECTORIES, "figures.a\N{FRACTION SLASH}b", ["unaccented letters"]),
    ],
)
def test_a_mistake_is_told_with_its_key_and_its_value(path, value, where, words):
    (line,) = mistakes({path: value})
    assert line.startswith(f"{where}: ")
    for word in words:
        assert word in line.removeprefix(f"{where}: ")


def test_several_mistakes_are_listed_at_once():
    lines = mistakes(
        {
            "title": DROP,
            "data/outcom": "con",
            "sampling/chains": 0,
            "models/m71.1/formula": "con",
            "models/m71.2/priors/sd": "Normal(0, 1)",
            "models/m71.2/draws": "many",
            "comparisons/pooling/models": [],
            "published/rename": {"(": ""},
        }
    )
    assert [line.partition(": ")[0] for line in lines] == [
        "title",
        "data",
        "sampling.chains",
        "models.m71.1.formula",
        "models.m71.2.priors",
        "models.m71.2.draws",
        "comparisons.pooling.models",
        "published.rename",
    ]


@pytest.mark.parametrize("long", ["x" * 5000, "x y " * 2000])
@pytest.mark.parametrize(
    ("path", "value", "ending"),
    [
        ("comparisons/growth/models", lambda long: ["m71.1", long], "Valid: m71.1, m71.2, m71.3, m71.4, m71.5."),
        ("models/m71.1/family", str, "zero_inflated_poisson."),
        ("models/m71.1/formula", str, ""),
        ("models/m71.1/priors", lambda long: {"b": long}, ""),
        ("data/encoding", str, ""),
        ("title", lambda long: 10**4000, ""),
    ],
)
def test_of_a_long_value_the_beginning_is_shown_and_what_is_valid(path, value, ending, long):
    told = mistakes({path: value(long)})
    assert all(len(line) < 1200 for line in told)
    assert any(ending in line for line in told)
