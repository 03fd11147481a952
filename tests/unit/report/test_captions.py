import copy
import re
from pathlib import Path

import pytest
import yaml
from partialpool.report.captions import (
    NOTHING,
    Known,
    alt,
    caption,
    estimates,
    figure_title,
    for_snakemake,
    group_effects,
    predictions,
    rows_used,
)
from partialpool.study import config

ROOT = Path(__file__).parents[3]
SHIPPED = yaml.safe_load((ROOT / "config/config.yaml").read_text())
HERDS = {"unit": ["herd", "herds"], "measurement": ["count", "counts"]}
TRAJECTORIES = SHIPPED["figures"]["trajectories"]


def load(changes=()):
    """The shipped study with some values replaced; keys are paths such as `models/m71.2/draws`."""
    study = copy.deepcopy(SHIPPED)
    for path, value in dict(changes).items():
        *parents, last = path.split("/")
        node = study
        for key in parents:
            node = node[key]
        node[last] = value
    return config.load(study)


@pytest.fixture(scope="module")
def study():
    return load()


def shown(study, figure):
    """Models of any figure."""
    kind, _, of = figure.partition("-")
    if figure in study.figures:
        return study.figure_models(figure)
    return study.comparisons[of].models if kind in ("comparison", "estimates") else [of]


# What these show is computed from as many draws as are enough, or from weights.
NO_DRAWS = ("ppc-", "pit-", "sensitivity-", "influence-")


def test_every_caption_says_how_many_draws(study):
    for figure in study.all_figures:
        if figure.startswith(NO_DRAWS):
            continue
        words, models = caption(study, figure), shown(study, figure)
        for model in models:
            assert re.search(rf"\b{study.draws_of(model)}\b", words), figure
        if not models:
            assert "no draws" in words, figure


@pytest.mark.parametrize(("written", "shown"), [("Means", "Means. "), ("Means?\n", "Means? "), ("Means.", "Means. ")])
def test_a_caption_of_the_config_is_a_sentence(written, shown):
    assert caption(load({"figures/shrinkage/caption": written}), "shrinkage").startswith(f"{shown}Expected values")


def test_every_caption_says_whose_values(study):
    of_population = {
        "coefficients": "common coefficients and scales",
        "estimates": "common coefficients and scales",
        "conditional": "for the average person.*that of a new person",
        "effects": "deviations from the population|coefficients of the observed people",
    }
    for figure in study.all_figures:
        kind = figure.partition("-")[0]
        if shown(study, figure) and kind not in ("diagnostics", "prior", "pit", "sensitivity", "influence"):
            whose = "new people" if figure == "new-people" else "observed (people|person)"
            whose = of_population.get(kind, whose) if figure not in study.figures else whose
            assert re.search(whose, caption(study, figure), re.IGNORECASE), figure


INTERVALS = ["pooling-intervals", "person-means", "expected-predicted", "new-people", "intercepts-slopes"]


def test_captions_of_figures_with_intervals_say_which(study):
    with_intervals = ("coefficients-", "effects-", "conditional-", "estimates-", "prior-")
    for figure in study.all_figures:
        expected = figure in INTERVALS or figure.startswith(with_intervals)
        assert ("95 % equal-tailed intervals" in caption(study, figure)) == expected, figure
    for comparison in study.comparisons:
        assert "plus and minus one standard error" in caption(study, f"comparison-{comparison}")


def test_captions_say_that_not_all_of_many_units_are_shown(study):
    some, means = "200 at random where there are more", "(of more than 200 people means only)"
    assert f"Expected values of observed people, {some}: posterior" in caption(study, "pooling-intervals")
    assert means in caption(study, "intercepts-slopes")
    assert some not in caption(study, "intercepts-slopes")
    assert "at random" not in caption(study, "new-people")
    chosen = load({"figures/pooling-intervals/units": 300, "figures/intercepts-slopes/units": ["6"]})
    assert "at random" not in caption(chosen, "pooling-intervals")
    assert "means only" not in caption(chosen, "intercepts-slopes")
    trajectories = caption(load({"figures/trajectories/units": "all"}), "trajectories")
    assert f"Measurements only of people, {some}: no model, no draws." in trajectories


