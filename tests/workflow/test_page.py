"""The report in a real browser without a network, as its reader opens it."""

import json
import re
import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


@pytest.fixture(scope="module")
def html(demo):
    return (demo.directory / "results/report/report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api").sync_playwright().start()
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()
    playwright.stop()


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
    assert len(images) == 22
    assert all(image["ok"] and len(image["alt"]) > 20 for image in images)
    captions = page.evaluate("[...document.querySelectorAll('figcaption')].map(c => c.textContent)")
    assert len(captions) == 22
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


@pytest.mark.parametrize("width", [360, 768, 1200])
def test_the_page_is_no_wider_than_the_screen(browser, demo, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto((demo.directory / "results/report/report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_it_prints_with_all_headings(browser, demo, tmp_path):
    page = browser.new_page()
    page.goto((demo.directory / "results/report/report.html").as_uri())
    page.pdf(path=tmp_path / "report.pdf")
    page.close()
    assert (tmp_path / "report.pdf").read_bytes().count(b"/Type /Page\n") > 5


def test_no_address_outside_the_page(html):
    without_images = re.sub(r'src="data:[^"]+"', "", html)
    assert not re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', without_images)
    assert "<script" not in without_images
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
    for model in failed:
        section = html[html.index(f'">{model}: ', html.index("<main>")) :].partition("<h3")[0]
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
