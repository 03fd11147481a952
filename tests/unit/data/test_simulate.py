import numpy as np
import pandas as pd
import pytest
from partialpool.data.prepare import prepare
from partialpool.data.simulate import GrowthModel, simulate

PARAMETERS = {
    "seed": 1,
    "units": 91,
    "waves": 4,
    "intercepts": {"A": 0.2, "B": 0.18},
    "slope": -0.005,
    "sd_intercept": 0.05,
    "sd_slope": 0.01,
    "cor": -0.3,
    "sigma": 0.04,
    "missing_time": 3,
}
COLUMNS = {"unit": "who", "group": "arm", "time": "day", "outcome": "y"}


def draw(**changes):
    return simulate(GrowthModel(**PARAMETERS | changes), **COLUMNS)


def test_simulated_data_have_the_shape_of_a_study(tmp_path):
    frame, _ = draw()
    assert list(frame) == ["who", "arm", "day", "y"]
    units = frame.groupby("who")
    assert frame["who"].is_monotonic_increasing
    assert units.ngroups == 91
    assert frame["who"].between(1, 227).all()
    assert units.size().between(1, 4).all()
    assert 2 < len(frame) / 91 < 2.8
    assert (units["day"].first().dropna() == 0).all()
    assert units["day"].diff().dropna().between(1, 3).all()
    assert units.size()[frame.loc[frame["day"].isna(), "who"]].tolist() == [1, 1, 1]
    assert sorted(units["arm"].first().value_counts()) == [45, 46]

    frame.to_csv(tmp_path / "raw.csv", index=False, na_rep="NA")
    prepared = prepare(tmp_path / "raw.csv", **COLUMNS)
    assert prepared["y"].tolist() == frame["y"].tolist()
    assert prepared["day"].isna().sum() == 3


def test_simulated_truth_is_what_the_data_were_made_from():
    frame, truth = draw(sigma=0.0, missing_time=0)
    value = truth.set_index("parameter")["value"]
    assert value["Intercept"] == pytest.approx(0.19, abs=2e-4)
    assert value["day"] == -0.005
    assert value[["arm[A]", "arm[B]"]].tolist() == [0.2, 0.18]
    assert value[["sd(Intercept)", "sd(day)", "cor(Intercept,day)", "sigma"]].tolist() == [
        0.05,
        0.01,
        -0.3,
        0.0,
    ]
    ours = [
        value[f"arm[{row.arm}]"]
        + value[f"r_who[{row.who},Intercept]"]
        + (value["day"] + value[f"r_who[{row.who},day]"]) * row.day
        for row in frame.itertuples()
    ]
    np.testing.assert_allclose(ours, frame["y"], atol=5.1e-5)
    assert len(value) == 8 + 2 * 91


def test_simulated_effects_follow_their_distribution():
    _, truth = draw(units=20_000)
    value = truth.set_index("parameter")["value"]
    effects = value[value.index.str.startswith("r_")].to_numpy().reshape(2, -1)
    np.testing.assert_allclose(effects.std(axis=1), [0.05, 0.01], rtol=0.03)
    assert np.corrcoef(effects)[0, 1] == pytest.approx(-0.3, abs=0.03)


def test_simulation_is_decided_by_the_seed():
    for first, again in zip(draw(), draw(), strict=True):
        pd.testing.assert_frame_equal(first, again)
    other, _ = draw(seed=2)
    assert not other.equals(draw()[0])
