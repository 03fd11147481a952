import copy
import json
import re
from pathlib import Path

import pytest
import yaml
from partialpool.errors import StudyError
from partialpool.study import config

ROOT = Path(__file__).parents[3]
SHIPPED = yaml.safe_load((ROOT / "config/config.yaml").read_text())
DROP = object()
SIMULATE = {
    "seed": 1,
    "units": 10,
    "waves": 3,
    "intercepts": {"A": 0.2},
    "slope": 0.1,
    "sd_intercept": 0.1,
    "sd_slope": 0.1,
    "cor": 0.5,
    "sigma": 0.1,
}
# A study with nothing that can be left out.
SMALL = {
    "title": "Reading",
    "data": {"source": "reading.csv", "outcome": "score", "unit": "child"},
    "models": {"m1": {"title": "Means", "formula": "score ~ 1", "priors": {"Intercept": "Normal(0, 1)"}}},
}


def edited(changes, study=SHIPPED):
    """A copy of a study with values replaced, added or dropped; keys are paths such as `data.source`."""
    study = copy.deepcopy(study)
    for path, value in changes.items():
        *parents, last = path.split("/")
        node = study
        for key in parents:
            node = node[key]
        if value is DROP:
            del node[last]
        else:
            node[last] = value
    return study


def load(changes=(), study=SHIPPED):
    return config.load(edited(dict(changes), study))


def mistakes(changes, study=SHIPPED):
    """The lines that tell the mistakes of an edited study."""
    with pytest.raises(StudyError) as error:
        load(changes, study)
    head, *lines, tail = str(error.value).splitlines()
    counted = re.fullmatch(r"The configuration \(config/config\.yaml\) has (\d+) mistakes?:", head)
    assert int(counted[1]) == len(lines)
    assert tail == "Every key is described in config/README.md."
    return [line.strip().removeprefix("top level: ") for line in lines]


@pytest.fixture(scope="module")
def study():
    return load(SHIPPED)


# ------------------------------------------------------------------------------------- what is right


def test_the_shipped_study_has_the_lectures_models(study):
    assert list(study.models) == ["m71.1", "m71.2", "m71.3", "m71.4", "m71.5"]
    assert {name: entry.models for name, entry in study.comparisons.items()} == {
        "pooling": ["m71.1", "m71.2"],
        "growth": ["m71.3", "m71.4", "m71.5"],
    }


def test_the_demo_differs_from_the_shipped_study_in_its_data_only(study):
    demo = load(yaml.safe_load((ROOT / "demo/config/config.yaml").read_text()), "demo/config/config.yaml")
    assert demo.data.source is None
    assert demo.data.simulate.units == 91
    for model in study.models:
        assert demo.fit_spec(model) == study.spec(model)
    assert demo.all_figures == study.all_figures


def test_what_is_left_out_has_its_default():
    small = load(SMALL)
    assert small.sampling.model_dump() == {
        "engine": "auto",
        "group_effects": "auto",
        "sampler": "nutpie",
        "chains": 4,
        "warmup": 1000,
        "draws": 1000,
        "target_accept": None,
        "seed": 1,
    }
    assert small.checks.model_dump() == {
        "rhat": 1.01,
        "ess_bulk": 400,
        "ess_tail": 400,
        "divergences": 0,
        "ebfmi": 0.3,
    }
    assert small.on_failed_check == "report"
    assert small.published is None
    assert small.all_figures == ["diagnostics-m1", "ppc-m1"]
    assert small.data.label("score") == "score"


def test_ids_are_text_however_they_are_written(study):
    assert study.predictions["known-units"].units == ["48", "137", "146"]
    written = {"predictions/known-units/units": ["48", 137, "p-3"], "figures/expected-predicted/units": [137, "p-3"]}
    assert load(written).figures["expected-predicted"].units == ["137", "p-3"]


def test_priors_are_kept_in_one_spelling():
    spelled = load({"models/m71.1/priors/b": "Normal( sigma=1.50, mu=0 )"})
    assert spelled.models["m71.1"].priors["b"] == "Normal(0, 1.5)"


@pytest.mark.parametrize(
    "source", ["https://example.org/a.csv", "http://example.org/a.csv", "data/a.csv", "/data/a.csv"]
)
def test_a_source_is_a_url_or_a_path_and_its_name_that_of_the_file(source):
    assert load({"data/source": source}).resource == "a.csv"


