"""The report in a real browser without a network, as its reader opens it."""

import itertools
import json
import re
from urllib.request import urlopen

import pytest


@pytest.fixture(scope="module")
def html(demo):
    return (demo.directory / "results/report/report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def opened(browser, demo):
    """The page, and all that it asked for or complained of."""
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 900})
    page, seen = context.new_page(), []
    page.on("console", lambda message: seen.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: seen.append(f"error: {error}"))
    page.on("requestfailed", lambda request: seen.append(f"failed: {request.url[:200]}"))
    address = (demo.directory / "results/report/report.html").as_uri()
    page.on("request", lambda r: seen.append(f"request: {r.url[:200]}") if not r.url.startswith("data:") else None)
    page.goto(address)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.wait_for_timeout(500)
    yield page, [entry for entry in seen if entry != f"request: {address}"]
    context.close()


def test_nothing_is_fetched_and_nothing_complains(opened):
    _, seen = opened
    assert seen == []


def test_every_image_is_loaded_and_described(opened):
    page, _ = opened
    images = page.evaluate("[...document.images].map(i => ({ok: i.complete && i.naturalWidth > 100, alt: i.alt}))")
    # Ten of the config; of five models eight each, and conditional effects of three; of two comparisons two each.
    assert len(images) == 57
    assert all(image["ok"] and len(image["alt"]) > 20 for image in images)
    captions = page.evaluate("[...document.querySelectorAll('figcaption')].map(c => c.textContent)")
    assert len(captions) == 57
    assert all("draws" in caption for caption in captions)


def test_formulas_are_laid_out(opened):
    page, _ = opened
    boxes = page.evaluate(
        "[...document.querySelectorAll('math')].map(m => m.getBoundingClientRect()).map(b => [b.width, b.height])"
    )
    assert len(boxes) > 25
    assert all(width > 20 and height > 10 for width, height in boxes)
    # Where MathML is not known, the letters of a subscript are as high as those of the symbol; here they stand lower.
    lower = page.evaluate(
        "[...document.querySelectorAll('msub')].map(s => [s.firstElementChild, s.lastElementChild])"
        ".map(pair => pair.map(e => e.getBoundingClientRect()))"
        ".every(([symbol, index]) => index.top > symbol.top && index.bottom >= symbol.bottom)"
    )
    assert lower


def test_contents_lead_to_every_heading(opened):
    page, _ = opened
    targets = page.evaluate("[...document.querySelectorAll('nav a')].map(a => a.getAttribute('href').slice(1))")
    headings = page.evaluate("[...document.querySelectorAll('main h2, main h3')].map(h => h.id)")
    assert targets == headings
    assert len(set(headings)) == len(headings) > 10


@pytest.fixture
def page_at(browser, demo):
    """Opens the page: ``page_at(width, color_scheme="dark")``."""
    pages = []

    def open_page(width, **options):
        pages.append(browser.new_page(viewport={"width": width, "height": 800}, **options))
        pages[-1].goto((demo.directory / "results/report/report.html").as_uri())
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


