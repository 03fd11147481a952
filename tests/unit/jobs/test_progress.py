"""Lines about sampling: few, plain, and none about what is over at once."""

import os
import pty
import subprocess
import sys

import pytest
from partialpool.fit.fit import fit
from partialpool.jobs import progress
from partialpool.jobs.progress import Chain, lines


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until it is moved."""
    now = [100.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    return now


def test_lines_are_few(clock):
    said = []
    update = lines(said.append, "m")
    for made in range(1001):
        clock[0] += 0.1
        update([Chain(made, 1000, 1), Chain(0, 1000, 0)])
    assert said[0] == "m: 5% sampled, 100 of 2000 draws with warmup, 1 of 2 chains running, 1 divergence"
    assert said[-1] == "m: 50% sampled, 1000 of 2000 draws with warmup, 0 of 2 chains running, 1 divergence"
    assert len(said) == 10


def test_nothing_is_said_of_what_is_over_at_once(clock):
    said = []
    update = lines(said.append, "m")
    for made in range(1001):
        clock[0] += 0.0015
        update([Chain(made, 1000, 0)])
    assert said == []


def test_words_are_said_now_and_then(clock):
    said = []
    update = lines(said.append, "m")
    for seconds in range(1, 26):
        clock[0] = 100.0 + seconds
        update(f"{seconds} of 25")
    assert said == ["m: 10 of 25", "m: 20 of 25"]


def test_quadrature_tells_its_progress(make_spec, units):
    spec = make_spec("flag ~ 1 + (1 | id)", "Intercept sd", family="bernoulli", draws=50, engine="auto")
    seen = []
    tree = fit(spec, units, progress=seen.append)
    assert tree.attrs["engine"] == "quadrature"
    computed = [int(line.removesuffix(" densities computed, of about 20000 or more")) for line in seen]
    assert computed == sorted(set(computed))
    # More than are kept.
    assert computed[-1] > tree["posterior"].sizes["draw"] * tree["posterior"].sizes["chain"]


def test_a_job_of_many_parts_is_told_now_and_then(clock):
    said = []
    told = progress.seldom(said.append)
    for seconds in range(1, 26):
        clock[0] = 100.0 + seconds
        told(f"part {seconds}")
    assert said == ["part 10", "part 20"]


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["nutpie", "pymc"])
def test_every_nuts_tells_its_progress(make_spec, units, sampler):
    spec = make_spec("y ~ 1", "Intercept sigma", chains=2, warmup=100, draws=50, engine="nuts", sampler=sampler)
    seen = []
    tree = fit(spec, units, progress=lambda chains: seen.append([Chain(*chain) for chain in chains]))
    assert seen[-1] == [Chain(150, 150, chain.divergences) for chain in seen[-1]]
    assert len(seen[-1]) == 2
    silent = fit(spec, units)
    assert tree["posterior"].to_dataset().identical(silent["posterior"].to_dataset())


SCRIPT = "from partialpool.jobs.job import job\nwith job('logs/rule/out.log') as say:\n    say('half of it')"


def test_lines_go_to_a_terminal_and_to_the_log(tmp_path):
    environment = os.environ | {"PYTHONPATH": os.path.dirname(os.path.dirname(os.path.dirname(progress.__file__)))}
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment, stderr=theirs, check=True)
    os.close(theirs)
    assert os.read(ours, 100).decode().splitlines() == ["half of it"]
    assert (tmp_path / "logs/rule/out.log").read_text() == "half of it\n"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, check=True
    )
    assert done.stderr == b""
    assert (tmp_path / "logs/rule/out.log").read_text() == "half of it\n"
