"""Which tests run in one process: those that share the run of the demo, those that share a fit, and each other file."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        shared = [name for name in ("demo", "fit") if name in item.fixturenames]
        item.add_marker(pytest.mark.xdist_group(*shared or [str(item.path)]))
    # The workflow takes longest, and most of it the run of the demo: they begin first.
    items.sort(key=lambda item: ("demo" not in item.fixturenames, item.path.parent.name != "workflow"))