def test_captions_say_over_what_expected_values_are_averaged(study):
    assert "averaged" not in "".join(caption(study, figure) for figure in study.all_figures)
    crossed = {
        "models/m71.2/formula": "con ~ 1 + week + (1 | id) + (1 | dan / x)",
        "models/m71.3/formula": "con ~ week + dan",
        "models/m71.3/priors": {},
    }
    at = {column: [0, 1] for column in ("week", "dan", "x")}
    changed = load(crossed | {"predictions/new-people/at": at})
    values = "averaged over each person's values of Week, dan and x: posterior"
    assert f"Expected values of observed people, {values}" in caption(changed, "person-means")
    new = caption(changed, "new-people")
    assert f"Expected and predicted values of new people, the expected ones {values}" in new
    assert "people, averaged over each person's values of dan: posterior" in caption(changed, "time-trajectories")
    few = load(crossed | {"predictions/new-people/at": at | {"dan": [1], "x": [2]}})
    assert "averaged over each person's values of Week: posterior" in caption(few, "new-people")


def test_trials_vary_as_covariates_do():
    trials = {"models/m71.1/formula": "p(con, wave) ~ 0 + id", "models/m71.2/formula": "p(con, wave) ~ 1 + (1 | id)"}
    changed = load(trials | {"predictions/new-people/at": {"wave": [4]}})
    assert "averaged over each person's values of Wave: posterior" in caption(changed, "person-means")


def test_captions_say_expected_and_predicted_in_the_nouns_of_the_study(study):
    assert "Expected and predicted values of observed people:" in caption(study, "expected-predicted")
    assert "Expected and predicted values of new people:" in caption(study, "new-people")
    assert "Expected values of observed people, 200 at random" in caption(study, "shrinkage")
    assert "Observed people:" in caption(study, "intercepts-slopes")
    other = load({"predictions/known-people/quantities": ["predicted"], "data/nouns": HERDS})
    assert "Predicted values of observed herds:" in caption(other, "expected-predicted")
    assert "Counts only: no model, no draws." in caption(other, "trajectories")
    assert "for one new count of an already observed herd" in caption(other, "comparison-growth")
    assert caption(other, "ppc-m71.1").startswith("The counts against data sets")


def test_captions_of_comparisons_say_what_is_left_out():
    one, all_of_unit = "for one new measurement of an already observed person", "for all measurements of a new person"
    asked = {
        None: f"{one}, and, where that takes no other fits, {all_of_unit};",
        ("observation",): f"the best model: {one};",
        ("unit",): f"the best model: {all_of_unit};",
        ("observation", "unit"): f"{one}, and {all_of_unit};",
    }
    for estimands, expected in asked.items():
        study = load({"comparisons/growth/estimands": estimands and list(estimands)})
        assert expected in caption(study, "comparison-growth")


def test_captions_of_grids_say_of_whom_and_that_points_are_measurements():
    words = {"title": "T", "caption": "A curve", "alt": "A", "kind": "grid", "predictions": "new", "x": "week"}
    curve = {"models": ["m71.3"], "population": True, "at": {"week": [0, 1]}}
    assert caption(load({"predictions/new": curve, "figures/new": words}), "new") == (
        "A curve. Mean over all people of the population, which are integrated out exactly: posterior means and 95 % "
        "equal-tailed intervals; points are measurements; draws: 4000 of Change over weeks."
    )
    # Those behind a curve of one group are of all.
    of_group = curve | {"models": ["m71.4"]}
    said = caption(load({"predictions/new": of_group, "figures/new": words}), "new")
    assert "points are measurements, whatever their Group; draws" in said
    slope = curve | {"slope": "week"}
    said = caption(load({"predictions/new": slope, "figures/new": words}), "new")
    assert "change of the expected value for each unit of Week: posterior means" in said
    assert "points" not in said


