"""Which models have a closed form, and their matrices."""

import numpy as np
import pandas as pd

from partialpool.model.design import Design, NoClosedForm, design_of
from partialpool.model.matrices import evaluate
from partialpool.model.spec import ModelSpec

# ASSUME: with more columns, a Cholesky factor of their precision for each draw takes longer than NUTS.
MOST_DENSE_COLUMNS = 1000


def design(spec: ModelSpec, rows: pd.DataFrame) -> Design:
    """Matrices of a model whose coefficients can be integrated out.

    Parameters
    ----------
    spec
        The model's spec.
    rows
        Its complete cases (``formula.complete_cases``).

    Raises
    ------
    NoClosedForm
        With the term, prior or family that stands in the way.
    StudyError
        See ``model.design.design_of``.
    """
    if spec.family != "gaussian":
        raise NoClosedForm(f"its family is {spec.family}, and only gaussian can be integrated")
    if spec.link not in (None, "identity"):
        raise NoClosedForm(f"its link is {spec.link}, and only identity can be integrated")
    evaluated = evaluate(spec, rows)
    outcome = np.asarray(evaluated.response.term.term.data, dtype=float)
    if outcome.size != len(rows):
        raise NoClosedForm("its outcome has several columns")
    matrices = design_of(spec, rows, evaluated, outcome.ravel(), parameters=["sigma"], parent="mu")
    if matrices.factors:
        _check_dense_columns(matrices)
    return matrices


def _check_dense_columns(matrices: Design) -> None:
    """Raise NoClosedForm if too much is left beside the effects of the grouping factor with most levels."""
    largest = max(matrices.factors, key=lambda factor: len(factor.levels))
    others = sum(factor.effects for factor in matrices.factors if factor is not largest)
    columns = matrices.x.shape[1] + others
    if columns > MOST_DENSE_COLUMNS:
        raise NoClosedForm(
            f"beside the effects of {largest.name}, its other grouping factors and common coefficients have {columns} "
            f"columns together, and more than {MOST_DENSE_COLUMNS} take longer than NUTS"
        )
