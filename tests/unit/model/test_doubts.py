import pytest
from partialpool.model.doubts import doubts
from partialpool.model.formula import complete_cases


def moved_with_nothing(column, others):
    return []


@pytest.mark.parametrize(
    ("formula", "shift", "doubted"),
    [
        ("y ~ x + (1 + x | id)", 2000, True),
        ("y ~ x + (1 + x | id)", -2000, True),
        ("y ~ x + (x | id)", 2000, True),
        ("y ~ x + (1 + x | id)", 0, False),
        ("y ~ x + (1 + x | id)", 10, False),
        # Without an intercept beside the slopes, and without slopes, 0 is nothing special.
        ("y ~ x + (0 + x | id)", 2000, False),
        ("y ~ x + (1 | id)", 2000, False),
        ("y ~ x + (1 + center(x) | id)", 2000, False),
        ("y ~ x + (1 + group | id)", 2000, False),
    ],
)
def test_a_zero_far_outside_of_a_predictor_with_varying_slopes(make_spec, units, formula, shift, doubted):
    rows = units.assign(x=units["x"] + shift)
    found = doubts(make_spec(formula), rows, moved_with_nothing)
    assert len(found) == doubted
    if doubted:
        low, high = rows["x"].min(), rows["x"].max()
        assert found[0].startswith(f"0 is far outside of 'x' ({low:g} to {high:g})")
        assert f"{{derive: {{x_0: x - {low:g}}}}}" in found[0]


@pytest.mark.parametrize(
    ("formula", "doubted"),
    [
        ("y ~ 1 + (id | group)", True),
        ("y ~ 1 + (1 | id) + (1 + id | group)", True),
        ("y ~ 1 + (group | id)", False),
        ("y ~ 1 + (1 | group)", False),
        ("y ~ 1 + (x | group)", False),
        ("y ~ 1 + (1 | group / id)", False),
    ],
)
def test_a_bar_that_may_be_turned_round(make_spec, units, formula, doubted):
    spec = make_spec(formula)
    told = doubts(spec, complete_cases(spec, units), moved_with_nothing)
    assert len(told) == doubted
    if doubted:
        assert "has 12 effects for each of 3 levels of 'group', one of each 'id'" in told[0]
        assert told[0].endswith("Is (group | id) meant?")


@pytest.mark.parametrize(
    ("family", "prior", "sds"),
    [
        ("gaussian", "Normal(100, 10)", 10),
        ("gaussian", "Normal(0, 1.5)", None),
        ("t", "Normal(-50, 5)", 10),
        # The mean of 7.4 is 2 on the scale of the log, of 0.5 it is 0 on that of the logit.
        ("poisson", "Normal(50, 4)", 12),
        ("poisson", "Normal(0, 1)", None),
        ("bernoulli", "Normal(20, 2)", 10),
        ("gaussian", "StudentT(3, 100, 1)", None),
    ],
)
def test_a_prior_far_from_the_data(make_spec, units, family, prior, sds):
    mean = {"poisson": 7.389, "bernoulli": 0.5}.get(family, 0.0)
    rows = units.assign(y=mean)
    found = doubts(make_spec("y ~ 1 + (1 | id)", family=family, priors={"Intercept": prior}), rows, moved_with_nothing)
    assert len(found) == (sds is not None)
    if sds:
        assert f"is {sds} of its standard deviations away" in found[0]


@pytest.mark.parametrize(("formula", "doubted"), [("y ~ x + x2 + (1 | id)", True), ("y ~ x + z + (1 | id)", False)])
def test_a_predictor_that_changes_with_another(make_spec, units, formula, doubted):
    rows = units.assign(x2=units["x"] ** 2, z=units["x"])
    found = doubts(make_spec(formula), rows, lambda column, others: [o for o in others if (column, o) == ("x", "x2")])
    assert len(found) == doubted
    if doubted:
        assert found[0].startswith("'x2' changes with 'x' (data.derive)")
        assert "I(x ** 2)" in found[0]
