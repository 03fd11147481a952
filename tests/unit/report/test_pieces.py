import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.report import pieces
from partialpool.report.page import anchor, to_page
from partialpool.report.pieces import (
    MOST_ROWS,
    checks,
    compared,
    corrected,
    estimates,
    figure,
    number,
    published_text,
    run_times,
    verdict,
)
from partialpool.study.config import load

STUDY = load(
    {
        "title": "Study",
        "data": {"source": "a.csv", "outcome": "y", "unit": "id", "time": "t"},
        "models": {
            name: {"title": title, "formula": "y ~ 1", "priors": {"Intercept": "Normal(0, 1)"}}
            for name, title in (("a", "Model A"), ("b", "Model B"))
        },
        "comparisons": {"both": {"title": "Which?", "models": ["a", "b"]}},
        "figures": {"lines": {"kind": "trajectories", "title": "Lines", "caption": "All.", "alt": 'x < "y"'}},
    }
)


@pytest.mark.parametrize(
    ("value", "sd", "shown"),
    [(0.191234, 0.0078, "0.1912"), (-0.00187, 0.0026, "−0.0019"), (12.345, 3.0, "12.3"), (1234.5, 250.0, "1234")],
)
def test_estimates_show_two_digits_of_their_uncertainty(value, sd, shown):
    row = {"parameter": "x", "mean": value, "sd": sd, "q2.5": value, "q97.5": value, "rhat": 1.0, "ess_bulk": 400.0}
    summary = pd.DataFrame([row | {"ess_tail": 400.0, "mcse_mean": sd / 20, "mcse_sd": sd / 20}])
    assert estimates(summary).loc[0, "mean"] == shown
    assert estimates(summary, pd.Series({"x": value})).loc[0, "truth"] == shown
    assert estimates(summary, pd.Series({"z": value})).loc[0, "truth"] == "–"


@pytest.mark.parametrize(("value", "shown"), [(-0.04, "0.0"), (-0.06, "−0.1"), (np.nan, "–"), (0.04, "0.0")])
def test_a_number_has_its_sign_unless_it_rounds_to_nothing(value, shown):
    assert number(value, 1) == shown


def test_what_plain_psis_gets_wrong_is_told_by_how_often_units_were_measured():
    units = ["A", "B", "B", "C", "C", "C"]
    rows = xr.Dataset({"row": ("__obs__", np.arange(6)), "id": ("__obs__", units)})
    excess = [2.0, 0.5, -0.1, -0.25, 0.0, 0.125]
    pointwise = pd.DataFrame({"model": "a", "row": range(6), "elpd": -1.0, "method": "integrated"})
    pointwise["psis_elpd"] = pointwise["elpd"] + excess
    pointwise["psis_pareto_k"] = [0.9, 0.1, 0.71, 0.1, 0.1, np.nan]
    told = corrected(pointwise, {"a": xr.DataTree.from_dict({"constant_data": rows})}, "id")
    assert "<strong>a</strong>: −6.0, and plain PSIS says −3.7, a difference of 2.3." in told
    parts = ("2.0 in measurements of units measured once (1)", "0.4 of units measured twice (2)")
    assert f"Of this {', '.join(parts)}, −0.1 of units measured more often (3);" in told
    assert "2.0 where its Pareto k is over 0.7 (3)" in told
    assert "Largest: unit A, row 0 (2.00), unit B, row 1 (0.50), unit C, row 3 (−0.25)." in told
    assert corrected(pointwise.assign(method="psis"), {}, "id") == ""


def test_a_table_escapes_its_cells_and_aligns_numbers():
    made = pieces.table(pd.DataFrame({"name": ["<b>"], "value": ["−0.5"]}), "a & b")
    assert "<td>&lt;b&gt;</td>" in made
    assert "<td class=num>−0.5</td>" in made
    assert "a &amp; b" in made


def test_only_long_tables_are_folded():
    frame = pd.DataFrame({"n": range(MOST_ROWS + 1)})
    assert pieces.table(frame, fold="More").startswith("<details>")
    assert pieces.table(frame.iloc[1:], fold="More").startswith("<div")


def test_a_failed_check_is_not_folded_and_names_itself():
    passed = {"value": 1.001, "threshold": 1.01, "passed": True, "where": "x"}
    failed = {"value": 120.0, "threshold": 400, "passed": False, "where": "sd(x)"}
    assert checks({"rhat": passed}).startswith("<details")
    shown = checks({"rhat": passed, "ess_bulk": failed})
    assert "<details" not in shown
    assert "Failed: bulk ESS" in shown
    assert "120 (sd(x)), should be at least 400" in shown
    assert "not computable" in checks({"rhat": passed | {"value": None, "passed": False}})


