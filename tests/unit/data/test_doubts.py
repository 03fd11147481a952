import pytest
from partialpool.data.prepare import for_log, prepare

HEADER = "id,time,y,place\n"
ROWS = ["1,0,1.5,north", "1,1,2.5,north", "2,0,1.0,south", "2,1,3.0,south", "3,0,2.0,west", "3,1,2.2,west"]


def doubted(write_csv, rows):
    frame = prepare(write_csv(HEADER + "\n".join(rows) + "\n"), unit="id", outcome="y", time="time")
    assert all(doubt in for_log(frame) for doubt in frame.attrs["doubts"])
    return frame.attrs["doubts"]


def test_usual_data_have_no_doubts(write_csv):
    assert doubted(write_csv, ROWS) == []


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("-99", "-99 stands in 2 rows"),
        ("999", "999 stands in 2 rows"),
        ("99", "99 stands in 2 rows"),
        ("9", "9 stands in 2 rows"),
        ("4", None),
    ],
)
def test_numbers_that_stand_for_no_value_are_pointed_out(write_csv, cell, told):
    found = doubted(write_csv, [*ROWS, f"1,2,{cell},north", f"2,2,{cell},south"])
    if told is None:
        assert found == []
        return
    (doubt,) = found
    assert doubt == (
        f"column y: {told}, far from all other values (1 to 3), and is taken as it is. If it means that there is no "
        "value, leave the cell empty."
    )


@pytest.mark.parametrize(("others", "pointed_out"), [((5000.5, 0, 20), True), ((5000.5, -3, 20), False)])
def test_the_only_negative_value_is_pointed_out_though_others_vary_more(write_csv, others, pointed_out):
    rows = [f"{unit},{wave},{y},north" for unit in (1, 2) for wave, y in enumerate((*others, 300, -99))]
    told = (
        "column y: -99 stands in 2 rows, where no other value is negative, and is taken as it is. If it means that "
        "there is no value, leave the cell empty."
    )
    assert doubted(write_csv, rows) == [told] * pointed_out


@pytest.mark.parametrize(("level", "taken"), [(".", True), ("N/A", True), ("none", False)])
def test_levels_that_stand_for_no_value_are_pointed_out(write_csv, level, taken):
    told = (
        f"column place: '{level}' stands in 1 row, and is taken as it is. If it means that there is no value, "
        "leave the cell empty."
    )
    assert doubted(write_csv, [*ROWS, f"1,2,1.1,{level}"]) == [told] * taken


@pytest.mark.parametrize(
    ("unit", "pair"), [("1.0", "'1' and '1.0'"), ("01", "'1' and '01'"), ("1e0", "'1' and '1e0'"), ("10", None)]
)
def test_ids_that_are_the_same_number_are_pointed_out(write_csv, unit, pair):
    found = doubted(write_csv, [*ROWS, f"{unit},2,1.1,north"])
    told = f"column id: {pair} are taken as different. If they are the same, spell them alike in the file."
    assert found == ([told] if pair else [])


def test_long_ids_that_are_one_number_of_float64_are_different(write_csv):
    assert doubted(write_csv, [*ROWS, f"{2**60},0,1.1,north", f"{2**60 + 1},0,1.2,north"]) == []


@pytest.mark.parametrize(("level", "alike"), [("North", True), ("NORTH", True), ("north  east", False)])
def test_levels_that_differ_in_capitals_or_blanks_are_pointed_out(write_csv, level, alike):
    found = doubted(write_csv, [*ROWS, f"1,2,1.1,{level}"])
    assert [doubt.partition(" are taken")[0] for doubt in found] == ([f"column place: 'north' and '{level}'"] * alike)


@pytest.mark.parametrize(
    "unit", ["e\N{COMBINING ACUTE ACCENT}va", "\N{LATIN SMALL LETTER E WITH ACUTE}va\N{ZERO WIDTH SPACE}"]
)
def test_ids_that_look_the_same_are_pointed_out(write_csv, unit):
    (doubt,) = doubted(write_csv, [*ROWS, "\N{LATIN SMALL LETTER E WITH ACUTE}va,2,1.1,north", f"{unit},3,1.2,north"])
    assert doubt.startswith("column id: '\N{LATIN SMALL LETTER E WITH ACUTE}va' and ")


def test_rows_that_are_the_same_by_chance_are_not_pointed_out(write_csv):
    """Several measurements of a unit at one time, most of which differ."""
    others = [f"{unit},{time},{unit}.{time}7,{place}" for unit, time, _, place in (row.split(",") for row in ROWS)]
    assert doubted(write_csv, [*ROWS, *others, ROWS[0]]) == []


@pytest.mark.parametrize(
    ("again", "told"),
    [
        (
            ROWS[:1],
            "1 row is the same as an earlier one in all columns, and counted as a measurement of its own. If it",
        ),
        (ROWS, "6 rows are the"),
    ],
)
def test_rows_that_stand_twice_are_pointed_out(write_csv, again, told):
    (doubt,) = doubted(write_csv, ROWS + again)
    assert doubt.startswith(told)


def test_without_times_equal_rows_are_usual(write_csv):
    path = write_csv("id,y\n1,0\n1,0\n1,1\n2,0\n2,0\n2,1\n")
    assert prepare(path, unit="id", outcome="y").attrs["doubts"] == []


def test_a_line_of_sums_is_pointed_out(write_csv):
    many = [f"{unit},{time},{unit + time / 2},north" for unit in range(1, 11) for time in range(2)]
    assert doubted(write_csv, many) == []
    assert doubted(write_csv, [*many, "7a,0,1.1,north"]) == []
    assert doubted(write_csv, [*many, "Total,,150,"]) == [
        "column id: 'Total' is taken as an id, though nearly all others are numbers. If it is the line of a sum or a "
        "note, delete it from the file."
    ]
    words = [f"unit {row}" for row in many]
    assert doubted(write_csv, [*words, "7,0,1.5,north"]) == []


@pytest.mark.parametrize(("unit", "pointed_out"), [("Total", True), ("mean", True), ("total site", False)])
def test_a_line_of_sums_below_ids_that_are_words_is_pointed_out(write_csv, unit, pointed_out):
    many = [f"herd{herd},{time},{herd + time / 2},north" for herd in range(1, 5) for time in range(2)]
    told = f"column id: '{unit}' is taken as an id. If it is the line of a sum or a note, delete it from the file."
    assert doubted(write_csv, [*many, f"{unit},,7.5,"]) == [told] * pointed_out
