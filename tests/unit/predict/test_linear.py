"""Linear predictors beside Bambi's."""

import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.errors import StudyError
from partialpool.model.formula import complete_cases
from partialpool.predict import by_bambi
from partialpool.predict.asked import Asked
from partialpool.predict.linear import LinearPredictor
from partialpool.predict.points import points
from partialpool.predict.values import draws_at

FORMULAS = {
    "correlated slopes": ("y ~ 1 + x + (1 + x | id)", "Intercept b sd cor sigma"),
    "independent slopes": ("y ~ 1 + x + (1 | id) + (0 + x | id)", "Intercept b sd sigma"),
    "categories": ("y ~ group + mood + (1 + mood | id)", "Intercept b sd cor sigma"),
    "effects by level": ("y ~ 1 + (0 + mood | id)", "Intercept sd cor sigma"),
    "interactions": ("y ~ x * group + z:mood + (1 + x:z | id)", "Intercept b sd cor sigma"),
    "offset": ("y ~ 1 + offset(z) + (1 | id)", "Intercept sd sigma"),
    "no pooling": ("y ~ 0 + id", "b sigma"),
    "slopes of each unit": ("y ~ 0 + id + id:x", "b sigma"),
    "no common coefficients": ("y ~ 0 + (1 | id)", "sd sigma"),
    "several grouping factors": ("y ~ x + (1 + x | id) + (1 | mood)", "Intercept b sd cor sigma"),
    "grouping factors crossed": ("y ~ x + (1 | id) + (1 | mood:group)", "Intercept b sd sigma"),
    "nested": ("y ~ x + (1 | mood / id)", "Intercept b sd sigma"),
    "nested slopes": ("y ~ x + (1 + x | group / mood / id)", "Intercept b sd cor sigma"),
    "crossed slopes": ("y ~ x + (1 + x | id) + (1 + x | mood) + (0 + z | mood:group)", "Intercept b sd cor sigma"),
    "categories by both factors": ("y ~ mood + (1 + mood | id) + (1 + mood | group)", "Intercept b sd cor sigma"),
    "grouping factor by a function": ("y ~ x + (1 | C(count)) + (1 | mood:np.sign(z))", "Intercept b sd sigma"),
    "numbers as grouping factor": ("y ~ 1 + (1 | id) + (1 | count)", "Intercept sd sigma"),
    "also a covariate": ("y ~ mood + (1 | mood) + (1 | id)", "Intercept b sd sigma"),
    "transformations": (
        "log(count + 1) ~ scale(x) + center(z) + np.exp(v) + (1 + scale(z) | id)",
        "Intercept b sd cor sigma",
    ),
    "powers and splines": ("y ~ x + I(x**2) + bs(z, df=4) + poly(v, 2) + (1 | id)", "Intercept b sd sigma"),
}


def made_up(model, rng):
    """A posterior of a Bambi model that has nothing to do with its data."""
    parent = model.parameters["mu"]
    terms = [parent.intercept_term] if parent.intercept_term else []
    terms += [*parent.common_terms.values(), *parent.group_specific_terms.values()]
    variables, coords = (
        {"sigma": (("chain", "draw"), rng.uniform(0.5, 1, (2, 5)))},
        {"chain": range(2), "draw": range(5)},
    )
    for term in terms:
        own = {dim: list(values) for dim, values in term.coords.items()}
        coords |= own
        shape = (2, 5, *map(len, own.values()))
        variables[term.name] = ("chain", "draw", *own), rng.normal(size=shape)
    return xr.Dataset(variables, coords)


@pytest.mark.parametrize("name", FORMULAS)
def test_linear_predictors_are_those_of_bambi(name, make_spec, units):
    spec = make_spec(*FORMULAS[name])
    rows = complete_cases(spec, units)
    # Also combinations that were not observed, of levels that were.
    others = rows[::5].assign(**{name: np.roll(rows[name][::5], 1) for name in ("mood", "group") if name in rows})
    at = pd.concat([rows[::7], others], ignore_index=True).drop(columns="row")
    model = by_bambi.build_model(spec, rows)
    posterior = made_up(model, np.random.default_rng(5))
    rng = np.random.default_rng(1)
    expected = by_bambi.draw(model, posterior, at, quantities=["expected"], rng=rng)["expected"]
    ours = LinearPredictor(spec, rows)(posterior, at)
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-12)


def test_a_level_of_another_grouping_factor_that_is_unknown(make_spec, units):
    spec = make_spec("y ~ 1 + (1 | id) + (1 | count)", "Intercept sd sigma")
    rows = complete_cases(spec, units)
    posterior = made_up(by_bambi.build_model(spec, rows), np.random.default_rng(5))
    at = points(spec, units, Asked(units=["6"], at={"count": [2, 99]}))
    with pytest.raises(StudyError, match=r"'at': count has no level 99\. Valid: 0, 1, "):
        LinearPredictor(spec, rows)(posterior, at)


def test_columns_of_units_are_not_made(make_spec):
    """As many units as would fill the memory: a column each, for each of them, would be 3 GB."""
    n = 20_000
    data = pd.DataFrame({"id": np.arange(n), "x": np.arange(n) / n, "y": 0.0, "row": np.arange(n)})
    spec = make_spec("y ~ x + (1 | id)", "Intercept b sd sigma")
    variables = {name: (("chain", "draw"), np.full((1, 2), 2.0)) for name in ("Intercept", "x", "sigma")}
    variables["1|id"] = ("chain", "draw", "id__factor_dim"), np.tile(np.arange(n), (1, 2, 1))
    posterior = xr.Dataset(variables, {"id__factor_dim": np.arange(n).astype(str)})
    at = points(spec, data, Asked(units="all"))
    tree = xr.DataTree.from_dict({"posterior": posterior})
    expected = draws_at(tree, spec, data, at, quantities=["expected"], seed=1)["expected"]
    np.testing.assert_allclose(expected[0, 0], 2 + 2 * data["x"] + np.arange(n), rtol=1e-12)


@pytest.mark.parametrize(
    ("formula", "at", "words"),
    [
        ("y ~ log(x + 1) + (1 | id)", {"x": [0.0, -1.0]}, "'log(x + 1)' is no finite number where x is -1.0"),
        (
            "y ~ np.exp(x):z + (1 | id)",
            {"x": [900.0], "z": [1.0]},
            "'np.exp(x):z' is no finite number where x is 900",
        ),
        ("y ~ offset(log(x + 1)) + (1 | id)", {"x": [-1.0]}, "'offset(log(x + 1))' is no finite number"),
        ("y ~ 1 + (log(x + 1) | id)", {"x": [-3.0]}, "'log(x + 1)' is no finite number where x is -3.0"),
        ("y ~ C(count) + (1 | id)", {"count": [99]}, "The levels (99) in 'C(count)' are not present"),
        ("y ~ 1 + (1 | C(count))", {"count": [99]}, "The levels (99) in 'C(count)' are not present"),
    ],
)
def test_values_at_which_a_model_says_nothing(make_spec, units, formula, at, words):
    spec = make_spec(formula, "")
    predictor = LinearPredictor(spec, complete_cases(spec, units))
    rows = pd.DataFrame(at).assign(id=pd.Categorical(["6"] * len(next(iter(at.values())))))
    with pytest.raises(StudyError, match=re.escape(words)):
        predictor.require_values(rows)
    predictor.require_values(complete_cases(spec, units))