def comparison(difference, error):
    return pd.DataFrame(
        {"model": ["a", "b"], "elpd_diff": [0.0, difference], "se_diff": [0.0, error], "estimand": "unit"}
    )


@pytest.mark.parametrize(
    ("difference", "error", "better"),
    [(-16.7, 5.7, True), (-3.9, 0.1, False), (-10.0, 5.1, False), (-10.0, 4.9, True)],
)
def test_a_difference_counts_from_4_and_2_standard_errors(difference, error, better):
    said = verdict(comparison(difference, error), {"a": "A", "b": "B"})
    assert ("A predicts new units better than B" in said) == better
    assert ("cannot be told apart" in said) != better


def test_a_figure_carries_its_smaller_file_alt_text_and_caption(tmp_path):
    png = b"\x89PNG\r\n\x1a\n" + bytes(8) + (2100).to_bytes(4, "big") + bytes(50)
    (tmp_path / "lines.png").write_bytes(png)
    (tmp_path / "lines.svg").write_text("<svg/>")
    made = figure(STUDY, "lines", tmp_path)
    assert "data:image/svg+xml;base64," in made
    assert 'alt="x &lt; &quot;y&quot;"' in made
    assert 'class="page"' in made
    assert "<strong>Lines.</strong> All. Measurements only: no model, no draws." in made
    (tmp_path / "lines.svg").write_text("<svg>" + " " * 100 + "</svg>")
    assert "data:image/png;base64," in figure(STUDY, "lines", tmp_path)


@pytest.mark.parametrize("words", ["Which?", "Lines"])
def test_headings_in_captions_end_once(words):
    assert pieces._sentence(words) in ("Which?", "Lines.")


def test_anchors_are_unlike_each_other():
    taken: list[str] = []
    for words in ("The data", "The data!", "→"):
        taken.append(anchor(words, taken))
    assert taken == ["the-data", "the-data-2", "section"]


def test_published_text_counts_verdicts_and_tells_of_differences():
    table = pd.DataFrame({"verdict": ["reproduced"] * 3 + ["sampler"]})
    assert "4 in all, beside ours: 3 *reproduced*, 1 *sampler*" in published_text(table, "a book")
    assert "differ**" not in published_text(table, "a book")
    table.loc[0, "verdict"] = "differs"
    assert "**1 numbers differ**" in published_text(table, "a book")


def test_run_times_sum_jobs_and_keep_the_peak(tmp_path):
    for name, seconds, memory in (("fit/a", 10.0, "100.5"), ("fit/b", 20.4, "300.1"), ("draw/c", 0.4, "NA")):
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"s\tmax_rss\n{seconds}\t{memory}\n")
    times = run_times(tmp_path).set_index("rule")
    assert times.loc["fit"].tolist() == [2, "30", "300"]
    assert times.loc["draw"].tolist() == [1, "0", "–"]
    assert run_times(tmp_path / "none").empty


def test_a_page_has_contents_and_hides_code(tmp_path):
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# T\n\n## One <x>\n\n### Two", "id": "a"},
        {
            "cell_type": "code",
            "execution_count": 1,
            "metadata": {},
            "source": "secret = 1",
            "id": "b",
            "outputs": [{"output_type": "display_data", "data": {"text/html": "<p>shown</p>"}, "metadata": {}}],
        },
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "n.ipynb").write_text(json.dumps(notebook))
    (tmp_path / "p.j2").write_text("{{ title }}|{% for c in contents %}{{ c.level }}{{ c.id }},{% endfor %}|{{ body }}")
    made = to_page(tmp_path / "n.ipynb", tmp_path / "p.j2", "A & B")
    title, contents, body = made.split("|", 2)
    assert title == "A &amp; B"
    assert contents.endswith("3two,")
    assert "<p>shown</p>" in body
    assert "secret" not in body


def test_a_comparison_has_standard_errors_in_parentheses():
    table = comparison(-16.66, 5.65).assign(max_pareto_k=[0.5, np.inf], bad_pareto_k=[0, 3], n=9)
    for name in ("elpd_loo", "p_loo", "looic"):
        table = table.assign(**{name: [314.5, -1.25], f"se_{name}": [11.04, 2.0]})
    shown = compared(table, {"a": "A", "b": "B"}).loc[1]
    assert shown.tolist() == ["b B", "−16.7 (5.7)", "−1.2 (2.0)", "−1.2 (2.0)", "−1.2 (2.0)", "inf", 3]
    assert "<td class=num>−16.7 (5.7)</td>" in pieces.table(compared(table, {"a": "A", "b": "B"}))
