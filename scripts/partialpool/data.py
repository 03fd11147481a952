"""From a URL, a path or known parameters to a typed, checked table, and its summary."""

import csv
import io
import logging
import math
import re
import shutil
import time as clock
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from itertools import batched
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import numpy as np
import pandas as pd

from partialpool.errors import StudyError, suggest
from partialpool.files import atomic, checksum

# ASSUME: these and nothing else mean "not measured": R writes NA, pandas nothing, NumPy nan.
MISSING = frozenset({"", "NA", "NaN", "nan"})

_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
# No leading zeros: they make 007 a name. 18 digits fit in 64 bits.
_WHOLE = r"0|-?[1-9][0-9]{0,17}"
_SPARKS = np.array(list("▁▂▃▅▇"))
_SHOWN = 10
_BLOCK = 20_000


# ---------------------------------------------------------------------------------------- fetch


class _Failure(Exception):
    """A download that failed; ``passing`` if it may succeed later, ``after`` so many seconds."""

    def __init__(self, reason: str, *, passing: bool = False, after: float = 0.0):
        super().__init__(reason)
        self.passing = passing
        self.after = after


def fetch(
    source: str | Path,
    destination: str | Path,
    *,
    sha256: str | None = None,
    resources: str | Path = "resources",
    max_bytes: int = 100_000_000,
    timeout: float = 30.0,
    deadline: float = 300.0,
    attempts: int = 5,
    wait: float = 0.5,
) -> str:
    """Bring a file to ``destination``: whole, with the right checksum, or not at all.

    A URL is not asked if ``resources`` has a file of its name with the right checksum (with any
    checksum, if none is given): that is how a machine without network runs the study.

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
    max_bytes
        Largest download, compressed or not.
    timeout
        Seconds without an answer or a further byte after which an attempt is given up.
    deadline
        Seconds for the whole download with all its attempts, looked at whenever bytes arrive.
    attempts
        How often a URL is asked when the failure may pass: no connection, a timeout, a body cut
        short, 429 or 5xx.
    wait
        Seconds before the second attempt, doubled for each further one, plus up to as many again
        by chance; never shorter than the server's ``Retry-After``.

    Returns
    -------
    str
        SHA-256 of the file.

    Raises
    ------
    StudyError
        The source cannot be read or downloaded, is empty, too large, or has another checksum.
    """
    source = str(source)
    remote = "://" in source
    origin, note = Path(source), ""
    if remote:
        if not re.match(r"https?://", source, re.IGNORECASE):
            raise StudyError(f"data.source takes an http(s) URL or a path, not '{source}'.")
        origin = Path(resources) / _basename(source)
        if origin.is_file():
            kept = checksum(origin)
            remote = sha256 is not None and kept != sha256
            if remote:
                note = f"\n{origin} is there but was not used: its checksum is\n  {kept}"

    with atomic(destination) as temporary:
        if remote:
            try:
                _download(source, temporary, max_bytes, timeout, deadline, attempts, wait)
            except _Failure as failure:
                raise StudyError(
                    f"Cannot download {source}\n  {failure}{note}\nTwo ways on:\n"
                    f"  1. get the file by other means, put it at {origin.absolute()}\n"
                    "     and run again;\n"
                    "  2. run the demo, which needs no network:\n"
                    "     uv run snakemake --cores 4 --directory demo"
                ) from failure
        else:
            _copy(origin, temporary)
        if not temporary.stat().st_size:
            raise StudyError(f"{source if remote else origin} is empty (0 bytes).")
        actual = checksum(temporary)
        if sha256 not in (None, actual):
            raise StudyError(
                f"{source} does not have the checksum that the config pins:\n"
                f"  expected {sha256}\n  actual   {actual}{note}\n"
                "Either the file has changed at its source: look at what changed and, if you want\n"
                "it, set data.sha256 to the actual value. Or data.sha256 is wrong: correct it."
            )
    return actual


def _basename(url: str) -> str:
    """Return the name under which a URL's file is kept by hand; no query, no folder, no tricks."""
    path = re.split(r"[?#]", url, maxsplit=1)[0].partition("://")[2].partition("/")[2]
    name = re.sub(r"[^\w. -]", "_", PurePosixPath(unquote(path)).name).strip(". ")
    return name or "data.csv"


