"""What simulated studies say, beside numbers counted by hand."""

import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.simulation import answers

NOUNS = {"unit": ("herd", "herds"), "measurement": ("count", "counts")}
WANTED = {"parameter": None, "width": None, "sign": False, "rope": False, "comparison": None, "probability": 0.5}


@pytest.fixture
def studies():
    """Four studies of three designs; the interval of x is as wide as 4 / units and begins at -1, 0.5, 1 or 2."""
    rows = []
    for replicate, low in enumerate([-1, 0.5, 1, 2], 1):
        for units, measurements in ((10, 4), (20, 2), (40, 1)):
            cell = {"replicate": replicate, "units": units, "measurements": measurements, "problem": ""}
            width = 4 / units * (1 + 0.1 * replicate)
            rows.append(cell | {"kind": "parameter", "name": "x", "value": 0, "low": low, "high": low + width})
            rows.append(cell | {"kind": "parameter", "name": "sd(x)", "value": 0, "low": 1, "high": 2})
            for model, elpd in (("right", replicate), ("wrong", 2.5)):
                rows.append(cell | {"kind": "unit", "name": model, "value": elpd, "low": np.nan, "high": np.nan})
    return pd.DataFrame(rows)


def value(table, units, name, quantity):
    return table.set_index(["units", "name", "quantity"])["value"].loc[units, name, quantity]


def test_the_table_counts_studies(studies):
    table = answers.table(studies, model="right", rope={"x": (0.2, 0.9)})
    assert list(table.columns) == answers.TABLE
    assert value(table, 10, "x", "width") == pytest.approx(0.4 * 1.25)
    # Intervals begin at -1, 0.5, 1 and 2. The first ends at -0.56, so none contains 0; the second meets the region.
    assert value(table, 10, "x", "sign") == 1.0
    assert value(table, 10, "x", "rope") == 0.75
    assert value(table, 10, "right", "unit") == 0.5
    assert ("sd(x)", "sign") not in set(zip(table["name"], table["quantity"], strict=True))
    assert set(table["rows"]) == {40}
    mcse = table.loc[(table["quantity"] == "width") & (table["name"] == "x") & (table["units"] == 10), "mcse"].item()
    assert mcse == pytest.approx(0.4 * np.std([1.1, 1.2, 1.3, 1.4], ddof=1) / 2)


@pytest.mark.parametrize(("share", "n", "error"), [(0.5, 96, 0.05), (0.0, 196, np.sqrt(0.01 * 0.99 / 200))])
def test_the_error_of_a_share_is_never_0(share, n, error):
    assert answers.error_of_share(share, n) == pytest.approx(error)


def test_a_goal_has_the_design_with_fewest_rows_and_then_fewest_units(studies):
    wanted = {
        "narrow": WANTED | {"parameter": "x", "width": 0.23},
        "known": WANTED | {"parameter": "x", "rope": True, "probability": 0.75},
        "best": WANTED | {"comparison": "unit"},
        "never": WANTED | {"parameter": "x", "width": 0.01},
    }
    given = {"model": "right", "rope": {"x": (0.2, 0.9)}}
    goals = answers.goals(studies, **given, wanted=wanted)
    assert list(goals.columns) == answers.GOALS
    smallest = goals[goals["smallest"]].set_index("goal")
    # All designs have 40 rows; intervals at 20 units are 0.22, 0.24, 0.26 and 0.28 wide, at 40 units half as wide.
    assert smallest["units"].to_dict() == {"narrow": 40, "known": 10, "best": 10}
    assert goals.set_index(["goal", "units"]).loc[("narrow", 20), "probability"] == 0.25
    table = answers.table(studies, **given)
    text = answers.told(table, goals, wanted=wanted, nouns=NOUNS).splitlines()
    assert text[0] == "3 designs, 4 simulated studies of each."
    assert text[1] == "narrow: the 95 % interval of x is at most 0.23 wide, in 50 % of studies:"
    assert text[2] == "  the smallest design is 40 herds with 1 count each (40 rows): 100 %, Monte Carlo error 15.3 %."
    assert text[6].startswith("  the smallest design is 10 herds with 4 counts each (40 rows): 50 %")
    assert text[6].endswith("with more replicates it may turn out to be under 50 %.")
    assert text[7] == "never: the 95 % interval of x is at most 0.01 wide, in 50 % of studies:"
    assert text[8].startswith("  no design reaches it; nearest is ")
    assert "0 %, Monte Carlo error 15.3 %; the interval is 0.5 wide on average." in text[8]


def test_no_goals_are_no_mistake(studies):
    given = {"model": "right", "rope": {}}
    goals = answers.goals(studies, **given, wanted={})
    assert list(goals.columns) == answers.GOALS
    assert "No goals are named" in answers.told(answers.table(studies, **given), goals, wanted={}, nouns=NOUNS)


def test_studies_that_could_not_be_fitted_do_not_count(studies):
    failed = pd.DataFrame([{"replicate": 5, "problem": "no"}])
    assert len(answers.fitted(pd.concat([studies, failed]))) == len(studies)
    with pytest.raises(StudyError, match="could be fitted: no"):
        answers.fitted(failed)
