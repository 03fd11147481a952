import errno
import gzip
import hashlib
import os
import shutil
import signal
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from partialpool.data.fetch import Limits, basename, begun, fetch
from partialpool.errors import StudyError

BODY = b"id,group,week,con\n6,PD,0,0.1929\n6,PD,1,0.1949\n29,PD,0,0.1594\n"
SHA = hashlib.sha256(BODY).hexdigest()


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.paths.append(self.path)
        self.server.answers[min(len(self.server.paths), len(self.server.answers)) - 1](self)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve(monkeypatch):
    """Start a server on this machine that gives the answers in turn and repeats the last."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    servers = []

    def start(*answers):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.answers, server.paths = answers, []
        server.url = f"http://127.0.0.1:{server.server_port}/data/mlm.csv"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def get(tmp_path):
    """Fetch into a fresh folder, without long waits; check that failures leave nothing there."""

    def get(source, sha256=None, **limits):
        folder = tmp_path / "results"
        limits = Limits(**{"wait": 0.001, "timeout": 2.0} | limits)
        try:
            digest = fetch(source, folder / "raw.csv", sha256=sha256, resources=tmp_path / "resources", limits=limits)
        except BaseException:
            assert files_in(folder) == []
            raise
        assert files_in(folder) == ["raw.csv"]
        content = (folder / "raw.csv").read_bytes()
        assert digest == hashlib.sha256(content).hexdigest()
        return content

    return get


def answer(status=200, body=BODY, length=True, **headers):
    def send(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), str(value))
        if length:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return send


def cut_short(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(BODY) + 10))
    handler.end_headers()
    handler.wfile.write(BODY)


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"1")
            time.sleep(0.01)
    except OSError:
        pass


def silent(handler):
    time.sleep(0.5)


def test_url_is_downloaded_and_verified(serve, get):
    server = serve(answer())
    assert get(server.url, sha256=SHA) == BODY
    assert server.paths == ["/data/mlm.csv"]


def test_passing_failures_are_retried(serve, get):
    server = serve(answer(503), cut_short, answer(429), silent, answer())
    assert get(server.url, sha256=SHA, timeout=0.2) == BODY
    assert len(server.paths) == 5


@pytest.mark.parametrize("status", [404, 403, 204])
def test_lasting_failures_are_not_retried(serve, get, status):
    server = serve(answer(status, body=b""))
    with pytest.raises(StudyError, match=f"{status}"):
        get(server.url)
    assert len(server.paths) == 1


@pytest.mark.parametrize(
    ("fault", "says"),
    [(answer(503), "503"), (cut_short, "incomplete|without sending complete"), (silent, "Timeout")],
)
def test_attempts_end(serve, get, fault, says):
    server = serve(fault)
    with pytest.raises(StudyError, match=says) as error:
        get(server.url, attempts=3, timeout=0.1)
    assert len(server.paths) == 3
    assert "attempts: 3" in str(error.value)


@pytest.mark.parametrize("date", [False, True])
def test_retry_after_is_honoured(serve, get, monkeypatch, date):
    slept = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=slept.append))
    after = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 7)) if date else 7
    assert get(serve(answer(429, Retry_After=after), answer()).url) == BODY
    assert slept == [pytest.approx(7, abs=1.5)]


def test_backoff_grows(serve, get, monkeypatch):
    slept = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=slept.append))
    with pytest.raises(StudyError):
        get(serve(answer(500)).url, wait=1.0, attempts=4)
    assert all(low <= value <= low + 1 for low, value in zip((1, 2, 4), slept, strict=True))


def test_retry_after_beyond_the_deadline_is_not_waited_for(serve, get):
    server = serve(answer(503, Retry_After="86400"))
    with pytest.raises(StudyError, match="come back in 86400 s"):
        get(server.url)
    assert len(server.paths) == 1


def dripping(handler):
    """Send header after header, and never the last."""
    with suppress(OSError):
        for byte in b"HTTP/1.0 200 OK\r\n" + b"X: y\r\n" * 500:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.01)


@pytest.mark.parametrize("fault", [endless, dripping])
def test_a_slow_answer_meets_the_deadline(serve, get, fault):
    server = serve(fault)
    with pytest.raises(StudyError, match=r"not complete after 0\.3 s \(attempts: 1\)"):
        get(server.url, deadline=0.3)
    assert len(server.paths) == 1
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_too_large_is_refused_by_header_by_bytes_and_unpacked(serve, get):
    packed = gzip.compress(b"1" * 10_000)
    for fault in (
        answer(body=b"1" * 10_000),
        answer(body=b"1" * 10_000, length=False),
        answer(body=packed, Content_Encoding="gzip"),
    ):
        server = serve(fault)
        with pytest.raises(StudyError, match="larger than 1000 bytes"):
            get(server.url, max_bytes=1000)
        assert len(server.paths) == 1
    assert len(packed) < 1000


def test_announced_size_is_refused_before_the_body_comes(serve, get):
    def announce(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000000")
        handler.end_headers()
        time.sleep(0.5)

    with pytest.raises(StudyError, match="larger than"):
        get(serve(announce).url, timeout=0.2, attempts=1)


def test_compressed_answer_is_unpacked(serve, get):
    assert get(serve(answer(body=gzip.compress(BODY), Content_Encoding="gzip")).url) == BODY


def test_broken_compression_is_retried(serve, get):
    server = serve(answer(Content_Encoding="gzip"), answer())
    assert get(server.url) == BODY


def test_an_answer_of_several_compressed_parts_is_whole(serve, get):
    packed = gzip.compress(BODY[:20]) + gzip.compress(BODY[20:])
    assert get(serve(answer(body=packed, Content_Encoding="gzip")).url) == BODY


@pytest.mark.parametrize("cut", [1, 9, 40])
def test_a_compressed_answer_that_ends_too_early_is_retried(serve, get, cut):
    server = serve(answer(body=gzip.compress(BODY)[:-cut], Content_Encoding="gzip"), answer())
    assert get(server.url) == BODY
    assert len(server.paths) == 2


@pytest.mark.parametrize("packing", ["br", "zstd", "compress"])
def test_an_answer_that_cannot_be_unpacked_is_not_kept(serve, get, packing):
    with pytest.raises(StudyError, match=rf"packed the file in a way that was not asked for \({packing}\)"):
        get(serve(answer(Content_Encoding=packing)).url)


def test_redirect_is_followed(serve, get):
    assert get(serve(answer(302, body=b"", Location="/elsewhere.csv"), answer()).url) == BODY


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_redirect_leads_to_the_web_only(serve, get, target):
    server = serve(answer(302, body=b"", Location=target))
    with pytest.raises(StudyError, match="UnsupportedProtocol"):
        get(server.url)
    assert len(server.paths) == 1


def test_redirects_end(serve, get):
    with pytest.raises(StudyError, match="TooManyRedirects"):
        get(serve(answer(302, body=b"", Location="/data/mlm.csv")).url)


def test_wrong_checksum_names_both_and_what_to_do(serve, get):
    with pytest.raises(StudyError) as error:
        get(serve(answer()).url, sha256="0" * 64)
    for part in ("0" * 64, SHA, "changed", "data.sha256"):
        assert part in str(error.value)


@pytest.mark.parametrize("sha256", [None, SHA])
@pytest.mark.parametrize(
    ("body", "says"),
    [(b"\xef\xbb\xbf\n<!DOCTYPE html><html>Sign in", "not data but a web page"), (b'{"message": "?"}', "is JSON")],
)
def test_a_page_in_the_place_of_data_is_not_kept(serve, get, tmp_path, body, says, sha256):
    # Kept, it would be read again and again, also when the server has the data.
    server = serve(answer(body=body), answer())
    with pytest.raises(StudyError, match=f"^{server.url} .*{says}"):
        get(server.url, sha256)
    assert get(server.url, sha256) == BODY


def test_empty_file_is_refused(serve, get, tmp_path):
    with pytest.raises(StudyError, match="empty"):
        get(serve(answer(body=b"")).url)
    (tmp_path / "a.csv").touch()
    with pytest.raises(StudyError, match=r"a\.csv is empty"):
        get(tmp_path / "a.csv")


def test_offline_says_both_ways_on(serve, get, tmp_path):
    server = serve(answer())
    url = server.url
    server.server_close()
    server.shutdown()
    with pytest.raises(StudyError) as error:
        get(url, attempts=2)
    assert url in str(error.value)
    assert str(tmp_path / "resources" / "mlm.csv") in str(error.value)
    assert "uv run snakemake --cores 4 --directory demo" in str(error.value)
    assert len(str(error.value).splitlines()) <= 12


def test_file_in_resources_is_used_without_network(serve, get, tmp_path):
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "mlm.csv").write_bytes(BODY)
    server = serve(answer(404))
    assert get(server.url, sha256=SHA) == BODY
    assert get(server.url) == BODY
    assert server.paths == []


def test_data_that_are_there_with_the_pinned_checksum_are_kept(tmp_path):
    """As in an archive that was unpacked: its data file stands nowhere else."""
    (tmp_path / "raw.csv").write_bytes(BODY)
    assert fetch(tmp_path / "nowhere.csv", tmp_path / "raw.csv", sha256=SHA) == SHA
    with pytest.raises(StudyError, match="Cannot copy"):
        fetch(tmp_path / "nowhere.csv", tmp_path / "raw.csv", sha256="0" * 64)
    assert (tmp_path / "raw.csv").read_bytes() == BODY


def test_wrong_file_in_resources_is_passed_over_and_named(serve, get, tmp_path):
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "mlm.csv").write_bytes(b"other")
    assert get(serve(answer()).url, sha256=SHA) == BODY
    (tmp_path / "results" / "raw.csv").unlink()
    with pytest.raises(StudyError, match="is there but was not used") as error:
        get(serve(answer(404)).url, sha256=SHA)
    assert hashlib.sha256(b"other").hexdigest() in str(error.value)


def test_interrupt_leaves_nothing(serve, get, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("partialpool.data.fetch._save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        get(serve(answer()).url)


def test_failure_keeps_the_file_of_before(serve, tmp_path):
    (tmp_path / "raw.csv").write_bytes(b"before")
    with pytest.raises(StudyError):
        fetch(serve(answer(404)).url, tmp_path / "raw.csv", resources=tmp_path / "none")
    assert files_in(tmp_path) == ["raw.csv"]
    assert (tmp_path / "raw.csv").read_bytes() == b"before"


def test_path_is_copied(get, tmp_path):
    (tmp_path / "a.csv").write_bytes(BODY)
    assert get(tmp_path / "a.csv", sha256=SHA) == BODY


def test_path_is_not_replaced_by_a_namesake_in_resources(get, tmp_path):
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "a.csv").write_bytes(b"other")
    (tmp_path / "a.csv").write_bytes(BODY)
    assert get(tmp_path / "a.csv") == BODY


def test_a_full_disk_is_not_blamed_on_the_source(get, tmp_path, monkeypatch):
    def full(origin, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "a.csv").write_text("a\n1\n")
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(StudyError, match=r"No space left on the disk for .*\n.*run the same command again"):
        get(tmp_path / "a.csv")


def test_a_home_folder_in_short_is_said_to_be_none(get):
    with pytest.raises(StudyError, match=r"Cannot copy ~/a\.csv: No such file or directory\. ~ and \$ are taken as"):
        get("~/a.csv")


def test_path_that_is_no_file(get, tmp_path):
    with pytest.raises(StudyError, match=r"none\.csv: No such file"):
        get(tmp_path / "none.csv")
    with pytest.raises(StudyError, match="Is a directory"):
        get(tmp_path)


@pytest.mark.parametrize("source", ["file:///etc/passwd", "ftp://host/a.csv", "://"])
def test_other_schemes_are_refused(get, source):
    with pytest.raises(StudyError, match="http"):
        get(source)


@pytest.mark.parametrize("source", ["http://", "http://[::1", "http://127.0.0.1:port/a.csv"])
def test_broken_url_is_a_study_error(get, source):
    with pytest.raises(StudyError, match="Cannot download"):
        get(source, attempts=1)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://host/a/mlm.csv", "mlm.csv"),
        ("https://host/a/mlm.csv?raw=1/x.csv#top", "mlm.csv"),
        ("https://host/my%20data.csv", "my data.csv"),
        ("https://host/a%2F..%2Fb.csv", "b.csv"),
        ("https://host/a/%2e%2e", "data.csv"),
        ("https://host/..%5C..%5Cx.csv", "_.._x.csv"),
        ("https://host/download/?id=3", "download"),
        ("https://host/", "data.csv"),
        ("https://host", "data.csv"),
        ("https://host?file=a.csv", "data.csv"),
    ],
)
def test_basename(url, name):
    assert basename(url) == name


def test_what_was_begun_and_failed_is_known(tmp_path):
    mark = tmp_path / "begun"
    with begun(mark):
        assert mark.exists()
    assert not mark.exists()
    with pytest.raises(StudyError), begun(mark):
        raise StudyError("The source is missing.")
    assert mark.exists()
