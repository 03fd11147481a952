import re

import numpy as np
import pyreadstat
import pytest
from partialpool.data.derive import derive
from partialpool.data.read import read
from partialpool.errors import StudyError
from partialpool.start import roles
from partialpool.start.roles import Roles

from start.conftest import NAMES, made_up


def test_plain_columns_stay_as_they_are(settle):
    settled = settle(made_up())
    assert settled.roles == Roles(*NAMES)
    assert settled.types == settled.derive == {}
    assert settled.labels == {"score": "Score", "month": "Month", "region": "Region"}
    assert settled.units_of_measurement == {"month": "months"}


@pytest.mark.parametrize(
    ("title", "label"),
    [("Points in the test", "Points in the test"), ("How many? " * 6, "Score"), (" ", "Score"), ("score", "Score")],
)
def test_titles_of_the_file_are_labels_unless_they_are_long_or_the_name(tmp_path, title, label):
    path = tmp_path / "raw.sav"
    pyreadstat.write_sav(made_up(), path, column_labels={"score": title})
    assert roles.settle(read(path), Roles(*NAMES), [], path.name).labels["score"] == label


def test_a_column_that_is_not_there_and_one_with_two_roles_are_refused(settle):
    with pytest.raises(StudyError, match=r"--time: herds.csv has no column 'months'. Did you mean 'month'\?"):
        settle(made_up(), "score", "herd", "months")
    with pytest.raises(StudyError, match="'herd' cannot be unit and group at once"):
        settle(made_up(), "score", "herd", None, "herd")


@pytest.mark.parametrize(
    ("times", "expression", "label"),
    [
        ([8, 10, 12, 14], "month - 8", "Month minus 8"),
        ([2001.5, 2003, 2005, 2007], "month - 2001.5", "Month minus 2001.5"),
        ([-40, -35, -31, -30], "month + 40", "Month plus 40"),
        ([1, 2, 3, 4], None, "Month"),
        ([-2, 0, 2, 4], None, "Month"),
    ],
)
def test_time_far_from_zero_is_counted_from_its_beginning(settle, times, expression, label):
    frame = made_up(n_times=4)
    settled = settle(frame.assign(month=np.tile(times, 12)))
    assert settled.roles.time == ("month_from_start" if expression else "month")
    assert list(settled.derive.values()) == ([expression] if expression else [])
    assert settled.labels[settled.roles.time] == label


def test_dates_become_years_from_the_first(settle):
    days = ["2023-07-02", "2024-07-01", "2023-07-02", "2025-07-02", "2024-01-01"] * 12
    frame = made_up().assign(month=days)
    settled = settle(frame)
    assert settled.roles.time == "years"
    assert settled.labels["years"] == "Years since 2023-07-02"
    assert settled.units_of_measurement == {"years": "years"}
    derived = derive(frame.assign(row=0), settled.derive, unit="herd", at=str)["years"]
    np.testing.assert_allclose(derived[:5], [0, 1, 0, 2, 0.5], atol=0.005)


def test_a_derived_column_takes_no_name_that_is_there(settle):
    frame = made_up().assign(month="2024-01-01", years=1)
    assert settle(frame).roles.time == "years_"


@pytest.mark.parametrize(
    ("value", "mend"),
    [
        ("31/3/2024", "Write dates as 2024-03-31 (in Excel, the cell format yyyy-mm-dd)"),
        ("2019/20", "Write school years as the number of the year in which they begin, 2019"),
        ("spring", "Write times as numbers"),
    ],
)
def test_time_that_is_neither_number_nor_date_is_refused(settle, value, mend):
    with pytest.raises(StudyError, match=f"neither numbers nor dates .*{value}") as error:
        settle(made_up().assign(month=value))
    assert mend in str(error.value)


def test_dates_as_in_german_excel_are_dates(settle):
    settled = settle(made_up().assign(month=[f"{1 + i % 28}.3.2024" for i in range(len(made_up()))]))
    assert settled.derive == {"years": "years(month) - 2024.164"}


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        (["no", "yes"], ["no", "yes"]),
        (["Yes", "No"], ["No", "Yes"]),
        (["positive", "zero"], ["zero", "positive"]),
        (["dead", "alive"], ["alive", "dead"]),
        ([1, 2], ["1", "2"]),
    ],
)
def test_two_levels_are_written_down_and_the_last_is_success(settle, values, levels):
    settled = settle(made_up().assign(score=values * 30))
    assert settled.types == {"score": levels}
    assert f"the last, {levels[-1]}, counts as success" in settled.reasons["types.score"]


