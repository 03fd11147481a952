import pytest
from partialpool.data.read import read
from partialpool.start.columns import as_table, in_wide_form, look, quoted


def test_every_column_is_described(write_csv):
    path = write_csv(
        "who,day,score,when,note,empty\n"
        "a,1,1.5,2024-03-31,x,\n"
        "a,2,,2024-04-01,y,\n"
        "b,1,2,2024-04-02 10:30,y,NA\n"
        "b,2,2,2024-04-03,1,\n"
    )
    columns = look(read(path))
    assert [column.kind for column in columns] == ["text", "whole numbers", "numbers", "dates", "text", "nothing"]
    assert [column.distinct for column in columns] == [2, 2, 2, 4, 3, 0]
    assert [column.missing for column in columns] == [0, 0, 1, 0, 0, 4]
    assert [column.repeated for column in columns] == [True, True, True, False, True, False]
    assert columns[2].first == ("1.5", "2")


def test_the_table_is_aligned(write_csv):
    lines = as_table(look(read(write_csv("who,score\na,1.5\na,2\n")))).splitlines()
    assert lines == [
        "column  values   different  missing  first",
        "who     text     1          0        a",
        "score   numbers  2          0        1.5, 2",
    ]


def test_names_are_quoted_where_a_formula_needs_it():
    assert [quoted(name) for name in ("score", "Größe", "herd size", "2nd", "class", "a.b")] == [
        *("score", "Größe", "`herd size`", "`2nd`", "`class`", "`a.b`")
    ]


@pytest.mark.parametrize(
    ("outcome", "names", "said"),
    [
        ("score", ["id", "score_0", "score_1", "score_10"], "score_0 to score_10 may be one outcome at 3 times"),
        ("t2", ["id", "t1", "t2"], "t1 to t2 may be one outcome at 2 times"),
        ("Reaction.0", ["Subject", "Reaction.0", "Reaction.1"], "Reaction.0 to Reaction.1"),
        ("score", ["id", "score", "scores", "score_1"], None),
        ("y", ["id", "y", "age1"], None),
    ],
)
def test_an_outcome_in_several_columns_is_seen(outcome, names, said):
    told = in_wide_form(outcome, names)
    assert (said in told and "pivot_longer" in told) if said else told == ""
