"""The checks of all models, one model after the other: each fit is read once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

import numpy as np
import pandas as pd

from partialpool.checks import influence, loo_pit, predictive, prior, sensitivity, wambs
from partialpool.checks.fitted import Fitted
from partialpool.fit import store
from partialpool.model.formula import complete_cases
from partialpool.model.spec import ModelSpec


def check(
    models: Mapping[str, Mapping],
    *,
    prepared: str,
    fits: Mapping[str, str],
    time: str | None,
    cores: int = 1,
) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Check models.

    Parameters
    ----------
    models
        By name ``spec``; ``tables``, names of those that are wanted; and ``bounds``, smallest and largest value that
        the outcome can have, None where there is none; None if nothing is known.
    prepared
        Path of the prepared data.
    fits
        Paths by model.
    time
        Column of the time of measurement, if there is one.
    cores
        Threads; no number depends on it.

    Yields
    ------
    model, name, table
        Of each model in the order of its ``tables``.
    """
    data = pd.read_parquet(prepared)
    for name, entry in models.items():
        tree = store.load(fits[name], spec=ModelSpec.from_dict(entry["spec"]), data_sha256=data.attrs["sha256"])
        spec = store.spec_of(tree)
        made = Tables(Fitted(tree, spec, data, complete_cases(spec, data), cores), time, entry["bounds"])
        for table in entry["tables"]:
            yield name, table, MAKERS[table](made)


class Tables:
    """The tables of the checks of a model; what several of them are made of is made once."""

    def __init__(self, fitted: Fitted, time: str | None, bounds: Sequence | None):
        self.fitted, self.time, self.bounds = fitted, time, bounds

    @cached_property
    def prior(self):
        """Draws from the priors."""
        return prior.draws_from_prior(self.fitted)

    @cached_property
    def data_sets(self) -> np.ndarray:
        """Data sets drawn from the prior predictive distribution."""
        return prior.prior_data_sets(self.fitted, self.prior)

    @cached_property
    def loo_pit(self) -> pd.DataFrame:
        """See ``loo_pit.loo_pit``."""
        return loo_pit.loo_pit(self.fitted)


MAKERS: Mapping[str, Callable[[Tables], pd.DataFrame]] = MappingProxyType(
    {
        "prior_predictive": lambda made: prior.prior_predictive(made.fitted, made.data_sets, made.bounds),
        "prior_posterior": lambda made: prior.prior_posterior(made.fitted, made.prior, made.data_sets),
        "predictive": lambda made: predictive.predictive(made.fitted, made.time),
        "calibration": lambda made: predictive.calibration(made.fitted),
        "loo_pit": lambda made: made.loo_pit,
        "loo_pit_curve": lambda made: loo_pit.curve(made.loo_pit["pit"].to_numpy(), seed=made.fitted.spec.seed),
        "sensitivity": lambda made: sensitivity.sensitivity(made.fitted),
        "influence": lambda made: influence.influence(made.fitted),
        "wambs": lambda made: wambs.wambs(made.fitted),
    }
)
