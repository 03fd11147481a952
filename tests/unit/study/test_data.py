import pytest
from partialpool.study.data import Data, in_sentence, singular

from study.editing import DROP, SIMULATE, SMALL, edited, load, mistakes


@pytest.mark.parametrize(
    "source", ["https://example.org/a.csv", "http://example.org/a.csv", "data/a.csv", "/data/a.csv"]
)
def test_a_source_is_a_url_or_a_path(source):
    assert load({"data/source": source}).data.source == source


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (
            "data/source",
            DROP,
            "data: give either 'source' (a URL or a path) or 'simulate' (parameters), not both or none.",
        ),
        (
            "data/simulate",
            SIMULATE,
            "data: give either 'source' (a URL or a path) or 'simulate' (parameters), not both or none.",
        ),
        (
            "data/source",
            "ftp://example.org/a.csv",
            "data: 'source' takes an http(s) URL or a path, not 'ftp://example.org/a.csv'.",
        ),
        ("data/time", "con", "data: column 'con' has two roles: time and outcome."),
        (
            "data/nouns",
            {"unit": "herd"},
            "data.nouns.unit: takes a noun and its plural, as in [herd, herds], not 'herd'.",
        ),
        (
            "data/nouns",
            {"measurement": ["count"]},
            "data.nouns.measurement: takes a noun and its plural, as in [herd, herds], not ['count'].",
        ),
        (
            "data/nouns",
            {"unit": ["herd", ""]},
            "data.nouns.unit: takes a noun and its plural, as in [herd, herds], not ['herd', ''].",
        ),
    ],
)
def test_what_is_wrong_with_the_data_is_told(path, value, line):
    assert mistakes({path: value}) == [line]


@pytest.mark.parametrize("checksum", ["abc", "G" * 64])
def test_a_checksum_has_64_digits(checksum):
    (line,) = mistakes({"data/sha256": checksum})
    assert line.startswith(
        "data.sha256: 64 digits and small letters a to f belong here, as `sha256sum FILE` prints them, not "
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"time": DROP}, "needs the names of the columns 'time' and 'group'"),
        ({"group": DROP}, "needs the names of the columns 'time' and 'group'"),
        ({"simulate": SIMULATE | {"missing_time": 10}}, "'simulate.missing_time' must be smaller than the number"),
    ],
)
def test_simulated_data_have_a_time_a_group_and_a_unit_with_a_time(changes, words):
    data = {"simulate": SIMULATE, "outcome": "score", "unit": "child", "time": "month", "group": "school"}
    study = edited({"data": data}, SMALL)
    assert load(study=study).data.simulate.missing_time == 0
    (line,) = mistakes({f"data/{key}": value for key, value in changes.items()}, study)
    assert line.startswith("data: ")
    assert words in line


KINDS = "takes number, category, or a list of levels in their order, as in [low, middle, high], not"


@pytest.mark.parametrize(
    ("types", "line"),
    [
        ({"wave": "categry"}, f"data.types.wave: {KINDS} 'categry'. Did you mean 'category'?"),
        ({"wave": ["a"]}, f"data.types.wave: {KINDS} ['a']."),
        ({"wave": ["a", True]}, f"data.types.wave: {KINDS} ['a', True]."),
        ({"wave": ["a", "b", "a"]}, "data.types.wave: the level 'a' stands twice."),
        ({"week": "category"}, "data: 'types': column 'week' is the time, which is a number."),
        ({"week": ["0", "1"]}, "data: 'types': column 'week' is the time, which is a number."),
        ({"id": "number"}, "data: 'types': column 'id' is the unit: its values are ids."),
        ({"group": "number"}, "data: 'types': column 'group' is the group, which is a category."),
    ],
)
def test_types_that_a_column_cannot_have(types, line):
    assert mistakes({"data/types": types}) == [line]


def test_levels_may_be_whole_numbers():
    types = {"wave": [1, 2, 3, 4], "group": ["PD", "CTRL"], "dan": "number"}
    assert load({"data/types": types}).data.types == types | {"wave": ["1", "2", "3", "4"]}


def test_roles_are_all_there_and_none_where_there_is_no_column(study):
    assert study.data.roles == {"unit": "id", "group": "group", "time": "week", "outcome": "con"}
    assert load(study=SMALL).data.roles == {"unit": "child", "group": None, "time": None, "outcome": "score"}


@pytest.mark.parametrize(
    ("label", "column", "inside"),
    [
        ("Week", "week", "week"),
        ("Body mass", "body_mass", "body mass"),
        ("Rasse", "Rasse", "Rasse"),
        ("BMI", "bmi", "BMI"),
        ("Wave of the panel", "WAVE", "wave of the panel"),
        ("Wave (ELSA)", "wave", "wave (ELSA)"),
    ],
)
def test_a_label_in_a_sentence_keeps_the_capitals_of_its_column(label, column, inside):
    assert in_sentence(label, column) == inside


def test_labels_are_by_role_and_default_to_the_column_and_that_of_the_unit_to_its_noun(study):
    assert study.data.axis_labels == {
        "outcome": "Conscientiousness",
        "unit": "Person",
        "time": "Week",
        "group": "Group",
        "intercept": "Conscientiousness at week 0",
        "slope": "Change per week",
        "unit_noun": "person",
        "measurement_noun": "measurement",
    }
    nouns = {"unit_noun": "unit", "measurement_noun": "measurement"}
    assert load(study=SMALL).data.axis_labels == {"outcome": "score", "unit": "Unit"} | nouns
    assert load(study=SMALL).data.label("anything") == "anything"


