"""A model as equations, level by level, from its spec and the terms that its fit has; LaTeX, and MathML for the page.

Level 1 is measurement i of unit j. Coefficients of level 1 are alpha and beta, those of the level of units gamma.
Deviations of units are U with standard deviations tau and correlations R. Those of other grouping factors are V with
standard deviations omega and bear the factor's name; k[ij] is the level of the factor to which a measurement belongs,
and k[j] that to which a unit does, after Gelman & Hill (2007), Data Analysis Using Regression and
Multilevel/Hierarchical Models, chapters 12 and 13.
"""

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd
from markupsafe import Markup

from partialpool.data.notation import LARGE, powers
from partialpool.model.names import INTERCEPT, Block
from partialpool.model.outcome import outcome_column
from partialpool.model.priors import Distribution
from partialpool.model.spec import ModelSpec
from partialpool.report import families
from partialpool.report.elements import heading, scrolled
from partialpool.report.latex import listed, mathml, text
from partialpool.report.terms import MEASUREMENT, UNIT, Coefficient, Factor, Terms
from partialpool.study.data import Nouns

# Ordinal families: whose probability, at a threshold c, the terms make.
EVENTS = {"cumulative": r"{y} \le c", "sratio": r"{y} = c \mid {y} \ge c"}
_AUTOMATIC = rf" \quad {text('(automatic)')}"


@dataclass(frozen=True)
class Level:
    """Equations of one level of a model.

    Attributes
    ----------
    number
        1 for measurements, 2 for what they are of, and so on.
    name
        The grouping factor; None for measurements and units, which the study has nouns for.
    letter
        The index of its members.
    lines
        LaTeX.
    """

    number: int
    name: str | None
    letter: str
    lines: list[str]


@dataclass(frozen=True)
class Equations:
    """Equations of one model in LaTeX, grouped as a reader meets them; those of measurements are the first level's."""

    levels: list[Level]
    priors: list[str]


def formulas(spec: ModelSpec, tree, nouns: Nouns, labels: Mapping[str, str]) -> Markup:
    """A model's formula, and its equations for the page: level by level, then priors.

    Parameters
    ----------
    spec
        The model's spec, with automatic priors.
    tree
        Its fit, with ``posterior`` and ``constant_data``.
    nouns
        How measurements and units are called.
    labels
        How columns are called, those that have a label: other grouping factors are called by it.
    """
    automatic = json.loads(tree.attrs.get("automatic_priors", "{}"))
    rows = tree["constant_data"].to_dataset().to_dataframe()
    equations = of_model(spec, tree["posterior"].to_dataset(), rows, automatic=automatic)
    unit, measurement = nouns.unit[0], nouns.measurement[0]
    groups = []
    for level in equations.levels:
        whose = ":".join(labels.get(part, part) for part in level.name.split(":")) if level.name else unit
        members = f"{measurement} i of {unit} j" if level.number == 1 else f"{whose} {level.letter}"
        groups.append((f"Level {level.number}: {members}", level.lines))
    groups.append(("Priors", equations.priors))
    parts = [heading(4, title) + Markup().join(map(mathml, lines)) for title, lines in groups if lines]
    words = Markup("<p>Formula: <code>{}</code></p>").format(spec.formula)
    return scrolled("Formula and equations", words + Markup().join(parts), "equations")


def of_model(spec: ModelSpec, posterior, rows: pd.DataFrame, *, automatic: Container[str] = ()) -> Equations:
    """Write a model as equations.

    Parameters
    ----------
    spec
        The model's spec: formula, family, link, priors, unit.
    posterior
        Dataset of its fit; only names, dimensions, coordinates and attributes are used.
    rows
        Its data (``constant_data``), which tell what varies within a unit.
    automatic
        Which of its priors were not in the config.
    """
    terms = Terms(spec, posterior, rows)
    of_units = [line for factor in terms.factors if factor.is_unit for line in _deviations(terms, factor)]
    levels = [Level(terms.level_of_unit, None, "j", _alpha(terms) + _betas(terms) + of_units)]
    levels += [Level(f.level, f.name, f.letter, _deviations(terms, f)) for f in terms.factors if not f.is_unit]
    # The unit stands before others of its level.
    levels.sort(key=lambda level: level.number)
    return Equations([Level(1, None, "i", _level1(spec, terms)), *levels], _priors(spec, terms, automatic))


def _level1(spec: ModelSpec, terms: Terms) -> list[str]:
    mean = families.mean(spec.family)
    linear = " + ".join(_linear_predictor(terms)) or "0"
    link = terms.posterior.attrs.get("link", "identity")
    outcome, trials = _outcome(spec, terms)
    levels = json.loads(terms.posterior.attrs.get("levels", "null"))
    if spec.family in EVENTS:
        event = EVENTS[spec.family].format(y=outcome)
        below = rf" \quad {text(f'for c = {listed(levels[:-1], "...")}')}" if levels else ""
        threshold = families.symbol("threshold")
        return [f"{families.linked(link, _probability(event))} = {threshold} - {mean}{below}", f"{mean} = {linear}"]
    if spec.family == "categorical":
        own = text("(each level c but the first has coefficients of its own; of the first it is 0)")
        return [rf"{_probability(f'{outcome} = c')} \propto \exp({mean})", rf"{mean} = {linear} \quad {own}"]
    linked = f"{families.linked(link, mean)} = {linear}"
    if levels:
        return [f"{_probability(f'{outcome} = {text(levels[1])}')} = {mean}", linked]
    return [rf"{outcome} \sim {families.distribution(spec.family, terms.family, trials)}", linked]


