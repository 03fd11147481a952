import gzip
import hashlib
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from partialpool.data import read as read_module
from partialpool.data.describe import describe
from partialpool.data.fetch import fetch
from partialpool.data.prepare import prepare
from partialpool.data.read import read
from partialpool.data.simulate import simulate
from partialpool.errors import StudyError

SHARED = Path(__file__).parents[3].parent / "shared"
ROLES = {"unit": "id", "outcome": "con", "time": "week", "group": "group"}
BODY = b"id,group,week,con\n6,PD,0,0.1929\n6,PD,1,0.1949\n29,PD,0,0.1594\n"
SHA = hashlib.sha256(BODY).hexdigest()

needs_shared = pytest.mark.skipif(
    not (SHARED / "data/mlm.csv").exists(), reason="the study's data are not beside the checkout"
)


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# ---------------------------------------------------------------------------------------- fetch


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

    def get(source, **options):
        folder = tmp_path / "results"
        options = {"resources": tmp_path / "resources", "wait": 0.001, "timeout": 2.0} | options
        try:
            found = fetch(source, folder / "raw.csv", **options)
        except BaseException:
            assert files_in(folder) == []
            raise
        assert files_in(folder) == ["raw.csv"]
        content = (folder / "raw.csv").read_bytes()
        assert found == hashlib.sha256(content).hexdigest()
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


def test_slow_body_meets_the_deadline(serve, get):
    started = time.monotonic()
    with pytest.raises(StudyError, match=r"not complete after 0\.3 s"):
        get(serve(endless).url, deadline=0.3)
    assert time.monotonic() - started < 3


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

    monkeypatch.setattr("partialpool.data._save", interrupt)
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
    assert fetch._basename(url) == name


# ----------------------------------------------------------------------------- read and prepare


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "raw.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_read_keeps_text_and_counts_lines(write):
    frame = read(write('\ufeffid, a ,b\r\n06,"x, y",NA\r\n 7 , ,nan\r\n\r\n'))
    assert list(frame) == ["id", "a", "b", "row"]
    assert frame["id"].tolist() == ["06", "7"]
    assert frame["a"].tolist()[0] == "x, y"
    assert frame.isna().to_numpy().tolist() == [
        [False, False, True, False],
        [False, True, True, False],
    ]
    assert frame["row"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ["is empty"]),
        (b"\n\n", ["is empty"]),
        (b"a,b\n", ["header", "no data"]),
        (b"a,b\n1,2\n\n3,4\n", ["line 3", "empty"]),
        (b"a;b\n1;2\n", ["line 1", "semicolons", "comma"]),
        (b"a\tb\n1\t2\n", ["line 1", "tabs"]),
        (b"hello\n", ["line 1", "only one column, 'hello'"]),
        (b"\n<!DOCTYPE html>\n<html>", ["web page", "<!DOCTYPE html>", "Raw"]),
        (b"a,b\n1,2\n1,2,3\n", ["line 3", "3 values", "2 columns"]),
        (b"a,b\n1\n", ["line 2", "1 values"]),
        (b"a,b,a\n1,2,3\n", ["line 1", "columns 1 and 3", "'a'"]),
        (b",b\n1,2\n", ["line 1", "column 1 has no name", "row.names"]),
        (b"a,row\n1,2\n", ["line 1", "column 2", "'row'"]),
        (b"a,b\n1,caf\xe9\n", ["line 2", "0xe9", "number 10", "UTF-8"]),
        (b'a,b\n1,"x\ny"\n', ["line 2", "several lines"]),
        (b'a,b\n1,2\n1,"x\n3,4\n', ["line 3", "quote"]),
        (b'a,b\n1,"x"y\n', ["line 2", "quote"]),
    ],
)
def test_read_refuses_what_is_not_csv(write, content, parts):
    with pytest.raises(StudyError) as error:
        read(write(content))
    for part in ["raw.csv", *parts]:
        assert part in str(error.value)


def test_read_in_blocks_is_read_at_once(write, monkeypatch):
    path = write("a,b\n" + "".join(f'"{i}", {i % 3 or "NA"} \n' for i in range(7)))
    whole = read(path)
    for block in (1, 2, 7):
        monkeypatch.setattr(read_module, "_BLOCK", block)
        pd.testing.assert_frame_equal(read(path), whole)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["1,2", "1,2", "1,2", "1"], "line 5: 1 values"),
        (["1,2,3", "1,2", "1,2", "1"], "line 2: 3 values"),
        (["1", "1,2", "1,2", "", "1,2"], "line 5: the line is empty"),
        (["1", "1,2", "1,2", '1,"x"y'], "line 5: .*expected after"),
    ],
)
def test_wrong_lines_are_named_in_every_block(write, monkeypatch, lines, says):
    monkeypatch.setattr(read_module, "_BLOCK", 2)
    with pytest.raises(StudyError, match=f"raw.csv, {says}"):
        read(write("\n".join(["a,b", *lines])))


