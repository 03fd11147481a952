"""Which tests run in one process: those that share the run of the demo, those that share a fit, each other file."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "workflow":
            group = "workflow"
        else:
            group = "fit" if "fit" in item.fixturenames else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
    # The workflow takes longest, so it begins first.
    items.sort(key=lambda item: item.path.parent.name != "workflow")