def test_labels_are_by_role_and_default_to_the_column(study):
    assert study.data.axis_labels == {
        "outcome": "Conscientiousness",
        "unit": "Unit",
        "time": "Week",
        "group": "Group",
    }
    assert load(SMALL).data.axis_labels == {"outcome": "score", "unit": "child"}


# ------------------------------------------------------------------------------------- what is wrong

MODELS = "Valid: m71.1, m71.2, m71.3, m71.4, m71.5."
TRAJECTORIES = SHIPPED["figures"]["trajectories"]


@pytest.mark.parametrize(
    ("key", "near", "where"),
    [
        ("modells", "models", "top level"),
        ("data/outcom", "outcome", "data"),
        ("data/simulate", SIMULATE | {"seeds": 1}, "data.simulate"),
        ("sampling/chain", "chains", "sampling"),
        ("models/m71.1/formla", "formula", "models.m71.1"),
        ("checks", {"rhatt": 1.1}, "checks"),
        ("comparisons/pooling/model", "models", "comparisons.pooling"),
        ("predictions/new-units/new_unit", "new_units", "predictions.new-units"),
        ("figures/trajectories/peple", "units", "figures.trajectories"),
        ("figures/shrinkage/secton", "section", "figures.shrinkage"),
        ("figures/intercepts-slopes/models", "model", "figures.intercepts-slopes"),
        ("published/foldr", "folder", "published"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_and_all_valid_keys(key, near, where):
    if isinstance(near, dict):
        # A section that the shipped study does not have.
        changes, word = {key: near}, list(near)[-1]
        near = word[:-1]
        changes |= {"data/source": DROP, "data/sha256": DROP} if key == "data/simulate" else {}
    else:
        changes, word = {key: "x"}, key.split("/")[-1]
    (line,) = mistakes(changes)
    place = "" if where == "top level" else f"{where}: "
    assert line.startswith(f"{place}unknown key '{word}'. Did you mean '{near}'? Valid keys: ")
    assert re.search(rf"[ ,]{near}[,.]", line.partition("Valid keys:")[2])


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
        ("models/m71.5/priors", "models.m71.5.priors"),
        ("comparisons/growth/title", "comparisons.growth.title"),
        ("comparisons/growth/models", "comparisons.growth.models"),
        ("predictions/new-units/models", "predictions.new-units.models"),
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
        # Types and ranges
        ("title", 5, "title", ["string", "5"]),
        ("data", "mlm.csv", "data", ["dictionary", "mlm.csv"]),
        ("models", {}, "models", ["at least 1"]),
        ("models", ["m1"], "models", ["dictionary"]),
        ("models/m71.1", None, "models.m71.1", ["dictionary", "None"]),
        ("models/m71.1/draws", "many", "models.m71.1.draws", ["integer", "many"]),
        ("models/m71.1/draws", 1.5, "models.m71.1.draws", ["integer", "1.5"]),
        ("models/m71.1/draws", 3, "models.m71.1.draws", ["4", "3"]),
        ("models/m71.1/priors", "Normal(0, 1)", "models.m71.1.priors", ["dictionary"]),
        ("models/m71.1/priors/b", 1, "models.m71.1.priors.b", ["string", "1"]),
        ("sampling/chains", 1, "sampling.chains", ["greater than or equal to 2", "1"]),
        ("sampling/target_accept", 1, "sampling.target_accept", ["less than 1", "1"]),
        ("sampling/sampler", "stan", "sampling.sampler", ["'nutpie' or 'pymc'", "stan"]),
        ("checks", {"rhat": "low"}, "checks.rhat", ["number", "low"]),
        ("on_failed_check", "halt", "on_failed_check", ["'report' or 'stop'", "halt"]),
        ("models/two words", SHIPPED["models"]["m71.1"], "models.two words", ["A-Za-z0-9", "two words"]),
        ("figures/a\u2044b", TRAJECTORIES, "figures.a\u2044b", ["A-Za-z0-9"]),
        # Data
        ("data/source", DROP, "data", ["either 'source'", "or 'simulate'"]),
        ("data/simulate", SIMULATE, "data", ["either 'source'", "or 'simulate'", "not both"]),
        ("data/source", "ftp://example.org/a.csv", "data", ["'source'", "http(s) URL or a path", "ftp://"]),
        ("data/sha256", "abc", "data.sha256", ["64", "abc"]),
        ("data/sha256", "G" * 64, "data.sha256", ["0-9a-f"]),
        ("data/time", "con", "data", ["one column has two roles", "'outcome': 'con'", "'time': 'con'"]),
        # References
        ("comparisons/pooling/models", ["m71.1", "m71.9"], "comparisons.pooling.models", ["no model 'm71.9'", MODELS]),
        ("comparisons/pooling/models", ["m71.1"], "comparisons.pooling.models", ["at least 2"]),
        ("comparisons/pooling/models", ["m71.1", "m71.1"], "comparisons.pooling.models", ["stands twice"]),
        ("predictions/new-units/models", ["m712"], "predictions.new-units.models", ["mean 'm71.2'?", MODELS]),
        ("predictions/new-units/units", "all", "predictions.new-units", ["either 'units'", "or 'new_units'"]),
        ("predictions/new-units/new_units", DROP, "predictions.new-units", ["either 'units'", "'new_units'"]),
        ("predictions/known-units/units", [48, 48], "predictions.known-units", ["twice"]),
        ("predictions/known-units/units", "some", "predictions.known-units.units", ["all", "some"]),
        ("predictions/known-units/units", [1.5], "predictions.known-units.units", ["list of ids", "1.5"]),
        ("figures/trajectories/units", 0, "figures.trajectories.units", ["number", "0"]),
        (
            "predictions/known-units/quantities",
            ["mean"],
            "predictions.known-units.quantities[0]",
            ["'expected' or 'predicted'", "mean"],
        ),
        # Figures
        ("figures/shrinkage/kind", "shrinking", "figures.shrinkage", ["shrinking", "shrinkage", "half-eyes"]),
        ("figures/shrinkage/kind", DROP, "figures.shrinkage", ["kind"]),
        (
            "figures/shrinkage/predictions",
            "units",
            "figures.shrinkage.predictions",
            ["no prediction 'units'", "Valid: unit-means, known-units, new-units, time-trajectories"],
        ),
        (
            "figures/shrinkage/section",
            "m1",
            "figures.shrinkage.section",
            ["no section 'm1'", "m71.5, pooling, growth."],
        ),
        ("figures/intercepts-slopes/model", "m72.5", "figures.intercepts-slopes.model", ["mean 'm71.5'?", MODELS]),
        ("figures/unit-means/models", ["m71.3"], "figures.unit-means.models", ["'m71.3'", "Valid: m71.1, m71.2."]),
        ("figures/shrinkage/models", ["m71.1"], "figures.shrinkage.models", ["2 model", "not 1: m71.1"]),
        ("figures/unit-means/models", DROP, "figures.unit-means.models", ["1 model", "not 2: m71.1, m71.2"]),
        ("figures/three-poolings/models", DROP, "figures.three-poolings.models", ["1 model", "not 2: m71.1, m71.2"]),
        (
            "figures/expected-predicted/units",
            [48, 49],
            "figures.expected-predicted.units",
            ["'49'", "Valid: 48, 137, 146."],
        ),
        ("figures/diagnostics-m71.3", TRAJECTORIES, "figures.diagnostics-m71.3", ["choose another name"]),
        ("figures/ppc-m71.3", TRAJECTORIES, "figures.ppc-m71.3", ["choose another name"]),
        ("figures/comparison-growth", TRAJECTORIES, "figures.comparison-growth", ["choose another name"]),
        # Priors, formulas, patterns
        ("models/m71.1/formula", "con", "models.m71.1.formula", ["'con' is no formula", "y ~ 1 + (1 | unit)"]),
        ("models/m71.1/formula", "con ~ ", "models.m71.1.formula", ["is no formula"]),
        ("models/m71.1/formula", "~ 1 + id", "models.m71.1.formula", ["is no formula"]),
        ("models/m71.1/priors/b", "Norml(0, 1)", "models.m71.1.priors", ["b:", "mean 'Normal'?", "Valid: Normal,"]),
        ("models/m71.1/priors/b", "Normal(0)", "models.m71.1.priors", ["b:", "lacks sigma; write Normal(mu, sigma)"]),
        ("models/m71.2/priors/sd", "Normal(0, 1)", "models.m71.2.priors", ["sd:", "negative", "Valid: Exponential,"]),
        ("published/rename", {"a_id(": "x"}, "published.rename", ["'a_id(: x'", "unterminated"]),
        ("published/rename", {"a_id": r"\1"}, "published.rename", ["invalid group reference 1"]),
    ],
)
def test_a_mistake_is_told_with_its_key_and_the_valid_choices(path, value, where, words):
    (line,) = mistakes({path: value})
    assert line.startswith(f"{where}: "), line
    for word in words:
        assert word in line.removeprefix(f"{where}: ")


@pytest.mark.parametrize("name", ["trajectories", "time-trajectories", "intercepts-slopes"])
def test_figures_over_time_need_a_time(name):
    changes = {"data/time": DROP} | {f"figures/{other}": DROP for other in SHIPPED["figures"] if other != name}
    (line,) = mistakes(changes)
    assert line == f"figures.{name}: '{SHIPPED['figures'][name]['kind']}' needs 'data.time'."


def test_colours_by_group_need_a_group():
    assert mistakes({"data/group": DROP}) == ["figures.group-trajectories.by_group: needs 'data.group'."]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"time": DROP}, "needs the names of the columns 'time' and 'group'"),
        ({"group": DROP}, "needs the names of the columns 'time' and 'group'"),
        ({"simulate": SIMULATE | {"missing_time": 10}}, "'simulate.missing_time' must be smaller than the number"),
    ],
)
def test_simulated_data_have_a_time_a_group_and_somebody_with_a_time(changes, words):
    data = {"simulate": SIMULATE, "outcome": "score", "unit": "child", "time": "month", "group": "school"}
    study = edited({"data": data}, SMALL)
    assert load(study).data.simulate.missing_time == 0
    (line,) = mistakes({f"data/{key}": value for key, value in changes.items()}, study)
    assert line.startswith("data: ")
    assert words in line


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


