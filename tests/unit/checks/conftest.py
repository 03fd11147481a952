"""Small models whose checks are known."""

import numpy as np
import pandas as pd
import pytest
from partialpool.checks.fitted import Fitted
from partialpool.fit.fit import fit
from partialpool.model.formula import complete_cases


@pytest.fixture(scope="session")
def fitted_to():
    """A fit with what its checks need."""

    def make(spec, data):
        data = data.copy()
        data.attrs["sha256"] = "0" * 64
        return Fitted(fit(spec, data), spec, data, complete_cases(spec, data))

    return make


@pytest.fixture(scope="session")
def marginal(make_spec, units, fitted_to):
    """Intercepts and slopes of units, by independent draws."""
    return fitted_to(make_spec("y ~ 1 + x + (1 + x | id)", engine="marginal", chains=4, draws=1000), units)


@pytest.fixture(scope="session")
def intercepts(make_spec, units, fitted_to):
    """Intercepts of units."""
    return fitted_to(make_spec("y ~ 1 + x + (1 | id)", "Intercept b sd sigma", engine="marginal", chains=4), units)


@pytest.fixture(scope="session")
def yes_no(make_spec, fitted_to):
    """A yes-no outcome of 20 units, which has no closed form."""
    rng = np.random.default_rng(8)
    unit, x = np.repeat(np.arange(20), 6), rng.normal(size=120)
    logit = 0.3 + 0.8 * x + 0.7 * rng.normal(size=20)[unit]
    data = pd.DataFrame({"id": unit, "x": x, "row": np.arange(120)})
    data["yes"] = (rng.random(120) < 1 / (1 + np.exp(-logit))).astype(int)
    spec = make_spec(
        "yes ~ 1 + x + (1 | id)", "Intercept b sd", family="bernoulli", engine="auto", chains=4, draws=1000
    )
    return fitted_to(spec, data)


@pytest.fixture(scope="session")
def units_alone(make_spec, fitted_to):
    """Counts of five units that have a coefficient each and nothing in common."""
    rng = np.random.default_rng(9)
    data = pd.DataFrame({"id": np.repeat(list("abcde"), 8), "n": rng.poisson(3.0, 40), "row": np.arange(40)})
    data["id"] = data["id"].astype("category")
    return fitted_to(make_spec("n ~ 0 + id", "b", family="poisson", engine="auto", draws=300), data)
