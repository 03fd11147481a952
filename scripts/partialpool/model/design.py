"""A model as matrices, for the engines that integrate coefficients out."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd

from partialpool.model.assign import Priors, assign
from partialpool.model.finite import refuse_infinite
from partialpool.model.formula import bars
from partialpool.model.matrices import GroupLevels, column_labels, is_category, unfit
from partialpool.model.names import INTERCEPT, Block, Term, blocks, common_dim
from partialpool.model.spec import ModelSpec


class NoClosedForm(Exception):
    """Why the coefficients of a model cannot be integrated out in closed form."""


@dataclass(frozen=True)
class CommonTerm:
    """A term with common coefficients.

    Attributes
    ----------
    name
        As formulae names it.
    values : (n, k)
        Its columns of the design.
    levels
        Labels of its coefficients, where it is a category or has several columns; else None.
    """

    name: str
    values: np.ndarray
    levels: list | None

    @property
    def level_coords(self) -> dict[str, list]:
        """Dimension and labels of its coefficients; empty where it has one."""
        return {} if self.levels is None else {common_dim(self.name): self.levels}


@dataclass(frozen=True)
class GroupingFactor:
    """A grouping factor and its effects.

    Attributes
    ----------
    name
        As Bambi names it: ``id``, ``school:class``.
    blocks
        The bars of the formula that it stands behind.
    z : (n, q)
        Design of the effects of one level.
    codes : (n,)
        Which of the ``levels`` a row belongs to.
    levels
        Their names in Bambi's order; those of ``a:b`` are all combinations, also where they have no rows.
    """

    name: str
    blocks: list[Block]
    z: np.ndarray
    codes: np.ndarray
    levels: list[str]

    @property
    def terms(self) -> list[Term]:
        """Terms of the columns of ``z``."""
        return [term for block in self.blocks for term in block.terms]

    @property
    def effects(self) -> int:
        """How many effects all levels have together."""
        return len(self.levels) * self.z.shape[1]

    @cached_property
    def columns(self) -> dict[str, slice]:
        """Columns of ``z`` of each term, by name."""
        return _columns({term.name: len(term.coefficients) for term in self.terms})


@dataclass(frozen=True)
class Design:
    """A model as matrices: ``y = x b + sum of z u + noise``, u the effects of the level that a row belongs to.

    The sum is over grouping factors.

    Attributes
    ----------
    spec
        The model's spec.
    priors
        Of all its parameters.
    outcome_name
        As formulae names it.
    outcome, y : (n,)
        The outcome; and what is left of it without the offsets.
    common
        The terms of ``x``.
    x : (n, p)
        Design of the common coefficients, centred as Bambi does.
    centre : (p,)
        What was subtracted from it.
    prior_mean, prior_sd : (p,)
        Of its coefficients.
    factors
        The grouping factors, in the order in which they first stand in the formula.
    """

    spec: ModelSpec
    priors: Priors
    outcome_name: str
    outcome: np.ndarray
    y: np.ndarray
    common: list[CommonTerm]
    x: np.ndarray
    centre: np.ndarray
    prior_mean: np.ndarray
    prior_sd: np.ndarray
    factors: tuple[GroupingFactor, ...]

    @cached_property
    def common_columns(self) -> dict[str, slice]:
        """Columns of ``x`` of each term, by name."""
        return _columns({term.name: term.values.shape[1] for term in self.common})

    def of_rows(self, kept: np.ndarray) -> "Design":
        """The model of some of its rows, given by position or as (n,) bool; priors and levels stay those of all."""
        factors = tuple(replace(factor, z=factor.z[kept], codes=factor.codes[kept]) for factor in self.factors)
        return replace(self, x=self.x[kept], outcome=self.outcome[kept], y=self.y[kept], factors=factors)


def _columns(widths: dict[str, int]) -> dict[str, slice]:
    ends = np.cumsum([0, *widths.values()]).tolist()
    return {name: slice(*places) for name, places in zip(widths, pairwise(ends), strict=True)}


def design_of(
    spec: ModelSpec, rows: pd.DataFrame, evaluated, outcome: np.ndarray, *, parameters: list[str], parent: str
) -> Design:
    """A model as matrices, with normal priors of its common coefficients.

    Parameters
    ----------
    spec
        The model's spec.
    rows
        Its complete cases (``formula.complete_cases``).
    evaluated
        What ``matrices.evaluate`` made of them.
    outcome : (n,)
        Its outcome.
    parameters, parent
        Names of the family's parameters, see ``assign``.

    Raises
    ------
    NoClosedForm
        With a prior that is not normal.
    StudyError
        As ``build.build``: if a term is not finite in some row, a parameter has no prior, or a prior no parameter.
    """
    of_all = evaluated.common.terms.values() if evaluated.common else []
    offsets = {term.name: np.asarray(term.data, dtype=float).ravel() for term in of_all if term.kind == "offset"}
    common = [_common_term(spec, term) for term in of_all if term.kind != "offset"]
    # Bambi, too, has the intercept in front.
    common.sort(key=lambda term: term.name != INTERCEPT)
    terms, predictors = _effects(evaluated, len(rows))
    outcome_name = evaluated.response.name
    named = [(term.name, term.values) for term in common] + list(offsets.items())
    named += [(term.expression, predictors[term.name]) for term in terms.values()]
    refuse_infinite(spec.formula, [(outcome_name, outcome), *named], rows)

    of_bars = blocks(bars(spec.formula), terms)
    terms_of = {"common": [term.name for term in common], "offsets": offsets, "blocks": of_bars}
    priors = assign(spec, outcome=outcome_name, parameters=parameters, parent=parent, **terms_of)
    y = outcome
    for offset in offsets.values():
        y = y - offset
    x, centre = _centred(common, len(rows))
    prior_mean, prior_sd = _normal_priors(common, priors)
    factors = _factors(spec, rows, evaluated, of_bars, predictors)
    return Design(spec, priors, outcome_name, outcome, y, common, x, centre, prior_mean, prior_sd, factors)


def _common_term(spec: ModelSpec, term) -> CommonTerm:
    """A common term of formulae; StudyError, in Bambi's words, if its column is the same for all rows."""
    values = np.asarray(term.data, dtype=float).reshape(len(term.data), -1)
    levels = column_labels(term, values)
    if term.kind != "intercept" and (values == values[0]).all():
        if not is_category(term):
            raise unfit(spec, f"The term '{term.name}' is constant!")
        if len(levels) == 1:
            raise unfit(spec, f"The term '{term.name}' has only 1 category!")
    return CommonTerm(term.name, values, levels)