def test_blanks_are_those_of_python(write):
    blanks = [character for character in map(chr, range(0x110000)) if character.isspace() and character not in "\r\n"]
    frame = read(write("a,b\n" + "".join(f"{blank}x{blank}y{blank},NA{blank}\n" for blank in blanks)))
    assert frame["a"].tolist() == [f"x{blank}y" for blank in blanks]
    assert frame["b"].isna().all()


GOOD = """id,group,week,con,wave,note,x,full
6,PD,0,0.1929,1,a,1.5,
6,PD,1,,2,,NA,
29,CTRL,NA,.16,1,10,-2e1,
"""


def test_prepare_gives_types_that_parquet_keeps(write, tmp_path):
    frame = prepare(write(GOOD.replace("1,,2", "1,0.2,2")), **ROLES)
    assert frame.dtypes.astype(str).to_dict() == {
        "id": "int64",
        "group": "category",
        "week": "float64",
        "con": "float64",
        "wave": "int64",
        "note": "category",
        "x": "float64",
        "full": "float64",
        "row": "int64",
    }
    assert frame["group"].cat.categories.tolist() == ["CTRL", "PD"]
    assert frame["x"].tolist()[::2] == [1.5, -20.0]
    frame.to_parquet(tmp_path / "prepared.parquet")
    pd.testing.assert_frame_equal(frame, pd.read_parquet(tmp_path / "prepared.parquet"))


def test_numbers_are_right_to_the_last_bit(write):
    drawn = np.random.default_rng(1).integers(0, 2**64, 2000, dtype="uint64").view("float64")
    texts = [repr(number) for number in drawn[np.isfinite(drawn)].tolist()]
    texts += ["1.", "+.5", "-0", "1e-999", "9007199254740993", "1." + "1" * 400]
    # Halfway between two numbers, and just beyond.
    texts += ["1.00000000000000011102230246251565404236316680908203125" + more for more in ("", "1")]
    frame = prepare(
        write("id,con\n" + "".join(f"{i % 9},{text}\n" for i, text in enumerate(texts))), unit="id", outcome="con"
    )
    expected = np.array([float(text) for text in texts])
    assert frame["con"].to_numpy().tobytes() == expected.tobytes()


def test_prepare_without_time_and_group(write):
    frame = prepare(write("id,con\n007,1\n007,2\n8,3\n"), unit="id", outcome="con")
    assert frame["id"].tolist() == ["007", "007", "8"]
    assert frame["id"].dtype == "str"
    assert frame["con"].dtype == "float64"


def test_prepare_keeps_rows_without_outcome_or_time(write):
    frame = prepare(write(GOOD + "29,CTRL,2,0.3,2,b,1,\n29,CTRL,3,0.3,2,b,1,\n"), **ROLES)
    assert frame["row"].tolist() == list(range(5))
    assert frame["con"].isna().tolist() == [False, True, False, False, False]
    assert frame["week"].isna().tolist() == [False, False, True, False, False]


def test_numeric_groups_are_categories_in_numeric_order(write):
    rows = "".join(f"{i},{g},{w},{i + w}\n" for i, g in ((1, 10), (2, 9)) for w in (0, 1))
    frame = prepare(write("id,group,week,con\n" + rows), **ROLES)
    assert frame["group"].cat.categories.tolist() == ["9", "10"]


def test_prepare_lists_all_problems_with_line_and_value(write):
    with pytest.raises(StudyError) as error:
        prepare(
            write(
                "id,group,week,con\n1,A,0,'0,19'\n".replace("'", '"')
                + "1,B,1,1.2 kg\n,A,1,inf\n2,A,2020-01-05,1e999\n3,NA,0,0.5\n3,C,0,0.5\n"
            ),
            **ROLES,
        )
    assert re.findall(r"line (\d), column (\w+): (.*)", str(error.value)) == [
        ("2", "con", "'0,19' has a comma: write 0.19 if it is a decimal comma"),
        ("3", "con", "'1.2 kg' is a number with text: write 1.2"),
        ("3", "group", "'B', but unit 1 is 'A' before"),
        ("4", "con", "'inf' is not finite"),
        ("4", "id", "is missing"),
        ("5", "con", "'1e999' is not finite"),
        ("5", "week", "'2020-01-05' is not a number (missing values are NA or empty)"),
        ("6", "group", "is missing"),
    ]
    assert "problems: 8" in str(error.value)