def test_several_wrong_references_are_listed_at_once():
    lines = mistakes(
        {
            "comparisons/pooling/models": ["m71.1", "m1"],
            "predictions/new-units/models": ["m2"],
            "figures/trajectories/section": "m3",
            "figures/ppc-m71.1": TRAJECTORIES,
        }
    )
    assert [line.partition(": ")[0] for line in lines] == [
        "comparisons.pooling.models",
        "predictions.new-units.models",
        "figures.trajectories.section",
        "figures.ppc-m71.1",
    ]


def test_an_unknown_key_hides_no_other_mistake_beside_it():
    lines = mistakes({"sampling/chain": 4, "sampling/drawz": 10, "sampling/warmup": 0})
    assert sorted(line.partition(": ")[0] for line in lines) == ["sampling", "sampling", "sampling.warmup"]


def test_very_many_mistakes_are_counted_and_not_all_shown():
    broken = edited({f"models/m71.{i}": {} for i in range(1, 6)} | {"models/m6": {}, "models/m7": {}})
    with pytest.raises(StudyError) as error:
        load(broken)
    head, *lines, _ = str(error.value).splitlines()
    assert head.endswith("has 21 mistakes:")
    assert len(lines) == 16
    assert lines[-1] == "  ... and 6 more"


def test_the_file_is_named():
    with pytest.raises(StudyError, match=r"^The configuration \(demo/config\.yaml, --config\) has 3 mistakes:"):
        load({}, "demo/config.yaml, --config")


