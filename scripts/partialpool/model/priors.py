"""Priors as they stand in the config, `Normal(0, 1.5)`, and as Bambi wants them; parsed with `ast`, never evaluated."""

import ast
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from partialpool.errors import StudyError, suggest

# Arguments in the order of PyMC's signatures (a test holds them to it), which is the order that brms users know.
# A scale, rate or shape, marked with +, must be positive.
DISTRIBUTIONS: dict[str, tuple[str, ...]] = {
    "Normal": ("mu", "+sigma"),
    "StudentT": ("+nu", "mu", "+sigma"),
    "Cauchy": ("alpha", "+beta"),
    "Laplace": ("mu", "+b"),
    "Logistic": ("mu", "+s"),
    "Uniform": ("lower", "upper"),
    "Exponential": ("+lam",),
    "HalfNormal": ("+sigma",),
    "HalfStudentT": ("+nu", "+sigma"),
    "HalfCauchy": ("+beta",),
    "Gamma": ("+alpha", "+beta"),
    "InverseGamma": ("+alpha", "+beta"),
    "LogNormal": ("mu", "+sigma"),
    "Weibull": ("+alpha", "+beta"),
    "Beta": ("+alpha", "+beta"),
    "LKJ": ("+eta",),
}
POSITIVE = (
    "Exponential",
    "HalfNormal",
    "HalfStudentT",
    "HalfCauchy",
    "Gamma",
    "InverseGamma",
    "LogNormal",
    "Weibull",
)
# Arguments that are multiplied when a distribution is made wider, and those that are divided.
WIDTHS = {
    **dict.fromkeys(("Normal", "StudentT", "HalfNormal", "HalfStudentT"), "sigma"),
    **dict.fromkeys(("Cauchy", "HalfCauchy", "InverseGamma", "Weibull"), "beta"),
    "Laplace": "b",
    "Logistic": "s",
}
RATES = {"Exponential": "lam", "Gamma": "beta"}
# Classes of parameters that cannot be negative: scales and shapes.
SCALES = ("sd", "sigma", "nu", "alpha", "kappa", "phi", "lam")


@dataclass(frozen=True)
class Distribution:
    """A distribution with numbers for its parameters, as in ``Normal(mu=0, sigma=1.5)``.

    A number may be several, one for each coefficient of a term: ``Normal(mu=0, sigma=(1.5, 2))``.
    """

    name: str
    args: tuple[tuple[str, float | tuple[float, ...]], ...]

    @property
    def numbers(self) -> list[list[str]]:
        """Of each parameter its number, or those of the coefficients, as text."""
        return [[repr(number).removesuffix(".0") for number in _listed(value)] for _, value in self.args]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'[{", ".join(n)}]' if len(n) > 1 else n[0] for n in self.numbers)})"

    def each(self, n: int) -> list["Distribution"]:
        """Distributions of n coefficients, with one number for each parameter; StudyError if it has other than n."""
        args = {}
        for name, value in self.args:
            args[name] = value if isinstance(value, tuple) else (value,) * n
            if len(args[name]) != n:
                raise StudyError(f"the prior {self} has {len(args[name])} numbers in brackets for {n} coefficients.")
        return [Distribution(self.name, tuple((name, args[name][i]) for name in args)) for i in range(n)]

    def scaled(self, by: float) -> "Distribution":
        """The distribution of the same variable stretched.

        Parameters
        ----------
        by
            By how much, positive: a variable with a location (``mu``, of Cauchy ``alpha``) is stretched around it, one
            that is positive from zero, and one that is uniform from its lower limit, which for a scale is often zero.

        Returns
        -------
        Distribution
            Beta and LKJ are as they were: their variables cannot leave their limits.
        """
        n = max(len(_listed(value)) for _, value in self.args)
        scaled = [dict(one._scaled(by)) for one in self.each(n)]
        args = {name: tuple(one[name] for one in scaled) for name, _ in self.args}
        return Distribution(self.name, tuple((name, one_or_all(numbers)) for name, numbers in args.items()))

    def _scaled(self, by: float) -> Iterator[tuple[str, float]]:
        """The parameters of ``scaled``, each one number."""
        args = dict(self.args)
        for name, value in args.items():
            if name == WIDTHS.get(self.name):
                yield name, value * by
            elif name == RATES.get(self.name):
                yield name, value / by
            elif (self.name, name) == ("LogNormal", "mu"):
                yield name, value + math.log(by)
            elif (self.name, name) == ("Uniform", "upper"):
                yield name, args["lower"] + by * (value - args["lower"])
            else:
                yield name, value

    def to_bambi(self, n: int = 1, **settings):
        """The same as a ``bambi.Prior`` of n coefficients; ``settings`` are further arguments of PyMC's."""
        import bambi
        import numpy as np

        self.each(n)
        args = {name: np.array(value) if isinstance(value, tuple) else value for name, value in self.args}
        return bambi.Prior(self.name, auto_scale=False, **args, **settings)


