"""Figures as files."""

import xml.etree.ElementTree as ET

import matplotlib.figure
import matplotlib.image
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.figures.theme import Figure, save_all
from partialpool.figures.units import gradient_intervals, shrinkage
from partialpool.jobs import written
from plotnine import aes, geom_point, ggplot
from plotnine.composition import Compose
from plotnine.exceptions import PlotnineError

from figures.drawing import long_draws


@pytest.mark.parametrize("composed", [False, True])
def test_saved_files_have_the_size_and_are_the_same_every_time(tmp_path, pooled, composed):
    single = shrinkage(pooled, grand_mean=0.2, labels={})
    plot = single.plot | single.plot if composed else single.plot
    assert isinstance(plot, Compose) == composed
    contents = []
    for turn in ("one", "two"):
        png, svg = tmp_path / f"{turn}.png", tmp_path / f"{turn}.svg"
        Figure(plot, 5, 2.5).save(png, svg)
        contents.append((png.read_bytes(), svg.read_bytes()))
    assert contents[0] == contents[1]
    assert matplotlib.image.imread(png).shape[:2] == (750, 1500)
    root = ET.fromstring(contents[0][1])
    assert (root.get("width"), root.get("height")) == ("360pt", "180pt")
    assert b"<dc:date>" not in contents[0][1]
    assert len(list(tmp_path.iterdir())) == 4


def test_figures_are_made_one_by_one_with_text_that_is_quick_for_small_tables(tmp_path):
    before = pd.options.mode.string_storage
    paths = [tmp_path / f"{name}.{kind}" for name in "ab" for kind in ("png", "svg")]

    def figures():
        for _ in "ab":
            data = pd.DataFrame({"x": ["one", "two"], "y": [1.0, 2.0]})
            storages.append((data["x"].dtype.storage, len(list(tmp_path.iterdir()))))
            yield Figure(ggplot(data, aes("x", "y")) + geom_point(), 3, 2)

    storages = []
    save_all(figures(), paths)
    assert storages == [("python", 0), ("python", 2)]
    assert all(path.exists() for path in paths)
    assert pd.options.mode.string_storage == before
    with pytest.raises(ValueError, match="shorter"):
        save_all(figures(), paths[:2])


def test_no_place_is_looked_for_where_an_axis_has_no_label(tmp_path, pooled, monkeypatch):
    drawn, save = [], matplotlib.figure.Figure.savefig
    monkeypatch.setattr(
        matplotlib.figure.Figure, "savefig", lambda self, *a, **k: (drawn.append(self), save(self, *a, **k))
    )
    shrinkage(pooled, grand_mean=0.2, labels={}).save(tmp_path / "a.png", tmp_path / "a.svg")
    labels = [axis.label for axes in drawn[-1].axes for axis in (axes.xaxis, axes.yaxis)]
    assert [(label.get_text(), *label.get_position()) for label in labels] == [("", 0, 0)] * len(labels)


def test_dollars_in_labels_are_dollars(tmp_path):
    """And no formula, which this one would not even be."""
    data = pd.DataFrame({"x": [r"$\cash{$", "b"], "y": [1.0, 2.0]})
    Figure(ggplot(data, aes("x", "y")) + geom_point(), 3, 2).save(tmp_path / "a.png", tmp_path / "a.svg")
    assert r"$\cash{$" in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize("edited", ["a.png", "a.svg"])
def test_a_file_that_was_edited_is_known(edited, tmp_path, monkeypatch):
    """So that neither the report nor an archive has it as ours."""
    (tmp_path / written.FOLDER.parent).mkdir()
    monkeypatch.chdir(tmp_path)
    Figure(ggplot(pd.DataFrame({"x": [1.0], "y": [1.0]}), aes("x", "y")) + geom_point(), 3, 2).save("a.png", "a.svg")
    written.require_as_written(edited)
    (tmp_path / edited).write_bytes(b"")
    with pytest.raises(StudyError, match="is not as this study wrote it"):
        written.require_as_written(edited)


def test_failed_save_leaves_the_old_file(tmp_path, pooled):
    png, svg = tmp_path / "old.png", tmp_path / "old.svg"
    png.write_text("old")
    svg.mkdir()
    figure = shrinkage(pooled, grand_mean=0.2, labels={})
    with pytest.raises(PlotnineError):
        Figure(figure.plot + aes(y="missing"), 3, 2).save(png, svg)
    assert png.read_text() == "old"
    with pytest.raises(IsADirectoryError):
        figure.save(png, svg)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.png", "old.svg"]


def test_gradients_are_a_bitmap_in_a_small_svg(tmp_path, rng):
    draws = long_draws(rng, {f"p{i}": 0.2 for i in range(91)}, n=200, model="One")
    figure = gradient_intervals(draws, labels={})
    png, svg = tmp_path / "a.png", tmp_path / "a.svg"
    figure.save(png, svg)
    assert b"<image" in svg.read_bytes()
    assert svg.stat().st_size < 1_000_000
