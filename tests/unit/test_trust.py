"""What SECURITY.md promises of the code: nothing is unpickled, evaluated, or fetched without its certificate."""

import ast
import re
import shutil
import ssl
import subprocess
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from partialpool.audit.verify import unpack
from partialpool.data.fetch import Limits, fetch
from partialpool.errors import StudyError
from partialpool.model.grammar import FUNCTIONS

ROOT = Path(__file__).parents[2]
CODE = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "scripts").rglob("*.py"))
# Calls that run, or unpickle, what a file says. `subprocess` starts programs that the code names, never a shell.
DANGEROUS = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "importlib.import_module"),
    *("pickle.load", "pickle.loads", "cloudpickle.load", "cloudpickle.loads", "joblib.load", "marshal.loads"),
    *(
        "pd.read_pickle",
        "pandas.read_pickle",
        "yaml.load",
        "yaml.unsafe_load",
        "yaml.full_load",
        "shutil.unpack_archive",
    ),
}


def calls(path: str) -> list[tuple[str, set[str | None], set[str]]]:
    """Of every call in a file: the function as it is written, and its named arguments that are on, and that are off."""
    found = []
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            off = {word.arg for word in node.keywords if ast.unparse(word.value) == "False"}
            found.append((ast.unparse(node.func), {word.arg for word in node.keywords} - off, off))
    return found


@pytest.mark.parametrize("path", CODE)
def test_nothing_is_evaluated_or_unpickled(path):
    for function, on, off in calls(path):
        assert function not in DANGEROUS, f"{path} calls {function}"
        assert not function.endswith((".extractall", ".read_pickle", ".to_pickle"))
        assert not on & {"allow_pickle", "shell"}, function
        assert "verify" not in off, function
    text = (ROOT / path).read_text(encoding="utf-8")
    assert not re.search(r"^\s*(import|from) (pickle|cloudpickle|marshal|shelve|dill)\b", text, re.MULTILINE)


def test_the_functions_that_a_formula_can_call_are_listed_in_the_docs():
    text = (ROOT / "config/README.md").read_text(encoding="utf-8")
    listed = text.partition("A formula may call these\n")[2].partition("Classes of priors")[0]
    assert set(re.findall(r"`((?:np\.)?[A-Za-z]\w*)`", listed)) == set(FUNCTIONS)


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(302 if self.server.leads_to else 200)
        if self.server.leads_to:
            self.send_header("Location", self.server.leads_to)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"a,b\n")

    def log_message(self, *_):
        pass


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Start a server on this machine, over https with a certificate that nobody signed; returns its address."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    servers = []

    def start(*, secure: bool, leads_to: str | None = None) -> str:
        server = HTTPServer(("127.0.0.1", 0), Answer)
        server.leads_to = leads_to
        if secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"{'https' if secure else 'http'}://127.0.0.1:{server.server_port}/data.csv"

    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=here -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "certificate.pem")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


LIMITS = Limits(attempts=1, timeout=5.0)


def test_a_certificate_that_nobody_signed_is_refused(serve, tmp_path, monkeypatch):
    address = serve(secure=True)
    with pytest.raises(StudyError, match=r"(?s)Cannot download https://.*certificate"):
        fetch(address, tmp_path / "out/raw.csv", limits=LIMITS)
    assert not list((tmp_path / "out").iterdir())
    # The same server, once the user trusts it.
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    fetch(address, tmp_path / "out/raw.csv", limits=LIMITS)
    assert (tmp_path / "out/raw.csv").read_bytes() == b"a,b\n"


def test_https_never_becomes_http(serve, tmp_path, monkeypatch):
    plain = serve(secure=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    with pytest.raises(StudyError, match=r"sends on to http://.*, which is not https"):
        fetch(serve(secure=True, leads_to=plain), tmp_path / "out/raw.csv", limits=LIMITS)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("name", ["../out.txt", "a/../../out.txt", "/tmp/out-of-the-archive.txt", "..\\out.txt"])
def test_an_archive_never_unpacks_outside_of_its_folder(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(name, "x")
        file.writestr("good.txt", "y")
    (tmp_path / "inside").mkdir()
    damaged = unpack(tmp_path / "a.zip", tmp_path / "inside")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "inside"]
    assert not Path("/tmp/out-of-the-archive.txt").exists()
    assert (tmp_path / "inside/good.txt").read_text() == "y"
    assert set(damaged) == ({name} if "\\" not in name else set())


def test_a_link_in_an_archive_leads_nowhere(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    unpack(tmp_path / "a.zip", tmp_path)
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").read_text() == "/etc/passwd"


def test_an_archive_that_is_larger_than_the_disk_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("partialpool.audit.verify.shutil.disk_usage", lambda _: SimpleNamespace(free=5))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("a.txt", "0" * 6)
    with pytest.raises(StudyError, match=r"unpacks to 6 bytes, and only 5 are free"):
        unpack(tmp_path / "a.zip", tmp_path / "inside")