def test_prepare_shows_ten_problems_at_most(write):
    rows = "".join(f"{i // 2},A,{i},x{i}\n" for i in range(50))
    with pytest.raises(StudyError, match="problems: 50") as error:
        prepare(write("id,group,week,con\n" + rows), **ROLES)
    assert str(error.value).count("line ") == 10
    assert "and 40 more" in str(error.value)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("1,A,0,1\n1,A,1,2\n", "fewer than 2 units"),
        ("1,A,0,1\n1,A,1,2\n2,A,0,NA\n", "fewer than 2 units"),
        ("1,A,0,1\n2,A,1,2\n3,A,1,2\n", "nobody has 2 values of con"),
        ("1,A,0,1\n1,A,1,1.0\n2,A,1,1\n", "column con: fewer than 2 different values"),
        ("1,A,NA,1\n1,A,1,2\n2,A,1,3\n", "column week: fewer than 2 different values"),
    ],
)
def test_prepare_refuses_data_that_say_nothing(write, rows, says):
    with pytest.raises(StudyError, match=says):
        prepare(write("id,group,week,con\n" + rows), **ROLES)


@pytest.mark.parametrize(
    ("role", "column", "says"),
    [
        ("time", "weeks", "Did you mean 'week'?"),
        ("unit", "subject", "Columns: id, group, week, con"),
        ("group", "row", "data.group"),
    ],
)
def test_prepare_names_the_columns_there_are(write, role, column, says):
    with pytest.raises(StudyError) as error:
        prepare(write(GOOD), **ROLES | {role: column})
    assert f"data.{role}" in str(error.value)
    assert says in str(error.value)


# ------------------------------------------------------------------------------------- describe


@needs_shared
def test_study_is_described_as_the_lecture_prints_it():
    summary = describe(prepare(SHARED / "data/mlm.csv", **ROLES)).set_index("variable")
    assert list(summary) == ["n", "missing", "mean", "sd", "q5.5", "q94.5", "histogram"]
    assert summary["histogram"].to_dict() == {
        "id": "▁▂▂▅▇▅▃▅▂▂▂▁",
        "group": "",
        "week": "▇▃▁▂▁▅▁▁▁▁▁▁",
        "wave": "▇▇▁▂▁▁",
        "con": "▁▂▃▇▅▃▁▁▁▁",
        "dan": "▁▁▅▇▇▃▁▁",
    }
    assert summary.loc["week", ["n", "missing"]].tolist() == [216, 3]
    assert summary.loc["group", ["mean", "sd", "q5.5", "q94.5"]].isna().all()
    printed = pd.read_csv(SHARED / "published/precis.csv", index_col="variable")
    np.testing.assert_allclose(summary.loc[printed.index, list(printed)].astype(float), printed, atol=5e-8, rtol=5e-8)


def test_describe_without_values():
    frame = pd.DataFrame({"a": [np.nan, np.nan], "b": [3, 3], "row": [0, 1]})
    summary = describe(frame).set_index("variable")
    assert summary.loc["a", "histogram"] == ""
    assert summary.loc["a", ["n", "missing"]].tolist() == [0, 2]
    assert summary.loc["b", ["mean", "sd"]].tolist() == [3, 0]
    assert summary.loc["b", "histogram"] == "▇"


@pytest.mark.parametrize(
    ("values", "histogram"),  # by R 4.2.2, hist(breaks = 10) cut into 5
    [
        ([1e10, 1e10 + 1], "▇▁▁▁▁▁▁▁▁▇"),
        ([0.1, 0.2, 0.30000000000000004, 0.3], "▃▁▁▁▃▁▁▁▁▇"),
        ([1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5], "▁▂▁▃▁▅▁▇"),
    ],
)
def test_histogram_bins_as_r_does(values, histogram):
    assert describe._histogram(np.array(values, dtype=float)) == histogram


@pytest.mark.parametrize(
    ("low", "high", "first", "last", "length"),  # by R 4.2.2, pretty(n = 10, min.n = 1)
    [
        (0, 1, 0, 1, 11),
        (1, 4, 1, 4, 7),
        (0, 6, 0, 6, 13),
        (6, 229, 0, 240, 13),
        (-0.03, 0.43, -0.05, 0.45, 11),
        (3, 3, 2, 4, 2),
        (0, 0, -1, 0, 2),
        (-5, -5, -5, 0, 2),
        (1e-9, 2e-9, 1e-9, 2e-9, 11),
        (-1e6, 1e7, -1e6, 1e7, 12),
        (0.1, 0.3, 0.1, 0.3, 11),
        (99.9, 100.1, 99.9, 100.1, 11),
        (-1, 1, -1, 1, 11),
        (-7, 0, -7, 0, 15),
        (0, 7, 0, 7, 15),
        (1e10, 1e10 + 1, 1e10, 1e10 + 1, 11),
        (123456, 123457, 123456, 123457, 11),
        (0.0011, 0.0089, 0.001, 0.009, 9),
        (-2.5, 17.3, -4, 18, 12),
        (5, 6.2, 5, 6.2, 13),
        (0.5, 12.5, 0, 13, 14),
        (1000, 1000.0000001, 1000, 1000.0000001, 11),
        (0.7, 0.7, 0.5, 1, 2),
        (15, 15, 10, 20, 2),
        (1, 13, 1, 13, 13),
        (0, 1e-300, 0, 1e-300, 11),
        (1e15, 1e15 + 2, 9e14, 1e15 + 2, 2),
        (-3, 1000, -100, 1000, 12),
    ],
)
def test_pretty_is_that_of_r(low, high, first, last, length):
    np.testing.assert_allclose(
        describe._pretty(low, high, 10), np.linspace(first, last, length), rtol=1e-14, atol=1e-14 * high
    )


