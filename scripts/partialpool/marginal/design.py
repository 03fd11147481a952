"""A model as matrices, if all its coefficients can be integrated out."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from partialpool.model.build import build
from partialpool.model.formula import bars
from partialpool.model.names import Block, Term, bambi_blocks
from partialpool.model.spec import ModelSpec


class NoClosedForm(Exception):
    """Why a model cannot be marginal, in words."""


@dataclass(frozen=True)
class Design:
    """A model as matrices.

    ``y`` (n,) without offsets; ``x`` (n, p), centred as Bambi centres it; ``prior_mean`` and ``prior_sd`` (p,) of its
    coefficients; ``z`` (n, q); ``codes`` (n,) which of ``levels`` a row belongs to; ``centre`` (p,) what was
    subtracted.
    """

    spec: ModelSpec
    model: object
    y: np.ndarray
    x: np.ndarray
    centre: np.ndarray
    prior_mean: np.ndarray
    prior_sd: np.ndarray
    z: np.ndarray
    codes: np.ndarray
    factor: str | None
    levels: list[str]
    blocks: list[Block]

    @property
    def terms(self) -> list[Term]:
        """Terms of the columns of ``z``."""
        return [term for block in self.blocks for term in block.terms]

    @property
    def columns(self) -> dict[str, slice]:
        """Columns of ``z`` of each term, by name."""
        ends = np.cumsum([0, *(len(term.coefficients) for term in self.terms)])
        return {term.name: slice(ends[i], ends[i + 1]) for i, term in enumerate(self.terms)}

    @cached_property
    def common_terms(self) -> list[tuple[str, dict[str, list], slice]]:
        """Name, coordinates and columns of each term of ``x``."""
        parent = _parent(self.model)
        terms = [parent.intercept_term] if parent.intercept_term else []
        terms += parent.common_terms.values()
        found, start = [], 0
        for term in terms:
            width = 1 if term.data.ndim == 1 else term.data.shape[1]
            coords = {name: list(values) for name, values in term.coords.items()} if width > 1 or term.coords else {}
            found.append((term.name, coords, slice(start, start + width)))
            start += width
        return found


def design(spec: ModelSpec, rows: pd.DataFrame) -> Design:
    """Matrices of a model that can be marginal.

    Parameters
    ----------
    spec
        The model's spec .
    rows
        Its complete cases (``models.complete_cases``).

    Raises
    ------
    NoClosedForm
        With the term, prior or family that stands in the way.
    StudyError
        See ``models.build``.
    """
    if spec.family != "gaussian":
        raise NoClosedForm(f"its family is {spec.family}, and only gaussian can be integrated")
    if spec.link not in (None, "identity"):
        raise NoClosedForm(f"its link is {spec.link}, and only identity can be integrated")
    factors = {name.partition("|")[2] for names in bars(spec.formula) for name in names}
    if len(factors) > 1:
        raise NoClosedForm(f"its effects have several grouping factors: {', '.join(sorted(factors))}")
    factor = next(iter(factors), None)
    # Bambi makes a column of each unit. It needs only know that there are units; who is who is known here.
    known = rows[factor].astype("category") if factor in rows and _only_groups(spec.formula, factor) else None
    folded = rows if known is None else rows.assign(**{factor: pd.Categorical(known.cat.codes % 2)})
    model = build(spec, folded)
    parent = _parent(model)
    response = model.response_term
    for kind in ("censored", "constrained", "truncated", "weighted"):
        if getattr(response, f"is_{kind}"):
            raise NoClosedForm(f"its outcome is {kind}")

    named = [parent.intercept_term] if parent.intercept_term else []
    named += parent.common_terms.values()
    columns, means, sds = [], [], []
    for term in named:
        prior = term.prior
        if prior.name != "Normal":
            raise NoClosedForm(f"the prior of {term.name} is {prior.name}, and only Normal can be integrated")
        block = np.asarray(term.data, dtype=float).reshape(len(rows), -1)
        columns.append(block)
        means += [float(prior.args["mu"])] * block.shape[1]
        sds += [float(prior.args["sigma"])] * block.shape[1]
    x = np.column_stack(columns) if columns else np.empty((len(rows), 0))
    centre = np.zeros(x.shape[1])
    if parent.intercept_term and model.center_predictors:
        centre[1:] = x[:, 1:].mean(axis=0)
        x = x - centre
    y = np.asarray(response.data, dtype=float).ravel()
    for offset in parent.offset_terms.values():
        y = y - np.asarray(offset.data, dtype=float).ravel()

    blocks = bambi_blocks(bars(spec.formula), parent.group_specific_terms)
    effects = [
        np.asarray(parent.group_specific_terms[term.name].predictor, dtype=float).reshape(len(rows), -1)
        for block in blocks
        for term in block.terms
    ]
    if known is not None:
        codes, levels = known.cat.codes.to_numpy(np.int64), [str(level) for level in known.cat.categories]
    elif blocks:
        term = parent.group_specific_terms[blocks[0].terms[0].name]
        codes, levels = np.asarray(term.group_index, np.int64), [str(level) for level in term.groups]
    else:
        codes, levels = np.zeros(len(rows), np.int64), []
    return Design(
        spec=spec,
        model=model,
        y=y,
        x=x,
        centre=centre,
        prior_mean=np.array(means),
        prior_sd=np.array(sds),
        z=np.column_stack(effects) if effects else np.empty((len(rows), 0)),
        codes=codes,
        factor=factor,
        levels=levels,
        blocks=blocks,
    )


def _parent(model):
    return model.parameters[model.family.likelihood.parent]


def _only_groups(formula: str, factor: str) -> bool:
    """Whether a variable appears in a formula only behind bars."""
    import re

    word = rf"(?<![\w.]){re.escape(factor)}(?![\w.])"
    return len(re.findall(word, formula)) == len(re.findall(rf"\|\s*{word}\s*\)", formula))
