"""A model as matrices, if all its coefficients can be integrated out."""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.model.assign import Priors, assign
from partialpool.model.finite import refuse_infinite
from partialpool.model.formula import bars
from partialpool.model.names import INTERCEPT, Block, Term, blocks, common_dim
from partialpool.model.spec import ModelSpec

# Bambi's, except for those of an outcome that has no closed form.
FUNCTIONS = {
    "np": np,
    "c": lambda *columns: np.column_stack(columns),
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "exp": np.exp,
    "exp2": np.exp2,
    "abs": np.abs,
}
SPECIAL_OUTCOMES = ("censored", "constrained", "truncated", "weighted")


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
class Design:
    """A model as matrices: ``y = x b + z u + noise``, u the effects of the unit that a row belongs to.

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
    blocks
        The bars of the formula, all with one grouping factor.
    z : (n, q)
        Design of the effects of a unit.
    codes : (n,)
        Which of the units ``levels`` a row belongs to.
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
    blocks: list[Block]
    z: np.ndarray
    codes: np.ndarray
    levels: list[str]

    @property
    def terms(self) -> list[Term]:
        """Terms of the columns of ``z``."""
        return [term for block in self.blocks for term in block.terms]

    @cached_property
    def columns(self) -> dict[str, slice]:
        """Columns of ``z`` of each term, by name."""
        return _columns([(term.name, len(term.coefficients)) for term in self.terms])

    @cached_property
    def common_columns(self) -> dict[str, slice]:
        """Columns of ``x`` of each term, by name."""
        return _columns([(term.name, term.values.shape[1]) for term in self.common])


def _columns(widths: list[tuple[str, int]]) -> dict[str, slice]:
    ends = np.cumsum([0, *(width for _, width in widths)])
    return {name: slice(*places) for (name, _), places in zip(widths, pairwise(ends.tolist()), strict=True)}


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
        As ``build.build``: if a term is not finite in some row, a parameter has no prior, or a prior no parameter.
    """
    grouping = _check_closed_form(spec)
    matrices = _evaluate(spec, _only_expressions(spec, rows, grouping))
    outcome = np.asarray(matrices.response.term.term.data, dtype=float)
    if outcome.size != len(rows):
        raise NoClosedForm("its outcome has several columns")
    evaluated = matrices.common.terms.values() if matrices.common else []
    offsets = {term.name: np.asarray(term.data, dtype=float).ravel() for term in evaluated if term.kind == "offset"}
    common = [_common_term(spec, term) for term in evaluated if term.kind != "offset"]
    # Bambi, too, has the intercept in front.
    common.sort(key=lambda term: term.name != INTERCEPT)
    terms, predictors = _effects(matrices, len(rows))
    outcome_name = matrices.response.name
    named = [(term.name, term.values) for term in common] + list(offsets.items())
    named += [(term.expression, predictors[term.name]) for term in terms.values()]
    refuse_infinite(spec.formula, [(outcome_name, outcome), *named], rows)

    of_bars = blocks(bars(spec.formula), terms)
    common_names = [term.name for term in common]
    family = {"parameters": ["sigma"], "parent": "mu"}
    priors = assign(spec, outcome=outcome_name, common=common_names, offsets=offsets, blocks=of_bars, **family)
    outcome = outcome.ravel()
    y = outcome
    for offset in offsets.values():
        y = y - offset
    x, centre = _centred(common, len(rows))
    prior_mean, prior_sd = _normal_priors(common, priors)
    codes, levels = _units(rows, grouping, matrices)
    return Design(
        spec=spec,
        priors=priors,
        outcome_name=outcome_name,
        outcome=outcome,
        y=y,
        common=common,
        x=x,
        centre=centre,
        prior_mean=prior_mean,
        prior_sd=prior_sd,
        blocks=of_bars,
        z=np.column_stack([predictors[term.name] for block in of_bars for term in block.terms] or [x[:, :0]]),
        codes=codes,
        levels=levels,
    )


