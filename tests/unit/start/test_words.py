import pytest
from partialpool.start.words import label, measured_in, nouns, of_censoring, of_ids, of_time, unit_of_time


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("herd", ("herd", "herds")),
        ("Subject", ("subject", "subjects")),
        ("subject_id", ("subject", "subjects")),
        ("SubjectID", ("subject", "subjects")),
        ("child", ("child", "children")),
        ("childid", ("child", "children")),
        ("PERSONID", ("person", "people")),
        ("schoolnr", ("school", "schools")),
        ("orchid", ("orchid", "orchids")),
        ("BROOD", ("brood", "broods")),
        ("study site", ("study site", "study sites")),
        ("city", ("city", "cities")),
        ("species", ("species", "species")),
        ("tooth_id", ("tooth", "teeth")),
        ("bay", ("bay", "bays")),
        ("branch", ("branch", "branches")),
        ("id", ("unit", "units")),
        ("ID", ("unit", "units")),
        ("pp_nr", ("unit", "units")),
        ("2", ("unit", "units")),
    ],
)
def test_nouns_follow_from_the_name_of_a_column(column, expected):
    assert nouns(column) == expected


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("reading_score", "Reading score"),
        ("readingScore", "Reading Score"),
        ("BMI", "BMI"),
        ("TICKS", "Ticks"),
        ("Größe", "Größe"),
        ("%", "%"),
        ("Weight (kg)", "Weight"),
        ("weight_[g/l] ", "Weight"),
        ("(kg)", "Kg"),
    ],
)
def test_labels_are_the_words_of_a_column(column, expected):
    assert label(column) == expected


def test_names_of_ids_are_known_by_their_end():
    assert [of_ids(column) for column in ("patientID", "studentid", "id", "idea", "%")] == [True] * 3 + [False] * 2


def test_columns_that_tell_what_is_censored_are_known_by_their_names():
    names = ["censored", "CENS", "right_censoring", "status", "died", "census", "accent"]
    assert [of_censoring(name, "score") for name in names] == [True] * 3 + [False] * 4
    assert [of_censoring(name, "time") for name in names] == [True] * 5 + [False] * 2


def test_times_are_known_by_their_names():
    names = ["month", "Days", "age_months", "age", "visitDate", "score", "%"]
    assert [of_time(name) for name in names] == [True, True, True, True, True, False, False]
    assert [unit_of_time(name) for name in names] == ["months", "days", "months", None, None, None, None]


def test_brackets_say_what_is_measured_in():
    names = ["Weight (kg)", "weight [g/l] ", "weight", "(kg)", "f(x) twice"]
    assert [measured_in(name) for name in names] == ["kg", "g/l", None, None, None]