def _effects(evaluated, rows: int) -> tuple[dict[str, Term], dict[str, np.ndarray]]:
    """Terms of group-level effects, and their columns (rows, k), by name."""
    terms, predictors = {}, {}
    for name, term in evaluated.group.terms.items() if evaluated.group else ():
        predictors[name] = np.asarray(term.expr.data, dtype=float).reshape(rows, -1)
        terms[name] = Term.of_name(name, column_labels(term.expr, predictors[name]))
    return terms, predictors


def _factors(
    spec: ModelSpec, rows: pd.DataFrame, evaluated, of_bars: list[Block], predictors: dict[str, np.ndarray]
) -> tuple[GroupingFactor, ...]:
    """The grouping factors, from formulae's matrices, the bars of the formula and the columns of their terms."""
    by_name: dict[str, list[Block]] = {}
    for block in of_bars:
        by_name.setdefault(block.terms[0].grouping, []).append(block)
    factors = []
    for name, own in by_name.items():
        terms = [term for block in own for term in block.terms]
        levels = GroupLevels.of(spec, evaluated.group.terms[terms[0].name].factor, rows)
        z = np.column_stack([predictors[term.name] for term in terms])
        factors.append(GroupingFactor(name, own, z, levels.codes(rows), levels.labels))
    return tuple(factors)


def _centred(common: list[CommonTerm], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Design of the common coefficients, less its means if there is an intercept; and what was subtracted."""
    x = np.column_stack([term.values for term in common]) if common else np.empty((rows, 0))
    centre = np.zeros(x.shape[1])
    if common and common[0].name == INTERCEPT:
        centre[1:] = x[:, 1:].mean(axis=0)
    return x - centre, centre


def _normal_priors(common: list[CommonTerm], priors: Priors) -> tuple[np.ndarray, np.ndarray]:
    """Prior means and standard deviations of the common coefficients."""
    means, sds = [], []
    for term in common:
        prior = priors.common[term.name]
        if prior.name != "Normal":
            raise NoClosedForm(f"the prior of {term.name} is {prior.name}, and only Normal can be integrated")
        each = [dict(one.args) for one in prior.each(term.values.shape[1])]
        means += [one["mu"] for one in each]
        sds += [one["sigma"] for one in each]
    return np.array(means), np.array(sds)