def _check_closed_form(spec: ModelSpec) -> str | None:
    """The grouping factor of a model; NoClosedForm if it can be seen from the spec that there is no closed form."""
    from formulae import model_description

    if spec.family != "gaussian":
        raise NoClosedForm(f"its family is {spec.family}, and only gaussian can be integrated")
    if spec.link not in (None, "identity"):
        raise NoClosedForm(f"its link is {spec.link}, and only identity can be integrated")
    groupings = {Term.of_name(name).grouping for names in bars(spec.formula) for name in names}
    if len(groupings) > 1:
        raise NoClosedForm(f"its effects have several grouping factors: {', '.join(sorted(groupings))}")
    function = model_description(spec.formula).response.term.name.partition("(")[0]
    if function in SPECIAL_OUTCOMES:
        raise NoClosedForm(f"its outcome is {function}")
    return next(iter(groupings), None)


def _only_expressions(spec: ModelSpec, rows: pd.DataFrame, grouping: str | None) -> pd.DataFrame:
    """Rows that formulae evaluates: all of one unit, if the grouping factor stands behind bars only.

    formulae makes a column of each unit, of which there may be many. Only what stands before the bars is asked of it;
    which row belongs to which unit is read from the data.
    """
    if grouping not in rows or not only_groups(spec.formula, grouping):
        return rows
    return rows.assign(**{grouping: pd.Categorical(["all"] * len(rows))})


def only_groups(formula: str, grouping: str) -> bool:
    """Whether a variable stands in a formula only behind bars."""
    word = rf"(?<![\w.]){re.escape(grouping)}(?![\w.])"
    return len(re.findall(word, formula)) == len(re.findall(rf"\|\s*{word}\s*\)", formula))


def _evaluate(spec: ModelSpec, rows: pd.DataFrame):
    """What formulae makes of a formula and rows."""
    from formulae import design_matrices

    try:
        # What is not finite is refused later.
        with np.errstate(all="ignore"):
            return design_matrices(spec.formula, rows, na_action="error", extra_namespace=FUNCTIONS)
    except Exception as error:  # formulae raises its own and builtin exceptions alike
        raise _unfit(spec, error) from None


def _unfit(spec: ModelSpec, error) -> StudyError:
    return StudyError(f"formula '{spec.formula}', family '{spec.family}': {error}")


def _common_term(spec: ModelSpec, term) -> CommonTerm:
    """A common term of formulae; StudyError, in Bambi's words, if its column is the same for all rows."""
    values = np.asarray(term.data, dtype=float).reshape(len(term.data), -1)
    levels = _levels(term, values)
    if term.kind != "intercept" and (values == values[0]).all():
        if not _is_category(term):
            raise _unfit(spec, f"The term '{term.name}' is constant!")
        if len(levels) == 1:
            raise _unfit(spec, f"The term '{term.name}' has only 1 category!")
    return CommonTerm(term.name, values, levels)


def _effects(matrices, rows: int) -> tuple[dict[str, Term], dict[str, np.ndarray]]:
    """Terms of group-level effects, and their columns (rows, k), by name."""
    terms, predictors = {}, {}
    for name, term in matrices.group.terms.items() if matrices.group else ():
        predictors[name] = np.asarray(term.expr.data, dtype=float).reshape(rows, -1)
        terms[name] = Term.of_name(name, _levels(term.expr, predictors[name]))
    return terms, predictors


def _is_category(term) -> bool:
    kinds = [component.kind for component in term.components] if term.kind == "interaction" else [term.kind]
    return "categoric" in kinds


def _levels(term, values: np.ndarray) -> list | None:
    """Labels of the columns of a term of formulae, where it is a category or has several; as Bambi labels them."""
    if _is_category(term):
        return list(term.levels)
    return list(range(values.shape[1])) if values.shape[1] > 1 else None


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
        means += [dict(prior.args)["mu"]] * term.values.shape[1]
        sds += [dict(prior.args)["sigma"]] * term.values.shape[1]
    return np.array(means), np.array(sds)


def _units(rows: pd.DataFrame, grouping: str | None, matrices) -> tuple[np.ndarray, list[str]]:
    """Which unit each row belongs to, and the names of the units."""
    if grouping is None:
        return np.zeros(len(rows), np.int64), []
    if grouping in rows:
        units = rows[grouping].astype("category").cat
        return units.codes.to_numpy(np.int64), [str(level) for level in units.categories]
    term = next(iter(matrices.group.terms.values()))
    return term.factor.data.argmax(axis=1).astype(np.int64), [str(level) for level in term.groups]
