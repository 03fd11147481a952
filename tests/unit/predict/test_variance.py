"""The table of a model's variance."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from made_up_fits import CHAINS, DRAWS, posterior, rows
from partialpool.predict import variance


def tree_of(draws):
    return xr.DataTree.from_dict({"posterior": draws})


@pytest.fixture
def gaussian():
    rng = np.random.default_rng(1)
    units = rows()["id"].unique()
    return posterior(
        "identity",
        family="sigma",
        units=units,
        intercept=1.0,
        x=rng.normal(0.7, 0.1, (CHAINS, DRAWS)),
        sd=rng.uniform(0.5, 1, (CHAINS, DRAWS)),
        effects=rng.normal(size=(CHAINS, DRAWS, len(units))),
        sigma=rng.uniform(0.5, 2, (CHAINS, DRAWS)),
    )


def test_rows_and_summaries(make_spec, gaussian):
    table = variance.of_fit(tree_of(gaussian), make_spec("y ~ x + (1 | id)"), rows(), at={})
    assert list(table.columns) == variance.COLUMNS
    assert list(table["quantity"]) == ["R2(conditional)", "R2(marginal)", "icc(id)"]
    assert set(table["meaning"]) == {"outcome"}
    assert set(table["draws"]) == {CHAINS * DRAWS}
    sd, sigma = gaussian["1|id_sigma"].to_numpy(), gaussian["sigma"].to_numpy()
    icc = sd**2 / (sd**2 + sigma**2)
    row = table.iloc[2]
    expected = (icc.mean(), icc.std(ddof=1), *np.quantile(icc, [0.025, 0.975]))
    np.testing.assert_allclose(row[["mean", "sd", "q2.5", "q97.5"]].astype(float), expected)
    # Draws that are nearly independent: the standard error of a mean.
    assert row["mcse_mean"] == pytest.approx(icc.std() / np.sqrt(icc.size), rel=0.5)
    assert (table[["mcse_q2.5", "mcse_q97.5"]] > 0).all(axis=None)


def test_a_model_without_group_level_effects(make_spec, gaussian):
    draws = gaussian.drop_vars(["1|id", "1|id_sigma"])
    table = variance.of_fit(tree_of(draws), make_spec("y ~ x", "Intercept b sigma"), rows(), at={})
    assert list(table["quantity"]) == ["R2(conditional)"]


def test_ordered_levels_have_no_r2(make_spec):
    draws = posterior("logit", x=0.5, sd=0.8)
    spec = make_spec("y ~ x + (1 | id)", "b sd", family="cumulative")
    table = variance.of_fit(tree_of(draws), spec, rows(), at={})
    assert list(table["quantity"]) == ["icc(id)", "exp(x)"]
    assert list(table["meaning"]) == ["latent (logit)", "odds ratio"]
    assert table["mean"].tolist() == pytest.approx([0.64 / (0.64 + np.pi**2 / 3), np.exp(0.5)])


def test_nothing_of_a_family_that_is_not_known(make_spec, gaussian):
    table = variance.of_fit(tree_of(gaussian), make_spec("y ~ x + (1 | id)", family="wald"), rows("wald"), at={})
    assert table.empty
    assert list(table.columns) == variance.COLUMNS


def test_fewer_draws_in_a_large_study(make_spec, gaussian, monkeypatch):
    monkeypatch.setattr(variance, "MOST", 1)
    monkeypatch.setattr(variance, "FEWEST", 10)
    table = variance.of_fit(tree_of(gaussian), make_spec("y ~ x + (1 | id)"), rows(), at={})
    assert set(table["draws"]) == {CHAINS * 10}


def test_it_does_not_matter_how_many_draws_there_are_at_a_time(make_spec, gaussian, monkeypatch):
    whole = variance.of_fit(tree_of(gaussian), make_spec("y ~ x + (1 | id)"), rows(), at={})
    monkeypatch.setattr(variance, "CHUNK", 7 * CHAINS * len(rows()))
    parts = variance.of_fit(tree_of(gaussian), make_spec("y ~ x + (1 | id)"), rows(), at={})
    pd.testing.assert_frame_equal(parts, whole)


@pytest.mark.numbers
def test_effects_of_which_a_fit_keeps_a_summary_are_drawn_again(make_spec):
    """Their R2 is that of a fit that keeps them, within Monte Carlo error; the rest is the same draw by draw."""
    from partialpool.fit.fit import fit

    rng = np.random.default_rng(8)
    data = rows().assign(y=lambda d: rng.normal(d["id"].str[1:].astype(int) / 10 + d["x"], 1))
    tables = {}
    for kept in ("draws", "summary"):
        spec = make_spec("y ~ x + (1 | id)", "Intercept b sd sigma", engine="marginal", group_effects=kept, draws=500)
        tables[kept] = variance.of_fit(fit(spec, data), spec, data, at={})
    one, other = tables["draws"], tables["summary"]
    pd.testing.assert_frame_equal(one.iloc[1:], other.iloc[1:])
    error = np.hypot(one["mcse_mean"][0], other["mcse_mean"][0])
    assert one["mean"][0] == pytest.approx(other["mean"][0], abs=4.5 * error)