@pytest.mark.parametrize("nothing", [None, [], "config.yaml"])
def test_a_file_that_is_no_mapping_is_a_mistake(nothing):
    with pytest.raises(StudyError, match=r"has 1 mistake:\n  top level: .*dictionary"):
        load(nothing)


# ------------------------------------------------------------------------------------- specs of fits

SETTINGS = {
    "engine": "nuts",
    "group_effects": "draws",
    "sampler": "pymc",
    "chains": 3,
    "warmup": 77,
    "draws": 78,
    "target_accept": 0.8,
    "seed": 79,
}


def test_a_spec_is_all_that_a_fit_depends_on(study):
    assert study.spec("m71.5") == {
        "formula": "con ~ 1 + week + (1 + week | id)",
        "family": "gaussian",
        "link": None,
        "priors": {
            "Intercept": "Normal(0, 1)",
            "b": "Normal(0, 1)",
            "cor": "LKJ(1)",
            "sd": "Exponential(1)",
            "sigma": "Exponential(1)",
        },
        "unit": "id",
        "engine": "auto",
        "group_effects": "auto",
        "sampler": "nutpie",
        "chains": 4,
        "warmup": 1000,
        "draws": 4000,
        "target_accept": None,
        "seed": 9,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Another"},
        {"text": "Another"},
        {"models/m71.5/title": "Another"},
        {"models/m71.5/text": "Another"},
        {"models/m71.5/formula": "con  ~ 1 + week\n  + (1 + week | id) "},
        {"models/m71.5/priors": dict(reversed(SHIPPED["models"]["m71.5"]["priors"].items()))},
        {"models/m71.5/priors/b": "Normal(sigma=1.0, mu=0)"},
        {"models/m71.4/priors/b": "Normal(0, 2)"},
        {"models/m71.4": DROP, "comparisons": {}, "predictions": {}, "figures": {}},
        {"checks": {"rhat": 1.1}, "on_failed_check": "stop"},
        {"data/source": "elsewhere/mlm.csv", "data/labels": {}},
        {"published": DROP},
        {"sampling/draws": 500},
        {"models/m71.5/seed": 9, "models/m71.5/chains": 4},
    ],
)
def test_what_no_fit_depends_on_leaves_its_spec(study, changes):
    # As text, since Snakemake compares parameters as such: the order counts.
    assert json.dumps(load(changes).fit_spec("m71.5")) == json.dumps(study.spec("m71.5"))