def _copy(origin: Path, target: Path) -> None:
    try:
        shutil.copyfile(origin, target)
    except OSError as error:
        raise StudyError(
            f"Cannot copy {origin}: {error.strerror or error}.\n"
            "data.source must be a CSV file or the URL of one; a relative path starts at\n"
            f"  {Path.cwd()}"
        ) from error


def _download(url, target, max_bytes, timeout, deadline, attempts, wait) -> None:
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
    ends = clock.monotonic() + deadline
    backoff = wait_exponential_jitter(multiplier=wait, max=60.0, jitter=wait)
    retrying = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, _Failure) and error.passing),
        wait=lambda state: max(backoff(state), state.outcome.exception().after),
        # A server that asks for more patience than there is time is not waited for at all.
        stop=stop_after_attempt(attempts) | stop_before_delay(deadline),
        before_sleep=before_sleep_log(logging.getLogger(__name__), logging.WARNING),
        reraise=True,
    )

    def attempt(client: httpx.Client) -> None:
        try:
            with client.stream("GET", url) as response:
                _save(response, target, max_bytes, ends, deadline)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = f"{type(error).__name__}: {error}".rstrip(": ")
            raise _Failure(reason, passing=isinstance(error, passing)) from error

    # Uncompressed, so that Content-Length is the file's; a server that compresses all the same
    # is understood.
    with httpx.Client(follow_redirects=True, timeout=timeout, headers={"Accept-Encoding": "identity"}) as client:
        try:
            retrying(attempt, client)
        except _Failure as failure:
            tries = retrying.statistics["attempt_number"]
            raise _Failure(f"{failure} (attempts: {tries})") from failure


def _save(response, target: Path, max_bytes: int, ends: float, deadline: float) -> None:
    status = response.status_code
    if status != 200:
        wanted = _retry_after(response.headers.get("Retry-After", ""))
        plea = f", and asks to come back in {wanted:.0f} s" if wanted else ""
        raise _Failure(
            f"the server answered {status} {response.reason_phrase}{plea}",
            passing=status == 429 or status >= 500,
            after=wanted,
        )
    too_large = _Failure(f"the file is larger than {max_bytes} bytes: is this the URL of a CSV?")
    if int(response.headers.get("Content-Length", 0)) > max_bytes:
        raise too_large
    with target.open("wb") as file:
        for chunk in response.iter_bytes():
            if clock.monotonic() > ends:
                raise _Failure(f"the file was not complete after {deadline:g} s")
            if file.tell() + len(chunk) > max_bytes:
                raise too_large
            file.write(chunk)


def _retry_after(value: str) -> float:
    """Return the seconds that a Retry-After header asks for, as a number or as a date."""
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - clock.time())
    except ValueError:
        return 0.0


# ----------------------------------------------------------------------------- read and prepare


def read(path: str | Path) -> pd.DataFrame:
    """Read a CSV file strictly, every value as the text that it is.

    Fields are separated by commas, lines have one record each, the first has the names; the text
    is UTF-8, with or without a byte order mark. Blanks around a value mean nothing. Missing are
    an empty field, ``NA``, ``NaN`` and ``nan``.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    DataFrame
        One row per data line, all columns ``str``; then ``row`` (int64), the data line counted
        from 0, so that row ``r`` stands in line ``r + 2`` of the file.

    Raises
    ------
    StudyError
        The file is not such a CSV; the message says in which line and what to do.
    """
    content = Path(path).read_bytes()
    try:
        start = content.decode("utf-8-sig").lstrip()[:40].strip()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise StudyError(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} (number {error.start + 1} of "
            "the file) is not UTF-8.\nSave the file as CSV with encoding UTF-8."
        ) from None
    if start.startswith("<"):
        raise StudyError(
            f"{path} is not CSV but a web page: it starts with '{start}'.\n"
            "data.source must be the address of the file itself (on GitHub: the 'Raw' button)."
        )

    records = _records(path, content)
    header = [name.strip() for name in next(records)]
    parts, uneven = [], None
    # In blocks, since a list for each line takes many times the memory of the columns.
    for block in batched(records, _BLOCK):
        lengths = enumerate(map(len, block), start=2 + len(parts) * _BLOCK)
        uneven = uneven or next(((line, length) for line, length in lengths if length != len(header)), None)
        if not uneven:
            parts.append(pd.DataFrame(dict(enumerate(map(_text, zip(*block, strict=True))))))
    _check_header(path, header)
    if uneven:
        raise StudyError(
            f"{path}, line {uneven[0]}: {uneven[1]} values, but the header has {len(header)} "
            f"columns ({_listing(header)}).\n"
            "Is there a decimal comma, or a comma in text without quotes?"
        )
    if not parts:
        raise StudyError(f"{path} has a header (line 1) but no data.")
    frame = pd.concat(parts, ignore_index=True).set_axis(header, axis="columns")
    frame["row"] = np.arange(len(frame))
    return frame


