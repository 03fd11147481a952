"""How the mean of a measurement depends on one predictor, while the others stay where they are."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from partialpool.data.notation import told_apart
from partialpool.model.families import CUMULATIVE
from partialpool.model.names import effect_terms
from partialpool.model.outcome import outcome_column, outcome_levels
from partialpool.model.parts import common_predictors
from partialpool.model.population import population
from partialpool.model.spec import ModelSpec
from partialpool.predict.linear import LinearPredictor
from partialpool.predict.means import Mean, Probabilities
from partialpool.predict.points import is_number, mean_of, typical

# Values of a predictor that is a number, from the smallest to the largest.
POINTS = 50
# Of a number that another predictor interacts with: so many standard deviations from its mean.
AWAY = (-1, 0, 1)
# Beside a model's seed: the numbers that the fit has drawn with the seed alone must not come again.
STREAM = 2


@dataclass(frozen=True)
class Conditional:
    """The conditional effect of one predictor.

    Attributes
    ----------
    predictor
        Its column.
    by
        Column of the predictor that it interacts with, that of an ordinal outcome for its levels, or None.
    table : DataFrame
        ``x``, values of the predictor; ``by``, text in order, if there is one; ``mean``, ``low``, ``high``: of the
        average unit, posterior mean and 95 % equal-tailed interval; ``new_low``, ``new_high``: 95 % interval of a new
        unit, if the model has a population of units.
    """

    predictor: str
    by: str | None
    table: pd.DataFrame


def conditional_effects(posterior, predictor: LinearPredictor, rows: pd.DataFrame) -> list[Conditional]:
    """The conditional effects of all predictors of a model, in the order of its formula.

    Parameters
    ----------
    posterior
        Dataset of a fit of a family that ``means.Mean`` knows, or of ``cumulative``.
    predictor
        Of its model.
    rows
        The model's complete cases. Predictors that stay where they are have their mean in these rows, or their first
        level.
    """
    spec, columns = predictor.spec, common_predictors(predictor.spec.formula)
    if spec.family == CUMULATIVE:
        levels = outcome_levels(spec, rows) or _levels(rows[outcome_column(spec.formula)[0]])
        return [_of_levels(posterior, predictor, rows, column, levels) for column in columns]
    rng = np.random.default_rng([spec.seed, STREAM])
    effects = []
    for column in columns:
        by = _partner(spec, rows, column, columns)
        table = _of_means(posterior, predictor, grid := _grid(spec, rows, column, by), rng)
        table.insert(0, "x", grid[column] if is_number(spec, rows, column) else _text(grid[column]))
        if by is not None:
            table.insert(1, "by", _text(grid[by]))
        effects.append(Conditional(column, by, table))
    return effects


def _partner(spec: ModelSpec, rows: pd.DataFrame, column: str, columns: list[str]) -> str | None:
    """The predictor with which a column interacts, a category rather than a number."""
    from partialpool.model.without_splines import model_description

    together = [term.var_names for term in model_description(spec.formula).common_terms]
    others = [other for other in columns if other != column and any({column, other} <= names for names in together)]
    return min(others, key=lambda other: is_number(spec, rows, other), default=None)


def _grid(spec: ModelSpec, rows: pd.DataFrame, column: str, by: str | None) -> pd.DataFrame:
    """Values of all columns of a model: one or two of them vary."""
    values = {column: _levels(rows[column])}
    if is_number(spec, rows, column):
        values[column] = list(np.linspace(rows[column].min(), rows[column].max(), POINTS))
    if by is not None:
        values[by] = _levels(rows[by])
        if is_number(spec, rows, by) and len(values[by]) > len(AWAY):
            # Not beyond the data, where a term such as log(x) may have no value.
            away = [mean_of(rows[by]) + away * rows[by].std() for away in AWAY]
            values[by] = list(np.clip(away, rows[by].min(), rows[by].max()))
    grid = pd.DataFrame(list(product(*values.values())), columns=list(values))
    grid = grid.assign(**{other: typical(spec, rows, other) for other in rows.columns if other not in values})
    categories = {name: rows[name].dtype for name in rows.columns if rows[name].dtype.kind not in "iuf"}
    return grid.astype(categories)[list(rows.columns)]


def _levels(values: pd.Series) -> list:
    """Different values in their order."""
    return list(values.cat.categories) if isinstance(values.dtype, pd.CategoricalDtype) else sorted(values.unique())


def _text(values: pd.Series) -> pd.Categorical:
    """Values as text, in their order."""
    text = told_apart(values, 3) if values.dtype.kind == "f" else [str(value) for value in values]
    return pd.Categorical(text, list(dict.fromkeys(text)))


def _of_new_unit(posterior, predictor: LinearPredictor, grid: pd.DataFrame, rng) -> np.ndarray | None:
    """What the effects of a new unit add to the linear predictor, (chain, draw, rows of ``grid``); None if nothing."""
    terms = effect_terms(posterior, predictor.spec.unit)
    if not terms:
        return None
    of_units, designs = population(posterior, terms), predictor.effects_design(grid)
    z = rng.standard_normal(of_units.sd.shape)
    effects = np.einsum("...ij,...j->...i", of_units.cholesky, z)
    columns = zip(terms, of_units.columns, strict=True)
    return sum(effects[..., places] @ designs[term.name].T for term, places in columns)


def _ends(values: np.ndarray) -> dict[str, np.ndarray]:
    """Ends of the 95 % intervals of draws, (chain, draw, n)."""
    low, high = np.quantile(values, [0.025, 0.975], axis=(0, 1))
    return {"low": low, "high": high}


def _of_means(posterior, predictor: LinearPredictor, grid: pd.DataFrame, rng) -> pd.DataFrame:
    """Means of measurements of the average unit, and of a new one, at some values of the predictors."""
    mean, eta = Mean(predictor.spec), predictor.common(posterior, grid)
    average = mean.of_unit(eta, posterior)
    numbers = {"mean": average.mean(axis=(0, 1))} | _ends(average)
    shift = _of_new_unit(posterior, predictor, grid, rng)
    if shift is not None:
        numbers |= {f"new_{end}": values for end, values in _ends(mean.of_unit(eta + shift, posterior)).items()}
    return pd.DataFrame(numbers)


def _of_levels(posterior, predictor: LinearPredictor, rows: pd.DataFrame, column: str, levels: list) -> Conditional:
    """The probability of each level of an ordinal outcome, level by level."""
    spec, grid = predictor.spec, _grid(predictor.spec, rows, column, None)
    x = grid[column] if is_number(spec, rows, column) else _text(grid[column])
    probabilities = Probabilities(spec).of_unit(predictor.common(posterior, grid), posterior)
    parts = [
        pd.DataFrame({"x": x, "by": str(level), "mean": values.mean(axis=(0, 1))} | _ends(values))
        for level, values in zip(levels, np.moveaxis(probabilities, -1, 0), strict=True)
    ]
    table = pd.concat(parts, ignore_index=True)
    outcome, _ = outcome_column(spec.formula)
    return Conditional(column, outcome, table.assign(by=pd.Categorical(table["by"], list(map(str, levels)))))
