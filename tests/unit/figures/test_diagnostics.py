"""Traces, ranks, energy and weights."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.figures.diagnostics import PANELS, diagnostics, energies, of_fit, weights

from figures.drawing import draw, texts


def chains(rng, parameters, n=400):
    draws = pd.DataFrame(
        [(p, c, i) for p in parameters for c in range(4) for i in range(n)],
        columns=["parameter", "chain", "draw"],
    )
    draws["value"] = rng.normal(size=len(draws))
    energy = pd.DataFrame({"chain": np.repeat(range(4), n), "value": rng.normal(9, 3, 4 * n)})
    return draws, energies(energy)


def test_diagnostics_show_a_chain_apart(rng):
    draws, energy = chains(rng, ["sd", "b"])
    astray = (draws["parameter"] == "b") & (draws["chain"] == 2)
    draws.loc[astray, "value"] += 5
    figure = diagnostics(draws, energy)
    drawn, [[trace], [_, ecdf, _], [density, _]] = draw(figure)
    assert {"sd", "b", "Chain 0", "Chain 3"} <= texts(drawn)
    assert trace.groupby(["PANEL", "group"], observed=True).size().max() <= 400
    worst = ecdf.assign(y=ecdf["y"].abs()).groupby(["PANEL", "group"], observed=True)["y"].max()
    # All draws of the chain lie above the other three: its ECDF is 0 where theirs ends, at 3/4.
    assert worst[2, 3] == pytest.approx(0.75, abs=0.01)
    assert worst[1].max() < 0.1
    areas = density.groupby(["PANEL", "fill"], observed=True).apply(lambda curve: np.trapezoid(curve["y"], curve["x"]))
    np.testing.assert_allclose(areas, 1, atol=1e-2)


def test_energies_are_centred_and_the_first_draw_has_no_step():
    energy = pd.DataFrame({"chain": [1] * 5 + [2] * 5, "value": [90.0, 91, 92, 91, 90, 10.0, 11, 12, 11, 10]})
    drawn = energies(energy).data
    means = drawn.groupby(["kind", "chain"], observed=True).apply(
        lambda curve: np.trapezoid(curve["value"] * curve["density"], curve["value"])
    )
    np.testing.assert_allclose(means, 0, atol=0.05)


def test_independent_draws_show_their_weights(rng):
    log_weight = rng.normal(0, 0.2, (4, 400))
    # A chain that stays for a tenth of its draws where the posterior is proposed too rarely.
    log_weight[2, 100:140] = 3.0
    posterior = xr.Dataset({"sigma": (("chain", "draw"), rng.normal(size=(4, 400)))})
    posterior.attrs["family_parameters"] = "sigma"
    stats = xr.Dataset({"log_weight": (("chain", "draw"), log_weight)})
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats})
    tree.attrs["sampling"] = "independent"
    drawn, [_, _, [_, curves, *_]] = draw(of_fit(tree, pd.DataFrame({"parameter": ["sigma"], "rhat": [1.0]})))
    assert {"Log importance weight", "0.1"} <= texts(drawn)
    assert "Energy" not in texts(drawn)
    largest = curves.groupby("group")["x"].max()
    assert (largest.drop(3) < 1).all()
    assert largest[3] == 3
    # The axis is logarithmic.
    at_three = 10 ** curves.loc[curves["x"] == 3, "y"]
    assert [at_three.min(), at_three.max()] == pytest.approx([1 / 400, 0.1], abs=0.005)
    assert curves.groupby("group")["y"].apply(lambda shares: shares.is_monotonic_decreasing).all()


def test_weights_that_are_alike_look_so(rng):
    values = pd.DataFrame({"chain": np.repeat([1, 2], 200), "value": rng.normal(0, 0.01, 400)})
    axes = weights(values).draw().axes[0]
    assert axes.get_xlim()[0] < -1
    assert axes.get_xlim()[1] > 1


def test_traces_are_thinned(rng):
    draws, energy = chains(rng, ["b"], n=2000)
    _, [[trace], *_] = draw(diagnostics(draws, energy))
    assert 4 * 150 <= len(trace) <= 4 * 300


def test_diagnostics_show_the_worst_where_there_are_many():
    names = [f"id[{i}]" for i in range(20)]
    posterior = xr.Dataset(
        {
            "id": (("chain", "draw", "id_dim"), np.random.default_rng(2).normal(size=(2, 50, 20))),
            "sigma": (("chain", "draw"), np.random.default_rng(3).normal(size=(2, 50))),
        },
        {"id_dim": [str(i) for i in range(20)]},
        {"family_parameters": "sigma"},
    )
    energy = xr.Dataset({"energy": (("chain", "draw"), np.random.default_rng(4).normal(size=(2, 50)))})
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": energy})
    tree.attrs["sampling"] = "nuts"
    rhat = [1.0] * 17 + [1.2, 1.3, np.nan]
    summary = pd.DataFrame({"parameter": ["sigma", *names], "rhat": [1.0, *rhat]})
    figure = of_fit(tree, summary)
    shown = list(figure.plot[0].data["parameter"].cat.categories)
    assert len(shown) == PANELS
    assert shown[:4] == ["sigma", "id[19]", "id[18]", "id[17]"]


def test_long_names_of_parameters_stand_in_lines_above_their_panels(rng):
    long = "r_person[person 30,Intercept][walk]"
    plain, lined = (diagnostics(*chains(rng, [name, "b", "c", "d"], n=50)) for name in ("a", long))
    drawn, _ = draw(lined)
    assert "r_person[person\n30,Intercept][walk]" in texts(drawn)
    assert lined.height > plain.height
