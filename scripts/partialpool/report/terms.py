"""What the equations of a model are made of: its coefficients, and the grouping factors between whose levels they vary.

Two questions decide where something stands: whether it differs between the measurements of a unit (then it belongs to
level 1) or is the unit's own; and, of grouping factors, which of them is nested in which.
"""

import math
import re
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from partialpool.model import names, parameters
from partialpool.model.formula import bars
from partialpool.model.names import INTERCEPT, Block, Term
from partialpool.model.spec import ModelSpec
from partialpool.report import latex

UNIT = "j"
MEASUREMENT = "ij"
# Indices of the levels of other grouping factors.
LETTERS = "klmnopqrst"
# Calls that make a category of numbers, and those that make several columns of one.
CATEGORIES = ("C(", "T(", "S(")
SEVERAL_COLUMNS = ("bs(", "poly(")


@dataclass(frozen=True)
class Part:
    """One part of a product ``x:g``.

    Attributes
    ----------
    name
        As formulae writes it: ``x``, ``np.log(x)``, ``C(wave)``.
    kind
        ``number``, ``category``, or ``columns`` of an expression that has several.
    columns
        The columns of the data that it is made of, each with its index: ``ij`` if it varies within a unit, else ``j``.
    """

    name: str
    kind: str
    columns: dict[str, str]

    @property
    def index(self) -> str:
        """``ij`` if it varies within a unit, else ``j``."""
        return MEASUREMENT if MEASUREMENT in self.columns.values() else UNIT

    @property
    def category(self) -> str:
        """Name of a category: that of its column."""
        return next(iter(self.columns)) if len(self.columns) == 1 else self.name


@dataclass(frozen=True)
class Coefficient:
    """A coefficient, or one for each level of a category.

    Attributes
    ----------
    name
        Of its term, as priors name it.
    number
        Its index in the equations; 0 for the intercept.
    parts
        Of what it multiplies; none of an intercept.
    unit
        The unit's column, which as a category is its index j.
    """

    name: str
    number: int
    parts: tuple[Part, ...]
    unit: str

    @property
    def within(self) -> bool:
        """Whether what it multiplies varies within a unit."""
        return any(part.index == MEASUREMENT for part in self.parts)

    @property
    def several_columns(self) -> bool:
        """Whether it multiplies an expression with several columns."""
        return any(part.kind == "columns" for part in self.parts)

    @property
    def sums_to_zero(self) -> bool:
        """Whether the coefficients of a category, over all of its levels, sum to zero."""
        return any(part.name.startswith("S(") or re.search(r"\bSum\b", part.name) for part in self.parts)

    def index(self, at: str = "", *, of_unit: bool = False) -> str:
        """Its number, and in brackets which of several it is.

        Parameters
        ----------
        at
            Whose it is: ``ij`` of a measurement, ``[g_ij]``; ``j`` of a unit, which has only one level of what does not
            vary within it, ``[g_j]``; or that of any level, ``[g]``.
        of_unit
            Leave out what is the same for all measurements of a unit.
        """
        inside = []
        for part in self.parts:
            if part.kind == "columns":
                inside.append("c")
            elif part.kind == "category" and not (of_unit and part.index == UNIT):
                if part.name == self.unit:
                    inside.append(UNIT)
                else:
                    known = at == MEASUREMENT or at == part.index
                    inside.append(latex.text(part.category) + (f"_{{{part.index}}}" if known else ""))
        return str(self.number) + (f"[{', '.join(inside)}]" if inside else "")

    def times(self, symbol: str) -> str:
        """The product of its symbol and what it multiplies."""
        product = [symbol]
        for part in self.parts:
            if part.kind == "number":
                product.append(latex.expression(part.name, part.columns, part.index))
            elif part.kind == "columns":
                product.append(rf"{latex.text(part.name)}_{{c, {part.index}}}")
        return (r"\sum_{c} " if self.several_columns else "") + r" \, ".join(product)


