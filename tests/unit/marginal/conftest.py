"""A quick fit."""

from dataclasses import replace

import pytest


@pytest.fixture(scope="session")
def quick(correlated, units):
    from partialpool.fit import fit as fit_module

    return fit_module.fit(replace(correlated, engine="auto"), units)
