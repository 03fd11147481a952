import pytest

from study.editing import DROP, SHIPPED, TRAJECTORIES, load, mistakes

MODELS = "Valid: m71.1, m71.2, m71.3, m71.4, m71.5."
TAKEN = "a figure of this name is drawn for every model and comparison; choose another name."


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (
            "comparisons/pooling/models",
            ["m71.1", "m71.9"],
            f"comparisons.pooling.models: there is no model 'm71.9'. Did you mean 'm71.5'? {MODELS}",
        ),
        (
            "comparisons/pooling/models",
            ["m71.1", "m71.1"],
            "comparisons.pooling.models: model 'm71.1' stands twice.",
        ),
        (
            "predictions/new-people/models",
            ["x"],
            f"predictions.new-people.models: there is no model 'x'. {MODELS}",
        ),
        (
            "predictions/time-trajectories/at",
            {"weeks": [0]},
            "predictions.time-trajectories.at.weeks: model 'm71.3' does not use it. Did you mean 'week'? "
            "Its covariates: week.",
        ),
        (
            "predictions/new-people/models",
            ["m71.3"],
            "predictions.new-people.at: new units have no observed values of week, which model 'm71.3' uses; write "
            "them, for example at: {week: [...]}.",
        ),
        (
            "predictions/more",
            {"models": ["m71.3"], "units": "all", "slope": "weeks"},
            "predictions.more.slope: model 'm71.3' does not use weeks. Did you mean 'week'? Its covariates: week.",
        ),
        (
            "predictions/more",
            {"models": ["m71.3"], "average_unit": True, "contrast": {"group": ["CTRL", "PD"]}},
            "predictions.more.contrast.group: model 'm71.3' does not use it. Its covariates: week.",
        ),
        (
            "figures/shrinkage/predictions",
            "people",
            "figures.shrinkage.predictions: there is no prediction 'people'. Did you mean 'new-people'? "
            "Valid: person-means, known-people, new-people, time-trajectories, group-trajectories.",
        ),
        (
            "predictions/known-people/average",
            True,
            "figures.expected-predicted.predictions: 'half-eyes' shows values of units, and "
            "predictions.known-people has others: take 'grid'.",
        ),
        (
            "figures/shrinkage/section",
            "x",
            "figures.shrinkage.section: there is no section 'x'. "
            "Valid: m71.1, m71.2, m71.3, m71.4, m71.5, pooling, growth.",
        ),
        (
            "figures/intercepts-slopes/model",
            "x",
            f"figures.intercepts-slopes.model: there is no model 'x'. {MODELS}",
        ),
        (
            "figures/person-means/models",
            ["x"],
            "figures.person-means.models: there is no model 'x' in predictions.person-means. Valid: m71.1, m71.2.",
        ),
        (
            "figures/shrinkage/models",
            ["m71.1"],
            "figures.shrinkage.models: 'shrinkage' shows 2 models, not 1: m71.1. Choose with 'models: [...]'.",
        ),
        (
            "figures/person-means/models",
            DROP,
            "figures.person-means.models: 'half-eyes' shows 1 model, not 2: m71.1, m71.2. Choose with 'models: [...]'.",
        ),
        (
            "figures/three-poolings/models",
            DROP,
            "figures.three-poolings.models: 'three-poolings' shows 1 model, not 2: m71.1, m71.2. "
            "Choose with 'models: [...]'.",
        ),
        (
            "figures/expected-predicted/units",
            [48, 9],
            "figures.expected-predicted.units: there is no unit '9' in predictions.known-people. Valid: 48, 137, 146.",
        ),
        ("figures/diagnostics-m71.3", TRAJECTORIES, f"figures.diagnostics-m71.3: {TAKEN}"),
        ("figures/ppc-m71.3", TRAJECTORIES, f"figures.ppc-m71.3: {TAKEN}"),
        ("figures/comparison-growth", TRAJECTORIES, f"figures.comparison-growth: {TAKEN}"),
        (
            "comparisons/growth.units",
            SHIPPED["comparisons"]["pooling"],
            "comparisons.growth.units: its file would be one of the comparison 'growth'; choose another name.",
        ),
        ("data/group", DROP, "figures.group-trajectories.by_group: needs 'data.group'."),
    ],
)
def test_a_wrong_reference_is_told_with_the_valid_ones(path, value, line):
    assert mistakes({path: value}) == [line]


ALIKE = {"comparisons/m71.2": SHIPPED["comparisons"]["pooling"], "predictions/m71.2": {"models": ["m71.2"], "units": 3}}