@dataclass(frozen=True)
class Factor:
    """A grouping factor.

    Attributes
    ----------
    name
        ``id``, ``school:class``.
    blocks
        Its bars.
    letter
        Index of its levels: j of units.
    level
        1 more than the largest of what is nested in it; that of measurements is 1.
    index
        Of its letter in the equations: ``j`` where it is the unit's or the unit is nested in it, else ``ij``.
    """

    name: str
    blocks: tuple[Block, ...]
    letter: str
    level: int
    index: str

    @property
    def terms(self) -> list[Term]:
        """Its terms, bar by bar."""
        return [term for block in self.blocks for term in block.terms]

    def term(self, coefficient: str) -> Term | None:
        """The term by which a coefficient varies between its levels."""
        return next((term for term in self.terms if term.coefficient == coefficient), None)

    @property
    def is_unit(self) -> bool:
        """Whether its levels are the units."""
        return self.letter == UNIT

    @property
    def superscript(self) -> str:
        """Tells its symbols apart from those of other factors; none of the unit's."""
        return "" if self.is_unit else f"^{{{latex.text(self.name)}}}"

    def effect(self, index: str, *, letter: str | None = None) -> str:
        """Symbol of the effect with an index (``Coefficient.index``) of one of its levels."""
        # A slanted V leans over its superscript.
        symbol = "U" if self.is_unit else rf"V^{{\, {latex.text(self.name)}}}"
        return f"{symbol}_{{{index}{letter or self.letter}}}"

    def effect_of(self, index: str) -> str:
        """Symbol of the effect of the level to which a measurement or a unit belongs: ``k[ij]``, ``k[j]``, ``j``."""
        return self.effect(index, letter=UNIT if self.is_unit else f"{self.letter}[{self.index}]")

    def sd(self, index: str) -> str:
        """Symbol of the standard deviation of the effect with an index."""
        return rf"{r'\tau' if self.is_unit else r'\omega'}{self.superscript}_{{{index}}}"


