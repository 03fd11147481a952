"""Whether the priors of a config and the names of its columns suit a model: told before anything is fitted."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from partialpool.model.assign import assign
from partialpool.model.automatic import automatic_priors
from partialpool.model.families import ORDINAL
from partialpool.model.formula import bars
from partialpool.model.matrices import column_labels, evaluate
from partialpool.model.names import Term, blocks
from partialpool.model.spec import ModelSpec


def refuse_unassignable(spec: ModelSpec, rows: pd.DataFrame, parameters: Sequence[str], mean: str) -> None:
    """Raise StudyError, as a fit would, if a parameter has no prior, a prior no parameter, or a term no good name.

    Parameters
    ----------
    spec
        The model's spec, with the priors of the config only.
    rows
        Its complete cases (``formula.complete_cases``).
    parameters, mean
        Names of the family's own parameters, and of the one that the terms of the formula make.
    """
    spec = spec.with_priors(automatic_priors(spec, rows))
    matrices = evaluate(spec, rows)
    common = matrices.common.terms.values() if matrices.common else []
    effects = {}
    for name, term in matrices.group.terms.items() if matrices.group else ():
        columns = np.asarray(term.expr.data, dtype=float).reshape(len(rows), -1)
        effects[name] = Term.of_name(name, column_labels(term.expr, columns))
    assign(
        spec,
        outcome=matrices.response.name,
        common=[term.name for term in common if _is_coefficient(term, spec)],
        offsets=[term.name for term in common if term.kind == "offset"],
        blocks=blocks(bars(spec.formula), effects),
        parameters=parameters,
        parent=mean,
        outcome_has_levels=spec.family == "categorical",
    )


def has_coefficients(spec: ModelSpec, rows: pd.DataFrame) -> bool:
    """Whether the terms of a model have any, common ones or effects, beside thresholds."""
    common = evaluate(spec, rows).common
    terms = common.terms.values() if common else []
    return bool(bars(spec.formula)) or any(_is_coefficient(term, spec) for term in terms)


def _is_coefficient(term, spec: ModelSpec) -> bool:
    """Whether a common term has coefficients; thresholds take the place of an intercept."""
    return term.kind not in ({"offset", "intercept"} if spec.family in ORDINAL else {"offset"})