def test_a_model_a_comparison_and_a_prediction_of_one_name_need_a_section_that_says_which():
    assert mistakes(ALIKE) == [
        f"figures.{figure}.section: there are two of this name; write models.m71.2 or comparisons.m71.2."
        for figure in ("pooling-intervals", "shrinkage", "person-means", "three-poolings")
    ]
    said = {
        "figures/pooling-intervals/section": "models.m71.2",
        "figures/shrinkage/section": "comparisons.m71.2",
        "figures/person-means/section": "comparisons.m71.2",
        "figures/three-poolings/section": "comparisons.growth",
    }
    study = load(ALIKE | said)
    assert {f"figures/{name}/section": study.section_of(name) for name in study.figures if study.section_of(name)} == (
        said
        | {
            "figures/time-trajectories/section": "models.m71.3",
            "figures/group-trajectories/section": "models.m71.4",
            "figures/intercepts-slopes/section": "models.m71.5",
        }
    )


@pytest.mark.parametrize(
    ("formula", "left"), [("np.log(con) ~ 1 + (1 | id)", "np.log(con)"), ("week ~ 1 + (1 | id)", "week")]
)
def test_models_of_different_left_sides_are_not_compared(formula, left):
    assert mistakes({"models/m71.2/formula": formula}) == [
        f"comparisons.pooling.models: the left sides of the formulas differ: 'con' in m71.1; '{left}' in m71.2. "
        "Densities of different quantities cannot be compared; give all models the same left side, or compare them "
        "apart."
    ]


def test_spaces_make_no_left_side_different():
    assert load({"models/m71.2/formula": " con~ 1 + (1 | id)"}).comparisons["pooling"].models == ["m71.1", "m71.2"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"models/m71.2/engine": "nuts"}, "the engine is nuts"),
        ({"sampling/engine": "nuts", "models/m71.1/engine": "auto"}, "the engine is nuts"),
        ({"models/m71.2/family": "t"}, "its family is t"),
        (
            {"models/m71.2/family": "poisson", "models/m71.2/engine": "nuts", "models/m71.2/priors/sigma": DROP},
            "the engine is nuts",
        ),
        ({"models/m71.2/link": "log"}, "its link is log"),
    ],
)
def test_bayes_factors_are_of_models_that_have_an_evidence(changes, reason):
    asked = {"comparisons/pooling/bayes_factors": True}
    assert mistakes(changes | asked) == [
        f"comparisons.pooling.bayes_factors: model 'm71.2' has no evidence, which Bayes factors take: {reason}. Only "
        "the engines marginal, quadrature and independent know it. Compare models of these, or leave 'bayes_factors' "
        "out."
    ]
    assert not load(changes).comparisons["pooling"].bayes_factors
    assert load(asked).comparisons["pooling"].bayes_factors


@pytest.mark.parametrize("family", ["bernoulli", "poisson"])
def test_models_that_quadrature_may_fit_may_have_bayes_factors(family):
    asked = {"comparisons/pooling/bayes_factors": True}
    families = {f"models/{model}/family": family for model in ("m71.1", "m71.2")}
    priors = {f"models/{model}/priors": DROP for model in ("m71.1", "m71.2")}
    assert load(asked | families | priors).comparisons["pooling"].bayes_factors


COMMON = {"comparisons/pooling/rows": "common", "comparisons/growth/rows": "common"}


def test_models_compared_on_common_rows_have_the_columns_of_each_other():
    study = load({"comparisons/growth/models": ["m71.2", "m71.4"], "comparisons/growth/rows": "common"})
    assert {model: study.spec(model).complete for model in study.models} == {
        "m71.1": (),
        "m71.2": ("group", "week"),
        "m71.3": (),
        "m71.4": (),
        "m71.5": (),
    }
    assert all(load().spec(model).complete == () for model in study.models)


def test_a_model_that_two_comparisons_want_on_other_rows_is_refused():
    assert mistakes(COMMON | {"comparisons/growth/models": ["m71.2", "m71.3"]}) == [
        "comparisons.growth.rows: model 'm71.2' would need other rows than in comparisons.pooling: here those that "
        "have week too, there all of its own. A model is fitted once: give it a second name for one of the two, or "
        "compare all these models at once."
    ]
    # The same columns by way of another model.
    assert load(COMMON | {"comparisons/pooling/models": ["m71.3", "m71.4"]}).spec("m71.3").complete == ("group",)


def test_an_unknown_model_is_told_once_on_common_rows():
    assert [line.partition(": ")[0] for line in mistakes(COMMON | {"comparisons/growth/models": ["m71.2", "x"]})] == [
        "comparisons.growth.models"
    ]


