import pytest
from partialpool.errors import StudyError
from partialpool.jobs import written
from partialpool.report import figures
from partialpool.study.config import load

from report.made_up_study import study_values


def test_a_figure_carries_its_smaller_file_alt_text_and_caption(tmp_path):
    values = study_values()
    values["figures"]["lines"] |= {"caption": "All.", "alt": 'x < "y"'}
    study = load(values)
    png = b"\x89PNG\r\n\x1a\n" + bytes(8) + (2100).to_bytes(4, "big") + bytes(50)
    (tmp_path / "lines.png").write_bytes(png)
    (tmp_path / "lines.svg").write_text("<svg/>")
    made = figures.figure(study, "lines", tmp_path)
    assert "data:image/svg+xml;base64," in made
    assert 'alt="x &lt; &#34;y&#34;"' in made
    assert 'class="page"' in made
    assert "<strong>Lines.</strong> All. Measurements only of units, 200 at random where there are more: no" in made
    (tmp_path / "lines.svg").write_text("<svg>" + " " * 100 + "</svg>")
    assert "data:image/png;base64," in figures.figure(study, "lines", tmp_path)


@pytest.mark.parametrize("edited", ["png", "svg"])
def test_a_figure_that_was_edited_or_cut_short_is_not_shown(edited, tmp_path, monkeypatch):
    (tmp_path / written.FOLDER.parent).mkdir()
    monkeypatch.chdir(tmp_path)
    for kind in ("png", "svg"):
        with written.written(f"lines.{kind}") as temporary:
            temporary.write_bytes(bytes(200))
    study = load(study_values())
    figures.figure(study, "lines", ".")
    (tmp_path / f"lines.{edited}").write_bytes(bytes(100))
    with pytest.raises(StudyError, match=rf"'lines.{edited}' is not as this study wrote it"):
        figures.figure(study, "lines", ".")
