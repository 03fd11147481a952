"""What the parameters of a model are, in the words and units of measurement of the study."""

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup, escape

from partialpool.model import names, parameters
from partialpool.model.names import INTERCEPT
from partialpool.model.parts import left_side, trials
from partialpool.model.spec import ModelSpec
from partialpool.report.families import SHAPES, meaning_of_psi
from partialpool.report.glossary import link
from partialpool.report.terms import Coefficient, Part, Terms
from partialpool.study.data import Data, singular

NOTHING = Markup()
# Functions whose values have no unit of measurement.
PURE_NUMBERS = ("exp", "log", "log10", "log1p", "log2", "scale", "sign", "standardize")
POWERS = {2: "²", 3: "³"}
# What the columns of a call are, that it has several of, counted from 1.
COLUMNS = {"poly": "polynomial of degree", "bs": "spline"}


@dataclass(frozen=True)
class Meaning:
    """What one parameter is.

    Attributes
    ----------
    kind
        ``common``, ``sd``, ``family``, ``shape`` or ``threshold``.
    term
        Its term in the formula.
    words
        What it is called: ``Age``, ``Dose high against low``, ``sd of the Intercept between herds``.
    unit
        What it is measured in, ``cm per year``; empty if nothing is known.
    scale
        ``on the logit scale``, ``on the scale of log(cost)``; empty where it is that of the outcome.
    """

    kind: str
    term: str
    words: Markup
    unit: Markup
    scale: Markup


def of_model(data: Data, spec: ModelSpec, tree) -> dict[str, Meaning]:
    """The meanings of common coefficients, standard deviations and of a family, by the name of the parameter.

    Parameters
    ----------
    data
        The section of the configuration, with labels, nouns and units of measurement.
    spec
        The model's spec.
    tree
        Its fit, with ``posterior`` and ``constant_data``.
    """
    posterior, rows = tree["posterior"].to_dataset(), tree["constant_data"].to_dataset().to_dataframe()
    speaker = _Speaker(data, Terms(spec, posterior, rows))
    spoken = {parameter.name: speaker.meaning(parameter) for parameter in parameters.of(posterior)}
    return {name: meaning for name, meaning in spoken.items() if meaning is not None}


