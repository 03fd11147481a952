"""How the equations print a family: its distribution with the arguments that priors of that name take, and its link.

Bambi has a mean and, for instance, a shape for each family; a Gamma distribution with these two is printed as one with
shape and rate, since the priors of the same model are printed so.
"""

from partialpool.model.families import ORDINAL
from partialpool.report.latex import text

# Names that are not made of the family's own by capital letters.
NAMES = {
    "gaussian": "Normal",
    "t": "StudentT",
    "wald": "InverseGaussian",
    "negativebinomial": "NegativeBinomial",
    "lognormal": "LogNormal",
    "exgaussian": "ExGaussian",
    "asymmetriclaplace": "AsymmetricLaplace",
    "vonmises": "VonMises",
}
# The letter of a parameter. alpha has another one, because that is the level of a unit.
SYMBOLS = {
    "sigma": r"\sigma",
    "nu": r"\nu",
    "kappa": r"\kappa",
    "lam": r"\lambda",
    "psi": r"\psi",
    "b": "b",
    "alpha": r"\phi",
    "threshold": r"\theta_{c}",
}
# Arguments of a distribution where they are not the trials, the mean and the other parameters in this order.
ARGUMENTS = {
    "t": r"\nu, {mean}, \sigma",
    "asymmetriclaplace": r"\kappa, {mean}, b",
    "beta": r"{mean} \, \kappa, (1 - {mean}) \, \kappa",
    "beta_binomial": r"{trials}, {mean} \, \kappa, (1 - {mean}) \, \kappa",
    "exponential": r"1 / {mean}",
    "gamma": r"\phi, \phi / {mean}",
    "weibull": r"\phi, {mean} / \Gamma(1 + 1 / \phi)",
    "hurdle_gamma": r"\psi, \phi, \phi / {mean}",
    "hurdle_lognormal": r"\psi, {mean}, \sigma",
    "hurdle_poisson": r"\psi, {mean}",
    "hurdle_negativebinomial": r"\psi, {mean}, \phi",
    "zero_inflated_binomial": r"\psi, {trials}, {mean}",
    "zero_inflated_poisson": r"\psi, {mean}",
    "zero_inflated_negativebinomial": r"\psi, {mean}, \phi",
}
LINKS = {
    "identity": "{mean}",
    "inverse": "1 / {mean}",
    "inverse_squared": "1 / {mean}^2",
    "tan_2": r"\text{{tan}}({mean} / 2)",
}
OF_PROBABILITIES = ("bernoulli", "binomial", "zero_inflated_binomial")


def mean(family: str) -> str:
    """What the terms of a model make: the mean of a measurement, by its link, or a probability, or neither."""
    if family in OF_PROBABILITIES:
        return "p_{ij}"
    if family == "categorical":
        return r"\eta_{ijc}"
    return r"\eta_{ij}" if family in ORDINAL else r"\mu_{ij}"


def distribution(family: str, parameters: list[str], trials: list[str]) -> str:
    """The distribution of a measurement.

    Parameters
    ----------
    family
        Bambi's name.
    parameters
        Its parameters besides the mean.
    trials
        LaTeX of the number of trials, if it has one.
    """
    name = NAMES.get(family) or "".join(NAMES.get(part, part.capitalize()) for part in family.split("_"))
    if family in ARGUMENTS:
        arguments = ARGUMENTS[family].format(mean=mean(family), trials=", ".join(trials))
    else:
        arguments = ", ".join([*trials, mean(family), *map(symbol, parameters)])
    return f"{text(name)}({arguments})"


def linked(link: str, of: str) -> str:
    """A link function of something."""
    return LINKS[link].format(mean=of) if link in LINKS else f"{text(link)}({of})"


def symbol(parameter: str) -> str:
    """The letter of a parameter of a family; its name where it has none."""
    return SYMBOLS.get(parameter) or text(parameter)


# How much measurements vary, by family and parameter.
SHAPES = {
    ("negativebinomial", "alpha"): "variance = mean + mean² / alpha",
    ("gamma", "alpha"): "sd = mean / √alpha",
    ("beta", "kappa"): "variance = mean (1 \N{MINUS SIGN} mean) / (1 + kappa)",
    ("beta_binomial", "kappa"): "variance of probabilities = mean (1 \N{MINUS SIGN} mean) / (1 + kappa)",
    ("t", "nu"): "degrees of freedom: the fewer, the longer the tails",
}


def meaning_of_psi(family: str) -> str:
    """What the parameter psi of hurdle and zero-inflated families is the probability of."""
    return f"probability of {'a value over 0' if family.startswith('hurdle') else 'no excess zero'}"


def meaning(family: str, parameter: str) -> str:
    """What is said of a parameter whose letter does not say it: its name in the tables, or what it is a share of."""
    if parameter == "psi":
        words = f"(the {meaning_of_psi(family)})"
    elif parameter in ("alpha", "threshold"):
        words = f"({parameter} in the tables)"
    else:
        return ""
    return rf" \quad {text(words)}"
