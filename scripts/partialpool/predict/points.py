"""Which units, and which values of covariates, to predict at."""

from itertools import product

import pandas as pd

from partialpool.data.units import choose
from partialpool.errors import StudyError, suggest
from partialpool.model import formula
from partialpool.model.formula import complete_cases
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
        at which each unit was observed.

    Returns
    -------
    DataFrame
        The unit's column and the model's covariates, distinct rows, units in order.

    Raises
    ------
    StudyError
        If a unit is not in the model's data, a covariate is unknown, or one of new units has no value.
    """
    rows = complete_cases(spec, data)
    unit = spec.unit
    covariates = [name for name in formula.covariates(spec.formula) if name != unit]
    for name, values in at.items():
        if name not in covariates:
            raise StudyError(
                f"'at' names '{name}', which the model {spec.formula} does not use.{suggest(name, covariates)} "
                f"Its covariates: {', '.join(covariates) or 'none'}."
            )
        if text := [
            value for value in values if rows[name].dtype.kind in "iuf" and not isinstance(value, (int, float))
        ]:
            raise StudyError(f"'at': {name} takes numbers, not {', '.join(map(repr, text))}.")
    observed = list(rows[unit].cat.categories)
    if new_units is not None:
        if missing := [name for name in covariates if name not in at]:
            raise StudyError(
                f"New units have no observed values of {', '.join(missing)}; write them under 'at', for example "
                f"at: {{{missing[0]}: [...]}}."
            )
        units, grid = new_ids(observed, new_units), _grid(at)
        chosen = pd.DataFrame({unit: units}).merge(grid, how="cross")
    else:
        where = f"the data of the model {spec.formula}"
        units = choose(observed, units, seed=spec.seed, where=where)
        own = rows.loc[rows[unit].isin(units), [unit, *(c for c in covariates if c not in at)]]
        chosen = own.drop_duplicates().astype({unit: str}).merge(_grid(at), how="cross")
        chosen = chosen.sort_values(unit, key=lambda ids: ids.map(observed.index), kind="stable")
    return chosen[[unit, *covariates]].reset_index(drop=True)


def _grid(at: dict[str, list]) -> pd.DataFrame:
    return pd.DataFrame(list(product(*at.values())), columns=list(at)) if at else pd.DataFrame(index=[0])


def new_ids(observed: list[str], how_many: int) -> list[str]:
    """Ids for new units: numbers after the largest one, or ``new 1``, ``new 2``."""
    numbers = pd.to_numeric(pd.Series(observed), errors="coerce")
    if numbers.notna().all() and (numbers % 1 == 0).all():
        return [str(int(numbers.max()) + i) for i in range(1, how_many + 1)]
    return [f"new {i}" for i in range(1, how_many + 1)]