def test_zero_and_one_stay_numbers(settle):
    assert settle(made_up().assign(score=[0, 1] * 30)).types == {}


def test_several_levels_need_an_order(settle):
    frame = made_up().assign(score=["low", "middle", "high"] * 20)
    with pytest.raises(StudyError, match=re.escape("--levels 'high,low,middle'")):
        settle(frame)
    assert settle(frame, levels=["low", "middle", "high"]).types == {"score": ["low", "middle", "high"]}
    with pytest.raises(StudyError, match="has the levels high, low, middle; name each of them once"):
        settle(frame, levels=["low", "high"])
    with pytest.raises(StudyError, match="high, low, middle, and no row has 'top'; name each of them once"):
        settle(frame, levels=["low", "middle", "high", "top"])


@pytest.mark.parametrize("levels", [[], ["low", "high"]])
def test_a_level_that_may_mean_no_value_is_given_no_order_unasked(settle, levels):
    frame = made_up().assign(score=["low", ".", "high"] * 20)
    with pytest.raises(StudyError, match=re.escape("has '.'. If that means that there is no value, leave those cells")):
        settle(frame, levels=levels)
    assert settle(frame, levels=[".", "low", "high"]).types == {"score": [".", "low", "high"]}


def test_a_name_that_models_cannot_have_is_replaced(settle):
    settled = settle(made_up().rename(columns={"score": "mg/dl", "month": "draw"}), "mg/dl", "herd", "draw")
    assert settled.roles == Roles("mg_dl", "herd", "draw_")
    assert settled.derive == {"mg_dl": "`mg/dl`", "draw_": "draw"}
    with pytest.raises(StudyError, match="--unit: models cannot have a column called 'sigma'"):
        settle(made_up().rename(columns={"herd": "sigma"}), "score", "sigma")
    with pytest.raises(StudyError, match="--unit: models cannot have a column called 'chain'"):
        settle(made_up().rename(columns={"herd": "chain"}), "score", "chain")
    with pytest.raises(StudyError, match="--group: models cannot have a column called 'model'"):
        settle(made_up().rename(columns={"region": "model"}), "score", "herd", None, "model")
    with pytest.raises(StudyError, match="--condition: models cannot have a column called 'quantity'"):
        settle(made_up().rename(columns={"visitor": "quantity"}), *NAMES, "quantity")
    with pytest.raises(StudyError, match="--outcome: models cannot have a column called 'a/b'"):
        settle(made_up().assign(**{"a/b": ["no", "yes"] * 30}), "a/b", "herd")


def test_a_group_that_changes_within_units_is_shown_by_the_labels_of_its_codes(tmp_path):
    frame = made_up().assign(region=lambda frame: frame["month"] % 2 + 1.0)
    path = tmp_path / "raw.sav"
    pyreadstat.write_sav(frame, path, variable_value_labels={"region": {1.0: "north", 2.0: "south"}})
    with pytest.raises(StudyError, match=r"within 12 units(?s:.*)herd H00: north, south"):
        roles.settle(read(path), Roles(*NAMES), [], path.name)


def test_what_changes_within_units_is_a_condition_and_no_group(settle):
    frame = made_up().assign(region=lambda frame: frame["month"] % 2 + 1)
    with pytest.raises(StudyError, match="What changes within units is a condition: --condition region"):
        settle(frame)
    settled = settle(frame, "score", "herd", "month", None, "region")
    assert settled.types == {"region": "category"}
    assert "region" not in settled.roles.of_config.values()
    named = frame.assign(region=lambda frame: [f"R{number}" for number in frame["region"]])
    assert settle(named, "score", "herd", "month", None, "region").types == {}


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("region", "--condition: 'region' is the same in all rows of each herd, .* --group region"),
        ("number", "--condition: every row has a value of 'number' of its own"),
        ("Herd", "--condition: .* has no column 'Herd'. Did you mean 'herd'?"),
        ("herd", "'herd' cannot be unit and condition at once"),
    ],
)
def test_a_column_that_is_no_condition_is_refused(settle, column, message):
    with pytest.raises(StudyError, match=message):
        settle(made_up().assign(number=range(60)), "score", "herd", "month", None, column)