def one_or_all(numbers: tuple[float, ...]) -> float | tuple[float, ...]:
    """The number if all are the same, else all of them."""
    return numbers[0] if len(set(numbers)) == 1 else numbers


def _listed(value: float | tuple[float, ...]) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,)


def parse(text: str) -> Distribution:
    """Read one prior.

    Parameters
    ----------
    text
        A distribution with positional or named numbers: ``Normal(0, 1.5)``, ``Exponential(lam=1)``; a list of them has
        one for each coefficient of a term: ``Normal(0, [1.5, 2])``.

    Raises
    ------
    StudyError
        If it is no such call, the distribution is not known, or a number is missing, too much or not possible.
    """
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        # No Python; a character that none has; and what is nested too deeply.
        call = None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise StudyError(f"'{text}' is no prior; write a distribution with numbers, as in Normal(0, 1.5).")
    name = call.func.id
    if name not in DISTRIBUTIONS:
        raise StudyError(
            f"'{text}': there is no distribution '{name}'.{suggest(name, DISTRIBUTIONS)} "
            f"Valid: {', '.join(DISTRIBUTIONS)}."
        )
    names = [argument.lstrip("+") for argument in DISTRIBUTIONS[name]]
    signature = f"{name}({', '.join(names)})"
    if len(call.args) > len(names):
        raise StudyError(f"'{text}' has too many numbers; write {signature}.")
    values = dict(zip(names, call.args, strict=False))
    for keyword in call.keywords:
        if keyword.arg not in names or keyword.arg in values:
            raise StudyError(f"'{text}': '{keyword.arg}' is unknown or given twice; write {signature}.")
        values[keyword.arg] = keyword.value
    if missing := [argument for argument in names if argument not in values]:
        raise StudyError(f"'{text}' lacks {', '.join(missing)}; write {signature}.")
    numbers = {argument: _numbers(values[argument], text) for argument in names}
    for argument in DISTRIBUTIONS[name]:
        if argument.startswith("+") and min(_listed(numbers[argument[1:]])) <= 0:
            raise StudyError(f"'{text}': {argument[1:]} must be positive.")
    if name == "Uniform" and max(_listed(numbers["lower"])) >= min(_listed(numbers["upper"])):
        raise StudyError(f"'{text}': lower must be smaller than upper.")
    return Distribution(name, tuple(numbers.items()))


def _numbers(node: ast.expr, text: str) -> float | tuple[float, ...]:
    """A number, or those of a list."""
    if isinstance(node, ast.List) and len(node.elts) > 1:
        return tuple(_number(element, text) for element in node.elts)
    return _number(node, text)


def _number(node: ast.expr, text: str) -> float:
    sign = 1.0
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1.0, node.operand
    finite = (
        isinstance(node, ast.Constant) and type(node.value) in (int, float) and abs(node.value) <= sys.float_info.max
    )
    if not finite:
        raise StudyError(f"'{text}': only numbers may stand inside the parentheses.")
    return sign * float(node.value)


def parse_priors(priors: dict[str, str]) -> dict[str, Distribution]:
    """Read the priors of one model.

    Parameters
    ----------
    priors
        By class of parameters, as brms names them: ``Intercept``; ``b`` for every common coefficient or ``b[x]`` for
        one; ``sd`` or ``sd[x]``; ``cor``; and the parameters of the family (``sigma``).

    Raises
    ------
    StudyError
        If some cannot be read, or cannot be priors of their classes: all of them at once.
    """
    parsed, mistakes = {}, []
    for key, text in priors.items():
        try:
            parsed[key] = _of_class(re.sub(r"\[.*\]$", "", key), text)
        except StudyError as error:
            mistakes.append(f"{key}: {error}")
    if mistakes:
        raise StudyError("\n    ".join(mistakes))
    return parsed


def _of_class(klass: str, text: str) -> Distribution:
    """Read the prior of a class of parameters; StudyError if it cannot be one."""
    prior = parse(text)
    if klass == "cor" and any(isinstance(value, tuple) for _, value in prior.args):
        raise StudyError(f"all correlations have one prior, as in LKJ(1), not {text}.")
    if (klass == "cor") != (prior.name == "LKJ"):
        raise StudyError(f"LKJ(eta) is the prior of a correlation (cor), and of nothing else; it has {text}.")
    nonnegative = prior.name in POSITIVE or (
        prior.name in ("Uniform", "Beta") and min(_listed(dict(prior.args).get("lower", 0))) >= 0
    )
    if klass in SCALES and not nonnegative:
        raise StudyError(f"a scale cannot be negative, and {text} allows it. Valid: {', '.join(POSITIVE)}.")
    return prior
