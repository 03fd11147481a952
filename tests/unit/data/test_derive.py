import numpy as np
import pandas as pd
import pytest
from partialpool.data.derive import derive
from partialpool.data.prepare import prepare
from partialpool.errors import StudyError

FRAME = pd.DataFrame(
    {
        "id": ["a", "b", "a", "b", "c"],
        "x": [1, 2, 3, 6, 5],
        "z": [0.5, np.nan, 2.0, 4.0, -1.0],
        "a b": [1.0, 2.0, 3.0, 4.0, 5.0],
        "kind": pd.Categorical(["u", "v", "u", "v", "u"]),
        "visit": pd.Categorical(["2024-01-01", "2023-07-02", "2024-12-31", None, "2024-07-01T12:00"]),
        "row": range(5),
    }
)


def derived(**expressions):
    return derive(FRAME, expressions, unit="id", at=lambda row: f"line {row + 2}")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("between(x)", [2, 4, 2, 4, 5]),
        ("within(x)", [-1, -2, 1, 2, 0]),
        # The mean of a unit is that of its values; where there is none, nothing is derived.
        ("between(z)", [1.25, np.nan, 1.25, 4, -1]),
        ("within(z)", [-0.75, np.nan, 0.75, 0, 0]),
        ("center(x)", [-2.4, -1.4, -0.4, 2.6, 1.6]),
        ("standardise(x)", (FRAME["x"] - 3.4) / FRAME["x"].std()),
        ("log(x)", np.log(FRAME["x"])),
        ("(x + 1) ** 2 / -4 - z * 2", [-2, np.nan, -8, -20.25, -7]),
        ("+`a b` - 1", [0, 1, 2, 3, 4]),
        ("within(log(x))", np.log([1, 2, 3, 6, 5]) - np.log([3, 12, 3, 12, 25]) / 2),
        ("3", [3] * 5),
        pytest.param("-" * 299 + "x", -FRAME["x"], id="deep"),
        ("center(2 * 3)", [0] * 5),
        ("years(visit)", [2024, 2023 + 182 / 365, 2024 + 365 / 366, np.nan, 2024 + 182.5 / 366]),
    ],
)
def test_values_are_those_of_the_formula(text, values):
    frame = derived(new=text)
    assert list(frame) == [*FRAME.columns.drop("row"), "new", "row"]
    assert frame["new"].dtype == "float64"
    np.testing.assert_allclose(frame["new"], np.asarray(values, dtype=float), rtol=1e-13, atol=1e-15)


def test_within_and_between_are_orthogonal_and_add_up():
    frame = derived(b="between(x)", w="within(x)", both="b + w")
    assert frame["both"].tolist() == FRAME["x"].tolist()
    assert abs((frame["b"] * frame["w"]).sum()) < 1e-12


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("within(xx)", "there is no column 'xx'. Did you mean 'x'?\nColumns: id, x, z, a b, kind, visit."),
        ("row", "there is no column 'row'"),
        ("log(kind)", "column 'kind' is no number; its values are u, v."),
        ("years(x)", "is no date; write 2024-03-31 in 5 of 5 rows:\n  line 2: x = 1"),
        ("log(z)", "log(z) is not finite in 1 of 5 rows:\n  line 6: z = -1.0"),
        ("1 / (x - 3)", "1 / (x - 3) is not finite in 1 of 5 rows:\n  line 4: x - 3 = 0.0"),
        # The row where it begins, and not all rows of its unit.
        (
            "within(log(x - 2))",
            "log(x - 2) is not finite in 2 of 5 rows:\n  line 2: x - 2 = -1.0\n  line 3: x - 2 = 0.0",
        ),
        ("standardise(1)", "standardise(1) is not finite in 5 of 5 rows"),
        ("9 ** 9 ** 9 ** 9", "is not finite"),
    ],
)
def test_what_is_wrong_is_told_with_row_and_value(text, says):
    with pytest.raises(StudyError) as error:
        derived(new=text)
    assert str(error.value).startswith("data.derive.new: ")
    assert says in str(error.value)


def test_a_column_of_the_file_is_not_replaced():
    with pytest.raises(StudyError, match=r"data.derive.x: the file has a column 'x' already"):
        derived(x="z")


def test_outcome_and_time_may_be_derived(write_csv):
    path = write_csv("id,size,visit\n1,1,2020-01-01\n1,2,2021-01-01\n2,4,2022-01-01\n2,0,2023-01-01\n")
    columns = {"unit": "id", "outcome": "y", "time": "t"}
    frame = prepare(path, **columns, derived={"y": "log(size + 1)", "t": "years(visit) - 2020"})
    assert frame["t"].tolist() == [0, 1, 2, 3]
    assert frame["y"].tolist() == pytest.approx(np.log([2, 3, 5, 1]))
    assert list(frame)[-1] == "row"
    with pytest.raises(StudyError, match="column y: fewer than 2 different values"):
        prepare(path, **columns, derived={"y": "size * 0", "t": "years(visit)"})
    with pytest.raises(
        StudyError, match=r"data.derive.y: log\(size\) is not finite in 1 of 4 rows:\n  line 5: size = 0"
    ):
        prepare(path, **columns, derived={"y": "log(size)", "t": "years(visit)"})
