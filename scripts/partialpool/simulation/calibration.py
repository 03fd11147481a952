"""Simulation-based calibration: parameters from the prior, data from them, and ranks of the former in the posterior.

If prior, likelihood and engine are what they are said to be, the rank of each parameter among independent draws of its
posterior is uniform. Ranks of parameters alone cannot tell a posterior from its prior, so the log likelihood, which
depends on the data too, has ranks as well.

References
----------
Talts, Betancourt, Simpson, Vehtari & Gelman (2018), arXiv:1804.06788; Modrák, Moon, Kim, Bürkner, Huurre, Faltejsková,
Gelman & Vehtari (2025), Bayesian Analysis 20(2), on the log likelihood and other test quantities.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from partialpool.model import parameters
from partialpool.model.parameters import Parameter
from partialpool.simulation.replicates import as_integer, seed_of

# ASSUME: of a fit's draws every tenth is independent of the one before, also of NUTS; a hundred of them are nearly as
# good as all of them, since ranks are no finer than the number of replicates.
THIN = 10
# Where a variable has more numbers than MANY, as the effects of units, so many of them are shown.
MANY, FEW = 12, 3


def replicate(engine, units: pd.Series, seed: int, number: int) -> pd.DataFrame:
    """One replicate: a truth from the prior, a fit to its data, and ranks.

    Parameters
    ----------
    engine
        From ``engine.engine_of``.
    units : (n,)
        Whose measurement each row is, categorical.
    seed, number
        Of the study, and of the replicate.

    Returns
    -------
    DataFrame
        A row for each quantity: ``quantity``, its ``truth``, ``rank`` among ``draws`` draws, ``pit`` between 0 and 1,
        which is uniform if the ranks are, and how the fit was drawn, ``sampling`` and ``divergences``.
    """
    of_truth, of_fit, of_pit = seed_of(seed, number).spawn(3)
    truth = engine.from_prior(of_truth)
    fitted = engine.fit(truth.outcome, as_integer(of_fit))
    rows = [
        (name, value, int((draws < value).sum()), draws.size) for name, value, draws in quantities(truth, fitted, units)
    ]
    table = pd.DataFrame(rows, columns=["quantity", "truth", "rank", "draws"])
    # Spread over the width of a rank, so that it is continuous and exactly uniform.
    spread = np.random.default_rng(of_pit).random(len(table))
    table["pit"] = (table["rank"] + spread) / (table["draws"] + 1)
    return table.assign(sampling=fitted.sampling, divergences=fitted.divergences)


def quantities(truth, fitted, units: pd.Series) -> Iterator[tuple[str, float, np.ndarray]]:
    """Name, true value and thinned draws of each quantity that has a rank."""
    for parameter in some(parameters.of(fitted.posterior)):
        value = truth.parameters[parameter.variable][parameter.index]
        yield parameter.name, float(value), parameter.draws(fitted.posterior)[:, ::THIN]
    of_rows = fitted.log_likelihood[:, ::THIN]
    yield "log likelihood", float(truth.log_likelihood.sum()), of_rows.sum(axis=-1)
    for unit in units.cat.categories[few(len(units.cat.categories))]:
        own = (units == unit).to_numpy()
        yield f"log likelihood[{unit}]", float(truth.log_likelihood[own].sum()), of_rows[..., own].sum(axis=-1)


def some(all_parameters: list[Parameter], *, effects: int = FEW) -> list[Parameter]:
    """Parameters without most of those of a variable that has many; ``effects`` of those of units are kept."""
    by_variable: dict[str, list[Parameter]] = {}
    for parameter in all_parameters:
        by_variable.setdefault(parameter.variable, []).append(parameter)
    kept = []
    for own in by_variable.values():
        is_group = own[0].kind == "group"
        shown = few(len(own), effects if is_group else FEW) if is_group or len(own) > MANY else range(len(own))
        kept += [own[i] for i in shown]
    return kept


def few(n: int, wanted: int = FEW) -> np.ndarray:
    """A few positions among n, evenly spaced."""
    return np.unique(np.linspace(0, n - 1, wanted).round().astype(int))
