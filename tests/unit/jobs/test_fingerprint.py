import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from partialpool.jobs.fingerprint import fingerprint, reached

SCRIPTS = Path(__file__).parents[3] / "scripts"
NOTEBOOK = SCRIPTS.parent / "notebooks/report.ipynb"


@pytest.fixture
def scripts(tmp_path):
    """A script that imports `a`, which imports `b`; `c` is imported by neither."""
    (tmp_path / "partialpool").mkdir()
    files = {
        "script.py": "from partialpool.a import one\n\nprint(one())\n",
        "partialpool/a.py": 'def one():\n    """One."""\n    from partialpool import b\n\n    return b.two() - 1\n',
        "partialpool/b.py": "import math\nfrom os.path import join\n\n\ndef two():\n    return 2\n",
        "partialpool/c.py": "from partialpool import a\n\nTHREE = 3\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def edit(scripts):
    """Replace a text in a file, and say whether the script's fingerprint is another."""

    def edit(name, old, new):
        before, path = fingerprint(scripts / "script.py"), scripts / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        return fingerprint(scripts / "script.py") != before

    return edit


def modules_of(script, *notebooks):
    """Modules whose code is in the fingerprint of a script, by their place in the library."""
    paths = (path.removesuffix(".py").split("/") for path in reached(SCRIPTS / f"{script}.py", *notebooks))
    return {".".join(path[1:]) for path in paths if path[0] == "partialpool"}


def test_sixteen_hexadecimal_digits_that_do_not_depend_on_the_folder(scripts, tmp_path_factory):
    digest = fingerprint(scripts / "script.py")
    assert len(digest) == 16
    assert set(digest) <= set("0123456789abcdef")
    elsewhere = shutil.copytree(scripts, tmp_path_factory.mktemp("elsewhere") / "scripts")
    assert fingerprint(str(elsewhere / "script.py")) == digest


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("script.py", "\nprint", "# Now it comes.\n\n\nprint"),
        ("script.py", "from", '"""Print one."""\n\nfrom'),
        ("partialpool/a.py", '"""One."""', '"""Return one.\n\n    In Roman numerals: I.\n    """'),
        ("partialpool/a.py", '    """One."""\n', ""),
        ("partialpool/a.py", "b.two() - 1", "(b.two()  -  1)  # is one"),
        ("partialpool/b.py", "\n\n\ndef", "\n\n# Two.\ndef"),
        ("partialpool/c.py", "THREE = 3", "THREE = 4"),
    ],
)
def test_comments_docstrings_layout_and_other_modules_leave_it(edit, name, old, new):
    assert not edit(name, old, new)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("script.py", "print(one())", "print(one() + 1)"),
        ("partialpool/a.py", "b.two() - 1", "b.two() - 1.0"),
        ("partialpool/b.py", "return 2", "return 1 + 1"),
        ("partialpool/b.py", "import math", "import cmath"),
    ],
)
def test_code_of_the_script_and_of_modules_it_imports_alters_it(edit, name, old, new):
    assert edit(name, old, new)


@pytest.mark.parametrize(
    "statement",
    [
        "from partialpool import a, c",
        "from partialpool import c as other",
        "from partialpool.c import THREE",
        "import partialpool.c",
        "import os, partialpool.c as other",
        "if True:\n    from partialpool.c import THREE",
        "def late():\n    from partialpool import c",
    ],
)
def test_every_kind_of_import_is_followed(edit, statement):
    assert edit("script.py", "print", f"{statement}\n\nprint")
    assert edit("partialpool/c.py", "THREE = 3", "THREE = 4")


def test_text_that_is_no_docstring_is_code(edit):
    assert edit("partialpool/b.py", "return 2", 'return len("ab")')
    assert edit("partialpool/b.py", '"ab"', '"cd"')


def test_a_fit_is_made_from_its_own_rooms_only():
    """Editing cross-validation, a figure, the report, a message or the progress makes no fit again."""
    modules = modules_of("fit_model")
    rooms = {"data", "fit", "jobs", "marginal", "model", "quadrature", "sampling", "weights"}
    assert {name.partition(".")[0] for name in modules} == rooms
    assert {"fit.fit", "fit.store", "jobs.threads", "model.build", "marginal.with_effects"} <= modules
    assert modules & {"errors", "jobs.job", "jobs.measure", "jobs.progress", "model.grammar"} == set()


