"""Which tests run in one process: those that share the run of the demo, those that share fits, each other file.

And a browser, for tests of pages.
"""

import shutil

import pytest
from xdist.scheduler import LoadScopeScheduling

# Files that share no run: of the workflow those that never run the whole demo.
ALONE = ("test_interrupted.py", "test_clusters.py")


class ByWhatIsShared(LoadScopeScheduling):
    """Sends tests that share an expensive fixture to the same process."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        folder, _, file = path.rpartition("/")
        together = folder.endswith(("tests/workflow", "tests/unit/fit")) and file not in ALONE
        return folder if together else path


def pytest_xdist_make_scheduler(config, log):
    return ByWhatIsShared(config, log)


def pytest_collection_modifyitems(items):
    # The workflow takes longest, so it begins first.
    items.sort(key=lambda item: item.path.parent.name != "workflow")


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


@pytest.fixture(scope="session")
def browser():
    """A real browser without a window."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api").sync_playwright().start()
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()
    playwright.stop()
