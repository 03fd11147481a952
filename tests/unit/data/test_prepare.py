import re

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from partialpool.data.prepare import for_log, prepare
from partialpool.errors import StudyError

ROLES = {"unit": "id", "outcome": "con", "time": "week", "group": "group"}
GOOD = """id,group,week,con,wave,note,x,full
6,PD,0,0.1929,1,a,1.5,
6,PD,1,,2,,NA,
29,CTRL,NA,.16,1,10,-2e1,
"""


def test_prepare_gives_types_that_parquet_keeps(write_csv, tmp_path):
    frame = prepare(write_csv(GOOD.replace("1,,2", "1,0.2,2")), **ROLES)
    assert frame.dtypes.astype(str).to_dict() == {
        "id": "int64",
        "group": "category",
        "week": "float64",
        "con": "float64",
        "wave": "int64",
        "note": "category",
        "x": "float64",
        "full": "float64",
        "row": "int64",
    }
    assert frame["group"].cat.categories.tolist() == ["CTRL", "PD"]
    assert frame["x"].tolist()[::2] == [1.5, -20.0]
    frame.to_parquet(tmp_path / "prepared.parquet")
    pd.testing.assert_frame_equal(frame, pd.read_parquet(tmp_path / "prepared.parquet"))


def test_numbers_are_right_to_the_last_bit(write_csv):
    drawn = np.random.default_rng(1).integers(0, 2**64, 2000, dtype="uint64").view("float64")
    texts = [repr(number) for number in drawn[np.isfinite(drawn)].tolist()]
    texts += ["1.", "+.5", "-0", "1e-999", "9007199254740993", "1." + "1" * 400]
    # Halfway between two numbers, and just beyond.
    texts += ["1.00000000000000011102230246251565404236316680908203125" + more for more in ("", "1")]
    frame = prepare(
        write_csv("id,con\n" + "".join(f"{i % 9},{text}\n" for i, text in enumerate(texts))), unit="id", outcome="con"
    )
    expected = np.array([float(text) for text in texts])
    assert frame["con"].to_numpy().tobytes() == expected.tobytes()


def test_a_file_may_have_very_many_columns(write_csv):
    """Of a table whose columns are replaced one by one pandas would warn."""
    names = [f"x{i}" for i in range(300)]
    lines = [",".join(["id", "con", *names]), *(",".join([f"{i % 3}", f"{i}.5", *["1.5"] * 300]) for i in range(9))]
    frame = prepare(write_csv("\n".join(lines)), unit="id", outcome="con")
    assert list(frame) == ["id", "con", *names, "row"]


def test_prepare_without_time_and_group(write_csv):
    frame = prepare(write_csv("id,con\n007,1\n007,2\n8,3\n"), unit="id", outcome="con")
    assert frame["id"].tolist() == ["007", "007", "8"]
    assert frame["id"].dtype == "str"
    assert frame["con"].dtype == "float64"


def test_prepare_keeps_rows_without_outcome_or_time(write_csv):
    frame = prepare(write_csv(GOOD + "29,CTRL,2,0.3,2,b,1,\n29,CTRL,3,0.3,2,b,1,\n"), **ROLES)
    assert frame["row"].tolist() == list(range(5))
    assert frame["con"].isna().tolist() == [False, True, False, False, False]
    assert frame["week"].isna().tolist() == [False, False, True, False, False]


def test_numeric_groups_are_categories_in_numeric_order(write_csv):
    rows = "".join(f"{i},{g},{w},{i + w}\n" for i, g in ((1, 10), (2, 9)) for w in (0, 1))
    frame = prepare(write_csv("id,group,week,con\n" + rows), **ROLES)
    assert frame["group"].cat.categories.tolist() == ["9", "10"]


def test_prepare_lists_all_problems_with_line_and_value(write_csv):
    with pytest.raises(StudyError) as error:
        prepare(
            write_csv(
                "id,group,week,con\n1,A,0,'0,19'\n".replace("'", '"')
                + "1,B,1,1.2 kg\n,A,1,inf\n2,A,2020-01-05,1e999\n3,NA,0,0.5\n3,C,0,0.5\n"
            ),
            **ROLES,
        )
    assert re.findall(r"line (\d), column (\w+): (.*)", str(error.value)) == [
        ("2", "con", "'0,19' has a comma: write 0.19 if it is a decimal comma"),
        ("3", "con", "'1.2 kg' is a number with text: write 1.2"),
        ("3", "group", "'B', but unit 1 is 'A' before"),
        ("4", "con", "'inf' is not finite"),
        ("4", "id", "is missing"),
        ("5", "con", "'1e999' is not finite"),
        ("5", "week", "'2020-01-05' is a date: in data.derive, years(...) makes a number of it"),
        ("6", "group", "is missing"),
    ]
    assert "problems: 8" in str(error.value)