# ------------------------------------------------------------------------------------- simulate

PARAMETERS = {
    "seed": 1,
    "units": 91,
    "waves": 4,
    "intercepts": {"A": 0.2, "B": 0.18},
    "slope": -0.005,
    "sd_intercept": 0.05,
    "sd_slope": 0.01,
    "cor": -0.3,
    "sigma": 0.04,
    "missing_time": 3,
    "unit": "who",
    "group": "arm",
    "time": "day",
    "outcome": "y",
}
SIMULATED = {name: PARAMETERS[name] for name in ("unit", "outcome", "time", "group")}


def test_simulated_data_have_the_shape_of_a_study(tmp_path):
    frame, _ = simulate(**PARAMETERS)
    assert list(frame) == ["who", "arm", "day", "y"]
    units = frame.groupby("who")
    assert frame["who"].is_monotonic_increasing
    assert units.ngroups == 91
    assert frame["who"].between(1, 227).all()
    assert units.size().between(1, 4).all()
    assert 2 < len(frame) / 91 < 2.8
    assert (units["day"].first().dropna() == 0).all()
    assert units["day"].diff().dropna().between(1, 3).all()
    assert units.size()[frame.loc[frame["day"].isna(), "who"]].tolist() == [1, 1, 1]
    assert sorted(units["arm"].first().value_counts()) == [45, 46]

    frame.to_csv(tmp_path / "raw.csv", index=False, na_rep="NA")
    prepared = prepare(tmp_path / "raw.csv", **SIMULATED)
    assert prepared["y"].tolist() == frame["y"].tolist()
    assert prepared["day"].isna().sum() == 3


def test_simulated_truth_is_what_the_data_were_made_from():
    frame, truth = simulate(**PARAMETERS | {"sigma": 0.0, "missing_time": 0})
    value = truth.set_index("parameter")["value"]
    assert value["Intercept"] == pytest.approx(0.19, abs=2e-4)
    assert value["day"] == -0.005
    assert value[["arm[A]", "arm[B]"]].tolist() == [0.2, 0.18]
    assert value[["sd(Intercept)", "sd(day)", "cor(Intercept,day)", "sigma"]].tolist() == [
        0.05,
        0.01,
        -0.3,
        0.0,
    ]
    ours = [
        value[f"arm[{row.arm}]"]
        + value[f"r_who[{row.who},Intercept]"]
        + (value["day"] + value[f"r_who[{row.who},day]"]) * row.day
        for row in frame.itertuples()
    ]
    np.testing.assert_allclose(ours, frame["y"], atol=5.1e-5)
    assert len(value) == 8 + 2 * 91


def test_simulated_effects_follow_their_distribution():
    _, truth = simulate(**PARAMETERS | {"units": 20_000})
    value = truth.set_index("parameter")["value"]
    effects = value[value.index.str.startswith("r_")].to_numpy().reshape(2, -1)
    np.testing.assert_allclose(effects.std(axis=1), [0.05, 0.01], rtol=0.03)
    assert np.corrcoef(effects)[0, 1] == pytest.approx(-0.3, abs=0.03)


def test_simulation_is_decided_by_the_seed():
    for first, again in zip(simulate(**PARAMETERS), simulate(**PARAMETERS), strict=True):
        pd.testing.assert_frame_equal(first, again)
    other, _ = simulate(**PARAMETERS | {"seed": 2})
    assert not other.equals(simulate(**PARAMETERS)[0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("units", 1),
        ("waves", 0),
        ("intercepts", {}),
        ("sd_intercept", -0.1),
        ("sd_slope", -0.1),
        ("cor", 1.1),
        ("cor", float("nan")),
        ("sigma", -1),
        ("missing_time", 92),
    ],
)
def test_simulate_refuses_what_cannot_be(name, value):
    with pytest.raises(StudyError, match=f"data.simulate.{name}"):
        simulate(**PARAMETERS | {name: value})
