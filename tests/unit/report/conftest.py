import json

import pytest

from report.made_up_study import ROOT, run_cells, write_results


@pytest.fixture(scope="session")
def page_of(tmp_path_factory):
    """The report of a study, as HTML: its results are written, its cells run, its page made."""

    def make(values: dict, **results) -> str:
        from partialpool.report.page import to_page

        directory = tmp_path_factory.mktemp("study")
        write_results(directory, values, **results)
        notebook = directory / "report.ipynb"
        with pytest.MonkeyPatch.context() as monkeypatch:
            notebook.write_text(json.dumps(run_cells(values, directory, monkeypatch)), encoding="utf-8")
        return to_page(notebook, ROOT / "notebooks/page.html.j2", values["title"])

    return make