def test_prepare_shows_ten_problems_at_most(write_csv):
    rows = "".join(f"{i // 2},A,{i},x{i}\n" for i in range(50))
    with pytest.raises(StudyError, match="problems: 50") as error:
        prepare(write_csv("id,group,week,con\n" + rows), **ROLES)
    assert str(error.value).count("line ") == 10
    assert "and 40 more" in str(error.value)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("1,A,0,1\n1,A,1,2\n", "fewer than 2 units"),
        ("1,A,0,1\n1,A,1,2\n2,A,0,NA\n", "fewer than 2 units"),
        ("1,A,0,1\n1,A,1,1.0\n2,A,1,1\n", "column con: fewer than 2 different values"),
        ("1,A,NA,1\n1,A,1,2\n2,A,1,3\n", "column week: fewer than 2 different values"),
    ],
)
def test_prepare_refuses_data_that_say_nothing(write_csv, rows, says):
    with pytest.raises(StudyError, match=says):
        prepare(write_csv("id,group,week,con\n" + rows), **ROLES)


@pytest.mark.parametrize(
    ("role", "column", "says"),
    [
        ("time", "weeks", "Did you mean 'week'?"),
        ("unit", "subject", "Columns: id, group, week, con"),
        ("group", "row", "data.group"),
    ],
)
def test_prepare_names_the_columns_there_are(write_csv, role, column, says):
    with pytest.raises(StudyError) as error:
        prepare(write_csv(GOOD), **ROLES | {role: column})
    assert f"data.{role}" in str(error.value)
    assert says in str(error.value)


def write_labelled(tmp_path, labels, types=None):
    values = {"id": [1, 1, 2, 2], "y": [1, 2, 3, 4], "stage": [3, 1, 1, 2]}
    path = tmp_path / "raw.sav"
    pyreadstat.write_sav(pd.DataFrame(values), path, variable_value_labels=labels)
    return prepare(path, unit="id", outcome="y", types=types)


def test_labels_of_values_are_categories_in_the_order_of_their_codes(tmp_path):
    stages = {1: "low", 2: "high", 3: "elsewhere", 9: "unknown"}
    frame = write_labelled(tmp_path, {"stage": stages, "y": {1: "bad", 4: "good"}})
    assert frame["stage"].tolist() == ["elsewhere", "low", "low", "high"]
    # Of those that occur, and ordered, since formulae would sort them by the alphabet.
    assert frame["stage"].cat.categories.tolist() == ["low", "high", "elsewhere"]
    assert frame["stage"].cat.ordered
    assert frame["y"].tolist() == [1, 2, 3, 4]
    assert frame.attrs["notes"][2:] == ["column y: codes and not their labels (1 'bad', 4 'good')"]


def test_an_outcome_of_two_texts_has_levels(write_csv):
    frame = prepare(write_csv("id,answer\n1,yes\n1,NA\n1,no\n2,yes\n"), unit="id", outcome="answer")
    assert frame["answer"].cat.categories.tolist() == ["no", "yes"]
    assert frame["answer"].isna().tolist() == [False, True, False, False]


def test_an_outcome_has_the_levels_of_the_config_in_their_order(write_csv):
    path = write_csv("id,rating\n1,low\n1,high\n2,middle\n2,low\n")
    types = {"rating": ["low", "middle", "high"]}
    frame = prepare(path, unit="id", outcome="rating", types=types)
    assert frame["rating"].dtype == pd.CategoricalDtype(types["rating"], ordered=True)
    with pytest.raises(StudyError, match=r"no numbers; if they are levels, .*types: {rating: \[high, low, middle\]}}"):
        prepare(path, unit="id", outcome="rating")
    with pytest.raises(StudyError, match="line 3, column rating: 'high' is not among the levels"):
        prepare(path, unit="id", outcome="rating", types={"rating": ["low", "middle"]})


def test_labels_of_an_outcome_are_its_levels_where_the_config_asks(tmp_path):
    path = tmp_path / "raw.sav"
    labels = {"y": {1: "low", 2: "middle", 3: "high"}}
    pyreadstat.write_sav(pd.DataFrame({"id": [1, 1, 2, 2], "y": [3, 1, 1, 2]}), path, variable_value_labels=labels)
    for types in ({"y": "category"}, {"y": ["low", "middle", "high"]}):
        frame = prepare(path, unit="id", outcome="y", types=types)
        assert frame["y"].tolist() == ["high", "low", "low", "middle"]
        assert frame["y"].dtype == pd.CategoricalDtype(["low", "middle", "high"], ordered=True)
    for types in ({}, {"y": "number"}):
        assert prepare(path, unit="id", outcome="y", types=types)["y"].tolist() == [3, 1, 1, 2]


