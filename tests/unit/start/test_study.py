import hashlib
import shutil

import numpy as np
import pandas as pd
import pyreadstat
import pytest
import yaml
from partialpool.data.fetch import fetch
from partialpool.errors import StudyError
from partialpool.start import study
from partialpool.start.roles import Roles

from start.conftest import NAMES, made_up


@pytest.fixture
def start(tmp_path):
    """Start a study in the folder ``new``, with the usual roles."""

    def start(path, *columns, folder=None, encoding=None, levels=(), trials=None):
        source = study.opened(str(path), tmp_path / "fetched", encoding)
        return study.new_study(folder or tmp_path / "new", source, Roles(*(columns or NAMES)), list(levels), trials)

    return start


def config(folder):
    return yaml.safe_load((folder / "config/config.yaml").read_text())


def test_the_folder_has_the_data_and_the_config_and_can_be_moved(write, start, tmp_path):
    path = write(made_up())
    told = start(path)
    new = tmp_path / "new"
    assert sorted(str(file.relative_to(new)) for file in new.rglob("*") if file.is_file()) == [
        "config/config.yaml",
        "herds.csv",
    ]
    assert (new / "herds.csv").read_bytes() == path.read_bytes()
    data = config(new)["data"]
    assert data["source"] == "herds.csv"
    assert data["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    for words in ("60 measurements of 12 herds, 5 of each", "gaussian", "separate, pooled, time, group, slopes"):
        assert words in told, words
    assert f"--directory {new}" in told


def test_what_may_be_codes_and_what_is_left_out_is_told(write, start):
    told = start(write(made_up(n_units=301, n_times=2)))
    assert "codes?    visitor" in told
    assert "left out  no pooling (0 + herd): 301 herds" in told


def test_ids_that_begin_anew_in_each_level_of_a_column_are_told(write, start):
    data = made_up(n_units=24)
    data["farm"] = np.where(data["herd"] < "H12", "Upper", "Lower")
    assert "ids?" not in start(write(data), "score", "herd", "month", folder=write(data).parent / "all_different")
    data["herd"] = [f"H{int(herd[1:]) % 12}" for herd in data["herd"]]
    told = " ".join(start(write(data), "score", "herd", "month").split())
    assert (
        "ids? 12 of 12 herds have several measurements at one time, which farm tells apart. If herd H0 is another one "
        "in each farm, give each an id of its own in the file" in told
    )


def test_a_column_that_may_say_what_is_censored_is_told(write, start):
    data = made_up()
    data["died"] = np.arange(len(data)) % 2
    assert "bounds?" not in start(write(data), folder=write(data).parent / "no_time")
    data = data.rename(columns={"score": "days"})
    told = " ".join(start(write(data), "days", "herd", "month").split())
    assert "bounds? If died says in which rows days is censored" in told
    assert "take all rows as measured" in told


def test_columns_that_may_be_a_level_below_the_unit_are_told(write, start):
    data = made_up()
    assert "levels?" not in start(write(data), folder=write(data).parent / "none")
    data["cow"] = [f"{herd}{i % 2}" for i, herd in enumerate(data["herd"])]
    told = " ".join(start(write(data)).split())
    assert "levels? Each value of cow is of one herd only. If they are names of parts of herds" in told
    assert "+ (1 | cow) in formulas" in told


def counted(n_units=12) -> pd.DataFrame:
    """Ill animals of those in a herd, and the days for which each was looked at."""
    rng = np.random.default_rng(2)
    size = rng.integers(2, 30, 5 * n_units)
    return made_up(n_units).assign(ill=rng.binomial(size, 0.2), size=size, days=rng.integers(300, 365, len(size)))


def test_a_column_that_may_have_the_trials_is_told(write, start, tmp_path):
    columns = ("ill", "herd", "month")
    told = " ".join(start(write(counted()), *columns).split())
    assert (
        "trials? size is never smaller than ill. If ill is so many of size, make the study again with --trials size."
        in told
    )
    told = start(write(counted().assign(size=40)), *columns, folder=tmp_path / "same")
    assert "trials? size is never smaller than ill." in " ".join(told.split())
    for no_bound in (counted().assign(size=1000), counted().assign(size=np.arange(60) % 3)):
        folder = tmp_path / str(no_bound["size"].max())
        assert "trials?" not in start(write(no_bound), *columns, folder=folder)
    assert "trials?" not in start(write(made_up().assign(score=np.arange(60) % 2)), folder=tmp_path / "yes_no")


def test_successes_in_trials_are_binomial_and_shown_as_probabilities(write, start, tmp_path):
    data = counted()
    told = start(write(data), "ill", "herd", "month", trials="size")
    assert "family    binomial, since the outcome counts successes, of as many trials as size says" in told
    assert "trials?" not in told
    assert "not used  region, visitor, score, days" in told
    written = config(tmp_path / "new")
    assert {entry["formula"].split(" ~ ")[0] for entry in written["models"].values()} == {"p(ill, size)"}
    assert {entry["family"] for entry in written["models"].values()} == {"binomial"}
    share = data["ill"].sum() / data["size"].sum()
    assert written["models"]["pooled"]["priors"] == {
        "Intercept": f"Normal({np.log(share / (1 - share)):.1f}, 2.5)",
        "sd": "Exponential(1)",
    }
    assert all(entry["at"] == {"size": [1]} for entry in written["predictions"].values())
    assert written["predictions"]["new"]["quantities"] == ["expected"]
    assert "measurements" not in written["figures"]
    assert "reference" not in written["figures"]["some"]
    highest = (data["ill"] / data["size"]).groupby(data["herd"]).mean().idxmax()
    assert f"{highest}: highest mean" in (tmp_path / "new/config/config.yaml").read_text()


@pytest.mark.parametrize(
    ("change", "trials", "message"),
    [
        ({}, "sise", "--trials: .* has no column 'sise'. Did you mean 'size'"),
        ({}, "month", "'month' cannot be trials and time at once"),
        ({}, "region", "'ill' and 'region' have to be numbers"),
        ({"size": 2}, "size", r"from 0 to that of trials, and \d+ of 60 rows .* \(line \d+: ill \d+, size 2\)"),
        ({"size": 30.5}, "size", "60 of 60 rows have others"),
        ({"ill": [0, 0, 1] * 20, "size": [0, 0, 1] * 20}, "size", "all trials of 'size' have the same result"),
    ],
)
def test_columns_that_are_no_trials_are_refused(write, start, tmp_path, change, trials, message):
    with pytest.raises(StudyError, match=message):
        start(write(counted().assign(**change)), "ill", "herd", "month", trials=trials)
    assert not (tmp_path / "new").exists()


def test_which_of_two_levels_counts_as_success_is_told_where_the_file_does_not_say_it(write, start, tmp_path):
    data = made_up().assign(score=["mild", "none"] * 30)
    told = " ".join(start(write(data)).split())
    assert (
        "success? none counts as success, and the file does not say which should. For mild, make the study again with "
        "--levels none,mild." in told
    )
    assert "success?" not in start(write(data), folder=tmp_path / "given", levels=["none", "mild"])
    assert "success?" not in start(write(data.replace("none", "yes")), folder=tmp_path / "yes")


def test_a_condition_is_a_predictor_whose_numbers_are_names(write, start, tmp_path):
    data = made_up(n_times=8).assign(feed=lambda frame: frame["month"] % 2 + 1)
    told = start(write(data), "score", "herd", "month", None, "feed")
    assert "models    separate, pooled, time, condition, varying, slopes" in told
    assert "feed" not in told.partition("not used")[2]
    written = config(tmp_path / "new")
    assert "condition" not in written["data"]
    assert written["data"]["types"] == {"feed": "category"}
    assert written["data"]["labels"]["feed"] == "Feed"
    assert written["comparisons"]["predictors"]["models"] == ["pooled", "time", "condition", "varying", "slopes"]
    data["herd"] = [f"H{int(herd[1:]) % 6}" for herd in data["herd"]]
    data["feed"] = np.where(np.arange(len(data)) < 48, "old", "new")
    told = " ".join(start(write(data), "score", "herd", "month", folder=tmp_path / "without").split())
    assert "if it is the same one, make the study again with --condition feed." in told
    told = start(write(data), "score", "herd", "month", None, "feed", folder=tmp_path / "with")
    assert "ids?" not in told


def test_a_condition_in_which_nothing_was_measured_is_none(write, start, tmp_path):
    data = made_up(n_times=8).assign(feed=lambda frame: np.where(frame["month"] < 6, "old", "new"))
    data.loc[data["feed"] == "new", "score"] = np.nan
    with pytest.raises(StudyError, match="--condition: where 'score' was measured, column 'feed' has one value only"):
        start(write(data), "score", "herd", "month", None, "feed")
    assert not (tmp_path / "new").exists()


def test_an_outcome_in_several_columns_and_few_units_are_told(write, start, tmp_path):
    data = made_up().rename(columns={"score": "score1"}).assign(score2=1.0, score3=2.0)
    # Its logarithm is the outcome of the models.
    data["score1"] = 20 + np.random.default_rng(1).lognormal(3, 1.5, 60)
    told = " ".join(start(write(data), "score1", "region").split())
    assert "family gaussian of the logarithm" in told
    assert "units? 2 regions say little of how regions differ. Does region say whose measurements they are" in told
    assert "wide? score1 to score3 may be one outcome at 3 times. Give each a line of its own: in R" in told
    told = start(write(made_up()), folder=tmp_path / "long")
    assert "units?" not in told
    assert "wide?" not in told


def test_fits_that_take_long_are_told(write, start, tmp_path):
    data = made_up(n_units=4001)
    told = " ".join(start(write(data.assign(score=np.arange(20005) % 2))).split())
    assert "slow? A model of 20005 measurements of the family bernoulli may take 7 minutes" in told
    assert "slow?" not in start(write(data), folder=tmp_path / "gaussian")
    few = made_up(n_units=1001)
    assert "slow?" not in start(write(few.assign(score=np.arange(5005) % 2)), folder=tmp_path / "fewer")
    told = " ".join(start(write(few.assign(score=np.arange(5005) % 4 + 1)), folder=tmp_path / "ordered").split())
    assert "slow? A model of 5005 measurements of the family cumulative may take 9 minutes" in told


def test_values_that_may_mean_something_else_are_told(write, start):
    data = made_up()
    data.loc[::7, "score"] = -99
    assert "doubts    column score: -99 stands in 9 rows" in start(write(data))


def test_an_outcome_of_the_unit_and_not_of_its_measurements_is_refused(write, start, tmp_path):
    data = made_up()
    data["score"] = data.groupby("herd")["score"].transform("mean")
    with pytest.raises(StudyError, match="'score' is the same in all rows of each herd"):
        start(write(data))
    assert not (tmp_path / "new").exists()


def test_of_a_skewed_outcome_the_logarithm_is_the_outcome_of_models_that_run_exactly(write, start, tmp_path):
    data = made_up(40, 10).rename(columns={"score": "time taken (ms)"})
    data["time taken (ms)"] = 200 + np.random.default_rng(1).lognormal(5, 1, len(data)).round()
    told = start(write(data), "time taken (ms)", "herd", "month", "region")
    assert "family    gaussian of the logarithm, since the outcome is positive" in told
    written = config(tmp_path / "new")
    assert written["data"]["outcome"] == "log_time_taken_ms"
    assert written["data"]["derive"] == {"log_time_taken_ms": "log(`time taken (ms)`)"}
    assert written["data"]["labels"]["log_time_taken_ms"] == "log(Time taken in ms)"
    assert "log_time_taken_ms" not in written["data"].get("units_of_measurement", {})
    assert "exp() of a mean is their median" in written["text"]
    assert written["models"]["pooled"]["formula"] == "log_time_taken_ms ~ 1 + (1 | herd)"
    assert "family" not in written["models"]["pooled"]


def test_a_file_that_is_not_utf8_is_read_where_its_encoding_is_said_and_the_config_keeps_it(start, tmp_path):
    path = tmp_path / "herds.csv"
    path.write_bytes(made_up().replace("north", "Süd").to_csv(index=False).encode("cp1252"))
    with pytest.raises(StudyError, match=r"--encoding cp1252"):
        start(path)
    start(path, encoding="cp1252")
    assert config(tmp_path / "new")["data"]["encoding"] == "cp1252"


def test_data_that_are_in_the_folder_already_stay_there(write, start, tmp_path):
    (tmp_path / "new").mkdir()
    path = write(made_up(), "new/herds.csv")
    start(path)
    assert config(tmp_path / "new")["data"]["source"] == "herds.csv"


def test_nothing_is_overwritten(write, start, tmp_path):
    path, new = write(made_up()), tmp_path / "new"
    start(path)
    before = {file: file.read_bytes() for file in new.rglob("*") if file.is_file()}
    with pytest.raises(StudyError, match=r"config\.yaml is there already"):
        start(path)
    assert {file: file.read_bytes() for file in new.rglob("*") if file.is_file()} == before
    shutil.rmtree(new / "config")
    (new / "herds.csv").write_text("another file")
    with pytest.raises(StudyError, match=r"herds\.csv is there already and is another file"):
        start(path)
    assert (new / "herds.csv").read_text() == "another file"
    assert not (new / "config").exists()
    with pytest.raises(StudyError, match="is a file; name a folder"):
        start(path, folder=path)


def test_a_file_from_the_web_is_kept_for_runs_without_network(write, start, tmp_path, monkeypatch):
    path, url = write(made_up()), "https://example.org/data/herds.csv?raw=true"
    monkeypatch.setattr(study, "fetch", lambda source, destination: fetch(path, destination))
    start(url)
    new = tmp_path / "new"
    assert config(new)["data"]["source"] == url
    # As a run takes it.
    fetch(url, tmp_path / "raw.csv", sha256=config(new)["data"]["sha256"], resources=new / "resources")
    assert (tmp_path / "raw.csv").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("change", "columns", "message"),
    [
        (
            {"region": ["a", "b"] * 30},
            NAMES,
            "'region' has several values within 12 units(?s:.*)herd H00: a, b(?s:.*)if ids begin anew",
        ),
        ({"region": "a"}, NAMES, "column 'region' has one value only"),
        ({"region": made_up()["herd"]}, NAMES, "every herd has a value of 'region' of its own"),
        ({"herd": range(60)}, ("score", "herd"), "no unit has 2 values"),
        ({"score": ["1.5", "x"] * 30}, NAMES, "'x' is not a number"),
    ],
)
def test_data_that_do_not_fit_are_refused_and_nothing_is_written(write, start, tmp_path, change, columns, message):
    with pytest.raises(StudyError, match=message):
        start(write(made_up().assign(**change)), *columns)
    assert not (tmp_path / "new").exists()


