import pytest


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "raw.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write