def test_figures_are_drawn_again_when_figures_change_and_fits_are_not_made_again():
    assert {"figures.draw", "figures.units", "figures.comparison"} <= modules_of("draw_figures")
    of_fits = {"diagnostics", "coefficients", "effects", "conditional"}
    of_checks = {"checks", "predictive"}
    assert {f"figures.{module}" for module in of_fits} <= modules_of("draw_models")
    assert {f"figures.{module}" for module in of_checks} <= modules_of("draw_checks")
    assert not {f"figures.{module}" for module in of_fits} & modules_of("draw_checks")
    assert "predict.variance" in modules_of("summarise_models")
    for script in ("summarise_models", "compare_models", "predict_values"):
        assert not [name for name in modules_of(script) if name.startswith(("figures", "report", "study"))]


def test_modules_of_the_report_are_those_that_its_notebook_imports():
    assert modules_of("render_report") == {"report.page", "jobs.files", "jobs.threads"}
    assert modules_of("render_report", NOTEBOOK) == {
        "data.encodings",
        "data.expression",
        "data.notation",
        "data.table",
        "data.units",
        "figures.limits",
        "fit.failed",
        "fit.remedies",
        "fit.store",
        "jobs.files",
        "jobs.tables",
        "jobs.threads",
        "jobs.written",
        "loo.pointwise",
        "model.doubts",
        "model.families",
        "model.formula",
        "model.names",
        "model.outcome",
        "model.parameters",
        "model.parts",
        "model.priors",
        "model.spec",
        "predict.summary",
        "report.beyond",
        "report.captions",
        "report.checks",
        "report.columns",
        "report.comparisons",
        "report.elements",
        "report.equations",
        "report.families",
        "report.figures",
        "report.glossary",
        "report.guidelines",
        "report.markdown",
        "report.in_short",
        "report.latex",
        "report.meaning",
        "report.model_checks",
        "report.numbers",
        "report.page",
        "report.paper",
        "report.predicted",
        "report.provenance",
        "report.published",
        "report.reported",
        "report.results",
        "report.sampling",
        "report.sections",
        "report.tables",
        "report.terms",
        "report.texts",
        "report.variance",
        "report.whose",
        "report.words",
        *(
            f"study.{module}"
            for module in (
                *("base", "data", "design", "entries", "families", "figures", "grids", "guidelines", "models"),
                *("report", "simulation", "study"),
            )
        ),
    }


def test_the_report_loads_nothing_that_fits_or_draws():
    modules = [f"partialpool.{module}" for module in modules_of("render_report", NOTEBOOK)]
    heavy = "'pymc', 'bambi', 'nutpie', 'formulae', 'arviz_stats', 'plotnine', 'scipy.stats', 'xarray'"
    program = f"import sys, {', '.join(modules)}; print(sorted({{{heavy}}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_code_of_a_notebook_and_of_modules_it_imports_alters_the_fingerprint_and_its_words_do_not(scripts):
    def write(*cells):
        cells = [{"cell_type": kind, "source": source.splitlines(keepends=True)} for kind, source in cells]
        (scripts / "partialpool/n.ipynb").write_text(json.dumps({"cells": cells}))
        return fingerprint(scripts / "script.py", scripts / "partialpool/n.ipynb")

    first = write(("markdown", "# One"), ("code", "from partialpool import c\nx = 1"))
    assert first == write(("markdown", "# Two"), ("code", "from partialpool import c\n\nx = 1  # one"))
    assert first != write(("code", "from partialpool import c\nx = 2"))
    assert first != fingerprint(scripts / "script.py")
    (scripts / "partialpool/c.py").write_text("THREE = 4\n")
    assert first != write(("code", "from partialpool import c\nx = 1"))


def test_every_script_has_a_fingerprint_of_its_own():
    scripts = list(SCRIPTS.glob("*.py"))
    assert len({fingerprint(script) for script in scripts}) == len(scripts) > 1


def test_modules_that_only_refuse_are_not_followed(scripts):
    before = fingerprint(scripts / "script.py")
    (scripts / "partialpool/audit").mkdir()
    (scripts / "script.py").write_text(f"{(scripts / 'script.py').read_text()}\nfrom partialpool.audit import suits\n")
    importing = fingerprint(scripts / "script.py")
    assert importing != before
    (scripts / "partialpool/audit/suits.py").write_text("from partialpool.audit import other\n")
    (scripts / "partialpool/audit/other.py").write_text("x = 1\n")
    assert fingerprint(scripts / "script.py") == importing
