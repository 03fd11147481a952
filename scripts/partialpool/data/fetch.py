"""From a URL or a path to the bytes of a file: whole, with the right checksum, or not at all."""

import logging
import re
import shutil
import signal
import stat
import time as clock
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from partialpool.data.pages import LOOKED_AT, refuse_page
from partialpool.errors import StudyError, is_full_disk
from partialpool.jobs.files import atomic, checksum


class _Failure(Exception):
    """A download that failed; ``passing`` if another attempt, at least ``after`` seconds later, may succeed."""

    def __init__(self, reason: str, *, passing: bool = False, after: float = 0.0):
        super().__init__(reason)
        self.passing = passing
        self.after = after


@dataclass(frozen=True)
class Limits:
    """How much is downloaded, and how long is tried.

    Attributes
    ----------
    max_bytes
        Largest download, compressed or not.
    timeout
        Seconds without an answer or a further byte after which an attempt is given up.
    deadline
        Seconds for the whole download with all its attempts.
    attempts
        How often a URL is asked when the failure may pass: no connection, a timeout, a body cut short, 429 or 5xx.
    wait
        Seconds before the second attempt, doubled for each further one, plus up to as many again by chance; never
        shorter than the server's ``Retry-After``.
    """

    max_bytes: int = 100_000_000
    timeout: float = 30.0
    deadline: float = 300.0
    attempts: int = 5
    wait: float = 0.5


DEFAULT = Limits()


@contextmanager
def begun(path: str | Path) -> Iterator[None]:
    """Have a file that is there while something is done, and stays if that fails."""
    Path(path).touch()
    yield
    Path(path).unlink()


def fetch(
    source: str | Path,
    destination: str | Path,
    *,
    sha256: str | None = None,
    resources: str | Path = "resources",
    limits: Limits = DEFAULT,
) -> str:
    """Bring a file to ``destination``: whole, with the right checksum, or not at all.

    A URL is not asked if ``resources`` has a file of its name with the right checksum (with any checksum, if none is
    given): that is how a machine without network runs the study. Nor is it if ``destination`` has the pinned checksum.

    Parameters
    ----------
    source
        An http or https URL, or a path.
    destination
        Where the bytes go; replaced only after they are complete and verified.
    sha256
        Checksum that the bytes must have, hexadecimal.
    resources
        Folder of files brought by hand.
    limits
        How much is downloaded, and how long is tried.

    Returns
    -------
    str
        SHA-256 of the file.

    Raises
    ------
    StudyError
        The source cannot be read or downloaded, is empty, too large, a web page, or has another checksum.
    """
    if sha256 and Path(destination).is_file() and checksum(destination) == sha256:
        Path(destination).touch()
        return sha256
    source, by_hand = str(source), Path(resources) / basename(str(source))
    local, note = _local(source, by_hand, sha256)
    with atomic(destination) as temporary:
        if local:
            _copy(local, temporary)
        else:
            try:
                _download(source, temporary, limits)
            except _Failure as failure:
                raise StudyError(_offline(source, by_hand, f"{failure}{note}")) from failure
            # Here, and not only where it is read: what is kept is not asked for again.
            with temporary.open("rb") as file:
                refuse_page(source, file.read(LOOKED_AT))
        if not temporary.stat().st_size:
            raise StudyError(f"{local or source} is empty (0 bytes).")
        actual = checksum(temporary)
        if sha256 not in (None, actual):
            raise StudyError(
                f"{source} does not have the checksum that the config pins:\n"
                f"  expected {sha256}\n  actual   {actual}{note}\n"
                "Either the file has changed at its source: look at what changed and, if you want\n"
                "it, set data.sha256 to the actual value. Or data.sha256 is wrong: correct it."
            )
    return actual


def _local(source: str, by_hand: Path, sha256: str | None) -> tuple[Path | None, str]:
    """The file to copy, None if the source must be downloaded; and why a file brought by hand cannot be used."""
    if "://" not in source:
        return Path(source), ""
    if not re.match(r"https?://", source, re.IGNORECASE):
        raise StudyError(f"data.source takes an http(s) URL or a path, not '{source}'.")
    if not by_hand.is_file():
        return None, ""
    kept = checksum(by_hand)
    if sha256 in (None, kept):
        return by_hand, ""
    return None, f"\n{by_hand} is there but was not used: its checksum is\n  {kept}"


def _offline(source: str, by_hand: Path, reason: str) -> str:
    return (
        f"Cannot download {source}\n  {reason}\nTwo ways on:\n"
        f"  1. get the file by other means, put it at {by_hand.absolute()}\n"
        "     and run again;\n"
        "  2. run the demo, which needs no network:\n"
        "     uv run snakemake --cores 4 --directory demo"
    )


def basename(url: str) -> str:
    """The name under which ``resources`` has the file of a URL: without query and folders, and never hidden."""
    path = re.split(r"[?#]", url, maxsplit=1)[0].partition("://")[2].partition("/")[2]
    name = re.sub(r"[^\w. -]", "_", PurePosixPath(unquote(path)).name).strip(". ")
    return name or "data.csv"


# Characters of a path that are shown.
_SHOWN = 300


