"""The figures of the checks of models, drawn from their tables and, for predictions of the data, from fits."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from partialpool.figures import checks, predictive
from partialpool.figures.theme import Figure
from partialpool.fit import store
from partialpool.jobs.tables import read_table
from partialpool.model.spec import ModelSpec

GROUPS = ("posterior", "posterior_predictive", "observed_data")


def figures(
    models: Mapping[str, Mapping], *, fits: Mapping[str, str], tables: Iterable[str], labels: Mapping[str, str]
) -> Iterator[tuple[str, Figure]]:
    """Draw the figures of the checks of all models.

    Parameters
    ----------
    models
        By name ``spec``, names of the ``tables`` of checks, ``kinds`` of figures, of ``KINDS``, in the order in which
        they are drawn, and what its ``outcome`` is called, which may be a function of that of the study.
    fits
        Paths by model.
    tables
        Paths of the tables, model by model.
    labels
        Labels for axes, by role (``Data.axis_labels``).

    Yields
    ------
    name, figure
        ``{kind}-{model}``.
    """
    paths = iter(tables)
    for name, entry in models.items():
        own = {table: read_table(next(paths), ("label", "unit")) for table in entry["tables"]}
        own_labels = {**labels, "outcome": entry["outcome"]}
        checked = Checked(fits[name], ModelSpec.from_dict(entry["spec"]), own, own_labels)
        for kind in entry["kinds"]:
            yield f"{kind}-{name}", KINDS[kind](checked)


@dataclass(frozen=True)
class Checked:
    """What the figures of the checks of a model are drawn from: the path of its fit, spec, tables, and labels."""

    fit: str
    spec: ModelSpec
    tables: Mapping[str, pd.DataFrame]
    labels: Mapping[str, str]


def _predictive(checked: Checked) -> Figure:
    tree = store.load(checked.fit, GROUPS, spec=checked.spec)
    tables = checked.tables["predictive"], checked.tables.get("calibration")
    return predictive.of_fit(tree, *tables, family=checked.spec.family, labels=checked.labels)


KINDS = {
    "prior": lambda checked: checks.prior(checked.tables["prior_posterior"], labels=checked.labels),
    "ppc": _predictive,
    "pit": lambda checked: checks.pit(checked.tables["loo_pit_curve"]),
    "sensitivity": lambda checked: checks.sensitivity(checked.tables["sensitivity"]),
    "influence": lambda checked: checks.influence(checked.tables["influence"], labels=checked.labels),
}
