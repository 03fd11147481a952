"""A model as equations, level by level, from its spec and the terms that its fit has; LaTeX, and MathML for the page.

Level 1 is measurement i of unit j, level 2 is unit j. Coefficients of level 1 are alpha and beta, of level 2 gamma.
Deviations of units are U with standard deviations tau and correlations R; those of other grouping factors are V with
standard deviations omega.
"""

import html
import re
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from markupsafe import Markup

from partialpool.model import names, parameters
from partialpool.model.names import INTERCEPT, Term
from partialpool.model.spec import ModelSpec
from partialpool.report.elements import heading
from partialpool.study.data import Nouns

MEAN = r"\mu_{ij}"
IN_TEXT = str.maketrans({"{": "(", "}": ")", "%": "&#37;"})
DISTRIBUTIONS = {"gaussian": "Normal"}


@dataclass(frozen=True)
class Equations:
    """Equations of one model in LaTeX, grouped as a reader meets them."""

    level1: list[str]
    level2: list[str]
    priors: list[str]


def formulas(spec: ModelSpec, tree, nouns: Nouns) -> Markup:
    """A model's formula, and its equations for the page: level 1, level 2, priors.

    Parameters
    ----------
    spec
        The model's spec.
    tree
        Its fit, with ``posterior`` and ``constant_data``.
    nouns
        How the levels are called.
    """
    equations = of_model(spec, tree["posterior"].to_dataset(), tree["constant_data"].to_dataset().to_dataframe())
    unit, measurement = nouns.unit[0], nouns.measurement[0]
    groups = (
        (f"Level 1: {measurement} i of {unit} j", equations.level1),
        (f"Level 2: {unit} j", equations.level2),
        ("Priors", equations.priors),
    )
    parts = [heading(5, title) + Markup().join(map(mathml, lines)) for title, lines in groups if lines]
    return Markup('<div class="equations"><p>Formula: <code>{}</code></p>{}</div>').format(
        spec.formula, Markup().join(parts)
    )


def of_model(spec: ModelSpec, posterior, rows: pd.DataFrame) -> Equations:
    """Write a model as equations.

    Parameters
    ----------
    spec
        The model's spec: formula, family, link, priors, unit.
    posterior
        Dataset of its fit; only names, dimensions, coordinates and attributes are used.
    rows
        Its data (``constant_data``), which tell what varies within a unit.
    """
    terms = _Terms(spec.unit, posterior, rows)
    return Equations(_level1(spec, terms), _level2(terms), _priors(spec, terms))


@dataclass(frozen=True)
class _Terms:
    """What the equations of a model are made of; coefficients by name, ``Intercept`` for that of a constant."""

    unit: str
    posterior: object
    rows: pd.DataFrame

    @cached_property
    def common(self) -> list[str]:
        """Common coefficients; the unit itself is one of them if there is no pooling."""
        return self._variables("common")

    @cached_property
    def family(self) -> list[str]:
        """Parameters of the family besides the mean."""
        return self._variables("family")

    def _variables(self, kind: str) -> list[str]:
        return list(dict.fromkeys(p.variable for p in parameters.of(self.posterior) if p.kind == kind))

    @cached_property
    def of_unit(self) -> dict[str, Term]:
        """Coefficients that vary between units."""
        return {term.coefficient: term for term in names.effect_terms(self.posterior, self.unit)}

    @cached_property
    def of_others(self) -> list[Term]:
        """Effects of other grouping factors."""
        return [term for term in names.effect_terms(self.posterior) if term.grouping != self.unit]

    @cached_property
    def correlated(self) -> list[list[str]]:
        """Coefficients of the unit that are correlated with each other, bar by bar."""
        blocks = []
        for correlation in names.correlation_names(self.posterior, self.unit):
            labels = set(self.posterior[names.pair_dim(correlation)].to_numpy().tolist())
            blocks.append([name for name in self.of_unit if self._pairs(name) & labels])
        return blocks

    def _pairs(self, name: str) -> set[str]:
        """Labels of all pairs of an effect of one coefficient with any other."""
        every = [effect for term in self.of_unit.values() for effect in term.coefficients]
        own = self.of_unit[name].coefficients
        return {names.pair_label(*pair) for one in own for other in every for pair in ((one, other), (other, one))}

    @cached_property
    def slopes(self) -> list[str]:
        """Coefficients besides intercepts and units."""
        return [name for name in dict.fromkeys([*self.common, *self.of_unit]) if name not in (INTERCEPT, self.unit)]

    @cached_property
    def within(self) -> list[str]:
        """Slopes at level 1: they vary between units, or their variables vary within one."""
        return [n for n in self.slopes if n in self.of_unit or _varies_within(n, self.rows, self.unit)]

    @cached_property
    def between(self) -> list[str]:
        """Slopes at level 2."""
        return [name for name in self.slopes if name not in self.within]

    @cached_property
    def number(self) -> dict[str, int]:
        """Index of each coefficient in the equations."""
        return {INTERCEPT: 0} | {name: k for k, name in enumerate([*self.within, *self.between], start=1)}

    @property
    def has_alpha(self) -> bool:
        """Whether level 2 says anything about the level of a unit."""
        return bool(INTERCEPT in self.common or INTERCEPT in self.of_unit or self.between)

    def has_levels(self, name: str) -> bool:
        """Whether a common coefficient has one value for each level of a categorical variable."""
        return names.common_dim(name) in self.posterior.dims

    def gamma(self, name: str) -> str:
        """Symbol of a common coefficient."""
        if name == INTERCEPT:
            return r"\gamma_0"
        level = rf"[{_text(name)}_j]" if self.has_levels(name) else ""
        return rf"\gamma_{{{self.number[name]}{level}}}"