def _records(path, content: bytes) -> Iterator[list[str]]:
    """Split the file into records, so that record i is line i + 1."""
    text = io.TextIOWrapper(io.BytesIO(content.rstrip(b"\r\n")), encoding="utf-8-sig", newline="")
    reader = csv.reader(text, strict=True, skipinitialspace=True)
    line = 1
    try:
        for record in reader:
            if not record:
                raise csv.Error("the line is empty")
            if reader.line_num > line:
                raise csv.Error("a field in quotes runs over several lines")
            yield record
            line += 1
    except csv.Error as error:
        raise StudyError(
            f"{path}, line {line}: {error}.\nEvery line must be one record, and every quote be closed in its line."
        ) from None
    if line == 1:
        raise StudyError(f"{path} is empty.")


def _text(values: tuple[str, ...]) -> pd.Series:
    text = pd.Series(values, dtype="str").str.strip()
    return text.mask(text.isin(MISSING))


def _check_header(path, header: list[str]) -> None:
    if len(header) == 1:
        other = {";": "semicolons", "\t": "tabs", "|": "bars"}
        found = [name for mark, name in other.items() if mark in header[0]]
        raise StudyError(
            f"{path}, line 1: there is only one column, '{_short(header[0])}'"
            + (f", separated by {found[0]}" if found else "")
            + ".\nThe separator must be a comma (in R: write.csv, not write.csv2)."
        )
    for number, name in enumerate(header, start=1):
        if not name:
            raise StudyError(
                f"{path}, line 1: column {number} has no name.\n"
                "Name it, or leave it out (in R: write.csv(..., row.names = FALSE))."
            )
        if name in header[: number - 1]:
            raise StudyError(
                f"{path}, line 1: columns {header.index(name) + 1} and {number} are both called '{name}'.\nRename one."
            )
        if name == "row":
            raise StudyError(
                f"{path}, line 1: column {number} is called 'row', the name that results use for\n"
                "the number of a data line. Rename it."
            )


def prepare(
    path: str | Path,
    *,
    person: str,
    outcome: str,
    time: str | None = None,
    group: str | None = None,
) -> pd.DataFrame:
    """Read a CSV file and give every column its type, or list what is wrong with it.

    Parameters
    ----------
    path
        The file, as `read` takes it.
    person
        Column that says whose measurement a row is; never missing.
    outcome
        Column of the measurements; numbers, some may be missing.
    time
        Column of the time of measurement; numbers, some may be missing.
    group
        Column of the group a person is in; never missing, the same in all rows of a person.

    Returns
    -------
    DataFrame
        All rows and columns of the file in their order: ``person`` int64 if all its values are
        whole numbers, else str; ``outcome`` and ``time`` float64; ``group`` category; any other
        column int64 or float64 if all its values are numbers, else category. Categories are
        sorted. Last ``row`` (int64), the data line counted from 0. Parquet keeps all of it.

    Raises
    ------
    StudyError
        A column is not in the file, or values do not fit; all problems at once, ten shown.

    Notes
    -----
    Rows without an outcome or a time stay: which rows a model uses is for each model to say.
    """
    frame = read(path)
    roles = {"person": person, "outcome": outcome, "time": time, "group": group}
    columns = [column for column in frame if column != "row"]
    for role, column in roles.items():
        if column is not None and column not in columns:
            raise StudyError(
                f"data.{role}: {path} has no column '{column}'.{suggest(column, columns)}\n"
                f"Columns: {_listing(columns)}."
            )
    _validate(frame, path, **roles)
    role_of = {column: role for role, column in roles.items()}
    for column in columns:
        frame[column] = _typed(frame[column], role_of.get(column))
    return frame


