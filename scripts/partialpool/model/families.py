"""What is known of families by their names alone."""

CUMULATIVE = "cumulative"
# Families whose outcome is one of several levels; of the ordinal ones these have an order.
ORDINAL = (CUMULATIVE, "sratio")
OF_LEVELS = (*ORDINAL, "categorical")
# Families of successes in trials, whose mean is the probability times the trials.
OF_TRIALS = ("binomial", "beta_binomial")
# Families whose measurements, or shares of successes, have the inverse link of the linear predictor as their mean.
WITH_MEAN = frozenset(
    {"bernoulli", "beta", "binomial", "gamma", "gaussian", "laplace", "negativebinomial", "poisson", "t", "wald"}
)