def test_successes_are_told_to_be_of_one_trial_where_no_other_number_is_named():
    one = {"models/m71.2/formula": "p(con, wave) ~ week + (1 | id)", "models/m71.2/family": "binomial"}
    one |= {"models/m71.2/priors": {}, "predictions/new-people/at": {"week": [1], "wave": [4]}}
    of_population = {"models": ["m71.2"], "population": True, "at": {"week": [1]}}
    quadrature = "(integration error: the largest difference in any draw from one with half as many nodes)"
    study = load(one | {"predictions/some": of_population, "figures": {}, "comparisons": {}})
    assert f"by quadrature {quadrature}, at one trial; draws" in predictions(study, "some")
    study = load(one | {"predictions/some": of_population | {"at": {}}, "figures": {}, "comparisons": {}})
    assert ", at one trial and the means of numbers and the first levels of" in predictions(study, "some")
    # Also of units, if the number is one.
    for number, of_one in ([1], True), ([4], False), ([1, 4], False):
        study = load(one | {"predictions/new-people/at/wave": number, "figures": {}, "comparisons": {}})
        assert (", at one trial" in predictions(study, "new-people")) == of_one


def test_captions_of_tables_say_how_many_draws_and_whose_values(study):
    assert estimates(study, "m71.4", "identity") == "Common coefficients and scales: 16000 draws"
    assert estimates(study, "m71.4", "logit") == "Common coefficients and scales, on the logit scale: 16000 draws"
    assert group_effects(study, "m71.4", "log").endswith(", on the log scale): 16000 draws")
    assert predictions(study, "new-people") == "Conscientiousness: new people; draws: 4000 of m71.2"
    ordinal = load({"models/m71.2/family": "cumulative", "models/m71.2/priors": {}, "comparisons": {}, "figures": {}})
    levels = "Probability of each level of Conscientiousness: new people; draws: 4000 of m71.2"
    assert predictions(ordinal, "new-people") == levels
    two = "Conscientiousness: observed people; draws: 4000 of m71.1, 4000 of m71.2"
    assert predictions(study, "person-means") == two


def test_the_rows_of_models_are_told_with_the_comparisons_that_share_them(study):
    assert rows_used(study) == "Rows that each model uses: those with a value in all of its variables"
    assert rows_used(load({"comparisons/growth/rows": "common"})) == (
        "Rows that each model uses: those with a value in all of its variables; of those compared on common rows (Do "
        "time, group and varying slopes predict better?), the rows that all of them have"
    )


def test_captions_of_snakemakes_report_are_text_and_no_markup():
    from docutils.core import publish_parts

    hostile = (
        "<b>x</b> *y* _z_ `w` |s| a_ http://a.b {c}\n\n.. raw:: html\n\n   <script>1</script>\n.. include:: /etc/passwd"
    )
    said = for_snakemake(load({"figures/trajectories/caption": hostile, "title": hostile}))
    captions = said["captions"]
    for words in (said["title"], *captions.values()):
        html = publish_parts(words, writer="html")["body"]
        assert re.findall("<(?!/?p>)", html) == []
    shown = publish_parts(captions["trajectories"], writer="html")["body"]
    assert shown.startswith("<p>&lt;b&gt;x&lt;/b&gt; *y* _z_ `w` |s| a_ http://a.b {c} .. raw:: html &lt;script&gt;1")


def test_a_choice_at_random_is_said_where_there_may_be_one(study):
    few, many = Known(units=91, levels={"m71.2": 91}), Known(units=501, levels={"m71.2": 501})
    for known, is_said in ((few, False), (many, True), (NOTHING, True)):
        for figure in ("pooling-intervals", "effects-m71.2"):
            assert ("at random" in caption(study, figure, known)) == is_said, (figure, known)
        assert ("means only" in caption(study, "intercepts-slopes", known)) == is_said, known