def _typed(text: pd.Series, role: str | None) -> pd.Series:
    if role in ("outcome", "time"):
        return _numbers(text)
    if role != "group" and text.str.fullmatch(_WHOLE).all():
        return text.astype("int64[pyarrow]").astype("int64")
    if role == "person":
        return text
    if role is None and (numbers := _numbers(text)).notna().equals(text.notna()):
        return numbers
    levels = text.dropna().drop_duplicates()
    levels = levels.sort_values(key=_numbers if _numbers(levels).notna().all() else None)
    # A list, since the name of a series would become that of the categories, and Parquet lose it.
    return text.astype(pd.CategoricalDtype(levels.tolist()))


def _numbers(text: pd.Series) -> pd.Series:
    """Return the finite numbers, NaN where there is something else."""
    # Arrow's parser and not pandas', which may be wrong in the last bit.
    numbers = text.where(text.str.fullmatch(_NUMBER)).astype("double[pyarrow]").astype("float64")
    return numbers.where(np.isfinite(numbers))


def _validate(frame: pd.DataFrame, path, person, outcome, time, group) -> None:
    import pandera.pandas as pa

    numeric = [column for column in (outcome, time) if column]
    measured = frame.loc[frame[outcome].notna(), person]
    number = pa.Check(lambda text: _numbers(text).notna(), error="number")
    columns = {column: pa.Column(checks=number, nullable=True) for column in numeric}
    columns[person] = pa.Column(nullable=False)
    if group:
        # ASSUME: a group is a trait of the person; what changes within a person is no group.
        first = frame.groupby(person, sort=False)[group].transform("first").fillna(frame[group])
        same = pa.Check(lambda text: text == first[text.index], error="same")
        columns[group] = pa.Column(checks=same, nullable=False)
    enough = {
        f"column {person}: fewer than 2 people have a value of {outcome}": measured.nunique() >= 2,
        f"column {person}: nobody has 2 values of {outcome}; is this the person's column, and "
        "is there a line for each measurement?": measured.duplicated().any(),
    } | {
        # Text that is no number counts as a value here: it is a problem of its own.
        f"column {column}: fewer than 2 different values": (
            numbers.nunique() + frame.loc[numbers.isna(), column].nunique() >= 2
        )
        for column in numeric
        for numbers in [_numbers(frame[column])]
    }
    whole = [pa.Check(lambda _, ok=bool(ok): ok, error=error) for error, ok in enough.items()]
    try:
        pa.DataFrameSchema(columns, checks=whole).validate(frame, lazy=True)
        return
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases.sort_values("index", na_position="first", kind="stable")

    def problem(case: dict) -> str:
        row, value = case["index"], case["failure_case"]
        if case["schema_context"] == "DataFrameSchema":
            return case["check"]
        if case["check"] == "not_nullable":
            says = "is missing"
        elif case["check"] == "same":
            who = frame.loc[row, person]
            says = f"'{_short(value)}', but person {who} is '{_short(first[row])}' before"
        else:
            says = f"'{_short(value)}' {_not_a_number(value)}"
        return f"line {row + 2}, column {case['column']}: {says}"

    problems = [problem(case) for case in cases.head(_SHOWN).to_dict("records")]
    more = len(cases) - _SHOWN
    raise StudyError(
        f"{path} does not fit the study; problems: {len(cases)}\n  "
        + "\n  ".join(problems + ([f"and {more} more"] if more > 0 else []))
        + "\nMend the file, or name other columns "
        "(data.person, data.outcome, data.time, data.group)."
    )


def _not_a_number(value: str) -> str:
    if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", value):
        return f"has a comma: write {value.replace(',', '.')} if it is a decimal comma"
    if re.fullmatch(r"[+-]?(inf|infinity)", value, re.IGNORECASE) or re.fullmatch(_NUMBER, value):
        return "is not finite"
    if found := re.fullmatch(rf"({_NUMBER})\s*[A-Za-zµ°%]+", value):
        return f"is a number with text: write {found[1]}"
    return "is not a number (missing values are NA or empty)"


def _short(value: str, width: int = 40) -> str:
    return value if len(value) <= width else value[: width - 1] + "…"


