"""A model as equations, level by level, from its spec and the terms that it has; LaTeX, and MathML for the report."""

from dataclasses import dataclass, field

import pandas as pd

from partialpool import parameters
from partialpool.priors import parse_priors


@dataclass
class Equations:
    """Equations of one model in LaTeX, grouped as a reader meets them."""

    level1: list[str] = field(default_factory=list)
    level2: list[str] = field(default_factory=list)
    priors: list[str] = field(default_factory=list)


def text(words: str) -> str:
    """Words inside LaTeX."""
    escaped = words.replace("\\", r"\backslash ").replace("_", r"\_").replace("%", r"\%").replace("&", r"\&")
    return rf"\text{{{escaped}}}"


def of_model(spec: dict, posterior, rows: pd.DataFrame) -> Equations:
    """Write a model as equations.

    Parameters
    ----------
    spec
        The model's spec: formula, family, link, priors, person.
    posterior
        Dataset of its fit; only names, dimensions and coordinates are used.
    rows
        Its data (``constant_data``), which tell what varies within a person.

    Returns
    -------
    Equations
        Level 1 is a measurement i of a person j, level 2 is the person. Coefficients of level 2 are gammas, a person's
        deviations U.
    """
    person = spec["person"]
    outcome = text(spec["formula"].partition("~")[0].strip())
    priors = parse_priors(spec["priors"])
    found = parameters.of(posterior)
    family = [p.variable for p in found if p.kind == "family"]
    common = list(dict.fromkeys(p.variable for p in found if p.kind == "common"))
    varying = {
        name.partition("|")[0]: name for name in posterior.data_vars if name.endswith(f"|{person}")
    }
    others = [
        name
        for name in posterior.data_vars
        if "|" in name and not name.endswith("_sigma") and not name.endswith(f"|{person}")
    ]
    result = Equations()

    mean = r"\mu_{ij}"
    spread = {"sigma": r"\sigma"}
    auxiliary = ", ".join(spread.get(name, text(name)) for name in family)
    distribution = {"gaussian": "Normal"}.get(spec["family"], spec["family"])
    result.level1.append(
        rf"{outcome}_{{ij}} \sim {text(distribution)}({mean}{', ' + auxiliary if auxiliary else ''})"
    )

    inner, numbers = [], {}
    has_level = "Intercept" in common or "1" in varying or _is_person_level_only(common, varying, rows, person)
    slopes = [n for n in dict.fromkeys([*common, *varying]) if n not in ("Intercept", "1")]
    own = [name for name in slopes if name == person]
    at_level_1 = [n for n in slopes if n in varying or _varies_within(n, rows, person)]
    at_level_2 = [n for n in slopes if n not in at_level_1 and n not in own]
    if has_level or at_level_2 or own:
        inner.append(r"\alpha_j")
    for k, name in enumerate(at_level_1, start=1):
        numbers[name] = k
        inner.append(rf"\beta_{{{k}j}} {_variable(name, posterior, 'ij')}")
    inner += [rf"V^{{{text(name)}}}_{{ij}}" for name in others]
    link = spec["link"]
    left = mean if link in (None, "identity") else rf"{text(link)}({mean})"
    result.level1.append(f"{left} = {' + '.join(inner) or '0'}")

    level = []
    if own:
        people = len(posterior[f"{person}_dim"]) if f"{person}_dim" in posterior.dims else rows[person].nunique()
        level.append(r"\gamma_{j}")
    if "Intercept" in common:
        level.append(r"\gamma_0")
    for k, name in enumerate(at_level_2, start=len(at_level_1) + 1):
        numbers[name] = k
        level.append(_coefficient(name, k, posterior) + _variable(name, posterior, "j", indexed=True))
    if "1" in varying:
        level.append("U_{0j}")
    if inner and inner[0] == r"\alpha_j":
        result.level2.append(rf"\alpha_j = {' + '.join(level)}")
    for name in at_level_1:
        k = numbers[name]
        parts = [_coefficient(name, k, posterior)] if name in common else []
        parts += [f"U_{{{k}j}}"] if name in varying else []
        result.level2.append(rf"\beta_{{{k}j}} = {' + '.join(parts)}")
    effects = ["0" if name == "1" else str(numbers[name]) for name in varying]
    correlated = f"cor_{person}" in posterior
    if correlated:
        vector = ", ".join(f"U_{{{k}j}}" for k in effects)
        zeros = r"\mathbf{0}"
        result.level2.append(
            rf"({vector}) \sim {text('MultivariateNormal')}({zeros}, \mathbf{{S}} \mathbf{{R}} \mathbf{{S}}), "
            rf"\quad \mathbf{{S}} = {text('diag')}({', '.join(rf'\tau_{k}' for k in effects)})"
        )
    else:
        result.level2 += [rf"U_{{{k}j}} \sim {text('Normal')}(0, \tau_{k})" for k in effects]
    for i, name in enumerate(others, start=1):
        result.level2.append(rf"V^{{{text(name)}}} \sim {text('Normal')}(0, \omega_{i})")

    def prior(klass: str, coefficient: str | None = None) -> str:
        chosen = priors.get(f"{klass}[{coefficient}]") or priors[klass]
        return rf"\sim {text(str(chosen))}"

    if own:
        result.priors.append(rf"\gamma_j {prior('b', person)} \quad {text(f'for j = 1, ..., {people}')}")
    if "Intercept" in common:
        centred = rf" \quad {text('(at the means of the predictors)')}" if numbers_of_common(common) else ""
        result.priors.append(rf"\gamma_0 {prior('Intercept')}{centred}")
    for name in common:
        if name in numbers:
            result.priors.append(rf"{_coefficient(name, numbers[name], posterior)} {prior('b', name)}")
    for k, name in zip(effects, varying, strict=True):
        result.priors.append(rf"\tau_{k} {prior('sd', 'Intercept' if name == '1' else name)}")
    for i, name in enumerate(others, start=1):
        expr = name.partition("|")[0]
        result.priors.append(rf"\omega_{i} {prior('sd', 'Intercept' if expr == '1' else expr)}")
    if correlated:
        result.priors.append(rf"\mathbf{{R}} {prior('cor')}")
    for name in family:
        result.priors.append(rf"{spread.get(name, text(name))} {prior(name)}")
    return result


