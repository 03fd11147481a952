"""Influence of units and measurements beside fits without them."""

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from partialpool.checks import influence as influence_module
from partialpool.checks import left_out
from partialpool.checks.influence import COLUMNS, influence
from partialpool.fit.by_row import draws_by_row
from partialpool.fit.fit import fit
from partialpool.loo.integrated import integrated
from partialpool.weights.smoothing import log_sum_exp, relative_efficiency


@pytest.fixture(scope="module")
def table(intercepts):
    return influence(intercepts)


def test_each_unit_and_each_measurement_has_a_row(table, intercepts):
    assert list(table) == COLUMNS
    assert table["of"].tolist() == ["unit"] * 12 + ["row"] * 60
    assert set(table.loc[table["of"] == "unit", "label"]) == set(intercepts.rows["id"].astype(str))
    assert (table.loc[table["of"] == "unit", "rows"] == 5).all()
    for _, part in table.groupby("of"):
        assert part["shift"].abs().is_monotonic_decreasing


def test_densities_are_those_of_leaving_out_in_closed_form(table, intercepts):
    observations, units = integrated(intercepts.tree, intercepts.spec, intercepts.data)
    for of, known in (("row", observations), ("unit", units)):
        own = table[table["of"] == of].set_index("label")["elpd"]
        labels = known.labels if of == "row" else [str(label) for label in known.labels]
        # 500 draws of all that units share, where the closed form has them integrated out but for the scales.
        np.testing.assert_allclose(own.loc[labels], known.elpd, atol=0.1)


@pytest.mark.parametrize("place", [0, 5, 12])
def test_shifts_are_those_of_other_fits(table, intercepts, place):
    row = table.iloc[place]
    column = intercepts.rows["id"].astype(str) if row["of"] == "unit" else intercepts.rows["row"]
    without = intercepts.data[(column != row["label"]).to_numpy()]
    parameter = next(one for one in intercepts.parameters if one.name == row["parameter"])
    draws = parameter.draws(fit(intercepts.spec, without)["posterior"].to_dataset())
    assert row["mean_without"] == pytest.approx(row["mean"] + row["shift"] * row["sd"])
    # Both means have Monte Carlo errors, of at least 500 draws by weights and of those of a short fit.
    assert (draws.mean() - row["mean_without"]) / row["sd"] == pytest.approx(0, abs=4 * np.sqrt(2 / 160 + 1 / 300))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["intercepts", "yes_no"])
def test_estimates_are_those_of_all_draws(name, request):
    """Where some of the draws are weighted, what moves is still the estimate that the summary has."""
    fitted = request.getfixturevalue(name)
    means = {one.name: one.draws(fitted.posterior).mean() for one in fitted.parameters}
    table = influence(fitted)
    assert "importance weights" in set(table["method"])
    np.testing.assert_allclose(table["mean"].astype(float), table["parameter"].map(means))
    np.testing.assert_allclose(table["mean_without"] - table["mean"], table["shift"] * table["sd"], rtol=1e-6)


def test_units_that_move_most_are_fitted_again_by_the_marginal_engine_only(table, yes_no):
    assert (table["method"] == "refit").sum() == 3
    weighted = influence(yes_no)
    assert set(weighted["method"]) == {"importance weights"}
    assert (weighted["pareto_k"] < 0.7).all()


def test_with_crossed_factors_what_is_left_out_is_weighted_given_all_effects(make_spec, fitted_to):
    """Log densities of the rows of a unit add up there, and ArviZ smooths the weights."""
    rng = np.random.default_rng(3)
    unit, item = (codes.ravel() for codes in np.indices((8, 6)))
    data = pd.DataFrame({"id": unit, "item": item, "x": rng.normal(size=48), "row": np.arange(48)})
    data["y"] = data["x"] + rng.normal(size=8)[unit] + rng.normal(size=6)[item] + rng.normal(size=48)
    data = data.astype({"id": "category", "item": "category"})
    fitted = fitted_to(make_spec("y ~ 1 + x + (1 | id) + (1 | item)", "Intercept b sd sigma", engine="marginal"), data)
    table = influence(fitted)
    by_row = np.moveaxis(draws_by_row(fitted.tree, "log_likelihood"), -1, 0)
    by_unit = np.stack([by_row[unit == one].sum(axis=0) for one in range(8)])
    for of, values in (("unit", by_unit), ("row", by_row)):
        own = table[table["of"] == of].set_index("label").loc[lambda part: sorted(part.index, key=int)]
        efficiency = relative_efficiency(-values)
        # ArviZ takes the log likelihood, and the reciprocals itself.
        log_weights = [array_stats.psislw(one.ravel(), r_eff=r)[0] for one, r in zip(values, efficiency, strict=True)]
        assert len(own) == len(values)
        elpd = [log_sum_exp(some + one.ravel()) for some, one in zip(log_weights, values, strict=True)]
        weighted = own["method"] == "importance weights"
        np.testing.assert_allclose(own["elpd"][weighted], np.array(elpd)[weighted])
    assert (table["method"] == "refit").sum() == 3


def test_weights_do_not_depend_on_how_many_are_computed_at_a_time(table, intercepts, monkeypatch):
    monkeypatch.setattr(left_out, "CHUNK", 3000)
    pd.testing.assert_frame_equal(influence(intercepts), table)


def test_the_unit_in_front_is_one_without_which_the_model_was_fitted_again(intercepts, monkeypatch):
    by_weights = influence_module._table

    def nine_by_far(fitted, of, *others):
        table = influence_module.in_order(by_weights(fitted, of, *others))
        return table.assign(shift=[*range(100, 10, -10)] + [0.0] * (len(table) - 9))

    monkeypatch.setattr(influence_module, "_table", nine_by_far)
    units = influence(intercepts).iloc[:12]
    # Each has the largest shift once those before it are fitted again, and moves estimates by far less.
    assert units["method"].tolist() == ["refit"] * 9 + ["importance weights"] * 3
    assert units["shift"].abs().max() < 3
