import json

import pytest
import yaml
from partialpool.model.spec import ModelSpec
from partialpool.study import config

from study.editing import DROP, ROOT, SHIPPED, SMALL, load


def test_the_shipped_study_has_the_lectures_models(study):
    assert list(study.models) == ["m71.1", "m71.2", "m71.3", "m71.4", "m71.5"]
    assert {name: entry.models for name, entry in study.comparisons.items()} == {
        "pooling": ["m71.1", "m71.2"],
        "growth": ["m71.3", "m71.4", "m71.5"],
    }


def test_the_demo_differs_from_the_shipped_study_in_its_data_only(study):
    file = ROOT / "demo/config/config.yaml"
    demo = config.load(yaml.safe_load(file.read_text(encoding="utf-8")), [file])
    assert demo.data.source is None
    assert demo.data.simulate.units == 91
    for model in study.models:
        assert demo.spec(model) == study.spec(model)
    assert demo.all_figures == study.all_figures


def test_what_is_left_out_has_its_default():
    small = load(study=SMALL)
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
    assert small.checks.thresholds == {
        "rhat": 1.01,
        "ess_bulk": 400,
        "ess_tail": 400,
        "divergences": 0,
        "ebfmi": 0.3,
        "pareto_k": 0.5,
        "acceptance": 0.3,
    }
    assert all(value is True for key, value in small.checks.model_dump().items() if key not in small.checks.thresholds)
    assert small.on_failed_check == "report"
    assert small.published is None
    kinds = ("coefficients", "diagnostics", "prior", "ppc", "pit", "sensitivity", "influence")
    assert small.all_figures == [f"{kind}-m1" for kind in kinds]


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
    spec = study.spec("m71.5")
    assert isinstance(spec, ModelSpec)
    assert spec.to_dict() == {
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
        {"data/source": "elsewhere/mlm.csv", "data/labels": {}, "data/nouns": {}},
        {"published": DROP},
        {"sampling/draws": 500},
        {"models/m71.5/seed": 9, "models/m71.5/chains": 4},
    ],
)
def test_what_no_fit_depends_on_leaves_its_spec(study, changes):
    # As text, since Snakemake compares parameters as such: the order counts.
    spelled = [json.dumps(other.spec("m71.5").to_dict()) for other in (load(changes), study)]
    assert spelled[0] == spelled[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"models/m71.5/formula": "con ~ 1 + week + (1 | id) + (0 + week | id)"},
        {"models/m71.5/family": "t"},
        {"models/m71.5/link": "log"},
        {"data/unit": "wave", "predictions/new-people/at": {"id": [48]}},
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
    assert load(changes).spec("m71.5") != study.spec("m71.5")


def test_settings_of_a_model_come_before_those_of_the_study():
    own = load({f"models/m71.2/{key}": value for key, value in SETTINGS.items()})
    assert own.sampling_of("m71.2").model_dump() == SETTINGS
    assert own.draws_of("m71.2") == 3 * 78
    assert own.sampling_of("m71.1").model_dump() == own.sampling.model_dump() | {"draws": 1000}
    everywhere = load({"sampling": SETTINGS} | {f"models/{model}/draws": DROP for model in SHIPPED["models"]})
    assert {everywhere.draws_of(model) for model in everywhere.models} == {3 * 78}


def test_models_that_need_nuts_are_known_from_the_config():
    changed = load(
        {"models/m71.2/engine": "nuts", "models/m71.3": {"title": "T", "formula": "con ~ week", "family": "t"}}
    )
    assert [name for name in changed.models if changed.may_need_nuts(name)] == ["m71.2", "m71.3"]
    assert load({"sampling/engine": "nuts", "models/m71.2/engine": "auto"}).may_need_nuts("m71.1")
    assert not load({"sampling/engine": "nuts", "models/m71.2/engine": "auto"}).may_need_nuts("m71.2")


def test_a_seed_of_zero_is_a_seed():
    assert load({"models/m71.2/seed": 0}).spec("m71.2").seed == 0


def test_values_of_predictions_may_be_numbers_and_levels():
    """Of a category with codes, 1 and '1' are the same level; and one that is none is told with the data."""
    wave = {"models": ["m71.4"], "average_unit": True}
    asked = load(
        {
            "predictions/a": wave | {"at": {"week": [3, 1], "group": ["PD"]}},
            "predictions/b": wave | {"at": {"group": [1, "CTRL"]}},
        }
    )
    assert asked.values_asked_for("m71.4") == {"group": [1, "CTRL", "PD"], "week": [1, 3]}
    assert asked.values_asked_for("m71.1") == {}


