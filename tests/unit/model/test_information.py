import bambi
import numpy as np
import pandas as pd
import pytest
from partialpool.model.formula import bars
from partialpool.model.information import information, well_informed
from partialpool.model.names import bambi_blocks
from scipy import stats


def with_blocks(formula, rows, **settings):
    model = bambi.Model(formula, rows, **settings)
    parent = model.parameters[model.family.likelihood.parent]
    return model, bambi_blocks(bars(formula), parent.group_specific_terms)


def ratios(formula, rows, **settings):
    return information(*with_blocks(formula, rows, **settings))


def order(formula, rows, **settings):
    return [block.terms[0].name for block in well_informed(*with_blocks(formula, rows, **settings))]


def levels(n_levels: int, each: int, prefix: str = "a") -> pd.Categorical:
    return pd.Categorical(np.repeat([f"{prefix}{i:02}" for i in range(n_levels)], each))


def rss(outcome: np.ndarray, *columns) -> float:
    """Residual sum of squares of least squares on dense columns."""
    dense = np.column_stack([np.asarray(pd.get_dummies(c) if hasattr(c, "cat") else c, dtype=float) for c in columns])
    return float(np.sum((outcome - dense @ np.linalg.lstsq(dense, outcome)[0]) ** 2))


def limit(f: float, *freedoms: int) -> float:
    """Of a ratio of variances less 1."""
    return f / stats.f.ppf(0.95, *freedoms) - 1


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_one_way_it_is_that_of_the_f_statistic(rng):
    rows = pd.DataFrame({"id": levels(12, 7)})
    rows["y"] = rng.normal(size=12)[rows["id"].cat.codes] + rng.normal(size=len(rows))
    f = stats.f_oneway(*(part for _, part in rows.groupby("id", observed=True)["y"])).statistic
    assert ratios("y ~ 1 + (1 | id)", rows)["1|id"] == pytest.approx(limit(f, 11, 72))


def test_crossed_it_is_that_of_each_factor_given_the_other(rng):
    rows = pd.DataFrame({"a": np.repeat(levels(6, 1), 8), "b": np.tile(levels(8, 1, "b"), 6)})
    rows = rows.astype("category")
    rows["y"] = 3 * rng.normal(size=6)[rows["a"].cat.codes] + rng.normal(size=8)[rows["b"].cat.codes]
    rows["y"] += rng.normal(size=48)
    both = rss(rows["y"].to_numpy(), rows["a"], rows["b"]) / (48 - 6 - 8 + 1)
    ours = ratios("y ~ 1 + (1 | b) + (1 | a)", rows)
    for name, other, freedom in (("a", "b", 5), ("b", "a", 7)):
        alone = rss(rows["y"].to_numpy(), rows[other])
        expected = limit((alone - both * 35) / freedom / both, freedom, 35)
        assert ours[f"1|{name}"] == pytest.approx(expected), name


def test_a_factor_is_held_against_what_is_nested_in_it(rng):
    rows = pd.DataFrame({"school": levels(6, 20), "child": levels(30, 4, "c")})
    rows["y"] = rng.normal(size=6)[rows["school"].cat.codes] + 2 * rng.normal(size=30)[rows["child"].cat.codes]
    rows["y"] += rng.normal(size=120)
    y = rows["y"].to_numpy()
    total = float(np.sum((y - y.mean()) ** 2))
    of_school, of_child = rss(y, rows["school"]), rss(y, rows["child"])
    squares = (total - of_school) / 5, (of_school - of_child) / 24, of_child / 90
    ours = ratios("y ~ 1 + (1 | child) + (1 | school)", rows)
    assert ours["1|child"] == pytest.approx(limit(squares[1] / squares[2], 24, 90))
    assert ours["1|school"] == pytest.approx(limit(squares[0] / squares[1], 5, 24))


def test_each_effect_of_a_bar_is_held_given_the_others(rng):
    rows = pd.DataFrame({"id": levels(10, 8), "x": np.tile(np.arange(8.0), 10)})
    code = rows["id"].cat.codes
    rows["y"] = rng.normal(size=10)[code] + 0.3 * rng.normal(size=10)[code] * rows["x"] + rng.normal(size=80)
    y, dummies = rows["y"].to_numpy(), pd.get_dummies(rows["id"]).to_numpy(dtype=float)
    slopes = dummies * rows["x"].to_numpy()[:, None]
    whole = rss(y, dummies, slopes)
    ours = ratios("y ~ 1 + x + (1 + x | id)", rows)
    # Without its own effects a term keeps the common coefficient.
    for name, without in (("1|id", rss(y, np.ones(80), slopes)), ("x|id", rss(y, dummies, rows["x"]))):
        assert ours[name] == pytest.approx(limit((without - whole) / 9 / (whole / 60), 9, 60)), name


