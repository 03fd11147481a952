import pytest

from study.editing import load


@pytest.fixture(scope="package")
def study():
    """The study that ships."""
    return load()