# ------------------------------------------------------------------------------------- figures


def test_every_model_and_comparison_has_figures(study):
    checks = ["diagnostics", "prior", "ppc", "pit", "sensitivity", "influence"]
    with_predictors = ["coefficients", "effects", "conditional", *checks]
    without = ["coefficients", "effects", *checks]
    kinds = {"m71.1": without, "m71.2": without} | dict.fromkeys(("m71.3", "m71.4", "m71.5"), with_predictors)
    models = [f"{kind}-{model}" for model in study.models for kind in kinds[model]]
    comparisons = ["comparison-pooling", "estimates-pooling", "comparison-growth", "estimates-growth"]
    assert study.all_figures == [*SHIPPED["figures"], *models, *comparisons]


@pytest.mark.parametrize(
    ("formula", "family", "more"),
    [
        ("con ~ week", "gaussian", {"conditional"}),
        ("con ~ 1", "gaussian", set()),
        ("con ~ week + (1 | id)", "cumulative", {"effects", "conditional"}),
        ("con ~ week + (1 | dan)", "categorical", {"effects"}),
        ("con ~ 0 + id + week", "gaussian", {"effects"}),
        ("con ~ offset(week) + (1 + wave | id)", "gaussian", {"effects"}),
    ],
)
def test_a_model_has_the_figures_that_it_can_have(study, formula, family, more):
    changed = study.models["m71.2"].model_copy(update={"formula": formula, "family": family})
    own = study.model_copy(update={"models": {"a": changed}})
    checks = {"prior", "ppc", "pit", "sensitivity", "influence"}
    assert set(own.figures_of("a")) == {"coefficients", "diagnostics"} | checks | more


@pytest.mark.parametrize(
    ("formula", "family", "has_others"),
    [
        ("con ~ 0 + id", "poisson", False),
        ("con ~ id - 1", "bernoulli", False),
        ("con ~ 0 + id", "gaussian", True),
        ("con ~ id", "poisson", True),
        ("con ~ 0 + id + week", "poisson", True),
    ],
)
def test_a_model_of_units_alone_has_no_figure_of_other_coefficients(study, formula, family, has_others):
    changed = study.models["m71.2"].model_copy(update={"formula": formula, "family": family})
    kinds = study.model_copy(update={"models": {"a": changed}}).figures_of("a")
    assert ("coefficients" in kinds) == has_others
    assert "effects" in kinds or formula == "con ~ id"


def test_checks_that_are_switched_off_have_neither_tables_nor_figures():
    switches = ("prior", "predictive", "loo_pit", "sensitivity", "influence", "refits")
    none = load({"checks": dict.fromkeys(switches, False)})
    assert none.checks_of("m71.2") == []
    assert none.figures_of("m71.2") == ["coefficients", "effects", "diagnostics"]
    some = load({"checks": {"sensitivity": False, "prior": False}})
    assert some.checks_of("m71.2") == ["predictive", "loo_pit", "loo_pit_curve", "influence", "wambs"]
    assert none.checks.thresholds == some.checks.thresholds == load().checks.thresholds


def test_a_yes_no_outcome_has_a_table_of_calibration():
    yes_no = {"models/m71.2/family": "bernoulli", "models/m71.2/priors/sigma": DROP}
    assert "calibration" in load(yes_no).checks_of("m71.2")
    assert "calibration" not in load(yes_no | {"checks": {"predictive": False}}).checks_of("m71.2")


@pytest.mark.parametrize(
    ("side", "function"),
    [("con", None), ("`con`", None), ("con[yes]", None), ("p(con, n)", None), ("log(con)", "log(con)"), ("lc", "lc")],
)
def test_bounds_are_not_of_a_function_of_the_outcome(side, function):
    model = {"title": "T", "formula": f"{side} ~ 1 + week + (1 | id)"}
    study = load({"models/other": model, "data/bounds": [0, 1]})
    assert study.outcome_function("other") == function
    assert study.bounds_of("other") == (None if function else (0, 1))
    assert study.modelled("other") == study.measured("other") == (function or "Conscientiousness")


def test_models_of_a_figure_are_its_own_or_those_of_its_predictions(study):
    assert study.figure_models("trajectories") == []
    assert study.figure_models("shrinkage") == ["m71.1", "m71.2"]
    assert study.figure_models("person-means") == ["m71.2"]
    assert study.figure_models("intercepts-slopes") == ["m71.5"]
