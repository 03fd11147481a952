"""Studies that tests change a little, and the mistakes that are told of them."""

import copy
import re
from pathlib import Path

import pytest
import yaml
from partialpool.errors import StudyError
from partialpool.study import config

ROOT = Path(__file__).parents[3]
SHIPPED = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
TRAJECTORIES = SHIPPED["figures"]["trajectories"]
# A study with nothing that can be left out.
SMALL = {
    "title": "Reading",
    "data": {"source": "reading.csv", "outcome": "score", "unit": "child"},
    "models": {"m1": {"title": "Means", "formula": "score ~ 1", "priors": {"Intercept": "Normal(0, 1)"}}},
}
SIMULATE = {
    "seed": 1,
    "units": 10,
    "waves": 3,
    "intercepts": {"A": 0.2},
    "slope": 0.1,
    "sd_intercept": 0.1,
    "sd_slope": 0.1,
    "cor": 0.5,
    "sigma": 0.1,
}
DROP = object()


def edited(changes, study=SHIPPED):
    """A copy of a study with values replaced, added or dropped; keys are paths such as `data/source`."""
    study = copy.deepcopy(study)
    for path, value in dict(changes).items():
        *parents, last = path.split("/")
        node = study
        for key in parents:
            node = node[key]
        if value is DROP:
            del node[last]
        else:
            node[last] = value
    return study


def load(changes=(), study=SHIPPED):
    return config.load(edited(changes, study))


def mistakes(changes, study=SHIPPED):
    """The lines that tell the mistakes of an edited study."""
    with pytest.raises(StudyError) as error:
        load(changes, study)
    head, *lines, tail = str(error.value).splitlines()
    counted = re.fullmatch(r"The configuration has (\d+) mistakes?:", head)
    assert int(counted[1]) == len(lines)
    assert tail == "Every key is described in config/README.md."
    return [line.strip() for line in lines]