@pytest.mark.parametrize("width", [360, 768, 1200])
def test_the_page_is_no_wider_than_the_screen(page_at, width):
    page = page_at(width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_headings_are_in_order_and_landmarks_are_there_once(opened):
    page, _ = opened
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    for landmark in ("header", "nav", "main"):
        assert page.locator(landmark).count() == 1
    assert page.evaluate("document.documentElement.lang") == "en"


def test_tables_have_a_caption_and_headings_of_columns_and_rows(opened):
    page, _ = opened
    without = page.evaluate("""[...document.querySelectorAll('table')].filter(t => !(
        t.caption && t.caption.textContent.trim() && t.querySelectorAll('thead th[scope=col]').length
        && [...t.tBodies[0].rows].every(row => row.cells[0].matches('th[scope=row]')))).length""")
    assert without == 0
    assert page.locator("table").count() > 10


def test_the_keyboard_reaches_all_that_is_moved_sideways(page_at):
    page = page_at(360)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    moved = page.evaluate("""[...document.querySelectorAll('main *')]
        .filter(e => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth)
        .map(e => ({tab: e.tabIndex, role: e.getAttribute('role'), name: e.getAttribute('aria-label')}))""")
    assert len(moved) > 10
    assert all(part["tab"] == 0 and part["role"] == "group" and len(part["name"]) > 8 for part in moved)


def test_the_first_key_leads_past_the_contents(page_at):
    page = page_at(1200)
    page.keyboard.press("Tab")
    link = page.evaluate(
        "(a => ({words: a.textContent, left: a.getBoundingClientRect().left}))(document.activeElement)"
    )
    assert link["words"] == "Skip to the report"
    assert link["left"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "MAIN"
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize(("width", "shown"), [(400, False), (1200, True)])
def test_contents_are_folded_on_a_narrow_screen(page_at, width, shown):
    assert page_at(width).locator("nav a").first.is_visible() == shown


def test_a_dark_screen_has_a_dark_page_and_figures_on_white(page_at):
    colour = "(selector => getComputedStyle(document.querySelector(selector)).backgroundColor)"
    page = page_at(1200, color_scheme="dark")
    assert page.evaluate(f"{colour}('body')") == "rgb(21, 25, 26)"
    assert page.evaluate(f"{colour}('figure img')") == "rgb(255, 255, 255)"
    page.emulate_media(media="print")
    assert page.evaluate(f"{colour}('body')") == "rgb(255, 255, 255)"


def test_on_paper_nothing_is_cut_and_what_is_folded_says_so(page_at):
    # A4 without its margins, at 96 pixels an inch.
    width = round((210 - 2 * 16) / 25.4 * 96)
    page = page_at(width)
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cut = "[...document.querySelectorAll('.scroll, .equations')].filter(e => e.scrollWidth > e.clientWidth).length"
    assert page.evaluate(cut) == 0
    folded = page.evaluate("""[...document.querySelectorAll('details:not([open])')].map(d => ({
        long: d.className == 'long',
        said: getComputedStyle(d.querySelector('summary'), '::after').content.includes('not printed'),
        shown: d.children[1].checkVisibility() && d.children[1].getBoundingClientRect().height > 0,
    }))""")
    assert any(part["long"] for part in folded)
    assert all(part["said"] == part["long"] and part["shown"] != part["long"] for part in folded)


def test_it_prints_with_all_headings(page_at, tmp_path):
    page_at(1200).pdf(path=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().count(b"/Type /Page\n") > 5


def test_every_figure_and_table_is_saved_as_its_file(page_at, demo):
    page, results = page_at(1200), demo.directory / "results"
    files = {path.name: path for folder in ("tables", "figures", "report") for path in (results / folder).rglob("*.*")}
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    saving = page.evaluate("[...document.querySelectorAll('main a[download]')].map(a => [a.download, a.href])")
    names = [name for name, _ in saving]
    assert {name for name in files if name.endswith((".csv", ".tex", ".docx", ".txt", ".bib"))} <= set(names)
    assert {name.rpartition(".")[0] for name in names} >= {path.stem for path in (results / "figures").glob("*.png")}
    for name, address in saving:
        with urlopen(address) as content:
            assert content.read() == files[name].read_bytes(), name
    # A browser saves only a few files of one page without asking.
    for name in ("all-models.docx", "methods.bib", next(name for name in names if name.endswith(".svg"))):
        with page.expect_download() as saved:
            page.locator("main a[download]").nth(names.index(name)).click()
        assert saved.value.suggested_filename == name
        assert saved.value.path().read_bytes() == files[name].read_bytes(), name


def test_no_address_outside_the_page(html):
    without_images = re.sub(r'src="data:[^"]+"', "", html)
    assert not re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', without_images)
    # The template's own, which gives the links that save figures their address.
    assert without_images.count("<script") == 1
    assert "@import" not in without_images


def test_code_is_hidden(html):
    assert "import pandas" not in html
    assert "show_figures" not in html


def test_failed_checks_are_seen_beside_their_model(demo, html):
    """With 240 draws the effective sample sizes cannot all reach 400."""
    failed = []
    for path in sorted((demo.directory / "results/models").glob("*.diagnostics.json")):
        checks = json.loads(path.read_text())
        # The evidence is beside the checks and is none.
        if not all(entry["passed"] for entry in checks.values() if "threshold" in entry):
            failed.append(path.name.removesuffix(".diagnostics.json"))
    assert "m71.5" in failed
    # The terminal has the same at its end.
    closing = next(line for line in demo.said.splitlines() if line.startswith("Checks failed for "))
    assert all(f" {model} (" in closing for model in failed)
    for model in failed:
        section = html[html.index(f'">{model}: ', html.index("<main")) :].partition("<h3")[0]
        assert "✗ Failed: " in section, model


def test_the_committed_notebook_has_no_outputs(demo):
    notebook = json.loads((demo.root / "notebooks/report.ipynb").read_text())
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert any("parameters" in cell["metadata"].get("tags", []) for cell in code)


def test_a_failing_notebook_leaves_no_report(demo, tmp_path):
    from partialpool.errors import StudyError
    from partialpool.report.page import render

    notebook = json.loads((demo.root / "notebooks/report.ipynb").read_text())
    notebook["cells"][1]["source"] = "raise RuntimeError('broken on purpose')"
    (tmp_path / "broken.ipynb").write_text(json.dumps(notebook))
    with pytest.raises(StudyError, match="broken on purpose") as raised:
        render(
            str(tmp_path / "broken.ipynb"),
            notebook=str(tmp_path / "report/report.ipynb"),
            html=str(tmp_path / "report/report.html"),
            failed=tmp_path / "logs/report.failed.ipynb",
            page=str(demo.root / "notebooks/page.html.j2"),
            parameters={"study": {"title": "Broken"}},
        )
    assert "report.failed.ipynb" in str(raised.value)
    assert (tmp_path / "logs/report.failed.ipynb").is_file()
    assert list((tmp_path / "report").iterdir()) == []
