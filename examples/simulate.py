"""Draw the data of the examples from the truths in their configs: `uv run examples/simulate.py`.

The `truth` of a model has the parameters, spelled as in summaries of models. The same truths give the same bytes.
"""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml

HERE = Path(__file__).parent

Rows = list[dict[str, object]]
Effects = dict[str, float]


def herds(truth: dict[str, float], rng: np.random.Generator) -> tuple[Rows, Effects]:
    """Whether each cow of 60 herds is lame: logit(p) is linear in the cow's parity and the herd's bedding."""
    n_herds = 60
    names = [f"H{number:02d}" for number in range(1, n_herds + 1)]
    bedding = rng.permutation(np.resize(["mattress", "sand"], n_herds))
    effects = truth["sd(Intercept)"] * rng.standard_normal(n_herds)
    rows = []
    for name, bed, effect in zip(names, bedding, effects, strict=True):
        parities = rng.integers(1, 6, rng.integers(8, 19))
        eta = truth["Intercept"] + truth["parity"] * parities + truth["bedding[sand]"] * (bed == "sand") + effect
        lame = rng.random(parities.size) < 1 / (1 + np.exp(-eta))
        rows += [
            {"herd": name, "bedding": bed, "parity": parity, "lame": int(ill)}
            for parity, ill in zip(parities, lame, strict=True)
        ]
    return rows, {f"r_herd[{name},Intercept]": effect for name, effect in zip(names, effects, strict=True)}


def birds(truth: dict[str, float], rng: np.random.Generator) -> tuple[Rows, Effects]:
    """Counts at 40 sites in six years, each by one of twelve observers: log of the mean per hour is linear in year and
    farming.
    """
    n_sites, n_observers, n_years = 40, 12, 6
    sites = [f"S{number:02d}" for number in range(1, n_sites + 1)]
    observers = [f"O{number:02d}" for number in range(1, n_observers + 1)]
    farming = rng.permutation(np.resize(["conventional", "organic"], n_sites))
    of_site = truth["sd(site:Intercept)"] * rng.standard_normal(n_sites)
    of_observer = truth["sd(observer:Intercept)"] * rng.standard_normal(n_observers)
    rows = []
    for site in range(n_sites):
        for year in range(n_years):
            observer, hours = rng.integers(n_observers), rng.choice([0.5, 1.0, 1.5, 2.0])
            eta = truth["Intercept"] + truth["year"] * year + truth["farming[organic]"] * (farming[site] == "organic")
            mean = hours * np.exp(eta + of_site[site] + of_observer[observer])
            names = {"site": sites[site], "farming": farming[site], "observer": observers[observer]}
            rows.append(names | {"year": year, "hours": hours, "count": rng.poisson(mean)})
    effects = {f"r_site[{name},Intercept]": effect for name, effect in zip(sites, of_site, strict=True)}
    effects |= {f"r_observer[{name},Intercept]": effect for name, effect in zip(observers, of_observer, strict=True)}
    return rows, effects


def apples(truth: dict[str, float], rng: np.random.Generator) -> tuple[Rows, Effects]:
    """Ratings from 1 to 5 of 16 varieties by 40 tasters, each apple fresh or stored: cumulative with a logit link."""
    n_varieties, n_tasters = 16, 40
    varieties = [f"V{number:02d}" for number in range(1, n_varieties + 1)]
    tasters = [f"T{number:02d}" for number in range(1, n_tasters + 1)]
    thresholds = np.array([value for name, value in truth.items() if name.startswith("threshold")])
    of_variety = truth["sd(variety:Intercept)"] * rng.standard_normal(n_varieties)
    of_taster = truth["sd(taster:Intercept)"] * rng.standard_normal(n_tasters)
    rows = []
    for taster in range(n_tasters):
        # Nobody tastes more than twelve.
        for variety in np.sort(rng.choice(n_varieties, 12, replace=False)):
            storage = rng.choice(["fresh", "stored"])
            eta = truth["storage[stored]"] * (storage == "stored") + of_variety[variety] + of_taster[taster]
            # A rating is over k where the latent logistic value is over the threshold k.
            rating = 1 + int(np.sum(eta + rng.logistic() > thresholds))
            names = {"variety": varieties[variety], "taster": tasters[taster], "storage": storage}
            rows.append(names | {"rating": rating})
    effects = {f"r_variety[{name},Intercept]": effect for name, effect in zip(varieties, of_variety, strict=True)}
    effects |= {f"r_taster[{name},Intercept]": effect for name, effect in zip(tasters, of_taster, strict=True)}
    return rows, effects


EXAMPLES: dict[str, tuple[Callable, int]] = {"herds": (herds, 1), "birds": (birds, 2), "apples": (apples, 3)}
"""What draws each example, and its seed."""


def draw(example: str) -> tuple[Rows, Effects]:
    """Draw one example.

    Returns
    -------
    rows : list of dict
        Rows of the data file, by column.
    effects : dict
        The group-level effects that were drawn, by the names that they have in a model's summary.
    """
    config = yaml.safe_load((HERE / example / "config/config.yaml").read_text(encoding="utf-8"))
    function, seed = EXAMPLES[example]
    (truth,) = (model["truth"] for model in config["models"].values() if "truth" in model)
    return function(truth, np.random.default_rng(seed))


def write(example: str, path: str | Path) -> None:
    """Draw one example and write its rows into a CSV file."""
    rows, _ = draw(example)
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    for example in EXAMPLES:
        write(example, HERE / example / f"{example}.csv")
