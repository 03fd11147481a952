"""Which units, and which values of covariates, to predict at."""

from itertools import count, islice, product

import pandas as pd

from partialpool.data.units import choose
from partialpool.errors import StudyError, suggest
from partialpool.model.formula import complete_cases
from partialpool.model.matrices import behind_bars_only
from partialpool.model.parts import covariates, numeric_predictors, trials
from partialpool.model.spec import ModelSpec
from partialpool.predict.asked import Asked
from partialpool.predict.rows import rows_of_file
from partialpool.predict.summary import AVERAGE_UNIT, POPULATION

# Relative error of a mean that is nothing but rounding.
ROUNDING = 1e-12


def points(spec: ModelSpec, data: pd.DataFrame, asked: Asked) -> pd.DataFrame:
    """The units and covariate values at which to predict.

    Parameters
    ----------
    spec
        The model's spec.
    data
        Prepared data.
    asked
        Of whom and where. A covariate that is not named in ``at`` has the values at which each unit was observed; for
        the average unit and the population the mean of a number over the model's rows, the first level of a
        category, and one trial. Of new units all are named.

    Returns
    -------
    DataFrame
        The unit's column and the model's covariates. Of a grid distinct rows, units in order, and no columns that
        stand behind bars only for the average unit and the population. Of rows also ``row``, and the column ``by``.

    Raises
    ------
    StudyError
        If a unit is not in the model's data, a number is none, or a covariate has no effect.
    """
    rows = complete_cases(spec, data)
    columns = _columns(spec, asked)
    grid = asked.at | {column: values[:1] for column, values in (asked.contrast or {}).items()}
    _check(spec, rows, columns, asked)
    if asked.rows is not None:
        chosen = _rows(spec, data, rows, columns, asked)
    elif not asked.of_units:
        fixed = {name: [typical(spec, rows, name)] for name in columns if name not in grid}
        chosen = _grid({name: (grid | fixed)[name] for name in [*grid, *fixed]})
    else:
        chosen = _of_units(spec, rows, columns, asked, grid)
    if not asked.of_units:
        chosen = chosen.assign(**{spec.unit: AVERAGE_UNIT if asked.average_unit else POPULATION})
    others = [name for name in dict.fromkeys(("row", asked.by)) if name in chosen and name not in (spec.unit, *columns)]
    return chosen[[spec.unit, *columns, *others]].reset_index(drop=True)


def _columns(spec: ModelSpec, asked: Asked) -> list[str]:
    """The covariates that predictions depend on."""
    without = set() if asked.of_units else behind_bars_only(spec.formula)
    return [name for name in covariates(spec.formula, spec.unit) if name not in without]


def _check(spec: ModelSpec, rows: pd.DataFrame, columns: list[str], asked: Asked) -> None:
    """Raise StudyError if a covariate that the config names has no effect, or its values are of another type."""
    named = {"at": asked.at, "contrast": asked.contrast or {}, "slope": {asked.slope: []} if asked.slope else {}}
    for key, values_of in named.items():
        for name, values in values_of.items():
            if name not in columns:
                raise StudyError(f"'{key}' names '{name}', a grouping factor, whose effects are left out here.")
            of_numbers = rows[name].dtype.kind in "iuf"
            if text := [value for value in values if of_numbers and not isinstance(value, (int, float))]:
                raise StudyError(f"'{key}': {name} takes numbers, not {', '.join(map(repr, text))}.")
    if asked.slope and not is_number(spec, rows, asked.slope):
        raise StudyError(f"'slope': {asked.slope} is no number in the model {spec.formula}; ask for a 'contrast'.")


def is_number(spec: ModelSpec, rows: pd.DataFrame, name: str) -> bool:
    """Whether a model takes a covariate for a number, and not for a category as in ``C(x)``."""
    return name in numeric_predictors(spec.formula) and rows[name].dtype.kind in "iuf"


def typical(spec: ModelSpec, rows: pd.DataFrame, name: str):
    """The value of a covariate that the config does not name: a mean, the first level, or one trial."""
    if name in trials(spec.formula):
        return 1
    if is_number(spec, rows, name):
        return mean_of(rows[name])
    return rows[name].cat.categories[0] if isinstance(rows[name].dtype, pd.CategoricalDtype) else rows[name].min()


def mean_of(values: pd.Series) -> float:
    """The mean of numbers; that of a centred column is 0, but for rounding."""
    mean = float(values.mean())
    return 0.0 if abs(mean) < ROUNDING * values.abs().max() else mean


def _of_units(spec: ModelSpec, rows: pd.DataFrame, columns: list[str], asked: Asked, grid: dict) -> pd.DataFrame:
    """Observed or new units, at a grid."""
    unit, observed = spec.unit, list(rows[spec.unit].cat.categories)
    if asked.new_units is not None:
        return pd.DataFrame({unit: new_ids(observed, asked.new_units)}).merge(_grid(grid), how="cross")
    units = _chosen(spec, observed, asked)
    own = rows.loc[rows[unit].isin(units), [unit, *(name for name in columns if name not in grid)]]
    chosen = own.drop_duplicates().astype({unit: str}).merge(_grid(grid), how="cross")
    places = {name: place for place, name in enumerate(observed)}
    return chosen.sort_values(unit, key=lambda ids: ids.map(places), kind="stable")


def _chosen(spec: ModelSpec, observed: list[str], asked: Asked) -> list[str]:
    return choose(observed, asked.units, seed=asked.seed, where=f"the data of the model {spec.formula}")


def _rows(spec: ModelSpec, data: pd.DataFrame, rows: pd.DataFrame, columns: list[str], asked: Asked) -> pd.DataFrame:
    """Rows of the model, or of a file."""
    others = [asked.by] if asked.by is not None and asked.by not in (spec.unit, *columns, "row") else []
    if asked.rows != "observed":
        return rows_of_file(
            asked.rows, rows, unit=spec.unit if asked.of_units else None, columns=columns, others=others
        )
    if asked.of_units:
        rows = rows[rows[spec.unit].isin(_chosen(spec, list(rows[spec.unit].cat.categories), asked))]
    if others and others[0] not in data:
        raise StudyError(f"'by' names '{others[0]}', which is no column of the data.{suggest(others[0], data.columns)}")
    return rows.astype({spec.unit: str}).merge(data[["row", *(name for name in others if name not in rows)]], on="row")


def _grid(at: dict[str, list]) -> pd.DataFrame:
    return pd.DataFrame(list(product(*at.values())), columns=list(at)) if at else pd.DataFrame(index=[0])


def new_ids(observed: list[str], how_many: int) -> list[str]:
    """Ids for new units, which no observed one has: ``new 1``, ``new 2``."""
    known = set(observed)
    unused = (unit for i in count(1) if (unit := f"new {i}") not in known)
    return list(islice(unused, how_many))