def test_a_file_that_is_not_there(start, tmp_path):
    with pytest.raises(StudyError, match=r"'none\.csv' is not there"):
        start("none.csv")
    with pytest.raises(StudyError, match="is a folder"):
        start(tmp_path)


def test_the_schema_is_named_in_the_projects_folder_only(write, monkeypatch, start, tmp_path):
    monkeypatch.setattr(study, "PROJECT", tmp_path)
    start(write(made_up()))
    first = (tmp_path / "new/config/config.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../../workflow/schemas/config.schema.yaml"


def test_labelled_codes_of_an_spss_file_are_no_trials(start, tmp_path):
    labels = {float(size): f"size {size}" for size in range(2, 30)}
    pyreadstat.write_sav(counted(), tmp_path / "herds.sav", variable_value_labels={"size": labels})
    assert "trials?" not in start(tmp_path / "herds.sav", "ill", "herd", "month")


@pytest.mark.parametrize(
    ("labels", "levels", "family"),
    [
        ({1: "never", 2: "sometimes", 3: "always"}, ["never", "sometimes", "always"], "cumulative"),
        ({1: "Yes", 2: "No"}, ["No", "Yes"], "bernoulli"),
        ({0: "No", 1: "Yes"}, None, "bernoulli"),
    ],
)
def test_labels_of_an_spss_file_are_levels_in_the_order_of_their_codes(start, tmp_path, labels, levels, family):
    frame = made_up().assign(score=[float(code) for code in labels] * (60 // len(labels)))
    pyreadstat.write_sav(frame, tmp_path / "herds.sav", variable_value_labels={"score": labels})
    start(tmp_path / "herds.sav")
    written = config(tmp_path / "new")
    assert written["data"].get("types", {}).get("score") == levels
    assert written["models"]["pooled"]["family"] == family