def _probability(event: str) -> str:
    return f"{text('Pr')}({event})"


def _linear_predictor(terms: Terms) -> list[str]:
    """What is added up in the equation of a measurement."""
    parts = [r"\alpha_j"] if _alpha(terms) or terms.unit in terms.common else []
    parts += [c.times(_beta(c, MEASUREMENT)) for c in terms.coefficients if _beta_parts(terms, c)]
    for factor in _crossed(terms):
        own = [c for c in [terms.intercept, *terms.coefficients] if factor.term(c.name)]
        parts += [c.times(factor.effect_of(c.index(MEASUREMENT))) for c in own]
    return parts + [terms.expression(offset) for offset in terms.offsets]


def _outcome(spec: ModelSpec, terms: Terms) -> tuple[str, list[str]]:
    """The outcome of a measurement; and of successes in trials, the number of trials."""
    outcome = spec.formula.partition("~")[0].strip()
    function, _, inside = outcome.removesuffix(")").partition("(")
    if function in ("p", "prop", "proportion") and inside.count(",") == 1:
        successes, trials = (terms.expression(words.strip(), MEASUREMENT) for words in inside.split(","))
        return successes, [trials]
    column, _ = outcome_column(spec.formula)
    return terms.expression(column or outcome, MEASUREMENT), []


def _crossed(terms: Terms) -> list[Factor]:
    """Grouping factors of which a unit has several levels: they are in the equations of measurements."""
    return [factor for factor in terms.factors if factor.index == MEASUREMENT]


def _of_units(terms: Terms, coefficient: Coefficient) -> list[Factor]:
    """Grouping factors of which a unit has one level, and between whose levels a coefficient varies; units in front."""
    own = [factor for factor in terms.factors if factor.index == UNIT and factor.term(coefficient.name)]
    return sorted(own, key=lambda factor: not factor.is_unit)


def _alpha(terms: Terms) -> list[str]:
    """The level of a unit; nothing if there is no pooling: it has a prior of its own."""
    own = [c for c in [terms.intercept, *terms.coefficients] if c.name == INTERCEPT or not terms.is_level1(c)]
    parts = [c.times(_gamma(c, UNIT)) for c in own if c.name in terms.common]
    if not any(c.name != terms.unit for c in own if c.name in terms.common or _of_units(terms, c)):
        return []
    parts += [c.times(factor.effect_of(c.index(UNIT))) for c in own for factor in _of_units(terms, c)]
    return [rf"\alpha_j = {' + '.join(parts)}"]


def _betas(terms: Terms) -> list[str]:
    """The slopes of a unit."""
    lines = []
    for coefficient in terms.coefficients:
        if parts := _beta_parts(terms, coefficient):
            lines.append(rf"{_beta(coefficient, UNIT)} = {' + '.join(parts)}")
    return lines


def _beta(coefficient: Coefficient, at: str) -> str:
    """Symbol of a slope of a unit."""
    return rf"\beta_{{{coefficient.index(at, of_unit=True)}j}}"


def _beta_parts(terms: Terms, coefficient: Coefficient) -> list[str]:
    """What a slope of a unit is the sum of; nothing if it is no slope of units."""
    if not terms.is_level1(coefficient):
        return []
    parts = [_gamma(coefficient, UNIT)] if coefficient.name in terms.common else []
    return parts + [factor.effect_of(coefficient.index(UNIT)) for factor in _of_units(terms, coefficient)]


def _gamma(coefficient: Coefficient, at: str = "") -> str:
    """Symbol of a common coefficient."""
    return rf"\gamma_{{{coefficient.index(at)}}}"


def _deviations(terms: Terms, factor: Factor) -> list[str]:
    """Distributions of the deviations of a grouping factor's levels: one for each bar."""
    lines = []
    for block, number in zip(factor.blocks, _numbers(factor), strict=True):
        indices = _indices(terms, block)
        effects, sds = [factor.effect(index) for index in indices], [factor.sd(index) for index in indices]
        if block.correlation is None:
            line = rf"{effects[0]} \sim {text('Normal')}(0, {sds[0]})"
        else:
            scale = _matrix("S", factor, number)
            line = (
                rf"({listed(effects)}) \sim {text('MultivariateNormal')}"
                rf"(\mathbf{{0}}, {scale} {_matrix('R', factor, number)} {scale}), "
                rf"\quad {scale} = {text('diag')}({listed(sds)})"
            )
        lines.append(line + _zero_effects(terms, factor, block))
    return lines


