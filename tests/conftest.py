"""Which tests run in one process: those that share the run of the demo, those that share fits, each other file."""

import pytest

FITS = ("test_models", "test_sampling", "test_store", "test_predict")


def pytest_collection_modifyitems(items):
    # The workflow takes longest, so it begins first.
    items.sort(key=lambda item: item.path.parent.name != "workflow")
    for item in items:
        in_workflow = item.path.parent.name == "workflow"
        group = "workflow" if in_workflow else "fits" if item.path.stem in FITS else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))