def _listing(names: list[str], shown: int = 30) -> str:
    more = [f"and {len(names) - shown} more"] if len(names) > shown else []
    return ", ".join([_short(name) for name in names[:shown]] + more)


# ------------------------------------------------------------------------------------- describe


def describe(frame: pd.DataFrame) -> pd.DataFrame:
    """Summarise every column of prepared data, as R's ``rethinking::precis`` does [1]_.

    Parameters
    ----------
    frame
        Prepared data, from `prepare`.

    Returns
    -------
    DataFrame
        One row per column of ``frame`` but ``row``: ``variable``, ``n`` and ``missing`` (numbers
        of rows with and without a value), ``mean``, ``sd`` (divisor n - 1), ``q5.5`` and
        ``q94.5`` (linear interpolation, R's type 7), ``histogram`` (text of block characters).
        For columns that are not numbers the numbers are NaN and the histogram is empty.

    References
    ----------
    .. [1] McElreath, R. (2020). Statistical Rethinking, 2nd ed. CRC Press.
    """
    rows = []
    for variable, column in frame.drop(columns="row").items():
        numeric = pd.api.types.is_numeric_dtype(column)
        values = column.dropna() if numeric else pd.Series(dtype="float64")
        rows.append(
            {
                "variable": variable,
                "n": column.count(),
                "missing": column.isna().sum(),
                "mean": values.mean(),
                "sd": values.std(),
                "q5.5": values.quantile(0.055),
                "q94.5": values.quantile(0.945),
                "histogram": _histogram(values.to_numpy(dtype="float64")),
            }
        )
    return pd.DataFrame(rows)


def _histogram(values: np.ndarray) -> str:
    """Draw counts as blocks: R's ``hist(values, breaks = 10)``, a fifth of the largest a step."""
    if not values.size:
        return ""
    breaks = _pretty(values.min(), values.max(), 10)
    # Bins are right-closed; like R, take a value that misses its break by rounding as on it.
    inner = breaks[1:-1] + 1e-7 * (breaks[1] - breaks[0])
    counts = np.bincount(np.searchsorted(inner, values), minlength=inner.size + 1)
    steps = np.linspace(0, 1, len(_SPARKS) + 1)[1:]
    return "".join(_SPARKS[np.searchsorted(steps, counts / counts.max())])


def _pretty(low: float, high: float, n: int) -> np.ndarray:
    """Return about n + 1 equally spaced round numbers over [low, high]: R's pretty, min.n = 1."""
    bias, bias_of_5, tolerance = 1.5, 0.5 + 1.5 * 1.5, 1e-10
    cell = max(abs(low), abs(high))
    if cell == 0:
        cell = 0.75
    elif high - low < cell * (1 + 1 / (1 + bias)) * n * np.finfo(float).eps * 3:
        cell = 0.75 * (9 + cell / 10 if cell > 10 else cell)
    else:
        cell = (high - low) / n
    base = unit = 10.0 ** math.floor(math.log10(cell))
    for candidate, weight in ((2 * base, bias), (5 * base, bias_of_5), (10 * base, bias)):
        if candidate - cell >= weight * (cell - unit):
            break
        unit = candidate

    first = math.floor(low / unit + tolerance)
    last = math.ceil(high / unit - tolerance)
    while first * unit > low + tolerance * unit:
        first -= 1
    while last * unit < high - tolerance * unit:
        last += 1
    if first == last:  # a single number gets a bin, towards zero
        first, last = (first, last + 1) if first < 0 else (first - 1, last)
    breaks = np.linspace(min(first * unit, low), max(last * unit, high), last - first + 1)
    return np.where(np.abs(breaks) < 1e-14 * unit, 0.0, breaks)


# ------------------------------------------------------------------------------------- simulate


