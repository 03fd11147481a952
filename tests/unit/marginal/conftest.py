"""Units whose likelihood is known by dense algebra, and a quick fit."""

from dataclasses import replace

import pytest
from dense import UNITS, Dense


@pytest.fixture(scope="session", params=[(q, p, name) for q in (1, 2, 3) for p in (1, 4) for name in UNITS], ids=str)
def dense(request):
    q, p, name = request.param
    return Dense(20, UNITS[name], q, p)


@pytest.fixture(scope="session")
def quick(correlated, units):
    from partialpool.fit import fit as fit_module

    return fit_module.fit(replace(correlated, engine="auto"), units)