@pytest.mark.parametrize(
    ("labels", "ids", "note"),
    [
        ({1: "308", 2: "309"}, [308, 308, 309, 309], []),
        ({1: "Ann", 2: "Ben"}, ["Ann", "Ann", "Ben", "Ben"], []),
        ({1: "Ann", 2: "Ann"}, [1, 1, 2, 2], ["column id: codes and not their labels (1 'Ann', 2 'Ann')"]),
        ({2: "2"}, [1, 1, 2, 2], []),
        ({2: "Ben"}, [1, 1, 2, 2], ["column id: codes and not their labels (2 'Ben')"]),
    ],
)
def test_ids_are_their_labels_if_each_has_its_own(tmp_path, labels, ids, note):
    frame = write_labelled(tmp_path, {"id": labels})
    assert frame["id"].tolist() == ids
    assert not isinstance(frame["id"].dtype, pd.CategoricalDtype)
    assert frame.attrs["notes"][2:] == note


def test_a_column_of_which_some_values_have_labels_is_of_numbers(tmp_path):
    frame = write_labelled(tmp_path, {"stage": {3: "highest"}})
    assert frame["stage"].tolist() == [3, 1, 1, 2]
    assert frame.attrs["notes"][2:] == ["column stage: codes and not their labels (3 'highest')"]


def test_codes_of_which_two_have_the_same_label_stay_codes(tmp_path):
    frame = write_labelled(tmp_path, {"stage": {1: "low", 2: "high", 3: "high"}})
    assert frame["stage"].tolist() == [3, 1, 1, 2]
    assert frame.attrs["notes"][2:] == ["column stage: codes and not their labels (1 'low', 2 'high', 3 'high')"]


STAGES = """id,y,stage,period,dose
1,1,low,10,0.5
1,2,high,9,1
2,3,high,9,x
2,4,middle,9,2
"""


def test_types_of_the_config(write_csv):
    types = {"stage": ["low", "middle", "high"], "period": "category"}
    frame = prepare(write_csv(STAGES), unit="id", outcome="y", types=types)
    assert frame["stage"].cat.categories.tolist() == ["low", "middle", "high"]
    assert frame["period"].cat.categories.tolist() == ["9", "10"]
    assert frame["stage"].cat.ordered
    assert frame["period"].cat.ordered
    assert frame["period"].tolist() == ["10", "9", "9", "9"]


def test_the_first_level_is_the_reference_level(write_csv):
    from formulae import design_matrices

    types = {"stage": ["middle", "low", "high"], "period": "category"}
    frame = prepare(write_csv(STAGES), unit="id", outcome="y", types=types)
    common = design_matrices("y ~ stage + period", frame).common
    assert [*common.terms["stage"].levels, *common.terms["period"].levels] == ["low", "high", "10"]


@pytest.mark.parametrize(
    ("types", "says"),
    [
        ({"stag": "category"}, "data.types: .* has no column 'stag'. Did you mean 'stage'"),
        ({"dose": "number"}, "line 4, column dose: 'x' is not a number"),
        (
            {"stage": ["low", "middle", "hihg"]},
            r"problems: 3\n  column stage: no row has the level 'hihg' of data.types\n  line 3, column stage: 'high' "
            r"is not among the levels of data.types \(low, middle, hihg\). Did you mean 'hihg'\?",
        ),
    ],
)
def test_types_that_do_not_fit(write_csv, types, says):
    with pytest.raises(StudyError, match=says):
        prepare(write_csv(STAGES), unit="id", outcome="y", types=types)


def test_columns_that_may_be_codes_are_named(write_csv):
    rows = "".join(f"{i % 4},{i},{i % 4 + 1},{i % 2},{i % 3},{i / 2},{i % 3}\n" for i in range(40))
    path = write_csv("id,y,period,flag,kind,x,week\n" + rows)
    frame = prepare(path, unit="id", outcome="y", time="week", types={"kind": "number"})
    assert frame.attrs["codes"] == {"period": [1, 2, 3, 4]}
    assert for_log(frame).splitlines()[-1] == (
        "column period: 4 different whole numbers (1, 2, 3, 4) are read as numbers; if they are codes, write "
        "data: {types: {period: category}}, and if not, {period: number}"
    )


@pytest.mark.parametrize(("kind", "values"), [("number", [3, 1, 1, 2]), ("category", ["highest", "1", "1", "2"])])
def test_types_decide_over_labels(tmp_path, kind, values):
    frame = write_labelled(tmp_path, {"stage": {3: "highest"}}, types={"stage": kind})
    assert frame["stage"].tolist() == values


@pytest.mark.parametrize("value", ["1.234.567,5", "1,234,567.5", "1'234'567.5", "1’234’567.5", "1 234 567,5"])
def test_marks_between_thousands_are_told(write_csv, value):
    with pytest.raises(StudyError, match=f"'{value}' has a mark between thousands: write 1234567.5"):
        prepare(write_csv(f"id,y\n1,1\n1,2\n2,{chr(34)}{value}{chr(34)}\n"), unit="id", outcome="y")