def _zero_effects(terms: Terms, factor: Factor, block: Block) -> str:
    """Which effects of a category are zero, since the others are differences from them."""
    zero = []
    for term in block.terms:
        coefficient = _coefficient(terms, term.coefficient)
        for level in terms.reference(coefficient, list(map(str, term.levels))) if term.levels else ():
            zero.append(rf", \quad {factor.effect(f'{coefficient.number}[{text(level)}]')} = 0")
    return "".join(zero)


def _coefficient(terms: Terms, name: str) -> Coefficient:
    return next(c for c in [terms.intercept, *terms.coefficients] if c.name == name)


def _indices(terms: Terms, block: Block) -> list[str]:
    """Index of each effect of a block, ``0``, ``1``, ``2[B]``."""
    indices = []
    for term in block.terms:
        number = _coefficient(terms, term.coefficient).number
        indices += [str(number)] if term.levels is None else [f"{number}[{text(str(n))}]" for n in term.levels]
    return indices


def _numbers(factor: Factor) -> list[str]:
    """Of each bar an index that tells correlation matrices apart; none if there is one."""
    correlated = [block for block in factor.blocks if block.correlation]
    if len(correlated) < 2:
        return ["" for _ in factor.blocks]
    return [f"_{{{correlated.index(block) + 1}}}" if block.correlation else "" for block in factor.blocks]


def _matrix(letter: str, factor: Factor, number: str) -> str:
    return rf"\mathbf{{{letter}}}{factor.superscript}{number}"


def _priors(spec: ModelSpec, terms: Terms, automatic: Container[str]) -> list[str]:
    def prior(klass: str, coefficient: str | None = None) -> str:
        name = next(name for name in (f"{klass}[{coefficient}]", klass) if name in spec.priors)
        return rf"\sim {_distribution(spec.priors[name])}{_AUTOMATIC if name in automatic else ''}"

    lines = []
    if INTERCEPT in terms.common:
        # Bambi and brms: the prior is that of the intercept at the means of the predictors.
        centred = rf" \quad {text('(at the means of the predictors)')}" if len(terms.common) > 1 else ""
        lines.append(rf"\gamma_{{0}} {prior(INTERCEPT)}{centred}")
    for coefficient in terms.coefficients:
        if coefficient.name in terms.common:
            alone = coefficient.name == terms.unit and not _alpha(terms)
            symbol = r"\alpha_j" if alone else _gamma(coefficient)
            lines.append(f"{symbol} {prior('b', coefficient.name)}{_for_levels(terms, coefficient)}")
    for factor in terms.factors:
        for term in factor.terms:
            sds = [factor.sd(index) for index in _indices(terms, Block((term,), None))]
            lines.append(f"{listed(sds)} {prior('sd', term.coefficient)}")
        for block, number in zip(factor.blocks, _numbers(factor), strict=True):
            lines += [f"{_matrix('R', factor, number)} {prior('cor')}"] if block.correlation else []
    of_family = [f"{families.symbol(name)} {prior(name)}{families.meaning(spec.family, name)}" for name in terms.family]
    return lines + of_family


def _distribution(prior: Distribution) -> str:
    """A prior; of several numbers for the coefficients of a term the first and the last."""
    told = [[_number(value) for value in each] for each in prior.numbers]
    numbers = [f"[{listed(each, '...')}]" if len(each) > 1 else each[0] for each in told]
    return text(f"{prior.name}({', '.join(numbers)})")


def _number(value: str) -> str:
    """A number of a prior, all of its digits."""
    return powers(f"{Decimal(value).normalize():e}" if abs(float(value)) >= LARGE else value)


def _for_levels(terms: Terms, coefficient: Coefficient) -> str:
    """For which levels there are coefficients, and what holds for the others; nothing if there is one."""
    labels = terms.labels(coefficient.name)
    if labels is None:
        return ""
    parts = [part for part in coefficient.parts if part.kind != "number"]
    if [part.category for part in parts] == [terms.unit]:
        return rf" \quad {text(f'for j = 1, ..., {len(labels)}')}"
    names = ["c" if part.kind == "columns" else part.category for part in parts]
    if len(parts) == 1:
        return rf" \quad {text(f'for {names[0]} = {listed(labels, "...")}{_others(terms, coefficient, labels)}')}"
    several = listed([f"({label})" for label in labels], "...")
    return rf" \quad {text(f'for ({", ".join(names)}) = {several}{_others(terms, coefficient, labels)}')}"


def _others(terms: Terms, coefficient: Coefficient, labels: list[str]) -> str:
    """What the coefficients of levels are that are none of the model's parameters."""
    if coefficient.sums_to_zero:
        return (
            "; the deviations of all levels from their mean sum to 0" if "mean" in labels else "; all levels sum to 0"
        )
    if reference := terms.reference(coefficient, labels):
        return f"; 0 for {listed(reference, '...')}"
    return "; 0 for all others" if terms.has_others(coefficient, labels) else ""
