import json

import pytest
from partialpool.errors import StudyError
from partialpool.report import sampling
from partialpool.study.models import Sampling

SETTINGS = Sampling(chains=3, draws=500, warmup=77, seed=5)
INDEPENDENT = {"engine": "marginal", "sampling": "independent", "acceptance": 0.814}
BY_QUADRATURE = {"engine": "quadrature", "sampling": "independent", "acceptance": 0.79}
WITHOUT_EFFECTS = {"engine": "independent", "sampling": "independent", "acceptance": 0.92}
OVER_SCALES = {"engine": "marginal", "sampling": "nuts", "target_accept": 0.8}
OVER_ALL = {"engine": "nuts", "sampling": "nuts", "target_accept": 0.95}


def test_which_sampler_ran_is_known_from_the_checks(tmp_path):
    passed = {"value": 0.0, "threshold": 0.5, "passed": True, "where": None}
    for model, check in (("a", "divergences"), ("b", "pareto_k")):
        (tmp_path / f"{model}.diagnostics.json").write_text(json.dumps({"rhat": passed, check: passed}))
    assert sampling.of_models(["a", "b", "c"], tmp_path) == {"a": "nuts", "b": "independent"}


@pytest.mark.parametrize("content", ["", "{", '{"rhat": {"value"'])
def test_damaged_checks_are_named(tmp_path, content):
    (tmp_path / "a.diagnostics.json").write_text(content)
    with pytest.raises(StudyError, match=r"a\.diagnostics\.json' is damaged, or was edited\. Delete it"):
        sampling.of_models(["a"], tmp_path)


def test_of_independent_draws_no_warmup_is_reported_and_one_sentence_says_why():
    told = sampling.sentence(SETTINGS, INDEPENDENT).striptags()
    assert told == (
        "3 chains of 500 draws without warmup: the scales by independent proposals (81 % accepted), all coefficients "
        "exactly, given the scales (marginal engine)."
    )
    assert "77" not in told + sampling.settings(SETTINGS, INDEPENDENT)
    assert sampling.settings(SETTINGS, INDEPENDENT) == (
        "independent draws of the scales, all coefficients integrated out; 3 chains, 500 draws each, seed 5"
    )


def test_of_quadrature_it_is_said_what_was_drawn_and_what_integrated():
    assert sampling.sentence(SETTINGS, BY_QUADRATURE).striptags() == (
        "3 chains of 500 draws without warmup: common coefficients and scales by independent proposals (79 % "
        "accepted), with group-level effects integrated out by quadrature; then the group-level effects, given all "
        "else."
    )
    assert sampling.settings(SETTINGS, BY_QUADRATURE) == (
        "independent draws of common coefficients and scales, group-level effects integrated out by quadrature; "
        "3 chains, 500 draws each, seed 5"
    )


def test_without_effects_nothing_is_said_of_quadrature():
    assert sampling.sentence(SETTINGS, WITHOUT_EFFECTS).striptags() == (
        "3 chains of 500 draws without warmup: all parameters by independent proposals (92 % accepted)."
    )
    assert sampling.settings(SETTINGS, WITHOUT_EFFECTS) == (
        "independent draws of all parameters; 3 chains, 500 draws each, seed 5"
    )


def test_nuts_over_the_scales_is_nutpies_whatever_the_settings_name():
    settings = SETTINGS.model_copy(update={"sampler": "pymc"})
    assert sampling.settings(settings, OVER_SCALES).startswith("NUTS (nutpie) over the scales")
    assert sampling.settings(settings, OVER_ALL).startswith("NUTS (pymc) over all parameters")


@pytest.mark.parametrize(
    ("fit", "over", "because"),
    [
        (
            OVER_SCALES,
            "the scales, all coefficients integrated out",
            ", because independent draws of them failed their checks",
        ),
        (OVER_ALL, "all parameters", ""),
        (
            OVER_ALL | {"why_nuts": "quadrature cannot fit this model: id has 3 effects, and at most 2 are integrated"},
            "all parameters",
            ", because quadrature cannot fit this model: id has 3 effects, and at most 2 are integrated",
        ),
    ],
)
def test_of_nuts_it_is_said_what_it_moved_over_and_why_no_other_engine_ran(fit, over, because):
    told = sampling.sentence(SETTINGS, fit).striptags()
    assert told == f"3 chains of 500 draws after 77 warmup iterations, by NUTS over {over}{because}."
    assert sampling.settings(SETTINGS, fit) == (
        f"NUTS (nutpie) over {over}; 3 chains, 77 warmup iterations and 500 draws each, target_accept "
        f"{fit['target_accept']:g}, seed 5"
    )