def test_an_exposure_is_a_weight_and_counts_are_held_against_their_own_variance(rng):
    rows = pd.DataFrame({"id": levels(300, 4), "time": rng.uniform(20, 40, 1200)})
    effects, formula = 0.2 * rng.normal(size=300), "n ~ 1 + offset(log(time)) + (1 | id)"
    rows["n"] = rng.poisson(rows["time"] * np.exp(effects[rows["id"].cat.codes]))
    # A row says as much of a logarithm as it counts.
    expected = limit(1 + effects.var(ddof=1) * rows["n"].sum() / 300, 299, 900)
    once = ratios(formula, rows, family="poisson")["1|id"]
    # The mean square of 300 levels, half of it from the counts, varies by 8 %.
    assert once == pytest.approx(expected, rel=0.2)
    # Doubled counts vary by twice as much as those of the family: as they are, they would say what they said before.
    assert ratios(formula, rows.assign(n=2 * rows["n"]), family="poisson")["1|id"] == pytest.approx(2 * once, rel=0.05)


def test_successes_of_trials_are_held_against_the_binomial_variance(rng):
    rows = pd.DataFrame({"id": levels(300, 4), "n": rng.integers(5, 20, 1200)})
    effects = 0.3 * rng.uniform(-1, 1, 300)
    rows["y"] = rng.binomial(rows["n"], 0.5 + effects[rows["id"].cat.codes])
    # Per trial the variance of the family is that of the mean, and the effects take their part of it.
    within = 0.25 - effects.var()
    expected = limit(1 + effects.var(ddof=1) / within * rows["n"].sum() / 300, 299, 900) * within / 0.25
    ours = ratios("p(y, n) ~ 1 + (1 | id)", rows, family="binomial")["1|id"]
    assert ours == pytest.approx(expected, rel=0.2)


def test_of_an_outcome_with_levels_or_of_one_row_a_level_nothing_is_known(rng):
    rows = pd.DataFrame({"id": levels(10, 6), "each": levels(60, 1), "y": rng.normal(size=60)})
    rows["mood"] = pd.Categorical(rng.choice(["bad", "fair", "good"], 60), ordered=True)
    assert ratios("y ~ 1 + (1 | each)", rows) == {}
    assert ratios("mood ~ 0 + (1 | id)", rows, family="cumulative") == {}
    assert order("y ~ 1 + (1 | each)", rows) == []
    assert order("y ~ 1", rows) == []


def test_without_residuals_nothing_is_known():
    rows = pd.DataFrame({"id": levels(10, 6), "none": 0, "same": np.repeat(np.arange(10.0), 6)})
    assert ratios("none ~ 1 + (1 | id)", rows, family="poisson") == {}
    assert order("same ~ 1 + (1 | id)", rows) == []


def test_all_bars_must_be_known_well_and_come_in_the_order_of_their_spread(rng):
    rows = pd.DataFrame({"a": np.repeat(levels(24, 1), 6), "b": np.tile(levels(6, 1, "b"), 24)}).astype("category")
    noise, a = rng.normal(size=144), rng.normal(size=24)[rows["a"].cat.codes]
    b = np.linspace(-1, 1, 6)[rows["b"].cat.codes]
    formula = "y ~ 1 + (1 | a) + (1 | b)"
    assert order(formula, rows.assign(y=2 * a + 4 * b + noise)) == ["1|b", "1|a"]
    # Levels times (1 + residual variance / sd squared): 24 (1 + 1 / 9) and 6 (1 + 1 / 0.14).
    assert order(formula, rows.assign(y=3 * a + 0.5 * b + noise)) == ["1|a", "1|b"]
    assert order(formula, rows.assign(y=2 * a + noise)) == []


def test_what_is_nested_comes_behind_what_it_is_nested_in(rng):
    rows = pd.DataFrame({"school": levels(12, 60), "child": levels(60, 12, "c")})
    of_school, of_child = rng.normal(size=12)[rows["school"].cat.codes], rng.normal(size=60)[rows["child"].cat.codes]
    rows["y"] = 3 * of_school + of_child + rng.normal(size=720)
    assert order("y ~ 1 + (1 | child) + (1 | school)", rows) == ["1|school", "1|child"]


def test_effects_of_several_categories_are_not_centred(rng):
    rows = pd.DataFrame({"id": levels(12, 30), "g": pd.Categorical(np.tile(["p", "q", "r"], 120))})
    rows["y"] = 5 * rng.normal(size=12)[rows["id"].cat.codes] + rng.normal(size=360)
    assert order("y ~ 1 + (1 | id)", rows) == ["1|id"]
    assert order("y ~ 1 + (1 + g | id)", rows) == []
