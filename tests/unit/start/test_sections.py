import numpy as np
import pytest
from partialpool.start import ladder, priors, sections
from partialpool.start.family import propose

from start.conftest import made_up


@pytest.fixture
def build(facts):
    """Facts, family and ladder of a table."""

    def build(frame, *columns):
        found = facts(frame, *columns)
        family = propose(found.frame[found.outcome], found.frame[found.unit])
        return found, family, ladder.build(found, family, priors.scale(family, found.measured[found.outcome]))

    return build


def test_models_are_compared_in_two_steps(build):
    found, _, models = build(made_up())
    compared = sections.comparisons(found, models)
    assert {name: entry["models"] for name, entry in compared.items()} == {
        "pooling": ["separate", "pooled"],
        "predictors": ["pooled", "time", "group", "slopes"],
    }
    assert compared["predictors"]["title"] == "Do time, groups and varying slopes predict better?"


def test_models_are_compared_on_common_rows_where_time_is_missing(build):
    frame = made_up().astype({"month": float})
    frame.loc[3, "month"] = np.nan
    found, _, models = build(frame)
    (entry,) = sections.comparisons(found, models).values()
    assert entry["rows"] == "common"
    assert entry["models"] == models.names
    assert "59 measurements" in entry["text"]


def test_what_a_condition_adds_is_asked_of_the_comparison(build):
    frame = made_up(n_times=8).assign(feed=lambda frame: [f"F{month % 2}" for month in frame["month"]])
    found, _, models = build(frame, "score", "herd", None, None, "feed")
    entry = sections.comparisons(found, models)["predictors"]
    assert entry["title"] == "Do feed and varying differences predict better?"
    assert entry["models"] == ["pooled", "condition", "varying"]
    found, _, models = build(frame.iloc[::2], "score", "herd", None, None, "visitor")
    assert sections.comparisons(found, models)["predictors"]["title"] == "Does visitor predict better?"
    frame.loc[3, "feed"] = None
    found, _, models = build(
        frame.astype({"month": float}).assign(month=lambda f: f["month"].where(f.index > 1)),
        "score",
        "herd",
        "month",
        None,
        "feed",
    )
    (entry,) = sections.comparisons(found, models).values()
    assert entry["text"] == "On the 93 measurements with a value of month and feed."


def test_a_single_model_is_compared_with_one_of_units_that_are_alike(build):
    found, family, models = build(made_up(n_units=301, n_times=2), "score", "herd")
    assert [rung.formula for rung in models.rungs] == ["score ~ 1", "score ~ 1 + (1 | herd)"]
    assert set(models.rungs[0].priors) == {"Intercept", "sigma"}
    compared = sections.comparisons(found, models)
    assert compared == {"pooling": {"title": "Do herds differ?", "models": ["alike", "pooled"]}}
    assert sections.predictions(found, family, models)["means"]["models"] == ["pooled"]


def test_of_thresholds_alone_there_is_no_model(build):
    found, _, models = build(made_up().assign(score=[1, 2, 3, 4, 5] * 12), "score", "herd")
    assert models.names == ["pooled"]
    assert sections.comparisons(found, models) == {}


def test_predictions_of_all_some_and_new_units(build):
    made = sections.predictions(*build(made_up()))
    assert list(made) == ["means", "some", "new", "time-lines", "group-lines", "slopes-lines"]
    assert made["means"] == {"models": ["separate", "pooled"], "units": "all"}
    assert made["new"] == {"models": ["pooled"], "new_units": 1, "quantities": ["expected", "predicted"]}
    assert 2 <= len(made["some"]["units"]) <= 4


def test_where_there_are_many_units_or_times_some_are_shown(build):
    made = sections.predictions(*build(made_up(n_units=501, n_times=16)))
    assert made["means"]["units"] == 500
    assert made["time-lines"] == {
        "models": ["time"],
        "units": 20,
        "at": {"month": [0, 1.9, 3.8, 5.6, 7.5, 9.4, 11.2, 13.1, 15]},
    }


def test_figures_are_those_that_the_data_have(build):
    kinds = [figure["kind"] for figure in sections.figures(*build(made_up())).values()]
    assert kinds == [
        *("trajectories", "gradient-intervals", "shrinkage", "half-eyes", "half-eyes"),
        *("fitted-trajectories",) * 3,
        "intercepts-slopes",
    ]
    bare = sections.figures(*build(made_up(), "score", "herd"))
    assert list(bare) == ["intervals", "shrinkage", "some", "new"]


@pytest.mark.parametrize(("n_units", "whose"), [(20, "20 herds"), (21, "20 herds drawn at random from 21")])
def test_captions_say_whose_lines_are_drawn(build, n_units, whose):
    figures = sections.figures(*build(made_up(n_units=n_units)))
    assert figures["measurements"]["caption"] == f"Measurements of {whose}, with a least-squares line for each."
    assert figures["time-lines"]["caption"] == f"Lines of {whose}."


def test_units_at_one_time_each_have_no_lines(build):
    made = build(made_up().assign(month=np.arange(60) // 5 % 3), "score", "herd", "month")
    figures = sections.figures(*made)
    assert figures["measurements"]["caption"] == "Measurements of 12 herds, each herd at one time."
    assert figures["measurements"]["alt"] == "Points of 12 herds."
    assert "time-lines" not in {*figures, *sections.predictions(*made)}


def test_zeros_and_ones_have_no_lines_and_no_single_prediction(build):
    built = build(made_up().assign(score=np.arange(60) % 2))
    assert "measurements" not in sections.figures(*built)
    assert "intercepts-slopes" not in sections.figures(*built)
    assert sections.predictions(*built)["new"]["quantities"] == ["expected"]


def test_of_two_texts_there_is_no_mean(build):
    figures = sections.figures(*build(made_up().assign(score=["no", "yes"] * 30)))
    assert "reference" not in figures["some"]
    assert "dashed" not in figures["some"]["caption"]


def test_ordered_levels_have_predictions_of_few_units_and_no_figures(build):
    built = build(made_up().assign(score=[1, 2, 3, 4, 5] * 12))
    assert list(sections.predictions(*built)) == ["some", "new"]
    assert sections.figures(*built) == {}
