"""Which tests run in one process: those that share the run of the demo, those that share fits, each other file."""

from xdist.scheduler import LoadScopeScheduling

FITS = ("test_build", "test_fit", "test_store", "test_predict")


class ByWhatIsShared(LoadScopeScheduling):
    """Sends tests that share an expensive fixture to the same worker."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        if "workflow/" in path:
            return "workflow"
        return "fits" if path.endswith(tuple(f"{name}.py" for name in FITS)) else path


def pytest_xdist_make_scheduler(config, log):
    return ByWhatIsShared(config, log)


def pytest_collection_modifyitems(items):
    # The workflow takes longest, so it begins first.
    items.sort(key=lambda item: item.path.parent.name != "workflow")
