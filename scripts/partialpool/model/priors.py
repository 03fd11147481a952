"""Priors as they stand in the config, `Normal(0, 1.5)`, and as Bambi wants them; parsed with `ast`, never evaluated."""

import ast
import math
import re
import sys
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
    """A distribution with numbers for its parameters, as in ``Normal(mu=0, sigma=1.5)``."""

    name: str
    args: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(repr(value).removesuffix('.0') for _, value in self.args)})"

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
        args = dict(self.args)
        if self.name in WIDTHS:
            args[WIDTHS[self.name]] *= by
        elif self.name in RATES:
            args[RATES[self.name]] /= by
        elif self.name == "LogNormal":
            args["mu"] += math.log(by)
        elif self.name == "Uniform":
            args["upper"] = args["lower"] + by * (args["upper"] - args["lower"])
        return Distribution(self.name, tuple(args.items()))

    def to_bambi(self):
        """The same as a ``bambi.Prior``."""
        import bambi

        return bambi.Prior(self.name, auto_scale=False, **dict(self.args))


def parse(text: str) -> Distribution:
    """Read one prior.

    Parameters
    ----------
    text
        A distribution with positional or named numbers: ``Normal(0, 1.5)``, ``Exponential(lam=1)``.

    Raises
    ------
    StudyError
        If it is no such call, the distribution is not known, or a number is missing, too much or not possible.
    """
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
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
    numbers = {argument: _number(values[argument], text) for argument in names}
    for argument in DISTRIBUTIONS[name]:
        if argument.startswith("+") and not numbers[argument[1:]] > 0:
            raise StudyError(f"'{text}': {argument[1:]} must be positive.")
    if name == "Uniform" and not numbers["lower"] < numbers["upper"]:
        raise StudyError(f"'{text}': lower must be smaller than upper.")
    return Distribution(name, tuple(numbers.items()))


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
    if (klass == "cor") != (prior.name == "LKJ"):
        raise StudyError(f"LKJ(eta) is the prior of a correlation (cor), and of nothing else; it has {text}.")
    nonnegative = prior.name in POSITIVE or (
        prior.name in ("Uniform", "Beta") and dict(prior.args).get("lower", 0) >= 0
    )
    if klass in SCALES and not nonnegative:
        raise StudyError(f"a scale cannot be negative, and {text} allows it. Valid: {', '.join(POSITIVE)}.")
    return prior