def simulate(
    *,
    seed: int,
    people: int,
    waves: int,
    intercepts: dict[str, float],
    slope: float,
    sd_intercept: float,
    sd_slope: float,
    cor: float,
    sigma: float,
    missing_time: int,
    person: str,
    group: str,
    time: str,
    outcome: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw measurements of many people from a growth model with known parameters.

    ``outcome = intercepts[group] + u0 + (slope + u1) * time + e``, where ``u0`` and ``u1`` are
    normal with standard deviations ``sd_intercept`` and ``sd_slope`` and correlation ``cor``, one
    pair for each person, and ``e`` is normal with standard deviation ``sigma``.

    Parameters
    ----------
    seed
        The same seed gives the same data.
    people
        How many people; their ids are spread over 1 to 2.5 times as many.
    waves
        Largest number of measurements of a person, each of whom has 1 to so many.
    intercepts
        Mean of the outcome at time 0 in each group; people are spread evenly over groups.
    slope
        Mean change of the outcome per unit of time.
    sd_intercept, sd_slope
        Standard deviations of people's intercepts and slopes around these means.
    cor
        Correlation of people's intercepts and slopes.
    sigma
        Standard deviation of a measurement around its person's line.
    missing_time
        How many people have one measurement and no time of it.
    person, group, time, outcome
        Names of the columns.

    Returns
    -------
    frame : DataFrame
        Columns ``person`` (int64, sorted), ``group`` (str), ``time`` (Int64: 0 first, then
        irregular steps of 1 to 3), ``outcome`` (float64, 4 decimals); as a CSV, `prepare` takes it.
    truth : DataFrame
        Columns ``parameter`` and ``value``, parameters spelled as in summaries of models:
        ``Intercept`` (average person), ``time``, ``group[LEVEL]`` (intercepts), ``sd(Intercept)``,
        ``sd(time)``, ``cor(Intercept,time)``, ``sigma``, and for each person
        ``r_person[ID,Intercept]`` and ``r_person[ID,time]``, deviations from the group's
        intercept and from the slope.

    Raises
    ------
    StudyError
        A parameter is out of its range.
    """
    for name, value, valid, range_ in (
        ("people", people, people >= 2, "at least 2"),
        ("waves", waves, waves >= 1, "at least 1"),
        ("intercepts", intercepts, len(intercepts) >= 1, "one number for each group"),
        ("sd_intercept", sd_intercept, sd_intercept >= 0, "at least 0"),
        ("sd_slope", sd_slope, sd_slope >= 0, "at least 0"),
        ("cor", cor, -1 <= cor <= 1, "between -1 and 1"),
        ("sigma", sigma, sigma >= 0, "at least 0"),
        ("missing_time", missing_time, 0 <= missing_time <= people, f"between 0 and {people}"),
    ):
        if not valid:
            raise StudyError(f"data.simulate.{name}: {value} is out of range; it must be {range_}.")

    rng = np.random.default_rng(seed)
    ids = np.sort(rng.choice(np.arange(1, int(2.5 * people) + 1), people, replace=False))
    groups = rng.permutation(np.resize(list(intercepts), people))
    means = np.array([intercepts[level] for level in groups])
    z = rng.standard_normal((2, people))
    u0 = sd_intercept * z[0]
    u1 = sd_slope * (cor * z[0] + math.sqrt(1 - cor**2) * z[1])

    # ASSUME: of every wave after the first a person takes part in about half, whoever they are.
    counts = 1 + rng.binomial(waves - 1, 0.47, people)
    untimed = rng.choice(people, missing_time, replace=False)
    counts[untimed] = 1
    who = np.repeat(np.arange(people), counts)
    steps = rng.integers(1, 4, who.size)
    steps[np.cumsum(counts) - counts] = 0
    times = pd.Series(steps).groupby(who).cumsum()
    e = sigma * rng.standard_normal(who.size)
    # ASSUME: a measurement without a time is a first one whose time was not written down.
    values = means[who] + u0[who] + (slope + u1[who]) * times + e

    frame = pd.DataFrame(
        {
            person: ids[who],
            group: groups[who],
            time: times.astype("Int64").mask(np.isin(who, untimed)),
            outcome: values.round(4),
        }
    )
    truth = {
        "Intercept": means.mean(),
        time: slope,
        **{f"{group}[{level}]": mean for level, mean in intercepts.items()},
        "sd(Intercept)": sd_intercept,
        f"sd({time})": sd_slope,
        f"cor(Intercept,{time})": cor,
        "sigma": sigma,
        **{f"r_{person}[{i},Intercept]": u for i, u in zip(ids, u0, strict=True)},
        **{f"r_{person}[{i},{time}]": u for i, u in zip(ids, u1, strict=True)},
    }
    return frame, pd.DataFrame(truth.items(), columns=["parameter", "value"])
