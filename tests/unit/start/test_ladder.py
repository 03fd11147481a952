import numpy as np
import pytest
from partialpool.start import ladder, priors
from partialpool.start.family import propose

from start.conftest import made_up


@pytest.fixture
def build(facts):
    def build(frame, *columns, levels=()):
        found = facts(frame, *columns, levels=levels)
        family = propose(found.frame[found.outcome], found.frame[found.unit])
        return ladder.build(found, family, priors.scale(family, found.measured[found.outcome]))

    return build


def formulas(built):
    return {rung.name: rung.formula for rung in built.rungs}


def test_each_model_adds_one_thing(build):
    assert formulas(build(made_up())) == {
        "separate": "score ~ 0 + herd",
        "pooled": "score ~ 1 + (1 | herd)",
        "time": "score ~ 1 + month + (1 | herd)",
        "group": "score ~ 1 + month + region + (1 | herd)",
        "slopes": "score ~ 1 + month + (1 + month | herd)",
    }


def test_every_class_of_parameters_has_a_prior(build):
    rungs = {rung.name: set(rung.priors) for rung in build(made_up()).rungs}
    assert rungs["separate"] == {"b", "sigma"}
    assert rungs["group"] == {"Intercept", "b[month]", "b[region]", "sd", "sigma"}
    assert rungs["slopes"] == {"Intercept", "b[month]", "sd", "sd[month]", "cor", "sigma"}


def test_without_time_and_group_two_models(build):
    assert list(formulas(build(made_up(), "score", "herd"))) == ["separate", "pooled"]


def test_group_without_time(build):
    assert formulas(build(made_up(), "score", "herd", None, "region"))["group"] == "score ~ 1 + region + (1 | herd)"


def test_names_are_quoted(build):
    frame = made_up().rename(columns={"herd": "my herd", "month": "since birth"})
    built = formulas(build(frame, "score", "my herd", "since birth"))
    assert built["slopes"] == "score ~ 1 + `since birth` + (1 + `since birth` | `my herd`)"


def test_no_means_without_pooling_of_many_units_or_single_rows(build):
    built = build(made_up(n_units=301), "score", "herd")
    assert list(formulas(built)) == ["alike", "pooled"]
    assert built.left_out == ["no pooling (0 + herd): 301 herds, more than 300, would have a parameter each"]
    yes_no = made_up(n_units=51).assign(score=[0, 1, 0] * 85)
    assert "51 herds, more than 50, would have" in build(yes_no, "score", "herd").left_out[0]
    single = made_up().iloc[[0, 1, 5, 10, 15, 20]]
    assert build(single, "score", "herd").left_out == [
        "no pooling (0 + herd): half of the herds have one measurement only"
    ]


def test_no_slopes_where_units_have_few_times(build):
    frame = made_up(n_times=3)
    assert "slopes" in build(frame)
    few = build(frame[(frame["month"] < 2) | (frame["herd"] < "H04")])
    assert "slopes" not in few
    assert few.left_out[0].startswith(
        "varying slopes (1 + month | herd): 4 of 12 herds are measured at 3 times or more"
    )
    binary = frame.assign(score=np.arange(len(frame)) % 2)
    assert build(binary).left_out[0].startswith("varying slopes (1 + month | herd): none of 12 herds are measured at 8")


def test_ordered_levels_have_thresholds_in_the_place_of_an_intercept(build):
    built = build(made_up().assign(score=[1, 2, 3, 4, 5] * 12), "score", "herd", "month")
    assert list(formulas(built)) == ["pooled", "time", "slopes"]
    assert set(built.rungs[0].priors) == {"sd", "threshold"}
    assert built.left_out[0].startswith("no pooling")


def test_thresholds_are_as_wide_at_time_0_as_the_slope_lets_them_be(build):
    rng = np.random.default_rng(1)
    frame = made_up().assign(score=[1, 2, 3, 4, 5] * 12, month=lambda frame: frame["month"] + 2)
    built = build(frame, "score", "herd", "month")
    widths = {rung.name: float(rung.priors["threshold"].partition(", ")[2].rstrip(")")) for rung in built.rungs}
    # Where time is at its mean, normal with sd 2.5, and a slope as the prior has it from there to 0.
    slopes = rng.normal(0, float(built.rungs[1].priors["b[month]"].partition(", ")[2].rstrip(")")), 100_000)
    at_0 = rng.normal(0, 2.5, 100_000) + slopes * frame["month"].mean()
    assert widths["pooled"] == 2.5
    assert widths["time"] == widths["slopes"] == pytest.approx(at_0.std(), rel=0.03)


def test_many_groups_are_pooled(build):
    frame = made_up(n_units=30).assign(region=lambda frame: frame["herd"].str[1:].astype(int) // 3)
    group = build(frame).rungs[3]
    assert group.formula == "score ~ 1 + month + (1 | region) + (1 | herd)"
    assert "b[region]" not in group.priors


def fed(n_times=8, n_feeds=2, **made):
    """Herds that get one feed after the other."""
    return made_up(n_times=n_times, **made).assign(
        feed=lambda frame: [f"F{month % n_feeds}" for month in frame["month"]]
    )


def test_a_condition_is_the_same_for_all_units_before_it_varies(build):
    built = build(fed(), "score", "herd", "month", "region", "feed")
    assert formulas(built) == {
        "separate": "score ~ 0 + herd",
        "pooled": "score ~ 1 + (1 | herd)",
        "time": "score ~ 1 + month + (1 | herd)",
        "condition": "score ~ 1 + month + feed + (1 | herd)",
        "varying": "score ~ 1 + month + feed + (1 + feed | herd)",
        "group": "score ~ 1 + month + region + (1 | herd)",
        "slopes": "score ~ 1 + month + (1 + month | herd)",
    }
    of = {rung.name: set(rung.priors) for rung in built.rungs}
    assert of["condition"] == {"Intercept", "b[month]", "b[feed]", "sd", "sigma"}
    assert of["varying"] == of["condition"] | {"sd[feed]", "cor"}


def test_differences_do_not_vary_where_the_data_cannot_carry_it(build):
    def left_out(frame):
        built = build(frame, "score", "herd", None, None, "feed")
        assert "condition" in built
        assert "varying" not in built
        return built.left_out[-1]

    once = left_out(fed(n_times=3, n_feeds=2))
    assert once.startswith(
        "varying differences (1 + feed | herd): none of 12 herds are measured 2 times or more in each"
    )
    assert left_out(fed(n_times=10, n_feeds=5)).endswith("5 conditions, more than 4, would have too many correlations")
    yes_no = fed(n_times=14).assign(score=lambda frame: np.arange(len(frame)) % 3 % 2)
    assert "none of 12 herds are measured 8 times or more in each condition" in left_out(yes_no)


def test_many_conditions_are_pooled(build):
    built = build(fed(n_times=10, n_feeds=10), "score", "herd", None, None, "feed")
    assert formulas(built) == {
        "separate": "score ~ 0 + herd",
        "pooled": "score ~ 1 + (1 | herd)",
        "condition": "score ~ 1 + (1 | feed) + (1 | herd)",
    }
    assert built.rungs[2].text == "Adds the 10 levels of feed, pooled as the herds are."
    assert set(built.rungs[2].priors) == {"Intercept", "sd", "sigma"}