class _Speaker:
    """Names and units of the parameters of one model."""

    def __init__(self, data: Data, terms: Terms):
        self.data, self.terms = data, terms
        self.link = terms.posterior.attrs.get("link", "identity")
        self.coefficients = {one.name: one for one in [terms.intercept, *terms.coefficients]}
        # What is modelled may be a function of the outcome, and the scale that of a link.
        is_share = trials(terms.spec.formula) != []
        modelled = left_side(terms.spec.formula).partition("[")[0].strip("`")
        same = self.link == "identity" and modelled == data.outcome
        if same or (self.link == "identity" and is_share):
            self.scale = NOTHING
        elif self.link == "identity":
            self.scale = escape(f"on the scale of {data.label(modelled)}")
        else:
            self.scale = Markup("on the {}").format(link("link", f"{self.link} scale"))
        self.outcome_unit = data.units_of_measurement.get(data.outcome, "") if same else ""

    def meaning(self, parameter: parameters.Parameter) -> Meaning | None:
        """What a parameter is; None of those that have no words."""
        if parameter.kind == "common" and parameter.variable in self.coefficients:
            return self._common(parameter, self.coefficients[parameter.variable])
        if parameter.kind == "sd":
            return self._sd(parameter)
        if parameter.variable == "threshold":
            return self._threshold(parameter)
        if parameter.name == "sigma" and self.link == "identity":
            # Of other families it is a scale: the sd of a Student t distribution is larger.
            gaussian = self.terms.spec.family == "gaussian"
            words = link("residual", "residual sd") if gaussian else Markup("residual scale")
            return Meaning("family", "sigma", words, escape(self.outcome_unit), self.scale)
        if parameter.name == "psi":
            return Meaning("family", "psi", escape(meaning_of_psi(self.terms.spec.family)), NOTHING, NOTHING)
        if words := SHAPES.get((self.terms.spec.family, parameter.name)):
            return Meaning("shape", parameter.name, escape(words), NOTHING, NOTHING)
        return None

    def _common(self, parameter: parameters.Parameter, coefficient: Coefficient) -> Meaning:
        labels = self.terms.labels(coefficient.name) or []
        # Coefficients on each level of a categorical outcome have that level in front.
        dims = [dim for dim in self.terms.posterior[parameter.variable].dims if dim not in ("chain", "draw")]
        places = dict(zip(dims, parameter.index, strict=True))
        level = labels[places[names.common_dim(coefficient.name)]] if labels else ""
        reference = self.terms.reference(coefficient, labels) if labels else []
        against = f" against {reference[0]}" if len(reference) == 1 else ""
        if coefficient.sums_to_zero and sum(part.kind != "number" for part in coefficient.parts) == 1:
            against = " against the mean of the levels"
        words = self._words(coefficient, level, against) + self._of_outcome(parameter)
        return Meaning("common", coefficient.name, words, self._unit(coefficient), self.scale)

    def _sd(self, parameter: parameters.Parameter) -> Meaning:
        values = self.terms.posterior[parameter.variable]
        _, term = names.classify(parameter.variable, values.dims)
        dims = [dim for dim in values.dims if names.is_expression_dim(dim)]
        level = str(values[dims[0]].to_numpy()[parameter.index[0]]) if dims else ""
        coefficient = self.coefficients[term.coefficient]
        of_unit = term.grouping == self.data.unit
        whose = self.data.nouns.unit[1] if of_unit else f"levels of {self._label(term.grouping)}"
        what = self._words(coefficient, level)
        # Not how much a predictor differs between units, but its coefficient.
        if coefficient.name != INTERCEPT:
            what = Markup("the effect of {}").format(what)
        words = Markup("{} of {} between {}").format(link("effects", "sd"), what, whose)
        words += self._of_outcome(parameter)
        return Meaning("sd", term.coefficient, words, self._unit(coefficient), self.scale)

    def _threshold(self, parameter: parameters.Parameter) -> Meaning | None:
        """Between which levels of an ordered outcome a threshold lies."""
        levels, place = self.terms.posterior.attrs.get("levels"), parameter.index[0]
        if levels is None:
            return None
        below, above = json.loads(levels)[place : place + 2]
        return Meaning("threshold", "threshold", escape(f"between {below} and {above}"), NOTHING, self.scale)

    def _of_outcome(self, parameter: parameters.Parameter) -> str:
        """Which level of a categorical outcome a parameter is of, and against which; empty of other outcomes."""
        values = self.terms.posterior[parameter.variable]
        dims = [dim for dim in values.dims if dim not in ("chain", "draw")]
        for dim, place in zip(dims, parameter.index, strict=True):
            if not (names.is_expression_dim(dim) or dim == names.common_dim(parameter.variable)):
                level, levels = values[dim].to_numpy()[place], self.terms.posterior.attrs.get("levels")
                return f", {level} against {json.loads(levels)[0]}" if levels else f", {level}"
        return ""

    def _words(self, coefficient: Coefficient, level: str, against: str = "") -> Markup:
        """A coefficient by the labels of its columns, each with the level that it is of: ``Dose high × Age``."""
        if coefficient.name == INTERCEPT:
            return link("intercept", INTERCEPT)
        several = [part.name for part in coefficient.parts if part.kind != "number"]
        # A level may have a comma in it.
        levels = level.split(", ") if level.count(", ") == len(several) - 1 else [level]
        if len(levels) == len(several):
            each = dict(zip(several, levels, strict=True))
            return escape(" × ".join(self._word(part, each.get(part.name, ""), against) for part in coefficient.parts))
        return escape(f"{' × '.join(self._word(part, '', '') for part in coefficient.parts)} {level}".strip())

    def _word(self, part: Part, level: str, against: str) -> str:
        """A part of a product by the label of its column, with the level, or which of its columns, that is meant."""
        label = self.data.label(part.name if part.kind == "number" else part.category)
        if part.kind == "columns":
            call = part.name.partition("(")[0]
            return f"{label}, {COLUMNS[call]} {int(level) + 1}" if level.isdigit() else f"{part.name} {level}".strip()
        return f"{label} {level}{against}" if level else label

    def _label(self, expression: str) -> str:
        """A grouping factor, a column by its label; of ``a:b`` both."""
        return " × ".join(self.data.label(part) for part in expression.split(":"))

    def _unit(self, coefficient: Coefficient) -> Markup:
        """Units of the outcome by those of what a coefficient multiplies: ``cm per year``; empty if not known."""
        numbers = [part for part in coefficient.parts if part.kind == "number"]
        units = [unit_of(part, self.data.units_of_measurement) for part in numbers]
        if None in units:
            return NOTHING
        per = " and ".join(singular(unit) for unit in units if unit)
        return escape(f"{self.outcome_unit} {f'per {per}' if per else ''}".strip())


def unit_of(part: Part, units: Mapping[str, str]) -> str | None:
    """What a column or an expression of columns is measured in: ``year²`` is that of ``I(x ** 2)``.

    Parameters
    ----------
    part
        What a coefficient multiplies, or a factor of that.
    units
        What columns are measured in.

    Returns
    -------
    str or None
        Empty of a number without a unit, such as a logarithm; None if it is not known.
    """
    known = {column: units[column] for column in part.columns if column in units}
    if not known or part.name in known:
        return known.get(part.name, "")
    try:
        node = ast.parse(part.name, mode="eval").body
    except SyntaxError:
        return None
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in PURE_NUMBERS:
            return ""
        case ast.Call(func=ast.Name(id="center"), args=[ast.Name(id=column)]):
            return known.get(column)
        case ast.Call(ast.Name("I"), [ast.BinOp(ast.Name(column), ast.Add() | ast.Sub(), ast.Constant())]):
            return known[column]
        case ast.Call(ast.Name("I"), [ast.BinOp(ast.Name(column), ast.Pow(), ast.Constant(power))]) if power in POWERS:
            one = singular(known[column])
            return f"({one}){POWERS[power]}" if " " in one else f"{one}{POWERS[power]}"
    return None