@pytest.mark.parametrize("name", ["trajectories", "time-trajectories", "intercepts-slopes"])
def test_figures_over_time_need_a_time(name):
    changes = {"data/time": DROP} | {f"figures/{other}": DROP for other in SHIPPED["figures"] if other != name}
    assert mistakes(changes) == [f"figures.{name}: '{SHIPPED['figures'][name]['kind']}' needs 'data.time'."]


def test_several_wrong_references_are_listed_at_once():
    lines = mistakes(
        {
            "comparisons/pooling/models": ["m71.1", "m1"],
            "predictions/new-people/models": ["m2"],
            "figures/trajectories/section": "m3",
            "figures/ppc-m71.1": TRAJECTORIES,
        }
    )
    assert [line.partition(": ")[0] for line in lines] == [
        "comparisons.pooling.models",
        "predictions.new-people.models",
        "figures.trajectories.section",
        "figures.ppc-m71.1",
    ]


def test_no_figure_shows_probabilities_of_levels():
    changes = {"models/m71.3/family": "cumulative", "models/m71.3/priors/sigma": DROP}
    assert mistakes(changes) == [
        "figures.time-trajectories: 'fitted-trajectories' shows numbers, and model 'm71.3' (family cumulative) "
        "predicts a probability for each level. The table of the predictions has them."
    ]


@pytest.mark.parametrize(
    ("derive", "left", "refused"),
    [
        ({}, "log(con)", False),
        ({"log_con": "log(con)", "z_con": "standardise(log_con)"}, "z_con", False),
        ({}, "week", True),
        ({"z_week": "standardise(week)"}, "z_week", True),
    ],
)
def test_models_compared_are_of_the_outcome_or_of_what_is_made_from_it(derive, left, refused):
    formula = f"{left} ~ 1 + (1 | id)"
    changes = {"data/derive": derive, "models/m71.1/formula": formula, "models/m71.2/formula": formula}
    if not refused:
        assert load(changes).comparisons["pooling"].models == ["m71.1", "m71.2"]
        return
    assert mistakes(changes) == [
        f"comparisons.pooling.models: the models are of '{left}', which is neither 'data.outcome', con, nor made from "
        "it by 'data.derive'. Give them this outcome, or name theirs in 'data.outcome'."
    ]


@pytest.mark.parametrize("section", ["models", "comparisons", "predictions", "figures"])
def test_names_differ_not_only_in_capitals(section):
    name = next(name for name in SHIPPED[section] if name.upper() != name)
    other = name.capitalize()
    assert f"{section}.{other}: '{name}' differs in capitals only; choose another name." in mistakes(
        {f"{section}/{other}": SHIPPED[section][name]}
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"family": "t"}, "its family is t"),
        ({"link": "log"}, "its link is log"),
    ],
)
def test_a_model_that_the_marginal_engine_cannot_fit_is_told_before_anything_runs(changes, reason):
    own = {f"models/m71.2/{key}": value for key, value in changes.items()} | {"comparisons": {}, "figures": {}}
    assert load(own).models["m71.2"].engine is None
    assert mistakes(own | {"models/m71.2/engine": "marginal"}) == [
        f"models.m71.2: 'engine: marginal' cannot fit this model: {reason}. Write 'engine: auto'."
    ]
    assert mistakes(own | {"models/m71.2/group_effects": "summary"}) == [
        f"models.m71.2: 'group_effects: summary' needs the marginal engine, and {reason}. Write 'group_effects: draws'."
    ]


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        ({"average_unit": True, "slope": "week"}, True),
        ({"average_unit": True, "slope": "week", "at": {"week": [0, 1]}}, True),
        ({"average_unit": True, "contrast": {"square": [0, 1]}}, True),
        ({"average_unit": True, "at": {"week": [0, 1]}}, True),
        ({"average_unit": True, "at": {"week": [1], "square": [1]}}, False),
        ({"units": "all", "rows": "observed", "contrast": {"group": ["CTRL", "PD"]}}, False),
    ],
)
def test_a_prediction_moves_no_column_without_those_computed_from_it(asked, refused):
    changes = {
        "data/derive": {"square": "week ** 2"},
        "models/m71.4/formula": "con ~ 0 + week + square + group + (1 | id)",
        "predictions/more": {"models": ["m71.4"], **asked},
    }
    if not refused:
        load(changes)
        return
    (line,) = mistakes(changes)
    assert line.startswith("predictions.more: model 'm71.4' also uses ")
    assert line.endswith("or log(week): then both change together.") or "log(square)" in line
