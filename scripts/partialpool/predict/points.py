"""Which units, and which values of covariates, to predict at."""

from itertools import product

import pandas as pd

from partialpool.data.units import choose
from partialpool.errors import StudyError
from partialpool.model.formula import complete_cases
from partialpool.model.grammar import covariates
from partialpool.model.spec import ModelSpec


def points(spec: ModelSpec, data: pd.DataFrame, *, units, new_units: int | None, at: dict[str, list]) -> pd.DataFrame:
    """The units and covariate values at which to predict.

    Parameters
    ----------
    spec
        The model's spec.
    data
        Prepared data.
    units
        Observed units: ``"all"``, the number of units to draw at random, ids, or None.
    new_units
        Instead of observed units: the number of new units, which get ids of their own.
    at
        Values of covariates, crossed with each other and with units. A covariate that is not named has the values
        at which each unit was observed; of new units all are named.

    Returns
    -------
    DataFrame
        The unit's column and the model's covariates, distinct rows, units in order.

    Raises
    ------
    StudyError
        If a unit is not in the model's data, or a number is none.
    """
    rows = complete_cases(spec, data)
    unit = spec.unit
    columns = covariates(spec.formula, unit)
    for name, values in at.items():
        if text := [
            value for value in values if rows[name].dtype.kind in "iuf" and not isinstance(value, (int, float))
        ]:
            raise StudyError(f"'at': {name} takes numbers, not {', '.join(map(repr, text))}.")
    observed = list(rows[unit].cat.categories)
    if new_units is not None:
        units, grid = new_ids(observed, new_units), _grid(at)
        chosen = pd.DataFrame({unit: units}).merge(grid, how="cross")
    else:
        where = f"the data of the model {spec.formula}"
        units = choose(observed, units, seed=spec.seed, where=where)
        own = rows.loc[rows[unit].isin(units), [unit, *(c for c in columns if c not in at)]]
        chosen = own.drop_duplicates().astype({unit: str}).merge(_grid(at), how="cross")
        chosen = chosen.sort_values(unit, key=lambda ids: ids.map(observed.index), kind="stable")
    return chosen[[unit, *columns]].reset_index(drop=True)


def _grid(at: dict[str, list]) -> pd.DataFrame:
    return pd.DataFrame(list(product(*at.values())), columns=list(at)) if at else pd.DataFrame(index=[0])


def new_ids(observed: list[str], how_many: int) -> list[str]:
    """Ids for new units: numbers after the largest one, or ``new 1``, ``new 2``."""
    numbers = pd.to_numeric(pd.Series(observed), errors="coerce")
    if numbers.notna().all() and (numbers % 1 == 0).all():
        return [str(int(numbers.max()) + i) for i in range(1, how_many + 1)]
    return [f"new {i}" for i in range(1, how_many + 1)]