@dataclass(frozen=True)
class Terms:
    """What the equations of a model are made of.

    Attributes
    ----------
    spec
        The model's spec.
    posterior
        Dataset of its fit; only names, dimensions, coordinates and attributes are used.
    rows
        Its data (``constant_data``), which tell what varies within a unit.
    """

    spec: ModelSpec
    posterior: object
    rows: pd.DataFrame

    @property
    def unit(self) -> str:
        """The unit's column."""
        return self.spec.unit

    @cached_property
    def description(self):
        """The formula as formulae reads it; nothing is evaluated."""
        from partialpool.model.without_splines import model_description

        return model_description(self.spec.formula)

    @cached_property
    def common(self) -> list[str]:
        """Names of common terms; the unit itself is one of them if there is no pooling."""
        return self._variables("common")

    @cached_property
    def family(self) -> list[str]:
        """Parameters of the family besides the mean."""
        return self._variables("family")

    def _variables(self, kind: str) -> list[str]:
        return list(dict.fromkeys(p.variable for p in parameters.of(self.posterior) if p.kind == kind))

    @property
    def offsets(self) -> list[str]:
        """What is added without a coefficient."""
        terms = [term.name for term in self.description.common_terms]
        return [name.removeprefix("offset(")[:-1] for name in terms if name.startswith("offset(")]

    @cached_property
    def factors(self) -> list[Factor]:
        """The grouping factors, from the lowest level upwards."""
        terms = {term.name: term for term in names.effect_terms(self.posterior)}
        by_name: dict[str, list[Block]] = {}
        for block in names.blocks(bars(self.spec.formula), terms) if terms else []:
            by_name.setdefault(block.terms[0].grouping, []).append(block)
        everyone = list({self.unit, *by_name})
        levels = {name: self._level(name, everyone) for name in by_name}
        letters = iter(LETTERS)
        return [
            Factor(
                name,
                tuple(by_name[name]),
                UNIT if name == self.unit else next(letters),
                levels[name],
                self.index(name),
            )
            for name in sorted(by_name, key=lambda name: (levels[name], name != self.unit))
        ]

    @cached_property
    def level_of_unit(self) -> int:
        """The level of units, also where they are no grouping factor: see ``Factor.level``."""
        of_unit = [factor.level for factor in self.factors if factor.is_unit]
        return of_unit[0] if of_unit else 2

    def _level(self, name: str, others: list[str]) -> int:
        inside = [other for other in others if other != name and self._is_nested(other, name)]
        return 1 + max((self._level(other, inside) for other in inside), default=1)

    def _is_nested(self, inner: str, outer: str) -> bool:
        """Whether each level of one grouping factor belongs to one level of the other, and not the reverse."""
        one, other = (self.rows.groupby(self._columns(name)).ngroup() for name in (inner, outer))
        pairs = pd.DataFrame({"one": one, "other": other}).drop_duplicates()
        return not pairs["one"].duplicated().any() and pairs["other"].duplicated().any()

    def _columns(self, name: str) -> list[str]:
        """Columns of the data that an expression mentions."""
        return [c for c in self.rows.columns if re.search(rf"(?<![\w.]){re.escape(c)}(?![\w.])", name)]

    def index(self, expression: str) -> str:
        """``ij`` if a column of an expression differs between the rows of a unit, else ``j``."""
        columns = [column for column in self._columns(expression) if column != self.unit]
        counts = self.rows.groupby(self.unit)[columns].nunique() if columns else pd.DataFrame()
        return MEASUREMENT if (counts > 1).any(axis=None) else UNIT

    def expression(self, words: str, index: str | None = None) -> str:
        """LaTeX of an expression of columns; ``index`` is that of all of them, by default each has its own."""
        columns = {column: index or self.index(column) for column in self._columns(words)}
        return latex.expression(words, columns, index or self.index(words))

    @cached_property
    def coefficients(self) -> list[Coefficient]:
        """All coefficients but the intercept: those of level 1, then those of level 2."""
        of_groups = [term.coefficient for factor in self.factors for term in factor.terms]
        parts = {name: self._parts(name) for name in dict.fromkeys([*self.common, *of_groups]) if name != INTERCEPT}
        made = [Coefficient(name, 0, parts[name], self.unit) for name in parts]
        made.sort(key=lambda coefficient: not self.is_level1(coefficient))
        return [replace(coefficient, number=number) for number, coefficient in enumerate(made, start=1)]

    @cached_property
    def intercept(self) -> Coefficient:
        """The coefficient of a constant."""
        return Coefficient(INTERCEPT, 0, (), self.unit)

    def is_level1(self, coefficient: Coefficient) -> bool:
        """Whether it varies between units, or what it multiplies varies within one."""
        of_unit = [factor.term(coefficient.name) for factor in self.factors if factor.is_unit]
        return coefficient.within or any(of_unit)

    def _parts(self, name: str) -> tuple[Part, ...]:
        terms = [*self.description.common_terms, *(term.expr for term in self.description.group_terms)]
        components = next((term.components for term in terms if term.name == name), None)
        if components is None:
            # Of g:h without g and h, formulae makes a term of its own of what g:h lacks to span all cells.
            known = {component.name: component for term in terms for component in getattr(term, "components", ())}
            components = [known[part] for part in name.split(":")]
        return tuple(self._part(component.name) for component in components)

    def _part(self, name: str) -> Part:
        columns = {column: self.index(column) for column in self._columns(name)}
        if name.startswith(SEVERAL_COLUMNS):
            kind = "columns"
        elif name.startswith(CATEGORIES) or (name in self.rows and not self._is_numeric(name)):
            kind = "category"
        else:
            kind = "number"
        return Part(name, kind, columns)

    def _is_numeric(self, column: str) -> bool:
        return column != self.unit and pd.api.types.is_numeric_dtype(self.rows[column])

    def labels(self, name: str) -> list[str] | None:
        """Levels of a common term that have coefficients; None if it has one."""
        dim = names.common_dim(name)
        return [str(label) for label in self.posterior[dim].to_numpy()] if dim in self.posterior.dims else None

    def reference(self, coefficient: Coefficient, labels: list[str]) -> list[str]:
        """Levels of a category that have no coefficient, since the others are differences from them."""
        parts = [part for part in coefficient.parts if part.kind != "number"]
        if len(parts) != 1 or coefficient.several_columns or coefficient.sums_to_zero:
            return []
        levels = self._levels(parts[0])
        return [level for level in levels if level not in labels] if set(labels) <= set(levels) else []

    def has_others(self, coefficient: Coefficient, labels: list[str]) -> bool:
        """Whether categories that are multiplied have cells without a coefficient."""
        parts = [part for part in coefficient.parts if part.kind != "number"]
        columns = zip(*(label.split(", ") for label in labels), strict=False)
        sizes = [
            len(set(values)) if part.kind == "columns" else len(self._levels(part))
            for part, values in zip(parts, columns, strict=False)
        ]
        return len(parts) > 1 and len(labels) < math.prod(sizes)

    def _levels(self, part: Part) -> list[str]:
        """Levels of a category as text; none if it is made of several columns."""
        return sorted(self.rows[part.category].astype(str).unique()) if part.category in self.rows else []
