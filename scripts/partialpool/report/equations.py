"""A model as equations, level by level, from its spec and the terms that it has; LaTeX, and MathML for the report."""

import html
import re
from dataclasses import dataclass, field

import pandas as pd
from markupsafe import Markup

from partialpool.model import parameters
from partialpool.model.spec import ModelSpec
from partialpool.report.elements import heading
from partialpool.study.data import Nouns


@dataclass
class Equations:
    """Equations of one model in LaTeX, grouped as a reader meets them."""

    level1: list[str] = field(default_factory=list)
    level2: list[str] = field(default_factory=list)
    priors: list[str] = field(default_factory=list)


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

    Returns
    -------
    Equations
        Level 1 is measurement i of unit j, level 2 is unit j. Coefficients of level 2 are gammas, deviations of a
        unit U, of members of other groups V.
    """
    unit = spec.unit
    priors = spec.priors
    found = parameters.of(posterior)
    common = list(dict.fromkeys(p.variable for p in found if p.kind == "common"))
    family = [p.variable for p in found if p.kind == "family"]
    effects = [n for n in posterior.data_vars if "|" in n and not n.endswith("_sigma")]
    varying = {n.partition("|")[0]: n for n in effects if n.endswith(f"|{unit}")}
    others = [n for n in effects if n not in varying.values()]

    slopes = [n for n in dict.fromkeys([*common, *varying]) if n not in ("Intercept", "1", unit)]
    first = [n for n in slopes if n in varying or _varies_within(n, rows, unit)]
    second = [n for n in slopes if n not in first]
    index = {name: k for k, name in enumerate([*first, *second], start=1)}

    def prior(klass: str, coefficient: str | None = None) -> str:
        return rf"\sim {_text(str(priors.get(f'{klass}[{coefficient}]') or priors[klass]))}"

    def gamma(name: str) -> str:
        return rf"\gamma_{{{index[name]}{_level(name, posterior)}}}"

    def of_expr(name: str) -> str:
        return "Intercept" if name == "1" else name

    made = Equations()
    outcome = _text(spec.formula.partition("~")[0].strip())
    distribution = _text({"gaussian": "Normal"}.get(spec.family, spec.family))
    made.level1.append(rf"{outcome}_{{ij}} \sim {distribution}({', '.join([MEAN, *map(_symbol, family)])})")

    intercept = ["Intercept"] if "Intercept" in common else []
    own_level = bool(intercept or second or "1" in varying)
    right = [r"\alpha_j"] if own_level or unit in common else []
    right += [rf"\beta_{{{index[n]}j}} \, {_variable(n)}_{{ij}}" for n in first]
    right += [rf"V_{{{k}, ij}}" for k, _ in enumerate(others, start=1)]
    link = posterior.attrs.get("link", "identity")
    linked = MEAN if link == "identity" else rf"{_text(link)}({MEAN})"
    made.level1.append(f"{linked} = {' + '.join(right) or '0'}")

    if own_level:
        parts = [r"\gamma_0" for _ in intercept]
        parts += [gamma(n) if _level(n, posterior) else rf"{gamma(n)} \, {_variable(n)}_j" for n in second]
        parts += ["U_{0j}"] if "1" in varying else []
        made.level2.append(rf"\alpha_j = {' + '.join(parts)}")
    for n in first:
        parts = [gamma(n)] if n in common else []
        parts += [f"U_{{{index[n]}j}}"] if n in varying else []
        made.level2.append(rf"\beta_{{{index[n]}j}} = {' + '.join(parts)}")
    numbers = [0 if n == "1" else index[n] for n in varying]
    if f"cor_{unit}" in posterior:
        deviations = ", ".join(f"U_{{{k}j}}" for k in numbers)
        diagonal = ", ".join(rf"\tau_{k}" for k in numbers)
        made.level2.append(
            rf"({deviations}) \sim {_text('MultivariateNormal')}"
            r"(\mathbf{0}, \mathbf{S} \mathbf{R} \mathbf{S}), "
            rf"\quad \mathbf{{S}} = {_text('diag')}({diagonal})"
        )
    else:
        made.level2 += [rf"U_{{{k}j}} \sim {_text('Normal')}(0, \tau_{k})" for k in numbers]
    for k, n in enumerate(others, start=1):
        made.level2.append(rf"V_{{{k}}} \sim {_text('Normal')}(0, \omega_{k}) \quad {_text(f'for {n}')}")

    if unit in common:
        units = posterior.sizes[f"{unit}_dim"]
        made.priors.append(rf"\alpha_j {prior('b', unit)} \quad {_text(f'for j = 1, ..., {units}')}")
    if intercept:
        # Bambi and brms: the prior is that of the intercept at the means of the predictors.
        centred = rf" \quad {_text('(at the means of the predictors)')}" if len(common) > 1 else ""
        made.priors.append(rf"\gamma_0 {prior('Intercept')}{centred}")
    made.priors += [f"{gamma(n)} {prior('b', n)}" for n in [*first, *second] if n in common]
    made.priors += [rf"\tau_{k} {prior('sd', of_expr(n))}" for k, n in zip(numbers, varying, strict=True)]
    made.priors += [rf"\omega_{k} {prior('sd', of_expr(n.partition('|')[0]))}" for k, n in enumerate(others, start=1)]
    if f"cor_{unit}" in posterior:
        made.priors.append(rf"\mathbf{{R}} {prior('cor')}")
    made.priors += [f"{_symbol(n)} {prior(n)}" for n in family]
    return made


MEAN = r"\mu_{ij}"


def _text(words: str) -> str:
    # The converter to MathML copies what stands in \text as it is, so markup is escaped and LaTeX is not.
    return rf"\text{{{html.escape(words, quote=False).translate(str.maketrans('{}', '()'))}}}"


def _symbol(parameter: str) -> str:
    return {"sigma": r"\sigma"}.get(parameter) or _text(parameter)


def _variable(term: str) -> str:
    return _text(term.replace(":", " × "))


def _level(term: str, posterior) -> str:
    """The index of a coefficient that has one value for each level of a categorical variable."""
    return rf"[{_text(term)}_j]" if f"{term}_dim" in posterior.dims else ""


def _varies_within(term: str, rows: pd.DataFrame, unit: str) -> bool:
    """Whether a variable of the term differs between the rows of a unit."""
    mentioned = [c for c in rows.columns if re.search(rf"(?<![\w.]){re.escape(c)}(?![\w.])", term)]
    return any((rows.groupby(unit)[c].nunique() > 1).any() for c in mentioned if c != unit)


def mathml(latex: str) -> Markup:
    """One equation as MathML, which browsers lay out by themselves."""
    from latex2mathml.converter import convert

    # The converter has an ASCII tilde for \sim, which browsers set without the spaces of a relation.
    return Markup(convert(latex, display="block").replace("<mi>&#x0007E;</mi>", "<mo>&#x223C;</mo>"))
