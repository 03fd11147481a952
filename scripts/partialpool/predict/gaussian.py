"""Expected and predicted values of Gaussian models, without building the model: formulae's designs times the draws."""

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.marginal.design import FUNCTIONS, SPECIAL_OUTCOMES, only_groups
from partialpool.model.names import Term
from partialpool.model.spec import ModelSpec


def is_gaussian(spec: ModelSpec) -> bool:
    """Whether a model's measurements are normal around its linear predictor."""
    outcome = spec.formula.partition("~")[0].strip()
    return (
        spec.family == "gaussian"
        and spec.link in (None, "identity")
        and outcome.partition("(")[0] not in SPECIAL_OUTCOMES
    )


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
        from formulae import design_matrices

        self.spec = spec
        # formulae makes a column of each unit, of which there may be many. Where a column stands behind bars only, its
        # levels are looked up in the posterior instead.
        self.behind_bars = [column for column in rows.columns if only_groups(spec.formula, column)]
        try:
            with np.errstate(all="ignore"):
                self.matrices = design_matrices(
                    spec.formula, self._fold(rows), na_action="error", extra_namespace=FUNCTIONS
                )
        except Exception as error:  # formulae raises its own and builtin exceptions alike
            raise StudyError(f"formula '{spec.formula}', family '{spec.family}': {error}") from None

    def _fold(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(**dict.fromkeys(self.behind_bars, pd.Categorical(["all"] * len(rows))))

    def __call__(self, posterior, at: pd.DataFrame) -> np.ndarray:
        """Draws, (chain, draw, rows of ``at``), of the linear predictor, offsets included."""
        values = np.zeros((posterior.sizes["chain"], posterior.sizes["draw"], len(at)))
        folded = self._fold(at)
        if self.matrices.common:
            for term in self.matrices.common.terms.values():
                columns = np.asarray(term.eval_new_data(folded), dtype=float).reshape(len(at), -1)
                if term.kind == "offset":
                    values += columns[:, 0]
                else:
                    values += _draws(posterior, term.name) @ columns.T
        if self.matrices.group:
            for term in self.matrices.group.terms.values():
                columns = np.asarray(term.expr.eval_new_data(folded), dtype=float).reshape(len(at), -1)
                effects = _effects(posterior, Term.of_name(term.name))
                places = self._places(posterior, term, at, folded)
                for column, effect in zip(columns.T, effects, strict=True):
                    values += effect[..., places] * column
        return values

    def _places(self, posterior, term, at: pd.DataFrame, folded: pd.DataFrame) -> np.ndarray:
        """Which level of the grouping factor of a term each row has."""
        grouping, dim = Term.of_name(term.name).grouping, Term.of_name(term.name).grouping_dim
        if grouping not in self.behind_bars:
            return term.factor.eval_new_data(folded).argmax(axis=1)
        levels = pd.Index(posterior[dim].to_numpy().astype(str))
        places = levels.get_indexer(at[grouping].astype(str))
        if unknown := sorted(set(at[grouping][places < 0].astype(str))):
            raise StudyError(f"'at': {grouping} has no level {', '.join(unknown)}. Valid: {', '.join(levels)}.")
        return places


def _draws(posterior, name: str) -> np.ndarray:
    """Draws of a coefficient or of those of a term, (chain, draw, coefficients)."""
    values = posterior[name].transpose("chain", "draw", ...).to_numpy()
    return values.reshape(*values.shape[:2], -1)


def _effects(posterior, term: Term) -> np.ndarray:
    """Draws of the effects of a term, (effects of a unit, chain, draw, units)."""
    values = posterior[term.name].transpose(..., "chain", "draw", term.grouping_dim).to_numpy()
    return values.reshape(-1, *values.shape[-3:])


def draw(
    predictor: LinearPredictor, posterior, at: pd.DataFrame, *, quantities: list[str], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draws of expected and predicted values, (chain, draw, rows of ``at``) each."""
    expected = predictor(posterior, at)
    results = {}
    for quantity in quantities:
        results[quantity] = expected
        if quantity == "predicted":
            sigma = posterior["sigma"].transpose("chain", "draw").to_numpy()
            results[quantity] = expected + sigma[..., None] * rng.standard_normal(expected.shape)
    return results
