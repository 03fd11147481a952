"""A made-up data file, and what the command finds out about it."""

import numpy as np
import pandas as pd
import pytest
from partialpool.data.prepare import prepare
from partialpool.data.read import read
from partialpool.start import roles as start_roles
from partialpool.start.facts import Facts
from partialpool.start.roles import Roles
from partialpool.start.words import nouns

NAMES = ("score", "herd", "month", "region")


def made_up(n_units=12, n_times=5) -> pd.DataFrame:
    """Scores of herds, rising over months; the region is a herd's, the visitor's number nobody's."""
    rng = np.random.default_rng(5)
    herd = np.repeat(np.arange(n_units), n_times)
    month = np.tile(np.arange(n_times), n_units)
    score = 50 + rng.normal(0, 5, n_units)[herd] + 2 * month + rng.normal(0, 3, len(herd))
    return pd.DataFrame(
        {
            "herd": [f"H{number:02}" for number in herd],
            "month": month,
            "region": np.where(herd % 2, "north", "south"),
            "visitor": rng.integers(1, 5, len(herd)),
            "score": score.round(1),
        }
    )


@pytest.fixture
def write(tmp_path):
    """Write a table as CSV; returns its path."""

    def write(frame: pd.DataFrame, name="herds.csv"):
        path = tmp_path / name
        frame.to_csv(path, index=False)
        return path

    return write


@pytest.fixture
def settle(write):
    """Settle the roles of a table's columns."""

    def settle(frame, *columns, levels=()):
        path = write(frame)
        return start_roles.settle(read(path), Roles(*(columns or NAMES)), list(levels), path.name)

    return settle


@pytest.fixture
def facts(write):
    """Facts about a table."""

    def facts(frame, *columns, levels=()):
        path, wanted = write(frame), Roles(*(columns or NAMES))
        settled = start_roles.settle(read(path), wanted, list(levels), path.name)
        prepared = prepare(path, **settled.roles.of_config, types=settled.types, derived=settled.derive)
        return Facts(prepared, **vars(settled.roles), nouns=nouns(wanted.unit), labels=settled.labels)

    return facts
