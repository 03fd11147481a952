import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.errors import StudyError
from partialpool.figures.draw import PANELS, diagnostics_of, figure_of

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
        "predictions": [str(tmp_path / "p.csv"), str(tmp_path / "p.draws.parquet")],
        "fits": [],
        "columns": COLUMNS,
        "labels": LABELS,
        "seed": 3,
    }


def entry(kind, **own):
    return {"kind": kind, "units": None, "reference": False, "by_group": False} | own


def rows(figure):
    return figure.plot.data


def test_models_stand_in_the_given_order_under_their_titles(files):
    figure = figure_of(entry("gradient-intervals"), titles={"b": "Second", "a": "First"}, **files)
    assert list(rows(figure)["model"].cat.categories) == ["Second", "First"]
    assert len(rows(figure)) == 2 * 3 * 40


def test_units_are_chosen(files):
    figure = figure_of(entry("half-eyes", units=["10", "1"]), titles={"a": "A"}, **files)
    assert set(rows(figure)["id"]) == {"1", "10"}
    by_number = figure_of(entry("half-eyes", units=2), titles={"a": "A"}, **files)
    assert rows(by_number)["id"].nunique() == 2
    with pytest.raises(StudyError, match="11: not among the 3 units"):
        figure_of(entry("half-eyes", units=["11"]), titles={"a": "A"}, **files)


def test_the_reference_is_the_mean_of_all_measurements(files):
    figure = figure_of(entry("half-eyes", reference=True), titles={"a": "A"}, **files)
    (line,) = [layer.geom.data for layer in figure.plot.layers if type(layer.geom).__name__ == "geom_hline"]
    values = line["yintercept"].tolist()
    assert values == pytest.approx([0.4])


def test_raw_means_are_of_a_units_own_data(files):
    figure = figure_of(entry("three-poolings"), titles={"a": "A"}, **files)
    raw = rows(figure)[rows(figure)["pooling"] == "No pooling"].set_index("id")["mean"]
    assert raw.to_dict() == pytest.approx({"1": 0.15, "2": 0.4, "10": 0.9})


def test_a_model_without_time_has_no_trajectories(files):
    with pytest.raises(StudyError, match="does not use 't'"):
        figure_of(entry("fitted-trajectories"), titles={"a": "A"}, **files)


def test_groups_come_from_the_data_if_the_model_has_none(files, tmp_path):
    summary = pd.read_csv(files["predictions"][0]).assign(t=0.0)
    summary.to_csv(files["predictions"][0], index=False)
    figure = figure_of(entry("fitted-trajectories", by_group=True), titles={"a": "A"}, **files)
    assert rows(figure).set_index("id")["by"].to_dict() == {"1": "a", "2": "b", "10": "b"}


def test_measurements_of_all_or_some(files):
    figure = figure_of(entry("trajectories", units=["2"]), titles={}, **files)
    assert rows(figure)["y"].tolist() == [0.3, 0.5]


def test_diagnostics_show_the_worst_where_there_are_many(tmp_path):
    names = [f"id[{i}]" for i in range(20)]
    posterior = xr.Dataset(
        {
            "id": (("chain", "draw", "id_dim"), np.random.default_rng(2).normal(size=(2, 50, 20))),
            "sigma": (("chain", "draw"), np.random.default_rng(3).normal(size=(2, 50))),
        },
        {"id_dim": [str(i) for i in range(20)]},
        {"family_parameters": "sigma"},
    )
    energy = xr.Dataset({"energy": (("chain", "draw"), np.random.default_rng(4).normal(size=(2, 50)))})
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": energy})
    rhat = [1.0] * 17 + [1.2, 1.3, np.nan]
    pd.DataFrame({"parameter": ["sigma", *names], "rhat": [1.0, *rhat]}).to_csv(tmp_path / "s.csv", index=False)
    figure = diagnostics_of(tree, str(tmp_path / "s.csv"), LABELS)
    shown = list(figure.plot[0].data["parameter"].cat.categories)
    assert len(shown) == PANELS
    assert shown[:4] == ["sigma", "id[19]", "id[18]", "id[17]"]
