"""The linear predictor of a model of any family, without building the model: formulae's designs times the draws."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.model.matrices import GroupLevels, evaluate, folded
from partialpool.model.names import Term, draws_of
from partialpool.model.parts import columns
from partialpool.model.spec import ModelSpec


class LinearPredictor:
    """The linear predictor of a model, at any values of its covariates.

    Parameters
    ----------
    spec
        The model's spec.
    rows
        Its complete cases: transformations such as ``scale`` and the coding of categories are theirs.
    """

    def __init__(self, spec: ModelSpec, rows: pd.DataFrame):
        self.spec, self.matrices = spec, evaluate(spec, rows)
        group = self.matrices.group.terms.values() if self.matrices.group else ()
        self.levels = {term.name: GroupLevels.of(spec, term.factor, rows) for term in group}

    def __call__(self, posterior, at: pd.DataFrame, *, without: str | None = None) -> np.ndarray:
        """Draws, (chain, draw, rows of ``at``), of the linear predictor, offsets included.

        Effects of the grouping factor ``without`` are left out.
        """
        values = self.common(posterior, at)
        for name, design in self.effects_design(at).items():
            if Term.of_name(name).grouping == without:
                continue
            levels = np.array(self.levels[name].labels, dtype=object)[self.levels[name].codes(at)]
            for column, effect in zip(design.T, _effects(posterior, Term.of_name(name), levels), strict=True):
                values += effect * column
        return values

    def require_values(self, at: pd.DataFrame) -> None:
        """Raise StudyError if a term has no finite value in a row of ``at``, or a category has an unknown level."""
        shown, common = folded(self.spec.formula, at), self.matrices.common
        terms = {name: term for name, term in common.terms.items() if term.kind != "intercept"} if common else {}
        group = self.matrices.group.terms if self.matrices.group else {}
        expressions = {Term.of_name(name).expression: term.expr for name, term in group.items()}
        for name, term in (terms | expressions).items():
            with np.errstate(all="ignore"):
                values = _known(term.eval_new_data, shown)
            if infinite := np.flatnonzero(~np.isfinite(values.reshape(len(at), -1)).all(axis=1)).tolist():
                where = " and ".join(f"{column} is {at[column].iloc[infinite[0]]}" for column in columns(name))
                raise StudyError(f"'{name}' is no finite number where {where}. Predict at other values.")
        for levels in self.levels.values():
            # Of the average unit and the population the rows have no grouping factors.
            if levels.categories.keys() <= {*at.columns}:
                _known(levels.codes, at)

    def common(self, posterior, at: pd.DataFrame) -> np.ndarray:
        """Draws, (chain, draw, rows of ``at``), of what common coefficients and offsets make of it."""
        values = np.zeros((posterior.sizes["chain"], posterior.sizes["draw"], len(at)))
        shown = folded(self.spec.formula, at)
        for term in self.matrices.common.terms.values() if self.matrices.common else ():
            design = np.asarray(term.eval_new_data(shown), dtype=float).reshape(len(at), -1)
            if term.kind == "offset":
                values += design[:, 0]
            # Families of ordered levels have thresholds in the place of an intercept, whatever the formula says.
            elif term.kind != "intercept" or term.name in posterior:
                values += draws_of(posterior, term.name) @ design.T
        return values

    def trials(self, at: pd.DataFrame) -> np.ndarray | float:
        """Trials, (rows of ``at``), of an outcome that is a number of successes; else 1."""
        if self.matrices.response is None or self.matrices.response.kind != "proportion":
            return 1.0
        # formulae asks for the successes too, and has the trials only.
        successes = {name: 0 for name in columns(self.spec.formula) if name not in at}
        return np.asarray(self.matrices.response.evaluate_new_data(at.assign(**successes)), dtype=float)

    def effects_design(self, at: pd.DataFrame) -> dict[str, np.ndarray]:
        """Columns, (rows of ``at``, effects of a level), of each term of group-level effects, by its name."""
        shown = folded(self.spec.formula, at)
        terms = self.matrices.group.terms if self.matrices.group else {}
        return {
            name: np.asarray(term.expr.eval_new_data(shown), dtype=float).reshape(len(at), -1)
            for name, term in terms.items()
        }


def _known(evaluate_at: Callable, at: pd.DataFrame) -> np.ndarray:
    """Values at some rows; StudyError for a level of a category such as ``C(x)`` that formulae does not know."""
    try:
        return np.asarray(evaluate_at(at), dtype=float)
    except ValueError as error:
        raise StudyError(f"No prediction can be made there: {error}") from None


def _effects(posterior, term: Term, levels: np.ndarray) -> np.ndarray:
    """Draws of the effects of a term, (effects of a level, chain, draw, levels): of these levels, by name."""
    values = posterior[term.name].sel({term.grouping_dim: levels})
    values = values.transpose(..., "chain", "draw", term.grouping_dim).to_numpy()
    return values.reshape(-1, *values.shape[-3:])
