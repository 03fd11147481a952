"""How surprising each unit and each measurement is, and how far estimates move without it."""

import numpy as np
import pandas as pd

from partialpool.checks.fitted import Fitted
from partialpool.checks.left_out import weights
from partialpool.fit.by_row import draws_by_row
from partialpool.loo.integrated import of_subsets
from partialpool.loo.psis import psis
from partialpool.quadrature.densities import NoQuadrature

# Units that move estimates most, and without which the model is fitted again where that takes a moment; and how many
# more at most: without pooling, weights say too much of many units.
REFITS, MORE = 3, 20
COLUMNS = [
    *("of", "label", "rows", "elpd", "pareto_k"),
    *("parameter", "mean", "mean_without", "sd", "shift", "method"),
]


def influence(fitted: Fitted) -> pd.DataFrame:
    """Units and measurements, each with the estimate that moves most without it.

    Returns
    -------
    DataFrame
        ``COLUMNS``, those that move an estimate most in front, units before measurements. ``of`` is ``unit`` or
        ``row``, ``label`` its id or row of the data, ``rows`` how many measurements it has. ``elpd`` is the log density
        that the model gives to it without having seen it, in nats. ``parameter`` is a common coefficient, a scale or a
        parameter of the family; ``shift`` is ``mean_without`` less ``mean``, in posterior standard deviations ``sd``.
        ``method`` is ``refit``, or ``importance weights``, which cannot be relied on where ``pareto_k`` is over 0.7.
    """
    posterior, of_units, of_rows = _densities(fitted)
    units = fitted.rows[fitted.spec.unit].cat.categories.astype(str).to_numpy(dtype=object)
    sizes = np.bincount(fitted.codes, minlength=len(units))
    tables = [
        _table(fitted, "unit", units, sizes, posterior, of_units),
        _table(fitted, "row", fitted.rows["row"].to_numpy(), np.ones(len(fitted.rows), int), posterior, of_rows),
    ]
    tables = [in_order(table) for table in tables]
    if fitted.matrices is not None:
        tables[0] = _refitted(fitted, tables[0])
    return pd.concat(tables, ignore_index=True)


def _densities(fitted: Fitted) -> tuple:
    """A posterior, and log densities given its draws, (chain, draw, k), of each unit and of each row.

    Where they can be integrated out, without the effects of the unit: these would move far without it.
    """
    try:
        own = fitted.integrated
        if own.model.factor != fitted.spec.unit:
            raise NoQuadrature("it is not the unit that has the effects")
        return own.posterior, own.of_units, own.of_rows
    except NoQuadrature:
        by_row = draws_by_row(fitted.tree, "log_likelihood")
        return fitted.at_rows, np.moveaxis(of_subsets(by_row, fitted.codes), 0, -1), by_row


def _table(fitted: Fitted, of: str, labels, sizes, posterior, log_density: np.ndarray) -> pd.DataFrame:
    """``influence`` by importance weights, from log densities (chain, draw, labels)."""
    pointwise = psis(log_density, labels)
    weighted, draws = (
        np.stack([one.draws(some).ravel() for one in fitted.parameters]) for some in (posterior, fitted.posterior)
    )
    without = np.concatenate([own @ weighted.T for _, own, _ in weights(log_density)])
    shifts = (without - weighted.mean(axis=1)) / weighted.std(axis=1, ddof=1)
    most = np.abs(shifts).argmax(axis=1)
    shift = shifts[np.arange(len(labels)), most]
    # The estimates are those of all draws, as every other table has them.
    mean, sd = draws.mean(axis=1), draws.std(axis=1, ddof=1)
    columns = {
        "of": of,
        "label": labels,
        "rows": sizes,
        "elpd": pointwise.elpd,
        "pareto_k": pointwise.pareto_k,
        "parameter": [fitted.parameters[i].name for i in most],
        "mean": mean[most],
        "mean_without": mean[most] + shift * sd[most],
        "sd": sd[most],
        "shift": shift,
        "method": "importance weights",
    }
    return pd.DataFrame(columns, columns=COLUMNS)


def _refitted(fitted: Fitted, table: pd.DataFrame) -> pd.DataFrame:
    """With estimates of draws without the first of the units; in front, by how much they move one, is one of these.

    A refit may move estimates less than weights say, so that another unit comes to the front: it is left out, too.
    """
    table = table.set_index("label", drop=False)
    for label in table.index[: min(REFITS, len(table) - 1)]:
        _refit_(fitted, table, label)
    for _ in range(MORE):
        table = in_order(table)
        if len(table) == 1 or table["method"].iloc[0] == "refit" or not _refit_(fitted, table, table.index[0]):
            break
    return in_order(table).reset_index(drop=True)


def _refit_(fitted: Fitted, table: pd.DataFrame, label: str) -> bool:
    """Fill in the row of a unit from draws without it, if these can be trusted; whether they can."""
    units = fitted.rows[fitted.spec.unit].astype(str).to_numpy()
    without = fitted.drawn_again(units != label)
    if fitted.base is None or without is None:
        return False
    moves = {one: _shift(one.draws(fitted.base), one.draws(without)) for one in fitted.parameters}
    one = max(moves, key=lambda parameter: abs(moves[parameter]))
    draws = one.draws(fitted.posterior)
    mean, sd = draws.mean(), draws.std(ddof=1)
    table.loc[label, COLUMNS[-6:]] = (one.name, mean, mean + moves[one] * sd, sd, moves[one], "refit")
    return True


def _shift(draws: np.ndarray, others: np.ndarray) -> float:
    return float((others.mean() - draws.mean()) / draws.std(ddof=1))


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Those in front that move an estimate most."""
    return table.sort_values("shift", key=lambda shift: -shift.abs(), kind="stable")