def test_nouns_are_those_of_the_config_or_unit_and_measurement(study):
    assert study.data.nouns.unit == ("person", "people")
    assert study.data.nouns.measurement == ("measurement", "measurements")
    assert load(study=SMALL).data.nouns.unit == ("unit", "units")


@pytest.mark.parametrize(
    ("source", "raw"),
    [
        ("mine.csv", "raw.csv"),
        ("a folder/Mine.CSV.GZ", "raw.csv.gz"),
        ("https://example.org/files/mine.sav?token=a.csv#b", "raw.sav"),
        ("https://example.org/download?file=7", "raw.csv"),
        ("mine.txt", "raw.csv"),
        ("mine.xlsx", "raw.xlsx"),
    ],
)
def test_the_fetched_file_ends_as_its_source(source, raw):
    assert Data(source=source, outcome="y", unit="id").raw == f"results/data/{raw}"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (
            {"derive": {"w": "witin(dan)"}},
            "data.derive.w: there is no function 'witin'. Did you mean 'within'? Valid: ",
        ),
        ({"derive": {"id": "dan"}}, "data: 'derive': 'id' is the unit; it must be a column of the file."),
        ({"derive": {"group": "dan"}}, "data: 'derive': 'group' is the group; it must be a column of the file."),
        ({"derive": {"row": "dan"}}, "data: 'derive': 'row' cannot be the name of a column; choose another."),
        ({"derive": {"a": "b", "b": "dan"}}, "data: 'derive': 'a' is made from 'b', which must stand before it."),
        ({"derive": {"a": "a + 1"}}, "data: 'derive': 'a' is made from 'a', which must stand before it."),
        (
            {"derive": {"a": "log(dan)"}, "types": {"a": "category"}},
            "data: 'types': column 'a' is derived, and a number.",
        ),
    ],
)
def test_columns_that_cannot_be_derived(data, line):
    (told,) = mistakes({f"data/{key}": value for key, value in data.items()})
    assert told.startswith(line)


def test_derived_columns_keep_their_order():
    derive = {"z": "within(dan)", "a": "z ** 2"}
    assert list(load({"data/derive": derive}).data.derive.items()) == list(derive.items())


@pytest.mark.parametrize(
    ("label", "unit", "shown"),
    [
        ("Height", "cm", "Height (cm)"),
        ("Week", "weeks", "Week"),
        ("Age in years", "years", "Age in years"),
        ("Years since birth", "years", "Years since birth"),
        ("Millimetres", "m", "Millimetres (m)"),
        ("Time", "days", "Time (days)"),
    ],
)
def test_a_unit_of_measurement_stands_beside_the_label_where_it_says_more(label, unit, shown):
    data = load({"data/labels": {"con": label}, "data/units_of_measurement": {"con": unit}}).data
    assert data.measured_label("con") == shown
    assert data.axis_labels["outcome"] == shown
    assert data.measured_label("dan") == "dan"


@pytest.mark.parametrize(
    ("units", "slope"),
    [
        ({}, "Change per week"),
        ({"week": "weeks"}, "Change per week"),
        ({"con": "points"}, "Change (points per week)"),
        ({"con": "points", "week": "months"}, "Change (points per month)"),
    ],
)
def test_a_slope_is_in_units_of_both(units, slope):
    assert load({"data/units_of_measurement": units}).data.axis_labels["slope"] == slope


@pytest.mark.parametrize(
    ("label", "slope"),
    [
        ("Visits", "Change per visit"),
        ("Nitrogen", "Change per unit of nitrogen"),
        ("Age minus 8", "Change per unit of age minus 8"),
        ("Weeks since birth", "Change per unit of weeks since birth"),
    ],
)
def test_a_slope_over_what_is_no_unit_is_per_unit_of_it(label, slope):
    data = load({"data/labels": {"week": label}, "data/units_of_measurement": {}}).data
    assert data.axis_labels["slope"] == slope


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        *(("weeks", "week"), ("years", "year"), ("inches", "inch"), ("points", "point"), ("feet", "feet")),
        *(("kg", "kg"), ("ms", "ms"), ("mmHg", "mmHg"), ("Pascals", "Pascals"), ("degrees Celsius", "degree Celsius")),
        *(("siemens", "siemen"), ("mass", "mass"), ("°C", "°C"), ("s", "s"), ("quarter pounds", "quarter pound")),
    ],
)
def test_a_plural_in_lower_case_has_a_singular_and_an_abbreviation_stays(plural, one):
    assert singular(plural) == one


def test_an_intercept_is_where_the_time_is_zero():
    labels = load({"data/labels": {"con": "Con", "week": "Weeks since 2019-03-04"}}).data.axis_labels
    assert labels["intercept"] == "Con where weeks since 2019-03-04 is 0"


@pytest.mark.parametrize(
    ("column", "other", "moved"),
    [
        ("x", "square", True),
        ("centred", "square", True),
        ("centred", "logarithm", True),
        ("logarithm", "x", True),
        ("x", "within_x", True),
        ("within_x", "between_x", False),
        ("between_x", "within_x", False),
        ("x", "between_x", False),
        ("size", "rate", True),
        ("rate", "size", False),
        ("x", "size", False),
        ("x", "x", False),
    ],
)
def test_columns_that_change_with_another(column, other, moved):
    derive = {
        "centred": "x - 5",
        "square": "centred ** 2",
        "logarithm": "log(x)",
        "within_x": "within(x)",
        "between_x": "between(x)",
        "rate": "events / size",
    }
    data = Data(source="a.csv", outcome="y", unit="id", derive=derive)
    assert data.moved_with(column, [other]) == [other] * moved
