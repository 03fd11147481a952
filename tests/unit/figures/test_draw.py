from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.errors import StudyError
from partialpool.figures import draw
from partialpool.figures.draw import configured
from partialpool.fit import store
from partialpool.fit.fit import fit

from figures.drawing import draw as drawn
from figures.drawing import texts

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
    long.assign(chain=0, draw=np.tile(np.arange(40), 6), value=rng.normal(size=len(long))).to_parquet(
        tmp_path / "p.draws.parquet"
    )
    return {
        "prepared": str(tmp_path / "prepared.parquet"),
        "predictions": {"p": (str(tmp_path / "p.csv"), str(tmp_path / "p.draws.parquet"))},
        "fits": {},
        "diagnostics": [],
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


@pytest.mark.parametrize("kind", ["gradient-intervals", "shrinkage"])
def test_models_of_which_a_check_failed_are_marked(files, kind, tmp_path):
    path = tmp_path / "a.diagnostics.json"
    path.write_text('{"rhat": {"value": 1.7, "threshold": 1.01, "passed": false, "where": "x"}}')
    figure = one(files | {"diagnostics": [path]}, kind, titles={"b": "Second", "a": "First"})
    assert list(rows(figure)["model"].cat.categories) == ["Second", "First (✗ checks failed)"]


@pytest.mark.parametrize(
    ("kind", "shown"),
    [("gradient-intervals", ["a"]), ("shrinkage", ["a", "b"]), ("half-eyes", ["a"]), ("three-poolings", ["a"])],
)
def test_where_expected_values_are_probabilities_the_axis_says_so(files, kind, shown):
    titles = {name: name for name in shown}
    assert "Probability of Score" in texts(drawn(one(files, kind, titles=titles, probabilities=True))[0])
    assert "Score" in texts(drawn(one(files, kind, titles=titles))[0])


@pytest.mark.parametrize(
    ("kind", "shown"), [("gradient-intervals", ["a"]), ("shrinkage", ["a", "b"]), ("half-eyes", ["a"])]
)
def test_expected_values_of_levels_are_probabilities(files, kind, shown):
    titles = {name: name for name in shown}
    data = pd.read_parquet(files["prepared"])
    levels = pd.Categorical(["no", "yes", "no", "yes", "no"])
    data.assign(y=levels).to_parquet(files["prepared"])
    assert "Probability of Score" in texts(drawn(one(files, kind, titles=titles))[0])


def test_units_are_chosen(files):
    figure = one(files, "half-eyes", units=["10", "1"], titles={"a": "A"})
    assert set(rows(figure)["id"]) == {"1", "10"}
    by_number = one(files, "half-eyes", units=2, titles={"a": "A"})
    assert rows(by_number)["id"].nunique() == 2
    with pytest.raises(StudyError, match="11: not among the 3 units"):
        one(files, "half-eyes", units=["11"], titles={"a": "A"})


def test_a_column_id_that_is_not_the_units_does_not_matter(files):
    data = pd.read_parquet(files["prepared"])
    data.assign(id=range(5)).to_parquet(files["prepared"])
    assert set(rows(one(files, "trajectories", units="all"))["id"]) == {"1", "2", "10"}


@pytest.mark.parametrize(("units", "shown"), [(None, 2), ("all", 2), (3, 3), (["1", "2", "10"], 3)])
def test_no_more_units_than_can_be_told_apart_unless_the_config_says_so(files, monkeypatch, units, shown):
    monkeypatch.setattr(draw, "MOST_UNITS", 2)
    assert rows(one(files, "half-eyes", units=units, titles={"a": "A"}))["id"].nunique() == shown
    assert rows(one(files, "trajectories", units=units))["id"].nunique() == shown


def test_the_reference_is_the_mean_of_all_measurements(files):
    figure = one(files, "half-eyes", reference=True, titles={"a": "A"})
    (line,) = [layer.geom.data for layer in figure.plot.layers if type(layer.geom).__name__ == "geom_hline"]
    values = line["yintercept"].tolist()
    assert values == pytest.approx([0.4])


def test_raw_means_are_of_a_units_own_data(files):
    figure = one(files, "three-poolings", titles={"a": "A"})
    raw = rows(figure)[rows(figure)["pooling"] == "No pooling"].set_index("id")["mean"]
    assert raw.to_dict() == pytest.approx({"1": 0.15, "2": 0.4, "10": 0.9})


def test_levels_are_not_drawn_as_numbers(files):
    data = pd.read_parquet(files["prepared"])
    data.assign(y=pd.Categorical(["no", "yes", "no", "yes", "yes"])).to_parquet(files["prepared"])
    one(files, "half-eyes", titles={"a": "A"})
    for kind, own in (("trajectories", {}), ("three-poolings", {}), ("half-eyes", {"reference": True})):
        with pytest.raises(
            StudyError, match=r"figures\.f: It shows measurements as numbers, and 'y' has the levels no, yes"
        ):
            one(files, kind, titles={"a": "A"}, **own)


def test_a_model_without_time_has_no_trajectories(files):
    with pytest.raises(StudyError, match="does not use 't'"):
        one(files, "fitted-trajectories", titles={"a": "A"})


def test_groups_come_from_the_data_if_the_model_has_none(files, tmp_path):
    summary = pd.read_csv(files["predictions"]["p"][0]).assign(t=0.0)
    summary.to_csv(files["predictions"]["p"][0], index=False)
    figure = one(files, "fitted-trajectories", by_group=True, titles={"a": "A"})
    assert rows(figure).set_index("id")["by"].to_dict() == {"1": "a", "2": "b", "10": "b"}


def test_a_unit_has_one_expected_value_in_a_draw(files):
    """A unit that met two items has the mean of the expected values at both."""
    draws = pd.read_parquet(files["predictions"]["p"][1])
    shifted = one(with_draws(files, write_items(files, draws, 1.0, 1.0)), "half-eyes", titles={"a": "A"})
    both = one(with_draws(files, write_items(files, draws, -1.0, 3.0)), "half-eyes", titles={"a": "A"})
    pd.testing.assert_frame_equal(rows(both), rows(shifted))


def test_a_unit_has_all_predicted_values(files):
    draws = pd.read_parquet(files["predictions"]["p"][1]).assign(quantity="predicted")
    figure = one(with_draws(files, write_items(files, draws, -9.0, 9.0)), "half-eyes", titles={"a": "A"})
    assert np.ptp(rows(figure)["value"]) > 18


def with_draws(files, path):
    """The same files, but for the draws of the prediction."""
    table, _ = files["predictions"]["p"]
    return files | {"predictions": {"p": (table, path)}}


def write_items(files, draws, *shifts):
    """Draws at several items, each shifted; returns the path."""
    path = files["predictions"]["p"][1].replace("p.draws", "items.draws")
    parts = [draws.assign(item=str(item), value=draws["value"] + shift) for item, shift in enumerate(shifts)]
    pd.concat(parts).to_parquet(path)
    return path


def test_fitted_trajectories_have_one_value_of_a_unit_at_a_time(files):
    summary = pd.read_csv(files["predictions"]["p"][0])
    times = [
        summary.assign(t=t, item=item, mean=summary["mean"] + t + shift)
        for t in (0.0, 1.0)
        for item, shift in (("i", -1.0), ("k", 3.0))
    ]
    pd.concat(times).to_csv(files["predictions"]["p"][0], index=False)
    shown = rows(one(files, "fitted-trajectories", titles={"a": "A"})).sort_values(["id", "x"])
    assert shown["x"].tolist() == [0.0, 1.0] * 3
    assert shown["mean"].to_numpy() == pytest.approx([1.3, 2.3] * 3)
    averaged = rows(one(files, "shrinkage", titles={"a": "A", "b": "B"}))
    assert averaged.groupby("model", observed=True)["mean"].mean().tolist() == pytest.approx([1.8, 2.0])
    assert len(averaged) == 2 * 3


def test_groups_stand_in_the_order_of_their_levels(files):
    data, path = pd.read_parquet(files["prepared"]), files["predictions"]["p"][0]
    data.assign(g=pd.Categorical(data["g"], ["b", "a"])).to_parquet(files["prepared"])
    # Of a model with the group the table has it, as text; the group of others is that of the data.
    summary = pd.read_csv(path).assign(t=0.0)
    for table in (summary, summary.assign(g=summary["id"].map({1: "a", 2: "b", 10: "b"}))):
        table.to_csv(path, index=False)
        shown = rows(one(files, "fitted-trajectories", by_group=True, titles={"a": "A"}))
        assert list(shown["by"].cat.categories) == ["b", "a"]
        assert shown.set_index("id")["by"].astype(str).to_dict() == {"1": "a", "2": "b", "10": "b"}


def test_measurements_of_all_or_some(files):
    figure = one(files, "trajectories", units=["2"], titles={})
    assert rows(figure)["y"].tolist() == [0.3, 0.5]


def test_a_mistake_names_the_figure(files):
    with pytest.raises(StudyError, match=r"^figures\.f: .*11: not among the 3 units"):
        one(files, "half-eyes", units=["11"], titles={"a": "A"})


def test_each_file_is_read_once(files, monkeypatch):
    read, readers = [], {"read_csv": pd.read_csv, "read_parquet": pd.read_parquet}
    for name, reader in readers.items():
        monkeypatch.setattr(
            pd, name, lambda path, reader=reader, **options: (read.append(path), reader(path, **options))[1]
        )
    entry = {"predictions": "p", "units": None, "reference": True, "titles": {"a": "A", "b": "B"}}
    kinds = ["half-eyes", "shrinkage", "gradient-intervals", "shrinkage"]
    figures = {str(i): entry | {"kind": kind} for i, kind in enumerate(kinds)}
    assert [name for name, _ in configured(figures, **files)] == ["0", "1", "2", "3"]
    assert sorted(read) == sorted([files["prepared"], files["predictions"]["p"][0], files["predictions"]["p"][1]])


@pytest.fixture
def correlated(files, monkeypatch):
    """A posterior with intercepts and slopes, read in the place of a fit."""
    rng = np.random.default_rng(5)
    dims = ("chain", "draw")
    posterior = xr.Dataset(
        {name: (dims, rng.normal(size=(2, 50))) for name in ("Intercept", "t")}
        | {name: ((*dims, "who__factor_dim"), rng.normal(size=(2, 50, 3))) for name in ("1|who", "t|who")}
        | {"cor_who": ((*dims, "cor_who_dim"), rng.uniform(-1, 1, (2, 50, 1)))},
        {"who__factor_dim": ["1", "2", "10"], "cor_who_dim": ["Intercept,t"]},
    )
    tree = {"posterior": posterior}

    def load(path, groups):
        return xr.DataTree.from_dict({group: tree[group] for group in groups if group in tree})

    monkeypatch.setattr(store, "load", load)
    files["fits"] = {"a": "a.nc"}
    return tree


def test_intercepts_and_slopes_are_those_of_the_units(files, correlated):
    figure = one(files, "intercepts-slopes", model="a", units="all", titles={"a": "A"})
    posterior = correlated["posterior"]
    own = posterior["t"] + posterior["t|who"].sel(who__factor_dim="10")
    shown = figure.plot[0].data.set_index("id").loc["10"]
    assert shown["slope"] == pytest.approx(float(own.mean()))
    assert shown["slope_low"] == pytest.approx(float(own.quantile(0.025)))


def test_a_model_without_correlated_slopes_is_refused(files, correlated):
    correlated["posterior"] = correlated["posterior"].drop_vars(["t|who", "cor_who"])
    with pytest.raises(StudyError, match=r"figures\.f: .* t \+ \(1 \+ t \| who\); this one lacks t\|who"):
        one(files, "intercepts-slopes", model="a", units="all", titles={"a": "A"})


def test_some_units_intercepts_and_slopes(files, correlated):
    figure = one(files, "intercepts-slopes", model="a", units=["10", "1"], titles={"a": "A"})
    assert figure.plot[0].data["id"].tolist() == ["10", "1"]
    with pytest.raises(StudyError, match="3: not among the 3 units of the data of a"):
        one(files, "intercepts-slopes", model="a", units=["3"], titles={"a": "A"})


@pytest.mark.parametrize("keep_draws", [True, False])
def test_many_units_have_means_and_no_intervals(files, correlated, monkeypatch, keep_draws):
    monkeypatch.setattr(draw, "MOST_UNITS", 2)
    posterior = correlated["posterior"]
    own = posterior["t"].mean() + posterior["t|who"].mean(("chain", "draw"))
    if not keep_draws:
        effects = posterior[["1|who", "t|who"]]
        correlated["group_effects"] = effects.mean(("chain", "draw")).expand_dims(statistic=["mean"])
        correlated["posterior"] = posterior.drop_vars(["1|who", "t|who"])
    shown = one(files, "intercepts-slopes", model="a", units="all", titles={"a": "A"}).plot[0].data
    assert set(shown) == {"id", "intercept", "slope"}
    np.testing.assert_allclose(shown["slope"], own)


@pytest.mark.numbers
def test_intercepts_and_slopes_of_a_fit_that_keeps_summaries(files, make_spec, units, tmp_path):
    """The prepared data have another unit too, of which the model has no complete row."""
    spec = make_spec("y ~ x + (1 + x | id)", engine="marginal", chains=4, draws=1000, warmup=500)
    other = pd.DataFrame({"id": [999], "x": [np.nan], "y": [1.0], "row": [60]})
    data = pd.concat([units, other], ignore_index=True)
    data.to_parquet(files["prepared"])
    files |= {"columns": {"unit": "id", "time": "x", "outcome": "y", "group": None}}
    shown = {}
    for how in ("draws", "summary"):
        own = replace(spec, group_effects=how)
        store.save(fit(own, data), tmp_path / f"{how}.nc", spec=own, data_sha256="0")
        files["fits"] = {"a": tmp_path / f"{how}.nc"}
        figure = one(files, "intercepts-slopes", model="a", units=5, titles={"a": "A"})
        shown[how] = figure.plot[0].data.set_index("id")
    draws, again = shown["draws"], shown["summary"]
    assert list(draws.index) == list(again.index)
    for name in ("intercept", "slope"):
        sd = (draws[f"{name}_high"] - draws[f"{name}_low"]) / (2 * 1.96)
        # Of 4000 draws worth 2000 or more; the error of a 2.5 % quantile is 2.7 times that of the mean.
        for column, size in ((name, 1), (f"{name}_low", 2.7), (f"{name}_high", 2.7)):
            assert (np.abs(draws[column] - again[column]) < 5 * size * sd * np.sqrt(2 / 2000)).all()


GRID = {
    "titles": {"a": "A"},
    "by": None,
    "outcome": "y",
    "no_difference": 0.0,
    "same_scale": True,
    "labels": {"x": "Time", "by": "Group", "value": "Expected Score"},
}


@pytest.fixture
def over_time(files):
    """Predictions of one model, of two groups at two times."""
    rows = [
        ("a", "expected", "average unit", v, v - 1, v + 1, t, g) for v, (g, t) in enumerate(product("ab", range(2)))
    ]
    columns = ["model", "quantity", "id", "mean", "q2.5", "q97.5", "t", "g"]
    pd.DataFrame(rows, columns=columns).to_csv(files["predictions"]["p"][0], index=False)
    return files


def test_a_grid_has_values_over_a_covariate_and_measurements_behind(over_time):
    figure = one(over_time, "grid", x="t", **GRID | {"by": "g"})
    assert rows(figure)[["x", "by", "mean"]].to_numpy().tolist() == [[0, "a", 0], [1, "a", 1], [0, "b", 2], [1, "b", 3]]
    (points,) = [layer.geom.data for layer in figure.plot.layers if type(layer.geom).__name__ == "geom_point"]
    assert points[["x", "y"]].to_numpy().tolist() == [[0.0, 0.1], [1.0, 0.2], [0.0, 0.3], [2.0, 0.5], [0.0, 0.9]]


@pytest.mark.parametrize("name", ["x", "by"])
def test_an_outcome_may_be_called_as_what_is_along_the_axis(over_time, name):
    """It took the place of the covariate."""
    data = pd.read_parquet(over_time["prepared"])
    data.rename(columns={"y": name}).to_parquet(over_time["prepared"])
    own = over_time | {"columns": over_time["columns"] | {"outcome": name}}
    figure = one(own, "grid", x="t", **GRID | {"by": "g", "outcome": name})
    (points,) = [layer.geom.data for layer in figure.plot.layers if type(layer.geom).__name__ == "geom_point"]
    assert points[["x", "y"]].to_numpy().tolist() == [[0.0, 0.1], [1.0, 0.2], [0.0, 0.3], [2.0, 0.5], [0.0, 0.9]]


def test_levels_that_look_like_numbers_or_missing_values_are_levels(over_time):
    codes = {"a": "007", "b": "None"}
    data = pd.read_parquet(over_time["prepared"])
    data.assign(g=data["g"].map(codes).astype("category")).to_parquet(over_time["prepared"])
    table = pd.read_csv(over_time["predictions"]["p"][0])
    table.assign(g=table["g"].map(codes)).query("t == 0").to_csv(over_time["predictions"]["p"][0], index=False)
    figure = one(over_time, "grid", x="g", **GRID)
    assert rows(figure)["x"].tolist() == ["007", "None"]
    figure.plot.draw()


def test_measurements_that_are_on_another_scale_are_not_behind(over_time):
    for outcome in (None, "log(y)", "g"):
        figure = one(over_time, "grid", x="t", **GRID | {"by": "g", "outcome": outcome})
        assert [type(layer.geom).__name__ for layer in figure.plot.layers] == ["geom_ribbon", "geom_line"]


def test_a_grid_of_contrasts_has_a_line_where_nothing_differs(over_time):
    table = pd.read_csv(over_time["predictions"]["p"][0]).assign(contrast="g: b - a")
    table[:2].to_csv(over_time["predictions"]["p"][0], index=False)
    figure = one(over_time, "grid", x="t", **GRID | {"outcome": None})
    assert type(figure.plot.layers[0].geom).__name__ == "geom_hline"


def test_units_may_have_colours(files):
    figure = one(files, "grid", x="who", **GRID | {"by": "who"})
    assert rows(figure)["by"].tolist() == ["1", "2", "10"]


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"x": "t"}, r"figures\.f: The predictions have several values at one t: name what tells them apart as 'by'"),
        ({"x": "week"}, "'x': the predictions have no column 'week'. Columns: id, t, g"),
        ({"x": "t", "by": "arm"}, "'by': the predictions have no column 'arm'"),
    ],
)
def test_grids_that_cannot_be_drawn(over_time, own, message):
    with pytest.raises(StudyError, match=message):
        one(over_time, "grid", **GRID | own)