def numbers_of_common(common: list[str]) -> bool:
    """Whether there is a predictor beside the intercept, so that the intercept's prior is that of a centred design."""
    return len(common) > 1


def _is_person_level_only(common, varying, rows, person) -> bool:
    return not varying and all(not _varies_within(name, rows, person) for name in common)


def _columns(name: str, rows: pd.DataFrame) -> list[str]:
    """Columns that a term's name mentions."""
    import re

    return [c for c in rows.columns if re.search(rf"(?<![\w.]){re.escape(c)}(?![\w.])", name)]


def _varies_within(name: str, rows: pd.DataFrame, person: str) -> bool:
    columns = [column for column in _columns(name, rows) if column != person]
    return any((rows.groupby(person)[column].nunique() > 1).any() for column in columns)


def _levels(name: str, posterior) -> bool:
    return f"{name}_dim" in posterior.dims


def _coefficient(name: str, k: int, posterior) -> str:
    return rf"\gamma_{{{k}[{text(name)}]}}" if _levels(name, posterior) else rf"\gamma_{k}"


def _variable(name: str, posterior, index: str, indexed: bool = False) -> str:
    if indexed and _levels(name, posterior):
        return ""
    return rf"\, {text(name.replace(':', ' × '))}_{{{index}}}"


def mathml(latex: str) -> str:
    """One equation as MathML, which browsers lay out by themselves."""
    from latex2mathml.converter import convert

    return convert(latex, display="block")
