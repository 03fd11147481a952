import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.figures.draw import configured

COLUMNS = {"unit": "who", "group": "g", "time": "t", "outcome": "y"}
LABELS = {"unit": "Unit", "group": "Group", "time": "Time", "outcome": "Score"}


@pytest.fixture
def files(tmp_path):
    """Prepared data, predictions of two models and their draws."""
    data = pd.DataFrame({"who": [1, 1, 2, 2, 10], "g": list("aabbb"), "t": [0.0, 1.0, 0.0, 2.0, 0.0], "row": range(5)})
    data["y"] = [0.1, 0.2, 0.3, 0.5, 0.9]
    data.to_parquet(tmp_path / "prepared.parquet")
    rng = np.random.default_rng(1)
    summary = pd.DataFrame(
        [(m, "expected", i, v, v - 1, v + 1) for m, v in (("a", 0.3), ("b", 0.5)) for i in (1, 2, 10)],
        columns=["model", "quantity", "id", "mean", "q2.5", "q97.5"],
    )
    summary.to_csv(tmp_path / "p.csv", index=False)
    long = summary.loc[summary.index.repeat(40), ["model", "quantity", "id"]].astype("category")
    long.assign(chain=0, draw=0, value=rng.normal(size=len(long))).to_parquet(tmp_path / "p.draws.parquet")
    return {
        "prepared": str(tmp_path / "prepared.parquet"),
        "summaries": {"p": str(tmp_path / "p.csv")},
        "draws": {"p": str(tmp_path / "p.draws.parquet")},
        "fits": {},
        "columns": COLUMNS,
        "labels": LABELS,
        "seed": 3,
    }


def one(files, kind, **own):
    """The one figure of a config."""
    entry = {"kind": kind, "predictions": "p", "units": None, "reference": False, "by_group": False} | own
    [(_, figure)] = configured({"f": entry}, **files)
    return figure


def rows(figure):
    return figure.plot.data


def test_models_stand_in_the_given_order_under_their_titles(files):
    figure = one(files, "gradient-intervals", titles={"b": "Second", "a": "First"})
    assert list(rows(figure)["model"].cat.categories) == ["Second", "First"]
    assert rows(figure)["group"].nunique() == 2 * 3


def test_units_are_chosen(files):
    figure = one(files, "half-eyes", units=["10", "1"], titles={"a": "A"})
    assert set(rows(figure)["id"]) == {"1", "10"}
    by_number = one(files, "half-eyes", units=2, titles={"a": "A"})
    assert rows(by_number)["id"].nunique() == 2
    with pytest.raises(StudyError, match="11: not among the 3 units"):
        one(files, "half-eyes", units=["11"], titles={"a": "A"})


def test_the_reference_is_the_mean_of_all_measurements(files):
    figure = one(files, "half-eyes", reference=True, titles={"a": "A"})
    (line,) = [layer.geom.data for layer in figure.plot.layers if type(layer.geom).__name__ == "geom_hline"]
    values = line["yintercept"].tolist()
    assert values == pytest.approx([0.4])


def test_raw_means_are_of_a_units_own_data(files):
    figure = one(files, "three-poolings", titles={"a": "A"})
    raw = rows(figure)[rows(figure)["pooling"] == "No pooling"].set_index("id")["mean"]
    assert raw.to_dict() == pytest.approx({"1": 0.15, "2": 0.4, "10": 0.9})


def test_a_model_without_time_has_no_trajectories(files):
    with pytest.raises(StudyError, match="does not use 't'"):
        one(files, "fitted-trajectories", titles={"a": "A"})


def test_groups_come_from_the_data_if_the_model_has_none(files, tmp_path):
    summary = pd.read_csv(files["summaries"]["p"]).assign(t=0.0)
    summary.to_csv(files["summaries"]["p"], index=False)
    figure = one(files, "fitted-trajectories", by_group=True, titles={"a": "A"})
    assert rows(figure).set_index("id")["by"].to_dict() == {"1": "a", "2": "b", "10": "b"}


def test_measurements_of_all_or_some(files):
    figure = one(files, "trajectories", units=["2"], titles={})
    assert rows(figure)["y"].tolist() == [0.3, 0.5]
