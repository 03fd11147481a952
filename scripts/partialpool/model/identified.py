"""What a model's rows say nothing about: refused, unless the config gives it a prior of its own."""

import numpy as np
import pandas as pd

from partialpool.model.finite import refuse_infinite
from partialpool.model.matrices import GroupLevels, evaluate, is_category, unfit
from partialpool.model.names import INTERCEPT, Term
from partialpool.model.outcome import refuse_values
from partialpool.model.spec import ModelSpec

# ASSUME: finding which coefficients depend on each other is not worth more multiplications than this (some seconds).
_MOST_WORK = 2e10


def refuse_unidentified(spec: ModelSpec, rows: pd.DataFrame) -> None:
    """Raise StudyError for a model with terms that its rows do not determine.

    Parameters
    ----------
    spec
        The model's spec, with the priors of the config only.
    rows
        Its complete cases (``formula.complete_cases``).

    Notes
    -----
    Without data the automatic priors, which are wide, would be all that there is to such a parameter. With priors of
    the config the model is fitted.
    """
    matrices = evaluate(spec, rows)
    common = list(matrices.common.terms.values()) if matrices.common else []
    effects = dict(matrices.group.terms) if matrices.group else {}
    outcome = np.asarray(matrices.response.term.term.data, dtype=float)
    terms = [(matrices.response.name, outcome[:, :1] if outcome.ndim > 1 else outcome)]
    terms += [(term.name, term.data) for term in common]
    terms += [(Term.of_name(name).expression, term.expr.data) for name, term in effects.items()]
    refuse_infinite(spec.formula, terms, rows)
    # A column by itself is looked at before (``outcome.for_family``).
    if "(" in matrices.response.name and outcome.ndim == 1:
        refuse_values(spec, matrices.response.name, outcome, rows)
    for name, values in terms:
        _refuse_degree(spec, name, np.asarray(values))
    for term in common:
        _refuse_constant(spec, term)
    if not any(key == "b" or key.startswith("b[") for key in spec.priors):
        # ASSUME: an interaction whose levels do not occur in all combinations is no mistake.
        _refuse_dependent(spec, [term for term in common if term.kind not in ("offset", "interaction")], len(rows))
    if not any(key == "sd" or key.startswith("sd[") for key in spec.priors):
        for name, term in effects.items():
            _refuse_levels(spec, Term.of_name(name), GroupLevels.of(spec, term.factor, rows).codes(rows))


def _refuse_degree(spec: ModelSpec, name: str, values: np.ndarray) -> None:
    """Refuse a polynomial of a degree that its values cannot have: rounding errors, made long, are its last column."""
    if not name.startswith("poly(") or ":" in name or "raw=True" in name or values.ndim < 2:
        return
    different = len(np.unique(values, axis=0))
    if values.shape[1] >= different:
        raise unfit(
            spec,
            f"'{name}' has the degree {values.shape[1]}, but of {different} different values a polynomial has at most "
            f"the degree {different - 1}.",
        )


def _refuse_constant(spec: ModelSpec, term) -> None:
    values = np.asarray(term.data, dtype=float).reshape(len(term.data), -1)
    if term.kind in ("intercept", "offset") or not (values == values[0]).all():
        return
    kind = "has only 1 category" if is_category(term) else f"is {values[0, 0]:g} in all rows"
    raise unfit(spec, f"'{term.name}' {kind}, so that nothing can be learned of its coefficient. Leave it out.")


def _refuse_dependent(spec: ModelSpec, terms: list, n: int) -> None:
    """Refuse coefficients that follow from others: those of terms whose columns are sums of multiples of others."""
    columns = {term.name: np.asarray(term.data, dtype=float).reshape(n, -1) for term in terms}
    p = sum(values.shape[1] for values in columns.values())
    advice = "Leave some out, or give them priors of your own (b: Normal(0, 1)), which then decide."
    if p > n:
        raise unfit(spec, f"there are {p} common coefficients and only {n} rows. {advice}")
    if n * p**2 > _MOST_WORK:
        return
    x, rank, before = np.empty((n, 0)), 0, []
    for name, values in columns.items():
        if name != INTERCEPT:
            # A column of zeros, as of a spline between whose knots there is nothing, stays.
            largest = np.abs(values).max(axis=0)
            values = values / np.where(largest > 0, largest, 1)
        x = np.column_stack([x, values])
        rank_with = np.linalg.matrix_rank(x)
        if rank_with < rank + values.shape[1]:
            others = ", ".join(f"'{other}'" for other in before)
            raise unfit(spec, f"'{name}' says nothing beyond {others}: it follows from them in all rows. {advice}")
        rank, before = rank_with, [*before, name]


def _refuse_levels(spec: ModelSpec, term: Term, codes: np.ndarray) -> None:
    """Refuse a grouping factor that is none: with one level, or with one for each row of a normal outcome."""
    levels = len(np.unique(codes))
    if levels == 1:
        raise unfit(
            spec,
            f"'{term.grouping}' has only 1 level, which has no standard deviation. Leave the bar out, or give 'sd' a "
            "prior of your own.",
        )
    if levels == len(codes) and spec.family in ("gaussian", "t"):
        raise unfit(
            spec,
            f"'{term.grouping}' has a level of its own in each of {levels} rows, so that its effects cannot be told "
            "from sigma. Is it the column that was meant? If so, give 'sd' a prior of your own.",
        )
