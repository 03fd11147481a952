"""Effects drawn again from a fit that keeps a summary of them, against those of a fit that keeps all draws."""

from dataclasses import replace

import numpy as np
import pytest
from partialpool.fit import fit as fit_module
from partialpool.model.formula import complete_cases
from partialpool.predict.asked import Asked
from partialpool.predict.effects import with_effects_at
from partialpool.predict.linear import LinearPredictor
from partialpool.predict.points import points as points_asked
from partialpool.predict.values import draws_at

LONG = {"engine": "marginal", "chains": 4, "draws": 1000, "warmup": 500}
MODELS = {
    "correlated slopes": ("y ~ 1 + x + group + (1 + x | id)", "Intercept b sd cor sigma"),
    "crossed": ("y ~ 0 + x + offset(z) + (1 | mood) + (1 | id)", "b sd sigma"),
    "nested": ("y ~ x + (1 | group / id)", "Intercept b sd sigma"),
    "by level": ("y ~ scale(x) + (0 + group | id) + (1 + z | count)", "Intercept b sd cor sigma"),
}
AT = {name: {"x": [0, 9]} for name in MODELS} | {"nested": {"x": [0, 9], "group": ["PD", "CTRL"]}}
AT_NEW = {"correlated slopes": {"x": [0, 9], "group": ["PD"]}, "crossed": {"x": [8], "z": [1], "mood": ["bad", "good"]}}


@pytest.fixture(scope="module")
def two_fits(make_spec, units):
    """Fits of the same model that keep draws, and a summary, of the grouping factor with most levels."""
    # Units that differ, and a mean of the predictors far from 0: the intercepts at both are far from each other.
    ids = units["id"].astype("category").cat.codes
    data = units.assign(x=units["x"] + 7, y=units["y"] + 2 * np.sin(ids) + 0.3 * units["x"] * np.cos(ids))
    made = {}

    def fits(name):
        if name not in made:
            spec = make_spec(*MODELS[name], **LONG)
            kept = {how: fit_module.fit(replace(spec, group_effects=how), data) for how in ("draws", "summary")}
            made[name] = spec, data, kept
        return made[name]

    return fits


def points(spec, data, **asked):
    return points_asked(spec, data, Asked(**asked))


def statistics(draws):
    """Mean, sd and quantiles of draws (chain, draw, n), with Monte Carlo errors, (statistic, n) each."""
    from arviz_stats.base import array_stats

    numbers = [draws.mean((0, 1)), draws.std((0, 1), ddof=1), *np.quantile(draws, [0.025, 0.975], axis=(0, 1))]
    methods = [{"method": "mean"}, {"method": "sd"}, *({"method": "quantile", "prob": p} for p in (0.025, 0.975))]
    errors = [array_stats.mcse(np.moveaxis(draws, -1, 0), **options) for options in methods]
    return np.array(numbers), np.array(errors)


def assert_same_distribution(one, other):
    (ours, our_errors), (theirs, their_errors) = statistics(one), statistics(other)
    assert (np.abs(ours - theirs) < 5 * np.hypot(our_errors, their_errors)).all()


def with_all_effects(spec, data, tree):
    """The posterior of a fit that keeps a summary, with draws of the effects of all units."""
    rows = complete_cases(spec, data)
    return with_effects_at(tree["posterior"].to_dataset(), LinearPredictor(spec, rows), rows, rows, seed=3)


def of_levels(values, dims):
    """Draws of a variable, (chain, draw, all that it has along ``dims``)."""
    values = values.transpose("chain", "draw", *dims).to_numpy()
    return values.reshape(*values.shape[:2], -1)


def expected(fits, spec, data, at):
    """Draws of expected values by each of the two fits."""
    options = {"quantities": ["expected"], "seed": 3}
    return [draws_at(tree, spec, data, at, **options)["expected"] for tree in fits.values()]


@pytest.mark.numbers
@pytest.mark.parametrize("name", MODELS)
def test_predictions_of_units_are_those_of_a_fit_that_keeps_draws(name, two_fits):
    spec, data, fits = two_fits(name)
    # Of nested factors, also levels without rows: units in a group that is not theirs.
    at = points(spec, data, units=["250", "3", "64"], at=AT[name])
    assert_same_distribution(*expected(fits, spec, data, at))


def test_units_without_rows_of_their_own_at_all(two_fits):
    spec, data, fits = two_fits("nested")
    group = data.loc[data["id"] == 64, "group"].iloc[0]
    other = next(name for name in data["group"].cat.categories if name != group)
    at = points(spec, data, units=["64"], at={"x": [0], "group": [other]})
    assert_same_distribution(*expected(fits, spec, data, at))


def test_new_units_need_no_effects_of_observed_ones(two_fits):
    for name in ("correlated slopes", "crossed"):
        spec, data, fits = two_fits(name)
        at = points(spec, data, new_units=30, at=AT_NEW[name])
        np.testing.assert_array_equal(*expected(fits, spec, data, at))


@pytest.mark.numbers
def test_new_units_that_meet_levels_of_which_there_is_a_summary(two_fits):
    """New moods, more than were observed, at two of the units."""
    spec, data, fits = two_fits("crossed")
    spec = replace(spec, unit="mood")
    at = points(spec, data, new_units=4, at={"x": [8], "z": [0], "id": [6, 40]})
    theirs, ours = expected(fits, spec, data, at)
    assert_same_distribution(ours, theirs)
    # Of one draw the units' effects are the same for all new moods.
    assert_same_distribution(ours[..., ::2] - ours[..., 1::2], theirs[..., ::2] - theirs[..., 1::2])
    assert_same_distribution(ours[..., :1] - ours[..., -1:], theirs[..., :1] - theirs[..., -1:])


@pytest.mark.numbers
@pytest.mark.parametrize("name", MODELS)
def test_effects_drawn_again_are_those_of_the_summary(name, two_fits):
    spec, data, fits = two_fits(name)
    again, draws = with_all_effects(spec, data, fits["summary"]), fits["draws"]["posterior"].to_dataset()
    assert set(again.data_vars) == set(draws.data_vars)
    for term, summary in fits["summary"]["group_effects"].data_vars.items():
        numbers, errors = statistics(of_levels(again[term], summary.dims[1:]))
        kept = summary.sel({dim: again[dim].to_numpy() for dim in summary.dims[1:]}).to_numpy().reshape(4, -1)
        # The summary is of a quarter of as many draws.
        assert (np.abs(numbers - kept) < 5 * np.sqrt(5) * errors).all()


@pytest.mark.numbers
@pytest.mark.parametrize("name", MODELS)
def test_effects_drawn_again_belong_to_the_other_parameters_of_the_same_draw(name, two_fits):
    spec, data, fits = two_fits(name)
    again, draws = with_all_effects(spec, data, fits["summary"]), fits["draws"]["posterior"].to_dataset()
    for term, summary in fits["summary"]["group_effects"].data_vars.items():
        dims = summary.dims[1:]
        at = {dim: again[dim].to_numpy() for dim in dims}
        for other in [name for name, values in draws.data_vars.items() if values.dims == ("chain", "draw")]:
            products = []
            for posterior in (again, draws):
                effects, values = of_levels(posterior[term].sel(at), dims), posterior[other].to_numpy()[..., None]
                products.append((effects - effects.mean((0, 1))) * (values - values.mean()))
            assert_same_distribution(*products)