def _copy(origin: Path, target: Path) -> None:
    try:
        # A device such as /dev/zero has no end, and a pipe no beginning.
        if not stat.S_ISREG(mode := origin.stat().st_mode) and not stat.S_ISDIR(mode):
            raise OSError("It is a device or a pipe, and no file")
        shutil.copyfile(origin, target)
    except OSError as error:
        if is_full_disk(error):
            raise
        literal = " ~ and $ are taken as they are." if str(origin).startswith(("~", "$")) else ""
        raise StudyError(
            f"Cannot copy {str(origin)[:_SHOWN]}: {error.strerror or error}.{literal}\n"
            "data.source must be a data file or the URL of one; a relative path starts at\n"
            f"  {Path.cwd()}"
        ) from error


def _download(url: str, target: Path, limits: Limits) -> None:
    import httpx
    from tenacity import (
        Retrying,
        before_sleep_log,
        retry_if_exception,
        stop_after_attempt,
        stop_before_delay,
        wait_exponential_jitter,
    )

    passing = (
        httpx.TimeoutException,
        httpx.NetworkError,
        httpx.ProxyError,
        httpx.RemoteProtocolError,  # a body shorter than its Content-Length, among others
        httpx.DecodingError,
    )
    backoff = wait_exponential_jitter(multiplier=limits.wait, max=60.0, jitter=limits.wait)
    retrying = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, _Failure) and error.passing),
        wait=lambda state: max(backoff(state), state.outcome.exception().after),
        # If the server asks for a longer wait than there is time, the download fails at once.
        stop=stop_after_attempt(limits.attempts) | stop_before_delay(limits.deadline),
        before_sleep=before_sleep_log(logging.getLogger(__name__), logging.WARNING),
        reraise=True,
    )

    def attempt(client: httpx.Client) -> None:
        try:
            with client.stream("GET", url) as response:
                _refuse_downgrade(url, response)
                _save(response, target, limits)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = f"{type(error).__name__}: {error}".rstrip(": ")
            raise _Failure(reason, passing=isinstance(error, passing)) from error

    # Uncompressed, so that Content-Length is that of the file. If a server compresses all the same, it is unpacked.
    with httpx.Client(follow_redirects=True, timeout=limits.timeout, headers={"Accept-Encoding": "identity"}) as client:
        try:
            with _at_most(limits.deadline):
                retrying(attempt, client)
        except _Failure as failure:
            tries = retrying.statistics["attempt_number"]
            raise _Failure(f"{failure} (attempts: {tries})") from failure


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """End a download after so many seconds, in the main thread, which alone has signals.

    httpx waits so long for each byte, and a server may send one now and then for ever.
    """

    def end(*_) -> None:
        raise _Failure(f"the file was not complete after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _refuse_downgrade(url: str, response) -> None:
    """Refuse an answer that came over http although https was asked: anyone on the way could have written it."""
    hops = [step.url for step in (*response.history, response)]
    if url.lower().startswith("https:") and (plain := [hop for hop in hops if hop.scheme != "https"]):
        raise _Failure(f"the server sends on to {plain[0]}, which is not https; if you trust it, write that address")


def _save(response, target: Path, limits: Limits) -> None:
    status = response.status_code
    if status != 200:
        wanted = _retry_after(response.headers.get("Retry-After", ""))
        plea = f", and asks to come back in {wanted:.0f} s" if wanted else ""
        raise _Failure(
            f"the server answered {status} {response.reason_phrase}{plea}",
            passing=status == 429 or status >= 500,
            after=wanted,
        )
    too_large = _Failure(f"the file is larger than {limits.max_bytes} bytes: is this the URL of a data file?")
    if int(response.headers.get("Content-Length", 0)) > limits.max_bytes:
        raise too_large
    with target.open("wb") as file:
        for chunk in _unpacked(response):
            if file.tell() + len(chunk) > limits.max_bytes:
                raise too_large
            file.write(chunk)


def _unpacked(response) -> Iterator[bytes]:
    """The bytes of an answer as they come, unpacked if the server compresses.

    gzip not by httpx, which takes a stream that ends too early for whole, and leaves out all parts but the first.
    """
    packed = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packed not in ("identity", "deflate", "gzip", "x-gzip"):
        # What it cannot unpack httpx takes for the file.
        raise _Failure(f"the server packed the file in a way that was not asked for ({packed})")
    if packed in ("identity", "deflate"):
        yield from response.iter_bytes()
        return
    is_gzip = zlib.MAX_WBITS | 16
    part = zlib.decompressobj(is_gzip)
    try:
        for chunk in response.iter_raw():
            while chunk:
                if part.eof:
                    part = zlib.decompressobj(is_gzip)
                yield part.decompress(chunk)
                chunk = part.unused_data
    except zlib.error as error:
        raise _Failure(f"this is no gzip, as the server says that it is ({error})", passing=True) from None
    if not part.eof:
        raise _Failure("the compressed file ends too early", passing=True)


def _retry_after(value: str) -> float:
    """Return the seconds that a Retry-After header asks for, as a number or as a date."""
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - clock.time())
    except ValueError:
        return 0.0