@pytest.mark.parametrize(
    "changes",
    [
        {"models/m71.5/formula": "con ~ 1 + week + (1 | id) + (0 + week | id)"},
        {"models/m71.5/family": "t"},
        {"models/m71.5/link": "log"},
        {"data/unit": "wave"},
        *({f"models/m71.5/priors/{name}": "Normal(0, 3)"} for name in ("Intercept", "b", "b[week]")),
        *({f"models/m71.5/priors/{name}": "HalfNormal(3)"} for name in ("sd", "sd[week]", "sigma")),
        {"models/m71.5/priors/cor": "LKJ(2)"},
        {"models/m71.5/priors/b": DROP},
        {"models/m71.5/priors/b": "Normal(0, 1.0000001)"},
        *({f"models/m71.5/{key}": value} for key, value in SETTINGS.items()),
        *({f"sampling/{key}": value} for key, value in SETTINGS.items() if key != "draws"),
    ],
)
def test_what_a_fit_depends_on_alters_its_spec(study, changes):
    assert load(changes).fit_spec("m71.5") != study.spec("m71.5")


def test_settings_of_a_model_come_before_those_of_the_study():
    own = load({f"models/m71.2/{key}": value for key, value in SETTINGS.items()})
    assert own.sampling_of("m71.2").model_dump() == SETTINGS
    assert own.draws_of("m71.2") == 3 * 78
    assert own.sampling_of("m71.1").model_dump() == own.sampling.model_dump() | {"draws": 1000}
    everywhere = load({"sampling": SETTINGS} | {f"models/{model}/draws": DROP for model in SHIPPED["models"]})
    assert {everywhere.draws_of(model) for model in everywhere.models} == {3 * 78}


def test_a_seed_of_zero_is_a_seed():
    assert load({"models/m71.2/seed": 0}).fit_spec("m71.2")["seed"] == 0


# ------------------------------------------------------------------------------------- figures

# As in design.md.
FIGURES = [
    "trajectories",
    "pooling-intervals",
    "shrinkage",
    "unit-means",
    "three-poolings",
    "expected-predicted",
    "new-units",
    "time-trajectories",
    "group-trajectories",
    "intercepts-slopes",
]


def test_figures_are_those_of_the_design(study):
    assert list(study.figures) == FIGURES
    models = [f"{kind}-{model}" for model in study.models for kind in ("diagnostics", "ppc")]
    assert sorted(study.all_figures) == sorted([*FIGURES, *models, "comparison-pooling", "comparison-growth"])


def test_models_of_a_figure_are_its_own_or_those_of_its_predictions(study):
    found = {name: study.figure_models(name) for name in FIGURES}
    assert found["trajectories"] == []
    assert found["shrinkage"] == ["m71.1", "m71.2"]
    assert found["unit-means"] == ["m71.2"]
    assert found["intercepts-slopes"] == ["m71.5"]


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
    readme = (ROOT / "config/README.md").read_text()
    schema = config.schema()
    for section in [schema, *schema["$defs"].values()]:
        for key in section["properties"]:
            assert re.search(rf"`{key}`|\b{key}:", readme), key


def test_keys_of_another_kind_of_figure_are_refused():
    shipped = copy.deepcopy(SHIPPED)
    shipped["figures"]["shrinkage"]["by_group"] = True
    shipped["figures"]["time-trajectories"]["reference"] = True
    with pytest.raises(StudyError) as raised:
        load(shipped)
    assert "figures.shrinkage.by_group: belongs to 'fitted-trajectories', not to 'shrinkage'" in str(raised.value)
    assert "figures.time-trajectories.reference: belongs to 'half-eyes'" in str(raised.value)


def test_a_model_and_a_comparison_have_different_names():
    shipped = copy.deepcopy(SHIPPED)
    shipped["comparisons"]["m71.2"] = shipped["comparisons"]["pooling"]
    with pytest.raises(StudyError, match=r"comparisons\.m71\.2: a model has this name"):
        load(shipped)
