"""Verdicts on ranks, in words and numbers."""

import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.simulation import verdicts

N = 200


def ranks(pit, quantity="sigma", model="growth", **columns):
    """Ranks of a quantity; ``pit`` are the places of the true values among the draws."""
    values = {"replicate": range(1, len(pit) + 1), "pit": pit, "sampling": "independent", "divergences": 0}
    return pd.DataFrame(values | {"quantity": quantity, "model": model, "problem": ""} | columns)


def spread(n=N):
    return (np.arange(n) + 0.5) / n


@pytest.mark.parametrize(
    ("pit", "verdict"),
    [
        (spread(), "calibrated"),
        (spread() ** 1.8, "not calibrated: estimates are too large"),
        (1 - spread() ** 1.8, "not calibrated: estimates are too small"),
        (0.5 + 0.5 * (spread() - 0.5), "not calibrated: intervals are too wide"),
        (np.where(spread() < 0.5, spread() ** 2, 1 - (1 - spread()) ** 2), "not calibrated: intervals are too narrow"),
    ],
)
def test_words_say_what_is_wrong(pit, verdict):
    assert verdicts.table(ranks(pit))["verdict"].tolist() == [verdict]


def test_numbers_are_those_of_uniform_ranks():
    table = verdicts.table(ranks(np.random.default_rng(1).random(N)))
    assert table["mean_rank"].item() == pytest.approx(0.5, abs=4 / np.sqrt(12 * N))
    z = np.array([verdicts._numbers(ranks(np.random.default_rng(i).random(N)), 0)["z_spread"] for i in range(2, 30)])
    assert z.std() == pytest.approx(1, abs=0.5)


def test_a_line_outside_the_envelope_is_no_error_yet():
    rng = np.random.default_rng(1)
    tables = [verdicts.table(ranks(rng.random(N))) for _ in range(60)]
    outside = pd.concat(tables)
    assert set(outside["verdict"]) == {verdicts.CALIBRATED, verdicts.BY_CHANCE}
    assert (outside["verdict"] == verdicts.BY_CHANCE).equals(outside["p"] < 0.05)


def test_more_quantities_ask_for_more_evidence():
    pit = spread(100) ** 1.75
    alone = verdicts.table(ranks(pit))
    among = verdicts.table(pd.concat([ranks(pit), *(ranks(spread(100), f"b{i}") for i in range(60))]))
    assert alone["p"].item() == among["p"].iloc[0]
    assert alone["verdict"].item().startswith(verdicts.NOT_CALIBRATED)
    assert among["verdict"].iloc[0] == verdicts.BY_CHANCE


@pytest.fixture
def mixed():
    """Two models, one of them with a quantity that is not calibrated, replicates without a fit, and by NUTS."""
    failed = pd.DataFrame({"replicate": [N + 1], "model": "growth", "problem": "no fit, as it is"})
    good = ranks(spread(), "week", sampling="nuts", divergences=np.arange(N) % 2)
    return pd.concat([good, ranks(spread() ** 2), failed, ranks(spread(), model="other")], ignore_index=True)


def test_what_is_told_has_every_model_and_every_quantity_that_is_wrong(mixed):
    told = verdicts.told(verdicts.table(mixed)).splitlines()
    assert told[0].startswith(
        "growth: 1 of 2 quantities calibrated (200 replicates, 1 could not be fitted, NUTS in 200"
    )
    assert told[1].startswith("  sigma: not calibrated: estimates are too large (p ")
    assert told[2].startswith("other: 1 of 1 quantities calibrated (200 replicates; smallest p ")
    assert len(told) == 3


def test_one_quantity_that_is_not_calibrated_is_an_error_that_names_the_figure(mixed):
    with pytest.raises(StudyError, match=r"1 of 3 quantities(.|\n)*calibration-growth\.png\.$"):
        verdicts.judge(verdicts.table(mixed))
    verdicts.judge(verdicts.table(mixed[mixed["model"] == "other"]))


def test_a_model_none_of_whose_data_can_be_fitted_is_an_error():
    failed = pd.DataFrame({"replicate": [1, 2], "model": "growth", "problem": "constant outcome"})
    with pytest.raises(StudyError, match=r"'growth': none of 2 data sets .* could be fitted. The first: constant"):
        verdicts.table(failed)


def test_curves_begin_and_end_at_zero_and_stay_in_their_envelope_if_uniform(mixed):
    curves = verdicts.curves(mixed[mixed["model"] == "growth"])
    assert list(curves["quantity"].unique()) == ["week", "sigma"]
    ends = curves[curves["at"].isin([0.0, 1.0])]
    assert (ends[["difference", "low", "high"]] == 0).to_numpy().all()
    inside = curves["difference"].between(curves["low"], curves["high"]).groupby(curves["quantity"]).all()
    assert inside.to_dict() == {"week": True, "sigma": False}
