"""A study whose words attack its readers, in a real browser: nothing runs, is fetched, or is out of place."""

import pytest

from report.made_up_study import study_values

ATTACK = (
    '<img src=x onerror="pwned=1"><script>pwned=2</script></title></style></script><script>pwned=3</script>{}'
    '"><svg onload=pwned=4>\\' + "'-pwned=5-'" + "{{{{ 7*7 }}}} {{% raw %}}"
)
TEXT = """
<script>pwned=6</script>

<iframe src="https://example.org/frame"></iframe>
<style>* { display: none }</style>
<meta http-equiv="refresh" content="0; url=https://example.org/away">
<base href="https://example.org/">
<link rel="stylesheet" href="https://example.org/style.css">

![tracker](https://example.org/pixel.png) ![other][1] <img src="https://example.org/2.png">

[click](javascript:pwned=7) [data](data:text/html,<script>pwned=8</script>) <javascript:pwned=9>

[1]: https://example.org/3.png

<form action="https://example.org/form"><input name=a autofocus onfocus="pwned=10"></form></main></div></body>
"""
LONG = "Long" * 100


def hostile_study() -> dict:
    values = study_values(say=ATTACK.format, nouns={"unit": [ATTACK, LONG], "measurement": [ATTACK, ATTACK]})
    values["text"] = TEXT
    values["models"]["a"]["text"] = TEXT
    values["models"]["b"]["title"] = LONG
    values["comparisons"]["both"]["text"] = TEXT
    values["report"] = {"sections": {"own": {"title": ATTACK, "text": TEXT}, "data": {"title": LONG, "text": TEXT}}}
    return values


@pytest.fixture(scope="module")
def path(page_of, tmp_path_factory):
    """The page of that study."""
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    path.write_text(page_of(hostile_study(), units=(ATTACK, LONG), say=ATTACK.format), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser, path):
    """That page in the browser, and all that it asked for, said and did."""
    # Online, so that a request would leave; none is answered.
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    context.route("http**", lambda route: route.abort())
    page, seen = context.new_page(), []
    page.on("console", lambda message: seen.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: seen.append(f"error: {error}"))
    page.on("dialog", lambda dialog: seen.append(f"dialog: {dialog.message}"))
    page.on("framenavigated", lambda frame: seen.append(f"went to {frame.url}") if frame.url != path.as_uri() else None)
    page.on("request", lambda r: seen.append(f"request: {r.url}") if not r.url.startswith("data:") else None)
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    page.wait_for_timeout(300)
    yield page, [entry for entry in seen if entry != f"request: {path.as_uri()}"]
    context.close()


def test_no_script_runs_no_request_leaves_and_nothing_complains(opened):
    page, seen = opened
    assert page.evaluate("typeof pwned") == "undefined"
    for link in page.locator("main a:not([download])").all():
        assert link.get_attribute("href").startswith(("#", "https://"))
    assert seen == []


def test_the_layout_holds(opened):
    page, _ = opened
    for width in (360, 768, 1200):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    counts = page.evaluate(
        "['iframe', 'form', 'input', 'base', 'main style', 'main script', 'main svg', 'main link', 'main meta']"
        ".map(name => document.querySelectorAll(name).length)"
    )
    assert counts == [0] * len(counts)
    assert page.locator("main").count() == 1
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).display") == "block"
    # All images of the page are its figures.
    assert page.evaluate("[...document.images].every(i => i.closest('figure') && i.src.startsWith('data:'))")


def test_files_are_saved_all_the_same(opened):
    page, _ = opened
    with page.expect_download() as saved:
        page.locator('a[download="all-models.csv"]').click()
    assert saved.value.suggested_filename == "all-models.csv"


@pytest.mark.parametrize(
    "attack",
    [
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.pwned = 1'}))",
        "let h = document.querySelector('h1'); h.setAttribute('onclick', 'window.pwned = 1'); h.click()",
        "document.body.append(Object.assign(new Image(), {src: 'https://example.org/x.png'}))",
        "document.head.append(Object.assign(document.createElement('style'), {textContent: 'h1 { display: none }'}))",
        "fetch('https://example.org/x').catch(() => null)",
        "document.body.append(Object.assign(document.createElement('iframe'), {src: 'https://example.org/f'}))",
    ],
    ids=["script", "handler", "image", "style", "fetch", "frame"],
)
def test_what_got_into_the_page_would_be_stopped_by_its_policy(opened, attack):
    page, _ = opened
    refused, requests = [], []
    page.on("console", lambda message: refused.append(message.text))
    page.on("response", lambda response: requests.append(response.url))
    page.evaluate(f"() => {{ {attack} }}")
    page.wait_for_timeout(100)
    assert any("Content Security Policy" in text for text in refused), refused
    assert page.evaluate("typeof pwned") == "undefined"
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).display") == "block"
    assert requests == []