@pytest.mark.parametrize(
    ("sampling", "words", "others"),
    [
        ({"m71.2": "nuts"}, ["4000 draws after warmup.", "the energy of the sampler"], ["weight"]),
        ({"m71.2": "independent"}, ["4000 independent draws.", "importance weight"], ["warmup", "energy"]),
        ({"m71.1": "nuts"}, ["4000 draws."], ["warmup", "energy", "weight"]),
    ],
)
def test_captions_of_diagnostics_are_of_the_sampler_that_ran(study, sampling, words, others):
    known = Known(sampling)
    told = caption(study, "diagnostics-m71.2", known)
    assert alt(study, "diagnostics-m71.2", known) == told
    assert [word for word in words if word not in told] == []
    assert [word for word in others if word in told] == []


def test_a_caption_follows_the_number_of_draws():
    words = caption(load({"models/m71.2/draws": 77, "models/m71.2/chains": 3}), "shrinkage")
    assert "4000 of No pooling, 231 of Partial pooling" in words


def test_every_figure_has_a_title_and_a_text_for_those_who_cannot_see_it(study):
    for figure in study.all_figures:
        assert figure_title(study, figure), figure
        assert alt(study, figure), figure
    assert alt(study, "shrinkage") == SHIPPED["figures"]["shrinkage"]["alt"]
    assert figure_title(study, "shrinkage") == SHIPPED["figures"]["shrinkage"]["title"]
    assert figure_title(study, "comparison-growth") == SHIPPED["comparisons"]["growth"]["title"]
    assert figure_title(study, "ppc-m71.2").startswith("Partial pooling: ")
    assert figure_title(study, "diagnostics-m71.2") != figure_title(study, "ppc-m71.2")


def test_a_figure_called_like_a_kind_is_the_one_of_the_config():
    named = load({"figures/comparison-mine": TRAJECTORIES | {"title": "Mine"}})
    assert figure_title(named, "comparison-mine") == "Mine"
    assert caption(named, "comparison-mine").startswith(TRAJECTORIES["caption"])


def test_captions_of_conditional_effects_promise_what_the_model_has():
    without_units = load({"models/m71.3/formula": "con ~ week", "models/m71.3/priors": {}})
    assert "a new" not in caption(without_units, "conditional-m71.3")
    assert "the average" not in caption(without_units, "conditional-m71.3")
    nested = load({"models/m71.3/formula": "con ~ week + (1 | group / id)"})
    assert "for the average person" in caption(nested, "conditional-m71.3")
    assert "a new person" not in caption(nested, "conditional-m71.3")


def test_captions_of_conditional_effects_name_what_is_expected():
    assert caption(load(), "conditional-m71.3").startswith("Mean of Conscientiousness for the average person")
    counted = load({"models/m71.3/family": "cumulative", "models/m71.3/priors": {}, "comparisons": {}, "figures": {}})
    assert caption(counted, "conditional-m71.3").startswith("Probability of each level of Conscientiousness for")


@pytest.mark.parametrize(
    ("family", "words"),
    [
        ("gaussian", ""),
        ("cumulative", "Levels count as 1, 2, 3 as they are listed."),
        ("categorical", "Levels count as 1, 2, 3 as they are listed, though they have no order."),
    ],
)
def test_captions_of_checks_say_how_levels_become_numbers(family, words):
    model = {"title": "T", "formula": "con ~ week + (1 | id)", "family": family}
    study = load({"models/levels": model})
    for kind in ("ppc", "pit"):
        assert ("Levels count" in caption(study, f"{kind}-levels")) == bool(words)
        assert caption(study, f"{kind}-levels").endswith(words)


@pytest.mark.parametrize("family", ["binomial", "beta_binomial"])
def test_of_successes_in_trials_the_probability_is_shown(family):
    study = load({"models/trials": {"title": "T", "formula": "p(con, size) ~ week + (1 | id)", "family": family}})
    assert caption(study, "conditional-trials").startswith("Probability of Conscientiousness for the average person")
