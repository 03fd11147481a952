"""The examples: valid, drawn from the truths in their configs, and where one was run, its fit finds them."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest
import yaml
from partialpool.study import config

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.parents[1].name for path in (ROOT / "examples").glob("*/config/config.yaml"))
# All are within this many posterior sds: with 30 parameters or fewer that fails once in 500 data sets.
MOST_SDS = 4


@pytest.fixture(scope="module")
def simulate():
    """The script that draws them, as a module."""
    spec = importlib.util.spec_from_file_location("simulate", ROOT / "examples/simulate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def study(example):
    return config.load(yaml.safe_load((ROOT / f"examples/{example}/config/config.yaml").read_text()))


def test_every_example_is_drawn_by_the_script(simulate):
    assert set(EXAMPLES) == set(simulate.EXAMPLES)
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_data_are_drawn_from_the_truth(example, simulate, tmp_path):
    simulate.write(example, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (ROOT / f"examples/{example}/{example}.csv").read_bytes()
    assert study(example).data.source == f"{example}.csv"


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_fit_finds_the_truth(example, simulate):
    """Parameters within four posterior sds, and 95 % intervals of group-level effects that hold nearly 95 % of them."""
    from scipy.stats import binom

    results = ROOT / f"examples/{example}/results"
    if not (results / "report/report.html").exists():
        pytest.skip(f"it was not run: uv run snakemake --cores 4 --directory examples/{example}")
    ((name, truth),) = ((name, model.truth) for name, model in study(example).models.items() if model.truth)
    summary = pd.read_csv(results / f"models/{name}.summary.csv", index_col="parameter")
    _, effects = simulate.draw(example)
    assert set(summary.index) == {*truth, *effects}

    distances = (summary["mean"] - pd.Series(truth)).dropna() / summary["sd"][list(truth)]
    farthest = distances.abs().idxmax()
    print(f"{example}: largest |estimate - truth| is {abs(distances[farthest]):.2f} posterior sds ({farthest})")
    assert abs(distances[farthest]) < MOST_SDS

    intervals = summary.loc[list(effects)]
    drawn = pd.Series(effects)
    covered = int(((intervals["q2.5"] < drawn) & (drawn < intervals["q97.5"])).sum())
    print(f"{example}: 95 % intervals hold {covered} of {len(effects)} effects")
    assert covered >= binom.ppf(1e-4, len(effects), 0.95)
