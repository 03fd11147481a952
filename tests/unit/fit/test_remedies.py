import re

import numpy as np
import pytest
from partialpool.fit.diagnostics import check, summarise
from partialpool.fit.remedies import remedies
from scipy.signal import lfilter
from xarray import Dataset, DataTree

THRESHOLDS = {"rhat": 1.01, "ess_bulk": 400, "ess_tail": 400, "pareto_k": 0.5, "acceptance": 0.3}
# As after a run of independent draws, whose own checks pass here.
TREE = DataTree()
TREE.attrs = {"sampling": "independent", "pareto_k": 0.1, "acceptance": 0.9}


@pytest.fixture
def spec(make_spec):
    return make_spec("y ~ x + (1 | id)", draws=1000, target_accept=None)


def checked(draws: np.ndarray) -> dict:
    """The checks of a parameter with these draws, (chain, draw)."""
    posterior = Dataset({"b": (("chain", "draw"), draws)})
    return check(summarise(posterior), TREE, THRESHOLDS)


def autoregressive(rng, n_draws: int) -> np.ndarray:
    """Four chains of an AR(1) process whose effective sample size is a twentieth of its draws."""
    rho = 19 / 21
    begin = rng.normal(size=(4, 1))
    moves = rng.normal(size=(4, n_draws)) * np.sqrt(1 - rho**2)
    return lfilter([1], [1, -rho], moves, axis=1, zi=rho * begin)[0]


def test_as_many_draws_as_asked_for_pass(spec):
    rng = np.random.default_rng(5)
    passed = []
    for _ in range(20):
        checks = checked(autoregressive(rng, 1000))
        assert not checks["ess_bulk"]["passed"]
        (words,) = remedies(checks, spec)
        n_draws = int(re.search(r"'draws: (\d+)'", words)[1])
        assert 2000 < n_draws < 8000
        passed.append(all(entry["passed"] for entry in checked(autoregressive(rng, n_draws)).values()))
    assert np.mean(passed) >= 0.8


def test_no_number_of_draws_is_promised_where_chains_do_not_agree(spec):
    draws = np.random.default_rng(1).normal(size=(4, 1000)) + np.array([[0.0], [0.0], [0.0], [3.0]])
    (words,) = remedies(checked(draws), spec)
    assert "chains do not agree" in words
    assert "draws:" not in words
    (words,) = remedies(checked(np.ones((4, 1000))), spec)
    assert "draws:" not in words


@pytest.mark.slow
def test_chains_of_few_independent_draws_are_not_said_to_disagree(make_spec):
    rng, rhats = np.random.default_rng(2), []
    for _ in range(20):
        posterior = Dataset({"b": (("chain", "draw", "b_dim"), rng.normal(size=(2, 40, 100)))})
        checks = check(summarise(posterior), TREE, THRESHOLDS)
        rhats.append(checks["rhat"]["value"])
        (words,) = remedies(checks, make_spec("y ~ x + (1 | id)", draws=40))
        assert "'draws: " in words
    assert max(rhats) > 1.1


def failed(*names: str) -> dict:
    return {name: {"value": 1.0, "threshold": 0.5, "passed": name not in names, "where": None} for name in names}


@pytest.mark.parametrize(("now", "then"), [(None, "0.99"), (0.95, "0.99"), (0.99, "0.999")])
def test_divergences_ask_for_smaller_steps_than_now(make_spec, now, then):
    (words,) = remedies(failed("divergences"), make_spec("y ~ x", target_accept=now))
    assert f"'target_accept: {then}'" in words


@pytest.mark.parametrize("now", [0.999, 0.9999])
def test_divergences_of_the_smallest_steps_do_not_ask_for_larger_or_the_same_ones(make_spec, now):
    (words,) = remedies(failed("divergences"), make_spec("y ~ x", target_accept=now))
    assert "target_accept" not in words
    assert "narrower priors" in words


def test_each_cause_is_told_once(spec):
    assert remedies({"rhat": {"value": 1.0, "threshold": 1.01, "passed": True, "where": "b"}}, spec) == []
    assert [words.split(":")[0] for words in remedies(failed("divergences", "ebfmi"), spec)] == [
        "Divergent transitions",
        "E-BFMI",
    ]
    (words,) = remedies(failed("pareto_k", "acceptance"), spec)
    assert "'engine: nuts'" in words