def _level1(spec: ModelSpec, terms: _Terms) -> list[str]:
    outcome = _text(spec.formula.partition("~")[0].strip())
    distribution = _text(DISTRIBUTIONS.get(spec.family, spec.family))
    right = [r"\alpha_j"] if terms.has_alpha or terms.unit in terms.common else []
    right += [rf"\beta_{{{terms.number[name]}j}} \, {_variable(name)}_{{ij}}" for name in terms.within]
    right += [rf"V_{{{k}, ij}}" for k, _ in enumerate(terms.of_others, start=1)]
    link = terms.posterior.attrs.get("link", "identity")
    linked = MEAN if link == "identity" else rf"{_text(link)}({MEAN})"
    return [
        rf"{outcome}_{{ij}} \sim {distribution}({', '.join([MEAN, *map(_symbol, terms.family)])})",
        f"{linked} = {' + '.join(right) or '0'}",
    ]


def _level2(terms: _Terms) -> list[str]:
    lines = []
    if terms.has_alpha:
        parts = [terms.gamma(INTERCEPT)] if INTERCEPT in terms.common else []
        for name in terms.between:
            parts.append(terms.gamma(name) + ("" if terms.has_levels(name) else rf" \, {_variable(name)}_j"))
        parts += ["U_{0j}"] if INTERCEPT in terms.of_unit else []
        lines.append(rf"\alpha_j = {' + '.join(parts)}")
    for name in terms.within:
        parts = [terms.gamma(name)] if name in terms.common else []
        parts += [f"U_{{{terms.number[name]}j}}"] if name in terms.of_unit else []
        lines.append(rf"\beta_{{{terms.number[name]}j}} = {' + '.join(parts)}")
    lines += _deviations(terms)
    for k, term in enumerate(terms.of_others, start=1):
        lines.append(rf"V_{{{k}}} \sim {_text('Normal')}(0, \omega_{k}) \quad {_text(f'for {term.name}')}")
    return lines


def _deviations(terms: _Terms) -> list[str]:
    """Distributions of the deviations of units: one for each bar."""
    lines = []
    for block, letter in zip(terms.correlated, _letters(len(terms.correlated)), strict=True):
        numbers = [terms.number[name] for name in block]
        scale = rf"\mathbf{{S}}{letter}"
        lines.append(
            rf"({', '.join(f'U_{{{k}j}}' for k in numbers)}) \sim {_text('MultivariateNormal')}"
            rf"(\mathbf{{0}}, {scale} \mathbf{{R}}{letter} {scale}), "
            rf"\quad {scale} = {_text('diag')}({', '.join(rf'\tau_{k}' for k in numbers)})"
        )
    alone = [name for name in terms.of_unit if not any(name in block for block in terms.correlated)]
    numbers = [terms.number[name] for name in alone]
    return lines + [rf"U_{{{k}j}} \sim {_text('Normal')}(0, \tau_{k})" for k in numbers]


def _letters(n: int) -> list[str]:
    """Indices that tell several correlation matrices apart; none if there is one."""
    return [""] if n == 1 else [f"_{{{k}}}" for k in range(1, n + 1)]


def _priors(spec: ModelSpec, terms: _Terms) -> list[str]:
    def prior(klass: str, coefficient: str | None = None) -> str:
        return rf"\sim {_text(str(spec.priors.get(f'{klass}[{coefficient}]') or spec.priors[klass]))}"

    lines = []
    if terms.unit in terms.common:
        n_units = terms.posterior.sizes[names.common_dim(terms.unit)]
        lines.append(rf"\alpha_j {prior('b', terms.unit)} \quad {_text(f'for j = 1, ..., {n_units}')}")
    if INTERCEPT in terms.common:
        # Bambi and brms: the prior is that of the intercept at the means of the predictors.
        centred = rf" \quad {_text('(at the means of the predictors)')}" if len(terms.common) > 1 else ""
        lines.append(rf"\gamma_0 {prior(INTERCEPT)}{centred}")
    lines += [
        f"{terms.gamma(name)} {prior('b', name)}" for name in [*terms.within, *terms.between] if name in terms.common
    ]
    lines += [rf"\tau_{terms.number[name]} {prior('sd', name)}" for name in terms.of_unit]
    lines += [rf"\omega_{k} {prior('sd', term.coefficient)}" for k, term in enumerate(terms.of_others, start=1)]
    lines += [rf"\mathbf{{R}}{letter} {prior('cor')}" for letter in _letters(len(terms.correlated))]
    return lines + [f"{_symbol(name)} {prior(name)}" for name in terms.family]


def _text(words: str) -> str:
    # The converter to MathML copies what stands in \text as it is, so markup is escaped and LaTeX is not. But a brace
    # would end the text, and a percent sign begins a comment.
    return rf"\text{{{html.escape(words, quote=False).translate(IN_TEXT)}}}"


def _symbol(parameter: str) -> str:
    return {"sigma": r"\sigma"}.get(parameter) or _text(parameter)


def _variable(term: str) -> str:
    return _text(term.replace(":", " × "))


def _varies_within(term: str, rows: pd.DataFrame, unit: str) -> bool:
    """Whether a variable of the term differs between the rows of a unit."""
    mentioned = [c for c in rows.columns if re.search(rf"(?<![\w.]){re.escape(c)}(?![\w.])", term)]
    return any((rows.groupby(unit)[c].nunique() > 1).any() for c in mentioned if c != unit)


def mathml(latex: str) -> Markup:
    """One equation as MathML, which browsers lay out by themselves."""
    from latex2mathml.converter import convert

    # The converter has an ASCII tilde for \sim, which browsers set without the spaces of a relation.
    return Markup(convert(latex, display="block").replace("<mi>&#x0007E;</mi>", "<mo>&#x223C;</mo>"))
