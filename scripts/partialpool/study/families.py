"""Families of outcomes: what a model of each can say, as Bambi has them (a test holds the two together)."""

from typing import NamedTuple


class Family(NamedTuple):
    """What is known of a family before anything of Bambi's is loaded.

    Attributes
    ----------
    links
        Links of its mean.
    parameters
        Its own parameters, which may have priors.
    mean
        Name of the parameter that the terms of the formula make.
    """

    links: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    mean: str = "mu"


_OF_NUMBERS = ("identity", "log", "inverse")
_OF_COUNTS = ("identity", "log")
_OF_COUNTS_WITH_SHAPE = ("identity", "log", "cloglog")
_OF_SHARES = ("logit", "probit", "cloglog")
_OF_TWO_LEVELS = ("identity", "logit", "probit", "cloglog")

FAMILIES = {
    "gaussian": Family(_OF_NUMBERS, ("sigma",)),
    "t": Family(_OF_NUMBERS, ("sigma", "nu")),
    "bernoulli": Family(_OF_TWO_LEVELS, mean="p"),
    "binomial": Family(_OF_TWO_LEVELS, mean="p"),
    "poisson": Family(_OF_COUNTS),
    "negativebinomial": Family(_OF_COUNTS_WITH_SHAPE, ("alpha",)),
    "gamma": Family(_OF_NUMBERS, ("alpha",)),
    "beta": Family(_OF_SHARES, ("kappa",)),
    "cumulative": Family(_OF_SHARES, ("threshold",), mean="p"),
    "sratio": Family(_OF_SHARES, ("threshold",), mean="p"),
    "lognormal": Family(_OF_NUMBERS, ("sigma",)),
    "weibull": Family(_OF_NUMBERS, ("alpha",)),
    "exponential": Family(_OF_NUMBERS),
    "laplace": Family(_OF_NUMBERS, ("b",)),
    "asymmetriclaplace": Family(_OF_NUMBERS, ("b", "kappa")),
    "exgaussian": Family(_OF_NUMBERS, ("sigma", "nu")),
    "vonmises": Family(("identity",), ("kappa",)),
    "wald": Family(("inverse", "inverse_squared", "identity", "log"), ("lam",)),
    "beta_binomial": Family(_OF_SHARES, ("kappa",)),
    "categorical": Family(("softmax",), mean="p"),
    "hurdle_gamma": Family(_OF_NUMBERS, ("alpha", "psi")),
    "hurdle_lognormal": Family(_OF_NUMBERS, ("sigma", "psi")),
    "hurdle_negativebinomial": Family(_OF_COUNTS_WITH_SHAPE, ("alpha", "psi")),
    "hurdle_poisson": Family(_OF_COUNTS, ("psi",)),
    "zero_inflated_binomial": Family(_OF_TWO_LEVELS, ("psi",), mean="p"),
    "zero_inflated_negativebinomial": Family(_OF_COUNTS_WITH_SHAPE, ("alpha", "psi")),
    "zero_inflated_poisson": Family(_OF_COUNTS, ("psi",)),
}
# Bambi's others, whose outcome is several columns: no table or figure here has such an outcome.
NOT_HERE = ("multinomial", "dirichlet_multinomial")
# What brms and lme4 call some of them.
IN_R = {
    "student": "t",
    "normal": "gaussian",
    "negbinomial": "negativebinomial",
    "negative.binomial": "negativebinomial",
    "nbinom2": "negativebinomial",
    "ordinal": "cumulative",
    "inverse.gaussian": "wald",
    "von_mises": "vonmises",
    "asym_laplace": "asymmetriclaplace",
    "zero_inflated_negbinomial": "zero_inflated_negativebinomial",
    "hurdle_negbinomial": "hurdle_negativebinomial",
}
# What brms calls classes of priors.
PRIORS_IN_R = {"shape": "alpha", "phi": "kappa", "zi": "psi", "hu": "psi"}
