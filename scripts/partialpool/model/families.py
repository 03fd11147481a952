"""What is known of families by their names alone."""

CUMULATIVE = "cumulative"
# Families whose outcome is one of several levels; of the ordinal ones these have an order.
ORDINAL = (CUMULATIVE, "sratio")
OF_LEVELS = (*ORDINAL, "categorical")
# Families of successes in trials, whose mean is the probability times the trials.
OF_TRIALS = ("binomial", "beta_binomial")
# Families of counts.
COUNTS = (
    *OF_TRIALS,
    *("poisson", "negativebinomial", "hurdle_poisson", "hurdle_negativebinomial"),
    *("zero_inflated_binomial", "zero_inflated_negativebinomial", "zero_inflated_poisson"),
)
# Families whose mean is the inverse link of the linear predictor, and the links that they have by default, as in Bambi.
# Of successes in trials it is the share of successes.
LINKS = {
    "bernoulli": "logit",
    "beta": "logit",
    "beta_binomial": "logit",
    "binomial": "logit",
    "exponential": "log",
    "gamma": "inverse",
    "gaussian": "identity",
    "laplace": "identity",
    "negativebinomial": "log",
    "poisson": "log",
    "t": "identity",
    "wald": "inverse_squared",
    "weibull": "log",
}
# Families whose mean is psi times that: psi is the share that is not an excess zero.
ZERO_INFLATED = {
    "zero_inflated_binomial": "logit",
    "zero_inflated_negativebinomial": "log",
    "zero_inflated_poisson": "log",
}
# Families of which small models are drawn by quadrature and those without effects independently, and what Bambi calls
# the parameter that the formula makes.
# Given all else, the density of a unit's effects is log-concave in each of them: it has one mode, and tails no longer
# than those of its prior.
PARENTS = {"bernoulli": "p", "binomial": "p", "gamma": "mu", "negativebinomial": "mu", "poisson": "mu"}
